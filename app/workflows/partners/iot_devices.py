"""Hardware bound to elevators (INT-03, 绑硬件): by its units and by regulators; ended, never deleted."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.errors import Finding, NotAllowed, Refusal, Stale, raise_failing, refuse
from app.models import Elevator, IotDevice
from app.permissions import Actor, Verb, require
from app.reference import iot as codes
from app.rules.iot import NEW_KEY_BYTES, normal_serial, serial_finding, video_finding
from app.rules.lifecycle import ElevatorStatus
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit

ENTITY = IotDevice.__tablename__
LONGEST = {"maker": 80, "model": 60}
LONGEST_REASON = 200


def bind(
    session: AnySession, actor: Actor, elevator_id: int, form: Mapping[str, str], at: dt.datetime
) -> tuple[IotDevice, str]:
    """Bind a device to an elevator: the row, and the key with which the device signs, told this once."""
    require(actor, Verb.IOT_EDIT)
    elevator: Elevator = visible(session, actor, Elevator, elevator_id, "这台电梯")
    lock(session, Elevator, elevator.id)
    _own_side(actor, elevator)
    serial, values, findings = _typed(form)
    findings.append(Finding(
        "电梯", bool(elevator.approved_version) and elevator.status != ElevatorStatus.SCRAPPED,
        say("%(code)s 还没有进入名录，或已报废", code=elevator.code), "备案通过、没有报废的电梯才能绑定硬件",
        field="elevator_id",
    ))  # fmt: skip
    findings += _taken(session, actor, elevator, serial)
    raise_failing(findings)
    key = secrets.token_urlsafe(NEW_KEY_BYTES)
    row = IotDevice(
        serial=serial, elevator_id=elevator.id, region_code=elevator.region_code, unit_id=actor.unit_id, key=key,
        key_made_at=at, bound_at=at, created_by_id=actor.user_id, **values,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        # Bound in this very moment by somebody else; the index saw it.
        raise _busy(serial) from None
    after = {"serial": serial, "elevator": elevator.code, **values}
    audit.record(session, actor, at, "iot_device.bind", ENTITY, row.id, after=after)
    return row, key


def change(
    session: AnySession, actor: Actor, key: int, form: Mapping[str, str], at: dt.datetime,
    expected_version: int | None = None,
) -> IotDevice:  # fmt: skip
    """Change maker, model, default standard and the address of the call video; the number is the device's own."""
    row = _held(session, actor, key)
    if expected_version is not None and expected_version != row.row_version:
        found = say("设备 %(s)s 在您打开页面后被修改过", s=row.serial)
        raise Stale(Finding("页面已过期", False, found, "请核对现在的内容，再次保存"), current=row.row_version)
    # What a form does not hold stays: the address of the video is on the form of who may watch.
    stands = {name: getattr(row, name) or "" for name in ("maker", "model", "standard", "video_url")}
    _serial, values, findings = _typed(stands | dict(form) | {"serial": row.serial})
    raise_failing(findings)
    before = {name: getattr(row, name) for name in values}
    changed = {name for name, value in values.items() if before[name] != value}
    for name in changed:
        setattr(row, name, values[name])
    session.flush()
    if changed:
        audit.record(
            session, actor, at, "iot_device.edit", ENTITY, row.id, before={n: before[n] for n in changed},
            after={n: values[n] for n in changed},
        )  # fmt: skip
    return row


