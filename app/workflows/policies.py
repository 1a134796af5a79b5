"""Setting policy values: appended, dated, with a source; what was judged under an old value stays judged."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import NotFound, refuse
from app.models import PolicyValue, Region
from app.models.policy import policy_book
from app.permissions import Actor, Verb, require
from app.policy import INHERIT, PRESET_KEY, PRESETS, Key, check_value
from app.transaction import AnySession
from app.workflows import audit

COUNTRY = "0" * 12


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
    """Append a value for a region and its subtree from a day on. `INHERIT` ends the region's own; None means off.

    A day before today would judge finished days anew: only a platform administrator setting a region up may
    (`backdated`), and records keep the policy that judged them anyway.
    """
    require(actor, Verb.POLICY_EDIT)
    _check_region(session, actor, region_code)
    stored = _check(key, value)
    if not source.strip():
        raise refuse("依据", "没有填写依据", "请写明文件名称或文号", field="source")
    if effective_on < clock.local_day(at) and not (backdated and actor.sees_everything):
        raise refuse(
            "生效日期", f"{effective_on.isoformat()} 早于今天", "请选择今天或以后的日期；已过的日子按当时的政策判定",
            field="effective_on", value=effective_on,
        )  # fmt: skip
    before = _shown(session, key, region_code, effective_on)
    row = PolicyValue(
        key=key,
        region_code=region_code,
        value=stored,
        effective_on=effective_on,
        source=source.strip(),
        set_by_id=actor.user_id,
        known_at=at,
    )
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "policy.set", "policy", row.id,
        before={"key": key, "value": before},
        after={"key": key, "value": stored, "region": region_code, "from": effective_on, "source": row.source},
    )  # fmt: skip
    return row


def _check_region(session: AnySession, actor: Actor, region_code: str) -> None:
    span = actor.region_span
    own = actor.sees_everything or (span is not None and actor.unit_id is None and span[0] <= region_code < span[1])
    exists = region_code == COUNTRY or session.scalar(select(Region.id).where(Region.code == region_code))
    if not own or not exists:
        found = f"没有地区 {region_code}，或不在您的管辖范围内"
        raise NotFound(refuse("地区", found, "请用 12 位区划代码", field="region_code").findings)


def _check(key: str, value: Any) -> Any:
    if key == PRESET_KEY:
        if value not in PRESETS and value != INHERIT:
            raise refuse("预设", f"没有预设“{value}”", "可选：" + "、".join(PRESETS), field="value", value=value)
        return value
    try:
        known = Key(key)
    except ValueError as error:
        raise refuse(
            "政策参数", f"没有参数“{key}”", "用 flask policy show 查看全部参数", field="key", value=key
        ) from error
    return value if value == INHERIT else check_value(known, value)


def _shown(session: AnySession, key: str, region_code: str, on: dt.date) -> Any:
    return None if key == PRESET_KEY else policy_book(session, region_code, on)[Key(key)].value
