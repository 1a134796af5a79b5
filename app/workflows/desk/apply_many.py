"""批量申请 (LIF-01 to LIF-06): one form for many elevators, each of which has its own application by `apply`.

Only what is not said of the single elevator: a day, a reason, papers, the new unit with its contract, a new use unit.
What an application needs besides stands in the register, and each is judged by its own rules, before (`findings`) and
when its turn comes (`apply_one`). A new maintenance unit does not see the elevators yet: it names them by their codes
(`unit_changes.find_all`), which the check keeps as `chosen`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, refuse
from app.models import Application, Attachment, Elevator, Job
from app.permissions import Actor
from app.rules.lifecycle import ELEVATOR_MOVES, KIND_LABELS, ApplicationKind, ChangeCause, ElevatorStatus
from app.transaction import AnySession, hold
from app.wording import say
from app.workflows.approval.submissions import Asked
from app.workflows.core import jobs
from app.workflows.core.one_of_many import by_itself
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.filing import registration_changes
from app.workflows.handover import unit_change_terms, unit_changes

_K = ApplicationKind
KINDS = (
    _K.USE_REGISTRATION, _K.SUSPENSION, _K.REACTIVATION, _K.SCRAPPING, _K.MAINTENANCE_PAUSE, _K.MAINTENANCE_RESUME,
    _K.UNIT_CHANGE, _K.ON_DEMAND, _K.REGISTRATION_CHANGE,
)
# What the form says for all: wrong in it is wrong for every one.
_COMMON = frozenset({"effective_on", "reason", "attachments", "until_on"})
# Told at a field of the form, and yet of the single elevator.
_OF_ONE = frozenset({"没有其他按需维保"})
PAPER, HOLDER = "document", "job"
# One job takes at most so many; so many of those that are named by their codes.
MOST, MOST_CODES = 10_000, 1_000


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for of every elevator alike. `files` are the check's; each application gets rows of its own."""

    kind: str
    effective_on: str | None
    reason: str
    files: list[int] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.effective_on) if self.effective_on else None

    def is_over(self, on: dt.date) -> bool:
        """Whether its day lies before `on`: nothing can be submitted with it any more (`conditions.day`)."""
        return self.day is not None and self.day < on

    def asked(self, actor: Actor, on: dt.date, application_id: int | None = None) -> Asked:
        return Asked(on, self.day, self.reason, self.files, self.data, application_id, actor.unit_id)

    @property
    def side(self) -> str:
        """Of 维保单位变更: for which side it was filled."""
        return str(self.data["side"])

    @property
    def change(self) -> unit_change_terms.Wanted:
        """What 维保单位变更 asks for; its papers are each application's own."""
        said = self.mended
        return unit_change_terms.Wanted(
            "", said["new_unit_id"], said["contract_id"], said["signed_on"], self.day, self.reason
        )

    @property
    def mended(self) -> dict[str, Any]:
        """What it puts right of an application that came back, as `resubmit` takes it."""
        if self.kind != _K.UNIT_CHANGE:
            return self.data
        signed_on = self.data["signed_on"]
        return {**self.data, "signed_on": dt.date.fromisoformat(signed_on) if signed_on else None}

    def data_of(self, session: AnySession, row: Elevator) -> dict[str, Any]:
        """What is asked for of one of them: of 变更登记 what it changes there (`cause` and `values` are the form's)."""
        if self.kind != _K.REGISTRATION_CHANGE:
            return self.data
        return registration_changes.content(session, row, self.data["cause"], self.data["values"])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def form_of(params: Mapping[str, Any]) -> Form:
    """The form as a job's parameters keep it (`as_dict`)."""
    return Form(**params)


def statuses_of(kind: ApplicationKind) -> frozenset[str]:
    """The statuses from which the kind can be applied for; 维保暂停 and its end are of elevators in use."""
    if kind in (_K.UNIT_CHANGE, _K.REGISTRATION_CHANGE):
        return frozenset(status.value for status in ElevatorStatus if status is not ElevatorStatus.SCRAPPED)
    found = frozenset(status.value for what, status in ELEVATOR_MOVES if what is kind)
    return found or frozenset({ElevatorStatus.IN_USE.value})


def fits(kind: ApplicationKind, status: str, paused: bool) -> bool:
    """Whether an elevator of the status, its maintenance `paused` or not, stands as the kind asks."""
    if kind in (_K.MAINTENANCE_PAUSE, _K.MAINTENANCE_RESUME) and paused is not (kind is _K.MAINTENANCE_RESUME):
        return False
    return status in statuses_of(kind)


def findings(session: AnySession, actor: Actor, key: int, form: Form, at: dt.datetime) -> list[Finding]:
    """Can it be applied for, for this elevator? Every condition, as the form of a single one shows it."""
    if form.kind == _K.UNIT_CHANGE:
        asked = form.asked(actor, clock.local_day(at))
        return unit_changes.findings_of(session, actor, key, form.side, form.change, asked)
    row = scope.visible(session, actor, Elevator, key, "这台电梯")
    asked = replace(form.asked(actor, clock.local_day(at)), data=form.data_of(session, row))
    return applications.conditions_of(session, form.kind, row, asked)


def wrong_for_all(
    session: AnySession, actor: Actor, form: Form, one: Elevator, on: dt.date, application_id: int | None = None
) -> list[Finding]:
    """What of the form stops every one of them; `one` is asked of kinds whose conditions are about an elevator."""
    asked = form.asked(actor, on, application_id)
    if form.kind == _K.UNIT_CHANGE:
        return [one for one in unit_change_terms.of_all(session, asked) if one.stops]
    if form.kind == _K.REGISTRATION_CHANGE:
        cause = ChangeCause(form.data["cause"])
        found = registration_changes.of_all(session, cause, form.data["values"], asked)
        return [one for one in found if one.stops]
    found = applications.conditions_of(session, form.kind, one, asked)
    # How long an interval may be is the policy of each elevator's region; none at all is wrong in every one.
    names = _COMMON | ({"interval_days"} if form.data.get("interval_days") is None else set())
    return [one for one in found if one.stops and one.field in names and one.rule not in _OF_ONE]


