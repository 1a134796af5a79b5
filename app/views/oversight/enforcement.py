"""约谈与处罚 (ANO-03): the list, drawing one up from chosen evidence, its page with what each side may do now."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, lookups, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import Moment, moment
from app.listings import enforcement as listed
from app.models import Account, Elevator, Enforcement, EnforcementEvidence, Unit
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import word
from app.models.enforcement import ENFORCEMENT_KIND, ENFORCEMENT_STATE, STANDS
from app.permissions import Actor, Verb, require
from app.rules.enforcement import (
    LONGEST_FACTS,
    MOST_EVIDENCE,
    VERB_LABELS,
    EnforcementState,
    needs_second,
)
from app.views.frame import courses, numbers, screens, uploads
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Deed, Screen, SQLAInterface, countdown, cut, firm, mark, pill
from app.views.frame.clock_words import due_of
from app.views.frame.filed import unit_names
from app.views.frame.records import RecordPages
from app.views.frame.told import told
from app.workflows.approval import submissions
from app.workflows.core import moves
from app.workflows.files import attachments
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight import evidence as records
from app.workflows.oversight.enforcement import Entry

NUMBER = "enforcement"
TONES = {
    "draft": "gone", "proposed": "near", "in_force": "near", "replied": "near", "closed": "ok", "withdrawn": "gone",
}
KIND_TONES = {"talk": "info", "warning": "near", "penalty": "over"}
LONGEST = 4000
# As the list is told to show those that count against a unit.
STANDING = ",".join(STANDS)


def start(entity: str) -> Deed:
    """发起约谈或处罚 for a list of evidence: the chosen rows go along to the form."""
    page = "EnforcementPages.new"
    return Deed("enforce", _l("发起约谈或处罚"), Verb.ENFORCEMENT_EDIT, _nothing, leads=page, entity=entity)


def _nothing(session: Any, actor: Any, key: int, at: Any) -> None:
    """Nothing is done to a row that only goes along."""


def _due(row: Enforcement) -> Any:
    if row.due_at is None:
        return mark(_("逾期答复"), "over") if row.late else "—"
    return countdown(due_of(row.due_at, row.in_force_at, row.region_code))


class EnforcementScreen(Screen):
    datamodel = SQLAInterface(Enforcement)
    route_base = "/enforcement"
    listing = listed.ENFORCEMENTS
    verb = Verb.ENFORCEMENT_READ
    record = "EnforcementPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: mark(word(ENFORCEMENT_KIND, row.kind), KIND_TONES[row.kind]),
        "unit": lambda row: firm(row.unit.name),
        "facts": lambda row: cut(row.facts, 22),
        "demand": lambda row: cut(row.demand, 22) if row.demand else "—",
        "reply": lambda row: cut(row.reply, 22) if row.reply else "—",
        "state": lambda row: pill(word(ENFORCEMENT_STATE, row.state), TONES[row.state]),
        "due_at": _due,
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("申诉记录"), "AppealScreen.list", Verb.APPLICATION_READ, icon="inbox"),
        Button(_l("发起约谈或处罚"), "EnforcementPages.new", Verb.ENFORCEMENT_EDIT, main=True),
    ]
    empty_text = _l(
        "没有约谈、警告或处罚。监管部门在超期记录、维保记录、投诉等列表勾选证据后发起；下达后单位在这里答复。"
    )

    def row_tone(self, row: Any) -> str:
        return "is-stop" if row.due_at is not None and row.due_at <= clock.now() else ""


class EnforcementPages(RecordPages):
    """One case: written by regulators, answered by the unit."""

    route_base = "/enforcement"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def new(self) -> Any:
        """The form; evidence comes along from a list (`chosen`), a unit from its page."""
        return self._form(None)

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def edit(self, pk: int) -> Any:
        return self._form(self._row(pk))

    @expose("/<int:pk>/issue", methods=["POST"])
    @has_access
    @permission_name("edit")
    def issue(self, pk: int) -> Any:
        """In force, or before the second person where it needs one."""
        row = self._row(pk)
        if needs_second(row.kind):
            return self._done(pk, lambda s: enforcement.propose(s, g.actor, pk, clock.now()), _("已提请第二人决定"))
        return self._done(pk, lambda s: enforcement.issue(s, g.actor, pk, clock.now()), _("已下达，并通知单位"))

    @expose("/<int:pk>/decide", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, pk: int) -> Any:
        agreed = {"agree": True, "return": False}.get(text("verb", 20))
        note = text("note", LONGEST)
        said = _("已决定，并通知单位") if agreed else _("已退回")
        return self._done(pk, lambda s: enforcement.decide(s, g.actor, pk, agreed, note, clock.now()), said)

    @expose("/<int:pk>/reply", methods=["POST"])
    @has_access
    @permission_name("reply")
    def reply(self, pk: int) -> Any:
        row = self._row(pk)
        unit, region = row.unit_id, row.region_code

        def do(session: Any) -> Any:
            now = clock.now()
            files = uploads.kept(session, "paper", "document", "enforcement", pk, unit, region, now)
            return enforcement.reply(session, g.actor, pk, text("reply", LONGEST), now, files)

        return self._done(pk, do, _("已答复，等待监管部门核查"))

    @expose("/<int:pk>/send-back", methods=["POST"])
    @has_access
    @permission_name("edit")
    def send_back(self, pk: int) -> Any:
        note, days = text("note", LONGEST), number(text("days", 10))
        return self._done(
            pk, lambda s: enforcement.send_back(s, g.actor, pk, note, days, clock.now()), _("已退回整改")
        )

    @expose("/<int:pk>/close", methods=["POST"])
    @has_access
    @permission_name("edit")
    def close(self, pk: int) -> Any:
        note = text("note", LONGEST)
        return self._done(pk, lambda s: enforcement.close(s, g.actor, pk, note, clock.now()), _("已办结"))

    @expose("/<int:pk>/withdraw", methods=["POST"])
    @has_access
    @permission_name("edit")
    def withdraw(self, pk: int) -> Any:
        note = text("note", LONGEST)
        return self._done(pk, lambda s: enforcement.withdraw(s, g.actor, pk, note, clock.now()), _("已撤销"))

    # --- parts

    def _row(self, pk: int) -> Enforcement:
        row: Enforcement = scope.visible(db.session, g.actor, Enforcement, pk, _("这件执法记录"))
        return row

    def _page(self, pk: int, findings: Any) -> Any:
        row = self._row(pk)
        return self.render_template(
            "ta/enforcement/record.html", title=f"{word(ENFORCEMENT_KIND, row.kind)} {row.number}", findings=findings,
            **facts(row, g.actor),
        )  # fmt: skip

    def _form(self, row: Enforcement | None) -> Any:
        require(g.actor, Verb.ENFORCEMENT_EDIT)
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            days, findings = forms.days((("decided_on", _("日期")),))
            unit_id = row.unit_id if row is not None else number(text("unit_id", 20))
            status = 422
            if unit_id is None:
                way = _("请输入单位名称，从列表选择")
                findings.append(Finding(_("单位"), False, _("没有选择"), way, field="unit_id"))
            if not findings and unit_id is not None:
                made, findings, status = run(lambda s: self._write(s, row, unit_id, _entry(days["decided_on"])))
                if made is not None:
                    flash(_SAID[made.state], "success")
                    return redirect(f"/enforcement/{made.id}")
        return self._form_page(row, findings), status

    @staticmethod
    def _write(session: Any, row: Enforcement | None, unit_id: int, entry: Entry) -> Enforcement:
        now = clock.now()
        unit: Unit = scope.visible(session, g.actor, Unit, unit_id, _("这家单位"))
        files = uploads.kept(
            session, "paper", "document", "enforcement", None if row is None else row.id, unit.id, unit.region_code, now
        )
        if row is None:
            made = enforcement.draw_up(session, g.actor, unit_id, entry, now, files)
        else:
            version = number(text("row_version", 20))
            made = enforcement.edit(session, g.actor, row.id, entry, now, files, version)
        # Each button does what it says; the deed itself refuses a kind that it is not for.
        deed = {"issue": enforcement.issue, "propose": enforcement.propose}.get(text("then", 10))
        if deed is not None:
            deed(session, g.actor, made.id, now)
        return made

    def _form_page(self, row: Enforcement | None, findings: list[Finding]) -> str:
        form: Any = request.form
        keys = request.form.getlist("evidence")
        if request.method != "POST":
            keys = request.args.getlist("chosen") if row is None else _keys(row)
            form = _shown(row)
        evidence, lost = _said(keys)
        unit_id = row.unit_id if row is not None else number(str(form.get("unit_id") or ""))
        strange = False
        if unit_id is None and evidence:
            shared = set.intersection(*({key for key in item.units if key} for item in evidence))
            # The side that maintains stands first; evidence of several units has none in common.
            unit_id = next((key for key in evidence[0].units if key in shared), None)
            strange = unit_id is None
        if row is None and request.method != "POST" and evidence and not strange:
            form = {**form, "facts": "\n".join(str(item.said) for item in evidence)[:LONGEST_FACTS]}
        return str(self.render_template(
            "ta/enforcement/form.html", row=row,
            title=_("修改草稿") if row is not None else _("发起约谈、警告或立案处罚"),
            findings=findings, form=form, kinds=list(ENFORCEMENT_KIND.items()), evidence=evidence, lost=lost,
            owners=_owners(evidence) if strange else {}, strange=strange, unit_id=unit_id, most=MOST_EVIDENCE,
            unit_text=lookups.text_of(db.session, "units", unit_id) if unit_id else "",
            files=attachments.of(db.session, "enforcement", row.id) if row is not None else [], labels=ATTACHMENT_KIND,
        ))  # fmt: skip


_SAID = {
    "draft": _l("已保存草稿"), "proposed": _l("已提请第二人决定"), "in_force": _l("已下达，并通知单位"),
}


def _entry(on: Any) -> Entry:
    return Entry(
        kind=text("kind", 20), decided_on=on, facts=text("facts", LONGEST), demand=text("demand", LONGEST),
        legal_basis=text("legal_basis", LONGEST), document_no=text("document_no", 200),
        reply_days=number(text("reply_days", 10)), evidence=request.form.getlist("evidence")[: MOST_EVIDENCE + 1],
    )  # fmt: skip


def _shown(row: Enforcement | None) -> dict[str, Any]:
    if row is None:
        unit_id = number(request.args.get("unit"))
        days = enforcement.usual_days(db.session, g.actor.region_code or "0" * 12, clock.now())
        return {"kind": "talk", "decided_on": clock.today(), "reply_days": days, "unit_id": unit_id}
    names = ("kind", "decided_on", "facts", "demand", "legal_basis", "document_no", "reply_days")
    return {name: getattr(row, name) for name in names}


def _keys(row: Enforcement) -> list[str]:
    return [f"{one.entity}-{one.entity_id}" for one in records.of(db.session, row.id)]


def _said(keys: list[str]) -> tuple[list[records.Item], int]:
    """The chosen records in words; how many there are not, or are hidden."""
    found: dict[str, records.Item] = {}
    lost = 0
    for key in dict.fromkeys(keys[:MOST_EVIDENCE]):
        try:
            (item,) = records.items(db.session, g.actor, [key], clock.now())
        except Refusal:
            lost += 1
        else:
            found[item.key] = item
    return list(found.values()), lost


def _owners(evidence: list[records.Item]) -> dict[str, list[records.Item]]:
    """The evidence by the unit that answers for it first: the one that maintains, else the one that uses."""
    names = unit_names(key for item in evidence for key in item.units)
    held: dict[str, list[records.Item]] = {}
    for item in evidence:
        held.setdefault(next((names[key] for key in item.units if key in names), _("没有单位")), []).append(item)
    return held


def facts(row: Enforcement, actor: Actor) -> dict[str, Any]:
    """What the page shows of a case, and what the reader may do with it now."""
    edits = actor.may(Verb.ENFORCEMENT_EDIT) and actor.unit_id is None
    state = EnforcementState(row.state)
    files = attachments.of(db.session, "enforcement", row.id)
    units = _units_of([f.uploaded_by_id for f in files])
    replies = state is EnforcementState.IN_FORCE and actor.unit_id == row.unit_id
    decides = state is EnforcementState.PROPOSED and actor.may(Verb.ENFORCEMENT_DECIDE) and actor.unit_id is None
    taken_back = edits and state not in (EnforcementState.CLOSED, EnforcementState.WITHDRAWN)
    heavy = needs_second(row.kind) and row.in_force_at is not None
    running = state in (EnforcementState.IN_FORCE, EnforcementState.REPLIED)
    return {
        "row": row, "kind": word(ENFORCEMENT_KIND, row.kind), "kind_tone": KIND_TONES[row.kind],
        "state": word(ENFORCEMENT_STATE, row.state), "tone": TONES[row.state], "local": clock.local,
        "due": due_of(row.due_at, row.in_force_at, row.region_code) if row.due_at is not None else None,
        "evidence": _evidence(row, actor), "labels": ATTACHMENT_KIND, "course": _course(row),
        "files": [f for f in files if units.get(f.uploaded_by_id) != row.unit_id],
        "reply_files": [f for f in files if units.get(f.uploaded_by_id) == row.unit_id],
        "names": submissions.names_of(db.session, [
            row.created_by_id, row.proposed_by_id, row.decided_by_id, row.closed_by_id, row.withdrawn_by_id,
        ]),
        "second": needs_second(row.kind),
        "may": {
            "edit": edits and state is EnforcementState.DRAFT, "decide": decides,
            "reply": replies and actor.may(Verb.ENFORCEMENT_REPLY),
            "check": edits and state is EnforcementState.REPLIED, "close": edits and running,
            "withdraw": taken_back and (not heavy or actor.may(Verb.ENFORCEMENT_DECIDE)),
        },
        "barred": [f for f in enforcement.second_findings(db.session, actor, row) if not f.ok] if decides else [],
        "appeal": appeals.offered(db.session, actor, "enforcement", row.id, clock.now()),
    }  # fmt: skip


_PAGES = {
    "visit": "/visits/{}", "complaint": "/complaints/{}", "inspection": "/inspections/{}",
    "enforcement": "/enforcement/{}", "rescue": "/rescues/{}", "fraud_case": "/fraud/cases/{}",
    "unit_change": "/applications/{}",
}  # fmt: skip


def evidence_shown(row: Enforcement, actor: Actor) -> list[tuple[EnforcementEvidence, str]]:
    """Each record with its words; of a 涉密 elevator only those read them who may see it."""
    found = records.of(db.session, row.id)
    lifts = {one.elevator_id for one in found if one.elevator_id}
    hidden = Elevator.id.in_(lifts) & Elevator.is_secret
    secret = set(db.session.scalars(select(Elevator.id).where(hidden).execution_options(skip_scope=True)))
    if secret:
        secret -= set(db.session.scalars(scope.apply(select(Elevator.id).where(hidden), actor, Elevator)))
    closed = _("涉密或不在管辖范围")
    return [(one, closed if one.elevator_id in secret else told(one.said)) for one in found]


def _evidence(row: Enforcement, actor: Actor) -> list[tuple[str, str, str]]:
    """Day, words and link of each record."""
    found = evidence_shown(row, actor)
    lifts = {one.elevator_id for one, _words in found if one.elevator_id}
    wanted = select(Elevator.id).where(Elevator.id.in_(lifts))
    seen = set(db.session.scalars(scope.apply(wanted, actor, Elevator)))
    return [(str(one.happened_on or "—"), words, _link(one, actor, seen)) for one, words in found]


def _link(one: EnforcementEvidence, actor: Actor, seen: set[int]) -> str:
    """Only where the reader may open it: records go with an elevator that changes hands."""
    if one.entity in ("elevator", "overdue_period"):
        return f"/elevators/{one.elevator_id}" if one.elevator_id in seen and actor.may(Verb.ELEVATOR_READ) else ""
    kind = records.KINDS[one.entity]
    if not actor.may(kind.verb):
        return ""
    # A change of unit has the page of its application.
    shown = kind.model.application_id if one.entity == "unit_change" else kind.model.id
    there = db.session.scalar(scope.apply(select(shown).where(kind.model.id == one.entity_id), actor, kind.model))
    return _PAGES[one.entity].format(there) if there is not None else ""


def _units_of(accounts: list[int | None]) -> dict[int | None, int | None]:
    statement = select(Account.id, Account.unit_id).where(Account.id.in_([key for key in accounts if key]))
    return dict(db.session.execute(statement.execution_options(skip_scope=True)).all())  # type: ignore[arg-type]


def _course(row: Enforcement) -> list[tuple[str, str, str]]:
    """Every step that was taken, the newest first. A unit reads from the hour in which it took force."""
    steps = moves.steps_of(db.session, "enforcement", row.id)
    if g.actor.unit_id is not None and row.in_force_at is not None:
        steps = [step for step in steps if step.known_at >= row.in_force_at]
    system = str(_("系统"))
    shown = courses.in_words(steps, {verb: told(label) for verb, label in VERB_LABELS.items()}, system)
    if g.actor.unit_id is None:
        by = submissions.names_of(db.session, [row.created_by_id]).get(row.created_by_id, system)
        shown.append((str(_("起草")), courses.when(row.created_at, by), ""))
    return shown


def upon(entity: str, entity_id: int, actor: Actor) -> list[Enforcement]:
    """What stands on a record, of what the reader may read: for the record's own page."""
    if not actor.may(Verb.ENFORCEMENT_READ):
        return []
    keys = records.against(db.session, entity, entity_id)
    statement = scope.apply(select(Enforcement).where(Enforcement.id.in_(keys)), actor, Enforcement)
    return list(db.session.scalars(statement.order_by(Enforcement.id).execution_options(skip_scope=True)))


def of_unit(unit_id: int) -> int:
    """How many stand against a unit, of those that the reader sees."""
    now = moment(db.session, g.actor)
    stands = (Enforcement.unit_id == unit_id, Enforcement.state.in_(STANDS))
    return int(db.session.scalar(select(listed.count(now, *stands)).execution_options(skip_scope=True)) or 0)


# --- the menu's number


def _counted(now: Moment) -> list[Any]:
    """For a unit what it has to answer; for a regulator what waits for a look or a second person. Red: what is over."""
    waits = ("in_force",) if now.actor.unit_id is not None else ("replied", "proposed")
    own = listed.count(now, listed.OPEN, Enforcement.state.in_(waits))
    return [own, listed.count(now, listed.OPEN, listed.overdue(now))]


numbers.add(NUMBER, _counted)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.ENFORCEMENT_READ), ("can_edit", Verb.ENFORCEMENT_EDIT),
        ("can_decide", Verb.ENFORCEMENT_DECIDE), ("can_reply", Verb.ENFORCEMENT_REPLY),
    ):  # fmt: skip
        screens.declare("EnforcementPages", permission, verb)
    appbuilder.add_view_no_menu(EnforcementPages)
    appbuilder.add_view_no_menu(EnforcementScreen)
