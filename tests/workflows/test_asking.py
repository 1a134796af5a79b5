"""What a unit is told of numbers that are not its own is counted, by account and unit and day (PER-04, ACC-08)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import Refusal, refuse
from app.models import AuditEntry, NumberAsk, Person
from app.permissions import Role
from app.transaction import after_commit, transaction, whatever_comes
from app.workflows.access import asking, sub_accounts
from app.workflows.people import people
from tests.conftest import csrf
from tests.factories import World, make_account, make_person
from tests.imports.ground import checked, told, workbook
from tests.workflows.test_one_unit import resident_id

AT = dt.datetime(2026, 3, 20, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def number_of(which: int) -> str:
    return resident_id(f"98040219900307{which:03d}")


@pytest.fixture
def elsewhere(session: Any, world: World, monkeypatch: Any) -> list[str]:
    """Five people of another unit; an account is told of two a day, a unit of three."""
    monkeypatch.setattr(asking, "MOST_BY_ACCOUNT", 2)
    monkeypatch.setattr(asking, "MOST_BY_UNIT", 3)
    found = [number_of(which) for which in range(5)]
    for number in found:
        make_person(session, world.other_firm, resident_id=number)
    session.commit()
    return found


def enter(session: Any, me: Any, number: str, at: dt.datetime = AT) -> str:
    try:
        with transaction(session):
            people.save_person(session, me, None, name="何一帆", identity={"resident_id": number}, at=at)
    except Refusal as refusal:
        return str(refusal)
    return "ok"


@pytest.mark.feature("PER-04")
def test_an_account_then_its_unit_has_asked_enough_for_the_day(
    session: Any, world: World, elsewhere: list[str]
) -> None:
    clerk, head = world.actor("clerk"), world.actor("maintenance_head")
    assert [("其他单位在职" in enter(session, clerk, number)) for number in elsewhere[:2]] == [True, True]
    over = enter(session, clerk, elsewhere[2])
    assert "本账号今天填写的号码已有 2 个属于其他单位" in over and "请明天再办" in over and elsewhere[2] not in over
    assert "每天的上限" in enter(session, clerk, number_of(50)), "a free number is answered no more than a taken one"
    assert "其他单位在职" in enter(session, clerk, elsewhere[0]), "what was told is told again"
    assert "其他单位在职" in enter(session, head, elsewhere[3]), "another account of the unit has its own count"
    assert "本单位今天填写的号码已有 3 个" in enter(session, head, elsewhere[4]), "and the unit one over all"
    assert enter(session, world.actor("other_head"), number_of(60)) == "ok", "other units are not touched by it"
    tomorrow = AT + DAY
    assert enter(session, clerk, number_of(50), tomorrow) == "ok"
    assert "已是本单位人员" in enter(session, clerk, number_of(50), tomorrow)


@pytest.mark.feature("PER-04", "AUD-01")
def test_each_answer_is_written_down_without_its_number_though_the_deed_was_refused(
    session: Any, world: World, elsewhere: list[str]
) -> None:
    clerk = world.actor("clerk")
    for number in [*elsewhere[:3], elsewhere[0]]:
        enter(session, clerk, number)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "number.told")).all()
    assert [(e.entity_id, e.actor_id, e.after) for e in entries] == [
        (world.firm.id, clerk.user_id, {"told": 1, "refused": 0, "today": 1}),
        (world.firm.id, clerk.user_id, {"told": 1, "refused": 0, "today": 2}),
        (world.firm.id, clerk.user_id, {"told": 0, "refused": 1, "today": 2}),
    ]
    rows = session.scalars(select(NumberAsk)).all()
    assert len(rows) == 2 and not any(number in str(vars(row)) for row in rows for number in elsewhere)
    with transaction(session):
        assert asking.forget_old(session, AT + 3 * DAY) == 2


@pytest.mark.feature("PER-04")
def test_ones_own_people_and_free_numbers_count_nothing(session: Any, world: World, elsewhere: list[str]) -> None:
    clerk = world.actor("clerk")
    for which in range(10, 16):
        assert enter(session, clerk, number_of(which)) == "ok"
        assert "已是本单位人员" in enter(session, clerk, number_of(which))
    assert session.scalars(select(NumberAsk)).all() == []
    assert "其他单位在职" in enter(session, clerk, elsewhere[0])


@pytest.mark.feature("PER-04", "IMP-01")
def test_a_workbook_asks_no_more_than_the_page(session: Any, world: World, elsewhere: list[str]) -> None:
    clerk = world.actor("clerk")
    rows = [[f"人员{n}", f"139000010{n:02d}", number] for n, number in enumerate([*elsewhere, number_of(70)])]
    batch = checked(session, clerk, "persons", workbook(["姓名", "手机", "身份证号"], *rows))
    said = str(told(session, batch))
    assert said.count("其他单位在职") == 2 and said.count("每天的上限") == 4, said
    on, again = session.scalars(select(NumberAsk.asked_on)).all()
    assert on == again
    later = dt.datetime.combine(on, dt.time(13), clock.now().tzinfo)
    assert "每天的上限" in enter(session, clerk, number_of(71), later), "the page counts on from there"


@pytest.mark.feature("PER-04")
def test_the_interface_and_the_page_ask_by_the_same_count(
    session: Any, world: World, elsewhere: list[str], sign_in: Any
) -> None:
    client = sign_in(world.accounts["clerk"])
    token = csrf(client)
    for number in elsewhere[:3]:
        body = {"name": "何一帆", "resident_id": number}
        answer = client.post("/api/v1/people", json=body, headers={"X-CSRFToken": token})
        assert answer.status_code == 422, answer.text
    assert "每天的上限" in answer.json["errors"][0]["found"]
    session.rollback()
    assert session.scalars(select(Person).where(Person.name == "何一帆")).all() == []


@pytest.mark.feature("ACC-08")
def test_phones_of_other_accounts_are_told_within_the_same_count(
    session: Any, world: World, elsewhere: list[str]
) -> None:
    head = world.actor("maintenance_head")
    for n in range(3):
        make_account(session, Role.USE_HEAD, unit=world.use_unit, phone=f"1390000020{n}")
    session.commit()

    def add(phone: str) -> str:
        try:
            with transaction(session):
                sub_accounts.add(session, head, login_name=f"wenyuan.{phone[-3:]}", name="顾", roles=["clerk"],
                                 phone=phone, at=AT)  # fmt: skip
        except Refusal as refusal:
            return str(refusal)
        return "ok"

    assert ["已绑定其他账号" in add(f"1390000020{n}") for n in range(2)] == [True, True]
    assert "每天的上限" in add("13900000202") and "每天的上限" in add("13900000203")
    assert "每天的上限" in enter(session, head, elsewhere[0]), "phones and ID numbers are counted together"


def test_what_must_be_kept_is_kept_whatever_comes(session: Any, world: World) -> None:
    seen = []
    with pytest.raises(ZeroDivisionError), transaction(session):
        whatever_comes(session, lambda own: seen.append(own.info["in_unit_of_work"]))
        assert seen == []
        raise ZeroDivisionError
    with transaction(session):
        whatever_comes(session, lambda own: seen.append(own.info["in_unit_of_work"]))
    whatever_comes(session, lambda own: seen.append(own.info["in_unit_of_work"]))
    assert seen == [True, True, True] and not session.info["in_unit_of_work"]


def test_what_waits_for_the_commit_is_done_though_something_was_kept_beside_it(session: Any, world: World) -> None:
    done: list[str] = []
    with transaction(session):
        after_commit(session, lambda: done.append("committed"))
        whatever_comes(session, lambda _own: done.append("kept"))
    assert done == ["kept", "committed"]
    with pytest.raises(Refusal), transaction(session):
        after_commit(session, lambda: done.append("never"))
        whatever_comes(session, lambda _own: done.append("kept though refused"))
        raise refuse("规则", "不行")
    assert done == ["kept", "committed", "kept though refused"]
