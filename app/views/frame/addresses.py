"""Addresses that leave the page (in messages, QR pictures, to a provider of identities), and where sign-in leads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, request, url_for


def full(endpoint: str, **values: Any) -> str:
    """The page's address under PUBLIC_URL. Only without that setting the host is what the caller's request says.

    A request may name any host: the platform's own SMS would carry the link of whoever sent it to another site.
    """
    origin = str(current_app.config["PUBLIC_URL"]).rstrip("/")
    return f"{origin}{url_for(endpoint, **values)}" if origin else url_for(endpoint, _external=True, **values)


def safe_next() -> str:
    """Where to go after sign-in: a path of this site, else the home page. Never another host, by whatever spelling."""
    target = request.args.get("next", "").replace("\\", "/")
    try:
        parts = urlsplit("" if target.startswith("//") else target)
    except ValueError:
        return "/"
    here = not parts.netloc or f"{parts.scheme}://{parts.netloc}" == request.host_url.rstrip("/")
    path = parts.path
    plain = path.startswith("/") and not path.startswith("//") and target.isprintable()
    if not here or not plain or path.startswith(("/login", "/logout")) or (parts.scheme and not parts.netloc):
        return "/"
    return path + (f"?{parts.query}" if parts.query else "")
