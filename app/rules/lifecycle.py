"""The status of an elevator and the applications that change it or its register (ELV-09, LIF-01 to LIF-06)."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from app.errors import refuse
from app.wording import say, together


class ElevatorStatus(StrEnum):
    """告知, 在用, 停用, 报废."""

    NOTIFIED = "notified"
    IN_USE = "in_use"
    SUSPENDED = "suspended"
    SCRAPPED = "scrapped"


class ApplicationKind(StrEnum):
    """What can be applied for. Only 使用登记, 停用, 启用 and 报废 move an elevator's status."""

    UNIT_FILING = "unit_filing"
    ELEVATOR_FILING = "elevator_filing"
    CONTRACT_CHANGE = "contract_change"
    GRADE_CERTIFICATE = "grade_certificate"
    COMMITMENT = "commitment"
    DECLARATION = "declaration"
    USE_REGISTRATION = "use_registration"
    SUSPENSION = "suspension"
    REACTIVATION = "reactivation"
    SCRAPPING = "scrapping"
    UNIT_CHANGE = "unit_change"
    REGISTRATION_CHANGE = "registration_change"
    MAINTENANCE_PAUSE = "maintenance_pause"
    MAINTENANCE_RESUME = "maintenance_resume"
    WORKER_CHANGE = "worker_change"
    ON_DEMAND = "on_demand"
    PERSON_FILING = "person_filing"
    INSPECTION_REPORT = "inspection_report"
    APPEAL = "appeal"
    CORRECTION = "correction"


class ChangeCause(StrEnum):
    """Why a registration changes (TSG 08): 改造, 移装, 使用单位变更, 更名, 达到设计使用年限."""

    RETROFIT = "retrofit"
    RELOCATION = "relocation"
    USE_UNIT = "use_unit"
    RENAME = "rename"
    DESIGN_LIFE = "design_life"


STATUS_LABELS = {
    ElevatorStatus.NOTIFIED: say("告知"),
    ElevatorStatus.IN_USE: say("在用"),
    ElevatorStatus.SUSPENDED: say("停用"),
    ElevatorStatus.SCRAPPED: say("报废"),
}

KIND_LABELS = {
    ApplicationKind.UNIT_FILING: say("单位备案"),
    ApplicationKind.ELEVATOR_FILING: say("电梯备案"),
    ApplicationKind.CONTRACT_CHANGE: say("合同变更"),
    ApplicationKind.GRADE_CERTIFICATE: say("等级证书"),
    ApplicationKind.COMMITMENT: say("维保承诺书"),
    ApplicationKind.DECLARATION: say("自我声明承诺书"),
    ApplicationKind.USE_REGISTRATION: say("使用登记"),
    ApplicationKind.SUSPENSION: say("停用登记"),
    ApplicationKind.REACTIVATION: say("停用后启用登记"),
    ApplicationKind.SCRAPPING: say("报废登记"),
    ApplicationKind.UNIT_CHANGE: say("维保单位变更"),
    ApplicationKind.REGISTRATION_CHANGE: say("变更登记"),
    ApplicationKind.MAINTENANCE_PAUSE: say("维保暂停"),
    ApplicationKind.MAINTENANCE_RESUME: say("恢复维保"),
    ApplicationKind.WORKER_CHANGE: say("维保人员变更"),
    ApplicationKind.ON_DEMAND: say("按需维保"),
    ApplicationKind.PERSON_FILING: say("人员备案"),
    ApplicationKind.INSPECTION_REPORT: say("检测、校验报告"),
    ApplicationKind.APPEAL: say("申诉"),
    ApplicationKind.CORRECTION: say("信息纠错"),
}

CAUSE_LABELS = {
    ChangeCause.RETROFIT: say("改造"),
    ChangeCause.RELOCATION: say("移装"),
    ChangeCause.USE_UNIT: say("使用单位变更"),
    ChangeCause.RENAME: say("更名"),
    ChangeCause.DESIGN_LIFE: say("达到设计使用年限"),
}

# Which filed fields each cause may change; those that it is about come first and one of them must change.
CAUSE_FIELDS: dict[ChangeCause, tuple[str, ...]] = {
    ChangeCause.RETROFIT: (
        "retrofitter", "category", "model", "rated_load", "rated_speed", "floors", "stops", "doors", "controller",
        "control_mode", "drive_mode", "cylinders", "jacking", "rise", "inclination", "nominal_width", "nominal_speed",
        "machine_power", "run_length", "installer", "supervised_on", "next_inspection_on",
    ),
    ChangeCause.RELOCATION: (
        "region_id", "address", "estate", "place_type", "latitude", "longitude", "installer", "supervised_on",
        "next_inspection_on",
    ),
    ChangeCause.USE_UNIT: ("use_unit_id", "owner_name", "property_name", "safety_officer", "safety_phone"),
    ChangeCause.RENAME: ("name", "estate", "owner_name", "property_name", "certificate_no"),
    ChangeCause.DESIGN_LIFE: ("next_inspection_on", "inspected_on", "note"),
}
# Causes of which the same can be said of many elevators, and what of it: the rest is each one's own.
CAUSE_ALIKE: dict[ChangeCause, tuple[str, ...]] = {
    # An estate that one firm makes over alike; loads, speeds, floors are each one's own. An address always is.
    ChangeCause.RETROFIT: (
        "retrofitter", "model", "controller", "control_mode", "drive_mode", "supervised_on", "next_inspection_on",
    ),
    ChangeCause.USE_UNIT: CAUSE_FIELDS[ChangeCause.USE_UNIT],
    ChangeCause.RENAME: ("estate", "owner_name", "property_name"),
    # An estate that was looked at together; a note is of each one, and would be written over.
    ChangeCause.DESIGN_LIFE: ("next_inspection_on", "inspected_on"),
}
CAUSE_PAPERS = {
    ChangeCause.RETROFIT: say("改造监督检验证明"),
    ChangeCause.RELOCATION: say("移装监督检验证明"),
    ChangeCause.USE_UNIT: say("双方的移交材料"),
    ChangeCause.RENAME: say("更名证明"),
    ChangeCause.DESIGN_LIFE: say("安全评估或检验报告"),
}
# The field without which a change of that cause is none.
CAUSE_ABOUT = {
    ChangeCause.RELOCATION: "address", ChangeCause.USE_UNIT: "use_unit_id",
    ChangeCause.DESIGN_LIFE: "next_inspection_on",
}

