"""May this worker check in at this elevator now? Every reason at once, in the users' words (MNT-01, MNT-02)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Literal

from app.errors import Finding
from app.rules.approval import FilingState
from app.rules.calendar import SHANGHAI, local_day
from app.rules.identifiers import normal_code
from app.rules.label_photos import photo_finding
from app.rules.labels import ended_finding
from app.rules.lifecycle import STATUS_LABELS, ElevatorStatus
from app.rules.quota import quota_finding
from app.rules.visit_photos import selfie_finding
from app.wording import say

EARTH_RADIUS_M = 6_371_008.8


_CODE = re.compile(r"[0-9A-Za-z_-]{1,40}")
_OWN_ADDRESS = re.compile(r"/m/[pe]/[0-9A-Z_-]{1,40}/?$", re.IGNORECASE)


def names_an_elevator(text: str) -> bool:
    """Whether a scanned or typed text can name an elevator at all: a 识别码 or an address as our labels have it.

    What hangs beside our label in the car (an advertisement, a payment) is another address, and no elevator's.
    """
    text = text.strip()
    return bool(_OWN_ADDRESS.search(text) if "/" in text else _CODE.fullmatch(text))


def by_label(text: str, code: str) -> bool:
    """Whether the text that names an elevator is what its label's picture holds: not the 识别码 that anybody types."""
    return normal_code(text.strip().rstrip("/").rsplit("/", 1)[-1]) != code


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS 84 degrees."""

    latitude: float
    longitude: float


def distance_metres(a: Place, b: Place) -> float:
    """Great-circle distance (haversine); exact to about half a per cent, far below a phone's own error."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    half_lat = sin((lat_b - lat_a) / 2)
    half_lon = sin(radians(b.longitude - a.longitude) / 2)
    h = half_lat * half_lat + cos(lat_a) * cos(lat_b) * half_lon * half_lon
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(h)))


def distance_words(metres: float) -> str:
    """A distance as one says it: metres up to a kilometre, then kilometres."""
    return (
        say("%(metres)s 米", metres=f"{metres:.0f}")
        if metres < 1000
        else say("%(metres)s 公里", metres=f"{metres / 1000:.1f}")
    )


@dataclass(frozen=True, slots=True)
class CheckInFacts:
    """What is known when a code was scanned.

    `at` is the visit's own instant, `now` the receipt. `covered_until_on` is the last day of the contract that
    covers the day and the worker's unit, `contract_ended_on` of the last one that did. `elevator_status` None = no
    such elevator in force; `filing`: how the filing stands of one of the worker's own unit that was never approved,
    `filed_by_own`: his unit filed it. `certificate_until_on` None = no certificate on file; `certificate_blocks` is
    the policy's word.
    `open_elsewhere` names the elevator of the worker's other open visit, `open_link` leads to whichever runs;
    `open_expires`: the region lets an open visit expire, so waiting is a way out too. `links` leads to where a
    condition is mended, by topic, as far as this person may go there. `label_by`: the elevator was named by its number
    where the region asks for a photo of the label, and who looks at it; `label_photos` came, None = nothing sent yet.
    `label_ended`: what was scanned is a label that is dead, and why.
    `others_then`: it may not serve it, for at `at` another unit did; it has been handed on since.
    `nobody_then`: nor did anybody.
    `person_photo`: the region asks for a photo of whoever checks in; of those `selfies` came, None = nothing sent yet.
    """

    at: datetime
    now: datetime
    code_valid: bool = True
    elevator_code: str = ""
    elevator_status: ElevatorStatus | None = None
    filing: FilingState | None = None
    filed_by_own: bool = True
    elevator_place: Place | None = None
    worker_place: Place | None = None
    presence_m: int = 200
    is_main_account: bool = False
    unit_approved: bool = True
    may_serve: bool = True
    others_then: bool = False
    nobody_then: bool = False
    maintenance_paused: bool = False
    covered_until_on: date | None = None
    contract_ended_on: date | None = None
    certificate_until_on: date | None = None
    certificate_required: bool = True
    certificate_blocks: bool = True
    certificate_near_days: int = 60
    declaration_until_on: date | None = None
    declaration_gate: str = "none"
    quota_used: int = 0
    quota_limit: int | None = None
    open_elsewhere: str | None = None
    open_here: bool = False
    open_link: str | None = None
    open_expires: bool = False
    clock_slack: timedelta = timedelta(minutes=5)
    label_by: str | None = None
    label_photos: int | None = None
    label_ended: str = ""
    person_photo: bool = False
    selfies: int | None = None
    links: Mapping[str, str] = field(default_factory=dict)


