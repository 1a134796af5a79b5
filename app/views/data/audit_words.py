"""What the audit log's actions and entities are called on screen: the one table; the stored names never change."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from app.listing import LISTINGS
from app.models.base import Model
from app.telling import told
from app.workflows.approval.kinds import HANDLERS, handlers

ENTITY: dict[str, Any] = {
    "account": _l("账号"), "api_token": _l("接口令牌"), "application": _l("申请"),
    "attachment": _l("附件"), "contract": _l("维保合同"),
    "contract_elevator": _l("合同电梯"), "demo": _l("演示数据"), "elevator": _l("电梯"), "export": _l("导出"),
    "grade_certificate": _l("等级证书"), "declaration": _l("自我声明承诺书"),
    "import_batch": _l("导入批次"), "job": _l("后台任务"),
    "maintenance_ledger": _l("设备履历"), "maintenance_order": _l("维保任务"), "notification": _l("通知"),
    "person": _l("人员"), "invitation": _l("入职邀请"), "invitation_poster": _l("邀请二维码"),
    "personal_request": _l("个人信息请求"), "retention": _l("到期内容"), "sealing": _l("加密内容"),
    "policy_value": _l("政策参数"), "region": _l("地区"), "schedule": _l("排班"),
    "score_run": _l("得分"), "statistics": _l("统计报表"), "unit": _l("单位"), "version": _l("档案版本"),
    "visit": _l("维保记录"), "visit_sheets": _l("维保单"), "overdue_period": _l("超期记录"),
    "commitment": _l("维保承诺书"),
    "insurance_record": _l("医社保缴交明细"), "audit": _l("审计日志"), "calendar": _l("工作日历"),
    "inspection": _l("检验记录"), "enforcement": _l("约谈与处罚"), "appeal": _l("申诉"),
    "unit_change": _l("维保单位变更"),
    "delegation": _l("代办"), "patrol_round": _l("巡检"), "policy": _l("政策参数"), "policy_proposal": _l("政策提议"),
    "risk_item": _l("风险"), "safety_record": _l("安全记录"),
    "rescue": _l("困人救援"), "complaint": _l("公众投诉"), "elevator_message": _l("扫码留言"),
    "repair_order": _l("维修工单"), "anomaly": _l("电梯异常"), "fraud_signal": _l("签到疑点"),
    "fraud_case": _l("核查案件"), "spot_draw": _l("抽查"), "spot_check": _l("抽查对象"),
    "spot_avoidance": _l("检查人员回避"), "bulletin": _l("通报"), "open_release": _l("公开数据"),
    "iot_device": _l("物联网设备"), "provincial_run": _l("同步省平台"), "provincial_difference": _l("省平台核对"),
    "maintenance_team": _l("维保小组"), "component": _l("组件"), "landing_door": _l("层门"),
    "elevator_label": _l("电梯标牌"),
    "item_set": _l("维保项目"), "usual_parts": _l("常用组件"),
}  # fmt: skip
# By the part after the dot; the part before is the entity, which stands in its own column.
DEED: dict[str, Any] = {
    "accept": _l("受理"), "add": _l("新增"), "age": _l("按时间更新状态"), "approve": _l("通过"),
    "assign": _l("分配电梯"), "assign_all": _l("分配全部电梯"), "bind": _l("绑定电梯"), "build": _l("生成"),
    "cancel": _l("作废"), "change": _l("变更"), "change_password": _l("修改密码"), "check_in": _l("签到"),
    "check_out": _l("签退"), "clock": _l("按时限更新"), "create": _l("建立"), "delete": _l("删除"),
    "discard": _l("放弃修改"), "done": _l("完成"), "download": _l("下载"), "edit": _l("修改"),
    "failed": _l("失败"), "grant": _l("授权"), "in_force": _l("生效"), "leave": _l("离职"), "locked": _l("锁定"),
    "make": _l("生成文件"), "print": _l("打印"), "remove": _l("移除"),
    "infected": _l("发现病毒"), "note": _l("说明"), "objection": _l("提出异议"), "ok": _l("成功"),
    "reassign": _l("重新分配"), "refused": _l("被拒绝"), "raise": _l("提出"), "copy": _l("下载本人资料"),
    "decide": _l("答复"), "erase": _l("到期删除"), "give": _l("同意"), "seal_anew": _l("更换密钥"),
    "reject": _l("不通过"), "reset_password": _l("重置密码"),
    "resubmit": _l("重新提交"), "retry": _l("重试"), "return": _l("退回补正"), "reveal": _l("查看完整信息"),
    "review": _l("复核"), "run": _l("运行"), "save": _l("保存履历"), "save_draft": _l("保存草稿"), "set": _l("设置"),
    "sheet": _l("上传维保单"), "sent_later": _l("离线补传"), "store": _l("上传附件"), "upload": _l("上传文件"),
    "submit": _l("上报"), "take_effect": _l("到期生效"), "settle": _l("状态更新"), "deactivate": _l("注销"),
    "reactivate": _l("恢复"), "hand_over": _l("离职交接"), "take_on": _l("办理入职"), "real_name": _l("实名核验"),
    "ask": _l("扫码申请"), "send_link": _l("发送确认链接"), "withdraw_link": _l("撤回确认链接"),
    "paper": _l("上传纸质确认"), "stop": _l("停止任务"),
    "poster": _l("生成邀请码"), "poster_close": _l("停用邀请码"), "link": _l("生成邀请链接"),
    "release_phone": _l("解绑手机"), "revoke": _l("撤销"), "ask_revoke": _l("提出撤销"), "usual": _l("登记常用组件"),
    "told": _l("核对别家的号码"), "follow": _l("随迁"),
    "take_over": _l("接管"), "unassign": _l("取消分配"), "unbind": _l("解除绑定"), "undo": _l("撤销"),
    "visit": _l("完成维保"), "void": _l("失效"), "withdraw": _l("撤回"), "face": _l("核对人脸比对"),
    "call_off": _l("生效前取消"),
    "bind_phone": _l("绑定手机"), "recover": _l("找回密码"), "register": _l("自行注册"), "rights": _l("修改权限"),
    "roles": _l("修改角色"), "register_phone": _l("登记手机"), "verify_mail": _l("验证邮箱"),
    "export": _l("导出"), "name": _l("委托代办"),
    "on_demand": _l("按需维保"), "registration_change": _l("变更登记"), "unit_change": _l("维保单位变更"),
    "match": _l("对应列和值"), "kind": _l("改选导入内容"),
    "passwords": _l("初始密码"), "undone": _l("撤销"), "worker_change": _l("维保人员变更"),
    "template": _l("修改模板"), "check": _l("巡检一台"), "close": _l("结束"), "plan": _l("安排"),
    "propose": _l("提议新值"), "officer": _l("指定安全员"), "risk": _l("风险"), "risk_end": _l("停用风险"),
    "end_all": _l("退出全部登录"),
    "enter": _l("登记"), "new_key": _l("更换密钥"), "begin": _l("开始"), "take_theirs": _l("采用省平台"),
    "link_unit": _l("关联单位"), "keep": _l("保留本平台"), "video": _l("查看通话视频"),
    "inspection": _l("检验更新日期"), "retell": _l("重新推算下次日期"),
    "complain": _l("投诉"), "handle": _l("处置"), "agree": _l("认可"), "send_back": _l("退回重办"),
    "disagree": _l("不认可"), "untrue": _l("不属实"), "prod": _l("督办"), "write": _lp("code", "留言"),
    "take": _l("接警"), "dispatch": _l("派单"), "replace": _l("改派"), "arrive": _l("到达"), "free": _l("救出"),
    "freed": _l("救出情况"), "back": _l("退回上一步"), "join": _l("并入"), "joined": _l("又一次报警"),
    "report": _l("报警"), "pass": _l("转派"), "callback": _l("回访"),
    "reply": _l("回复"), "publish": _l("公开"), "withhold": _l("不公开"),
    "issue": _l("下达"), "overturn": _l("因申诉撤销"), "appeal": _l("申诉更正"), "uphold": _l("申诉成立"),
    "look": _l("检查签到"), "set_aside": _l("排除"), "open": _l("立案"), "answer": _l("说明"),
    "announce": _l("公布抽查"), "draw": _l("抽取"), "find_good": _l("检查合格"), "fail": _l("发现问题"),
    "fix": _l("提交整改"), "confirm": _l("通过复查"), "skip": _l("标为未检查"), "declare": _l("登记回避"),
    "replaced": _l("更换"), "removed": _l("拆除"),
    "capture": _l("现场采集"), "correct": _l("信息纠错"),
    "found": _l("发现异常"), "again": _l("再次上报"), "dismiss": _l("排除"),
    "repair": _l("转维修"), "solve": _l("现场已处理"), "rescue": _l("转救援"),
    "wanted": _l("使用单位报修"), "assigned": _l("指派维修员"), "take_back": _l("收回派工"),
    "depart": _l("出发"), "finish": _l("结束维修"), "ended": _l("填写维修结果"), "hand_in": _l("结束维修，待审批"),
    "hand_on": _l("移交接手的单位"),
    "end": _l("终止"), "lock": _l("锁定账号"), "unlock": _l("解锁"), "start": _l("开始"), "second": _l("会签"),
    "ask_label": _l("要求补拍标签照片"), "supply_label": _l("补拍标签照片"), "approve_label": _l("标签照片通过"),
    "reject_label": _l("标签照片不通过"),
    "disband": _l("解散"), "draft": _l("起草"), "number": _l("编文号"),
    "temporary": _l("制作临时标牌"), "drop": _l("备案中移除附件"),
    "endorse": _l("初审同意"), "bring_label": _l("提交标签照片"), "open_secret": _l("打开涉密电梯的救援"),
    "save_drafts": _l("批量保存草稿"), "delete_drafts": _l("批量删除草稿"), "clear": _l("清除设置"),
    "daily": _l("日管控"), "weekly": _l("周排查"), "monthly": _l("月调度"),
    "approved": _l("审批同意"), "rejected": _l("审批驳回"),
    "totp_on": _l("启用动态口令"), "totp_off": _l("停用动态口令"),
    "sms_on": _l("启用登录短信认证"), "sms_off": _l("停用登录短信认证"), "send": _l("提交意见反馈"),
}  # fmt: skip
# Where one word means another deed to another entity.
_OWN: dict[str, Any] = {
    "anomaly.confirm": _l("确认"), "repair_order.open": _l("报修"), "repair_order.dispatch": _l("派工"),
    "repair_order.answer": _l("使用单位确认"),
    "item_set.start": _l("新建版本"), "item_set.save": _l("修改"), "item_set.submit": _l("提交批准"),
    "item_set.approve": _l("批准"), "item_set.return": _l("退回修改"), "item_set.discard": _l("放弃"),
    "bulletin.check": _l("核对无误"), "bulletin.issue": _l("签发"),
    "elevator_label.replace": _l("更换标牌"), "elevator_label.begin": _l("标牌启用"),
    "order.plan": _l("生成一年计划"), "attachment.keep": _l("备案中保留附件"),
    "application.revoke": _l("撤销批准"), "application.ask_revoke": _l("提出撤销批准"),
    "application.hand_on": _l("移交所在地区"),
    "usual_parts.save": _l("修改"),
    "account.grant": _l("增加子用户数"), "account.seal_anew": _l("动态口令更换加密密钥"),
    "identity.bind": _l("绑定外部身份"), "identity.unbind": _l("解除外部身份"),
    "session.end": _l("退出一台设备"), "login.second": _l("登录 · 二次验证"), "notice.set": _l("修改通知设置"),
    "comment.make": _l("发表留言"), "export.make": _l("导出"), "score.run": _l("计算得分"),
    "schedule.run": _l("运行排班"), "import.undone": _l("导入 · 撤销完成"),
    "contract.change": _l("变更合同"), "team.save": _l("保存小组"), "team.leave": _l("退出小组"),
    "insurance_record.save": _l("保存明细"), "inspection.end": _l("更正或作废"),
    "landing_door.check": _l("检查层门"), "visit.join": _l("加入协同维保"), "visit.note": _l("填写说明"),
    "repair.open": _l("报修"), "repair.take_over": _l("登记既往维修"), "rescue.take_over": _l("登记既往救援"),
    "complaint.take_over": _l("登记既往投诉"),
    "safety.risk": _l("登记、修改风险"), "personal_request.raise": _l("提出请求"), "region.end": _l("停用地区"),
    "region.follow": _l("随迁到现在地区"),
}  # fmt: skip
# Where the first part is no entity of the log's column.
_AREA: dict[str, Any] = {
    "consent": _l("单独同意"),
    "login": _l("登录"), "import": _l("导入"), "order": _l("维保任务"), "ledger": _l("设备履历"),
    "policy": _l("政策参数"), "notice": _l("通知"), "grade": _l("等级证书"), "score": _l("得分"),
    "overdue": _l("超期记录"),
}  # fmt: skip
# What an entry tells besides columns.
FIELD: dict[str, Any] = {
    "accounts": _l("账号"), "attachment": _l("附件"), "columns": _l("列"), "contracts": _l("合同"),
    "digest": _l("摘要"), "distance": _l("距离"), "elevator": _l("电梯"), "elevators": _l("电梯"),
    "entries": _l("条数"), "evidence": _l("完整留痕"), "filter": _l("筛选条件"), "format": _l("格式"),
    "job": _l("后台任务"), "opinion": _l("意见"), "orders": _l("维保任务"), "overdue": _l("超期"),
    "persons": _l("人员"), "kind": _l("类型"), "fields": _l("项目"), "purpose": _l("用途"), "face": _l("人脸比对"),
    "verdict": _l("核对结论"), "values": _l("处数"),
    "phone": _l("手机时钟和定位精度"),
    "files": _l("文件"), "erased": _l("已删除"), "photo": _l("照片"),
    "policy": _l("政策版本"), "reason": _l("原因"), "region": _l("地区"), "rows": _l("行数"), "seed": _l("种子"),
    "sha256": _l("文件摘要"), "units": _l("单位"), "version": _l("版本"), "visits": _l("维保记录"),
    "waiting": _l("待审批"), "as_of": _l("数据截至"), "from_on": _l("期间起始"), "to_on": _l("期间截止"),
    "sent_to": _l("发送至"), "told": _l("告知的号码"), "refused": _l("拒绝的号码"), "today": _l("今天合计"),
    "link": _l("确认链接"), "state": _l("状态"), "level": _l("频次"), "note": _l("说明"), "scores": _l("得分"),
    "application": _l("申请"), "body": _l("留言"), "internal": _l("只给监管部门看"), "from": _l("起始日期"),
    "to": _l("代办人"), "name": _l("名称"), "size": _l("字节数"), "added": _l("新增"), "removed": _l("移除"),
    "by": _l("操作人"), "count": _l("数量"), "known": _l("认识的浏览器"), "login_name": _l("登录名"),
    "is_main": _l("主账号"), "extra": _l("其他"), "provider": _l("外部身份"), "region_code": _l("区划代码"),
    "rights": _l("权限"), "roles": _l("角色"), "sex": _l("性别"), "unit_id": _l("单位"), "webhook": _l("网址回调"),
    "account": _l("账号"), "account_id": _l("账号"), "maintenance_unit_id": _l("维保单位"), "elevator_id": _l("电梯"),
    "changed": _l("更新"), "deleted": _l("删除"), "made": _l("新增"), "file": _l("文件"), "hours": _l("有效时间"),
    "poster": _l("邀请二维码"), "invitation": _l("入职邀请"), "finding": _l("发现的问题"), "is_fine": _l("正常"),
    "photos": _l("照片"), "as": _l("身份"), "successor_id": _l("接手人"), "key": _l("参数"), "source": _l("依据"),
    "inspection": _l("检验记录"), "report": _l("报告编号"), "corrects": _l("更正自"),
    "automatic": _l("自动派单"), "satisfaction": _l("满意度"), "worker_id": _l("救援人员"), "about": _l("申诉对象"),
    "figures": _l("更正前后"), "withdrawn": _l("已更正"), "value": _l("值"), "agreed": _l("个人信息告知"),
    "looked_at": _l("检查的记录"), "signals": _l("疑点"), "question": _l("要求说明的问题"), "chosen": _l("抽中"),
    "title": _l("名称"), "on": _l("日期"), "helpers": _l("协同人员"),
    "person": _l("人员"), "members": _l("组员"), "joined_at": _l("加入时间"),
    "accuracy": _l("定位精度（米）"), "capture": _l("现场采集"), "samples": _l("定位次数"), "lowest": _l("最低楼层"),
    "limits_moved": _l("重算的期限"), "record": _l("导出记录"), "number": _l("编号"),
    "sent": _l("上传时的文件摘要"), "effects": _l("到期生效"), "clocks_started": _l("开始计时"),
    "overdue_judged": _l("判定的超期"), "orders_made": _l("生成的维保任务"), "days_judged": _l("判定的天数"),
    "seconds": _l("用时（秒）"), "ledgers": _l("设备履历"), "repairs": _l("维修工单"), "patrols": _l("巡检"),
    "officer": _l("安全员"), "ahead": _l("手机时间快（秒）"), "contact_at": _l("上次联网"),
    "contact_ahead": _l("上次联网时手机时间快（秒）"), "in_shown": _l("签到时手机时间"),
    "out_shown": _l("签退时手机时间"),
    "in_accuracy": _l("签到定位精度（米）"), "out_accuracy": _l("签退定位精度（米）"),
    "step": _l("步骤"), "shown": _l("手机时间"),
    "imported": _l("已导入"), "bad": _l("有错误"), "bulletins": _l("通报"), "checks": _l("抽查对象"),
    "complaints": _l("公众投诉"), "devices": _l("物联网设备"), "enforcement": _l("约谈与处罚"),
    "labels": _l("标签照片"), "interval_days": _l("维保间隔"), "switched": _l("任务改为手动生成的电梯"),
    "components": _l("组件"), "doors": _l("层门"), "installed_on": _l("安装日期"),
    "office": _l("办理中"), "provincial": _l("省平台核对"), "rescues": _l("困人救援"),
}  # fmt: skip
# What an application of a kind files besides the parts that its workflow declares: the table that it is about, and
# what no table has.
_FILED_IN = {
    "correction": "elevator", "on_demand": "maintenance_ledger", "registration_change": "elevator",
    "unit_change": "unit_change", "worker_change": "maintenance_ledger",
}  # fmt: skip
_FILED: dict[tuple[str, str], Any] = {
    ("maintenance_pause", "until_on"): _l("恢复日期"), ("on_demand", "until_on"): _l("截止日期"),
    ("registration_change", "cause"): _l("变更原因"), ("unit_change", "side"): _l("提出方"),
}  # fmt: skip
VIA: dict[str, Any] = {
    "web": _l("网页"), "api": _l("接口"), "phone": _l("手机"), "field": _l("手机"), "job": _l("后台任务"),
    "clock": _l("时钟"), "cli": _l("命令行"), "join": _l("入职页面"), "ops": _l("运维后台"), "import": _l("导入"),
    "code": _l("扫码页面"), "link": _l("确认链接"),
}  # fmt: skip


def action_word(action: str) -> str:
    """An action in words, such as 登录 · 失败; one that is not in the table stays as it is stored."""
    if action in _OWN:
        return str(_OWN[action])
    area, _dot, deed = action.rpartition(".")
    if deed not in DEED:
        return action
    return f"{_AREA[area]} · {DEED[deed]}" if area in _AREA else str(DEED[deed])


def action_choices() -> list[tuple[str, str]]:
    """The filter's choices: every deed, of whatever entity, and all that has to do with signing in.

    An action with a word of its own is chosen by that, by its whole name.
    """
    return [("login.", str(_AREA["login"])), *_by_word(DEED | _OWN)]


def called_otherwise(deed: str) -> list[str]:
    """The actions of this deed that have a word of their own: who looks for the deed's word means none of them."""
    return [action for action in _OWN if action.endswith(f".{deed}") and str(_OWN[action]) != str(DEED.get(deed))]


