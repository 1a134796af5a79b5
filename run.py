"""`flask …`, gunicorn and celery find the product here; `python run.py` starts all of it in one go."""

import gc
import sys

if __name__ == "__main__":
    # The supervisor never loads the application: it must survive whatever breaks there.
    from app.supervisor import main

    sys.exit(main())

# What is made while starting stays; searching it for garbage again and again takes a quarter of the start.
gc.disable()

from app import create_app, kept_back  # noqa: E402 (after the switch above, or it would not count)

kept_back.install()

app = create_app()
celery = app.extensions["celery"]
gc.freeze()
gc.enable()
