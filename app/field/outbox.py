"""What the phone keeps without network (MNT-05): its page, its service worker, and who is signed in.

The page holds nothing of any account: what it shows lies on the phone, and goes by `/api/v1/visits/offline`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, current_app, g, jsonify, render_template, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf

from app.field.pages import field
from app.models.choices import VISIT_FAULT, VISIT_RATING
from app.rules.levels import LEVEL_LABELS
from app.workflows.visits.visits import RESULTS

# What the page needs to stand without network; the theme's files are those of every phone page.
FILES = (
    "css/all.css", "css/field.css", "icon.svg", "js/app.js", "js/upload.js", "js/kept.js", "js/field.js",
    "js/offline.js", "js/outbox.js",
)  # fmt: skip
# Of the icon on the phone's first screen; full to its edges, as systems cut their own shape out of it.
ICONS = {"app-512.png": "512x512", "app-180.png": "180x180"}
# A worker may run what is ours and ask us; it shows nothing.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"


@field.get("/outbox")
def outbox() -> Any:
    """Open to everybody: the frame that the worker keeps and shows for every phone page without network."""
    return render_template(
        "ta/field/outbox.html", title=_("待发送"), back=url_for("field.home"), results=RESULTS,
        ratings=VISIT_RATING, faults=VISIT_FAULT, levels=LEVEL_LABELS,
    )  # fmt: skip


@field.get("/outbox.json")
def who() -> Any:
    """Whose entries may be sent from here now, and the token that sending needs."""
    if g.actor.user_id is None:
        return jsonify(account=None), 401
    return jsonify(account=g.actor.user_id, csrf=generate_csrf())


@field.get("/worker.js")
def worker() -> Response:
    """The service worker, for the phone pages alone: it lies below /m/ and no header widens that."""
    folder = Path(str(current_app.static_folder)) / "js"
    files = [url_for("static", filename=name) for name in FILES]
    head = f"var VERSION = {current_app.json.dumps(current_app.config['STATIC_VERSION'])};\n"
    head += f"var FILES = {current_app.json.dumps(files)};\n"
    body = head + (folder / "kept.js").read_text(encoding="utf-8")
    body += (folder / "field-worker.js").read_text(encoding="utf-8")
    answer = Response(body, mimetype="text/javascript")
    answer.headers["Content-Security-Policy"] = POLICY
    # Asked about each time: another version of the product takes over at the next page.
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@field.get("/app.webmanifest")
def on_first_screen() -> Response:
    """What a phone needs to put 梯安 on its first screen as an app of its own, which begins with the phone pages."""
    icons = [
        {"src": url_for("static", filename=name), "sizes": size, "type": "image/png", "purpose": purpose}
        for name, size in ICONS.items() for purpose in ("any", "maskable")
    ]  # fmt: skip
    said = {
        "id": "/m/", "name": _("梯安 电梯安全监管"), "short_name": _("梯安"), "lang": str(get_locale() or "zh"),
        "start_url": "/m/", "scope": "/", "display": "standalone",
        "theme_color": "#1a62a8", "background_color": "#f1f4f5", "icons": icons,
    }  # fmt: skip
    return Response(current_app.json.dumps(said), mimetype="application/manifest+json")
