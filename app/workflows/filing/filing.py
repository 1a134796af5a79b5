"""Filing 备案 (UNT-05, ELV-04): draft → pending → approved, while the approved version stays in force.

The row holds what is in force (before the first approval: what was last saved); `Version` holds what is asked.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from app import clock, scope
from app.errors import Finding, Refusal, Stale, raise_failing, refuse
from app.models import (
    Application,
    ContractElevator,
    Elevator,
    ElevatorLabel,
    Inspection,
    MaintenanceLedger,
    MaintenanceOrder,
    Region,
    Unit,
    Version,
    Visit,
)
from app.models.sealed import as_held
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.approval import EDITABLE, ApplicationVerb, FilingState
from app.rules.lifecycle import ElevatorStatus, common_region, declared_move
from app.rules.places import named_place
from app.rules.steps import LOOK_AGAIN
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.approval.filing_fields import (
    Data,
    Difference,
    Filed,
    FiledModel,
    clean,
    differences,
    empty,
    fields_of,
    lacking,
    put,
    snapshot,
)
from app.workflows.approval.filing_versions import (
    MODEL,
    as_of,
    base_of,
    content,
    decided,
    digest,
    draft_of,
    new_version,
    subject,
    version_of,
    versions_of,
    with_bases,
)
from app.workflows.core import audit, moves
from app.workflows.files import left_behind
from app.workflows.filing import filing_checks, filing_effects, filing_rights, unit_papers
from app.workflows.filing.filing_checks import validate_elevator, validate_unit
from app.workflows.inspection import next_days

__all__ = [
    "MODEL", "Difference", "as_of", "base_of", "content", "delete_draft", "differences", "digest", "discard",
    "draft_of", "fields_of", "findings", "problems", "require_editing", "save_draft", "submit", "validate_elevator",
    "validate_unit", "version_of", "versions_of", "versions_seen", "withdraw",
]  # fmt: skip

_PARTIES = ("use_unit_id", "maintenance_unit_id")
KIND = {Unit: "unit_filing", Elevator: "elevator_filing"}
CODE = {Unit: "uscc", Elevator: "code"}
EDIT_VERB = {Unit: Verb.UNIT_EDIT, Elevator: Verb.ELEVATOR_EDIT}


def save_draft(
    session: AnySession,
    actor: Actor,
    model: FiledModel,
    row: Filed | None,
    data: Mapping[str, Any],
    at: dt.datetime,
    expected_version: int | None = None,
    papers: bool = False,
) -> Filed:
    """Create an entity, or keep an edit of it, as a draft; `data` may name some of the fields only.

    What is in force does not change. Saving what is in force already changes nothing. Refused while 审核中, and when
    the row moved since `expected_version` was shown. What submitting needs besides may still be missing. `papers`: its
    scans change, so that it is a draft though no field does.
    """
    require(actor, EDIT_VERB[model])
    if row is not None:
        row = _held(session, actor, model, row)
        data = as_held(data, content(session, row))
    values, found = clean(model, data)
    if row is not None:
        _still(row, expected_version)
        if row.filing_state == FilingState.PENDING:
            link = _waiting_link(session, row)
            raise refuse(
                "审核中不能修改", say("%(row)s 正在审核", row=f"{row!r}"), "请先撤回，再修改后重新上报", link=link
            )
        before = content(session, row)
        if row.approved_version and model is Elevator:
            values["declared_status"] = before.get("declared_status")
    else:
        before = empty(model)
        for name, value in filing_rights.defaults(session, actor, model, values).items():
            values[name] = value if values.get(name) is None else values[name]
    merged = before | values
    raise_failing([*found, *lacking(model, merged, {f.field for f in found})])
    filing_rights.may_file(session, actor, model, row, merged)
    if row is None:
        row = _create(session, actor, model, merged, at)
    elif not papers and not differences(before, merged):
        return row
    _keep(session, actor, row, merged, at)
    return row


def problems(
    session: AnySession, model: FiledModel, row: Filed | None, data: Mapping[str, Any], on: dt.date, *, handed_in: bool
) -> list[Finding]:
    """Everything that is wrong with what a form sent, at once: what has no stored form, what lacks, what breaks a rule.

    Empty while a draft can be kept. When it can't, the rules that what was filled in breaks are told as well, so that
    nobody mends one field after the other; what only submitting needs is told when the form is handed in.
    """
    values, found = clean(model, data)
    merged = (content(session, row) if row is not None else empty(model)) | values
    told = {f.field for f in found}
    found += lacking(model, merged, told)
    if not found:
        return []
    validate = validate_unit if model is Unit else validate_elevator
    told = {f.field for f in found}
    for f in validate(session, merged, on=on, row_id=row.id if row is not None else None):
        if f.stops and f.field not in told and (handed_in or f.rule != filing_checks.REQUIRED):
            found.append(f)
    return found


def submit(session: AnySession, actor: Actor, row: Filed, at: dt.datetime, *, batch: int | None = None) -> Application:
    """上报: check everything, lock the content and hand it to the officers of its region; see `open_application`."""
    require(actor, Verb.FILING_SUBMIT)
    row = _held(session, actor, type(row), row)
    if row.filing_state == FilingState.PENDING:
        link = _waiting_link(session, row)
        raise refuse("审核中不能重复上报", say("%(row)s 正在审核", row=f"{row!r}"), "请等待审核，或先撤回", link=link)
    if row.filing_state == FilingState.APPROVED:
        raise refuse(
            "没有需要上报的修改", say("%(row)s 已审核通过，之后没有修改", row=f"{row!r}"), "修改后才需要重新上报"
        )
    version = draft_of(session, row) or new_version(session, actor, row, content(session, row), at)
    filing_rights.may_file(session, actor, type(row), row, version.data)
    moved = filing_checks.unit_by_application(row, version.data, actor.unit_id)
    raise_failing([*findings(session, row, version.data, clock.local_day(at)), *moved])
    version.base_number = row.approved_version
    version.digest = digest(version.data)
    version.submitted_at, version.submitted_by_id = at, actor.user_id
    moves.move(session, actor, version, "state", "pending", verb="submit", at=at)
    moves.move(session, actor, row, "filing_state", "pending", verb="submit", at=at)
    place = _region(session, version.data).code
    # A move is decided by who oversees both ends, as a change of the registration is.
    where = common_region(row.region_code, place) if row.approved_version else place
    kept: dict[str, Any] = {"papers": unit_papers.seen(session, row)} if isinstance(row, Unit) else {}
    kept |= filing_effects.leads(row, version.data, place)
    return submissions.open_application(
        session, actor, KIND[type(row)], entity=row.__tablename__, entity_id=row.id, title=_title(row, version.data),
        region_code=where, at=at, elevator=row if isinstance(row, Elevator) else None, version_id=version.id,
        data=kept, batch=batch,
    )  # fmt: skip


def withdraw(session: AnySession, actor: Actor, row: Filed, at: dt.datetime) -> Application:
    """撤回: unlock a filing under review. What was submitted stays as a withdrawn version; the next edit copies it."""
    require(actor, Verb.FILING_SUBMIT)
    scope.visible(session, actor, type(row), row.id, "这条备案")
    # Before the row, as whoever decides on it takes the two.
    application = submissions.open_of(session, KIND[type(row)], row.__tablename__, row.id, hold=True)
    row = _held(session, actor, type(row), row)
    if application is None:
        raise refuse("没有可撤回的上报", say("%(row)s 不在审核中", row=f"{row!r}"), LOOK_AGAIN)
    submissions.own_application(actor, application)
    submissions.advance(session, actor, application, ApplicationVerb.WITHDRAW, at)
    turned_down(session, actor, application, ApplicationVerb.WITHDRAW, at)
    return application


def discard(session: AnySession, actor: Actor, row: Filed, at: dt.datetime) -> None:
    """Drop a change that was not submitted: what is in force is all there is again."""
    require(actor, EDIT_VERB[type(row)])
    row = _held(session, actor, type(row), row)
    filing_rights.may_file(session, actor, type(row), row, snapshot(row))
    # Where nothing is in force yet there is nothing to go back to: it must not become approved by this.
    if not row.approved_version or row.filing_state not in EDITABLE:
        remedy = "没有通过过备案的，可以继续修改或删除草稿；审核中的，请先撤回"
        raise refuse("放弃修改", say("%(row)s 没有可以放弃的修改", row=f"{row!r}"), remedy)
    moves.move(session, actor, row, "filing_state", "approved", verb=moves.DISCARD, at=at)
    version = draft_of(session, row)
    if version is not None:
        moves.move(session, actor, version, "state", "withdrawn", verb=moves.DISCARD, at=at)
    if isinstance(row, Unit):
        unit_papers.discarded(session, actor, row, at)


def versions_seen(session: AnySession, actor: Actor, row: Filed) -> list[tuple[Version, Data]]:
    """Versions with what was in force before each, the newest first; those not handed in for who may edit them."""
    held = with_bases(session, versions_of(session, row))
    try:
        require_editing(session, actor, row)
    except Refusal:
        return [(one, base) for one, base in held if one.state == "approved" or one.submitted_at is not None]
    return held


def require_editing(session: AnySession, actor: Actor, row: Filed) -> None:
    """Raise unless the actor may change this row: its partners see it, and not what it is writing."""
    require(actor, EDIT_VERB[type(row)])
    filing_rights.may_file(session, actor, type(row), row, snapshot(row))


def delete_draft(session: AnySession, actor: Actor, row: Filed, at: dt.datetime) -> None:
    """Delete what was never submitted. Anything that stands on the row keeps it (ELV-04)."""
    require(actor, EDIT_VERB[type(row)])
    row = _held(session, actor, type(row), row)
    filing_rights.may_file(session, actor, type(row), row, snapshot(row))
    standing = _standing_on(session, row)
    if standing:
        raise refuse(
            "不能删除",
            say("%(row)s 已有%(names)s", row=f"{row!r}", names=together(standing)),
            "有记录的单位和电梯保留在册；可以修改后重新上报",
        )
    left_behind.clear(session, row.__tablename__, [row.id], at)
    if isinstance(row, Elevator):
        # Printed already, perhaps; a label that leads to nothing is unknown from now on.
        session.execute(delete(ElevatorLabel).where(ElevatorLabel.elevator_id == row.id))
    else:
        unit_papers.forget(session, row)
    audit.record(session, actor, at, f"{row.__tablename__}.delete", row.__tablename__, row.id, before=snapshot(row))
    session.delete(row)
    session.flush()


def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Put a submitted version into force. A declared status takes force once, at the first approval."""
    row, version = subject(session, application, MODEL[application.entity])
    if version.base_number != row.approved_version:
        raise Stale(
            Finding("现行版本", False, say("上报时现行为第 %(base_number)s 版，现为第 %(approved_version)s 版",
                base_number=version.base_number, approved_version=row.approved_version),
                    "请退回，由申请单位在现行版本上修改后重新上报"),
            current=row.row_version,
        )  # fmt: skip
    day, first, before = clock.local_day(at), row.approved_version == 0, snapshot(row)
    place = _region(session, version.data)
    try:
        with session.begin_nested():
            put(row, version.data)
            row.region_code = place.code
            row.approved_version, row.approved_on = version.number, day
            session.flush()
    except IntegrityError:
        session.expire(row)
        # Another was approved in this very moment; the index saw it, now the check does too.
        raise Refusal(
            [f for f in findings(session, row, version.data, day) if f.stops]
            or [Finding("唯一", False, "识别码或统一社会信用代码刚刚被另一份备案占用", "请刷新后核对两份备案")]
        ) from None
    decided(session, actor, version, ApplicationVerb.APPROVE, "approved", application, at)
    version.in_force_from = day
    moves.move(
        session, actor, row, "filing_state", "approved", verb="approve", at=at, application=application,
        reason=application.opinion,
    )  # fmt: skip
    audit.record(
        session, actor, at, f"{row.__tablename__}.in_force", row.__tablename__, row.id,
        before={d.field: d.old for d in differences(before, version.data)},
        after={d.field: d.new for d in differences(before, version.data)} | {"version": version.number},
    )  # fmt: skip
    if isinstance(row, Elevator):
        if first and row.declared_status:
            declared = declared_move(None, ElevatorStatus(row.declared_status))
            moves.move(
                session, actor, row, "status", str(declared), verb=moves.TAKE_OVER, at=at, effective_on=day,
                application=application,
            )  # fmt: skip
        filing_effects.elevator_in_force(session, row, before, application, at, first=first)
        next_days.after_filing(session, SYSTEM, row, at)
    else:
        unit_papers.approved(session, row, application)
        filing_effects.unit_in_force(session, row, before, at)


