"""Days of which only the month is known, as ledgers and 使用标志 write them: read as a person says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.imports import parsing
from app.models import Elevator, ImportMatch
from tests.imports.ground import checked, errors_of, ran, rematched, told, workbook
from tests.pages import flat

pytestmark = pytest.mark.feature("IMP-01")
HEAD = ["识别码", "品种", "地址", "所在地区", "下次检验日期", "投用日期"]


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2026年12月", (2026, 12, 1), (2026, 12, 31)), ("2026年2月份", (2026, 2, 1), (2026, 2, 28)),
        ("2024-2", (2024, 2, 1), (2024, 2, 29)), ("2026/06", (2026, 6, 1), (2026, 6, 30)),
        ("2099.2", (2099, 2, 1), (2099, 2, 28)), ("202609", (2026, 9, 1), (2026, 9, 30)),
        (202609, (2026, 9, 1), (2026, 9, 30)), (202609.0, (2026, 9, 1), (2026, 9, 30)),
        ("９/2026", (2026, 9, 1), (2026, 9, 30)), (2019.09, (2019, 9, 1), (2019, 9, 30)),
        (2019.11, (2019, 11, 1), (2019, 11, 30)), ("2019.1月", (2019, 1, 1), (2019, 1, 31)),
        ("201301", (2013, 1, 1), (2013, 1, 31)),
    ],
)  # fmt: skip
def test_a_month_is_its_first_or_last_day(cell: Any, first: tuple[int, ...], last: tuple[int, ...]) -> None:
    assert parsing.is_month(cell)
    assert parsing.day(cell, None, "first") == dt.date(*first) and parsing.day(cell, None, "last") == dt.date(*last)
    with pytest.raises(parsing.Bad, match="只有年月"):
        parsing.day(cell)


@pytest.mark.parametrize(
    "cell", ["2026-13", "202613", "2026", "20260105", "2026-1-5", "46000", "1/2/2026", "210101", "13/2026", "", None]
)
def test_what_is_no_month_is_read_as_ever(cell: Any) -> None:
    assert not parsing.is_month(cell)
    try:
        plain = parsing.day(cell)
    except parsing.Bad as problem:
        with pytest.raises(parsing.Bad, match=problem.args[0][:6]):
            parsing.day(cell, None, "last")
    else:
        assert parsing.day(cell, None, "last") == plain


@pytest.mark.parametrize("cell", [2019.10, "2019.1", "201205", 201205, 200112.0])
def test_what_may_be_one_month_or_another_is_refused(cell: Any) -> None:
    """A sheet makes 2019.1 of 2019.10; 201205 is May 2012 to one and 5 December 2020 to another."""
    assert not parsing.is_month(cell)
    with pytest.raises(parsing.Bad, match="说不清是哪个月"):
        parsing.day(cell, None, "first")


def test_a_moment_of_which_only_the_month_is_known_lacks_its_time(app: Any) -> None:
    with pytest.raises(parsing.Bad, match="没有时间") as found:
        parsing.instant("2026-11")
    assert "09:30" in found.value.remedy


def test_the_person_says_once_how_months_are_read(session: Any, world: Any, sign_in: Any) -> None:
    who = world.actor("clerk")
    rows = [
        ["700001", "自动扶梯", "澜江路 1 号", "临河区", "2027年2月", "2015年3月"],
        ["700002", "自动扶梯", "澜江路 2 号", "临河区", "2027-12-05", 201604],
    ]
    batch = checked(session, who, "elevators", workbook(HEAD, *rows))
    assert errors_of(session, batch) == {(2, "下次检验日期"), (2, "投用日期"), (3, "投用日期")}
    assert "只有年月" in told(session, batch)[2]
    assert batch.mapping["by_month"] == {"next_inspection_on": 1, "commissioned_on": 2}
    page = flat(sign_in(world.accounts["clerk"]).get(f"/imports/{batch.id}").text)
    assert "1 格只有年月" in page and "2 格只有年月" in page and "2 处还没有定" in page
    nonsense = {"next_inspection_on": "middle"}
    assert rematched(session, who, batch, {}, months=nonsense).mapping["months"] == {}
    batch = rematched(session, who, batch, {}, months={"next_inspection_on": "last", "commissioned_on": "first"})
    assert (batch.new_rows, batch.bad_rows) == (2, 0)
    page = flat(sign_in(world.accounts["clerk"]).get(f"/imports/{batch.id}").text)
    assert "2027-02-28（2027年2月）" in page and "2016-04-01（201604）" in page, "what will be kept"
    ran(session, who, batch)
    held = session.execute(
        select(Elevator.code, Elevator.next_inspection_on, Elevator.commissioned_on)
        .where(Elevator.code.in_(["700001", "700002"])).order_by(Elevator.code)
    )  # fmt: skip
    assert [tuple(row) for row in held] == [
        ("700001", dt.date(2027, 2, 28), dt.date(2015, 3, 1)), ("700002", dt.date(2027, 12, 5), dt.date(2016, 4, 1)),
    ]  # fmt: skip
    # The next file of this shape is read so by itself.
    assert session.scalar(select(ImportMatch.data))["months"] == {
        "next_inspection_on": "last", "commissioned_on": "first"
    }
    again = checked(session, who, "elevators", workbook(HEAD, ["700003", *rows[0][1:]]))
    assert (again.new_rows, again.bad_rows) == (1, 0)
