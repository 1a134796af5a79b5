"""医社保缴交明细 (UNT-09): records as drafts and filed, the comparison with the filed people, each person of a gap."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import current_app, flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.insurance import GAPS, MONTHS, PEOPLE, RECORDS, STATES, month_word, state_of
from app.models import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson, Unit
from app.models.insurance import GAP_KIND
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.rules.insurance import judged_month
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Button, Screen, SQLAInterface, import_button, mark, pill
from app.wording import say
from app.workflows.files import attachments
from app.workflows.papers import insurance, insurance_gaps
from app.workflows.papers.insurance import Line

TONES = {"draft": "near", "filed": "ok", "withdrawn": "gone"}
SPARE_LINES, MOST_LINES, MOST_SHOWN = 3, 100, 300


class InsuranceRecords(Screen):
    datamodel = SQLAInterface(InsuranceRecord)
    route_base = "/insurance"
    listing = RECORDS
    verb = Verb.INSURANCE_READ
    record = "InsurancePages.show"
    cells = {"state": lambda row: pill(STATES[state_of(row)], TONES[state_of(row)])}
    buttons = [
        Button(_l("参保比对"), "InsuranceMonths.list", Verb.INSURANCE_READ, icon="check"),
        Button(_l("参保人员"), "InsuredPeople.list", Verb.INSURANCE_READ, icon="people"),
        Button(
            _l("用表格导入"), "Imports.index", Verb.INSURANCE_EDIT, icon="upload", values=(("kind", "insurance"),)
        ),
        Button(_l("填报"), "InsurancePages.new", Verb.INSURANCE_EDIT, main=True),
    ]
    empty_text = _l("还没有缴交明细。填报缴纳公司、起止月份和人员，附上缴费明细凭证。")
    empty_links = [(_l("填报"), "InsurancePages.new", Verb.INSURANCE_EDIT)]


class InsuredPeople(Screen):
    """Each person of each record, as the template has them: exported, mended, and imported again (IMP-02)."""

    datamodel = SQLAInterface(InsuredPerson)
    route_base = "/insurance/people"
    listing = PEOPLE
    verb = Verb.INSURANCE_READ
    cells = {"state": lambda row: pill(STATES[state_of(row.record)], TONES[state_of(row.record)])}
    buttons = [
        Button(_l("缴交明细"), "InsuranceRecords.list", Verb.INSURANCE_READ, icon="list"),
        import_button("insurance", Verb.INSURANCE_EDIT),
    ]
    empty_text = _l("没有参保人员。填报缴交明细，或用表格导入。")
    empty_links = [(_l("用表格导入"), "Imports.index", Verb.INSURANCE_EDIT)]

    def row_link(self, row: InsuredPerson) -> str:
        return f"/insurance/{row.record_id}"


def _gap(name: str) -> Any:
    return lambda row: mark(n, "over") if (n := getattr(row, name)) else "0"


class InsuranceMonths(Screen):
    datamodel = SQLAInterface(InsuranceMonth)
    route_base = "/insurance/compare"
    listing = MONTHS
    verb = Verb.INSURANCE_READ
    record = "InsurancePages.month"
    cells = {
        "uninsured": _gap("uninsured"), "unfiled": _gap("unfiled"),
        "records": lambda row: row.records or mark(_l("没有"), "over"),
    }  # fmt: skip
    buttons = [
        Button(_l("缴交明细"), "InsuranceRecords.list", Verb.INSURANCE_READ, icon="list"),
        Button(_l("缺口人员"), "InsuranceGaps.list", Verb.INSURANCE_READ, icon="people"),
    ]
    empty_text = _l("还没有比对结果。上报缴交明细后即比对，每月到期后夜间也会比对。")
    empty_links = [(_l("缴交明细"), "InsuranceRecords.list", Verb.INSURANCE_READ)]


class InsuranceGaps(Screen):
    datamodel = SQLAInterface(InsuranceGap)
    route_base = "/insurance/gaps"
    listing = GAPS
    verb = Verb.INSURANCE_READ
    cells = {"kind": lambda row: mark(GAP_KIND[row.kind], "over" if row.kind == "uninsured" else "near")}
    buttons = [Button(_l("参保比对"), "InsuranceMonths.list", Verb.INSURANCE_READ, icon="check")]
    empty_text = _l("没有缺口。")

    def row_link(self, row: InsuranceGap) -> str:
        return f"/people/{row.person_id}" if row.person_id and g.actor.may(Verb.PERSON_READ) else ""


class InsurancePages(BaseView):
    route_base = "/insurance"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        require(g.actor, Verb.INSURANCE_EDIT)
        return self._form(None)

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def edit(self, pk: int) -> Any:
        require(g.actor, Verb.INSURANCE_EDIT)
        return self._form(_row(pk))

    def _form(self, row: InsuranceRecord | None) -> Any:
        findings: list[Finding] = []
        status, lines = 200, _lines() if request.method == "POST" else []
        if request.method == "POST" and "more" not in request.form:
            from_on, bad = _month("from_on", _("开始"))
            to_on, worse = _month("to_on", _("结束"))
            findings, status = bad + worse, 422
            if not findings:
                done, findings, status = run(lambda session: self._save(session, row, from_on, to_on, lines))
                if done is not None:
                    flash(_("已保存，上报后才计入"), "success")
                    return redirect(f"/insurance/{done.id}")
        more = 10 if "more" in request.form else SPARE_LINES
        page = self.render_template(
            "ta/duties/insurance_form.html", title=_("修改缴交明细") if row else _("填报缴交明细"), row=row,
            findings=findings, form=request.form if request.method == "POST" else _usual(row),
            lines=[*lines, *[Line("", "")] * more][:MOST_LINES],
            held=len(_people(row.id)) if row else 0, month=month_word(clock.today()), brings=_brings(row),
        )  # fmt: skip
        return page, status

    def _save(
        self, session: Any, row: InsuranceRecord | None, from_on: dt.date | None, to_on: dt.date | None,
        lines: list[Line],
    ) -> InsuranceRecord:  # fmt: skip
        now = clock.now()
        saved = insurance.save(
            session, g.actor, row.id if row else None, text("payer"), from_on, to_on, text("note", 1000), lines, now,
            bring=text("bring", 10),
        )
        place = ("insurance_record", saved.id, saved.unit_id, saved.region_code, now)
        uploads.kept(session, "voucher", insurance.VOUCHER, *place)
        return saved

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(_row(pk), [], 200)

    def _record(
        self, row: InsuranceRecord, findings: list[Finding], status: int, numbers: dict[int, str] | None = None
    ) -> Any:
        people, own = _people(row.id), row.unit_id == g.actor.unit_id and g.actor.may(Verb.INSURANCE_EDIT)
        state = state_of(row)
        masked = numbers or {p.id: mask_resident_id(p.id_number) for p in people[:MOST_SHOWN]}
        page = self.render_template(
            "ta/duties/insurance.html", title=_("医社保缴交明细"), row=row, people=people[:MOST_SHOWN],
            count=len(people), numbers=masked, whole=numbers is not None, mask=mask_mobile, findings=findings,
            files=attachments.of(db.session, "insurance_record", row.id), state=state, word=STATES[state],
            tone=TONES[state], own=own, months=say("%(month_word)s — %(month_word2)s",
                month_word=month_word(row.from_on), month_word2=month_word(row.to_on)),
            reveal=g.actor.may(Verb.SENSITIVE_READ) and numbers is None and bool(people),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>/file", methods=["POST"])
    @has_access
    @permission_name("edit")
    def file(self, pk: int) -> Any:
        return self._deed(pk, _("已上报，并已与人员备案比对"), lambda s: insurance.file(s, g.actor, pk, clock.now()))

    @expose("/<int:pk>/withdraw", methods=["POST"])
    @has_access
    @permission_name("edit")
    def withdraw(self, pk: int) -> Any:
        done = lambda s: insurance.withdraw(s, g.actor, pk, text("reason"), clock.now())  # noqa: E731
        return self._deed(pk, _("已撤回，不再计入"), done)

    @expose("/<int:pk>/delete", methods=["POST"])
    @has_access
    @permission_name("edit")
    def delete_draft(self, pk: int) -> Any:
        row = _row(pk)
        _done, findings, status = run(lambda s: insurance.remove(s, g.actor, pk, clock.now()))
        if findings:
            return self._record(row, findings, status)
        flash(_("草稿已删除"), "success")
        return redirect("/insurance/")

    @expose("/<int:pk>/remove", methods=["POST"])
    @has_access
    @permission_name("edit")
    def remove(self, pk: int) -> Any:
        """Take a line or a voucher off a draft."""
        person, file = forms.number(text("person", 20)), forms.number(text("attachment", 20))
        if person is not None:
            return self._deed(pk, _("已移除"), lambda s: insurance.remove_person(s, g.actor, pk, person, clock.now()))
        return self._deed(pk, _("已移除"), lambda s: insurance.remove_voucher(s, g.actor, pk, file or 0, clock.now()))

    @expose("/<int:pk>/reveal", methods=["POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def reveal(self, pk: int) -> Any:
        """The whole ID numbers, this once; looking is logged."""
        row = _row(pk)
        numbers, findings, status = run(lambda s: insurance.id_numbers(s, g.actor, pk, clock.now()))
        return self._record(row, findings, status, numbers)

    def _deed(self, pk: int, said: str, do: Any) -> Any:
        row = _row(pk)
        _done, findings, status = run(do)
        if findings:
            return self._record(row, findings, status)
        flash(said, "success")
        return redirect(f"/insurance/{pk}")

    # --- the comparison

    @expose("/compare/<int:pk>")
    @has_access
    @permission_name("read")
    def month(self, pk: int) -> Any:
        row: InsuranceMonth = scope.visible(db.session, g.actor, InsuranceMonth, pk, _("这次比对"))
        gaps = db.session.scalars(
            scope.apply(select(InsuranceGap), g.actor, InsuranceGap)
            .where(InsuranceGap.unit_id == row.unit_id, InsuranceGap.month == row.month)
            .order_by(InsuranceGap.id)
            .limit(MOST_SHOWN * 2)
        ).all()
        records = db.session.scalars(
            scope.apply(select(InsuranceRecord), g.actor, InsuranceRecord)
            .where(
                InsuranceRecord.unit_id == row.unit_id, InsuranceRecord.filed_at.is_not(None),
                InsuranceRecord.withdrawn_at.is_(None), InsuranceRecord.from_on <= row.month,
                InsuranceRecord.to_on >= row.month,
            )
            .order_by(InsuranceRecord.id)
        ).all()  # fmt: skip
        return self.render_template(
            "ta/duties/insurance_month.html", title=_("参保比对"), row=row, month=month_word(row.month),
            mask=mask_mobile,
            uninsured=[x for x in gaps if x.kind == "uninsured"], unfiled=[x for x in gaps if x.kind == "unfiled"],
            records=records, sees_people=g.actor.may(Verb.PERSON_READ),
        )  # fmt: skip

    @expose("/compare/<int:pk>/again", methods=["POST"])
    @has_access
    @permission_name("read")
    def again(self, pk: int) -> Any:
        row: InsuranceMonth = scope.visible(db.session, g.actor, InsuranceMonth, pk, _("这次比对"))
        unit_id, month = row.unit_id, row.month
        return forms.deed(
            lambda s: insurance_gaps.compare_now(s, g.actor, unit_id, month, clock.now()), _("已重新比对"),
            f"/insurance/compare/{pk}",
        )  # fmt: skip


def gap_figure(actor: Actor) -> tuple[str, int, str, str, str] | None:
    """For the warnings' page: title, number, what it counts, link, tone; None where it is not the reader's affair."""
    if not actor.may(Verb.INSURANCE_READ):
        return None
    today = clock.today()
    day = int(policy_value(db.session, Key.INSURANCE_DAY, actor.region_code, today))
    month = judged_month(today, day)
    count = insurance_gaps.gaps_seen(db.session, actor, month)
    link = f"/insurance/compare/?tab=gaps&f_month_from={month}"
    return _("医社保缺口"), count, _("个单位月份的参保与备案不一致"), link, "over" if count else ""


def _row(pk: int) -> InsuranceRecord:
    row: InsuranceRecord = scope.visible(db.session, g.actor, InsuranceRecord, pk, _("这份缴交明细"))
    return row


def _people(record_id: int) -> list[InsuredPerson]:
    statement = select(InsuredPerson).where(InsuredPerson.record_id == record_id).order_by(InsuredPerson.id)
    return list(db.session.scalars(scope.apply(statement, g.actor, InsuredPerson)))


def _brings(row: InsuranceRecord | None) -> list[tuple[str, str]]:
    """Whose people the form can take along; the months that it is saved with decide who they are."""
    if g.actor.unit_id is None:
        return []
    words = {"last": _("开始月份以前最近一份明细的人员"), "people": _("起止月份内在职、登记了身份证号的人员")}
    return [(key, words[key]) for key in insurance.bringable(db.session, g.actor.unit_id, row.id if row else None)]


def _usual(row: InsuranceRecord | None) -> dict[str, str]:
    """What the form starts from: the draft, or the own unit for the month before this one."""
    if row is not None:
        return {
            "payer": row.payer, "from_on": month_word(row.from_on), "to_on": month_word(row.to_on),
            "note": row.note or "",
        }  # fmt: skip
    unit = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
    month = month_word(judged_month(clock.today(), 1))
    return {"payer": unit.name if unit else "", "from_on": month, "to_on": month, "note": ""}


def _lines() -> list[Line]:
    """The lines of the form that hold something, in their order."""
    columns = [request.form.getlist(name)[:MOST_LINES] for name in ("line_name", "line_id", "line_phone")]
    lines = [Line(*(cell[:60] for cell in cells)) for cells in zip(*columns, strict=False)]
    return [line for line in lines if line.name.strip() or line.id_number.strip() or line.phone.strip()]


def _month(name: str, label: str) -> tuple[dt.date | None, list[Finding]]:
    """A month as typed: 2026-11; blank is None."""
    typed = text(name, 20).strip()
    if not typed:
        return None, []
    try:
        return dt.date.fromisoformat(f"{typed}-01"), []
    except ValueError:
        found = _("%(label)s“%(value)s”不是月份", label=label, value=typed)
        return None, [Finding(label, False, found, _("请按 2026-11 的格式填写"), field=name, value=typed)]


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("InsurancePages", "can_read", Verb.INSURANCE_READ)
    screens.declare("InsurancePages", "can_edit", Verb.INSURANCE_EDIT)
    current_app.jinja_env.globals["insurance_gaps"] = lambda: gap_figure(g.actor)
    for view in (InsurancePages, InsuranceMonths, InsuranceGaps, InsuredPeople, InsuranceRecords):
        appbuilder.add_view_no_menu(view)
