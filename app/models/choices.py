"""The words for stored ASCII values. Chinese is the source; catalogues translate."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.rules.visits import REASON_LABELS

REGION_LEVEL = {"province": _l("省"), "city": _l("市"), "district": _l("区县"), "street": _l("街道/所")}

UNIT_KINDS = {
    "maintenance": _l("维保"), "use": _l("使用"), "production": _l("制造"), "installation": _l("安装"),
    "inspection": _l("检验"), "rescue": _l("救援"), "property": _l("物业"), "owner": _l("产权"),
}  # fmt: skip

ELEVATOR_STATUS = {
    "notified": _l("告知"), "in_use": _l("在用"), "suspended": _l("停用"), "scrapped": _l("报废"),
}  # fmt: skip
FILING_STATE = {
    "draft": _l("待上报"), "pending": _l("审核中"), "approved": _l("通过"), "rejected": _l("不通过"),
}  # fmt: skip
INFO_STATE = {"new": _l("新增"), "changed": _l("更改"), "normal": _l("正常使用")}

# 2014 catalogue (特种设备目录); the item annex that applies to each is app.reference's.
CATEGORY = {
    "3110": _l("曳引驱动乘客电梯"), "3120": _l("曳引驱动载货电梯"), "3130": _l("强制驱动载货电梯"),
    "3210": _l("液压乘客电梯"), "3220": _l("液压载货电梯"), "3310": _l("自动扶梯"), "3320": _l("自动人行道"),
    "3410": _l("防爆电梯"), "3420": _l("消防员电梯"), "3430": _l("杂物电梯"),
}  # fmt: skip
# 扶梯 have no car: nobody is shut in, people are caught or fall.
ESCALATORS = frozenset({"3310", "3320"})
# 防爆 may be hydraulic.
HYDRAULIC = frozenset({"3210", "3220", "3410"})
# Filed fields of an elevator that only some categories have: forms ask for them there.
OF_CATEGORY = dict.fromkeys(("cylinders", "jacking"), HYDRAULIC) | dict.fromkeys(
    ("rise", "inclination", "nominal_width", "nominal_speed", "machine_power", "run_length"), ESCALATORS
)
PLACE_TYPE = {
    "residential": _l("住宅"), "office": _l("办公楼宇"), "mall": _l("商场超市"), "hotel": _l("宾馆饭店"),
    "transport": _l("交通场所"), "hospital": _l("医院"), "school": _l("学校"), "culture": _l("文体娱场馆"),
    "other": _l("其他"),
}  # fmt: skip

PLATE_STATE = {"none": _l("未粘贴"), "intact": _l("完好"), "damaged": _l("损坏或丢失")}
NETWORK = {
    "none": _l("无网络"), "unicom": _l("联通"), "mobile": _l("移动"), "telecom": _l("电信"),
    "unicom_mobile": _l("联通+移动"), "unicom_telecom": _l("联通+电信"), "mobile_telecom": _l("移动+电信"),
    "all": _l("联通+移动+电信"),
}  # fmt: skip

# In the words of rules.inspection.
INSPECTION_KIND = {
    "supervision": _l("监督检验"), "periodic": _l("定期检验"), "test": _l("检测"), "self_test": _l("自行检测"),
    "governor": _l("限速器校验"), "brake": _l("制动试验"),
}  # fmt: skip
# What is due next: a year of 自行检测 is answered for by a 检测, too.
INSPECTION_DUE = {
    "periodic": _l("定期检验"), "self_test": _l("检测或自行检测"), "governor": _l("限速器校验"),
    "brake": _l("制动试验"),
}  # fmt: skip
INSPECTION_RESULT = {"passed": _l("合格"), "failed": _l("不合格"), "passed_again": _l("复检合格")}

APPLICATION_KIND = {
    "unit_filing": _l("单位备案"), "elevator_filing": _l("电梯备案"), "contract_change": _l("合同变更"),
    "grade_certificate": _l("等级证书"), "commitment": _l("维保承诺书"),
    "declaration": _l("自我声明承诺书"),
    "use_registration": _l("使用登记"), "suspension": _l("停用登记"),
    "reactivation": _l("停用后启用登记"), "scrapping": _l("报废登记"), "unit_change": _l("维保单位变更"),
    "registration_change": _l("变更登记"), "maintenance_pause": _l("维保暂停"), "maintenance_resume": _l("恢复维保"),
    "worker_change": _l("维保人员变更"), "on_demand": _l("按需维保"), "person_filing": _l("人员备案"),
    "inspection_report": _l("检测、校验报告"), "appeal": _l("申诉"), "correction": _l("信息纠错"),
}  # fmt: skip
APPLICATION_PREFIX = {
    "unit_filing": "DW", "elevator_filing": "DT", "contract_change": "HT", "grade_certificate": "ZS",
    "commitment": "CN", "declaration": "SM", "use_registration": "SY", "suspension": "TY", "reactivation": "QY",
    "scrapping": "BF",
    "unit_change": "WB", "registration_change": "BG", "maintenance_pause": "ZT", "maintenance_resume": "HF",
    "worker_change": "RY", "on_demand": "AX", "person_filing": "RB",
    "inspection_report": "JY", "appeal": "SS", "correction": "JC",
}  # fmt: skip
CHANGE_CAUSE = {
    "retrofit": _l("改造"), "relocation": _l("移装"), "use_unit": _l("使用单位变更"), "rename": _l("更名"),
    "design_life": _l("达到设计使用年限"),
}  # fmt: skip
APPLICATION_STATE = {
    "draft": _l("草稿"), "submitted": _l("待受理"), "accepted": _l("待审批"), "endorsed": _l("待复审"),
    "returned": _l("退回补正"), "approved": _l("通过"), "rejected": _l("不通过"), "withdrawn": _l("已撤回"),
}  # fmt: skip

CONTRACT_KIND = {"normal": _l("普通"), "half": _l("半包"), "full": _l("全包")}
GENERATION_MODE = {"auto": _l("自动"), "manual": _l("手动")}
LEVEL = {
    "half_month": _l("半月"), "quarter": _l("季度"), "half_year": _l("半年"), "annual": _l("年度"),
}  # fmt: skip
ORDER_STATE = {"open": _l("待维保"), "done": _l("已维保"), "void": _l("已作废")}
# As lists show it: what is done and waits for somebody's word on the visit is told apart (PLN-05).
ORDER_SHOWN = {
    "open": ORDER_STATE["open"], "approving": _l("审批中"), "done": ORDER_STATE["done"], "void": ORDER_STATE["void"],
}  # fmt: skip
ORDER_ORIGIN = {"auto": _l("自动"), "manual": _l("手动"), "import": _l("导入"), "plan": _l("一年计划")}
NOTE_KIND = {"note": _l("说明"), "objection": _l("使用单位有异议")}
# What the use unit thinks of a visit, and how it came to say so.
VISIT_RATING = {"good": _l("满意"), "fair": _l("基本满意"), "poor": _l("不满意")}
CONFIRMED_BY = {
    "spot": _l("现场签名"), "account": _l("账号复核"), "link": _l("链接确认"), "paper": _l("纸质签字"),
}  # fmt: skip
# 故障反馈: what a visit found at fault; several may hold of one visit.
VISIT_FAULT = {
    "power": _l("供电异常或电压不稳"), "control": _l("控制系统"), "traction": _l("曳引和驱动"), "brake": _l("制动器"),
    "door": _l("门系统"), "safety": _l("安全保护装置"), "car": _l("轿厢、导轨和对重"), "buttons": _l("按钮和显示"),
    "alarm": _l("对讲和报警装置"), "shaft": _l("井道、底坑进水或杂物"), "other": _l("其他故障"),
}  # fmt: skip
VISIT_MODE = {"items": _l("按系统维保项"), "sheet": _l("按上传维保单")}
OFFLINE_PART = {"in": _l("离线签到"), "out": _l("离线签退"), "both": _l("离线")}
VISIT_STATE = {
    "open": _l("待签退"), "awaiting": _l("待完善"), "valid": _l("有效"), "nonconforming": _l("不合规"),
    "void": _l("无效"), "abnormal": _l("异常"), "pending": _l("审核中"), "rejected": _l("审批驳回"),
}  # fmt: skip
VISIT_REASON = {reason.value: _l(label) for reason, label in REASON_LABELS.items()}
VISIT_DECISION = {"approved": _l("同意"), "rejected": _l("驳回")}
LABEL_STATE = {
    "waiting": _l("审核中"), "more": _l("补数据"), "approved": _l("通过"), "rejected": _l("不通过"),
}  # fmt: skip
LABEL_BY = {"unit": _l("维保单位的经理"), "regulator": _l("监管部门")}
PERSON_KIND = {
    "head": _l("维保单位负责人"), "head_worker": _l("维保单位负责人兼维保员"), "manager": _l("维保经理"),
    "worker": _l("维保员"), "clerk": _l("维保文员"), "use_head": _l("使用单位负责人"),
    "safety_officer": _l("使用单位安全员"),
}  # fmt: skip
INVITATION_STATE = {
    "invited": _l("邀请中"), "draft": _l("待完善（草稿）"), "review": _l("审核中"), "ended": _l("已结束"),
    "rejected": _l("已驳回"), "cancelled": _l("已取消"),
}  # fmt: skip
FEEDBACK_KIND = {
    "use": _l("不会操作"), "fault": _l("出错、打不开"), "data": _l("数据不对"), "wish": _l("希望改进"),
    "other": _l("其他"),
}  # fmt: skip
CHECK_STATE = {"queued": _l("待发"), "sent": _l("已答复"), "failed": _l("失败")}
REAL_NAME = {
    "unchecked": _l("未核验"), "waiting": _l("核验中"), "matched": _l("已核验"), "mismatch": _l("不一致"),
}  # fmt: skip
SEX = {"male": _l("男"), "female": _l("女")}
# What an account is for when people are trapped; whoever has none takes no part (shenzhen, step 6).
RESCUE_ROLE = {"rescuer": _l("救援人员"), "duty": _l("救援值班"), "lead": _l("救援负责人")}
GRADE = {
    "general": _l("普工"), "intermediate": _l("中级工"), "senior": _l("高级工"), "technician": _l("技师"),
}  # fmt: skip
JOB_STATE = {
    "queued": _l("排队"), "running": _l("进行中"), "done": _l("完成"), "failed": _l("失败"),
}  # fmt: skip
BATCH_STATE = {
    "checking": _l("校验中"), "checked": _l("待导入"), "importing": _l("导入中"), "done": _l("已完成"),
    "failed": _l("失败"), "undoing": _l("撤销中"), "undone": _l("已撤销"),
}  # fmt: skip
SCORE_STATE = {"provisional": _l("暂定"), "final": _l("确定")}


def word(choices: dict[str, Any], value: str | None) -> str:
    """The label of a stored value; an unknown value shows itself, no value shows —."""
    return "—" if value is None else str(choices.get(value, value))
