"""ANO-02 on the pages: what is found odd, from the phone to the desk, and with people inside to the rescue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Anomaly, RepairOrder, Rescue
from app.transaction import transaction
from app.workflows.oversight import anomalies
from tests.conftest import csrf
from tests.factories import World
from tests.views.repairs.ground import H, photo

pytestmark = pytest.mark.feature("REP-03")


@pytest.mark.feature("ANO-02")
def test_an_anomaly_from_the_phone_is_handled_at_the_desk(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "kind": "noise", "body": "上行异响", "photo": photo()}
    assert at("worker", "/m/anomalies/new", form)[0] == 302
    row = world.session.scalars(select(Anomaly)).one()
    assert (row.source, row.reported_unit_id) == ("phone", world.firm.id)
    assert world.own.code in at("worker", "/m/anomalies")[1]
    status, page = at("inspector", f"/anomalies/{row.id}")
    assert status == 200 and "上行异响" in page and "转维修，生成工单" in page
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "dismiss"})[0] == 422
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "nonsense"})[0] == 422
    assert at("inspector", f"/anomalies/{row.id}/handle", {"verb": "repair", "level": "stopped"})[0] == 302
    order = world.session.scalars(select(RepairOrder)).one()
    assert (order.level, order.anomaly_id) == ("stopped", row.id)
    assert f"/repairs/{order.id}" in at("inspector", f"/anomalies/{row.id}")[1]
    assert "转维修" in at("worker", f"/m/anomalies/{row.id}")[1]


@pytest.mark.feature("ANO-02")
def test_confirmed_from_the_list_and_settled_on_the_phone(at: Any, world: World, client: Any) -> None:
    with transaction(world.session):
        row = anomalies.found(world.session, None, world.own, source="iot", kind="door", text="", at=clock.now())
    status, page = at("use_head", "/anomalies/deed/confirm", {"ids": str(row.id)})
    assert status == 200 and "已完成" in page
    form = {"verb": "solve", "note": "清理地坎异物"}
    assert at("use_head", f"/m/anomalies/{row.id}", form)[0] == 302
    world.session.refresh(row)
    assert (row.state, row.outcome) == ("closed", "settled")


@pytest.mark.feature("ANO-02")
def test_a_desk_report_names_its_time(at: Any, world: World) -> None:
    form = {"elevator_id": str(world.own.id), "kind": "water", "body": "底坑进水", "found_at": "不知道"}
    status, page = at("inspector", "/anomalies/new", form)
    assert status == 422 and "不是时间" in page
    wall = f"{clock.local(clock.now() - H):%Y-%m-%dT%H:%M}"
    assert at("inspector", "/anomalies/new", form | {"found_at": wall})[0] == 302
    assert world.session.scalars(select(Anomaly)).one().source == "desk"


@pytest.mark.feature("ANO-02", "RES-02")
@pytest.mark.parametrize("kind", ["trapped", "noise"])
def test_an_anomaly_with_people_inside_is_passed_on_to_rescue_first(world: World, sign_in: Any, kind: str) -> None:
    with transaction(world.session):
        row = anomalies.report(world.session, world.actor("safety_officer"), world.own.id, kind, "6 楼", clock.now())
        key = row.id
    world.session.commit()
    desk, phone = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["safety_officer"])
    main = r'ta-(?:btn|glove)--main[^>]*value="(\w+)"'
    for page in (desk.get(f"/anomalies/{key}").text, phone.get(f"/m/anomalies/{key}").text):
        assert re.findall(main, page) == ["rescue" if kind == "trapped" else "repair"]
    form = {"verb": "rescue", "csrf_token": csrf(desk)}
    done = desk.post(f"/anomalies/{key}/handle", data=form, follow_redirects=True)
    world.session.rollback()
    case = world.session.scalar(select(Rescue.id))
    assert done.request.path == f"/rescues/{case}" and "已转救援，请派单" in done.text
