"""Every policy key with its type, unit, meaning, default and bounds: said once, read by screens, commands and rules.

`None` means that the platform has no such limit (off); only keys with `may_be_off` take it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from app.policy import capacity, desks, filings, limits, on_site, rating
from app.wording import say, speak

PRESET_KEY = "preset"
# Stored as a row's value to end a region's own value: from that day on it inherits again.
INHERIT: dict[str, bool] = {"inherit": True}

Value = int | bool | str | None
Kind = Literal["int", "bool", "choice", "pattern", "years", "phone", "text"]
LONGEST_TEXT = 200


class Key(StrEnum):
    """A policy key. Contracts, schedule, visits, quota, accounts and approval ask for these by name."""

    PRESENCE_METRES = "presence_metres"
    CAPTURE_METRES = "capture_metres"
    VISIT_MIN_MINUTES = "visit_min_minutes"
    VISIT_MAX_HOURS = "visit_max_hours"
    SHEET_HOURS = "sheet_hours"
    SHEET_MAKES_NONCONFORMING = "sheet_makes_nonconforming"
    REVIEW_REQUIRED = "review_required"
    REVIEW_DAYS = "review_days"
    UPLOAD_HOURS = "upload_hours"
    DAILY_ELEVATORS = "daily_elevators"
    MANAGER_APPROVAL = "manager_approval"
    VISIT_PERSONS = "visit_persons"
    VISIT_PERSONS_LONG = "visit_persons_long"
    CONTRACT_GATE = "contract_gate"
    CERTIFICATE_GATE = "certificate_gate"
    DECLARATION_GATE = "declaration_gate"
    LABEL_PHOTO = "label_photo"
    PERSON_PROOF = "person_proof"
    FACE_ATTEMPTS = "face_attempts"
    PHOTO_PIT = "photo_pit"
    PHOTO_TOP = "photo_top"
    PHOTO_ROOM = "photo_room"
    CLOCK_SLACK_MINUTES = "clock_slack_minutes"
    LIMIT_DAYS = "limit_days"
    INTERVAL_DAYS = "interval_days"
    HORIZON_DAYS = "horizon_days"
    NEVER_VISITED = "never_visited"
    FAIR_LEAST_DUE = "fair_least_due"
    FAIR_LEAST_CASES = "fair_least_cases"
    CAPACITY_DAY_MINUTES = "capacity_day_minutes"
    CAPACITY_WEEK_DAYS = "capacity_week_days"
    CAPACITY_HALF_MONTH_MINUTES = "capacity_half_month_minutes"
    CAPACITY_QUARTER_MINUTES = "capacity_quarter_minutes"
    CAPACITY_HALF_YEAR_MINUTES = "capacity_half_year_minutes"
    CAPACITY_ANNUAL_MINUTES = "capacity_annual_minutes"
    CAPACITY_SPEED_KMH = "capacity_speed_kmh"
    CAPACITY_TRAVEL_MINUTES = "capacity_travel_minutes"
    RATING = "rating"
    RATING_MAINTENANCE = "rating_maintenance"
    RATING_RESCUE = "rating_rescue"
    RATING_FEEDBACK = "rating_feedback"
    RATING_INSPECTION = "rating_inspection"
    RATING_FAULT = "rating_fault"
    RATING_CHANGE = "rating_change"
    RATING_TALK = "rating_talk"
    RATING_WARNING = "rating_warning"
    RATING_PENALTY = "rating_penalty"
    RATING_FIVE_STARS = "rating_five_stars"
    RATING_FOUR_STARS = "rating_four_stars"
    RATING_THREE_STARS = "rating_three_stars"
    RATING_CREDIT_A = "rating_credit_a"
    RATING_CREDIT_B = "rating_credit_b"
    RATING_CREDIT_C = "rating_credit_c"
    RATING_PENALTY_STARS = "rating_penalty_stars"
    RATING_PENALTY_CREDIT = "rating_penalty_credit"
    RATING_OVERDUE_PERMILLE = "rating_overdue_permille"
    RATING_OVERDUE_STARS = "rating_overdue_stars"
    RATING_UNCOVERED_PERMILLE = "rating_uncovered_permille"
    RATING_UNCOVERED_STARS = "rating_uncovered_stars"
    RATING_LICENCE_STARS = "rating_licence_stars"
    RATING_LICENCE_CREDIT = "rating_licence_credit"
    SCORE_SECOND_BONUS = "score_second_bonus"
    SCORE_TRAPPED_TWICE = "score_trapped_twice"
    SCORE_TRAPPED_THRICE = "score_trapped_thrice"
    SCORE_TRAPPED_OFTEN = "score_trapped_often"
    NEAR_MAINTENANCE_DAYS = "near_maintenance_days"
    NEAR_INSPECTION_DAYS = "near_inspection_days"
    NEAR_CONTRACT_DAYS = "near_contract_days"
    NEAR_CERTIFICATE_DAYS = "near_certificate_days"
    EXPIRY_FIRST_DAYS = "expiry_first_days"
    EXPIRY_SECOND_DAYS = "expiry_second_days"
    EXPIRY_LAST_DAYS = "expiry_last_days"
    COMPONENT_LIFE_MONTHS = "component_life_months"
    COMPONENTS_AT_FILING = "components_at_filing"
    INSPECTION_YEARS = "inspection_years"
    INSPECTION_EARLY_MONTHS = "inspection_early_months"
    INSPECTION_DUE_AT = "inspection_due_at"
    GOVERNOR_MONTHS = "governor_months"
    GOVERNOR_OLD_YEARS = "governor_old_years"
    GOVERNOR_OLD_MONTHS = "governor_old_months"
    GOVERNOR_GOODS_MONTHS = "governor_goods_months"
    BRAKE_MONTHS = "brake_months"
    QUOTA_GENERAL = "quota_general"
    QUOTA_INTERMEDIATE = "quota_intermediate"
    QUOTA_SENIOR = "quota_senior"
    QUOTA_TECHNICIAN = "quota_technician"
    LOCK_TRIES = "lock_tries"
    LOCK_MINUTES = "lock_minutes"
    PASSWORD_MIN = "password_min"
    FIRST_PASSWORD_DAYS = "first_password_days"
    SUB_ACCOUNTS = "sub_accounts"
    HEAD_ID_REQUIRED = "head_id_required"

    ELEVATOR_CODE_PATTERN = "elevator_code_pattern"
    UNIT_LICENCE_SCAN = "unit_licence_scan"
    UNIT_PERMIT_SCAN = "unit_permit_scan"
    APPROVAL_WORKING_DAYS = "approval_working_days"
    CONTRACT_MAX_YEARS = "contract_max_years"
    UNIT_CHANGE_DAYS = "unit_change_days"
    COMMITMENT_MAX_YEARS = "commitment_max_years"
    INSURANCE_DAY = "insurance_day"
    SECOND_APPROVAL = "second_approval"
    ON_DEMAND_MAX_DAYS = "on_demand_max_days"
    YELLOW_HOURS = "yellow_hours"
    COMPLAINT_ACCEPT_HOURS = "complaint_accept_hours"
    COMPLAINT_HANDLE_HOURS = "complaint_handle_hours"
    COMPLAINT_REVIEW_HOURS = "complaint_review_hours"
    REPAIR_ACCEPT_HOURS = "repair_accept_hours"
    REPAIR_FINISH_HOURS = "repair_finish_hours"
    REPAIR_APPROVAL = "repair_approval"
    PUBLIC_CONTACT = "public_contact"
    UNIT_SMS = "unit_sms"

    RESCUE_ACCEPT_MINUTES = "rescue_accept_minutes"
    RESCUE_ARRIVE_MINUTES = "rescue_arrive_minutes"
    RESCUE_ARRIVE_FAR_MINUTES = "rescue_arrive_far_minutes"
    RESCUE_DONE_MINUTES = "rescue_done_minutes"
    RESCUE_DONE_FAR_MINUTES = "rescue_done_far_minutes"
    RESCUE_DESK_MINUTES = "rescue_desk_minutes"
    RESCUE_ESCALATE_MINUTES = "rescue_escalate_minutes"
    RESCUE_HOTLINE = "rescue_hotline"

    ENFORCEMENT_REPLY_DAYS = "enforcement_reply_days"
    APPEAL_WITHIN_DAYS = "appeal_within_days"
    APPEAL_WORKING_DAYS = "appeal_working_days"
    IOT_OFFLINE_MINUTES = "iot_offline_minutes"
    IOT_SILENT_HOURS = "iot_silent_hours"
    IOT_REPEAT_MINUTES = "iot_repeat_minutes"
    IOT_LATE_MINUTES = "iot_late_minutes"
    IOT_RESCUES = "iot_rescues"
    IOT_ANOMALIES = "iot_anomalies"
    ESCALATE_HOURS = "escalate_hours"
    OPEN_DATA = "open_data"
    OPEN_LEAST = "open_least"
    OPEN_LICENCE = "open_licence"
    SUPPORT_CONTACT = "support_contact"

    KEEP_FACE_DAYS = "keep_face_days"
    KEEP_SELFIE_DAYS = "keep_selfie_days"
    KEEP_IDENTITY_DAYS = "keep_identity_days"
    KEEP_NUMBERS_DAYS = "keep_numbers_days"
    KEEP_INVITEES_DAYS = "keep_invitees_days"
    KEEP_ACCOUNTS_DAYS = "keep_accounts_days"
    KEEP_INSURED_DAYS = "keep_insured_days"
    KEEP_COMPLAINTS_DAYS = "keep_complaints_days"
    KEEP_RESCUES_DAYS = "keep_rescues_days"
    KEEP_IOT_DAYS = "keep_iot_days"
    KEEP_SYNC_DAYS = "keep_sync_days"
    KEEP_NOTICES_DAYS = "keep_notices_days"
    KEEP_IMPORTS_DAYS = "keep_imports_days"
    KEEP_EXPORTS_DAYS = "keep_exports_days"

    FRAUD_SPEED_KMH = "fraud_speed_kmh"
    FRAUD_TRAVEL_METRES = "fraud_travel_metres"
    FRAUD_GPS_METRES = "fraud_gps_metres"
    FRAUD_SITE_METRES = "fraud_site_metres"
    FRAUD_OVERLAP_MINUTES = "fraud_overlap_minutes"
    FRAUD_SERIES_MINUTES = "fraud_series_minutes"
    FRAUD_PHOTO_BITS = "fraud_photo_bits"
    FRAUD_PHOTO_DAYS = "fraud_photo_days"
    FRAUD_WINDOW_DAYS = "fraud_window_days"
    FRAUD_DURATION_LEAST = "fraud_duration_least"
    FRAUD_DURATION_SECONDS = "fraud_duration_seconds"
    FRAUD_DURATION_PERCENT = "fraud_duration_percent"
    FRAUD_TYPED_LEAST = "fraud_typed_least"
    FRAUD_TYPED_PERCENT = "fraud_typed_percent"
    FRAUD_BATCH_LEAST = "fraud_batch_least"
    FRAUD_BATCH_MINUTES = "fraud_batch_minutes"
    FRAUD_BATCH_SITES = "fraud_batch_sites"
    FRAUD_LATE_DAYS = "fraud_late_days"
    FRAUD_LATE_GAP_DAYS = "fraud_late_gap_days"
    FRAUD_LATE_EXTRA = "fraud_late_extra"
    FRAUD_DEVICE_LEAST = "fraud_device_least"
    FRAUD_ANSWER_DAYS = "fraud_answer_days"
    FRAUD_RISK_DAYS = "fraud_risk_days"
    FRAUD_KIND_MOST = "fraud_kind_most"
    FRAUD_W_TRAVEL = "fraud_w_travel"
    FRAUD_W_OVERLAP = "fraud_w_overlap"
    FRAUD_W_PHOTO = "fraud_w_photo"
    FRAUD_W_DURATIONS = "fraud_w_durations"
    FRAUD_W_TYPED = "fraud_w_typed"
    FRAUD_W_BATCH = "fraud_w_batch"
    FRAUD_W_LATE_EXTRA = "fraud_w_late_extra"
    FRAUD_W_DEVICE = "fraud_w_device"
    SPOT_LOOK_DAYS = "spot_look_days"
    SPOT_PART_MOST = "spot_part_most"
    SPOT_RISK_PERCENT = "spot_risk_percent"
    SPOT_TOP_PERCENT = "spot_top_percent"
    SPOT_FIX_DAYS = "spot_fix_days"
    SPOT_AGE_FROM = "spot_age_from"
    SPOT_W_OVERDUE = "spot_w_overdue"
    SPOT_W_UNCOVERED = "spot_w_uncovered"
    SPOT_W_FAILED = "spot_w_failed"
    SPOT_W_INSPECTION = "spot_w_inspection"
    SPOT_W_COMPLAINT = "spot_w_complaint"
    SPOT_W_AGE = "spot_w_age"
    SPOT_W_FRAUD = "spot_w_fraud"
    SPOT_W_SCORE = "spot_w_score"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a key means. `low`/`high` bound an int; `choices` name a choice's values."""

    key: Key
    kind: Kind
    group: str
    meaning: str
    default: Value
    unit: str = ""
    low: int | None = None
    high: int | None = None
    may_be_off: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    off_means: str = "不限"

    def __post_init__(self) -> None:
        speak(self, "group", "meaning", "unit", "off_means")
        object.__setattr__(self, "choices", tuple((value, say(label)) for value, label in self.choices))


