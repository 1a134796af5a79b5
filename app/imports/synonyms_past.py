"""Other registers' names for the columns of what they did before they were replaced (IMP-03)."""

from __future__ import annotations

_CODE = "电梯识别码 电梯编号 梯号 电梯唯一码 elevatorid liftid elevatorcode"
PAST: dict[str, dict[str, str]] = {
    "past_rescues": {
        "code": _CODE,
        "reported_at": "报警时间 发生时间 故障发生时间 接警时间 reported",
        "dispatched_at": "派单时间 派遣时间 dispatched", "second_at": "二级派单时间 升级时间",
        "accepted_at": "接单时间 accepted", "arrived_at": "到达时间 到场时间 arrived",
        "done_at": "救出时间 解救时间 完成时间 恢复时间 freed", "level": "救援级别 救援层级 级别 level",
        "unit_id": "维保单位 维保公司 company contractor", "helper_id": "二级救援单位 救援单位",
        "outcome": "处置结果 结果 outcome", "cause": "故障原因 原因 cause", "method": "救援方式 method",
        "trapped": "困人人数 被困人数 trapped", "injured": "受伤人数 injured", "scene": "现场描述 故障描述",
        "in_centre": "城区 是否中心城区", "source": "报警方式 来源 source",
    },
    "past_repairs": {
        "code": _CODE,
        "reported_at": "报修时间 报障时间 故障时间 故障发生时间 reported",
        "assigned_at": "派工时间 派单时间 指派时间 assigned", "accepted_at": "接单时间 accepted",
        "departed_at": "出发时间 departed", "started_at": "到达时间 到场时间 开始时间 started arrived",
        "ended_at": "完成时间 结束时间 修复时间 恢复时间 ended completed", "level": "级别 故障等级 严重程度 level",
        "fault": "故障现象 故障内容 报修内容 问题描述 fault symptom", "cause": "原因 故障类型 cause",
        "action": "处理措施 处理结果 维修内容 处理方法 action", "parts": "更换配件 配件 更换零件 parts",
        "restored": "是否恢复运行 是否恢复 是否修复 restored", "unit_id": "维修单位 维保公司 company contractor",
        "worker_id": "维修人员 处理人 维保人员 维修工 worker technician", "source": "报修方式 报修来源 source",
        "note": "说明 remarks notes",
    },
    "past_complaints": {
        "code": _CODE,
        "complained_at": "投诉日期 反馈时间 受理时间 登记时间 complained reported",
        "kinds": "投诉类型 投诉类别 投诉内容类别 反馈问题 问题类型 kind type category",
        "body": "投诉内容 反馈内容 问题描述 投诉描述 description complaint",
        "accepted_at": "接单日期 响应时间 accepted", "handled_at": "处理时间 处置完成时间 处理完成时间 handled",
        "handle_note": "处理结果 处理情况 处置结果 处置说明 resolution", "reviewed_at": "复核日期 确认时间 reviewed",
        "review_note": "复核结果 复核说明 确认意见", "closed_at": "完成时间 结案时间 闭环时间 办结日期 closed",
        "is_untrue": "是否不属实 不实投诉 untrue", "end_note": "监管部门意见 结案意见",
        "unit_id": "维保单位 维保公司 处置单位 处理单位 company contractor",
        "name": "投诉人姓名 反馈人 联系人 姓名 name complainant",
        "phone": "投诉人电话 联系电话 手机 电话 手机号 phone mobile",
    },
}  # fmt: skip
