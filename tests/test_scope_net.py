"""The net of scope as one option: a statement is compiled once for accounts of a kind, and each is given its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from app import scope
from app.models import Elevator, Person, Unit
from app.scope.net import Net
from tests.factories import World
from tests.statements import statements

pytestmark = pytest.mark.feature("ACC-14")


def seen(world: World, who: str, statement: Any) -> set[Any]:
    with scope.acting(world.actor(who)):
        return set(world.session.scalars(statement).unique())


def net_of(world: World, who: str) -> Net:
    (net,) = scope._options(world.actor(who))
    return net


@pytest.mark.parametrize("first", ["maintenance_head", "other_head"])
def test_two_heads_have_one_statement_and_each_his_own_rows(world: World, first: str) -> None:
    own = {"maintenance_head": {world.own.id}, "other_head": {world.foreign.id}}
    with statements() as words:
        for who in (first, *own):
            assert seen(world, who, select(Elevator.id)) == own[who]
    asked = [word for word in words if word.startswith("SELECT elevator.id")]
    assert len(asked) == 3 and len(set(asked)) == 1


def test_criteria_made_alike_have_one_name_and_others_another(world: World) -> None:
    keys = {who: net_of(world, who)._key for who in ("maintenance_head", "other_head", "inspector", "use_head")}
    assert keys["maintenance_head"] is keys["other_head"]
    assert len(set(keys.values())) == 3


@pytest.mark.parametrize("model", [Elevator, Person, Unit])
@pytest.mark.parametrize("order", [("maintenance_head", "other_head"), ("other_head", "maintenance_head")])
def test_a_criterion_in_the_statement_is_not_that_of_the_net(world: World, model: Any, order: tuple[str, str]) -> None:
    """The first statement has its parameters in common with the net of who asks; the others have not."""
    mine, other = order
    whose = {who: select(model.id).where(scope.criterion(model, world.actor(who))) for who in order}
    both = seen(world, mine, whose[mine])
    assert both and both == seen(world, mine, select(model.id))
    assert not seen(world, mine, whose[other]) & (both - seen(world, other, whose[other]))
    assert seen(world, mine, whose[other]) == both & seen(world, other, select(model.id))
    assert seen(world, other, whose[mine]) == both & seen(world, other, select(model.id))


def test_what_is_written_by_statement_is_within_the_net(world: World) -> None:
    with scope.acting(world.actor("maintenance_head")):
        done = world.session.execute(update(Elevator).values(note="由本单位改"), execution_options={
            "synchronize_session": "evaluate",
        })  # fmt: skip
    assert done.rowcount == 1
    world.session.expire_all()
    with scope.acting(world.actor("platform_admin")):
        found = world.session.execute(select(Elevator.id, Elevator.note)).all()
    assert dict(map(tuple, found)) == {world.own.id: "由本单位改", world.foreign.id: None}
