"""What a workbook of each kind holds: explicit lists of columns, their words taken from the models' declarations."""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import lazy_gettext as _l

from app.models import (
    Complaint,
    Component,
    Contract,
    Elevator,
    Inspection,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    LandingDoor,
    MaintenanceLedger,
    MaintenanceOrder,
    Person,
    RepairOrder,
    Rescue,
    Unit,
)
from app.models.choices import (
    CATEGORY,
    CONTRACT_KIND,
    ELEVATOR_STATUS,
    GENERATION_MODE,
    INSPECTION_KIND,
    INSPECTION_RESULT,
    LEVEL,
    NETWORK,
    PERSON_KIND,
    PLACE_TYPE,
    PLATE_STATE,
    SEX,
    VISIT_MODE,
)
from app.models.complaint import COMPLAINT_KIND
from app.models.part import DOOR_SIDE, DOOR_STATE
from app.models.repair import REPAIR_CAUSE, REPAIR_LEVEL, REPAIR_SOURCE
from app.models.rescue import RESCUE_CAUSE, RESCUE_LEVEL, RESCUE_METHOD, RESCUE_OUTCOME, RESCUE_SOURCE
from app.permissions import ROLE_LABEL, Role
from app.workflows.approval.filing_fields import CODES, fields_of, required_of

# How a cell is read: text, code (kept as text), date, instant, number (whole), figure (perhaps with its unit), bool,
# choice, choices (several), region, unit, person, team, elevators.
_REFERENCES = {"region_id": "region", "maintenance_unit_id": "unit", "use_unit_id": "unit"}
_FORMS: dict[type, str] = {bool: "bool", dt.date: "date", int: "figure", float: "figure"}
# What a unit's main account hands out.
SUB_ROLES = (
    Role.MAINTENANCE_MANAGER, Role.CLERK, Role.WORKER, Role.SAFETY_OFFICER, Role.TESTER, Role.RESCUER,
)  # fmt: skip
_CHOICES = {
    "category": CATEGORY, "place_type": PLACE_TYPE, "plate_state": PLATE_STATE, "network": NETWORK,
    "declared_status": ELEVATOR_STATUS,
}  # fmt: skip


# Last days that may be none, and the box that says so.
FOREVER = {"business_until": "business_forever"}


