"""通报 (STA-03): begun as a job, drafted with what was counted, edited, checked by a second person, issued, sent.

Figures are given by the counting (`reports.bulletin`) and never by a person. An issued one is not touched any more;
what was wrong in it is put right by a new one that names it.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from app import clock
from app.errors import Finding, NotAllowed, NotFound, Stale, raise_failing, refuse
from app.models import (
    Attachment,
    Bulletin,
    BulletinReader,
    Elevator,
    Job,
    MaintenanceClock,
    Region,
    StatusChange,
    Unit,
)
from app.models.among import among
from app.models.bulletin import BULLETIN_STATE
from app.models.region import in_region
from app.permissions import Actor, Verb, require
from app.rules.bulletins import (
    BulletinState,
    BulletinVerb,
    bulletin_move,
    cleaned,
    head_findings,
    one_hand_finding,
    period_finding,
    second_finding,
    text_findings,
)
from app.rules.periods import Period, period_of
from app.scope import visible
from app.transaction import AnySession, hold, insert_many, lock
from app.wording import say
from app.workflows.core import audit, export_records, independence, jobs, moves, outbox
from app.workflows.files import attachments

ENTITY = "bulletin"
FORMATS = ("docx", "pdf")
WORKED_ON = (BulletinState.DRAFT.value, BulletinState.CHECKED.value)
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """What the counting gives: figures, their digest, the policy that held, the run of the scores."""

    figures: dict[str, Any]
    digest: str
    policy: str
    run_id: int | None


def begin(
    session: AnySession, actor: Actor, region: str, period: str, at: dt.datetime, *, corrects: int | None = None,
    reason: str = "",
) -> Job:  # fmt: skip
    """Enter the job that counts and drafts; refused where one of the same region and period is being worked on."""
    require(actor, Verb.BULLETIN_EDIT)
    if corrects is not None:
        wrong = _held(session, actor, corrects, Verb.BULLETIN_EDIT)
        region, period = wrong.region_code, wrong.period
    place, asked = region_of(session, actor, region), period_of(period)
    hold(session, f"bulletin:{place.code} {asked.text}")
    raise_failing([
        period_finding(asked, clock.local_day(at)), *_free(session, place.code, asked),
        *_correction(session, place.code, asked, corrects, reason.strip()),
    ])  # fmt: skip
    params = {
        "region": place.code, "period": asked.text, "as_of": at.isoformat(), "corrects": corrects,
        "reason": reason.strip(), "back": "/bulletins/",
    }  # fmt: skip
    return jobs.enqueue(session, actor, at, "bulletin", say("通报 %(r)s %(p)s", r=place.name, p=asked.words), params)


def draft(
    session: AnySession, actor: Actor, asked: Mapping[str, Any], counted: Counted, texts: Mapping[str, str],
    head: tuple[str, str, str], at: dt.datetime,
) -> Bulletin:  # fmt: skip
    """The draft with its figures. A job that runs twice finds what it drafted the first time.

    `head` is title, office and letters of the number; office and letters are those of the region's last one, if any.
    """
    require(actor, Verb.BULLETIN_EDIT)
    place, period = region_of(session, actor, asked["region"]), period_of(asked["period"])
    as_of = dt.datetime.fromisoformat(asked["as_of"])
    hold(session, f"bulletin:{place.code} {period.text}")
    made: Bulletin | None = session.scalar(
        select(Bulletin).where(
            Bulletin.region_code == place.code, Bulletin.period == period.text, Bulletin.as_of == as_of
        )
    )
    if made is not None:
        return made
    corrects = asked.get("corrects")
    raise_failing([
        *_free(session, place.code, period),
        *_correction(session, place.code, period, corrects, asked.get("reason") or ""),
    ])  # fmt: skip
    last = session.scalar(
        select(Bulletin).where(Bulletin.region_code == place.code).order_by(Bulletin.id.desc()).limit(1)
    )
    wrong = session.get(Bulletin, corrects) if corrects else None
    row = Bulletin(
        region_code=place.code, region_name=place.name, period=period.text, first_on=period.first, last_on=period.last,
        title=head[0], office=last.office if last is not None else head[1],
        mark=last.mark if last is not None else head[2], state=BulletinState.DRAFT.value, as_of=as_of,
        policy=counted.policy, run_id=counted.run_id, figures=counted.figures, digest=counted.digest,
        # What was said in the one that it puts right is said again, to be looked through.
        texts=dict(texts) | (dict(wrong.texts) if wrong is not None else {}), drafted_by=actor.name,
        edited_by_id=actor.user_id, created_by_id=actor.user_id, corrects_id=corrects,
        correct_reason=(asked.get("reason") or "").strip() or None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "bulletin.draft", ENTITY, row.id,
        after={"region": row.region_code, "period": row.period, "as_of": as_of, "digest": row.digest,
               "corrects_id": corrects},
    )  # fmt: skip
    return row


def edit(
    session: AnySession, actor: Actor, key: int, texts: Mapping[str, str], known: Mapping[str, str], at: dt.datetime,
    *, office: str | None = None, mark: str | None = None, seen: int | None = None,
) -> Bulletin:  # fmt: skip
    """Write the texts of a draft, its office and the letters of its number. No figure is among what can be written."""
    row = _held(session, actor, key, Verb.BULLETIN_EDIT)
    if seen is not None and row.row_version != seen:
        found = say("通报已被他人修改（您看到的是第 %(a)s 版，现为第 %(b)s 版）", a=seen, b=row.row_version)
        raise Stale(Finding("同时修改", False, found, "请核对现在的内容后重新提交"), row.row_version)
    drafted, now = row.state == BulletinState.DRAFT, str(BULLETIN_STATE[row.state])
    office, mark = (office or row.office).strip(), (mark or row.mark).strip()
    raise_failing([
        Finding("通报状态", drafted, now, "只有草稿可以编辑；已核对的请先退回修改", field="state"),
        *text_findings(texts, known), *head_findings(office, mark),
    ])  # fmt: skip
    before = {"texts": dict(row.texts), "office": row.office, "mark": row.mark}
    row.texts = dict(row.texts) | {name: cleaned(text) for name, text in texts.items()}
    after = {"texts": row.texts, "office": office, "mark": mark}
    if after != before:
        row.office, row.mark, row.edited_by_id = office, mark, actor.user_id
        session.flush()
        audit.record(session, actor, at, "bulletin.edit", ENTITY, row.id, before=before, after=after)
    return row


def check(session: AnySession, actor: Actor, key: int, at: dt.datetime, seen: int | None = None) -> Bulletin:
    """核对 by a second person, of the very words that he saw."""
    row = _held(session, actor, key, Verb.BULLETIN_EDIT)
    _same(row, seen)
    moved = bulletin_move(BulletinState(row.state), BulletinVerb.CHECK)
    raise_failing([second_finding(_wrote(session, row, actor))])
    row.checked_at, row.checked_by = at, actor.name
    moves.move(session, actor, row, "state", moved.value, verb=BulletinVerb.CHECK.value, at=at)
    title = say("通报待签发：%(title)s", title=row.title)
    who = outbox.officers_of(session, row.region_code, Verb.BULLETIN_ISSUE)
    once = f"bulletin:{row.id}:{at.timestamp():.0f}"
    outbox.notify(session, at, who, "bulletin.issue", title, "", link_of(row), once)
    return row


def send_back(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> Bulletin:
    """退回修改: a draft again, with what is to be put right."""
    row = _held(session, actor, key, Verb.BULLETIN_EDIT)
    moved = bulletin_move(BulletinState(row.state), BulletinVerb.SEND_BACK)
    reason = reason.strip()
    raise_failing([_reason_finding(reason, "退回原因")])
    row.checked_at = row.checked_by = None
    moves.move(session, actor, row, "state", moved.value, verb=BulletinVerb.SEND_BACK.value, at=at, reason=reason)
    outbox.settle(session, at, "bulletin.issue", link_of(row))
    who = [key for key in {row.created_by_id, row.edited_by_id} if key is not None]
    title = say("通报退回修改：%(title)s", title=row.title)
    outbox.notify(session, at, who, "bulletin.back", title, reason, link_of(row))
    return row


def discard(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Bulletin:
    """作废 what was not issued."""
    row = _held(session, actor, key, Verb.BULLETIN_EDIT)
    moved = bulletin_move(BulletinState(row.state), BulletinVerb.DISCARD)
    moves.move(session, actor, row, "state", moved.value, verb=BulletinVerb.DISCARD.value, at=at)
    outbox.settle(session, at, "bulletin.issue", link_of(row))
    return row


def issue(
    session: AnySession, actor: Actor, key: int, at: dt.datetime, seen: int | None = None,
    named: Collection[int] = (),
) -> Bulletin:  # fmt: skip
    """签发: number and signature; from now on nothing of it changes. A job makes its files and sends them.

    `named` are units that its figures name; they and all that maintain elevators of the region are sent it.
    """
    row = _held(session, actor, key, Verb.BULLETIN_ISSUE)
    _same(row, seen)
    moved = bulletin_move(BulletinState(row.state), BulletinVerb.ISSUE)
    year = clock.local_day(at).year
    hold(session, f"bulletin:number {row.region_code} {row.mark} {year}")
    raise_failing([second_finding(_wrote(session, row, actor)), *head_findings(row.office, row.mark)])
    last = session.scalar(
        select(func.max(Bulletin.serial))
        .where(Bulletin.region_code == row.region_code, Bulletin.mark == row.mark, Bulletin.year == year)
        .execution_options(skip_scope=True)
    )
    row.year, row.serial = year, (last or 0) + 1
    row.issued_at, row.signed_by = at, actor.name
    alone = one_hand(session, actor, row)
    note = None if alone.ok else alone.found
    moves.move(session, actor, row, "state", moved.value, verb=BulletinVerb.ISSUE.value, at=at, reason=note)
    audit.record(
        session, actor, at, "bulletin.number", ENTITY, row.id,
        after={"number": row.number, "signed_by": row.signed_by, "digest": row.digest, "texts": row.texts},
    )  # fmt: skip
    readers = _readers(session, row, named)
    insert_many(session, BulletinReader.__table__, [{"bulletin_id": row.id, "unit_id": unit} for unit in readers])
    outbox.settle(session, at, "bulletin.issue", link_of(row))
    title = say("通报成文 %(number)s", number=row.number)
    jobs.enqueue(session, actor, at, "bulletin_files", title, {"bulletin": row.id, "back": link_of(row)})
    return row


def publish(
    session: AnySession, actor: Actor, key: int, made: Mapping[str, tuple[bytes, str]], at: dt.datetime
) -> Bulletin:
    """Keep the files of an issued one, by format (bytes, name), and send it; done again it does nothing twice."""
    row: Bulletin = visible(session, actor, Bulletin, key, "这份通报")
    if row.state != BulletinState.ISSUED:
        raise refuse("通报状态", str(BULLETIN_STATE[row.state]), "只有已印发的通报成文")
    there = files_of(session, row)
    for fmt, (content, name) in made.items():
        if fmt in there:
            continue
        file = attachments.store(
            session, actor, at, io.BytesIO(content), name, ENTITY, ENTITY, row.id, None, row.region_code
        )
        export_records.keep_file(
            session, actor, at, ENTITY, say("通报 %(n)s", n=row.number), file.sha256, row.policy, fmt
        )
    send(session, row, at)
    return row


def send(session: AnySession, row: Bulletin, at: dt.datetime) -> int:
    """Tell those whom it is for: the regulators of the region and below, and the units that it was sent to."""
    units = session.scalars(select(BulletinReader.unit_id).where(BulletinReader.bulletin_id == row.id)).all()
    who = outbox.offices_within(session, row.region_code, Verb.BULLETIN_READ)
    for unit in units:
        who += outbox.accounts_of_unit(session, unit, Verb.BULLETIN_READ)
    title = say("收到通报 %(number)s", number=row.number)
    return outbox.notify(
        session, at, who, "bulletin.sent", title, row.title, link_of(row), f"bulletin:{row.id}:sent"
    )


# --- reading


def barred(session: AnySession, actor: Actor, row: Bulletin) -> list[Finding]:
    """Why the actor can neither check nor issue it, told before he presses."""
    found = second_finding(_wrote(session, row, actor))
    return [] if found.ok else [found]


def one_hand(session: AnySession, actor: Actor, row: Bulletin) -> Finding:
    """Whether who is about to issue it has checked it too: no rule of ours forbids it, and it is said and kept."""
    checked = select(StatusChange.actor_id).where(
        StatusChange.entity == ENTITY, StatusChange.entity_id == row.id, StatusChange.verb == BulletinVerb.CHECK.value
    )
    last = session.scalar(checked.order_by(StatusChange.id.desc()).limit(1))
    return one_hand_finding(actor.user_id is not None and actor.user_id == last)


def files_of(session: AnySession, row: Bulletin) -> dict[str, Attachment]:
    """By format, once they are made."""
    return {file.name.rpartition(".")[2]: file for file in attachments.of(session, ENTITY, row.id)}


def corrected_by(session: AnySession, row: Bulletin) -> Bulletin | None:
    """The issued one that puts this one right, where there is one."""
    statement = select(Bulletin).where(Bulletin.corrects_id == row.id, Bulletin.state == BulletinState.ISSUED.value)
    return session.scalar(statement.order_by(Bulletin.id.desc()).limit(1).execution_options(skip_scope=True))


def link_of(row: Bulletin) -> str:
    return f"/bulletins/{row.id}"


def region_of(session: AnySession, actor: Actor, code: str | None) -> Region:
    """The region asked for, else the actor's own; refused where it is not his."""
    asked = code or actor.region_code or ""
    span = None if actor.sees_everything else actor.region_span
    within = actor.sees_everything or (span is not None and span[0] <= asked < span[1])
    found: Region | None = None
    if len(asked) == 12 and within:
        found = session.scalar(select(Region).where(Region.code == asked))
    if found is None:
        said = say("没有区划代码为 %(code)s 的地区，或不在您的管辖范围内", code=asked[:20]) if asked else "没有选择"
        raise NotFound(Finding("地区", False, said, "请选择辖区内的地区", field="region", value=asked[:20]))
    return found


