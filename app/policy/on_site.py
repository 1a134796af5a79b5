"""What a check-in and a check-out need besides the code and the place: key, meaning, default, choices."""

from __future__ import annotations

GROUP = "现场维保"
# Numbers of on-site conditions beside the choices: key, group, meaning, default, unit, lowest, highest.
NUMBERS = (
    ("face_attempts", GROUP, "一次签到最多比对几次人脸，都没有通过的按扫码、定位和照片签到并标出", 3, "次", 1, 10),
)
Choice = tuple[str, str, str, tuple[tuple[str, str], ...]]

_WANTED = (
    ("none", "不要求"), ("every", "每次维保都须拍"), ("quarter", "季度、半年和年度维保须拍"),
    ("half_year", "半年和年度维保须拍"), ("annual", "年度维保须拍"),
)  # fmt: skip

CHOICES: tuple[Choice, ...] = (
    (
        "label_photo", "扫不了码、按识别码签到或签退时的标签照片", "none",
        (("none", "不要求"), ("unit", "须拍，由维保单位的经理核对"), ("regulator", "须拍，由监管部门核对")),
    ),
    (
        "person_proof", "签到人的身份除账号外还须", "none",
        (
            ("none", "不要求"), ("photo", "签到前拍现场本人照片"),
            ("face", "签到前拍现场本人照片，本人同意的再与登记的人脸照片比对（须接入比对服务）"),
        ),
    ),
    ("photo_pit", "签退时的底坑照片", "none", _WANTED),
    ("photo_top", "签退时的轿顶照片", "none", _WANTED),
    ("photo_room", "签退时的机房照片（没有机房的拍驱动主机或控制柜；扶梯拍驱动站、转向站）", "none", _WANTED),
)  # fmt: skip