def _int(
    key: Key, group: str, meaning: str, default: int | None, unit: str, low: int, high: int, **more: Any
) -> tuple[Key, Spec]:
    return key, Spec(key, "int", group, meaning, default, unit, low, high, **more)


def _bool(key: Key, group: str, meaning: str, default: bool) -> tuple[Key, Spec]:
    return key, Spec(key, "bool", group, meaning, default)


def _choice(key: Key, group: str, meaning: str, default: str, *choices: tuple[str, str]) -> tuple[Key, Spec]:
    return key, Spec(key, "choice", group, meaning, default, choices=choices)


def _said(key: Key, kind: Kind, group: str, meaning: str, default: str | None, **more: Any) -> tuple[Key, Spec]:
    return key, Spec(key, kind, group, meaning, default, **more)


def _limits(group: str) -> list[tuple[Key, Spec]]:
    return [
        _int(Key(key), group, said, default, unit, 1, high, may_be_off=True, off_means=limits.OFF)
        for key, of, said, default, unit, high in limits.NUMBERS if of == group
    ]  # fmt: skip


_V, _S, _N, _Q, _A, _F = "现场维保", "排班与超期", "预警", "维保台次", "账号安全", "备案与审批"
_P, _C, _I, _R, _M, _E, _W, _O, _T = (
    "个人信息保存", "公众投诉", "检验检测", "应急救援", "报修与维修", "执法与申诉", "星级与信用", "公开数据", "物联网",
)  # fmt: skip
# Not the 日 of a week, which is written alike.
DAY_OF_MONTH = say("日%(_)s", _="")