def may_edit(actor: Actor, row: Bulletin) -> bool:
    """Whether it is the actor's own region's; one of a region above he only reads."""
    if actor.unit_id is not None:
        return False
    span = actor.region_span
    return actor.sees_everything or (span is not None and span[0] <= row.region_code < span[1])


# --- parts


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> Bulletin:
    require(actor, verb)
    visible(session, actor, Bulletin, key, "这份通报")
    row = lock(session, Bulletin, key)
    assert row is not None
    if not may_edit(actor, row):
        raise NotAllowed(Finding("通报", False, "是上级地区的通报", "请由发文地区办理"))
    return row


def _same(row: Bulletin, seen: int | None) -> None:
    if seen is not None and row.row_version != seen:
        found = "您打开页面后，通报又被修改过"
        raise Stale(Finding("同时修改", False, found, "请重新核对后再办理"), row.row_version)


def _wrote(session: AnySession, row: Bulletin, actor: Actor) -> bool:
    """Whether the actor drafted it or ever wrote in it."""
    if actor.user_id is None or actor.user_id in (row.created_by_id, row.edited_by_id):
        return actor.user_id is not None
    return actor.user_id in independence.writers(session, ENTITY, row.id, "bulletin.edit")


def _reason_finding(reason: str, rule: str) -> Finding:
    fits = 0 < len(reason) <= LONGEST_REASON
    found = say("%(n)s 个字", n=len(reason)) if reason else "没有填写"
    return Finding(rule, fits, found, say("请填写 1 至 %(n)s 个字", n=LONGEST_REASON), field="reason")


