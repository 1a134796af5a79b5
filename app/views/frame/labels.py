"""一梯一码 标签 (ELV-07): the sheet of chosen elevators or of all that a list found, as a PDF in print size."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import moment
from app.models import Elevator, ElevatorLabel
from app.models.policy import policy_version
from app.permissions import Verb
from app.reports import exports, label_sheet, pdf
from app.rules import labels as rules
from app.telling import language
from app.transaction import transaction
from app.views.frame import addresses, screens
from app.views.frame.told import told
from app.wording import say
from app.workflows.core import export_records, jobs
from app.workflows.on_site import labels

# So many are chosen by hand, so many are laid out while somebody waits, so many of what is missing are named.
MOST, AT_ONCE, MOST_NAMED, MOST_SHOWN = 200, 30, 50, 6


class LabelPages(BaseView):
    """An elevator has its label from its making on; none is made without a rescue phone on it."""

    route_base = "/labels"
    default_view = "sheet"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def sheet(self) -> Any:
        """Chosen elevators, or one label of one elevator."""
        if request.args.get("label"):
            row = _label(request.args["label"])
            return self._page([row.elevator_id], {row.elevator_id: row.token}, row, {"label": str(row.id)})
        keys = keys_of(request.args.getlist("ids"))
        if not keys or len(keys) > MOST:
            flash(_("请选择 1 到 %(n)s 台电梯", n=MOST), "warning")
            return redirect(url_for("ElevatorScreen.list"))
        return self._page(keys, None, None, {})

    @expose("/found", methods=["GET"])
    @has_access
    @permission_name("read")
    def found(self) -> Any:
        """All that the list of elevators found under the filter in the address."""
        query = request.query_string.decode()
        try:
            keys = _found(query)
        except Refusal as refusal:
            flash(told(str(refusal)), "warning")
            return redirect(url_for("ElevatorScreen.list"))
        if not keys:
            flash(_("列表里没有电梯"), "warning")
            return redirect(url_for("ElevatorScreen.list"))
        return self._page(keys, None, None, {"query": query})

    @expose("/make", methods=["POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def make(self) -> Any:
        """The PDF at once, or a job for many; where this machine can't make one, the page that can be printed."""
        form, size = request.form, request.form.get("size", "")
        if size not in label_sheet.SIZES:
            abort(400)
        if form.get("label"):
            row = _label(form["label"])
            return self._made([row.elevator_id], {row.elevator_id: row.token}, row, size)
        try:
            keys = _found(form["query"]) if form.get("query") else keys_of(form.getlist("ids"))[:MOST]
        except Refusal as refusal:
            flash(told(str(refusal)), "warning")
            return redirect(url_for("ElevatorScreen.list"))
        return self._made(keys, None, None, size)

    def _made(
        self, keys: Sequence[int], tokens: Mapping[int, str] | None, one: ElevatorLabel | None, size: str
    ) -> Any:
        rows = label_sheet.chosen(db.session, g.actor, keys)
        ready = [row for row in rows if not label_sheet.lacks_phone(row)]
        if not ready:
            return self._page(keys, tokens, one, {}, status=422)
        if len(ready) > AT_ONCE:
            return _enter([row.id for row in ready], size)
        tokens = tokens or labels.to_print(db.session, [row.id for row in ready])
        shown = label_sheet.labels_of(db.session, ready, tokens, _address, _end(one))
        try:
            [content] = label_sheet.files(current_app.jinja_env, shown, size)
        except pdf.PdfUnavailable as refusal:
            sent = {"label": str(one.id)} if one is not None else {}
            return self._page(keys, tokens, one, sent, status=503, finding=refusal.findings[0])
        now, digest = clock.now(), hashlib.sha256(content).hexdigest()
        with transaction(db.session) as session:
            policy = policy_version(session, g.actor.region_code, clock.local_day(now))
            export_records.keep_file(
                session, g.actor, now, label_sheet.NAME, say("一梯一码 标签 %(n)s 张", n=len(shown)), digest, policy,
                "pdf", rows=len(shown),
            )  # fmt: skip
            labels.printed(session, g.actor, [(one.elevator_id, one.token) for one in shown], now, digest)
        answer = Response(content, mimetype="application/pdf")
        name = shown[0].code if len(shown) == 1 else f"labels-{len(shown)}"
        answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    def _page(
        self, keys: Sequence[int], tokens: Mapping[int, str] | None, one: ElevatorLabel | None, sent: dict[str, str], *,
        status: int = 200, finding: Finding | None = None,
    ) -> Any:  # fmt: skip
        """What will be made, who lacks a phone, and the first labels as they will look."""
        rows = label_sheet.chosen(db.session, g.actor, keys)
        if not rows:
            abort(404)
        without = [row for row in rows if label_sheet.lacks_phone(row)]
        ready = [row for row in rows if not label_sheet.lacks_phone(row)]
        # Where the browser has to print them, all of them are there.
        most = MOST if finding is not None else MOST_SHOWN
        tokens = tokens or labels.to_print(db.session, [row.id for row in ready[:most]])
        shown = label_sheet.labels_of(db.session, ready[:most], tokens, _address, _end(one))
        page = self.render_template(
            "ta/filing/labels.html", title=_("一梯一码 标签"), labels=shown, ready=len(ready), sizes=label_sheet.SIZES,
            without=without[:MOST_NAMED], lacking=len(without), sent=sent, finding=finding, at_once=AT_ONCE,
            ids=[] if sent else [row.id for row in ready], drafts=sum(1 for row in ready if not row.approved_version),
        )  # fmt: skip
        return page, status


