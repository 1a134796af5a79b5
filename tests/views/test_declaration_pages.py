"""自我声明承诺书 (PER-06) on the desk, on the phone, by the interface, and in the list of people."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, Declaration
from app.transaction import transaction
from app.workflows.desk import applications
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import World, make_policy, picture

pytestmark = pytest.mark.feature("PER-06")
DAY = dt.timedelta(days=1)


def send(client: Any, path: str, **data: Any) -> Any:
    return client.post(path, data=data | {"csrf_token": csrf(client)})


def approve(world: World) -> Declaration:
    world.session.rollback()
    made = world.session.scalars(select(Application).where(Application.kind == "declaration")).one()
    with transaction(world.session):
        inspector = world.actor("inspector")
        applications.decide(world.session, inspector, made.id, "approve", "属实", made.row_version, clock.now())
    return world.session.scalars(select(Declaration)).one()


def test_the_office_hands_it_in_and_the_page_shows_state_and_history(world: World, sign_in: Any) -> None:
    make_policy(world.session, "declaration_gate", "block")
    world.session.commit()
    clerk, today = sign_in(world.accounts["clerk"]), clock.today()
    page = f"/people/{world.worker.id}"
    assert "没有自我声明承诺书，不能签到" in clerk.get(page).text.replace("\n", "")
    assert "没有上传" in send(clerk, f"{page}/declaration", signed_on=today, valid_until=today + 400 * DAY).text
    scan = (io.BytesIO(picture()), "签署页.png")
    done = send(clerk, f"{page}/declaration", signed_on=today, valid_until=today + 400 * DAY, scan=scan, note="首次")
    assert done.status_code == 302
    shown = clerk.get(page).text
    assert "待受理" in shown and "签署页.png" in shown and "首次" in shown
    row = approve(world)
    shown = clerk.get(page).text
    assert "没有自我声明承诺书，不能签到" not in shown and str(row.valid_until) in shown
    officer = sign_in(world.accounts["inspector"])
    asked = world.session.scalars(select(Application.id)).one()
    assert all(w in officer.get(f"/applications/{asked}").text for w in (world.worker.name, "签署页.png", "签署日期"))
    assert "/declaration" not in officer.get(page).text
    assert send(officer, f"{page}/declaration").status_code in (302, 403)


def test_a_worker_hands_in_his_own_on_the_phone(world: World, sign_in: Any) -> None:
    make_policy(world.session, "declaration_gate", "warn")
    world.session.commit()
    me, today = sign_in(world.accounts["worker"]), clock.today()
    assert "没有审核通过的自我声明承诺书" in me.get("/m/me/data").text
    bad = send(me, "/m/me/declaration", signed_on="x", valid_until="")
    assert bad.status_code == 422 and "不是日期" in bad.text
    days = {"signed_on": today, "valid_until": today + 400 * DAY}
    assert send(me, "/m/me/declaration", **days).status_code == 422
    assert send(me, "/m/me/declaration", **days, scan=(io.BytesIO(picture()), "签.png")).status_code == 302
    assert "待受理" in me.get("/m/me/data").text
    approve(world)
    assert "没有审核通过的自我声明承诺书" not in me.get("/m/me/data").text
    assert send(sign_in(world.accounts["clerk"]), "/m/me/declaration", **days).status_code in (403, 404)


def test_the_list_tells_and_filters_by_it(world: World, sign_in: Any) -> None:
    world.worker.declaration_until = clock.today() - DAY
    world.session.commit()
    clerk = sign_in(world.accounts["clerk"])
    for state, there in (("over", True), ("valid", False), ("none", False)):
        assert (world.worker.name in clerk.get(f"/people/?f_declaration={state}").text) is there, state
    day = world.worker.declaration_until
    assert world.worker.name in clerk.get(f"/people/?f_declared_from={day}&f_declared_to={day}").text


@pytest.mark.feature("INT-04")
def test_by_the_interface(app: Any, world: World) -> None:
    firm, url, today = Caller(app, world, "maintenance_head"), f"/people/{world.worker.id}", clock.today()
    sent = {"signed_on": str(today), "valid_until": str(today + 400 * DAY)}
    assert rules_of(firm.post(f"{url}/declarations", sent)) == {"扫描件"}
    paper = firm.send_file(name="签.pdf").json["id"]
    made = firm.post(f"{url}/declarations", sent | {"attachments": [paper]})
    assert made.status_code == 201 and made.json["kind"] == "declaration"
    assert [row["state"] for row in firm.get(f"{url}/declarations").json["rows"]] == ["submitted"]
    assert firm.get(url).json["declaration_until"] is None
    assert Caller(app, world, "other_head").get(f"{url}/declarations").status_code == 404
