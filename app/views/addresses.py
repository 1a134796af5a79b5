"""Full addresses that leave the page: in messages, QR pictures and to a provider of identities."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for


def full(endpoint: str, **values: Any) -> str:
    """The page's address under PUBLIC_URL. Only without that setting the host is what the caller's request says.

    A request may name any host: the platform's own SMS would carry the link of whoever sent it to another site.
    """
    origin = str(current_app.config["PUBLIC_URL"]).rstrip("/")
    return f"{origin}{url_for(endpoint, **values)}" if origin else url_for(endpoint, _external=True, **values)