@dataclass(frozen=True, slots=True)
class Spec:
    """A column: its name in the data, its heading, whether it must be filled, how its cells are read."""

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    choices: dict[str, Any] | None = None
    help: str = ""
    unit: str = ""
    # Of a last day: the box that is meant where the cell says that there is none (长期).
    forever: str = ""

    @property
    def joins(self) -> bool:
        """Whether several columns of a file may make up the field: street and number, or a district and its street."""
        return self.kind == "region" or (self.kind == "text" and not self.name.endswith("phone"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of workbook: `key` names the column by which a row is found again, `also` what else makes it one."""

    name: str
    label: Any
    key: str
    columns: tuple[Spec, ...]
    also: tuple[str, ...] = ()

    def spec(self, name: str) -> Spec | None:
        return next((c for c in self.columns if c.name == name), None)


# Kinds whose rows name one elevator by its code.
OF_ELEVATORS = (
    "ledgers", "orders", "visits", "inspections", "past_checks", "past_rescues", "past_repairs", "past_complaints",
    "components", "landing_doors",
)  # fmt: skip
# What the workbook of bad rows writes beside them; it is no column of the file that comes back.
OWN_NOTE = "错误说明"


def plain_heading(cell: object) -> str:
    """A heading as compared: width and spaces gone, the mark of a required column too."""
    text = unicodedata.normalize("NFKC", str(cell if cell is not None else ""))
    return "".join(text.split()).rstrip("*").removesuffix("(必填)")[:60]


HELP = {
    "code": "原样填写，请把列设为文本格式", "date": "例如 2026-11-20", "instant": "例如 2026-11-20 09:30",
    "bool": "是 或 否", "no_end": "例如 2026-11-20；没有期限的写“长期”",
    "region": "地区名称或 12 位区划代码，例如 临河区明水街道", "unit": "单位全称或统一社会信用代码",
    "elevators": "识别码，多个用顿号或空格隔开",
}  # fmt: skip


def _of(model: Any, name: str, kind: str, required: bool = False, choices: Any = None) -> Spec:
    info = model.__table__.c[name].info
    words = str(info.get("help") or "") or HELP.get(kind, "")
    return Spec(name, str(info["label"]), kind, required, choices, words, str(info.get("unit") or ""))


def _filed(model: Any) -> tuple[Spec, ...]:
    made = []
    for name in fields_of(model):
        column = model.__table__.c[name]
        python = column.type.python_type
        # 18 digits in a cell for numbers would lose their end.
        as_text = name in CODES or column.info.get("sensitive") == "id"
        kind = _REFERENCES.get(name) or ("code" if as_text else "")
        kind = kind or ("choice" if name in _CHOICES else _FORMS.get(python, "text"))
        made.append(_of(model, name, kind, name in required_of(model), _CHOICES.get(name)))
    return tuple(
        replace(s, forever=FOREVER[s.name], help=HELP["no_end"]) if s.name in FOREVER else s for s in made
    )


def _inspections(code: Spec) -> tuple[Spec, ...]:
    model = Inspection
    return (
        code, _of(model, "kind", "choice", True, INSPECTION_KIND), _of(model, "number", "code", True),
        _of(model, "done_on", "date", True), _of(model, "result", "choice", True, INSPECTION_RESULT),
        Spec("tested_by", "检验单位", "text", False, None, "报告上的单位名称；检验单位的账号不用填"),
        Spec("failed_items", "不合格项", "text", False, None, "不合格时必填"), _of(model, "is_fault", "bool"),
        Spec("next_on", "下次日期", "date", False, None, "不填按规则计算；与规则不同时写调整原因"),
        _of(model, "next_reason", "text"),
    )


def kinds() -> dict[str, Kind]:
    """The kinds of workbook, in the words of the current language."""
    ledger, contract = MaintenanceLedger, Contract
    code = Spec("code", str(Elevator.__table__.c.code.info["label"]), "code", True, None, HELP["code"])
    people = "本单位人员的姓名；重名时写作业人员证编号"
    return {
        "units": Kind("units", _l("单位"), "uscc", _filed(Unit)),
        "elevators": Kind("elevators", _l("电梯"), "code", _filed(Elevator)),
        "persons": Kind("persons", _l("人员"), "certificate_no", (
            _of(Person, "name", "text", True), _of(Person, "phone", "text"), _of(Person, "work_kind", "text"),
            _of(Person, "certificate_no", "code", True), _of(Person, "certificate_until", "date"),
            _of(Person, "resident_id", "code"), _of(Person, "certificate_issued_on", "date"),
            _of(Person, "hired_on", "date"),
        )),
        "ledgers": Kind("ledgers", _l("设备履历"), "code", (
            code,
            Spec("worker_id", "维保人员", "person", False, None, people),
            Spec("co_worker_id", "协同维保人员", "person", False, None, people),
            Spec("manager_id", "维保经理", "person", False, None, people),
            Spec("team_id", "维保小组", "team", False, None, "本单位的小组名称，请先在“维保小组”里建立"),
            _of(ledger, "mode", "choice", False, GENERATION_MODE), _of(ledger, "interval_days", "number"),
            *(_of(ledger, f"next_{n}_on", "date") for n in ("half_month", "quarter", "half_year", "annual")),
        )),
        "orders": Kind("orders", _l("维保计划"), "code", (
            Spec("number", "任务编号", "code", False, None, "改派已有任务时填写；新任务留空"),
            code, _of(MaintenanceOrder, "planned_on", "date", True),
            _of(MaintenanceOrder, "level", "choice", False, LEVEL),
            Spec("worker_id", "维保人员", "person", False, None, people),
        ), ("planned_on", "number")),
        "contracts": Kind("contracts", _l("维保合同"), "number", (
            _of(contract, "number", "code", True), _of(contract, "kind", "choice", False, CONTRACT_KIND),
            Spec("unit_id", "维保单位", "unit", False, None, "不填时为本单位；账号没有所属单位时必填"),
            _of(contract, "use_unit_id", "unit"), _of(contract, "signed_on", "date", True),
            _of(contract, "starts_on", "date", True), _of(contract, "ends_on", "date", True),
            _of(contract, "note", "text"),
            Spec("elevators", "电梯", "elevators", False, None, HELP["elevators"]),
        ), ("unit_id",)),
        "visits": Kind("visits", _l("既往维保记录"), "code", (
            code,
            Spec("unit_id", "单位", "unit", True, None, HELP["unit"]),
            Spec("worker", "维保员", "text", True, None, "姓名或作业人员证编号"),
            Spec("checked_in_at", "签到", "instant", True, None, HELP["instant"]),
            Spec("checked_out_at", "签退", "instant", False, None, HELP["instant"]),
            Spec("mode", "模式", "choice", False, VISIT_MODE),
            Spec("signed_at", "现场签名", "instant", False, None, HELP["instant"]),
            Spec("sheet_at", "上传时间", "instant", False, None, HELP["instant"]),
            Spec("reviewed_at", "复核时间", "instant", False, None, HELP["instant"]),
        ), ("checked_in_at",)),
        "inspections": Kind("inspections", _l("检验记录"), "code", (
            *_inspections(code), Spec("reason", "更正原因", "text", False, None, "更正已登记的记录时必填"),
        ), ("number", "kind")),
        "past_checks": Kind("past_checks", _l("既往检验记录"), "code", (
            *_inspections(code),
            Spec("unit_id", "维保单位", "unit", False, None, "当日承担维保的单位；不填按合同和档案"),
        ), ("number", "kind")),
        "past_rescues": Kind("past_rescues", _l("既往救援记录"), "code", (
            code,
            Spec("reported_at", "报警时间", "instant", True, None, HELP["instant"]),
            _of(Rescue, "outcome", "choice", True, RESCUE_OUTCOME),
            Spec("dispatched_at", "派单时间", "instant", False, None, "困人必填"),
            Spec("accepted_at", "接单时间", "instant", False, None, HELP["instant"]),
            Spec("arrived_at", "到达时间", "instant", False, None, HELP["instant"]),
            Spec("done_at", "救出时间", "instant", False, None, "困人必填"),
            Spec("cause", "故障原因", "choice", False, RESCUE_CAUSE, "困人必填；停电引起的不计入故障率"),
            _of(Rescue, "trapped", "number"), _of(Rescue, "injured", "number"),
            Spec("level", "救援级别", "choice", False, {str(n): w for n, w in RESCUE_LEVEL.items()}, "不填为一级"),
            Spec("unit_id", "维保单位", "unit", False, None, "当时签约的维保单位；不填按合同和档案"),
            Spec("helper_id", "二级救援单位", "unit", False, None, "二级救援必填"),
            Spec("second_at", "二级派单时间", "instant", False, None, "二级救援必填"),
            _of(Rescue, "source", "choice", False, RESCUE_SOURCE),
            _of(Rescue, "method", "choice", False, RESCUE_METHOD), _of(Rescue, "cause_note", "text"),
            _of(Rescue, "scene", "text"), _of(Rescue, "in_centre", "bool"),
        ), ("reported_at",)),
        "past_repairs": Kind("past_repairs", _l("既往维修记录"), "code", (
            code, _of(RepairOrder, "reported_at", "instant", True),
            _of(RepairOrder, "level", "choice", True, REPAIR_LEVEL),
            Spec("ended_at", "结束维修时间", "instant", True, None, "只接管已经结束的维修"),
            _of(RepairOrder, "fault", "text"),
            *(_of(RepairOrder, n, "instant") for n in ("assigned_at", "accepted_at", "departed_at", "started_at")),
            _of(RepairOrder, "cause", "choice", False, REPAIR_CAUSE), _of(RepairOrder, "action", "text"),
            _of(RepairOrder, "parts", "text"), _of(RepairOrder, "restored", "bool"),
            Spec("unit_id", "维保单位", "unit", False, None, "当时维修的维保单位；不填按合同和档案"),
            Spec(
                "worker_id", "维修员", "person", False, None, "这个单位的人员，已离职的也可以；姓名或作业人员证编号",
            ),
            _of(RepairOrder, "source", "choice", False, REPAIR_SOURCE), _of(RepairOrder, "note", "text"),
        ), ("reported_at",)),
        "past_complaints": Kind("past_complaints", _l("既往投诉记录"), "code", (
            code, _of(Complaint, "complained_at", "instant", True),
            Spec("kinds", "投诉问题", "choices", True, COMPLAINT_KIND, "多个用顿号隔开"),
            Spec("body", "情况说明", "text", False, None, "投诉问题有“其他”的必填"),
            *(_of(Complaint, n, "instant") for n in ("accepted_at", "handled_at")),
            _of(Complaint, "handle_note", "text"), _of(Complaint, "reviewed_at", "instant"),
            _of(Complaint, "review_note", "text"),
            Spec("closed_at", "办结时间", "instant", False, None, "没有复核时间的必填；只接管已经办结的投诉"),
            _of(Complaint, "is_untrue", "bool"), _of(Complaint, "end_note", "text"),
            Spec("unit_id", "承办单位", "unit", False, None, "当时承办的单位；不填按合同和档案"),
            _of(Complaint, "name", "text"), _of(Complaint, "phone", "text"),
        ), ("complained_at",)),
        "components": Kind("components", _l("组件寿命"), "code", (
            code, _of(Component, "name", "text", True), _of(Component, "model", "text"),
            _of(Component, "installed_on", "date", True),
            Spec("life_months", "寿命", "number", False, None, "月数；不填按政策，缺省 6", "个月"),
            _of(Component, "installed_by", "text"), _of(Component, "note", "text"),
        ), ("name",)),
        "landing_doors": Kind("landing_doors", _l("层门"), "code", (
            code, _of(LandingDoor, "landing", "code", True), _of(LandingDoor, "side", "choice", False, DOOR_SIDE),
            _of(LandingDoor, "condition", "choice", False, DOOR_STATE), _of(LandingDoor, "checked_on", "date"),
            _of(LandingDoor, "note", "text"),
        ), ("landing", "side")),
        "invitations": Kind("invitations", _l("入职邀请"), "phone", (
            _of(Invitation, "name", "text", True), _of(Invitation, "phone", "code", True),
            _of(Invitation, "kind", "choice", True, PERSON_KIND),
            Spec("unit_id", "入职单位", "unit", False, None, "不填时为本单位；区域管理员按信息报备邀请首名文员时必填"),
            _of(Invitation, "with_account", "bool"),
        )),
        "insurance": Kind("insurance", _l("医社保缴交明细"), "id_number", (
            _of(InsuranceRecord, "payer", "text", True),
            Spec("from_on", "开始", "date", True, None, "缴费的第一个月，例如 2026-10-01，按整月计"),
            Spec("to_on", "结束", "date", True, None, "缴费的最后一个月，例如 2026-10-31，按整月计"),
            _of(InsuredPerson, "name", "text", True),
            Spec("id_number", "身份证号", "code", True, None, HELP["code"]),
            _of(InsuredPerson, "phone", "text"),
        ), ("payer", "from_on", "to_on")),
        "accounts": Kind("accounts", _l("子用户"), "login_name", (
            Spec("login_name", "账号", "code", True, None, "字母或数字开头，例如 weibao.01；不能是手机号"),
            Spec("name", "姓名", "text", True),
            Spec("role", "角色", "choice", True, {r.value: ROLE_LABEL[r] for r in SUB_ROLES}),
            Spec("sex", "性别", "choice", False, SEX), Spec("phone", "手机", "text"),
            Spec("all_elevators", "全部电梯", "bool", False, None, "是：包括以后新增的；不填为否，导入后再分配"),
        )),
    }  # fmt: skip
