"""Invented names: places, firms, estates and people that exist nowhere."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from app.rules.identifiers import RESIDENT_ID_CHECKS, RESIDENT_ID_WEIGHTS

# Beyond the serials of heads and officers.
WORKERS_FROM = 240
# Serials of identity numbers that no worker has, however large the region is.
PERSONS_FROM = 10_000_000

# code, name, level, parent, centre (latitude, longitude); 98 is no province of GB/T 2260.
REGIONS: tuple[tuple[str, str, str, str | None, float, float], ...] = (
    ("980000000000", "岚省", "province", None, 30.62, 119.98),
    ("980400000000", "澜州市", "city", "980000000000", 30.62, 119.98),
    ("980402000000", "临河区", "district", "980400000000", 30.63, 119.97),
    ("980403000000", "青坪区", "district", "980400000000", 30.68, 120.06),
    ("980404000000", "望湖区", "district", "980400000000", 30.56, 120.03),
    ("980421000000", "云樾县", "district", "980400000000", 30.49, 119.86),
)
STREETS = ("明水街道", "棉纺街道", "河湾街道", "沁园街道")

FIRM_WORDS = (
    "恒枢", "青禾", "联升", "正鼎", "河川", "广泽", "宁远", "永泽", "远屹", "知行", "启岳", "安澜", "万钧", "云阶",
    "守恒", "千寻", "衡升", "长枢", "明升", "齐岳",
)  # fmt: skip
FIRM_TAILS = ("电梯工程有限公司", "电梯有限公司", "机电设备有限公司", "电梯服务有限公司")

ESTATES = (
    "云樾里小区", "河湾花园", "明澜公馆", "沁园新村", "青坪科创园", "望湖广场", "临河商厦", "棉纺新城", "澜庭苑",
    "水岸名居", "知春里", "揽月府", "拾光里", "听澜雅苑", "青坪小学", "临河区人民医院", "望湖酒店", "澜州南站",
    "岚山文化馆", "云樾县政务中心",
)  # fmt: skip
PLACE_TYPES = {
    "青坪科创园": "office", "望湖广场": "mall", "临河商厦": "mall", "青坪小学": "school", "临河区人民医院": "hospital",
    "望湖酒店": "hotel", "澜州南站": "transport", "岚山文化馆": "culture", "云樾县政务中心": "office",
}  # fmt: skip
USE_TAILS = ("物业服务有限公司", "商业管理有限公司", "资产管理有限公司", "社区服务中心")
USE_WORDS = (
    "新禾", "沁园", "河湾", "明澜", "望湖", "轨道运营", "临河", "棉纺", "澜庭", "知春", "揽月", "拾光", "听澜",
    "岚山", "云樾", "水岸", "青坪", "澜城", "安居", "乐居",
)  # fmt: skip

ROADS = ("澜江路", "知春路", "揽月街", "青坪大道", "棉纺路", "望湖东路", "听澜街", "拾光路")

SURNAMES = "王何苏顾陆江林温沈叶白秦许程宋韩方袁梁杜"
GIVEN = (
    "砚秋", "一舟", "见山", "以宁", "清和", "望舒", "知远", "映川", "云帆", "景行", "怀瑾", "思齐", "牧之", "子衿",
    "若谷", "修远", "长风", "听雨", "星河", "南乔", "北辰", "时安", "屿白", "归晚",
)  # fmt: skip
MAKERS = ("澜州迅程电梯制造有限公司", "岚峰电梯制造有限公司", "天阶电梯（岚省）有限公司")
INSURERS = ("澜州财产保险公司", "岚省平和保险公司", "河川财产保险公司")
MODELS = ("XC-M3", "LF-200", "TJ-8000", "XC-E1", "LF-F5")


def person_name(number: int) -> str:
    """The n-th invented name; different for the first few hundred."""
    return SURNAMES[number % len(SURNAMES)] + GIVEN[(number // len(SURNAMES) + number) % len(GIVEN)]


def worker_name(number: int) -> str:
    """The n-th worker's, who is not named like the head of his firm."""
    return person_name(number + WORKERS_FROM)