def new_key(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> tuple[IotDevice, str]:
    """Another key, told this once; what is signed with the old one is refused from now on."""
    row = _held(session, actor, key)
    row.key, row.key_made_at = (made := secrets.token_urlsafe(NEW_KEY_BYTES)), at
    session.flush()
    audit.record(session, actor, at, "iot_device.new_key", ENTITY, row.id, after={"serial": row.serial})
    return row, made


def unbind(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> IotDevice:
    """解绑: the device sends for this elevator no more; its events stay with the elevator."""
    row = _held(session, actor, key)
    reason = " ".join(reason.split())
    raise_failing([_reason(reason)])
    row.ended_at, row.end_reason, row.key = at, reason, None
    session.flush()
    after = {"serial": row.serial, "reason": reason}
    audit.record(session, actor, at, "iot_device.unbind", ENTITY, row.id, after=after)
    return row


def video(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> str:
    """The address of the elevator's call video, for who may see people in the car; that he asked for it is logged."""
    require(actor, Verb.IOT_VIDEO)
    row: IotDevice = visible(session, actor, IotDevice, key, "这个设备")
    if row.ended_at is not None or not row.video_url or not video_finding(row.video_url).ok:
        raise refuse("通话视频", say("设备 %(s)s 没有登记通话视频网址", s=row.serial), "请由绑定单位在设备页面登记")
    audit.record(session, actor, at, "iot_device.video", ENTITY, row.id, after={"serial": row.serial})
    return row.video_url


def of_elevator(session: AnySession, elevator_id: int) -> IotDevice | None:
    """The device that is bound to it now; the caller has the elevator through scope."""
    statement = select(IotDevice).where(IotDevice.elevator_id == elevator_id, IotDevice.ended_at.is_(None))
    return session.scalar(statement.execution_options(skip_scope=True))


def may_bind(actor: Actor, elevator: Elevator) -> bool:
    """Whether the pages offer it; `bind` has the last word."""
    own = actor.unit_id is None or actor.unit_id in (elevator.maintenance_unit_id, elevator.use_unit_id)
    return own and actor.may(Verb.IOT_EDIT)


# --- parts


def _held(session: AnySession, actor: Actor, key: int) -> IotDevice:
    require(actor, Verb.IOT_EDIT)
    found: IotDevice = visible(session, actor, IotDevice, key, "这个设备")
    _own_side(actor, found.elevator)
    row = lock(session, IotDevice, key)
    assert row is not None
    if row.ended_at is not None:
        raise refuse("设备", say("%(s)s 已经解绑", s=row.serial), "请在电梯页面重新绑定")
    return row


def _own_side(actor: Actor, elevator: Elevator) -> None:
    if actor.unit_id not in (None, elevator.maintenance_unit_id, elevator.use_unit_id):
        found = say("%(code)s 不是本单位维保或使用的电梯", code=elevator.code)
        raise NotAllowed(Finding("电梯", False, found, "请由该电梯的维保单位或使用单位办理"))


def _typed(form: Mapping[str, str]) -> tuple[str, dict[str, str | None], list[Finding]]:
    """The number, the other fields as they are stored, and everything that is wrong."""
    serial = form.get("serial", "")
    findings = [serial_finding(serial)]
    values: dict[str, str | None] = {}
    for name, label in (("maker", "设备厂家"), ("model", "设备型号")):
        text = " ".join(form.get(name, "").split())
        values[name] = text or None
        findings.append(Finding(
            label, len(text) <= LONGEST[name], say("%(n)s 个字", n=len(text)), say("最多 %(n)s 个字", n=LONGEST[name]),
            field=name,
        ))  # fmt: skip
    known = codes.standards()
    standard = codes.standard_of(form.get("standard", "").strip() or known[0])
    values["standard"] = standard
    findings.append(Finding(
        "缺省标准", standard in known, say("填写为“%(s)s”", s=standard), "请从列表选择", field="standard",
    ))  # fmt: skip
    url = form.get("video_url", "").strip()
    values["video_url"] = url or None
    if url:
        findings.append(video_finding(url))
    return normal_serial(serial), values, findings


def _taken(session: AnySession, actor: Actor, elevator: Elevator, serial: str) -> list[Finding]:
    """One device an elevator, one elevator a device. Of one bound elsewhere no more is told than that it is."""
    found = []
    held = of_elevator(session, elevator.id)
    if held is not None:
        found.append(Finding(
            "电梯", False, say("%(code)s 已绑定设备 %(s)s", code=elevator.code, s=held.serial), "请先解绑",
            field="elevator_id", link=f"/iot/devices/{held.id}",
        ))  # fmt: skip
    if serial:
        other = session.scalar(
            select(IotDevice.id).where(IotDevice.serial == serial, IotDevice.ended_at.is_(None))
            .execution_options(skip_scope=True)
        )  # fmt: skip
        if other is not None and (held is None or other != held.id):
            found += _busy(serial).findings
    return found


def _busy(serial: str) -> Refusal:
    found = say("%(s)s 已绑定在另一台电梯上", s=serial)
    return refuse("设备编号", found, "请核对铭牌；设备换了电梯的，先在原电梯解绑", field="serial")


def _reason(reason: str) -> Finding:
    ok = 0 < len(reason) <= LONGEST_REASON
    return Finding(
        "解绑原因", ok, say("%(n)s 个字", n=len(reason)) if reason else "没有填写",
        say("请填写 1 至 %(n)s 个字", n=LONGEST_REASON), field="reason",
    )  # fmt: skip
