"""A passenger scans the code and complains; the unit handles it, the use unit agrees, the passenger hears of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import Account, Complaint, Elevator
from tests.journeys.conftest import PHONE
from tests.journeys.steps import go, menu, picture, press, tab_count

PASSENGER = "19905550230"


def lift_of_both(product: Any) -> tuple[str, str]:
    """The code's token and the place of an elevator that the demo's firm keeps for the demo's use unit."""
    with product.session() as session:
        names = [product.login(role).name for role in ("维保员", "使用单位安全员")]
        firm, use = (session.scalar(select(Account.unit_id).where(Account.username == name)) for name in names)
        row = session.scalars(
            select(Elevator)
            .where(
                Elevator.maintenance_unit_id == firm, Elevator.use_unit_id == use, Elevator.status == "in_use",
                Elevator.is_secret.is_(False),
            )
            .order_by(Elevator.id.desc())
            .limit(1)
        ).one()  # fmt: skip
        return row.public_token, row.address


@pytest.mark.feature("CMP-01", "CMP-02", "CMP-03", "CMP-04")
def test_a_passenger_complains_and_hears_of_the_end(
    product: Any, open_page: Any, enter: Any, sms: Any, shot: Any
) -> None:
    token, place = lift_of_both(product)
    passenger = open_page(PHONE, java_script_enabled=False)
    passenger.goto(f"/m/p/{token}")
    assert passenger.get_by_role("link", name=re.compile("我被困在电梯里")).get_attribute("href") == "tel:96333"
    expect(passenger.get_by_role("main")).to_contain_text(place)
    shot(passenger, "behind the code")
    go(passenger.get_by_role("link", name="投诉", exact=True))
    passenger.get_by_label("异响").check(force=True)
    passenger.get_by_label("情况说明").fill("上行到五楼有撞击声")
    passenger.get_by_label("照片").set_input_files([picture("轿厢.jpg")])
    passenger.get_by_label("您的称呼").fill("顾女士")
    passenger.get_by_label("手机号码").fill(PASSENGER)
    passenger.get_by_label(re.compile("同意为办理")).check()
    shot(passenger, "complaint")
    press(passenger, "提交投诉")
    expect(passenger.get_by_role("main")).to_contain_text("待接单")
    number = passenger.locator(".pb-number").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}", number)
    shot(passenger, "tracking number")

    worker = enter("维保员", PHONE)
    worker.goto("/m/")
    go(worker.get_by_role("link", name=re.compile("公众投诉")))
    go(worker.get_by_role("link", name=re.compile(re.escape(place))).last)
    expect(worker.get_by_role("main")).to_contain_text("上行到五楼有撞击声")
    assert PASSENGER not in worker.content()
    press(worker, "接单")
    worker.get_by_label("处置情况").fill("紧固对重导轨支架，试运行正常")
    worker.get_by_label("处置照片").set_input_files([picture("导轨.jpg")])
    shot(worker, "handling")
    press(worker, "提交处置")
    expect(worker.get_by_role("main")).to_contain_text("待复核")

    officer = enter("使用单位安全员", PHONE)
    officer.goto("/m/reviews")
    go(officer.get_by_role("link", name=re.compile("投诉待复核")))
    go(officer.get_by_role("link", name=re.compile(re.escape(place))).last)
    expect(officer.get_by_role("main")).to_contain_text("紧固对重导轨支架")
    shot(officer, "review")
    press(officer, "认可，办结")
    expect(officer.get_by_role("main")).to_contain_text("已办结")

    passenger.goto("/m/track")
    passenger.get_by_label("查询编号").fill(number.lower())
    press(passenger, "查询")
    expect(passenger.get_by_role("main")).to_contain_text("已办结")
    expect(passenger.get_by_role("main")).to_contain_text("紧固对重导轨支架，试运行正常")
    assert "顾女士" not in passenger.content() and PASSENGER not in passenger.content()
    shot(passenger, "the end")
    assert number in sms(PASSENGER)

    desk = enter("区域管理员")
    menu(desk, "公众投诉")
    assert tab_count(desk, "公众投诉", "已办结") >= 1
    with product.session() as session:
        row = session.scalars(select(Complaint).where(Complaint.number == number.replace("-", ""))).one()
        assert (row.state, row.late_steps) == ("closed", None)
        assert row.accepted_at < row.handled_at < row.reviewed_at == row.closed_at
        key = row.id
    desk.goto(f"/complaints/{key}")
    shot(desk, "the regulator's page")