def turned_down(
    session: AnySession, actor: Actor, application: Application, verb: ApplicationVerb, at: dt.datetime
) -> None:
    """Unlock: 不通过 after a rejection, 待上报 after a withdrawal. The row stays as it was."""
    row, version = subject(session, application, MODEL[application.entity])
    withdrawn = verb is ApplicationVerb.WITHDRAW
    state = FilingState.DRAFT if withdrawn else FilingState.REJECTED
    decided(session, actor, version, verb, "withdrawn" if withdrawn else "rejected", application, at)
    moves.move(
        session, actor, row, "filing_state", state.value, verb=verb.value, at=at, application=application,
        reason=application.opinion,
    )  # fmt: skip
    if isinstance(row, Elevator):
        next_days.after_filing(session, SYSTEM, row, at)


def application_findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """The checks on the approval page: all that submitting needs, the units, and others that claim the same code."""
    row, version = subject(session, application, MODEL[application.entity], hold=False)
    found = findings(session, row, version.data, clock.local_day(at))
    found += filing_checks.unit_by_application(row, version.data, application.unit_id)
    if isinstance(row, Elevator):
        # The officer is told of a unit that is not approved by its own check, which stops the approval.
        found = [f for f in found if f.field not in _PARTIES or f.ok or f.stops]
        found += filing_checks.parties_in_force(session, version.data)
    # What is merely filled in is one line to the officer; what is not, each its own.
    filled = [f for f in found if f.ok and f.rule == filing_checks.REQUIRED]
    found = [
        Finding(filing_checks.REQUIRED, True, say("%(count)s 项已填写", count=len(filled))),
        *(f for f in found if f not in filled),
    ]
    return found + filing_checks.rivals(session, type(row), version.data, row.id)


