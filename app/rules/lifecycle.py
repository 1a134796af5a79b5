"""The status of an elevator and the applications that move it (ELV-09, LIF-01 to LIF-04)."""

from __future__ import annotations

from enum import StrEnum

from app.errors import refuse


class ElevatorStatus(StrEnum):
    """告知, 在用, 停用, 报废."""

    NOTIFIED = "notified"
    IN_USE = "in_use"
    SUSPENDED = "suspended"
    SCRAPPED = "scrapped"


class ApplicationKind(StrEnum):
    """What can be applied for. Only the last four move an elevator's status."""

    UNIT_FILING = "unit_filing"
    ELEVATOR_FILING = "elevator_filing"
    CONTRACT_CHANGE = "contract_change"
    GRADE_CERTIFICATE = "grade_certificate"
    USE_REGISTRATION = "use_registration"
    SUSPENSION = "suspension"
    REACTIVATION = "reactivation"
    SCRAPPING = "scrapping"


STATUS_LABELS = {
    ElevatorStatus.NOTIFIED: "告知",
    ElevatorStatus.IN_USE: "在用",
    ElevatorStatus.SUSPENDED: "停用",
    ElevatorStatus.SCRAPPED: "报废",
}

KIND_LABELS = {
    ApplicationKind.UNIT_FILING: "单位备案",
    ApplicationKind.ELEVATOR_FILING: "电梯备案",
    ApplicationKind.CONTRACT_CHANGE: "合同变更",
    ApplicationKind.GRADE_CERTIFICATE: "等级证书",
    ApplicationKind.USE_REGISTRATION: "使用登记",
    ApplicationKind.SUSPENSION: "停用登记",
    ApplicationKind.REACTIVATION: "停用后启用登记",
    ApplicationKind.SCRAPPING: "报废登记",
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
            "现在可以办理：" + "、".join(KIND_LABELS[k] for k in possible)
            if possible
            else "报废后不能再办理任何变更；如属误办，请联系登记机关"
        )
        found = f"电梯现为{STATUS_LABELS[status]}，不能办理{KIND_LABELS[kind]}"
        raise refuse("电梯状态变更", found, remedy, field="kind", value=kind.value) from None


def declared_move(current: ElevatorStatus | None, declared: ElevatorStatus) -> ElevatorStatus | None:
    """What a declared status does: in force once, at the first approval (take-over); None = it changes nothing.

    Afterwards an import or a filing that declares another status never moves the elevator; only LIF does.
    """
    return declared if current is None else None
