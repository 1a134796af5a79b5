"""Policy values: proposed by one, approved by a second, then appended, dated, with a source.

What was judged under an old value stays judged: a value never takes force on a day that is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, NotAllowed, NotFound, Refusal, Stale, raise_failing, refuse
from app.models import PolicyProposal, PolicySnapshot, PolicyValue, Region
from app.models.policy import policy_book, policy_version, until_commit
from app.permissions import Actor, Verb, require
from app.policy import INHERIT, PRESET_KEY, PRESETS, SPECS, Book, Key, check_value, shown, version_of
from app.rules.calendar import day_finding
from app.rules.two_persons import independent
from app.transaction import AnySession, insert_of, lock
from app.wording import say, together
from app.workflows.core import audit, moves, outbox
from app.workflows.core.independence import party
from app.workflows.files import attachments

COUNTRY = "0" * 12
LONGEST_TEXT = 500
BEFORE_ALL = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def propose(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    key: str,
    value: Any,
    region_code: str,
    effective_on: dt.date,
    source: str,
    reason: str = "",
    attachment_ids: Sequence[int] = (),
) -> PolicyProposal:
    """Ask for a value (or a preset) for a region and its subtree from a day on; it holds once a second approves.

    The order that decides it comes along as scans, which whoever reads the proposal reads.

    `INHERIT` ends the region's own value, None means off. Refused while another of the key waits for the region.
    """
    require(actor, Verb.POLICY_EDIT)
    _check_region(session, actor, region_code)
    stored = _check(key, value)
    raise_failing(
        [*_texts(source, reason), day_finding(effective_on, "effective_on", "生效日期"), _not_past(effective_on, at)]
    )
    other = open_of(session, key, region_code)
    if other is not None:
        raise _waits(other)
    made = PolicyProposal(
        key=key, region_code=region_code, value=stored, effective_on=effective_on, source=source.strip(),
        reason=reason.strip() or None, proposed_by_id=actor.user_id, proposed_at=at,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise _waits(open_of(session, key, region_code)) from None
    attachments.adopt(session, actor, attachment_ids, "policy_proposal", made.id)
    audit.record(
        session, actor, at, "policy.propose", "policy_proposal", made.id, before={"value": _now(session, made)},
        after={
            "key": key, "value": stored, "region": region_code, "from": effective_on, "source": made.source,
            "files": len(attachment_ids),
        },
    )  # fmt: skip
    outbox.notify(
        session, at, approvers_of(session, made), "policy", say("政策参数待批准：%(key)s", key=words(key)),
        made.source[:200],
        f"/policy/proposals/{made.id}", f"policy-proposed:{made.id}",
    )  # fmt: skip
    return made


def approve(
    session: AnySession, actor: Actor, proposal_id: int, seen: str, opinion: str, at: dt.datetime
) -> PolicyValue:
    """The second person's word: the value is appended. `seen` is the version of the region's policy on the page."""
    row = _open(session, actor, proposal_id)
    raise_failing([_not_past(row.effective_on, at), *findings(session, actor, row)])
    now = policy_version(session, row.region_code, row.effective_on)
    if seen != now:
        found = say("您打开页面后，该地区的政策由版本 %(seen)s 变为 %(now)s", seen=seen[:12], now=now)
        raise Stale(Finding("所见即所批", False, found, "请刷新页面，看过现在的值后再决定"))
    value = _append(
        session, actor, at, row.key, row.value, row.region_code, row.effective_on, row.source, set_by=row.proposed_by_id
    )
    row.value_id = value.id
    _end(session, actor, row, "approved", "approve", opinion, at)
    return value


def reject(session: AnySession, actor: Actor, proposal_id: int, opinion: str, at: dt.datetime) -> PolicyProposal:
    """Turn a proposal down, with a reason; by the same persons who might approve it."""
    row = _open(session, actor, proposal_id)
    given = bool(opinion.strip())
    said = Finding(
        "意见", given, "已写明" if given else "没有写明不同意的理由", "" if given else "请写明理由，提议人会看到",
        field="opinion",
    )  # fmt: skip
    raise_failing([*findings(session, actor, row), said])
    _end(session, actor, row, "rejected", "reject", opinion, at)
    return row


def withdraw(session: AnySession, actor: Actor, proposal_id: int, at: dt.datetime) -> PolicyProposal:
    """Take one's own proposal back while it waits."""
    row = _open(session, actor, proposal_id)
    if actor.user_id != row.proposed_by_id and not actor.system:
        raise NotAllowed(Finding("提议人", False, "这件提议不是您提出的", "请由提议人撤回，或写明理由不同意"))
    _end(session, actor, row, "withdrawn", "withdraw", "", at)
    return row