def findings(session: AnySession, row: Filed, data: Mapping[str, Any], on: dt.date) -> list[Finding]:
    """The checks of a filing's content, passing and failing."""
    validate = validate_unit if isinstance(row, Unit) else validate_elevator
    found = validate(session, data, on=on, row_id=row.id)
    return [*found, *unit_papers.findings(session, row, data, on)] if isinstance(row, Unit) else found


def _held(session: AnySession, actor: Actor, model: FiledModel, row: Filed) -> Any:
    """The row within scope, as it is now, held until the end."""
    scope.visible(session, actor, model, row.id, "这条备案")
    return lock(session, model, row.id)


def _still(row: Filed, expected_version: int | None) -> None:
    if expected_version is not None and expected_version != row.row_version:
        raise Stale(
            Finding(
                "页面已过期", False, say("%(row)s 在您打开页面后被修改过", row=f"{row!r}"), "请核对现在的内容，再次保存"
            ),
            current=row.row_version,
        )


def _create(session: AnySession, actor: Actor, model: FiledModel, data: Data, at: dt.datetime) -> Any:
    row: Any = model(
        filed_by_unit_id=actor.unit_id, created_by_id=actor.user_id, created_at=at,
        filing_state="draft", info_state="new", approved_version=0,
    )  # fmt: skip
    if isinstance(row, Elevator):
        row.public_token = secrets.token_urlsafe(15)
    put(row, data)
    row.region_code = _region(session, data).code
    session.add(row)
    session.flush()
    return row


