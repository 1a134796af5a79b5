"""`flask …`, gunicorn and celery find the product here; `python run.py` starts all of it in one go."""

import sys

if __name__ == "__main__":
    # The supervisor never loads the application: it must survive whatever breaks there.
    from app.supervisor import main

    sys.exit(main())

from app import create_app

app = create_app()
celery = app.extensions["celery"]
