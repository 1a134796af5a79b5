"""Pages compressed where nothing in front of the product does it: `make run`, or gunicorn by itself.

Behind a proxy the proxy compresses (deploy/nginx.conf). What compresses a secret beside a visitor's own words tells by
the answer's size how much they have in common (BREACH), so three things stand in the way of whoever would ask again
and again: cookies are SameSite=Lax, so that another site's page can only ask as a stranger; a form's token is signed
anew each second; and the name that gzip's head may hold is as long as chance wants, which blurs the size. An answer to
a form, which may show a password once, is never compressed.
"""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

LEAST = 1024
# Of 57 kB of a list 6 are left, for about a millisecond; the best level takes twice that and saves 3 % more.
LEVEL = 5
BLUR = 64
KINDS = ("text/html", "application/json")


def install(app: Flask) -> None:
    """Compress what a browser asks for, unless a proxy will."""
    if app.config["PROXIES"]:
        return

    @app.after_request
    def _light(response: Response) -> Response:
        # What answers a deed is never compressed, so nothing of it hangs on what the browser takes.
        if request.method in ("GET", "HEAD") and response.mimetype in KINDS and not response.is_streamed:
            response.vary.add("Accept-Encoding")
            if _wanted(response):
                response.set_data(squeezed(response.get_data()))
                response.headers["Content-Encoding"] = "gzip"
        return response


def squeezed(page: bytes) -> bytes:
    """A page in gzip, longer by a number of bytes that nobody can foresee."""
    out = io.BytesIO()
    name = secrets.token_urlsafe(BLUR)[: secrets.randbelow(BLUR)]
    with gzip.GzipFile(name, "wb", LEVEL, out, mtime=0) as file:
        file.write(page)
    return out.getvalue()


def _wanted(response: Response) -> bool:
    whole = request.method == "GET" and response.status_code == 200 and "Content-Encoding" not in response.headers
    return whole and (response.content_length or 0) >= LEAST and bool(request.accept_encodings["gzip"])
