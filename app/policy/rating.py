"""The numbers of stars and credit: key, group, meaning, default, unit, lowest, highest.

No platform has vetoes for elevators without contract and for an expired licence: their meanings say that they are ours.
"""

from __future__ import annotations

_W, _X = "星级与信用", "六个率动态积分"
_TENTHS = "个 0.1 分"
Number = tuple[str, str, str, int, str, int, int]

NUMBERS: tuple[Number, ...] = (
    ("rating_maintenance", _W, "维护保养有效率的权重", 16, "", 0, 1000),
    ("rating_rescue", _W, "救援及时率的权重", 16, "", 0, 1000),
    ("rating_feedback", _W, "反馈处置及时率的权重", 16, "", 0, 1000),
    ("rating_inspection", _W, "一次检验合格率的权重", 16, "", 0, 1000),
    ("rating_fault", _W, "维保电梯故障率的权重", 16, "", 0, 1000),
    ("rating_change", _W, "维保变更及时率的权重", 16, "", 0, 1000),
    ("rating_talk", _W, "期内每次约谈从 100 分中扣", 1, "分", 0, 100),
    ("rating_warning", _W, "期内每次警告从 100 分中扣", 3, "分", 0, 100),
    ("rating_penalty", _W, "期内每次立案处罚从 100 分中扣", 10, "分", 0, 100),
    ("rating_five_stars", _W, "五星至少", 95, "分", 0, 100),
    ("rating_four_stars", _W, "四星至少", 85, "分", 0, 100),
    ("rating_three_stars", _W, "三星至少，以下为二星", 75, "分", 0, 100),
    ("rating_credit_a", _W, "信用 A 级至少", 90, "分", 0, 100),
    ("rating_credit_b", _W, "信用 B 级至少", 80, "分", 0, 100),
    ("rating_credit_c", _W, "信用 C 级至少，以下为 D 级", 60, "分", 0, 100),
    ("rating_overdue_stars", _W, "超期过多的最高", 3, "星", 2, 5),
    ("rating_uncovered_stars", _W, "脱保过多的最高（本平台自定）", 3, "星", 2, 5),
    # What two of the six scores weigh by, in tenths of a point (SCO-02, SCO-05).
    ("score_second_bonus", _X, "救援及时率：二次救援及时、多出一次不及时的，每次另加", 5, _TENTHS, 0, 160),
    ("score_trapped_twice", _X, "维保电梯故障率：本年困人 2 次的电梯，每台另扣", 5, _TENTHS, 0, 160),
    ("score_trapped_thrice", _X, "维保电梯故障率：本年困人 3 次的电梯，每台另扣", 20, _TENTHS, 0, 160),
    ("score_trapped_often", _X, "维保电梯故障率：本年困人 4 次以上的电梯，每台另扣", 40, _TENTHS, 0, 160),
)
# Off: no such veto.
MAY_BE_OFF: tuple[Number, ...] = (
    ("rating_penalty_stars", _W, "期内有立案处罚的最高", 3, "星", 2, 5),
    ("rating_overdue_permille", _W, "超期次数超过应维保次数的千分之几，星级即受限", 50, "‰", 0, 1000),
    ("rating_uncovered_permille", _W, "期末脱保台数超过电梯台数的千分之几，星级即受限（本平台自定）", 10, "‰", 0, 1000),
    ("rating_licence_stars", _W, "期末许可证已过期的最高（本平台自定）", 2, "星", 2, 5),
)
RATED = (("none", "不评定"), ("stars", "星级"), ("credit", "信用等级"), ("both", "星级和信用等级"))
CREDITS = (("A", "不限"), ("B", "最高 B 级"), ("C", "最高 C 级"), ("D", "为 D 级"))
# Key, group, meaning, default.
CREDIT_CAPS = (
    ("rating_penalty_credit", _W, "期内有立案处罚的信用", "C"),
    ("rating_licence_credit", _W, "期末许可证已过期的信用（本平台自定）", "D"),
)
