"""Logs as JSON lines with the request's id: one line a request, and whatever else is said meanwhile."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, has_request_context, request

QUIET = ("/static/", "/health")


def _where(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    if has_request_context():
        event["request_id"] = g.get("request_id", "")
        actor = g.get("actor")
        if actor is not None and actor.user_id is not None:
            event["account"] = actor.user_id
    return event


def install(app: Flask) -> None:
    """Send the standard library's loggers through structlog to stderr. Tests keep pytest's own handlers."""
    shared: list[Any] = [
        _where,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if not app.config.get("TESTING"):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter)
        logger = logging.getLogger("app")
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    requests = structlog.stdlib.get_logger("app.requests")

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def _tell(response: Response) -> Response:
        if not request.path.startswith(QUIET) and "began" in g:
            took = round((time.perf_counter() - g.began) * 1000)
            # The path alone: query strings hold names and codes of people and lifts.
            requests.info("request", method=request.method, path=request.path, status=response.status_code, ms=took)
        return response