def resident_id(number: int) -> str:
    """The n-th invented 身份证号: well-formed, of no real province; different for the first 10,989,000."""
    born_on = dt.date(1970, 1, 1) + dt.timedelta(days=number * 37 % 11_000)
    first = f"980402{born_on:%Y%m%d}{number % 999 + 1:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(first, RESIDENT_ID_WEIGHTS, strict=True))
    return first + RESIDENT_ID_CHECKS[total % 11]


def worker(number: int, until: dt.date, today: dt.date) -> dict[str, Any]:
    """What is filed of the n-th worker, whose certificate is valid to a day and was given out four years before."""
    return {
        "name": worker_name(number), "sex": "female" if number % 9 == 4 else "male", "kind": "worker",
        "work_kind": "电梯修理", "resident_id": resident_id(number), "phone": phone(1_000_000 + number),
        "certificate_no": f"T98{number:08d}", "certificate_issued_on": until - dt.timedelta(days=4 * 365),
        "certificate_until": until, "hired_on": today - dt.timedelta(days=400 + number * 37 % 1500),
    }  # fmt: skip


def firm_name(number: int) -> str:
    turn = number // len(FIRM_WORDS)
    return f"澜州{FIRM_WORDS[number % len(FIRM_WORDS)]}{_turn(turn)}{FIRM_TAILS[turn % len(FIRM_TAILS)]}"


def use_unit_name(number: int) -> str:
    turn = number // len(USE_WORDS)
    return f"澜州{USE_WORDS[number % len(USE_WORDS)]}{_turn(turn)}{USE_TAILS[turn % len(USE_TAILS)]}"


def estate_name(number: int) -> str:
    turn = number // len(ESTATES)
    return ESTATES[number % len(ESTATES)] + (f"{turn + 1}期" if turn else "")


def road_name(number: int) -> str:
    return ROADS[number % len(ROADS)]


def phone(number: int) -> str:
    """A number of the right form that no operator gives out in this pattern: 1990398 and the serial."""
    return f"1990{number % 10_000_000:07d}"


def _turn(turn: int) -> str:
    """第二家起带字号，名字不会重复。"""
    signs = "甲乙丙丁戊己庚辛壬癸"
    if turn < len(FIRM_TAILS):
        return ""
    turn -= len(FIRM_TAILS)
    return signs[turn % 10] + (signs[turn // 10 % 10] if turn >= 10 else "") + (str(turn // 100) if turn >= 100 else "")


def spot(number: int, centre: tuple[Any, ...], apart: tuple[float, float]) -> dict[str, float]:
    """Where an elevator stands: those of one estate together, house by house; a little of `apart` keeps them apart."""
    estate = random.Random(number // 24)
    north, east = estate.uniform(-0.02, 0.02), estate.uniform(-0.02, 0.02)
    house = number % 24 // 2 * 0.0004
    return {
        "latitude": round(centre[4] + north + house % 0.0012 + apart[0] / 200, 6),
        "longitude": round(centre[5] + east + house / 3 + apart[1] / 200, 6),
    }


def archive(category: str, number: int, serial: int) -> dict[str, Any]:
    """What lists seldom show: numbers on site, drive and control, what the kind of elevator has, who insures it."""
    stairs, hydraulic = category[:2] == "33", category[:2] == "32"
    return {
        "site_no": f"{number % 2 + 1} 号梯", "register_no": f"DJ{serial:06d}",
        "job_no": f"G{2300000 + serial * 7}" if serial % 3 else None, "service_no": f"FW{serial:05d}",
        "dealer": f"{MAKERS[serial % 3].split('电梯')[0]}电梯销售公司",
        "controller": None if stairs else ("KM-3000", "LT-70", "XC-Q2")[serial % 3],
        "control_mode": None if stairs else ("并联", "集选", "群控")[serial % 3],
        "drive_mode": "液压" if hydraulic else "链条驱动" if stairs else "永磁同步曳引",
        "cylinders": serial % 2 + 1 if hydraulic else None, "jacking": "间接作用式" if hydraulic else None,
        "rise": 4.5 + serial % 4 / 2 if category == "3310" else None,
        "inclination": 30.0 if category == "3310" else None,
        "nominal_width": 1000 if stairs else None, "nominal_speed": 0.5 if stairs else None,
        "machine_power": 7.5 if stairs else None, "run_length": 24.0 if category == "3320" else None,
        "insurer": INSURERS[serial % len(INSURERS)], "policy_no": f"LZ{serial:010d}",
    }  # fmt: skip