def keys_of(given: Sequence[str]) -> list[int]:
    """The numbers of rows that a form names, each once; what is none is left out."""
    return [int(k) for k in dict.fromkeys(given) if k.isascii() and k.isdigit() and len(k) < 19]


def _found(query: str) -> list[int]:
    """The elevators that the list's address finds; refused where they are too many for one run."""
    wanted = exports.Wanted("elevators", query)
    listing = exports.listing_of(wanted.listing)
    now, asked = moment(db.session, g.actor), exports.read(listing, wanted)
    listing.seek(now, asked)
    keys = list(db.session.scalars(listing.ordered(listing.statement(now, asked), asked).limit(label_sheet.MOST + 1)))
    if len(keys) > label_sheet.MOST:
        found = say("列表筛选出的电梯超过 %(n)s 台", n=label_sheet.MOST)
        raise Refusal(Finding("标签数量", False, found, "请按地区、单位再筛选，分几次制作"))
    return keys


def _label(text: str) -> ElevatorLabel:
    """One label of an elevator that is seen; a dead one is printed no more."""
    key = next(iter(keys_of([text])), 0)
    row = db.session.get(ElevatorLabel, key, execution_options={"skip_scope": True})
    try:
        if row is None:
            abort(404)
        scope.visible(db.session, g.actor, Elevator, row.elevator_id)
    except Refusal:
        abort(404)
    if not rules.in_force(row.ends_at, clock.now()):
        abort(404)
    return row


def _end(one: ElevatorLabel | None) -> Any:
    """The last instant of a temporary label, whose day stands on it."""
    return one.ends_at - dt.timedelta(seconds=1) if one is not None and one.ends_at is not None else None


def _address(token: str) -> str:
    """The elevator's own page, which tells a stranger whom to call and a worker what to do."""
    return addresses.full("field.passer_by", token=token)


def _enter(keys: list[int], size: str) -> Any:
    title = say("一梯一码 标签 %(n)s 张", n=len(keys))
    # The address is what this host is called by now; a worker has no request to ask.
    params = {"ids": keys, "size": size, "address": _address("TOKEN"), "language": language()}
    try:
        with transaction(db.session) as session:
            job_id = jobs.enqueue(session, g.actor, clock.now(), "labels", title, params).id
    except Refusal as refusal:
        flash(told(str(refusal)), "warning")
        return redirect(url_for("ElevatorScreen.list"))
    flash(_("共 %(n)s 张，已转为后台任务；完成后收件箱会通知您，在这里下载。", n=len(keys)), "info")
    return redirect(url_for("Jobs.show", job_id=job_id))


def register(appbuilder: Any) -> None:
    """Add the sheet."""
    screens.declare("LabelPages", "can_read", Verb.ELEVATOR_READ)
    appbuilder.add_view_no_menu(LabelPages)