def set_value(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    key: str,
    value: Any,
    region_code: str,
    effective_on: dt.date,
    source: str,
    *,
    backdated: bool = False,
) -> PolicyValue:
    """Append a value at once: for whoever sets the platform up from its own machine (`flask policy set`), nobody else.

    A day before today would judge finished days anew: only with `backdated`, and records keep the policy that judged
    them anyway.
    """
    require(actor, Verb.POLICY_EDIT)
    if not actor.system:
        raise NotAllowed(Finding("两人批准", False, "一个人不能单独设置政策参数", "请提出提议，由第二人批准"))
    _check_region(session, actor, region_code)
    stored = _check(key, value)
    past = [] if backdated else [_not_past(effective_on, at)]
    raise_failing([*_texts(source, ""), day_finding(effective_on, "effective_on", "生效日期"), *past])
    return _append(session, actor, at, key, stored, region_code, effective_on, source.strip(), set_by=actor.user_id)


def _append(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    key: str,
    value: Any,
    region_code: str,
    effective_on: dt.date,
    source: str,
    *,
    set_by: int | None,
) -> PolicyValue:
    """The one place where a value comes into being."""
    before = _shown(session, key, region_code, effective_on)
    row = PolicyValue(
        key=key, region_code=region_code, value=value, effective_on=effective_on, source=source, set_by_id=set_by,
        known_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "policy.set", "policy", row.id,
        before={"key": key, "value": before},
        after={"key": key, "value": value, "region": region_code, "from": effective_on, "source": source},
    )  # fmt: skip
    return row


def checked(session: AnySession, actor: Actor, key: str, value: Any, region_code: str) -> Any:
    """A draft's value as it would be stored, or a refusal: for whoever may propose it (back-tests)."""
    require(actor, Verb.POLICY_EDIT)
    _check_region(session, actor, region_code)
    return _check(key, value)


# --- who decides


def findings(session: AnySession, actor: Actor, row: PolicyProposal) -> list[Finding]:
    """Whether this account may be the second one, each condition by itself (GAT-01)."""
    inside = actor.sees_everything or _inside(actor, row.region_code)
    return [
        Finding(
            "决定的地区", inside, "在您的辖区内" if inside else "这个地区不在您的辖区内",
            "" if inside else "请由所在地区或其上级的人员决定",
        ),
        *independent(
            party(session, row.proposed_by_id, row.proposed_at), party(session, actor.user_id, row.proposed_at)
        ),
    ]  # fmt: skip


def approvers_of(session: AnySession, row: PolicyProposal) -> list[int]:
    """Those of the nearest office up the tree who may decide it; where none may, the platform's administrators."""
    first = party(session, row.proposed_by_id, row.proposed_at)
    for office in [*outbox.offices_of(session, row.region_code, Verb.POLICY_EDIT), outbox.platform_admins(session)]:
        able = [one for one in office if all(f.ok for f in independent(first, party(session, one, row.proposed_at)))]
        if able:
            return able
    return []


# --- reading


def open_of(session: AnySession, key: str, region_code: str) -> PolicyProposal | None:
    """The proposal of a key for a region that waits."""
    statement = select(PolicyProposal).where(
        PolicyProposal.key == key, PolicyProposal.region_code == region_code, PolicyProposal.state == "proposed"
    )
    return session.scalar(statement.execution_options(skip_scope=True))


def history(session: AnySession, key: str, codes: list[str]) -> list[PolicyValue]:
    """Every row of a key in some regions, the newest knowledge first."""
    statement = select(PolicyValue).where(PolicyValue.key == key, PolicyValue.region_code.in_(codes))
    return list(session.scalars(statement.order_by(PolicyValue.id.desc())))


def upcoming(session: AnySession, codes: list[str], after: dt.date) -> list[PolicyValue]:
    """Values that take force later, in order of that day; one set again for the same day shows once."""
    statement = select(PolicyValue).where(PolicyValue.region_code.in_(codes), PolicyValue.effective_on > after)
    kept = {
        (row.region_code, row.key, row.effective_on): row
        for row in session.scalars(statement.order_by(PolicyValue.known_at, PolicyValue.id))
    }
    return sorted(kept.values(), key=lambda row: (row.effective_on, row.id))


# By database the versions that were found kept. None is ever taken away, so none is looked up twice.
SEEN_KEPT: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def keep_snapshot(session: AnySession, book: Book, at: dt.datetime) -> str:
    """Keep what a version says, once, and give its name; a record that keeps the name can always be read back."""
    version = version_of(book)
    kept: set[str] = until_commit(session).setdefault("snapshots", set())
    if version in kept:
        return version
    kept.add(version)
    seen = SEEN_KEPT.setdefault(session.get_bind(), set())
    if version in seen:
        return version
    known = select(PolicySnapshot.version).where(PolicySnapshot.version == version)
    if session.scalar(known.execution_options(skip_scope=True)) is not None:
        seen.add(version)
    else:
        values = {key.value: held.value for key, held in book.items()}
        statement = insert_of(session, PolicySnapshot).values(version=version, data=values, kept_at=at)
        session.execute(statement.on_conflict_do_nothing(index_elements=["version"]))
    return version


def said(session: AnySession, version: str, region_code: str | None, on: dt.date) -> Mapping[str, Any] | None:
    """What a version said, by key: as kept, or found again in what the region knew from time to time."""
    row = session.get(PolicySnapshot, version)
    if row is not None:
        return row.data
    instants = session.scalars(select(PolicyValue.known_at).distinct().order_by(PolicyValue.known_at.desc())).all()
    for known_at in [None, *instants, BEFORE_ALL]:
        book = policy_book(session, region_code, on, known_at=known_at)
        if version_of(book) == version:
            return {key.value: held.value for key, held in book.items()}
    return None