# 报废 from 告知 is left out on purpose: what was never registered has no certificate to hand back
# (TSG 08: the form returns it). Such a row is ended by withdrawing its filing.
ELEVATOR_MOVES: dict[tuple[ApplicationKind, ElevatorStatus], ElevatorStatus] = {
    (ApplicationKind.USE_REGISTRATION, ElevatorStatus.NOTIFIED): ElevatorStatus.IN_USE,
    (ApplicationKind.SUSPENSION, ElevatorStatus.IN_USE): ElevatorStatus.SUSPENDED,
    (ApplicationKind.REACTIVATION, ElevatorStatus.SUSPENDED): ElevatorStatus.IN_USE,
    (ApplicationKind.SCRAPPING, ElevatorStatus.IN_USE): ElevatorStatus.SCRAPPED,
    (ApplicationKind.SCRAPPING, ElevatorStatus.SUSPENDED): ElevatorStatus.SCRAPPED,
}

STATUS_KINDS = frozenset(kind for kind, _ in ELEVATOR_MOVES)
# Whatever is applied for about an elevator in force and takes effect on a day of its own.
ELEVATOR_KINDS = STATUS_KINDS | {
    ApplicationKind.UNIT_CHANGE, ApplicationKind.REGISTRATION_CHANGE, ApplicationKind.MAINTENANCE_PAUSE,
    ApplicationKind.MAINTENANCE_RESUME, ApplicationKind.WORKER_CHANGE, ApplicationKind.ON_DEMAND,
}
# These stop, start or end the maintenance clock: one at a time.
CLOCK_KINDS = STATUS_KINDS | {ApplicationKind.MAINTENANCE_PAUSE, ApplicationKind.MAINTENANCE_RESUME}
# What stops a kind from being applied for, while it is under way or approved for a later day.
BARRED_BY: dict[ApplicationKind, frozenset[ApplicationKind]] = {
    **dict.fromkeys(CLOCK_KINDS, CLOCK_KINDS),
    ApplicationKind.UNIT_CHANGE: CLOCK_KINDS | {ApplicationKind.UNIT_CHANGE, ApplicationKind.REGISTRATION_CHANGE},
    ApplicationKind.REGISTRATION_CHANGE: frozenset({ApplicationKind.REGISTRATION_CHANGE, ApplicationKind.SCRAPPING}),
    ApplicationKind.WORKER_CHANGE: frozenset({ApplicationKind.WORKER_CHANGE}),
    ApplicationKind.ON_DEMAND: frozenset({ApplicationKind.ON_DEMAND, ApplicationKind.UNIT_CHANGE}),
}
# What comes of an approval, in words: 已核准停用, not 已核准停用登记.
EFFECT_LABELS = {kind: KIND_LABELS[kind] for kind in ELEVATOR_KINDS} | {
    ApplicationKind.SUSPENSION: STATUS_LABELS[ElevatorStatus.SUSPENDED], ApplicationKind.REACTIVATION: say("启用"),
    ApplicationKind.SCRAPPING: STATUS_LABELS[ElevatorStatus.SCRAPPED],
}


def kinds_possible(status: ElevatorStatus) -> list[ApplicationKind]:
    """The applications that can move an elevator from this status, in the order of the enum; none once scrapped."""
    return [kind for kind in ApplicationKind if (kind, status) in ELEVATOR_MOVES]


def elevator_move(status: ElevatorStatus, kind: ApplicationKind) -> ElevatorStatus:
    """The status after approval of an application, or a refusal that says what is possible instead."""
    try:
        return ELEVATOR_MOVES[kind, status]
    except KeyError:
        possible = kinds_possible(status)
        remedy = (
            say("现在可以办理：%(names)s", names=together(KIND_LABELS[k] for k in possible))
            if possible
            else "报废后不能再办理任何变更；如属误办，请联系登记机关"
        )
        found = say("电梯现为%(status)s，不能办理%(kind)s", status=STATUS_LABELS[status], kind=KIND_LABELS[kind])
        raise refuse("电梯状态变更", found, remedy, field="kind", value=kind.value) from None


def declared_move(current: ElevatorStatus | None, declared: ElevatorStatus) -> ElevatorStatus | None:
    """What a declared status does: in force once, at the first approval (take-over); None = it changes nothing.

    Afterwards an import or a filing that declares another status never moves the elevator; only LIF does.
    """
    return declared if current is None else None


def common_region(first: str, second: str) -> str:
    """The nearest node of the tree that holds both: who decides on a move must oversee both ends."""
    for width in (12, 9, 6, 4, 2):
        if first[:width] == second[:width]:
            return first[:width].ljust(12, "0")
    return "0" * 12


def change_due_on(signed_on: date, within_days: int) -> date:
    """The last day on which a change of the maintenance unit is applied for in time (LIF-05, SCO-06)."""
    return signed_on + timedelta(days=within_days)


def change_is_late(signed_on: date, applied_on: date, within_days: int) -> bool:
    """Applied for more than `within_days` after the contract was signed; the last day itself is in time."""
    return applied_on > change_due_on(signed_on, within_days)
