"""Own lists of maintenance items, version by version: drafted, submitted, put in force by a second person (PLN-08).

A unit's list is approved by the regulator of its place, a region's by another person who may keep such lists there.
What is in force is never edited: a new version is made from it. Visits that have begun keep the list of their day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, scope
from app.errors import Finding, NotAllowed, Stale, raise_failing, refuse
from app.models import ItemSet, Unit
from app.models.item_set import ITEM_KIND, ITEM_SET_STATE
from app.permissions import Actor, Verb, require
from app.reference import CURRENT
from app.rules import item_lists as rules
from app.rules.calendar import day_finding
from app.rules.item_lists import Item
from app.rules.steps import LOOK_AGAIN
from app.rules.two_persons import Party, independent
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, independence, moves, outbox
from app.workflows.core.independence import party
from app.workflows.maintenance import item_lists

COUNTRY = "0" * 12
LONGEST_NAME, LONGEST_TEXT = 40, 500
OPEN = ("draft", "submitted", "returned")
EDITABLE = ("draft", "returned")


def start(session: AnySession, actor: Actor, kind: str, at: dt.datetime) -> ItemSet:
    """A draft of the own list: what holds now, to be added to; the own unit's, else the own region's.

    The one that is being worked on is given again: an owner has one of a kind at a time.
    """
    require(actor, Verb.ITEM_EDIT)
    if kind not in ITEM_KIND:
        raise refuse("适用电梯", say("没有“%(kind)s”这一类", kind=kind[:10]), "请从列表中选择", field="kind")
    unit_id, region_code = _owner(session, actor)
    open_one = _of_owner(session, unit_id, region_code, kind, OPEN)
    if open_one:
        return open_one[-1]
    today = clock.local_day(at)
    before = _of_owner(session, unit_id, region_code, kind, ("in_force",))
    last = max(before, key=lambda one: (one.from_on, one.id), default=None)
    made = ItemSet(
        kind=kind, unit_id=unit_id, region_code=region_code, name=f"{today.year}-{len(before) + 1}", from_on=today,
        rows=[dict(one) for one in last.rows] if last else [], created_by_id=actor.user_id,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        return _of_owner(session, unit_id, region_code, kind, OPEN)[-1]
    audit.record(session, actor, at, "item_set.start", "item_set", made.id, after=_told(made))
    return made


def save(
    session: AnySession, actor: Actor, key: int, name: str, from_on: dt.date, basis: str, given: Sequence[Item],
    at: dt.datetime, seen_version: int | None = None,
) -> ItemSet:  # fmt: skip
    """Write a draft: `given` is the whole list as it is to read; every failing condition at once."""
    row = _own(session, actor, key)
    _in_state(row, EDITABLE, "修改")
    if seen_version is not None and row.row_version != seen_version:
        raise Stale(
            Finding("同时修改", False, "这个版本刚刚被他人修改", "请核对现在的内容后重新提交"), row.row_version
        )
    name, base, before = " ".join(name.split()), inherited(session, row, from_on), _told(row)
    raise_failing([
        *_texts(session, row, name, basis), day_finding(from_on, "from_on", "启用日期"), _not_past(from_on, at),
        *rules.findings(base, given),
    ])  # fmt: skip
    row.name, row.from_on, row.basis = name, from_on, basis.strip() or None
    row.rows = rules.own_rows(base, given, _prefix(row), given_codes(session, row))
    session.flush()
    after = _told(row)
    if before != after:
        audit.record(session, actor, at, "item_set.save", "item_set", row.id, before=before, after=after)
    return row


def submit(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> ItemSet:
    """Hand a draft to the second person; what it inherits may have changed since it was written."""
    row = _own(session, actor, key)
    _in_state(row, EDITABLE, "提交")
    raise_failing([
        *_texts(session, row, row.name, row.basis or ""), _not_past(row.from_on, at),
        *rules.findings(inherited(session, row, row.from_on), whole(session, row)), _has_rows(session, row),
    ])  # fmt: skip
    row.submitted_by_id, row.submitted_at, row.opinion = actor.user_id, at, None
    row.decided_by_id = row.decided_at = None
    moves.move(session, actor, row, "state", "submitted", verb="submit", at=at)
    outbox.notify(
        session, at, approvers_of(session, row), "approval", say("维保项目待批准：%(name)s", name=title_of(row)),
        say("自 %(day)s 起启用", day=row.from_on.isoformat()), f"/item-sets/{row.id}",
        f"item-set-submitted:{row.id}:{row.row_version}",
    )  # fmt: skip
    return row


def withdraw(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> ItemSet:
    """Take it back while it waits: it is a draft again."""
    row = _own(session, actor, key)
    _in_state(row, ("submitted",), "撤回")
    moves.move(session, actor, row, "state", "draft", verb="withdraw", at=at)
    return row


def discard(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> ItemSet:
    """Give a draft up; the version in force stays in force."""
    row = _own(session, actor, key)
    _in_state(row, EDITABLE, "放弃")
    moves.move(session, actor, row, "state", "discarded", verb="discard", at=at)
    return row


def approve(
    session: AnySession, actor: Actor, key: int, seen_version: int | None, opinion: str, at: dt.datetime
) -> ItemSet:
    """The second person's word: from its day on the list holds, and never changes."""
    row = _to_decide(session, actor, key, seen_version)
    base = inherited(session, row, row.from_on)
    raise_failing([
        *findings(session, actor, row), _not_past(row.from_on, at), *rules.findings(base, whole(session, row)),
    ])  # fmt: skip
    _end(session, actor, row, "in_force", "approve", opinion, at)
    return row


