"""Counts that page after page asks for: one question for all accounts of a kind, each with its own answer."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.listing import counting
from app.listing.parts import Moment
from app.models import Complaint, Person
from app.permissions import Role
from tests.factories import World, actor, make_account, make_complaint, make_maintenance_unit, make_person, make_policy

HOUR = dt.timedelta(hours=1)
NOW = dt.datetime(2026, 5, 4, 2, tzinfo=dt.UTC)


class Asker:
    """Asks how many people an account sees, and which complaints are due by now and were an hour ago."""

    def __init__(self, session: Any) -> None:
        self.session, self.made = session, 0

    def parts(self, m: Moment) -> Mapping[str, Sequence[Any]]:
        self.made += 1
        people = select(func.count()).select_from(Person).where(scope.criterion(Person, m.actor))
        due = [
            select(func.count()).select_from(Complaint).where(Complaint.due_at <= at).scalar_subquery()
            for at in (m.now, m.now - HOUR, m.now - HOUR - HOUR)
        ]
        return {"people": [people.scalar_subquery()], "due": due, "nothing": []}

    def __call__(
        self, who: Any, name: str = "test", at: dt.datetime = NOW, by_policy: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        moment = Moment(self.session, who, clock.local_day(at), at)
        return counting.counted(moment, name, self.parts, by_policy=by_policy)


@pytest.fixture
def ask(world: World, monkeypatch: Any) -> Asker:
    monkeypatch.setattr(counting, "_KEPT", OrderedDict())
    return Asker(world.session)


def test_two_firms_are_asked_by_one_question_and_each_sees_its_own(world: World, ask: Asker) -> None:
    neighbour = make_maintenance_unit(world.session)
    for _ in range(3):
        make_person(world.session, neighbour)
    heads = [make_account(world.session, Role.CLERK, unit=unit) for unit in (world.firm, neighbour)]
    assert [ask(actor(head))["people"] for head in heads] == [(1,), (3,)]
    assert ask.made == 1
    # Another role is another kind.
    ask(world.actor("use_head"))
    ask(world.actor("other_head"))
    assert ask.made == 3


def test_two_districts_are_asked_by_one_question_and_each_sees_its_own(world: World, ask: Asker) -> None:
    offices = [world.actor(persona) for persona in ("inspector", "other_inspector")]
    assert offices[0].region_code != offices[1].region_code
    for unit, number in ((world.firm, 1), (world.other_firm, 2)):
        for _ in range(number):
            make_person(world.session, unit)
    seen = [ask(office)["people"][0] for office in offices]
    assert seen == [
        world.session.scalar(select(func.count()).select_from(Person).where(scope.criterion(Person, office)))
        for office in offices
    ]  # fmt: skip
    assert seen[0] != seen[1] and all(seen) and ask.made == 1


def test_the_instant_is_that_of_asking(world: World, ask: Asker) -> None:
    make_complaint(world.session, world.own, NOW - 9 * HOUR, due_at=NOW)
    who = world.actor("region_admin")
    answers = [ask(who, at=NOW + hours * HOUR) for hours in (-1, 0, 1, 2)]
    assert [one["due"] for one in answers] == [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)]
    assert answers[0]["nothing"] == () and ask.made == 1
    ask(who, at=NOW + 24 * HOUR)
    assert ask.made == 2, "another day"


def test_what_hangs_on_policy_is_put_together_anew_when_that_changes(world: World, ask: Asker) -> None:
    who = world.actor("region_admin")
    for by_policy in (False, True):
        ask(who, by_policy=by_policy)
    assert ask.made == 2
    make_policy(world.session, "near_certificate_days", 10)
    ask(who)
    assert ask.made == 2
    ask(who, by_policy=True)
    assert ask.made == 3


def test_of_many_questions_those_last_asked_are_kept(world: World, ask: Asker, monkeypatch: Any) -> None:
    monkeypatch.setattr(counting, "MOST", 2)
    who = world.actor("region_admin")
    for name in ("a", "b", "a", "c", "a"):
        ask(who, name)
    assert ask.made == 3
    ask(who, "b")
    assert ask.made == 4 and len(counting._KEPT) == 2
