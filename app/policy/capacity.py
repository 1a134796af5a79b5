"""The numbers of capacity planning: key, group, meaning, default, unit, lowest, highest."""

from __future__ import annotations

_K = "人力测算"
Number = tuple[str, str, str, int, str, int, int]

NUMBERS: tuple[Number, ...] = (
    ("capacity_day_minutes", _K, "每名维保员每天的现场工作时间（含路途）", 450, "分钟", 60, 720),
    ("capacity_week_days", _K, "每周工作几天（周日起休息）", 6, "天", 1, 7),
    ("capacity_half_month_minutes", _K, "一次半月维保用时", 45, "分钟", 5, 480),
    ("capacity_quarter_minutes", _K, "一次季度维保用时", 60, "分钟", 5, 480),
    ("capacity_half_year_minutes", _K, "一次半年维保用时", 90, "分钟", 5, 480),
    ("capacity_annual_minutes", _K, "一次年度维保用时", 120, "分钟", 5, 720),
    ("capacity_speed_kmh", _K, "两处电梯之间的平均行进速度", 20, "公里/小时", 3, 120),
    ("capacity_travel_minutes", _K, "每换一处至少用时（电梯没有坐标时即按此计）", 10, "分钟", 0, 240),
)