def _of(region: str, period: Period) -> Any:
    own = select(Bulletin).where(Bulletin.region_code == region, Bulletin.period == period.text)
    return own.execution_options(skip_scope=True)


def _free(session: AnySession, region: str, period: Period) -> list[Finding]:
    open_ = session.scalar(_of(region, period).where(Bulletin.state.in_(WORKED_ON)))
    found = "" if open_ is None else say("已有一份%(state)s的通报", state=BULLETIN_STATE[open_.state])
    return [
        Finding(
            "期间", open_ is None, found, "请打开它继续办理，或先作废", field="period",
            link=None if open_ is None else link_of(open_),
        )
    ]  # fmt: skip


def _correction(
    session: AnySession, region: str, period: Period, corrects: int | None, reason: str
) -> list[Finding]:
    """A period has one issued bulletin; a further one puts the newest right and says why."""
    issued = session.scalar(
        _of(region, period).where(Bulletin.state == BulletinState.ISSUED.value).order_by(Bulletin.id.desc()).limit(1)
    )
    if corrects is None:
        found = "" if issued is None else say("已印发 %(number)s", number=issued.number)
        remedy = "请打开它，另行印发更正"
        link = None if issued is None else link_of(issued)
        return [Finding("期间", issued is None, found, remedy, field="period", link=link)]
    newest = issued is not None and issued.id == corrects
    return [
        Finding("更正", newest, "不是这一期间最近印发的通报", "请打开最近印发的那份再更正", field="corrects"),
        _reason_finding(reason, "更正原因"),
    ]


def _readers(session: AnySession, row: Bulletin, named: Collection[int]) -> list[int]:
    """Units that maintain elevators of the region, and those named, as far as they are approved."""
    serving = (
        select(MaintenanceClock.unit_id).join(Elevator, Elevator.id == MaintenanceClock.elevator_id)
        .where(in_region(MaintenanceClock.region_code, row.region_code), Elevator.is_secret.is_(False))
    )  # fmt: skip
    which = or_(Unit.id.in_(serving), among(session, Unit.id, sorted(named)))
    statement = select(Unit.id).where(Unit.approved_version > 0, which).order_by(Unit.id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))