def send_back(
    session: AnySession, actor: Actor, key: int, seen_version: int | None, opinion: str, at: dt.datetime
) -> ItemSet:
    """Return it with a reason, by the same persons who might approve it."""
    row = _to_decide(session, actor, key, seen_version)
    given = bool(opinion.strip())
    said = Finding(
        "意见", given, "已写明" if given else "没有写明退回的理由", "" if given else "请写明理由，提交人会看到",
        field="opinion",
    )  # fmt: skip
    raise_failing([*findings(session, actor, row), said])
    _end(session, actor, row, "returned", "return", opinion, at)
    return row


# --- who decides


def findings(session: AnySession, actor: Actor, row: ItemSet) -> list[Finding]:
    """Whether this account may be the second one, each condition by itself."""
    span = actor.region_span
    inside = actor.sees_everything or (
        actor.unit_id is None and span is not None and span[0] <= row.region_code < span[1]
    )
    first, second = _submitter(session, row), party(session, actor.user_id, row.submitted_at)
    wrote = actor.user_id in independence.writers(session, "item_set", row.id, "item_set.save")
    return [
        Finding(
            "决定的地区", inside, "在您的辖区内" if inside else "这个地区不在您的辖区内",
            "" if inside else "请由所在地区或其上级的人员决定",
        ),
        *independent(first, second, "提交人"),
        Finding(
            "没有参与编写", not wrote, "您修改过这个版本" if wrote else "您没有修改过这个版本",
            "请由没有参与编写的人员决定" if wrote else "",
        ),
    ]  # fmt: skip


def decides(actor: Actor, row: ItemSet) -> bool:
    """Whose word it may be by what his roles allow: a unit's list is the regulator's, a region's its keepers'."""
    if actor.unit_id is not None:
        return False
    return actor.may(Verb.ITEM_EDIT if row.unit_id is None else Verb.APPLICATION_DECIDE)


def approvers_of(session: AnySession, row: ItemSet) -> list[int]:
    """Those of the nearest office up the tree who may decide it; where none may, the platform's administrators."""
    first = _submitter(session, row)
    verb = Verb.ITEM_EDIT if row.unit_id is None else Verb.APPLICATION_DECIDE
    for office in [*outbox.offices_of(session, row.region_code, verb), outbox.platform_admins(session)]:
        able = [one for one in office if all(f.ok for f in independent(first, party(session, one, row.submitted_at)))]
        if able:
            return able
    return []


def _submitter(session: AnySession, row: ItemSet) -> Party:
    """Accounts of units are made and reset by their officers, which alone makes no interest (`independence`)."""
    first = party(session, row.submitted_by_id, row.submitted_at)
    return first if row.unit_id is None else Party(first.account_id, person_id=first.person_id)


