"""Limits of public complaints (CMP-03) and of rescues (RES-03): key, group, meaning, huzhou's number, unit, highest.

The other cities' manuals have none: there they are off, no step is late and nobody is reminded.
"""

from __future__ import annotations

COMPLAINTS, RESCUES = "公众投诉", "应急救援"
OFF = "不限时"
Number = tuple[str, str, str, int, str, int]

NUMBERS: tuple[Number, ...] = (
    ("complaint_accept_hours", COMPLAINTS, "投诉后维保单位接单的时限", 24, "小时", 720),
    ("complaint_handle_hours", COMPLAINTS, "接单后（退回重办的，退回后）处置的时限", 72, "小时", 720),
    ("complaint_review_hours", COMPLAINTS, "处置后使用单位复核的时限", 48, "小时", 720),
    ("rescue_accept_minutes", RESCUES, "派单后救援单位接单的时限", 3, "分钟", 120),
    ("rescue_arrive_minutes", RESCUES, "接单后到达现场的时限（城区）", 18, "分钟", 240),
    ("rescue_arrive_far_minutes", RESCUES, "接单后到达现场的时限（非城区）", 30, "分钟", 240),
    ("rescue_done_minutes", RESCUES, "接单后救出的时限（城区）", 30, "分钟", 480),
    ("rescue_done_far_minutes", RESCUES, "接单后救出的时限（非城区）", 60, "分钟", 480),
)