def _keep(session: AnySession, actor: Actor, row: Filed, data: Data, at: dt.datetime) -> None:
    """Write the draft; for what was never approved the row shows it too."""
    if row.filing_state != FilingState.DRAFT:
        moves.move(session, actor, row, "filing_state", "draft", verb=moves.EDIT, at=at)
    version = draft_of(session, row)
    before = {} if version is None else version.data
    if version is None:
        version = new_version(session, actor, row, data, at)
    version.data = dict(data)
    version.edited_by_id, version.edited_at = actor.user_id, at
    if not row.approved_version:
        put(row, data)
        row.region_code = _region(session, data).code
        if isinstance(row, Unit):
            filing_effects.papers_follow(session, row)
    # Even an edit that leaves the row as it is moves its version: two editors of one draft must notice.
    row.updated_at = at
    flag_modified(row, "updated_at")
    session.flush()
    changed = differences(before, data)
    audit.record(
        session, actor, at, f"{row.__tablename__}.save_draft", row.__tablename__, row.id,
        before={d.field: d.old for d in changed}, after={d.field: d.new for d in changed},
    )  # fmt: skip


def _region(session: AnySession, data: Mapping[str, Any]) -> Region:
    place = session.get(Region, data["region_id"])
    if place is None:
        raise refuse(
            "所在地区",
            say("没有编号为 %(region_id)s 的地区", region_id=data["region_id"]),
            "请从列表选择",
            field="region_id",
        )
    return place


def _title(row: Filed, data: Mapping[str, Any]) -> str:
    deed = "变更" if row.approved_version else "新增"
    what = [data["name"]] if isinstance(row, Unit) else [data["code"], named_place(data.get("estate"), data["address"])]
    return together([deed, *what], "　")


def _waiting_link(session: AnySession, row: Filed) -> str | None:
    application = submissions.open_of(session, KIND[type(row)], row.__tablename__, row.id)
    return None if application is None else submissions.link_of(application)


def _standing_on(session: AnySession, row: Filed) -> list[str]:
    if row.approved_version or row.filing_state == FilingState.PENDING:
        return ["审核记录"]
    tables: list[tuple[Any, str]] = [
        (select(Application.id).where(Application.entity == row.__tablename__, Application.entity_id == row.id), "申请")
    ]
    if isinstance(row, Elevator):
        tables += [
            (select(m.id).where(m.elevator_id == row.id), word)
            for m, word in (
                (Visit, "维保记录"), (MaintenanceOrder, "维保任务"), (ContractElevator, "合同"),
                (MaintenanceLedger, "设备履历"), (Inspection, "检验记录"),
            )
        ]  # fmt: skip
    else:
        tables.append((filing_rights.elevators_of(row), "电梯"))
        tables.append((filing_rights.accounts_of(row), "账号"))
    return [word for statement, word in tables if session.scalar(statement.limit(1).execution_options(skip_scope=True))]


APPLICATION = submissions.Handlers(
    findings=application_findings, approved=approved, turned_down=turned_down, holds=filing_effects.hold_along
)