def _f(
    ok: bool, good: str, bad: str, found: str, remedy: str, *, field: str | None = None, link: str | None = None
) -> Finding:
    return Finding(good if ok else bad, ok, found, "" if ok else remedy, field=field, link=None if ok else link)


def _person(facts: CheckInFacts) -> list[Finding]:
    findings = [
        _f(
            not facts.is_main_account,
            "子账号作业",
            "主账号不允许进行维保作业,请切换为子账号操作",
            "当前是单位主账号" if facts.is_main_account else "当前是子账号",
            "请退出后用维保人员自己的子账号登录；没有子账号请由主账号新增",
        ),
        _f(
            facts.unit_approved,
            "单位备案",
            "单位备案未通过",
            "单位备案已通过" if facts.unit_approved else "单位备案还没有通过，不能维保",
            "请由主账号完成备案上报并等待审核",
            link=facts.links.get("unit"),
        ),
        _certificate(facts),
    ]
    declared = declaration_finding(
        facts.declaration_until_on, local_day(facts.at), gate=facts.declaration_gate,
        near_days=facts.certificate_near_days,
    )  # fmt: skip
    if declared is not None:
        findings.append(declared)
    if facts.quota_limit is not None:
        findings.append(quota_finding(facts.quota_used, facts.quota_limit))
    elsewhere = facts.open_elsewhere
    findings.append(
        _f(
            elsewhere is None,
            "没有其他未签退的维保",
            "已在其他电梯签到",
            "没有未签退的维保"
            if elsewhere is None
            else say("电梯 %(elsewhere)s 的维保还没有签退", elsewhere=elsewhere),
            say(
                "请打开这次维保，到电梯 %(elsewhere)s 现场签退%(more)s",
                elsewhere=elsewhere, more="，或等它过期" if facts.open_expires else "",
            ),
            link=facts.open_link,
        )
    )
    return findings


def _certificate(facts: CheckInFacts) -> Finding:
    return certificate_finding(
        facts.certificate_until_on, local_day(facts.at), required=facts.certificate_required,
        blocks=facts.certificate_blocks, near_days=facts.certificate_near_days,
    )  # fmt: skip


def certificate_finding(
    until: date | None, today: date, *, required: bool, blocks: bool, near_days: int
) -> Finding:
    """Whether a person's certificate allows a check-in on the day: the same at the gate and on the person's page."""
    level = "fail" if blocks else "warn"
    if until is None:
        if not required:
            return Finding("作业人员证", True, "本地区不要求")
        remedy = "请单位主账号或文员在“人员与证书”里登记特种设备作业人员证"
        bad = Finding("没有作业人员证", False, "没有登记作业人员证", remedy)
    else:
        left = (until - today).days
        if left > near_days:
            return Finding("作业人员证", True, say("有效期至 %(until)s", until=until.isoformat()))
        if left >= 0:
            found = say("作业人员证 %(until)s 到期，今天还能签到", until=until.isoformat())
            rule = say("证书 %(left)s 天后到期", left=left) if left else "证书今天到期"
            return Finding(rule, False, found, "请尽快换证", level="warn")
        bad = Finding(
            "证书已过有效期",
            False,
            say("作业人员证已于 %(until)s 到期", until=until.isoformat()),
            "请换证并更新证书后再签到",
        )
    return bad if level == "fail" else Finding(bad.rule, False, bad.found, bad.remedy, level="warn")


def declaration_finding(until: date | None, today: date, *, gate: str, near_days: int) -> Finding | None:
    """Whether a person's 自我声明承诺书 allows a check-in; None where the region asks for none (`gate` none).

    `until` is the last day of what was approved: what still waits for the officer is none.
    """
    if gate == "none":
        return None
    level: Literal["fail", "warn"] = "fail" if gate == "block" else "warn"
    if until is None:
        return Finding(
            "没有自我声明承诺书", False, "没有审核通过的自我声明承诺书", "请签署后上传，或请单位主账号、文员提交",
            level=level, field="declaration",
        )  # fmt: skip
    left = (until - today).days
    if left < 0:
        found, remedy = (
            say("自我声明承诺书已于 %(until)s 到期", until=until.isoformat()),
            "请重新签署并提交，审核通过后生效",
        )
        return Finding("自我声明承诺书已过期", False, found, remedy, level=level, field="declaration")
    if left <= near_days:
        rule = say("自我声明承诺书 %(left)s 天后到期", left=left) if left else "自我声明承诺书今天到期"
        return Finding(
            rule,
            False,
            say("%(until)s 到期，今天还能签到", until=until.isoformat()),
            "请尽快重新签署",
            level="warn",
            field="declaration",
        )
    return Finding("自我声明承诺书", True, say("有效期至 %(until)s", until=until.isoformat()))


