"""What can be done: each deed by its name, and what people call it. Who may do it is `permissions`."""

from __future__ import annotations

import enum

from flask_babel import lazy_gettext as _l


class Verb(enum.StrEnum):
    """What can be done. A screen names the verb that it needs; a workflow requires it."""

    HOME = "home"
    REGION_READ = "region.read"
    REGION_EDIT = "region.edit"
    ACCOUNT_READ = "account.read"
    ACCOUNT_CREATE = "account.create"
    SUBACCOUNT_EDIT = "subaccount.edit"
    UNIT_READ = "unit.read"
    UNIT_EDIT = "unit.edit"
    PERSON_READ = "person.read"
    PERSON_EDIT = "person.edit"
    INVITATION_APPROVE = "invitation.approve"
    SENSITIVE_READ = "sensitive.read"
    PRIVACY_DECIDE = "privacy.decide"
    OWN_CERTIFICATE = "certificate.own"
    ELEVATOR_READ = "elevator.read"
    ELEVATOR_EDIT = "elevator.edit"
    ELEVATOR_SURVEY = "elevator.survey"
    LABEL_EDIT = "elevator.label"
    COMPONENT_EDIT = "component.edit"
    SECRET_READ = "secret.read"
    FILING_SUBMIT = "filing.submit"
    APPLICATION_READ = "application.read"
    APPLICATION_SUBMIT = "application.submit"
    APPLICATION_DECIDE = "application.decide"
    COMMENT = "comment"
    CONTRACT_READ = "contract.read"
    CONTRACT_EDIT = "contract.edit"
    LEDGER_READ = "ledger.read"
    LEDGER_EDIT = "ledger.edit"
    ORDER_READ = "order.read"
    ORDER_EDIT = "order.edit"
    VISIT_READ = "visit.read"
    VISIT_MAKE = "visit.make"
    VISIT_REVIEW = "visit.review"
    VISIT_APPROVE = "visit.approve"
    VISIT_LABEL = "visit.label"
    ITEM_EDIT = "item.edit"
    VISIT_SHEET = "visit.sheet"
    WARNING_READ = "warning.read"
    SCORE_READ = "score.read"
    SCORE_RUN = "score.run"
    SCHEDULE_RUN = "schedule.run"
    REPORT_READ = "report.read"
    COCKPIT_READ = "cockpit.read"
    BULLETIN_READ = "bulletin.read"
    BULLETIN_EDIT = "bulletin.edit"
    BULLETIN_ISSUE = "bulletin.issue"
    IMPORT = "import"
    TAKE_OVER = "import.visits"
    EXPORT = "export"
    JOB_READ = "job.read"
    INBOX = "inbox"
    POLICY_READ = "policy.read"
    POLICY_EDIT = "policy.edit"
    CALENDAR_EDIT = "calendar.edit"
    COMMITMENT_READ = "commitment.read"
    COMMITMENT_EDIT = "commitment.edit"
    INSURANCE_READ = "insurance.read"
    INSURANCE_EDIT = "insurance.edit"
    INSPECTION_READ = "inspection.read"
    INSPECTION_EDIT = "inspection.edit"
    INSPECTION_REPORT = "inspection.report"
    SAFETY_READ = "safety.read"
    SAFETY_EDIT = "safety.edit"
    SAFETY_RECORD = "safety.record"
    PATROL_READ = "patrol.read"
    PATROL_EDIT = "patrol.edit"
    COMPLAINT_READ = "complaint.read"
    COMPLAINT_HANDLE = "complaint.handle"
    COMPLAINT_REVIEW = "complaint.review"
    COMPLAINT_CLOSE = "complaint.close"
    RESCUE_READ = "rescue.read"
    RESCUE_DESK = "rescue.desk"
    RESCUE_HANDLE = "rescue.handle"
    REPAIR_READ = "repair.read"
    REPAIR_REPORT = "repair.report"
    REPAIR_ASSIGN = "repair.assign"
    REPAIR_DO = "repair.do"
    REPAIR_APPROVE = "repair.approve"
    ANOMALY_READ = "anomaly.read"
    ANOMALY_REPORT = "anomaly.report"
    ANOMALY_HANDLE = "anomaly.handle"
    ENFORCEMENT_READ = "enforcement.read"
    ENFORCEMENT_EDIT = "enforcement.edit"
    ENFORCEMENT_DECIDE = "enforcement.decide"
    ENFORCEMENT_REPLY = "enforcement.reply"
    APPEAL_SUBMIT = "appeal.submit"
    FRAUD_READ = "fraud.read"
    FRAUD_DECIDE = "fraud.decide"
    FRAUD_CASE = "fraud.case"
    FRAUD_ANSWER = "fraud.answer"
    SPOT_READ = "spot.read"
    SPOT_DRAW = "spot.draw"
    SPOT_CHECK = "spot.check"
    SPOT_FIX = "spot.fix"
    IOT_READ = "iot.read"
    IOT_EDIT = "iot.edit"
    IOT_SEND = "iot.send"
    IOT_VIDEO = "iot.video"
    REGISTER_SYNC = "register.sync"
    AUDIT_READ = "audit.read"
    OPS = "ops"