def entity_choices() -> list[tuple[str, str]]:
    return _by_word(ENTITY)


def _by_word(table: dict[str, Any]) -> list[tuple[str, str]]:
    """One choice a word, with all names that it is said of: two equal choices would each find a part."""
    names: dict[str, list[str]] = {}
    for name, said in table.items():
        names.setdefault(str(said), []).append(name)
    return sorted(((",".join(each), said) for said, each in names.items()), key=lambda choice: choice[1])


@cache
def columns() -> dict[str, dict[str, dict[str, Any]]]:
    """What each table's columns are declared to be."""
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for mapper in Model.registry.mappers:
        table = mapper.local_table
        tables[str(table.name)] = {c.key: c.info for c in table.columns if "label" in c.info}
    tables["account"] = tables["ab_user"]
    return tables


def field_word(entity: str, field: str) -> str:
    """A changed field as its column is called; what is no column has its own words, or stays."""
    declared = columns().get(entity, {}).get(field)
    return str(declared["label"] if declared else FIELD.get(field, field))


def filed_word(kind: str, name: str) -> str:
    """A part of what an application of a kind files, as its form calls it; one that is not known as any field is."""
    for mend in handlers(kind).mends if kind in HANDLERS else ():
        if mend.name == name:
            return str(told(mend.label))
    if (kind, name) in _FILED:
        return str(_FILED[kind, name])
    table = _FILED_IN.get(kind, "")
    return field_word(table if name in columns().get(table, {}) else "application", name)


def entity_word(entity: str) -> str:
    """An export's entity is the list that was exported."""
    if entity in ENTITY or entity not in LISTINGS:
        return str(ENTITY.get(entity, entity))
    return str(LISTINGS[entity].title)


def via_word(via: str) -> str:
    if via.startswith("token:"):
        return str(_l("接口令牌 %(n)s", n=via.removeprefix("token:")))
    return str(VIA.get(via.partition(":")[0], via))
