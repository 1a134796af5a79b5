"""Contract changes that touch days before today: asked for with a reason, put into force by a regulator's approval.

What was judged overdue stays judged: it goes by what was known when the limit's day was over (rules.md, Contracts).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Finding, refuse
from app.models import Application, Contract, ContractElevator
from app.permissions import Actor, Verb, require
from app.rules.contracts import Span
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.approval.submissions import Mend, Values
from app.workflows.contracts import contracts, cover
from app.workflows.core import audit

DAYS = ("signed_on", "starts_on", "ends_on")


def request(
    session: AnySession,
    actor: Actor,
    contract_id: int,
    data: Mapping[str, Any],
    reason: str,
    at: dt.datetime,
    expected_version: int | None = None,
) -> Application:
    """Ask the regulator for new values of a contract, its elevators following; until then all stays as it is.

    Elevators bound after the contract began are asked for from its first day on.
    """
    require(actor, Verb.CONTRACT_EDIT)
    contract = contracts.own(session, actor, contract_id, whole=True)
    contracts.check_version(contract, expected_version)
    reason = reason.strip()
    if not reason:
        raise refuse("变更原因", "没有填写变更原因", "改变今天以前的合同关系须说明原因", field="reason")
    today = clock.local_day(at)
    values = contracts.checked(session, actor, contract, data, today)
    now = {name: getattr(contract, name) for name in contracts.FIELDS}
    asked = {name: value for name, value in values.items() if value != now[name]}
    backdate = _cover_missing(session, contract, today)
    if not asked and not backdate:
        raise refuse("合同变更", "没有任何改动", "请先修改合同内容，再提交变更")
    content = {"before": _plain(now), "after": _plain(values), "backdate": backdate}
    return submissions.open_application(
        session, actor, "contract_change", entity="contract", entity_id=contract.id, title=_title(contract, values),
        region_code=contract.region_code, at=at, effective_on=today, reason=reason, data=content,
    )  # fmt: skip


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """The checks of a change: the contract as it was when asked, no other contract on the new days."""
    statement = select(Contract).where(Contract.id == application.entity_id)
    contract = session.scalar(statement.execution_options(skip_scope=True))
    if contract is None:
        return [Finding("合同", False, "合同已不存在", "请退回申请")]
    now = _plain({name: getattr(contract, name) for name in contracts.FIELDS})
    same = now == application.data["before"]
    found = "与提交时一致" if same else "提交后合同又有改动"
    checks = [Finding("合同未再变动", same, found, "" if same else "请退回，由单位核对后重新提交")]
    _, moved = _asked(session, contract, application)
    clashes = contracts.double_cover(session, contract, [(row.elevator_id, span) for row, span in moved if span])
    return checks + (clashes or [Finding("一台电梯同日只能有一份合同", True, "没有其他合同与新的日期重叠")])


def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Put the asked values into force; the bindings follow, as known from now on."""
    contract = lock(session, Contract, application.entity_id)
    if contract is None:
        raise refuse("合同", "合同已不存在", "请退回申请")
    before = {name: getattr(contract, name) for name in contracts.FIELDS}
    values, moved = _asked(session, contract, application)
    contracts.put_in_force(session, actor, contract, values, moved, at)
    audit.record(session, actor, at, "contract.change", "contract", contract.id, before=before, after=values)


def _title(contract: Contract, values: Mapping[str, Any]) -> str:
    return say(
        "合同变更 %(number)s：%(starts_on)s 至 %(ends_on)s",
        number=contract.number,
        starts_on=values["starts_on"],
        ends_on=values["ends_on"],
    )


def _mended(session: AnySession, actor: Actor, application: Application, given: Values, at: dt.datetime) -> None:
    """Other days than were asked for, on top of the contract as it is now."""
    contract = contracts.own(session, actor, application.entity_id, whole=True)
    today = clock.local_day(at)
    now = {name: getattr(contract, name) for name in contracts.FIELDS}
    # What nobody asked for stays as it is now, however it was when the change was asked for.
    before, asked = application.data["before"], _values(application)
    wanted = {name: asked[name] for name, value in application.data["after"].items() if value != before.get(name)}
    values = contracts.checked(session, actor, contract, {**now, **wanted, **given}, today)
    backdate = _cover_missing(session, contract, today)
    if values == now and not backdate:
        raise refuse("合同变更", "没有任何改动", "请先修改合同内容，再提交变更", field="starts_on")
    kept = {"attachments": application.data.get("attachments", [])}
    application.data = {"before": _plain(now), "after": _plain(values), "backdate": backdate, **kept}
    submissions.entitle(application, _title(contract, values))


def _filed(session: AnySession, application: Application) -> Values:
    return {one.name: _values(application)[one.name] for one in MENDS}


MENDS = (
    Mend("signed_on", say("签订日期"), "date"), Mend("starts_on", say("起始日期"), "date"),
    Mend("ends_on", say("截止日期"), "date"),
)  # fmt: skip
APPLICATION = submissions.Handlers(
    findings=findings, approved=approved, mended=_mended, mends=MENDS, mends_by=Verb.CONTRACT_EDIT, filed=_filed
)


def _values(application: Application) -> dict[str, Any]:
    """The contract as it is asked for."""
    values = dict(application.data["after"])
    return values | {name: dt.date.fromisoformat(values[name]) if values[name] else None for name in DAYS}


def _asked(
    session: AnySession, contract: Contract, application: Application
) -> tuple[dict[str, Any], list[tuple[ContractElevator, Span | None]]]:
    """The values asked for, and each binding with its days to be."""
    values = _values(application)
    new = Span(values["starts_on"], values["ends_on"])
    chosen = set(application.data.get("backdate") or ())
    moved = []
    for row in cover.live_bindings(session, contract.id):
        span = contracts.span_after(contract, row, new)
        if span is not None and row.elevator_id in chosen:
            span = Span(new.from_on, span.to_on)
        moved.append((row, span))
    return values, moved


def _cover_missing(session: AnySession, contract: Contract, today: dt.date) -> list[int]:
    """Elevators that the contract covers later than from its first day: bound after it had begun."""
    late = [r for r in cover.live_bindings(session, contract.id) if r.starts_on > contract.starts_on]
    return sorted({r.elevator_id for r in late if r.ends_on >= today and contract.starts_on < today})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in values.items()}
