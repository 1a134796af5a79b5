"""批量申请 (LIF-01 to LIF-04, LIF-06): one form for many elevators, each of which has its own application by `apply`.

Only kinds in which nothing is said of the single elevator: a day, a reason, papers. What an application needs besides
stands in the register, and each is judged by its own rules, before (`findings`) and when its turn comes (`apply_one`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, refuse
from app.models import Application, Attachment, Elevator, Job
from app.permissions import Actor
from app.rules.lifecycle import ELEVATOR_MOVES, ApplicationKind, ElevatorStatus
from app.transaction import AnySession
from app.workflows.approval.submissions import Asked
from app.workflows.desk import applications, many
from app.workflows.files import attachments

_K = ApplicationKind
KINDS = (
    _K.USE_REGISTRATION, _K.SUSPENSION, _K.REACTIVATION, _K.SCRAPPING, _K.MAINTENANCE_PAUSE, _K.MAINTENANCE_RESUME,
)
# What the form says for all: wrong in it is wrong for every one.
COMMON = frozenset({"effective_on", "reason", "attachments", "until_on"})
PAPER, HOLDER = "document", "job"
# One job takes at most so many.
MOST = 10_000


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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def form_of(params: Mapping[str, Any]) -> Form:
    """The form as a job's parameters keep it (`as_dict`)."""
    return Form(**params)


def statuses_of(kind: ApplicationKind) -> frozenset[str]:
    """The statuses from which the kind can be applied for; 维保暂停 and its end are of elevators in use."""
    found = frozenset(status.value for what, status in ELEVATOR_MOVES if what is kind)
    return found or frozenset({ElevatorStatus.IN_USE.value})


def fits(kind: ApplicationKind, status: str, paused: bool) -> bool:
    """Whether an elevator of the status, its maintenance `paused` or not, stands as the kind asks."""
    if kind in (_K.MAINTENANCE_PAUSE, _K.MAINTENANCE_RESUME) and paused is not (kind is _K.MAINTENANCE_RESUME):
        return False
    return status in statuses_of(kind)


def findings(session: AnySession, actor: Actor, key: int, form: Form, at: dt.datetime) -> list[Finding]:
    """Can it be applied for, for this elevator? Every condition, as the form of a single one shows it."""
    row = scope.visible(session, actor, Elevator, key, "这台电梯")
    return applications.conditions_of(session, form.kind, row, form.asked(actor, clock.local_day(at)))


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
        row = scope.visible(own, actor, Elevator, key, "这台电梯")
        place = ("application", actor.unit_id, row.region_code)
        files = [attachments.copied(own, actor, at, file, *place).id for file in papers(own, actor, form, check)]
        return applications.apply(
            own, actor, form.kind, row, effective_on=form.day, reason=form.reason, attachments=files, at=at,
            data=form.data, batch=batch,
        )  # fmt: skip

    return many.by_itself(session, deed, f"elevator {key}")


def handed_in(session: AnySession, batch: int) -> dict[int, tuple[int, str]]:
    """What a batch has applied for already, by elevator: the application's id and number."""
    statement = select(Application.elevator_id, Application.id, Application.number).where(Application.batch == batch)
    rows = session.execute(statement.execution_options(skip_scope=True))
    return {elevator_id: (key, number) for elevator_id, key, number in rows if elevator_id is not None}
