"""通报 (STA-03): the list, a new one as a job, the paper with what may be done with it, its texts, counting again."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from flask import abort, current_app, flash, g, redirect, request, send_file
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import refuse
from app.extensions import db
from app.listings.bulletins import BULLETINS, period_words
from app.models import Bulletin, BulletinReader, Region, Unit
from app.models.bulletin import BULLETIN_STATE
from app.models.choices import word
from app.permissions import Actor, Verb
from app.reports import exports
from app.rules.bulletins import LONGEST_TEXT, BulletinState
from app.rules.periods import latest_periods, period_of
from app.views.frame import courses, screens
from app.views.frame.account_forms import number, regions_below, run, text
from app.views.frame.base import Button, Screen, pill, two
from app.views.frame.records import RecordPages
from app.views.frame.told import told
from app.workflows.oversight import bulletins

TONES = {"draft": "near", "checked": "near", "issued": "ok", "discarded": "gone"}
DID = {"check": _l("核对"), "send_back": _l("退回修改"), "issue": _l("签发"), "discard": _l("作废")}
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MIME = {"docx": DOCX, "pdf": "application/pdf"}


class Bulletins(Screen):
    datamodel = SQLAInterface(Bulletin)
    route_base = "/bulletins"
    listing = BULLETINS
    verb = Verb.BULLETIN_READ
    record = "BulletinPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "title": lambda row: two(row.title, row.office, 30),
        "period": lambda row: told(period_words(row)),
        "state": lambda row: pill(word(BULLETIN_STATE, row.state), TONES[row.state]),
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("公开数据"), "open_data.index", Verb.BULLETIN_READ, icon="chart"),
        Button(_l("生成通报"), "BulletinPages.new", Verb.BULLETIN_EDIT, main=True),
    ]
    empty_text = _l("还没有通报。监管部门印发后，出现在这里。")


def _sent_to(row: Bulletin) -> list[str]:
    """The units that a bulletin went to; before its issue to nobody."""
    found = select(Unit.name).where(Unit.id.in_(
        select(BulletinReader.unit_id).where(BulletinReader.bulletin_id == row.id)
    )).order_by(Unit.name)  # fmt: skip
    return list(db.session.scalars(scope.apply(found, g.actor, Unit)))


class BulletinPages(RecordPages):
    """One bulletin."""

    route_base = "/bulletins"
    default_view = "show"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def new(self) -> Any:
        """Choose region and period; the counting is a job."""
        if request.method == "GET":
            return self._form(None, [])
        region, period = text("region", 12), text("period", 10)
        job, findings, status = run(lambda s: bulletins.begin(s, g.actor, _code(region), period, clock.now()))
        if job is None:
            return self._form(None, findings), status
        flash(_("正在统计，完成后收件箱会通知您，也可以在这里等。"), "info")
        return redirect(f"/jobs/{job.id}")

    @expose("/<int:pk>/correct", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def correct(self, pk: int) -> Any:
        """A new one that puts an issued one right."""
        row = self._own(pk)
        if request.method == "GET":
            return self._form(row, [])
        reason, now = text("reason", 2000), clock.now()
        job, findings, status = run(lambda s: bulletins.begin(s, g.actor, "", "", now, corrects=pk, reason=reason))
        if job is None:
            return self._form(self._own(pk), findings), status
        flash(_("正在统计，完成后收件箱会通知您，也可以在这里等。"), "info")
        return redirect(f"/jobs/{job.id}")

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def edit(self, pk: int) -> Any:
        """The texts beside the figures; no figure is on the form."""
        from app.reports.bulletin import document

        row, known = self._own(pk), document.parts_of_texts()
        findings: Any = []
        status = 200
        if request.method == "POST":
            texts = {name: text(f"text_{name}", 4 * LONGEST_TEXT) for name in known}
            seen, office, mark, now = number(text("seen", 10)), text("office", 200), text("mark", 100), clock.now()
            done, findings, status = run(lambda s: bulletins.edit(
                s, g.actor, pk, texts, known, now, office=office or " ", mark=mark or " ", seen=seen
            ))  # fmt: skip
            if done is not None:
                flash(_("已保存"), "success")
                return redirect(f"/bulletins/{pk}")
            row = self._own(pk)
        elif row.state != BulletinState.DRAFT:
            flash(_("只有草稿可以编辑；已核对的请先退回修改"), "warning")
            return redirect(f"/bulletins/{pk}")
        return self.render_template(
            "ta/bulletins/edit.html", title=_("编辑通报"), row=row, findings=findings, known=known,
            longest=LONGEST_TEXT,
        ), status  # fmt: skip

    @expose("/<int:pk>/check", methods=["POST"])
    @has_access
    @permission_name("edit")
    def check(self, pk: int) -> Any:
        seen = number(text("seen", 10))
        return self._done(pk, lambda s: bulletins.check(s, g.actor, pk, clock.now(), seen), _("已核对，等待签发"))

    @expose("/<int:pk>/send-back", methods=["POST"])
    @has_access
    @permission_name("edit")
    def send_back(self, pk: int) -> Any:
        reason = text("reason", 2000)
        return self._done(pk, lambda s: bulletins.send_back(s, g.actor, pk, reason, clock.now()), _("已退回修改"))

    @expose("/<int:pk>/discard", methods=["POST"])
    @has_access
    @permission_name("edit")
    def discard(self, pk: int) -> Any:
        return self._done(pk, lambda s: bulletins.discard(s, g.actor, pk, clock.now()), _("已作废"))

    @expose("/<int:pk>/issue", methods=["POST"])
    @has_access
    @permission_name("issue")
    def issue(self, pk: int) -> Any:
        from app.reports.bulletin.document import named_units

        seen, named = number(text("seen", 10)), named_units(self._own(pk).figures)
        said = _("已签发；文件生成后发给各单位和下级监管部门")
        return self._done(pk, lambda s: bulletins.issue(s, g.actor, pk, clock.now(), seen, named), said)

    @expose("/<int:pk>/draft.<fmt>")
    @has_access
    @permission_name("read")
    @no_cache
    def draft(self, pk: int, fmt: str) -> Any:
        """The paper as it stands, marked as a draft; an issued one has its own files, which never change."""
        from app.reports.bulletin import docx, pages

        row = self._own(pk)
        if fmt not in MIME:
            abort(404)
        if row.state == BulletinState.ISSUED:
            file = bulletins.files_of(db.session, row).get(fmt)
            if file is None:
                raise refuse("通报文件", "还没有生成", "请稍后刷新页面，或在后台任务里查看", link=f"/bulletins/{pk}")
            return redirect(f"/files/{file.id}")
        made = paper_of(row)
        content = docx.write(made, row.as_of) if fmt == "docx" else pages.as_pdf(current_app.jinja_env, made)
        name = f"{_('草稿')} {row.title}.{fmt}"
        answer = send_file(io.BytesIO(content), mimetype=MIME[fmt], as_attachment=True, download_name=name, max_age=0)
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    @expose("/<int:pk>/again", methods=["POST"])
    @has_access
    @permission_name("edit")
    def again(self, pk: int) -> Any:
        """Count once more as of the same instant (RPR-01)."""
        return self._page(pk, [], recounted=recount(self._own(pk)))

    # --- parts

    def _row(self, pk: int) -> Bulletin:
        row: Bulletin = scope.visible(db.session, g.actor, Bulletin, pk, _("这份通报"))
        return row

    def _own(self, pk: int) -> Bulletin:
        """One of a region above is read, and nothing else is done with it."""
        row = self._row(pk)
        if not bulletins.may_edit(g.actor, row):
            raise refuse("通报", "是上级地区的通报", "请由发文地区办理", link=f"/bulletins/{pk}")
        return row

    def _form(self, corrects: Bulletin | None, findings: Any) -> Any:
        periods = [(one.text, one.words) for one in latest_periods(clock.today())]
        return self.render_template(
            "ta/bulletins/new.html", title=_("更正通报") if corrects is not None else _("生成通报"), corrects=corrects,
            findings=findings, periods=periods, regions=_regions(g.actor), form=request.form,
        )  # fmt: skip

    def _page(self, pk: int, findings: Any, recounted: Any = None) -> Any:
        from app.reports.bulletin import pages

        row = self._row(pk)
        mine = bulletins.may_edit(g.actor, row) and g.actor.may(Verb.BULLETIN_EDIT)
        open_ = row.state in bulletins.WORKED_ON
        newer = bulletins.corrected_by(db.session, row)
        return self.render_template(
            "ta/bulletins/bulletin.html", title=row.title, row=row, findings=findings, recounted=recounted,
            state=word(BULLETIN_STATE, row.state), tone=TONES[row.state], local=clock.local, course=_course(row),
            files=bulletins.files_of(db.session, row), newer=newer, period=period_of(row.period).words,
            sent_to=_sent_to(row) if mine else [], barred=bulletins.barred(db.session, g.actor, row) if mine else [],
            one_hand=bulletins.one_hand(db.session, g.actor, row) if row.state == BulletinState.CHECKED else None,
            may={
                "edit": mine and row.state == BulletinState.DRAFT, "check": mine and row.state == BulletinState.DRAFT,
                "send_back": mine and row.state == BulletinState.CHECKED, "discard": mine and open_,
                "issue": mine and row.state == BulletinState.CHECKED and g.actor.may(Verb.BULLETIN_ISSUE),
                "correct": mine and row.state == BulletinState.ISSUED and newer is None, "again": mine,
                "draft": mine and open_,
            },
            **pages.facts(paper_of(row)),
        )  # fmt: skip


def paper_of(row: Bulletin) -> Any:
    """The row as its paper."""
    from app.reports.bulletin import document

    region = db.session.scalar(select(Region).where(Region.code == row.region_code))
    assert region is not None
    wrong = None
    if row.corrects_id is not None:
        found = select(Bulletin).where(Bulletin.id == row.corrects_id).execution_options(skip_scope=True)
        wrong = db.session.scalar(found)
    return document.paper(row, region, wrong.number if wrong is not None else "")


def recount(row: Bulletin) -> dict[str, Any]:
    """What counting again as of the same instant gives: the digest, and what is otherwise."""
    from app.reports.bulletin import document
    from app.reports.bulletin.asked import asked_of

    with exports.one_view(db.session):
        region = db.session.scalar(select(Region).where(Region.code == row.region_code))
        assert region is not None
        asked = asked_of(db.session, region, period_of(row.period), row.as_of, row.run_id)
        found = document.count(asked)
    digest = document.digest_of(found, row.region_code, row.period, row.as_of)
    kept = document.digest_of(row.figures, row.region_code, row.period, row.as_of)
    return {
        "digest": digest, "same": digest == row.digest, "intact": kept == row.digest,
        "differences": document.differences(row.figures, found),
    }  # fmt: skip


def _course(row: Bulletin) -> list[tuple[str, str, str]]:
    """Every step, the newest first: what, when and by whom, its words."""
    begun = courses.when(row.created_at, row.drafted_by)
    return [*courses.course_of("bulletin", row.id, DID), (str(_("生成草稿")), begun, row.correct_reason or "")]


def _regions(actor: Actor) -> list[tuple[str, str]]:
    """The regions below the actor with their codes, streets left out: no office of theirs issues bulletins."""
    keys = dict(regions_below(actor))
    rows = db.session.execute(select(Region.id, Region.code, Region.level).order_by(Region.code)).all()
    return [(code, keys[key]) for key, code, level in rows if key in keys and level != "street"]


def _code(typed: str) -> str:
    return typed.replace("\0", "").strip()


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.BULLETIN_READ), ("can_edit", Verb.BULLETIN_EDIT), ("can_issue", Verb.BULLETIN_ISSUE)
    ):  # fmt: skip
        screens.declare("BulletinPages", permission, verb)
    appbuilder.add_view_no_menu(Bulletins)
    appbuilder.add_view_no_menu(BulletinPages)