# --- reading


def inherited(session: AnySession, row: ItemSet, on: dt.date) -> tuple[Item, ...]:
    """The list that an own one is put on: the statutory items and those of the regions above it, on a day."""
    return item_lists.whole(session, row.kind, base_version(session, row, on))


def base_version(session: AnySession, row: ItemSet, on: dt.date | None = None) -> str:
    """The name of that list, on a day or on the first one of the version."""
    found = [
        head for head in item_lists.heads(session, None)
        if not (row.unit_id is None and head.region_code == row.region_code)
    ]  # fmt: skip
    return rules.version_of(CURRENT, item_lists.holding(found, None, row.region_code, row.kind, on or row.from_on))


def whole(session: AnySession, row: ItemSet) -> tuple[Item, ...]:
    """The whole list of a version, as it reads on its first day."""
    return rules.compose(inherited(session, row, row.from_on), row.rows, row.kind)


def former(session: AnySession, row: ItemSet) -> ItemSet | None:
    """The owner's version in force that came before this one."""
    rows = _of_owner(session, row.unit_id, row.region_code, row.kind, ("in_force",))
    place = (row.from_on, row.id)
    before = [one for one in rows if one.id != row.id and (one.from_on, one.id) < place]
    return max(before, key=lambda one: (one.from_on, one.id), default=None)


def title_of(row: ItemSet) -> str:
    """What a version is called where it is spoken of."""
    return say("%(kind)s（%(name)s）", kind=ITEM_KIND[row.kind], name=row.name)


# --- parts


def _owner(session: AnySession, actor: Actor) -> tuple[int | None, str]:
    if actor.unit_id is None:
        return None, actor.region_code or COUNTRY
    unit = lock(session, Unit, actor.unit_id)
    if unit is None or not unit.is_maintenance:
        raise NotAllowed(Finding("维保单位", False, "您的账号不属于维保单位", "请由维保单位的账号办理"))
    return unit.id, unit.region_code


