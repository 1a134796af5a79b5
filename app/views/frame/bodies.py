"""How much of a form or of JSON is taken apart: whoever has no account sends bodies as well, to any address.

The sizes of all bodies are `config.py`'s; Werkzeug holds forms in parts (multipart) to them, and these not.
"""

from __future__ import annotations

import io
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

# The longest real form names every sub-account of the largest unit once (`sub_accounts.MOST_AT_ONCE`).
MOST_FIELDS = 50_000
# Values of the largest real call, thousands of rows of a few values each, ten times over.
MOST_VALUES = 300_000


class Forms(FormDataParser):
    """Forms as browsers send them by themselves, no longer than those in parts: 20 MB of "%" kept a process long."""

    def _parse_urlencoded(self, stream: Any, mimetype: str, content_length: int | None, options: Any) -> Any:
        longest = self.max_form_memory_size
        if longest is None:
            return super()._parse_urlencoded(stream, mimetype, content_length, options)
        if content_length is not None and content_length > longest:
            raise RequestEntityTooLarge()
        # One sent in pieces says no length beforehand.
        given = stream.read(longest + 1)
        if len(given) > longest or given.count(b"&") >= MOST_FIELDS:
            raise RequestEntityTooLarge()
        return super()._parse_urlencoded(io.BytesIO(given), mimetype, len(given), options)


class Asked(Request):
    """A request whose form and JSON are taken apart within bounds; beyond them it is a 413."""

    form_data_parser_class = Forms

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """As Flask's; JSON of too many values, which would be hundreds of megabytes once read, is refused unread."""
        if force or self.is_json:
            sent = self.get_data(cache=cache)
            if len(sent) > MOST_VALUES and sum(map(sent.count, (b",", b"[", b"{"))) > MOST_VALUES:
                raise RequestEntityTooLarge()
        return super().get_json(force=force, silent=silent, cache=cache)