def words(key: str) -> str:
    """A key's meaning; the preset has its own."""
    return say("预设") if key == PRESET_KEY else SPECS[Key(key)].meaning if key in set(Key) else key


def value_words(key: str, value: Any) -> str:
    """A stored value in words."""
    if value == INHERIT:
        return say("随上级地区")
    if key == PRESET_KEY:
        return PRESETS[value].label if value in PRESETS else str(value)
    return shown(Key(key), value) if key in set(Key) else str(value)


# --- parts


def _open(session: AnySession, actor: Actor, proposal_id: int) -> PolicyProposal:
    require(actor, Verb.POLICY_EDIT)
    scope.visible(session, actor, PolicyProposal, proposal_id, "这件提议")
    row = lock(session, PolicyProposal, proposal_id)
    assert row is not None
    if row.state != "proposed":
        found = say(
            "这件提议%(state)s",
            state={"approved": "已经批准", "rejected": "已被否决", "withdrawn": "已经撤回"}[row.state],
        )
        raise Stale(Finding("提议状态", False, found, "不需要再处理，请看当前的值"))
    return row


def _end(
    session: AnySession, actor: Actor, row: PolicyProposal, state: str, verb: str, opinion: str, at: dt.datetime
) -> None:
    row.decided_by_id, row.decided_at, row.opinion = actor.user_id, at, opinion.strip()[:LONGEST_TEXT] or None
    moves.move(session, actor, row, "state", state, verb=verb, at=at, reason=row.opinion)
    if verb != "withdraw" and row.proposed_by_id is not None:
        sentence = "政策参数已批准：%(key)s" if verb == "approve" else "政策参数不同意：%(key)s"
        outbox.notify(
            session, at, [row.proposed_by_id], "policy",
            say(sentence, key=words(row.key)), row.opinion or "",
            f"/policy/proposals/{row.id}", f"policy-{verb}:{row.id}",
        )  # fmt: skip


def _inside(actor: Actor, region_code: str) -> bool:
    span = actor.region_span
    return span is not None and actor.unit_id is None and span[0] <= region_code < span[1]


def _check_region(session: AnySession, actor: Actor, region_code: str) -> None:
    own = actor.sees_everything or _inside(actor, region_code)
    exists = region_code == COUNTRY or session.scalar(select(Region.id).where(Region.code == region_code))
    if not own or not exists:
        found = say("没有地区 %(region_code)s，或不在您的管辖范围内", region_code=region_code[:20])
        raise NotFound(refuse("地区", found, "请用 12 位区划代码", field="region_code").findings)


def _texts(source: str, reason: str) -> list[Finding]:
    told = bool(source.strip())
    short = len(source) <= LONGEST_TEXT and len(reason) <= LONGEST_TEXT
    return [
        Finding(
            "依据", told, "已写明" if told else "没有填写依据", "" if told else "请写明文件名称或文号", field="source"
        ),
        Finding(
            "文字长度", short, "在限度内" if short else say("依据或说明超过 %(longest_text)s 个字",
                longest_text=LONGEST_TEXT),
            "" if short else "请缩短，全文可另存文件", field="reason",
        ),
    ]  # fmt: skip


def _not_past(effective_on: dt.date, at: dt.datetime) -> Finding:
    ok = effective_on >= clock.local_day(at)
    return Finding(
        "生效日期", ok, effective_on.isoformat() + ("" if ok else " 早于今天"),
        "" if ok else "请选择今天或以后的日期；已过的日子按当时的政策判定", field="effective_on",
        value=effective_on.isoformat(),
    )  # fmt: skip


def _waits(other: PolicyProposal | None) -> Refusal:
    return refuse(
        "同一参数只能有一件待批准", "这个地区的这个参数已有一件待批准的提议", "请等待决定，或由提议人先撤回",
        field="key", link=None if other is None else f"/policy/proposals/{other.id}",
    )  # fmt: skip


def _check(key: str, value: Any) -> Any:
    if key == PRESET_KEY:
        if value != INHERIT and not (isinstance(value, str) and value in PRESETS):
            raise refuse(
                "预设",
                say("没有预设“%(value)s”", value=value),
                say("可选：%(names)s", names=together(PRESETS)),
                field="value",
                value=value,
            )
        return value
    try:
        known = Key(key)
    except ValueError as error:
        raise refuse(
            "政策参数", say("没有参数“%(key)s”", key=key), "用 flask policy show 查看全部参数", field="key", value=key
        ) from error
    return value if value == INHERIT else check_value(known, value)


def _now(session: AnySession, row: PolicyProposal) -> Any:
    return _shown(session, row.key, row.region_code, row.effective_on)


def _shown(session: AnySession, key: str, region_code: str, on: dt.date) -> Any:
    return None if key == PRESET_KEY else policy_book(session, region_code, on)[Key(key)].value
