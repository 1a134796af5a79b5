"""gunicorn's settings, however the product is run: `make run`, the compose file, or by hand.

gunicorn run:app --config deploy/gunicorn.conf.py
"""

import os
import shutil
import tempfile
from typing import Any

# prometheus_client reads this when it is first imported: the processes' counts are added up from files there. Of this
# machine and this start alone, whatever data folder several machines share.
_OURS = os.path.join(tempfile.gettempdir(), "tian-metrics-")
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="tian-metrics-")

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8080')}"
workers = int(os.environ.get("WEB_WORKERS", "2"))
# Threads, because a browser opens connections before it needs them and each would hold a synchronous worker until
# its timeout. No view keeps anything of a request (FAB's filters are not made: app/views/frame/base.py).
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 120
graceful_timeout = 30
control_socket_disable = True
# A worker's sign of life is a file; on a disk that hangs it would be killed for the disk's fault.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# The product writes a line a request itself, with its id (app/logs.py).
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "app.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}


def on_exit(server: Any) -> None:
    """Nothing reads the counts of processes that are gone; a folder that somebody else gave stays."""
    folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    if folder.startswith(_OURS):
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    """A dead process has no connections open any more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
