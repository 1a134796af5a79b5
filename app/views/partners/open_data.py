"""公开数据 (PUB-01): without sign-in, for people and for programs; what a region published, and nothing else.

Only stored releases are read: nobody without an account makes the product count. Answers are the same for everybody
and may be kept by whoever stands between; how often one address asks is bounded.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listings.bulletins import period_words
from app.models import OpenRelease
from app.views.frame import addresses, guesses, languages
from app.workflows.public import open_data

pages = Blueprint("open_data", __name__)
AMOUNT = "120/minute"
HOUR, DAY = "public, max-age=3600", "public, max-age=86400"
FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COUNTS = ("region_code", "region", "item", "item_name", "count", "shown")
SCORES = ("uscc", "unit", "rank", "points", "small_sample")
BESIDE = ("dataset", "period", "as_of", "version", "licence")


def register(app: Flask) -> None:
    app.register_blueprint(pages)


@pages.before_request
def _bounded() -> Any:
    chosen = request.args.get("lang", "")
    if chosen in current_app.config["LANGUAGES"]:
        languages.choose(chosen)
        return redirect(request.path)
    if current_app.config["API_LIMITED"] and guesses.taken("open", AMOUNT):
        answer = Response("429 Too Many Requests\n", 429, mimetype="text/plain")
        answer.headers["Retry-After"] = "60"
        return answer
    return None


@pages.get("/open/")
def index() -> Any:
    """Who publishes."""
    regions = open_data.published_regions(db.session, clock.today())
    return _page("index", _("公开数据"), regions=regions)


@pages.get("/open/catalog.json")
def catalog() -> Any:
    """All files of all releases, for programs that look by themselves."""
    found = []
    for code, name in open_data.published_regions(db.session, clock.today()).items():
        for row in open_data.releases(db.session, code):
            found += [
                {
                    "@type": "Dataset", "identifier": f"{code}/{row.period}/{one}", "title": title, "spatial": code,
                    "spatial_name": name, "temporal": row.period, "modified": row.made_at.isoformat(),
                    "license": row.licence, "version": row.digest[:12],
                    "distribution": [
                        {
                            "format": fmt,
                            "accessURL": _at("open_data.table", region=code, period=row.period, name=one, fmt=fmt),
                        }
                        for fmt in FORMATS
                    ],
                    "describedBy": _at("open_data.schema", name=one),
                }
                for one, title in _titles().items()
            ]  # fmt: skip
    return _kept(jsonify({"@type": "Catalog", "title": _counting().CATALOG, "dataset": found}), HOUR)


@pages.get("/open/schema/<name>.json")
def schema(name: str) -> Any:
    """What stands in a table's rows, as JSON Schema."""
    if name not in _titles():
        return _missing()
    return _kept(jsonify(_counting().schema(name, _at("open_data.schema", name=name))), DAY)


@pages.get("/open/<region>/")
def region(region: str) -> Any:
    """What a region published, month by month."""
    found = _releases(region)
    if not found:
        return _missing()
    return _page("region", _("公开数据 %(region)s", region=found[0].region_name), releases=found, titles=_titles(),
        formats=FORMATS, local=clock.local, period_words=period_words)  # fmt: skip


@pages.get("/open/<region>/latest/<name>.<fmt>")
def latest(region: str, name: str, fmt: str) -> Any:
    """The newest file under a lasting address."""
    found = _releases(region)
    if not found or name not in _titles() or fmt not in FORMATS:
        return _missing()
    answer = redirect(url_for("open_data.table", region=region, period=found[0].period, name=name, fmt=fmt))
    return _kept(answer, HOUR)


@pages.get("/open/<region>/<period>/<name>.<fmt>")
def table(region: str, period: str, name: str, fmt: str) -> Any:
    """One table of one month; once published it never changes."""
    row = None
    if _is_code(region) and open_data.is_open(db.session, region, clock.today()):
        row = open_data.release(db.session, region, period[:7])
    if row is None or name not in _titles() or name not in row.data or fmt not in FORMATS:
        return _missing()
    told = _told(row, name)
    answer = Response(_csv(told) if fmt == "csv" else _json(told), mimetype=FORMATS[fmt])
    answer.set_etag(f"{row.digest[:24]}-{name}-{fmt}")
    answer.last_modified = row.made_at
    # A browser saves it under this name; a program reads it as it comes.
    answer.headers["Content-Disposition"] = f'inline; filename="{region}-{row.period}-{name}.{fmt}"'
    return _kept(answer.make_conditional(request), HOUR)


# --- parts


def _counting() -> Any:
    from app.reports import open_data as counting

    return counting


def _titles() -> dict[str, str]:
    found: dict[str, str] = _counting().titles()
    return found


def _is_code(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()


def _releases(code: str) -> list[OpenRelease]:
    if not _is_code(code) or not open_data.is_open(db.session, code, clock.today()):
        return []
    return open_data.releases(db.session, code)


def _told(row: OpenRelease, name: str) -> dict[str, Any]:
    """A table with all that says what it is."""
    made = row.data[name]
    return {
        "dataset": name, "title": _titles()[name], "region_code": row.region_code, "region": row.region_name,
        "period": row.period, "as_of": row.as_of.isoformat(timespec="seconds"), "published": row.made_at.isoformat(),
        "version": row.digest[:12], "policy": row.policy, "licence": row.licence, "least": row.least,
        "withheld": made["withheld"], "schema": _at("open_data.schema", name=name),
        **{key: made[key] for key in ("from_on", "to_on") if key in made}, "rows": made["rows"],
    }  # fmt: skip


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1)


def _csv(told: dict[str, Any]) -> str:
    """With a mark in front, so that spreadsheets read the Chinese; every row says what it is of."""
    heads = SCORES if told["dataset"] == "unit-scores" else COUNTS
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*heads, *BESIDE])
    beside = [told[name] for name in BESIDE]
    for row in told["rows"]:
        writer.writerow([*(_cell(row[name]) for name in heads), *beside])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> Any:
    """No spreadsheet takes a unit's name for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _at(endpoint: str, **values: Any) -> str:
    """Under PUBLIC_URL, else without a host: what is kept by others must not name the host that one caller made up."""
    return addresses.full(endpoint, **values) if current_app.config["PUBLIC_URL"] else url_for(endpoint, **values)


def _kept(answer: Any, how_long: str) -> Any:
    answer.headers["Cache-Control"] = how_long
    # Any page anywhere may read it: there is nothing of anybody's session in it.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _page(name: str, title: str, **shown: Any) -> Any:
    answer = Response(render_template(f"ta/public/open_{name}.html", title=title, **shown))
    # By language, which a cookie may choose.
    answer.headers["Cache-Control"] = "public, max-age=300"
    answer.headers["Vary"] = "Accept-Language, Cookie"
    return answer


def _missing() -> Any:
    answer = Response(render_template("ta/public/open_missing.html", title=_("没有这份公开数据")), 404)
    answer.headers["Cache-Control"] = "no-store"
    return answer
