"""按需维保 of many elevators: the same interval until the same day; each by the policy of where it is."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Elevator, OnDemandInterval
from app.transaction import transaction
from tests.factories import World, make_policy
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import DAY, FEW, PLACE, checked, confirm, made, send
from tests.views.decide_many.ground import post, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("PLN-11")


def said(days: int = 30, until: int = 90) -> dict[str, Any]:
    return {
        "interval_days": str(days), "until_on": (clock.today() + until * DAY).isoformat(),
        "files": (io.BytesIO(BLANK_PDF), "按需维保方案.pdf"),
    }  # fmt: skip


def test_it_goes_the_whole_way(app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    form = client.get(f"/applications/many/on_demand?{PLACE}").text
    assert "维保间隔" in form and "截止日期" in form and "按需维保方案" in form
    check = checked(app, session, client, kind="on_demand", **said())
    assert (check.result["can"], check.result["refused"]) == (FEW, 1), "one is suspended"
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert "维保间隔：30 天" in page and "截止日期" in page and "恢复日期" not in page
    confirm(session, client, check)
    work(app, session)
    rows = made(session)
    assert {row.data["interval_days"] for row in rows} == {30}
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*rows)})
    fresh(session)
    spans = session.scalars(select(OnDemandInterval).execution_options(skip_scope=True)).all()
    assert {one.elevator_id for one in spans} == {row.id for row in chosen[:FEW]}
    # Asked for anew, each says by itself that it has one; the form is not refused for the first of them.
    check = checked(app, session, client, kind="on_demand", **said())
    assert check.result["can"] == 0 and check.result["refused"] == FEW + 1


def test_what_is_wrong_for_all_is_told_at_the_form(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    answer = send(client, kind="on_demand")
    assert answer.status_code == 422
    for word in ("没有填写维保间隔", "没有填写截止日期", "没有上传材料"):
        assert word in answer.text
    answer = send(client, kind="on_demand", **said() | {"interval_days": "三十"})
    assert answer.status_code == 422 and "“三十”不是数字" in answer.text and "没有填写维保间隔" not in answer.text
    assert made(session) == []


def test_how_long_it_may_be_is_asked_of_each(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    with transaction(session):
        make_policy(session, "on_demand_max_days", None)
    client = sign_in(world.accounts["maintenance_head"])
    check = checked(app, session, client, kind="on_demand", **said())
    assert check.result["can"] == 0 and "本地区不允许按需维保" in str(check.result["why"])


def test_the_use_unit_is_not_offered_it(world: World, sign_in: Any, chosen: list[Elevator]) -> None:
    use_unit, firm = sign_in(world.accounts["use_head"]), sign_in(world.accounts["maintenance_head"])
    for client, offered in ((use_unit, False), (firm, True)):
        assert (f"/applications/many/on_demand?{PLACE}" in client.get(f"/applications/many?{PLACE}").text) is offered
    assert send(use_unit, kind="on_demand", **said()).location.startswith("/applications/many?q=")