def unapproved_finding(facts: CheckInFacts, filing: FilingState) -> Finding:
    """Of the own unit's elevator whose filing waits: where it stands, and whose turn it is."""
    code = facts.elevator_code
    who = "单位主账号或文员" if facts.filed_by_own else "备案的填报方"
    found, way = {
        FilingState.PENDING: (
            say("电梯 %(code)s 的备案审核中", code=code),
            say("请等监管部门审核通过后再签到；办到哪一步，%(who)s在“我的申请”里看得到", who=who),
        ),
        FilingState.REJECTED: (
            say("电梯 %(code)s 的备案审核没有通过", code=code),
            say("请%(who)s按审核意见修改后重新上报，审核通过后再签到", who=who),
        ),
    }.get(filing, (
        say("电梯 %(code)s 的备案还没有上报", code=code), say("请%(who)s上报备案，审核通过后再签到", who=who),
    ))  # fmt: skip
    return Finding("这台电梯还没有通过审核", False, found, way, link=facts.links.get("filing"))


def _elevator(facts: CheckInFacts, status: ElevatorStatus) -> list[Finding]:
    code = facts.elevator_code
    if not facts.may_serve:
        if facts.others_then or facts.nobody_then:
            at = f"{facts.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
            rule, found = (
                ("当时由其他单位维保", say("%(at)s 时，电梯 %(code)s 还由其他单位维保", at=at, code=code))
                if facts.others_then else
                ("当时没有维保单位", say("%(at)s 时，电梯 %(code)s 还没有维保单位", at=at, code=code))
            )  # fmt: skip
            way = "您的单位接手以后的维保才能计入，请放弃这一条；接手日期有误时请联系所在地区的监管部门"
            return [_f(False, "电梯权限", rule, found, way)]
        # Codes can be tried out: how it stands and where is for those who serve it.
        found = say("电梯 %(code)s 没有分配给您，或不由您的单位维保", code=code)
        way = (
            "请单位主账号在“我的子用户”里分配这台电梯；登记的维保单位不是您的单位时，请主账号办理维保单位变更；"
            "扫到的不是眼前这台电梯时，是标牌贴错了，请报单位更换"
        )
        return [_f(False, "电梯权限", "无电梯权限", found, way)]
    serving = status in (ElevatorStatus.IN_USE, ElevatorStatus.NOTIFIED)
    covered = facts.covered_until_on
    if covered is not None:
        contract = say("合同有效期至 %(covered)s", covered=covered.isoformat())
    elif facts.contract_ended_on is not None:
        contract = say(
            "合同已于 %(contract_ended_on)s 到期，没有新合同", contract_ended_on=facts.contract_ended_on.isoformat()
        )
    else:
        contract = "电梯没有绑定有效期内的合同"
    return [
        _f(True, "电梯权限", "无电梯权限", "您可以维保这台电梯", ""),
        _f(
            serving,
            "电梯状态",
            say("电梯已%(status)s", status=STATUS_LABELS[status]),
            say("电梯 %(code)s 现为%(status)s", code=code, status=STATUS_LABELS[status]),
            "请单位主账号先办理停用后启用登记"
            if status is ElevatorStatus.SUSPENDED
            else "报废的电梯不再维保，请核对是否扫错",
            link=facts.links.get("status") if status is ElevatorStatus.SUSPENDED else None,
        ),
        _f(
            not facts.maintenance_paused,
            "维保未暂停",
            "维保已暂停",
            "电梯的维保已暂停" if facts.maintenance_paused else "维保正常",
            "请单位主账号先办理恢复维保",
            link=facts.links.get("paused"),
        ),
        _f(
            covered is not None,
            "维保合同",
            "电梯已超有效期(脱保)",
            contract,
            "请由单位主账号续签合同并绑定这台电梯",
            link=facts.links.get("contract"),
        ),
        _f(
            not facts.open_here,
            "电梯没有未签退的维保",
            "这台电梯正在维保",
            "您已在这台电梯签到" if facts.open_here else "没有未签退的维保",
            "请打开这次维保，直接办理签退",
            link=facts.open_link,
        ),
    ]


