"""维保记录 as nantong's list has it: records of overdue elevators are red, in words too; 登录账号."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.listing import moment
from app.listings.visits import VISITS, overdue_among
from app.models import Visit
from app.rules.identifiers import mask_login
from tests.factories import World, make_clock, make_elevator
from tests.pages import flat, page
from tests.statements import statements
from tests.workflows.clock_world import add_visit


@pytest.fixture
def visits(world: World, session: Any) -> dict[str, Visit]:
    """One at an overdue elevator, one at an elevator whose limit is today, one at a stopped one."""
    today = clock.today()
    made = {}
    for name, days in (("late", 16), ("fine", 15), ("stopped", 40)):
        status = {"status": "suspended"} if name == "stopped" else {}
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, **status)
        session.flush()
        make_clock(session, lift, today - dt.timedelta(days=days))
        made[name] = add_visit(session, lift, world.worker, today - dt.timedelta(days=days))
    made["late"].account_id = world.accounts["worker"].id
    session.commit()
    return made


def row_of(text: str, visit: Visit) -> tuple[str, str]:
    """The row's colour and what it says."""
    for tone, inside in re.findall(r'<tr class="([^"]*)">(.*?)</tr>', flat(text)):
        if f"/visits/{visit.id}" in inside:
            return tone, inside
    raise AssertionError(f"no row of {visit.id}")


@pytest.mark.feature("MNT-08", "ANO-01")
@pytest.mark.parametrize("columns", ["", "&cols=worker,state"])
def test_records_of_an_overdue_elevator_are_red_and_say_so(
    world: World, visits: dict[str, Visit], sign_in: Any, columns: str
) -> None:
    """Whatever columns are chosen, colour is never alone."""
    text = page(sign_in(world.accounts["maintenance_head"]), f"/visits/?tab=all{columns}")
    tone, inside = row_of(text, visits["late"])
    assert tone == "is-stop" and inside.count("ta-mark--over\">维保超期<") == 1
    for name in ("fine", "stopped"):
        tone, inside = row_of(text, visits[name])
        assert tone == "" and "维保超期" not in inside, name


@pytest.mark.feature("MNT-08")
def test_who_no_longer_sees_the_clock_is_told_no_standing_of_it(
    world: World, session: Any, visits: dict[str, Visit], sign_in: Any
) -> None:
    """The unit of that day keeps its record; how its successor stands is not its to know."""
    late = visits["late"]
    clock_ = late.elevator.maintenance_clock
    late.elevator.maintenance_unit_id = clock_.unit_id = world.other_firm.id
    session.commit()
    tone, inside = row_of(page(sign_in(world.accounts["maintenance_head"]), "/visits/?tab=all"), late)
    assert tone == "" and "维保超期" not in inside


@pytest.mark.feature("MNT-08")
def test_the_login_is_shown_in_part_and_only_to_who_reads_accounts(
    world: World, session: Any, visits: dict[str, Visit], sign_in: Any
) -> None:
    """980403************, as the manual's record has it."""
    account = world.accounts["worker"]
    account.username = "980403199001011234"
    session.commit()
    shown = page(sign_in(world.accounts["maintenance_head"]), "/visits/?tab=all&cols=code,login")
    assert "980403************" in row_of(shown, visits["late"])[1] and account.username not in shown
    assert ">—<" in row_of(shown, visits["fine"])[1], "taken over, or made by no account"
    plain = page(sign_in(world.accounts["worker"]), "/visits/?tab=all&cols=code,login")
    assert "980403" not in plain and "登录账号" not in plain
    assert "login" not in VISITS.default


@pytest.mark.feature("MNT-08")
def test_a_login_of_any_length_keeps_two_thirds_to_itself() -> None:
    assert mask_login("980403199001011234") == "980403************"
    assert mask_login("zhang_san") == "zha******" and mask_login("ab") == "**" and mask_login("") == ""


@pytest.mark.feature("MNT-08")
def test_red_is_asked_once_for_a_page(world: World, session: Any, visits: dict[str, Visit]) -> None:
    now, rows = moment(session, world.actor("maintenance_head")), list(visits.values())
    late, *_others = [row.elevator_id for row in rows]
    with statements() as seen:
        found = overdue_among(now, rows)
    assert found == {late} and len(seen) == 1
    with statements() as seen:
        assert overdue_among(now, []) == frozenset()
    assert seen == []


@pytest.mark.feature("ANO-01")
def test_a_record_that_does_not_count_says_why_in_its_list(world: World, session: Any, sign_in: Any) -> None:
    add_visit(
        session, world.own, world.worker, clock.today(), state="abnormal", reason="late_upload", counted=False
    )  # fmt: skip
    session.commit()
    client = sign_in(world.accounts["inspector"])
    text = page(client, "/visits/?tab=abnormal")
    assert "状态原因" in text.split("<tbody")[0] and "超时上传" in text.split("<tbody")[1]
    assert "复核期限" in page(client, "/visits/").split("<tbody")[0]
