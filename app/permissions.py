"""Who may do what: verbs, roles, the one table between them. `require` gates verbs; FAB's roles are written from it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from app.errors import Finding, NotAllowed
from app.models.region import code_span
from app.verbs import VERB_LABEL as VERB_LABEL
from app.verbs import Verb as Verb
from app.wording import say, together


class Role(enum.StrEnum):
    """Roles of ACC-13; a person may hold several."""

    PLATFORM_ADMIN = "platform_admin"
    REGION_ADMIN = "region_admin"
    INSPECTOR = "inspector"
    MAINTENANCE_HEAD = "maintenance_head"
    MAINTENANCE_MANAGER = "maintenance_manager"
    WORKER = "worker"
    CLERK = "clerk"
    USE_HEAD = "use_head"
    SAFETY_OFFICER = "safety_officer"
    TESTER = "tester"
    RESCUE_AGENT = "rescue_agent"
    # Two that the list of ACC-13 has no word for: who keeps a unit of another kind, and the people of a rescue station.
    UNIT_HEAD = "unit_head"
    RESCUER = "rescuer"
    # A unit that registered itself, until it is approved; nobody hands it out, and no account keeps it.
    APPLICANT = "applicant"


ROLE_LABEL = {
    Role.PLATFORM_ADMIN: _l("平台管理员"), Role.REGION_ADMIN: _l("区域管理员"), Role.INSPECTOR: _l("监察员"),
    Role.MAINTENANCE_HEAD: _l("维保单位负责人"), Role.MAINTENANCE_MANAGER: _l("维保经理"), Role.WORKER: _l("维保员"),
    Role.CLERK: _l("维保文员"), Role.USE_HEAD: _l("使用单位负责人"), Role.SAFETY_OFFICER: _l("使用单位安全员"),
    Role.TESTER: _l("检验人员"), Role.RESCUE_AGENT: _l("应急坐席"),
    Role.UNIT_HEAD: _l("单位负责人"), Role.RESCUER: _l("救援人员"),
    Role.APPLICANT: _l("待审核单位"),
}  # fmt: skip


V = Verb
_EVERYONE = {V.HOME, V.INBOX, V.JOB_READ, V.REGION_READ}
_READING = {
    V.UNIT_READ, V.ELEVATOR_READ, V.APPLICATION_READ, V.CONTRACT_READ, V.LEDGER_READ, V.ORDER_READ, V.VISIT_READ,
    V.WARNING_READ, V.EXPORT, V.COMMENT, V.COMPLAINT_READ, V.INSPECTION_READ, V.RESCUE_READ, V.REPAIR_READ,
    V.ANOMALY_READ, V.ANOMALY_REPORT, V.ANOMALY_HANDLE, V.ENFORCEMENT_READ, V.IOT_READ,
}  # fmt: skip
_REGULATOR = _EVERYONE | _READING | {
    V.PERSON_READ, V.ACCOUNT_READ, V.APPLICATION_DECIDE, V.SCORE_READ, V.REPORT_READ, V.COCKPIT_READ,
    V.POLICY_READ, V.SCORE_RUN,
    V.SAFETY_READ, V.PATROL_READ, V.PATROL_EDIT, V.COMMITMENT_READ, V.INSURANCE_READ,
    V.SENSITIVE_READ, V.COMPLAINT_CLOSE, V.INSPECTION_EDIT, V.ENFORCEMENT_EDIT, V.FRAUD_READ, V.FRAUD_DECIDE,
    V.FRAUD_CASE, V.SPOT_READ, V.SPOT_CHECK, V.BULLETIN_READ, V.BULLETIN_EDIT, V.IOT_VIDEO, V.VISIT_LABEL,
    V.LABEL_EDIT,
}  # fmt: skip
_MAINTENANCE_OFFICE = _EVERYONE | _READING | {
    V.UNIT_EDIT, V.PERSON_READ, V.PERSON_EDIT, V.ELEVATOR_EDIT, V.FILING_SUBMIT, V.APPLICATION_SUBMIT,
    V.CONTRACT_EDIT, V.LEDGER_EDIT, V.ORDER_EDIT, V.IMPORT, V.SCORE_READ, V.REPORT_READ,
    V.COMMITMENT_READ, V.COMMITMENT_EDIT, V.INSURANCE_READ, V.INSURANCE_EDIT, V.COMPLAINT_HANDLE,
    V.INSPECTION_REPORT, V.RESCUE_HANDLE, V.REPAIR_REPORT, V.REPAIR_ASSIGN, V.ENFORCEMENT_REPLY, V.APPEAL_SUBMIT,
    V.BULLETIN_READ, V.IOT_EDIT, V.IOT_SEND, V.REGISTER_SYNC, V.ELEVATOR_SURVEY, V.COMPONENT_EDIT, V.LABEL_EDIT,
    V.VISIT_SHEET,
}  # fmt: skip
# What a unit's heads are asked about its own work, and answer.
_ANSWERING = {V.FRAUD_CASE, V.FRAUD_ANSWER, V.SPOT_READ, V.SPOT_FIX}

GRANTS: dict[Role, frozenset[Verb]] = {
    # What only a unit's own account can mean is not the platform's.
    Role.PLATFORM_ADMIN: frozenset(Verb) - {
        V.VISIT_MAKE, V.VISIT_SHEET, V.PERSON_EDIT, V.OWN_CERTIFICATE, V.SUBACCOUNT_EDIT, V.SAFETY_EDIT,
        V.SAFETY_RECORD, V.COMMITMENT_EDIT, V.INSURANCE_EDIT, V.COMPLAINT_HANDLE, V.COMPLAINT_REVIEW,
        V.INSPECTION_REPORT,
        V.RESCUE_HANDLE, V.REPAIR_REPORT, V.REPAIR_ASSIGN, V.REPAIR_DO, V.REPAIR_APPROVE, V.ENFORCEMENT_REPLY,
        V.APPEAL_SUBMIT, V.FRAUD_ANSWER, V.SPOT_FIX, V.ELEVATOR_SURVEY, V.COMPONENT_EDIT,
    },
    Role.REGION_ADMIN: frozenset(
        _REGULATOR
        | {V.ACCOUNT_CREATE, V.INVITATION_APPROVE, V.PRIVACY_DECIDE}
        | {V.REGION_EDIT, V.UNIT_EDIT, V.ELEVATOR_EDIT, V.FILING_SUBMIT, V.IMPORT, V.TAKE_OVER,
           V.SECRET_READ, V.SCHEDULE_RUN, V.AUDIT_READ, V.POLICY_EDIT, V.CALENDAR_EDIT, V.RESCUE_DESK,
           V.ENFORCEMENT_DECIDE, V.SPOT_DRAW, V.BULLETIN_ISSUE, V.IOT_EDIT, V.IOT_SEND, V.REGISTER_SYNC, V.ITEM_EDIT}
    ),
    Role.INSPECTOR: frozenset(_REGULATOR),
    Role.MAINTENANCE_HEAD: frozenset(
        _MAINTENANCE_OFFICE
        | {V.ACCOUNT_READ, V.SUBACCOUNT_EDIT, V.VISIT_APPROVE, V.SENSITIVE_READ, V.INVITATION_APPROVE, V.REPAIR_APPROVE}
        | _ANSWERING | {V.IOT_VIDEO, V.VISIT_LABEL, V.ITEM_EDIT}
    ),
    Role.MAINTENANCE_MANAGER: frozenset(
        _MAINTENANCE_OFFICE | _ANSWERING
        | {V.VISIT_APPROVE, V.INVITATION_APPROVE, V.REPAIR_APPROVE, V.IOT_VIDEO, V.VISIT_LABEL,
           V.ITEM_EDIT}
    ),
    Role.CLERK: frozenset(_MAINTENANCE_OFFICE),
    Role.WORKER: frozenset(
        _EVERYONE | {V.ELEVATOR_READ, V.LEDGER_READ, V.ORDER_READ, V.VISIT_READ, V.VISIT_MAKE, V.WARNING_READ}
        | {V.INSPECTION_READ, V.OWN_CERTIFICATE, V.COMPLAINT_READ, V.COMPLAINT_HANDLE, V.RESCUE_READ, V.RESCUE_HANDLE,
           V.REPAIR_READ, V.REPAIR_REPORT, V.REPAIR_DO, V.ANOMALY_READ, V.ANOMALY_REPORT, V.IOT_READ, V.ELEVATOR_SURVEY}
    ),
    Role.USE_HEAD: frozenset(
        _EVERYONE | _READING
        | {V.UNIT_EDIT, V.ELEVATOR_EDIT, V.FILING_SUBMIT, V.APPLICATION_SUBMIT, V.VISIT_REVIEW, V.IMPORT,
           V.SAFETY_READ, V.SAFETY_EDIT, V.SAFETY_RECORD, V.PATROL_READ, V.PATROL_EDIT, V.INSPECTION_REPORT,
           V.ACCOUNT_READ, V.SUBACCOUNT_EDIT, V.REPORT_READ, V.PERSON_READ, V.PERSON_EDIT, V.INVITATION_APPROVE,
           V.ELEVATOR_SURVEY, V.COMPONENT_EDIT, V.LABEL_EDIT,
           # An elevator without maintenance unit is its use unit's to see to.
           V.COMPLAINT_HANDLE, V.COMPLAINT_REVIEW, V.REPAIR_REPORT, V.ENFORCEMENT_REPLY, V.APPEAL_SUBMIT, V.SPOT_READ,
           V.SPOT_FIX, V.BULLETIN_READ, V.IOT_EDIT, V.IOT_SEND, V.IOT_VIDEO}
    ),
    Role.SAFETY_OFFICER: frozenset(_EVERYONE | _READING | {V.VISIT_REVIEW, V.APPLICATION_SUBMIT}
        | {V.SAFETY_READ, V.SAFETY_RECORD, V.PATROL_READ, V.COMPLAINT_HANDLE, V.COMPLAINT_REVIEW, V.REPAIR_REPORT,
           V.INSPECTION_REPORT}
        | {V.SPOT_READ, V.SPOT_FIX, V.BULLETIN_READ, V.ELEVATOR_SURVEY, V.LABEL_EDIT}
    ),
    Role.TESTER: frozenset(
        _EVERYONE | {V.ELEVATOR_READ, V.INSPECTION_READ, V.INSPECTION_EDIT, V.IMPORT, V.EXPORT}
    ),
    # The desk of 96333: it sees whom it may call out, and no more of units and people.
    Role.RESCUE_AGENT: frozenset(
        _EVERYONE | {V.ELEVATOR_READ, V.UNIT_READ, V.RESCUE_READ, V.RESCUE_DESK, V.EXPORT, V.ANOMALY_READ,
                     V.ANOMALY_REPORT, V.ANOMALY_HANDLE, V.IOT_READ, V.IOT_VIDEO}
    ),
    # It files its own unit and keeps the accounts of its people; what these do comes from the role of its kind.
    Role.UNIT_HEAD: frozenset(
        _EVERYONE | {V.UNIT_READ, V.UNIT_EDIT, V.FILING_SUBMIT, V.APPLICATION_READ, V.ACCOUNT_READ, V.SUBACCOUNT_EDIT,
                     V.IMPORT, V.EXPORT}
    ),
    # A station has no elevators of its own: it sees the cases that it was called to (RES-04).
    Role.RESCUER: frozenset(_EVERYONE | {V.RESCUE_READ, V.RESCUE_HANDLE}),
    Role.APPLICANT: frozenset(_EVERYONE | {V.UNIT_READ, V.UNIT_EDIT, V.FILING_SUBMIT, V.APPLICATION_READ}),
}  # fmt: skip

# What any account has whatever is ticked: to come in, to read what is sent to it, to follow its own jobs.
BASIC: frozenset[Verb] = frozenset(_EVERYONE)
# What a unit's main account alone does, whatever roles another account has.
MAIN_ONLY: frozenset[Verb] = frozenset({Verb.SUBACCOUNT_EDIT})
# The verbs as a main account sees them when it ticks a sub-account's rights (ACC-09); each verb is in one group.
VERB_GROUPS: tuple[tuple[Any, tuple[Verb, ...]], ...] = (
    (_l("单位与人员"), (
        V.UNIT_READ, V.UNIT_EDIT, V.PERSON_READ, V.PERSON_EDIT, V.INVITATION_APPROVE, V.SENSITIVE_READ,
        V.OWN_CERTIFICATE, V.PRIVACY_DECIDE,
    )),
    (_l("电梯与备案"), (
        V.ELEVATOR_READ, V.ELEVATOR_EDIT, V.ELEVATOR_SURVEY, V.LABEL_EDIT, V.COMPONENT_EDIT, V.SECRET_READ,
        V.FILING_SUBMIT, V.REGISTER_SYNC,
    )),
    (_l("申请与审批"), (V.APPLICATION_READ, V.APPLICATION_SUBMIT, V.APPLICATION_DECIDE, V.COMMENT)),
    (_l("合同与履历"), (V.CONTRACT_READ, V.CONTRACT_EDIT, V.LEDGER_READ, V.LEDGER_EDIT)),
    (_l("承诺和保险"), (V.COMMITMENT_READ, V.COMMITMENT_EDIT, V.INSURANCE_READ, V.INSURANCE_EDIT)),
    (_l("现场维保"), (
        V.ORDER_READ, V.ORDER_EDIT, V.VISIT_READ, V.VISIT_MAKE, V.VISIT_REVIEW, V.VISIT_APPROVE, V.VISIT_LABEL,
        V.ITEM_EDIT, V.VISIT_SHEET,
    )),
    (_l("检验检测"), (V.INSPECTION_READ, V.INSPECTION_EDIT, V.INSPECTION_REPORT)),
    (_l("主体责任与巡检"), (V.SAFETY_READ, V.SAFETY_EDIT, V.SAFETY_RECORD, V.PATROL_READ, V.PATROL_EDIT)),
    (_l("投诉与留言"), (V.COMPLAINT_READ, V.COMPLAINT_HANDLE, V.COMPLAINT_REVIEW, V.COMPLAINT_CLOSE)),
    (_l("应急救援"), (V.RESCUE_READ, V.RESCUE_DESK, V.RESCUE_HANDLE)),
    (_l("报修与维修"), (V.REPAIR_READ, V.REPAIR_REPORT, V.REPAIR_ASSIGN, V.REPAIR_DO, V.REPAIR_APPROVE)),
    (_l("电梯异常"), (V.ANOMALY_READ, V.ANOMALY_REPORT, V.ANOMALY_HANDLE)),
    (_l("物联网"), (V.IOT_READ, V.IOT_EDIT, V.IOT_SEND, V.IOT_VIDEO)),
    (_l("执法与申诉"), (
        V.ENFORCEMENT_READ, V.ENFORCEMENT_EDIT, V.ENFORCEMENT_DECIDE, V.ENFORCEMENT_REPLY, V.APPEAL_SUBMIT,
    )),
    (_l("核查与抽查"), (
        V.FRAUD_READ, V.FRAUD_DECIDE, V.FRAUD_CASE, V.FRAUD_ANSWER, V.SPOT_READ, V.SPOT_DRAW, V.SPOT_CHECK, V.SPOT_FIX,
    )),
    (_l("评价与数据"), (
        V.WARNING_READ, V.SCORE_READ, V.SCORE_RUN, V.REPORT_READ, V.COCKPIT_READ, V.IMPORT, V.TAKE_OVER, V.EXPORT,
    )),
    (_lp("many", "通报"), (V.BULLETIN_READ, V.BULLETIN_EDIT, V.BULLETIN_ISSUE)),
    (_l("账号与设置"), (
        V.ACCOUNT_READ, V.ACCOUNT_CREATE, V.SUBACCOUNT_EDIT, V.REGION_EDIT, V.POLICY_READ, V.POLICY_EDIT,
        V.CALENDAR_EDIT, V.SCHEDULE_RUN, V.AUDIT_READ, V.OPS,
    )),
    (_l("所有账号都有"), (V.HOME, V.INBOX, V.JOB_READ, V.REGION_READ)),
)  # fmt: skip

# Which roles a giver may hand out; never one with a verb that the giver lacks, save main accounts made by regulators.
ASSIGNABLE: dict[Role, frozenset[Role]] = {
    Role.PLATFORM_ADMIN: frozenset(Role) - {Role.WORKER, Role.APPLICANT},
    Role.REGION_ADMIN: frozenset(
        {Role.REGION_ADMIN, Role.INSPECTOR, Role.MAINTENANCE_HEAD, Role.USE_HEAD, Role.TESTER, Role.RESCUE_AGENT,
         Role.UNIT_HEAD, Role.RESCUER}
    ),
    Role.MAINTENANCE_HEAD: frozenset({Role.MAINTENANCE_MANAGER, Role.CLERK, Role.WORKER}),
    Role.USE_HEAD: frozenset({Role.SAFETY_OFFICER}),
    Role.TESTER: frozenset({Role.TESTER}),
    Role.RESCUER: frozenset({Role.RESCUER}),
}
# Beside these, whom it may take on with an account (入职): a manager workers, the district a unit's first clerk.
TAKES_ON: dict[Role, frozenset[Role]] = {
    # 负责人兼维保员: a second account of the head, for the maintenance that the main account may not do (ACC-13, -14).
    Role.MAINTENANCE_HEAD: frozenset({Role.MAINTENANCE_HEAD}),
    Role.MAINTENANCE_MANAGER: frozenset({Role.WORKER}),
    Role.REGION_ADMIN: frozenset({Role.CLERK}),
    Role.PLATFORM_ADMIN: frozenset({Role.CLERK}),
}
REGULATOR_ROLES = frozenset({Role.REGION_ADMIN, Role.INSPECTOR})
# What an account that sits at a region, in no unit, may hold; one person may hold several (ACC-13).
OFFICE_ROLES = REGULATOR_ROLES | {Role.RESCUE_AGENT}
# What the main account of a unit of each kind holds; of several kinds, all of these (ACC-02, ACC-13). Who uses
# elevators as their 物业 or 产权 unit is a 使用单位 as well: only as such it stands in an elevator's record.
KIND_ROLES: dict[str, frozenset[Role]] = {
    "maintenance": frozenset({Role.MAINTENANCE_HEAD}), "use": frozenset({Role.USE_HEAD}),
    "inspection": frozenset({Role.UNIT_HEAD, Role.TESTER}), "rescue": frozenset({Role.UNIT_HEAD, Role.RESCUER}),
    **dict.fromkeys(("production", "installation", "property", "owner"), frozenset({Role.UNIT_HEAD})),
}  # fmt: skip
# What an account of a person of each kind holds (人员类型). One may hold several (ACC-13); the head's own account is
# the unit's main one.
PERSON_ROLES: dict[str, frozenset[Role]] = {
    "head_worker": frozenset({Role.MAINTENANCE_HEAD, Role.WORKER}),
    "manager": frozenset({Role.MAINTENANCE_MANAGER}), "clerk": frozenset({Role.CLERK}),
    "worker": frozenset({Role.WORKER}), "safety_officer": frozenset({Role.SAFETY_OFFICER}),
}  # fmt: skip
# Whose accounts are of one side of an elevator alone: the rows they see name their own firm there, where it is of one
# kind.
SIDES: dict[str, frozenset[Role]] = {
    "maintenance": frozenset({Role.MAINTENANCE_HEAD, Role.MAINTENANCE_MANAGER, Role.CLERK, Role.WORKER}),
    "use": frozenset({Role.USE_HEAD, Role.SAFETY_OFFICER}),
}  # fmt: skip
# A unit whose people look for what they are to inspect where it is; any other role binds it to elevators of its own.
_INSPECTS = frozenset({Role.TESTER, Role.UNIT_HEAD, Role.RESCUER})


def granted(roles: Iterable[Role]) -> frozenset[Verb]:
    """What these roles allow together."""
    return frozenset().union(*(GRANTS[role] for role in roles))


def givable(roles: Iterable[Role]) -> frozenset[Verb]:
    """What a holder of these roles may give on: what they allow, and what the roles that they hand out allow.

    The second, because a main account may not do maintenance itself and yet gives it to its workers (ACC-14).
    """
    held = frozenset(roles)
    return granted(held) | granted(
        given for role in held for table in (ASSIGNABLE, TAKES_ON) for given in table.get(role, ())
    )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where: an account in its place, or the system. Carried into every workflow."""

    user_id: int | None
    name: str
    roles: frozenset[Role] = frozenset()
    region_code: str | None = None
    unit_id: int | None = None
    person_id: int | None = None
    is_main: bool = False
    sees_all_elevators: bool = True
    # Of a firm that both maintains and uses elevators: its own name may stand on either side of a row.
    both_sides: bool = False
    # Of what the roles allow, what this account has not: not ticked, or no longer its giver's to give (ACC-09).
    withheld: frozenset[Verb] = frozenset()
    via: str = "web"
    address: str | None = None
    system: bool = False
    # The absent officer at whose desk, in another office, the actor sits; region and roles are then that desk's.
    stands_for: int | None = None
    # What a personal token was ticked for; None = no token, all that the roles grant (INT-04).
    ticked: frozenset[Verb] | None = None

    @property
    def sees_everything(self) -> bool:
        return self.system or Role.PLATFORM_ADMIN in self.roles

    @property
    def side(self) -> str:
        """maintenance or use, where the account, and its firm, is of one of them and nothing else."""
        of_unit = self.unit_id is not None and bool(self.roles) and not self.both_sides
        return next((side for side, roles in SIDES.items() if of_unit and self.roles <= roles), "")

    @property
    def only_inspects(self) -> bool:
        """Where a unit maintains or uses elevators too, what it sees is what it may act on: its own, nobody else's."""
        return self.roles <= _INSPECTS and self.may(Verb.INSPECTION_EDIT)

    @property
    def region_span(self) -> tuple[str, str] | None:
        return code_span(self.region_code) if self.region_code else None

    @property
    def verbs(self) -> frozenset[Verb]:
        return frozenset(verb for verb in Verb if self.may(verb))

    def may(self, verb: Verb) -> bool:
        """The one place where roles, what is withheld and a token's scopes meet."""
        if self.system:
            return True
        if verb in self.withheld or (self.ticked is not None and verb not in self.ticked):
            return False
        return any(verb in GRANTS[r] for r in self.roles)

    def by(self, via: str) -> Actor:
        return replace(self, via=via)

    def by_token(self, number: int, ticked: frozenset[Verb]) -> Actor:
        """The same account through one of its tokens: never more than the account, nor more than was ticked."""
        return replace(self, via=f"token:{number}", ticked=ticked | {Verb.HOME})