def _presence(facts: CheckInFacts) -> list[Finding]:
    """Location needs two points; each that is missing has its own reason, and distance is judged when both exist."""
    here, there = facts.worker_place, facts.elevator_place
    findings = [
        _f(
            here is not None,
            "手机定位",
            "定位未打开",
            "已取得手机位置" if here is not None else "没有取得手机位置",
            "请打开手机定位并允许使用，再试一次",
        )
    ]
    if facts.elevator_status is None:
        return findings
    findings.append(
        _f(
            there is not None,
            "电梯位置",
            "电梯尚未标注位置",
            "电梯已标注位置" if there is not None else "这台电梯还没有采集位置",
            "请在电梯旁打开“现场标注位置”采集，当场生效；或由单位在电梯档案里按地图标注并上报",
            link=facts.links.get("place"),
        )
    )
    if here is not None and there is not None:
        metres = distance_metres(here, there)
        findings.append(
            _f(
                metres <= facts.presence_m,
                "在电梯现场",
                "电梯位置较远",
                say("你离这台电梯约 %(distance_words)s，要求 %(presence_m)s 米内", distance_words=distance_words(
                    metres), presence_m=facts.presence_m),
                "请到现场重新定位，信号不好时到开阔处再试；人已在现场时是电梯的位置标错了，请打开“现场标注位置”采集，审核后更正；"
                "标牌贴错了电梯的，请报单位更换",
            )
        )
    return findings


def elevator_findings(facts: CheckInFacts) -> list[Finding]:
    """The elevator's side of a check-in, for the desk: status, stop, contract, place; nobody stands before the car."""
    assert facts.elevator_status is not None
    desk = replace(facts, may_serve=True)
    _served, status, paused, contract, _here = _elevator(desk, facts.elevator_status)
    place = next(f for f in _presence(desk) if f.rule in ("电梯位置", "电梯尚未标注位置"))
    return [status, paused, contract, place]


def check_in_findings(facts: CheckInFacts) -> list[Finding]:
    """Every condition of a check-in, failing and passing; the visit may begin when none of them stops.

    What can't be judged is left out: an unreadable code names no elevator, so nothing is said of its contract.
    The phone's clock may run ahead by a little (`clock_slack`); a check-in in the future is refused.
    """
    ahead = facts.at - facts.now
    findings = [
        _f(
            facts.code_valid,
            "二维码",
            "二维码非法无效",
            "二维码有效" if facts.code_valid else "扫到的不是有效的电梯二维码",
            "请对准电梯二维码重新扫描，不要扫轿厢里别的二维码；二维码损坏时请输入标牌上的识别码，并请单位更换标牌或先制作临时标牌",
        ) if not facts.label_ended else ended_finding(facts.label_ended)
    ]
    status = facts.elevator_status
    if facts.code_valid and not facts.label_ended:
        findings.append(
            unapproved_finding(facts, facts.filing) if status is None and facts.filing is not None else _f(
                status is not None,
                "电梯存在",
                "电梯不存在",
                say("电梯 %(elevator_code)s", elevator_code=facts.elevator_code) if status is not None else say(
                    "没有编号为 %(elevator_code)s 的电梯", elevator_code=facts.elevator_code),
                "请核对编号；如确有这台电梯，请联系所在地区的监管部门登记",
            )
        )
        if status is not None:
            findings += _elevator(facts, status)
        if facts.may_serve:
            findings += _presence(facts)
            if status is not None and facts.label_by is not None:
                findings.append(photo_finding(facts.label_photos, facts.label_by))
            if status is not None and facts.person_photo:
                findings.append(selfie_finding(facts.selfies))
    findings += _person(facts)
    findings.append(
        _f(
            ahead <= facts.clock_slack,
            "签到时间",
            "签到时间在将来",
            "时间正常" if ahead <= facts.clock_slack else "签到时间晚于现在",
            "请把手机的日期和时间改为自动设置后再签到",
        )
    )
    return findings
