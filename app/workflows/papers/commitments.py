"""维保承诺书 (UNT-08): handed in with the stamped scan, in force once the regulator approved it, for its time only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from app import clock
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Application, Commitment, Unit
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.approval import ApplicationVerb
from app.rules.calendar import day_finding
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.approval.following import Following, scans_of
from app.workflows.approval.submissions import Mend, Values

KIND = ApplicationKind.COMMITMENT
LONGEST_NOTE = 500
_PAPER = Following(Commitment, "维保承诺书", "这份承诺书")
WAITING = ("submitted", "accepted", "endorsed", "returned")


def submit(
    session: AnySession,
    actor: Actor,
    valid_from: dt.date | None,
    valid_until: dt.date | None,
    note: str,
    scans: Sequence[int],
    pictures: Sequence[int],
    at: dt.datetime,
) -> Application:
    """Hand in a letter of the own unit: stamped scan, perhaps pictures, from which day to which day."""
    require(actor, Verb.COMMITMENT_EDIT)
    unit = own_unit(session, actor)
    today = clock.local_day(at)
    raise_failing([
        *_said(session, unit.region_code, valid_from, valid_until, note, today),
        Finding("附件", bool(scans), "没有上传盖章的承诺书", "请上传盖章后的扫描件", field="scan"),
        _none_waits(session, unit.id),
    ])  # fmt: skip
    row = Commitment(
        unit_id=unit.id, region_code=unit.region_code, valid_from=valid_from, valid_until=valid_until,
        note=note.strip() or None, created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    application = submissions.open_application(
        session, actor, KIND.value, entity=Commitment.__tablename__, entity_id=row.id,
        title=_title(unit, row),
        region_code=unit.region_code, at=at,
        attachments=[*scans, *pictures],
    )  # fmt: skip
    _PAPER.follow(session, actor, row, ApplicationVerb.SUBMIT, at, application)
    return application


def own_unit(session: AnySession, actor: Actor) -> Unit:
    """The actor's maintenance unit, held, so that two letters handed in at once are seen one after the other."""
    unit = lock(session, Unit, actor.unit_id) if actor.unit_id is not None else None
    if unit is None or not unit.is_maintenance:
        raise NotAllowed(Finding("维保单位", False, "您的账号不属于维保单位", "请由维保单位的账号办理"))
    return unit


def _title(unit: Unit | None, row: Commitment) -> str:
    return say(
        "维保承诺书　%(name)s　%(valid_from)s 至 %(valid_until)s", name=unit, valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


def _said(
    session: AnySession, region_code: str, valid_from: dt.date | None, valid_until: dt.date | None, note: str,
    today: dt.date,
) -> list[Finding]:  # fmt: skip
    count = len(note.strip())
    found = say("%(count)s 个字", count=count)
    most = say("最多 %(longest_note)s 个字", longest_note=LONGEST_NOTE)
    return [
        *_dates(session, region_code, valid_from, valid_until, today),
        Finding("备注", count <= LONGEST_NOTE, found, most, field="note"),
    ]


def _dates(
    session: AnySession, region_code: str, valid_from: dt.date | None, valid_until: dt.date | None, today: dt.date
) -> list[Finding]:
    if valid_from is None or valid_until is None:
        missing = [("承诺起始", "valid_from", valid_from), ("承诺截止", "valid_until", valid_until)]
        return [Finding(w, False, "没有填写", "请选择日期", field=f) for w, f, value in missing if value is None]
    found = [day_finding(valid_from, "valid_from", "承诺起始"), day_finding(valid_until, "valid_until", "承诺截止")]
    years = policy_value(session, Key.COMMITMENT_MAX_YEARS, region_code, today)
    held = [
        (
            valid_from <= valid_until,
            say("%(valid_from)s 至 %(valid_until)s", valid_from=valid_from, valid_until=valid_until),
            "截止日不能早于起始日",
        ),
        (valid_until >= today, say("%(valid_until)s 已过", valid_until=valid_until), "请选择今天或以后的截止日"),
    ]
    if years is not None and not any(f.stops for f in found):
        last = _years_on(valid_from, int(years)) - dt.timedelta(days=1)
        held.append(
            (
                valid_until <= last,
                say("超过 %(years)s 年，最晚到 %(last)s", years=years, last=last),
                "请缩短期限，到期再承诺",
            )
        )
    return found + [Finding("承诺期限", ok, said, way, field="valid_until") for ok, said, way in held]


def _years_on(on: dt.date, years: int) -> dt.date:
    """The same day years later; 29 February becomes 1 March where there is none."""
    try:
        return on.replace(year=on.year + years)
    except ValueError:
        return dt.date(on.year + years, 3, 1)


def _none_waits(session: AnySession, unit_id: int) -> Finding:
    other = _PAPER.waiting(session, Commitment.unit_id == unit_id)
    return Finding(
        "同一事项只能有一件在办", other is None,
        say("已有办理中的维保承诺书 %(number)s", number=other.number) if other else "没有办理中的维保承诺书",
        "请等待办结，或先撤回再提交", link=f"/applications/{other.id}" if other else None,
    )  # fmt: skip


# --- as an application


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """Scan there and open to be read, the time not over, the unit still one that maintains."""
    row = _PAPER.row(session, application)
    unit = session.get(Unit, row.unit_id)
    on = clock.local_day(at)
    kinds, readable = scans_of(session, application)
    scans = sum(kind in ("commitment", "document") for kind in kinds)
    maintains = unit is not None and unit.is_maintenance
    valid = row.valid_until >= on
    return [
        Finding("盖章扫描件", scans > 0, say("%(scans)s 份", scans=scans), "" if scans else "请退回，补交盖章的承诺书"),
        readable,
        Finding(
            "承诺期限",
            valid,
            say("%(valid_from)s 至 %(valid_until)s", valid_from=row.valid_from, valid_until=row.valid_until),
            "" if valid else "已过截止日，请退回改期",
        ),
        Finding("维保单位", maintains, f"{unit}", "" if maintains else "已不是维保单位，请核对"),
    ]


def _put_right(
    session: AnySession, actor: Actor, application: Application, row: Commitment, values: Values, at: dt.datetime
) -> None:
    valid_from, valid_until = values.get("valid_from"), values.get("valid_until")
    note = str(values.get("note") or "").strip()
    raise_failing(_said(session, row.region_code, valid_from, valid_until, note, clock.local_day(at)))
    assert valid_from is not None and valid_until is not None
    row.valid_from, row.valid_until, row.note = valid_from, valid_until, note or None
    submissions.entitle(application, _title(session.get(Unit, row.unit_id), row))


MENDS = (
    Mend("valid_from", say("承诺起始"), "date"), Mend("valid_until", say("承诺截止"), "date"),
    Mend("note", say("备注"), required=False),
)  # fmt: skip
APPLICATION = _PAPER.handlers(findings, MENDS, _put_right, Verb.COMMITMENT_EDIT)
