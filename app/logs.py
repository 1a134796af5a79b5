"""Logs as JSON lines with the request's id: one line a request, and whatever else is said meanwhile.

The id goes with what a request sends to the queue (`celery_app.py`), so that one search finds page, job and failure.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any

from flask import Flask, Response, g, has_request_context, request

from app import kept_back

# Both draw tracebacks on terminals; ours are JSON, and `rich` takes as long to load as Flask.
with kept_back.without("rich", "colorama"):
    import structlog

# Who was kept out or stopped: those lines are warnings, to be counted apart.
KEPT_OUT = (401, 403, 413, 429)
QUIET = ("/static/", "/health", "/metrics")
# The token of a link stands in its path, and whoever has it goes on with somebody's invitation: only its start is told.
_TOKEN = re.compile(r"([A-Za-z0-9_-]{6})[A-Za-z0-9_-]{26,}")


def _where(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    if has_request_context():
        event["request_id"] = g.get("request_id", "")
        actor = g.get("actor")
        if actor is not None and actor.user_id is not None:
            event["account"] = actor.user_id
    return event


def request_id() -> str:
    """The id of the request that is answered, or of the one that asked for the running task; else empty."""
    if has_request_context():
        return str(g.get("request_id", ""))
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def begin_task(name: str, asked_by: str) -> None:
    """From now on this thread's lines name the task and the request that asked for it."""
    structlog.contextvars.bind_contextvars(task=name, **({"request_id": asked_by} if asked_by else {}))


def end_task() -> None:
    structlog.contextvars.clear_contextvars()


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    _where,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter() -> logging.Formatter:
    """One JSON object a line, tracebacks included, for structlog's loggers and everybody else's."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Never with the values of local variables: they hold passwords, numbers of people and keys.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def to_stderr(*names: str) -> None:
    """Send these loggers' lines ("" is the root) to stderr as JSON, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def install(app: Flask) -> None:
    """Send the standard library's loggers through structlog to stderr. Tests keep pytest's own handlers."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if not app.config.get("TESTING"):
        to_stderr("app")
    requests = structlog.stdlib.get_logger("app.requests")

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def _tell(response: Response) -> Response:
        if not request.path.startswith(QUIET) and "began" in g:
            took = round((time.perf_counter() - g.began) * 1000)
            # The path alone: query strings hold names and codes of people and lifts.
            tell = requests.warning if response.status_code in KEPT_OUT else requests.info
            tell(
                "request", method=request.method, path=_TOKEN.sub(r"\1…", request.path), status=response.status_code,
                ms=took, address=request.remote_addr,
            )  # fmt: skip
        return response