V = Verb
VERB_LABEL = {
    V.HOME: _l("打开首页"),
    V.REGION_READ: _l("查看地区"),
    V.REGION_EDIT: _l("维护地区"),
    V.ACCOUNT_READ: _l("查看账号"),
    V.ACCOUNT_CREATE: _l("建立账号"),
    V.SUBACCOUNT_EDIT: _l("管理子用户"),
    V.UNIT_READ: _l("查看单位"),
    V.UNIT_EDIT: _l("填报单位"),
    V.PERSON_READ: _l("查看人员"),
    V.PERSON_EDIT: _l("维护人员"),
    V.INVITATION_APPROVE: _l("审批入职"),
    V.SENSITIVE_READ: _l("查看完整的电话和证件"),
    V.PRIVACY_DECIDE: _l("办理个人信息请求"),
    V.OWN_CERTIFICATE: _l("更新本人级别和声明"),
    V.ELEVATOR_READ: _l("查看电梯"),
    V.ELEVATOR_EDIT: _l("填报电梯"),
    V.ELEVATOR_SURVEY: _l("现场标注位置、纠错"),
    V.LABEL_EDIT: _l("更换标牌"),
    V.COMPONENT_EDIT: _l("维护组件和层门"),
    V.SECRET_READ: _l("查看涉密电梯"),
    V.FILING_SUBMIT: _l("上报备案"),
    V.APPLICATION_READ: _l("查看申请"),
    V.APPLICATION_SUBMIT: _l("提交申请"),
    V.APPLICATION_DECIDE: _l("审批"),
    V.COMMENT: _l("留言和关注"),
    V.CONTRACT_READ: _l("查看合同"),
    V.CONTRACT_EDIT: _l("维护合同"),
    V.LEDGER_READ: _l("查看设备履历"),
    V.LEDGER_EDIT: _l("填写设备履历"),
    V.ORDER_READ: _l("查看维保任务"),
    V.ORDER_EDIT: _l("分配维保任务"),
    V.VISIT_READ: _l("查看维保记录"),
    V.VISIT_MAKE: _l("签到签退"),
    V.VISIT_REVIEW: _l("复核维保"),
    V.VISIT_APPROVE: _l("审批维保记录"),
    V.VISIT_LABEL: _l("核对标签照片和人脸"),
    V.ITEM_EDIT: _l("维护维保项目"),
    V.VISIT_SHEET: _l("上传维保单"),
    V.WARNING_READ: _l("查看预警"),
    V.SCORE_READ: _l("查看得分"),
    V.SCORE_RUN: _l("计算得分"),
    V.SCHEDULE_RUN: _l("运行排班"),
    V.REPORT_READ: _l("查看统计报表"),
    V.COCKPIT_READ: _l("查看数据驾驶舱"),
    V.BULLETIN_READ: _l("查看通报"),
    V.BULLETIN_EDIT: _l("生成、编辑、核对通报"),
    V.BULLETIN_ISSUE: _l("签发通报"),
    V.IMPORT: _l("导入"),
    V.TAKE_OVER: _l("接管既往维保记录"),
    V.EXPORT: _l("导出"),
    V.JOB_READ: _l("查看任务"),
    V.INBOX: _l("查看收件箱"),
    V.POLICY_READ: _l("查看政策参数"),
    V.POLICY_EDIT: _l("设置政策参数"),
    V.CALENDAR_EDIT: _l("维护工作日历"),
    V.COMMITMENT_READ: _l("查看维保承诺书"),
    V.COMMITMENT_EDIT: _l("提交维保承诺书"),
    V.INSURANCE_READ: _l("查看医社保缴交明细"),
    V.INSURANCE_EDIT: _l("填报医社保缴交明细"),
    V.INSPECTION_READ: _l("查看检验记录"),
    V.INSPECTION_EDIT: _l("登记检验"),
    V.INSPECTION_REPORT: _l("上传检测、校验报告"),
    V.SAFETY_READ: _l("查看主体责任"),
    V.SAFETY_EDIT: _l("指定安全员、维护风险清单"),
    V.SAFETY_RECORD: _l("填写安全记录"),
    V.PATROL_READ: _l("查看和填写巡检"),
    V.PATROL_EDIT: _l("安排巡检"),
    V.COMPLAINT_READ: _l("查看投诉和留言"),
    V.COMPLAINT_HANDLE: _l("接单处置投诉、回复留言"),
    V.COMPLAINT_REVIEW: _l("复核投诉处置"),
    V.COMPLAINT_CLOSE: _l("督办、办结投诉，公开留言"),
    V.RESCUE_READ: _l("查看困人救援"),
    V.RESCUE_DESK: _l("接警、派单、回访"),
    V.RESCUE_HANDLE: _l("救援接单、到达、救出"),
    V.REPAIR_READ: _l("查看报修和维修"),
    V.REPAIR_REPORT: _l("报修登记"),
    V.REPAIR_ASSIGN: _l("指派维修、撤销报修"),
    V.REPAIR_DO: _l("接单维修"),
    V.REPAIR_APPROVE: _l("审批维修工单"),
    V.ANOMALY_READ: _l("查看电梯异常"),
    V.ANOMALY_REPORT: _l("上报电梯异常"),
    V.ANOMALY_HANDLE: _l("审核和处理电梯异常"),
    V.ENFORCEMENT_READ: _l("查看约谈和处罚"),
    V.ENFORCEMENT_EDIT: _l("发起、核查、撤销约谈和处罚"),
    V.ENFORCEMENT_DECIDE: _l("决定立案处罚"),
    V.ENFORCEMENT_REPLY: _l("答复约谈和处罚"),
    V.APPEAL_SUBMIT: _l("对评分证据和处罚申诉"),
    V.FRAUD_READ: _l("查看签到疑点"),
    V.FRAUD_DECIDE: _l("排除疑点、立案和认定"),
    V.FRAUD_CASE: _l("查看核查案件"),
    V.FRAUD_ANSWER: _l("说明核查案件"),
    V.SPOT_READ: _l("查看双随机抽查"),
    V.SPOT_DRAW: _l("抽取检查对象和人员"),
    V.SPOT_CHECK: _l("填写抽查结果"),
    V.SPOT_FIX: _l("提交抽查整改"),
    V.IOT_READ: _l("查看物联网数据"),
    V.IOT_EDIT: _l("绑定和解绑硬件"),
    V.IOT_SEND: _l("上报物联网数据"),
    V.IOT_VIDEO: _l("查看轿厢通话视频"),
    V.REGISTER_SYNC: _l("与省平台核对"),
    V.AUDIT_READ: _l("查看审计日志"),
    V.OPS: _l("打开运维后台"),
}
