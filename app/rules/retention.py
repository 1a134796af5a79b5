"""What is kept how long and why: the register of retention and deletion (PIPL 19, 47). Pure: days are arguments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from app.wording import speak

# 个人信息保护法 50: 及时; GB/T 35273—2020 8.7: within thirty days.
ANSWER_DAYS = 30
LEAST_ANSWER = 5
# How long before his data is erased those hear of it who could still take an invitee on.
WARN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Duty:
    """One kind of personal data. `key` is the policy key of its days after `since`; without one it is not erased."""

    kind: str
    what: str
    since: str
    deed: str
    why: str
    key: str = ""

    def __post_init__(self) -> None:
        speak(self, "what", "since", "deed", "why")


DUTIES = (
    Duty("face", "人脸照片", "离职之日；撤回同意时立即", "删除文件", "只为在职期间与现场本人照片对照，须单独同意",
         "keep_face_days"),
    Duty("selfie", "现场本人照片", "签到之日", "删除文件", "只为核对签到的是本人，地区要求时才拍",
         "keep_selfie_days"),
    Duty("face_checks", "人脸比对结果", "签到之日", "删除，是否本人的核对决定留在审计日志",
         "只为核对签到的是本人；不保存人脸特征和相似程度", "keep_selfie_days"),
    Duty("identity", "身份证、作业人员证和证件照片", "离职之日", "删除文件", "只为入职核对", "keep_identity_days"),
    Duty("numbers", "离职人员的手机和身份证号", "离职之日", "清除号码，姓名和证书编号保留",
         "维保记录须保存至少 4 年（TSG T5002），期间可能须核对维保人员身份", "keep_numbers_days"),
    Duty("invitees", "没有入职的受邀人填写的资料、照片和邀请本身", "邀请链接失效之日；等待审核的，提交之日",
         "删除，审计日志保留；等待审核的，删除前 7 天通知审核人和本人", "没有形成用工关系", "keep_invitees_days"),
    Duty("accounts", "已停用账号的手机、邮箱、头像、外部身份和通知设置", "停用之日", "清除，登录名和姓名保留",
         "只为登录和通知；日志须能指明是谁", "keep_accounts_days"),
    Duty("insured", "参保人员明细（姓名、身份证号、手机）、参保缺口和缴费凭证", "缴费期间结束之日",
         "删除，每月的人数保留", "只为核对在职人员是否参保", "keep_insured_days"),
    Duty("complaints", "投诉人的姓名、手机和投诉照片", "办结之日", "清除，投诉内容（其中的号码掩码）和处置记录保留",
         "只为核实和回访；处置是否及时是评分的依据", "keep_complaints_days"),
    Duty("iot", "物联网事件", "收到之日", "删除；电梯异常和救援记录另存", "只为追查和统计；不含个人信息",
         "keep_iot_days"),
    Duty("sync", "省平台同步逐个代码的结果", "同步结束之日", "删除，每次同步的数量和待核对的内容保留", "只为查看结果",
         "keep_sync_days"),
    Duty("rescues", "报警人的姓名和电话，救援人员手机的定位", "救援结束之日",
         "清除，现场描述（其中的号码掩码）和处置过程保留", "只为救援和回访；救援是否及时是评分的依据",
         "keep_rescues_days"),
    Duty("jobs", "后台任务及其条件、结果和错误说明", "任务结束之日", "删除", "只为查看进度；导出另有记录",
         "keep_notices_days"),
    Duty("notices", "站内信、短信和邮件通知", "写入之日", "删除", "办事提醒，事情本身另有记录", "keep_notices_days"),
    Duty("imports", "导入的工作表和逐行内容", "导入结束之日", "删除文件和行，批次的数量保留",
         "供核对和撤销；内容已写入档案", "keep_imports_days"),
    Duty("exports", "已生成的导出文件", "生成之日", "删除文件，导出记录和摘要保留", "文件已由导出人下载",
         "keep_exports_days"),
    Duty("sign_in", "验证码、图形验证码、登录次数、已退出的会话", "失效之日", "2 天内删除", "只为登录安全"),
    Duty("visits", "维保记录、签名和现场照片（本人照片除外）", "", "不删除", "维保质量的证据；处罚和评分可能据以复核"),
    Duty("exported", "导出记录（列表、条件、摘要）", "", "不删除，条件加密", "核对导出文件真伪，追查数据去向"),
    Duty("versions", "单位、电梯和人员档案的历次版本", "", "不删除，其中的号码加密；人员的号码随离职期限清除",
         "审批的依据；改动内容会使摘要不符"),
    Duty("audit", "审计日志（含登录记录）", "", "不删除，不含完整号码", "逐批封存成链，删去一条即无法核验"),
    Duty("consents", "同意记录、个人信息请求及答复", "", "不删除", "证明处理合法、答复及时"),
)  # fmt: skip


def past(today: dt.date, days: int) -> dt.date:
    """The last day of the event after which the data has been kept for all its days: an event on it is due today."""
    return today - dt.timedelta(days=days)


def erased_on(today: dt.date, submitted_on: dt.date, days: int) -> dt.date:
    """When what waits in review is erased, if today those are told who could decide on it."""
    return max(submitted_on + dt.timedelta(days=days), today + dt.timedelta(days=WARN_DAYS))


def due_on(asked_on: dt.date) -> dt.date:
    """Until when a person's request must be answered."""
    return asked_on + dt.timedelta(days=ANSWER_DAYS)
