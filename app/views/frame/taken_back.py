"""What a request had changed outside the database is taken back before its deed is done again (`app/done_again.py`)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from flask import g
from flask.globals import request_ctx

_PLAIN = (str, int, float, bool, type(None))


def as_it_came() -> Callable[[], None]:
    """Keep how the request stands before its view is called; called, it puts it back so.

    The account's session with its messages, what is kept for the request, who wants to see the answer; files that were
    sent are read from their beginning.
    """
    context: Any = request_ctx
    # Past what notes that the answer depends on the account: nobody has looked yet.
    session = context._session
    kept, modified, looked_at = _copied(session), session.modified, session.accessed
    known, shown, waiting = dict(vars(g._get_current_object())), context.flashes, len(context._after_request_functions)

    def put_back() -> None:
        session.clear()
        session.update(_copied(kept))
        session.modified, session.accessed = modified, looked_at
        about = vars(g._get_current_object())
        about.clear()
        about.update(known)
        context.flashes = shown
        del context._after_request_functions[waiting:]
        for file in _files():
            file.stream.seek(0)

    return put_back


def can_be_read_again() -> bool:
    """Not once a body went through somebody's hands as it came in, or a file that was sent is closed."""
    held = vars(request_ctx.request)
    kept = "form" in held or held.get("_cached_data") is not None
    return (kept or "stream" not in held) and not any(file.stream.closed for file in _files())


def _files() -> list[Any]:
    """Those that were sent; none where nobody has looked for any."""
    sent = vars(request_ctx.request).get("files")
    return [] if sent is None else [file for _name, file in sent.items(multi=True)]


def _copied(held: Any) -> dict[str, Any]:
    return {name: value if isinstance(value, _PLAIN) else deepcopy(value) for name, value in held.items()}