def _of_owner(
    session: AnySession, unit_id: int | None, region_code: str, kind: str, states: Sequence[str]
) -> list[ItemSet]:
    statement = select(ItemSet).where(ItemSet.kind == kind, ItemSet.state.in_(states)).order_by(ItemSet.id)
    if unit_id is None:
        statement = statement.where(ItemSet.unit_id.is_(None), ItemSet.region_code == region_code)
    else:
        statement = statement.where(ItemSet.unit_id == unit_id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def _own(session: AnySession, actor: Actor, key: int) -> ItemSet:
    """The owner's version, held: the unit's people write its own, a region's keepers that of their very region."""
    require(actor, Verb.ITEM_EDIT)
    scope.visible(session, actor, ItemSet, key, "这个版本")
    row = lock(session, ItemSet, key)
    assert row is not None
    mine = owns(actor, row)
    if not mine:
        raise NotAllowed(Finding("所有者", False, "这个版本不是您的单位或地区的", "请由编写它的单位或地区办理"))
    return row


def owns(actor: Actor, row: ItemSet) -> bool:
    """Whether the actor writes this list: his unit's, or that of the region where he sits."""
    if row.unit_id is not None:
        return actor.unit_id == row.unit_id
    return actor.unit_id is None and (actor.region_code or COUNTRY) == row.region_code


def _to_decide(session: AnySession, actor: Actor, key: int, seen_version: int | None) -> ItemSet:
    scope.visible(session, actor, ItemSet, key, "这个版本")
    row = lock(session, ItemSet, key)
    assert row is not None
    if row.unit_id is not None and actor.unit_id is not None:
        raise NotAllowed(Finding("批准人", False, "维保单位不能批准自己的项目清单", "请等待监管部门决定"))
    require(actor, Verb.ITEM_EDIT if row.unit_id is None else Verb.APPLICATION_DECIDE)
    _in_state(row, ("submitted",), "决定")
    if seen_version is not None and row.row_version != seen_version:
        found = "您打开页面后，这个版本被修改过"
        raise Stale(Finding("所见即所批", False, found, "请刷新页面，看过现在的内容后再决定"), row.row_version)
    return row


def _end(
    session: AnySession, actor: Actor, row: ItemSet, state: str, verb: str, opinion: str, at: dt.datetime
) -> None:
    row.decided_by_id, row.decided_at, row.opinion = actor.user_id, at, opinion.strip()[:LONGEST_TEXT] or None
    moves.move(session, actor, row, "state", state, verb=verb, at=at, reason=row.opinion)
    if row.submitted_by_id is not None:
        sentence = "维保项目已批准：%(name)s" if state == "in_force" else "维保项目被退回：%(name)s"
        outbox.notify(
            session, at, [row.submitted_by_id], "decision", say(sentence, name=title_of(row)),
            row.opinion or "", f"/item-sets/{row.id}", f"item-set-{verb}:{row.id}:{row.row_version}",
        )  # fmt: skip


def _in_state(row: ItemSet, states: Sequence[str], deed: str) -> None:
    if row.state not in states:
        found = say("这个版本是“%(state)s”，不能%(deed)s", state=ITEM_SET_STATE[row.state], deed=deed)
        remedy = "已批准的版本不再修改，请以它为基础新建版本" if row.state == "in_force" else LOOK_AGAIN
        raise Stale(Finding("版本状态", False, found, remedy))


def _texts(session: AnySession, row: ItemSet, name: str, basis: str) -> list[Finding]:
    fits = 0 < len(name) <= LONGEST_NAME
    others = _of_owner(session, row.unit_id, row.region_code, row.kind, ("in_force",))
    same = any(one.name == name and one.id != row.id for one in others)
    short = len(basis) <= LONGEST_TEXT
    return [
        Finding(
            "版本名称", fits, name if fits else say("有 %(count)s 个字", count=len(name)) if name else "没有填写",
            "" if fits else say("请填写 1 到 %(longest)s 个字", longest=LONGEST_NAME), field="name",
        ),
        Finding(
            "版本名称", not same, say("“%(name)s”已有一个版本", name=name) if same else "没有重名",
            "请换一个名称" if same else "", field="name",
        ),
        Finding(
            "依据", short, "在限度内" if short else say("有 %(count)s 个字", count=len(basis)),
            "" if short else say("最多 %(longest)s 个字", longest=LONGEST_TEXT), field="basis",
        ),
    ]  # fmt: skip


def _not_past(from_on: dt.date, at: dt.datetime) -> Finding:
    ok = from_on >= clock.local_day(at)
    return Finding(
        "启用日期", ok, from_on.isoformat() if ok else say("%(day)s 早于今天", day=from_on.isoformat()),
        "" if ok else "请选择今天或以后的日期；已过的日子按当时的项目维保", field="from_on", value=from_on.isoformat(),
    )  # fmt: skip


def _has_rows(session: AnySession, row: ItemSet) -> Finding:
    """A first list that says nothing is none; a later one may take back what the owner himself had added."""
    ok = bool(row.rows) or former(session, row) is not None
    return Finding(
        "自有项目", ok, "有" if ok else "没有增加或细化任何项目", "" if ok else "请先增加或细化项目", field="rows"
    )


def _prefix(row: ItemSet) -> str:
    """What the numbers of the owner's items begin with: no two owners ever give the same."""
    return f"U{row.unit_id}" if row.unit_id is not None else "R" + (row.region_code.rstrip("0") or "0")


def given_codes(session: AnySession, row: ItemSet) -> set[str]:
    """The numbers that its owner gave in all versions: none of them ever means another item."""
    held = _of_owner(session, row.unit_id, row.region_code, row.kind, (*OPEN, "in_force", "discarded"))
    return {str(one["code"]) for version in held for one in version.rows if one.get("code")}


def _told(row: ItemSet) -> dict[str, Any]:
    """What the log keeps of a version: names of items, not their whole texts."""
    return {
        "kind": row.kind, "name": row.name, "from_on": row.from_on, "basis": row.basis,
        "rows": [str(one.get("item") or one.get("of")) for one in row.rows],
    }  # fmt: skip
