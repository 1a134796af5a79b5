"""What pages fetch beside themselves: compressed, and kept by the browser until the product itself changes.

An address carries the digest of all files under `static/`: one that was fetched is never asked for again, so a page on
a slow line waits for nothing but itself. An address without it (a bookmark, an older page) is asked about each time.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, redirect, request, url_for

# In this order they are one file to every page: three requests fewer before anything is painted on a slow line.
TOGETHER = ("tokens", "components", "app", "files")
# Behind the code on the car all that is needed is a few parts: a tenth of the above.
LIGHT = ("tokens", "public")
# Of packages that are installed beside the product, as its own static files: pages fetch nothing from elsewhere.
PACKAGED = {
    "js/leaflet.js": ("xstatic.pkg.leaflet", "leaflet.js", "text/javascript"),
    "css/leaflet.css": ("xstatic.pkg.leaflet", "leaflet.css", "text/css"),
}
# Not for good: the address it leads to changes with the product.
A_DAY = 86_400
FOREVER = "public, max-age=31536000, immutable"
# A seventh of the file as it travels, and nobody's browser reads it.
_REMARK = re.compile(r"/\*.*?\*/\n?", re.DOTALL)
# A line of a script that is nothing else. It stays as an empty one: errors name lines.
_LINE = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
# No text of the sheets has one of these signs in it.
_AROUND = re.compile(r"\s*([{};])\s*")
LEAST = 1024
MOST_KEPT = 200
_TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")


def install(app: Flask) -> None:
    """Version every address of a static file; answer with compressed ones."""
    squeezed: dict[tuple[str, str | None], bytes] = {}
    # By what is sent: how files are put together is a part of it.
    app.config["STATIC_VERSION"] = digest_of(Path(str(app.static_folder)), _put_together(app))

    @app.get("/favicon.ico")
    def favicon() -> Any:
        """What a browser asks for beside a page that names no icon: printed sheets, PDFs, pictures."""
        response = redirect(url_for("static", filename="icon.svg"))
        response.headers["Cache-Control"] = f"public, max-age={A_DAY}"
        return response

    @app.url_defaults
    def _versioned(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("v", app.config["STATIC_VERSION"])

    @app.after_request
    def _light(response: Response) -> Response:
        if not (request.endpoint or "").endswith("static") or response.status_code not in (200, 304):
            return response
        if request.endpoint == "static" and request.args.get("v") == app.config["STATIC_VERSION"]:
            response.headers["Cache-Control"] = FOREVER
        if (response.mimetype or "").startswith(_TEXT):
            response.vary.add("Accept-Encoding")
            if _wanted(response):
                _squeeze(response, squeezed)
        return response


def _put_together(app: Flask) -> dict[str, bytes]:
    """What is sent otherwise than it lies in the folder, by name; the door of static files gives it from now on.

    `css/all.css` is beside the files that it is made of, scripts go without the lines that only remark, and what comes
    with a package is given by the same door.
    """
    folder, files = Path(str(app.static_folder)), app.view_functions["static"]
    made = packaged()
    for script in sorted((folder / "js").glob("*.js")):
        made[f"js/{script.name}"] = _LINE.sub("", script.read_text(encoding="utf-8")).encode()
    for whole, names in (("css/all.css", TOGETHER), ("css/light.css", LIGHT)):
        parts = "".join((folder / "css" / f"{name}.css").read_text(encoding="utf-8") for name in names)
        made[whole] = _AROUND.sub(r"\1", _REMARK.sub("", parts)).encode()
    etags = {name: hashlib.sha256(text).hexdigest()[:32] for name, text in made.items()}

    def given(filename: str) -> Any:
        text = made.get(filename)
        if text is None:
            return files(filename=filename)
        kind = "text/javascript" if filename.endswith(".js") else "text/css"
        response = Response(text, mimetype=kind, headers={"Cache-Control": "no-cache"})
        response.set_etag(etags[filename])
        return response.make_conditional(request, accept_ranges=True, complete_length=len(text))

    app.view_functions["static"] = given
    return made


def packaged() -> dict[str, bytes]:
    """The files of packages that pages use, by the name under which they are fetched."""
    return {
        name: Path(import_module(package).BASE_DIR, file).read_bytes()
        for name, (package, file, _kind) in PACKAGED.items()
    }


def digest_of(folder: Path, beside: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Another one as soon as any file under the folder is, or one that is given beside it."""
    found = hashlib.sha256()
    for name, text in sorted(beside.items()):
        found.update(f"{name}\0".encode() + text)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def _wanted(response: Response) -> bool:
    whole = request.method == "GET" and response.status_code == 200 and "Content-Encoding" not in response.headers
    return whole and (response.content_length or 0) >= LEAST and bool(request.accept_encodings["gzip"])


def _squeeze(response: Response, squeezed: dict[tuple[str, str | None], bytes]) -> None:
    etag, _ = response.get_etag()
    key = (request.path, etag)
    made = squeezed.get(key)
    response.direct_passthrough = False
    if made is None:
        # Threads share it: what one has made is its own even when another clears the rest.
        if len(squeezed) >= MOST_KEPT:
            squeezed.clear()
        made = squeezed[key] = gzip.compress(response.get_data(), 9, mtime=0)
    response.set_data(made)
    response.headers["Content-Encoding"] = "gzip"
    if etag:
        # Weak: not byte for byte what it names, yet a browser that has it needs no other.
        response.set_etag(etag, weak=True)