def look(
    session: AnySession, actor: Actor, form: Form, n: int, params: Mapping[str, Any], at: dt.datetime
) -> Job:  # fmt: skip
    """Have a job look at each of the `n` elevators that `params` name: a list's address, or `chosen`."""
    title = say("批量申请核对：%(kind)s %(n)s 台", kind=KIND_LABELS[ApplicationKind(form.kind)], n=n)
    check = jobs.enqueue(session, actor, at, "apply_check", title, {**params, "form": form.as_dict()})
    # What stays sent ahead is swept away after a day; the check may be confirmed later.
    attachments.adopt(session, actor, form.files, HOLDER, check.id)
    return check


def own_check(session: AnySession, actor: Actor, check_id: int) -> Job:
    """The actor's own check; else NotFound."""
    check = jobs.of(session, actor, check_id)
    if check.kind != "apply_check" or check.created_by_id != actor.user_id:
        raise scope.not_found(check_id, "这次核对")
    return check


def confirm(session: AnySession, actor: Actor, check_id: int, at: dt.datetime, language: str | None, back: str) -> int:
    """The job that applies for those of a check that can; asked again, the job of the first time."""
    hold(session, f"apply:{actor.user_id}")
    check = own_check(session, actor, check_id)
    entered = led_to(check)
    if entered is not None:
        return entered
    form, can = form_of(check.params["form"]), (check.result or {}).get("can", 0)
    if check.state != "done" or not can:
        raise refuse("批量申请", "核对没有完成，或没有能申请的电梯", "请等核对完成，或改正后重新核对")
    if form.is_over(clock.today()):
        found = say("生效日期 %(on)s 已经过去", on=form.effective_on)
        raise refuse("核对已过期", found, "请返回修改，重新核对")
    papers(session, actor, form, check.id)
    title = say("批量申请%(kind)s：%(n)s 台", kind=KIND_LABELS[ApplicationKind(form.kind)], n=can)
    params = {"check": check.id, "form": form.as_dict(), "language": language, "back": back}
    job = jobs.enqueue(session, actor, at, "apply", title, params)
    lead(check, job)
    return job.id


def called(session: AnySession, check: int) -> dict[int, str]:
    """The codes by which a check's elevators were named; nothing where they were found by a list."""
    row = session.get(Job, check)
    return dict(row.params.get("chosen") or []) if row is not None else {}


def led_to(check: Job) -> int | None:
    """The job to which a check has led already: its number stands in the check's result."""
    found = (check.result or {}).get("entered")
    return int(found) if found is not None else None


def lead(check: Job, job: Job) -> None:
    """Keep with the check that this job applies for what it found."""
    check.result = {**(check.result or {}), "entered": job.id}


def found_by(session: AnySession, actor: Actor, check: int) -> list[int]:
    """The elevators that the actor's check said can be applied for; Refusal where it is kept no more."""
    row = session.get(Job, check)
    if row is None or row.created_by_id != actor.user_id or row.kind != "apply_check":
        raise refuse("核对已过期", "核对的结果已经删除", "请重新核对")
    return [int(key) for key in (row.result or {}).get("ids", [])]


def papers(session: AnySession, actor: Actor, form: Form, check: int) -> list[Attachment]:
    """The form's papers, which are kept with the job that checked it as long as what jobs make (`retention`).

    Raise where one is there no more, is not the actor's, or was closed by the scanner.
    """
    held = {row.id: row for row in attachments.of(session, HOLDER, check)} if form.files else {}
    found = [held[key] for key in form.files if key in held]
    if len(found) < len(form.files) or any((f.uploaded_by_id, f.kind) != (actor.user_id, PAPER) for f in found):
        raise refuse("材料", "核对时上传的材料已过期", "请重新上传并核对", field="attachments")
    for one in found:
        attachments.not_infected(one)
    return found


def apply_one(
    session: AnySession, actor: Actor, key: int, form: Form, check: int, batch: int, at: dt.datetime
) -> Application:  # fmt: skip
    """The application for one of many elevators, in a transaction of its own, with its own rows of the papers.

    `check` and `batch` are the numbers of the job that looked at them and of the one that applies for them.
    """

    def deed(own: AnySession) -> Application:
        changes = form.kind == _K.UNIT_CHANGE
        row = unit_changes.reached(own, actor, key) if changes else scope.visible(own, actor, Elevator, key, "这台电梯")
        place = ("application", actor.unit_id, row.region_code)
        files = [attachments.copied(own, actor, at, file, *place).id for file in papers(own, actor, form, check)]
        if changes:
            wanted = replace(form.change, attachments=files)
            return unit_changes.apply_to(own, actor, key, form.side, wanted, at, batch)
        return applications.apply(
            own, actor, form.kind, row, effective_on=form.day, reason=form.reason, attachments=files, at=at,
            data=form.data_of(own, row), batch=batch,
        )  # fmt: skip

    return by_itself(session, deed, f"elevator {key}")


def handed_in(session: AnySession, batch: int) -> dict[int, tuple[int, str]]:
    """What a batch has applied for already, by elevator: the application's id and number."""
    statement = select(Application.elevator_id, Application.id, Application.number).where(Application.batch == batch)
    rows = session.execute(statement.execution_options(skip_scope=True))
    return {elevator_id: (key, number) for elevator_id, key, number in rows if elevator_id is not None}