SYSTEM = Actor(user_id=None, name="系统", via="job", system=True)
NOBODY = Actor(user_id=None, name="未登录")


def require_own_side(actor: Actor, maintenance_unit_id: int | None, what: str) -> None:
    """Raise NotAllowed unless the row's maintenance unit is the actor's own. Whoever has no unit acts for no side.

    Scope shows a contract, ledger or order to the use side as well; a firm that is both may write its own only.
    """
    if actor.unit_id is not None and actor.unit_id != maintenance_unit_id:
        found = say("%(what)s由其他单位承担维保，您的单位只能查看", what=what)
        raise NotAllowed(Finding("维保单位", False, found, "请由承担维保的单位办理"))


def require(actor: Actor, verb: Verb) -> None:
    """Raise NotAllowed when none of the actor's roles grants the verb, or it was not ticked for him."""
    if not actor.may(verb):
        if actor.ticked is not None and verb not in actor.ticked:
            found = say("这个令牌没有勾选“%(verb)s”", verb=VERB_LABEL[verb])
            raise NotAllowed(Finding("令牌权限", False, found, "请在“接口令牌”里另建一个勾选了这一项的令牌"))
        if verb in actor.withheld and verb in granted(actor.roles):
            found = say("“%(verb)s”没有授予本账号", verb=VERB_LABEL[verb])
            raise NotAllowed(Finding("权限", False, found, "请由有此权限的账号办理，或请主账号在“我的子用户”中勾选"))
        roles = together(str(ROLE_LABEL[r]) for r in sorted(actor.roles)) or "无"
        found = say("当前角色（%(roles)s）不能%(verb)s", roles=roles, verb=VERB_LABEL[verb])
        raise NotAllowed(Finding("权限", False, found, "请由有此权限的账号办理，或联系管理员调整角色"))