SPECS: dict[Key, Spec] = dict(
    [
        _int(Key.PRESENCE_METRES, _V, "签到、签退时与电梯的最远距离", 200, "米", 10, 5000),
        _int(Key.CAPTURE_METRES, _V, "现场标注电梯位置的最差精度", 50, "米", 5, 500),
        _int(Key.VISIT_MIN_MINUTES, _V, "签到后满多久才能签退", 35, "分钟", 1, 480, may_be_off=True),
        _int(Key.VISIT_MAX_HOURS, _V, "超过多久未签退即为无效", 8, "小时", 1, 72, may_be_off=True),
        _int(Key.SHEET_HOURS, _V, "签退后上传维保单的时限", 24, "小时", 1, 720, may_be_off=True),
        _bool(Key.SHEET_MAKES_NONCONFORMING, _V, "逾期未上传维保单即为不合规", True),
        _bool(Key.REVIEW_REQUIRED, _V, "未现场签名的记录须由使用单位复核", True),
        _int(Key.REVIEW_DAYS, _V, "使用单位复核的时限，逾期为不合规", 15, "天", 1, 365, may_be_off=True),
        _int(Key.UPLOAD_HOURS, _V, "维保结束后上传记录的时限，逾期为异常", None, "小时", 1, 720, may_be_off=True),
        _int(Key.DAILY_ELEVATORS, _V, "每名维保员每天计入的电梯台数", None, "台", 1, 100, may_be_off=True),
        _bool(Key.MANAGER_APPROVAL, _V, "维保记录须经维保经理审批", False),
        _int(Key.VISIT_PERSONS, _V, "一次维保至少几人在现场", 1, "人", 1, 5),
        _int(Key.VISIT_PERSONS_LONG, _V, "半年、年度维保至少几人在现场", 1, "人", 1, 5),
        _bool(Key.CONTRACT_GATE, _V, "没有生效合同（脱保）的电梯不能签到", True),
        _bool(Key.CERTIFICATE_GATE, _V, "作业人员证过期的人员不能签到", True),
        _choice(
            Key.DECLARATION_GATE, _V, "没有自我声明承诺书或已过期的人员签到时", "none",
            ("none", "不要求"), ("warn", "提醒"), ("block", "不能签到"),
        ),
        *(_choice(Key(key), on_site.GROUP, said, default, *some) for key, said, default, some in on_site.CHOICES),
        _int(Key.CLOCK_SLACK_MINUTES, _V, "手机时间与系统时间允许的偏差", 5, "分钟", 0, 60),
        _int(Key.LIMIT_DAYS, _S, "距上次有效维保超过多久即为超期", 15, "天", 1, 365),
        _int(Key.INTERVAL_DAYS, _S, "半月维保任务的默认间隔", 15, "天", 14, 15),
        _int(Key.HORIZON_DAYS, _S, "提前多久生成维保任务", 5, "天", 0, 60),
        _choice(
            Key.NEVER_VISITED, _S, "本单位从未维保的电梯何时起算周期", "none",
            ("none", "首次维保起"), ("contract", "合同首日与在用日中较晚者起"),
        ),
        _int(Key.FAIR_LEAST_DUE, _S, "公平比较的最小样本：应维保至少", 30, "次", 1, 100000),
        _int(
            Key.FAIR_LEAST_CASES, _S, "公平比较的最小样本：救援、投诉、检验、变更的件数和电梯台数至少", 10, "", 1,
            100000,
        ),
        *(
            _int(Key(key), group, meaning, default, unit, low, high)
            for key, group, meaning, default, unit, low, high in capacity.NUMBERS
        ),
        _choice(Key.RATING, _W, "按六个率和执法记录评定维保单位的", "both", *rating.RATED),
        *(
            _int(Key(key), group, meaning, default, unit, low, high)
            for key, group, meaning, default, unit, low, high in rating.NUMBERS
        ),
        *(
            _int(Key(key), group, meaning, default, unit, low, high, may_be_off=True)
            for key, group, meaning, default, unit, low, high in rating.MAY_BE_OFF
        ),
        *(
            _choice(Key(key), group, meaning, default, *rating.CREDITS)
            for key, group, meaning, default in rating.CREDIT_CAPS
        ),
        _int(Key.NEAR_MAINTENANCE_DAYS, _N, "临近维保：期限前", 3, "天", 0, 60),
        _int(Key.NEAR_INSPECTION_DAYS, _N, "临近检验（含限速器、部件）：到期前", 30, "天", 0, 365),
        _int(Key.NEAR_CONTRACT_DAYS, _N, "合同临近失效：到期前", 7, "天", 0, 365),
        _int(Key.NEAR_CERTIFICATE_DAYS, _N, "证书、许可证临近到期：到期前", 60, "天", 0, 365),
        _int(
            Key.EXPIRY_FIRST_DAYS, _N, "证书、许可证到期前首次通知", 60, "天", 1, 365, may_be_off=True,
            off_means="不通知",
        ),
        _int(
            Key.EXPIRY_SECOND_DAYS, _N, "证书、许可证到期前再次通知", 30, "天", 1, 365, may_be_off=True,
            off_means="不通知",
        ),
        _int(
            Key.EXPIRY_LAST_DAYS, _N, "证书、许可证到期前最后通知", 7, "天", 1, 365, may_be_off=True,
            off_means="不通知",
        ),
        _int(Key.COMPONENT_LIFE_MONTHS, _V, "组件没有填写寿命时的寿命", 6, "个月", 1, 600),
        _bool(Key.COMPONENTS_AT_FILING, _V, "电梯首次备案通过时按常用清单登记组件", False),
        _said(
            Key.INSPECTION_YEARS, "years", _I,
            "安装监检合格后第几年做定期检验，最后一个之后每年；其余年份做检测或自行检测", "1,4,7,9,11,13,15",
        ),
        _int(Key.INSPECTION_EARLY_MONTHS, _I, "提前多久检验不改变下次日期，也是人工推迟的上限", 2, "个月", 0, 11),
        _choice(
            Key.INSPECTION_DUE_AT, _I, "检验有效期算到", "month",
            ("month", "到期月份的最后一天"), ("day", "到期月份的同一天"),
        ),
        _int(Key.GOVERNOR_MONTHS, _I, "限速器校验的间隔", 24, "个月", 1, 120, may_be_off=True, off_means="不要求"),
        _int(Key.GOVERNOR_OLD_YEARS, _I, "限速器使用超过几年后间隔缩短", 15, "年", 1, 50, may_be_off=True,
             off_means="不缩短"),
        _int(Key.GOVERNOR_OLD_MONTHS, _I, "缩短后的限速器校验间隔（曳引与强制驱动电梯）", 12, "个月", 1, 120),
        _int(Key.GOVERNOR_GOODS_MONTHS, _I, "杂物电梯限速器校验的间隔", 60, "个月", 1, 120, may_be_off=True,
             off_means="不要求"),
        _int(Key.BRAKE_MONTHS, _I, "曳引与强制驱动电梯制动试验的间隔", 60, "个月", 1, 120, may_be_off=True,
             off_means="不要求"),
        _int(Key.QUOTA_GENERAL, _Q, "普工每月台次上限", 100, "台次", 1, 10000, may_be_off=True),
        _int(Key.QUOTA_INTERMEDIATE, _Q, "中级工每月台次上限", 110, "台次", 1, 10000, may_be_off=True),
        _int(Key.QUOTA_SENIOR, _Q, "高级工每月台次上限", 120, "台次", 1, 10000, may_be_off=True),
        _int(Key.QUOTA_TECHNICIAN, _Q, "技师每月台次上限", 130, "台次", 1, 10000, may_be_off=True),
        _int(Key.LOCK_TRIES, _A, "连续输错几次密码后锁定", 5, "次", 1, 100),
        _int(Key.LOCK_MINUTES, _A, "锁定多久", 15, "分钟", 1, 1440),
        _int(Key.PASSWORD_MIN, _A, "密码最短长度", 10, "位", 8, 20),
        _int(Key.FIRST_PASSWORD_DAYS, _A, "初始密码、重置的密码多久未用即作废", 14, "天", 1, 90),
        _int(Key.SUB_ACCOUNTS, _A, "每个单位的子用户上限（0 为不限）", 10, "个", 0, 10000),
        _bool(Key.HEAD_ID_REQUIRED, _A, "建立单位主账号时须填写负责人身份证号", False),
        _said(
            Key.ELEVATOR_CODE_PATTERN, "pattern", _F, "识别码的格式（正则表达式，须整体相符）", "[0-9A-Z]{4,12}",
            may_be_off=True,
        ),
        *(_choice(Key(key), _F, said, default, *some) for key, said, default, some in filings.CHOICES),
        _int(Key.APPROVAL_WORKING_DAYS, _F, "审批时限", 5, "个工作日", 1, 120, may_be_off=True),
        _int(Key.YELLOW_HOURS, _F, "期限还剩多久即为临近（黄）", 24, "小时", 1, 720),
        _int(
            Key.ESCALATE_HOURS, _F, "超过期限后每过多久报上一级", 24, "小时", 1, 720, may_be_off=True,
            off_means="不上报",
        ),
        *_limits(_C),
        _int(Key.REPAIR_ACCEPT_HOURS, _M, "报修后维修员接单的时限", None, "小时", 1, 720, may_be_off=True),
        _int(Key.REPAIR_FINISH_HOURS, _M, "报修后完成维修的时限", None, "小时", 1, 8760, may_be_off=True),
        _bool(Key.REPAIR_APPROVAL, _M, "维修工单须经维保经理审批", False),
        _choice(
            Key.PUBLIC_CONTACT, _C, "扫码页面公布的维保联系方式", "unit",
            ("none", "只公布维保单位名称"), ("unit", "维保单位的 24 小时值班电话"),
            ("masked", "维保员的姓和掩码手机，以及值班电话"), ("worker", "维保员的姓名和手机"),
        ),
        _choice(
            Key.UNIT_SMS, _C, "哪些通知在单位负责人没有设置通知方式时也发短信给他", "none",
            ("none", "都不发"), ("complaint", "公众投诉"), ("complaint_repair", "公众投诉和维修"),
        ),
        *_limits(_R),
        _int(Key.RESCUE_DESK_MINUTES, _R, "报警后坐席多久未派单即自动派单（0 为立即）", 2, "分钟", 0, 60,
             may_be_off=True, off_means="只由坐席派单"),
        _int(Key.RESCUE_ESCALATE_MINUTES, _R, "接单、到达超过时限后再过多久自动升级", 0, "分钟", 0, 120,
             may_be_off=True, off_means="只由坐席升级"),
        _said(Key.RESCUE_HOTLINE, "phone", _R, "应急救援热线，公布在扫码页面", "96333", may_be_off=True,
              off_means="没有热线"),
        _int(Key.ENFORCEMENT_REPLY_DAYS, _E, "约谈、警告、立案处罚下达后单位答复的时限（可逐件改）", 10, "天", 1, 180),
        _int(Key.APPEAL_WITHIN_DAYS, _E, "记录作出后多久内可以申诉", 30, "天", 1, 365, may_be_off=True),
        _int(Key.APPEAL_WORKING_DAYS, _E, "申诉的办理时限", 20, "个工作日", 1, 120, may_be_off=True),
        _bool(Key.OPEN_DATA, _O, "在网上公布统计数据，任何人不登录即可下载", False),
        _int(Key.OPEN_LEAST, _O, "小于多少的计数隐去，并隐去可以推算它的其他数", 5, "台（次、件）", 3, 100),
        _said(
            Key.OPEN_LICENCE, "text", _O, "公开数据的使用许可，印在每个文件上",
            say("可以自由使用、转载和加工，须注明来源和数据截至时间；不得用于识别个人。"),
        ),
        _said(Key.SUPPORT_CONTACT, "text", _A, "使用本平台遇到问题时联系谁（电话、时间），显示在“关于”", None,
              may_be_off=True, off_means="不公布"),
        _int(Key.IOT_OFFLINE_MINUTES, _T, "设备多久没有通信即为离线", 10, "分钟", 1, 1440),
        _int(Key.IOT_SILENT_HOURS, _T, "设备离线多久从黄色预警转为红色", 24, "小时", 1, 720),
        _int(Key.IOT_REPEAT_MINUTES, _T, "同一电梯同样的事件隔多久以内算同一次", 10, "分钟", 0, 1440),
        _int(Key.IOT_LATE_MINUTES, _T, "事件发生后多久才收到即为迟到，迟到的困人不自动派救援", 60, "分钟", 1, 10080),
        _bool(Key.IOT_RESCUES, _T, "困人事件自动开始救援", True),
        _bool(Key.IOT_ANOMALIES, _T, "故障、报警和迟到的困人自动记入电梯异常", True),
        _int(Key.CONTRACT_MAX_YEARS, _F, "维保合同最长年限", 10, "年", 1, 50, may_be_off=True),
        _int(Key.COMMITMENT_MAX_YEARS, _F, "维保承诺书最长年限", 3, "年", 1, 20, may_be_off=True),
        _int(Key.INSURANCE_DAY, _F, "每月几日前报上月的医社保缴交明细", 15, DAY_OF_MONTH, 1, 31),
        _int(Key.UNIT_CHANGE_DAYS, _F, "签订合同后多久内须申请维保单位变更", 7, "天", 1, 365),
        _int(Key.ON_DEMAND_MAX_DAYS, _S, "按需维保的最长间隔", 30, "天", 16, 180, may_be_off=True,
             off_means="不允许按需维保"),
        _int(Key.KEEP_FACE_DAYS, _P, "离职后多久删除人脸照片", 30, "天", 0, 3650),
        _int(Key.KEEP_SELFIE_DAYS, _P, "签到后多久删除现场本人照片", 180, "天", 1, 1100),
        _int(Key.KEEP_IDENTITY_DAYS, _P, "离职后多久删除身份证、作业人员证和证件照片", 180, "天", 0, 3650),
        _int(Key.KEEP_NUMBERS_DAYS, _P, "离职后多久清除手机和身份证号", 1826, "天", 1461, 7305),
        _int(Key.KEEP_INVITEES_DAYS, _P, "邀请链接失效、提交后无人审核多久，删除未入职者的资料", 90, "天", 7, 730),
        _int(Key.KEEP_ACCOUNTS_DAYS, _P, "账号停用后多久清除手机、邮箱、头像和外部身份", 180, "天", 30, 3650),
        _int(Key.KEEP_INSURED_DAYS, _P, "参保人员明细在缴费期间结束后保存多久", 1826, "天", 365, 7305),
        _int(Key.KEEP_COMPLAINTS_DAYS, _P, "投诉办结后多久清除投诉人的姓名、手机和照片", 365, "天", 30, 3650),
        _int(Key.KEEP_RESCUES_DAYS, _P, "救援结束后多久清除报警人的姓名和电话", 365, "天", 30, 3650),
        _int(Key.KEEP_IOT_DAYS, _P, "物联网事件收到后保存多久", 365, "天", 30, 3650),
        _int(Key.KEEP_SYNC_DAYS, _P, "省平台同步逐个代码的结果保存多久（全国一致）", 30, "天", 7, 3650),
        _int(Key.KEEP_NOTICES_DAYS, _P, "通知保存多久（全国一致）", 730, "天", 30, 3650),
        _int(Key.KEEP_IMPORTS_DAYS, _P, "导入的工作表保存多久（全国一致）", 365, "天", 7, 3650),
        _int(Key.KEEP_EXPORTS_DAYS, _P, "导出文件保存多久（全国一致）", 30, "天", 1, 3650),
        *(_int(Key(row[0]), row[1], row[2], row[3], row[4], row[5], row[6]) for row in desks.NUMBERS),
        *(_int(Key(row[0]), row[1], row[2], row[3], row[4], row[5], row[6]) for row in on_site.NUMBERS),
    ]
)  # fmt: skip
