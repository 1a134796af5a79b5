"""INS-01, INS-02 by the pages: lists and tabs, the form with all that is wrong, correcting, handing in a report."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from app import clock
from app.models import Elevator, Inspection
from app.permissions import Role
from tests.conftest import csrf
from tests.factories import World, make_account, make_unit
from tests.pages import flat

pytestmark = pytest.mark.feature("INS-01")
PDF = b"%PDF-1.7"
DAY = dt.timedelta(days=1)


@pytest.fixture
def browse(sign_in: Any, world: World) -> Any:
    """`browse(persona)` gives a client; `client.send(path, **data)` posts with the token."""

    def opened(persona: str) -> Any:
        if persona == "tester" and persona not in world.accounts:
            unit = make_unit(world.session, "临河特种设备检测院", is_inspection=True)
            world.accounts["tester"] = make_account(world.session, Role.TESTER, unit=unit, is_main=True)
            world.session.commit()
        client = sign_in(world.accounts[persona])
        client.send = lambda path, **data: client.post(path, data=data | {"csrf_token": csrf(client)})
        client.page = lambda path: flat(client.get(path).get_data(as_text=True))
        return client

    return opened


def set_up(world: World, **values: Any) -> None:
    for name, value in values.items():
        setattr(world.own, name, value)
    world.session.commit()


def given(world: World, **values: Any) -> dict[str, Any]:
    today = clock.today()
    return {"elevator_id": world.own.id, "kind": "periodic", "number": "LH-1", "done_on": today.isoformat(),
            "result": "passed"} | values  # fmt: skip


def rows(world: World) -> list[Inspection]:
    world.session.rollback()
    world.session.expire_all()
    return list(world.session.query(Inspection).order_by(Inspection.id))


def test_inspection_people_enter_one_with_its_scan(browse: Any, world: World) -> None:
    client = browse("tester")
    assert world.own.code in client.page(f"/inspections/new?elevator_id={world.own.id}")
    answer = client.send("/inspections/new", **given(world, scan=(io.BytesIO(PDF), "报告.pdf")))
    (row,) = rows(world)
    assert answer.location == f"/inspections/{row.id}"
    page = client.page(answer.location)
    assert all(word in page for word in ("LH-1", "合格", "临河特种设备检测院", "报告.pdf", world.firm.name))
    lift = world.session.get(Elevator, world.own.id)
    assert lift.inspected_on == clock.today()
    # The elevator's page shows it; its units read it and its scan, strangers do not.
    head = browse("maintenance_head")
    assert "LH-1" in head.page(f"/elevators/{world.own.id}")
    assert "报告.pdf" in head.page(f"/inspections/{row.id}") and "更正" not in head.page(f"/inspections/{row.id}")
    assert browse("other_head").get(f"/inspections/{row.id}").status_code == 404


def test_the_form_keeps_what_was_typed_and_tells_each_field(browse: Any, world: World) -> None:
    client = browse("inspector")
    answer = client.send(
        "/inspections/new", **given(world, done_on="2026-13-01", number="", result="failed", is_fault="1")
    )
    page = flat(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "不是日期" in page and "checked" in page
    answer = client.send("/inspections/new", **given(world, number="", result="failed", next_on="2999-01-01"))
    page = flat(answer.get_data(as_text=True))
    assert all(w in page for w in ("请按报告填写编号", "请逐项填写", "请选择或填写出具报告的单位"))
    answer = client.send("/inspections/new", **given(world, elevator_id="x"))
    assert "请输入识别码" in answer.get_data(as_text=True)
    assert rows(world) == []


def test_a_body_that_is_not_approved_yet_is_told_so_beside_its_name(browse: Any, world: World) -> None:
    client = browse("tester")
    world.session.rollback()
    world.accounts["tester"].unit.approved_version = 0
    world.session.commit()
    answer = client.send("/inspections/new", **given(world))
    page = flat(answer.get_data(as_text=True))
    assert answer.status_code == 422 and 'id="tested_by-err"' in page
    assert "临河特种设备检测院不是备案通过的检验单位。请先完善本单位备案并上报，审核通过后再登记" in page
    assert rows(world) == []


def test_correcting_and_annulling_keep_the_old_one(browse: Any, world: World) -> None:
    client = browse("tester")
    client.send("/inspections/new", **given(world))
    (old,) = rows(world)
    page = client.page(f"/inspections/{old.id}/correct")
    assert 'value="LH-1"' in page
    form = given(world, number="LH-2", row_version=old.row_version)
    refused = client.send(f"/inspections/{old.id}/correct", **form)
    assert refused.status_code == 422 and "请填写原因" in refused.get_data(as_text=True)
    answer = client.send(f"/inspections/{old.id}/correct", **form, reason="编号看错")
    new = rows(world)[1]
    assert answer.location == f"/inspections/{new.id}"
    page = client.page(f"/inspections/{old.id}")
    assert "这条记录已不算数" in page and "编号看错" in page and f"/inspections/{new.id}" in page
    assert client.send(f"/inspections/{new.id}/annul", reason="").status_code == 422
    client.send(f"/inspections/{new.id}/annul", reason="登记错了", row_version=new.row_version)
    assert [row.end_reason for row in rows(world)] == ["编号看错", "登记错了"]
    listed = client.page("/inspections/?tab=ended")
    assert "LH-1" in listed and "LH-2" in listed and "LH-2" not in client.page("/inspections/")


def test_lists_their_tabs_and_search(browse: Any, world: World) -> None:
    today = clock.today()
    set_up(world, next_inspection_on=today + 10 * DAY)
    client = browse("tester")
    for tab, there in (("near", True), ("over", False), ("failed", False), ("all", True), ("unknown", False)):
        assert (world.own.code in client.page(f"/inspections/due/?tab={tab}")) is there, tab
    client.send("/inspections/new", **given(world, result="failed", failed_items="主机渗油", is_fault="1"))
    assert world.own.code in client.page("/inspections/due/?tab=failed")
    assert "主机渗油" in client.page("/inspections/?tab=failed&cols=code,failed_items")
    for words, there in (("LH-1", True), (world.own.code, True), ("云樾里", True), ("没有这样的", False)):
        page = client.page(f"/inspections/?tab=fault&q={words}")
        assert ("/inspections/1" in page) is there, words
    assert world.own.code not in browse("other_inspector").page("/inspections/due/?tab=all")


def test_records_are_listed_by_their_day_however_late_they_were_entered(browse: Any, world: World) -> None:
    today, client = clock.today(), browse("tester")
    for number, days in (("LH-1", 30), ("LH-2", 3), ("LH-3", 400)):
        client.send("/inspections/new", **given(world, number=number, done_on=(today - days * DAY).isoformat()))
    assert len(rows(world)) == 3
    page = client.page("/inspections/?tab=all")
    assert page.index("LH-2") < page.index("LH-1") < page.index("LH-3")


@pytest.mark.feature("INS-02")
@pytest.mark.feature("WRN-01")
def test_a_unit_hands_in_a_governor_report_and_the_officer_approves_it(browse: Any, world: World) -> None:
    today = clock.today()
    client = browse("maintenance_head")
    page = client.page(f"/inspections/report?elevator_id={world.own.id}")
    assert "限速器校验" in page and "定期检验" not in page.split("<select")[1].split("</select>")[0]
    form = given(world, kind="governor", number="XSQ-1", tested_by="恒枢", done_on=(today - 720 * DAY).isoformat())
    refused = client.send("/inspections/report", **form)
    assert refused.status_code == 422 and "没有上传报告" in refused.get_data(as_text=True)
    answer = client.send("/inspections/report", **form, scan=(io.BytesIO(PDF), "校验.pdf"))
    (row,) = rows(world)
    assert answer.location == f"/inspections/{row.id}" and row.state == "submitted"
    assert "待审核" in client.page(answer.location)
    officer = browse("inspector")
    assert "XSQ-1" in officer.page("/inspections/?tab=waiting")
    from app.models import Application

    application = world.session.query(Application).one()
    page = officer.page(f"/applications/{application.id}")
    assert "XSQ-1" in page and "限速器校验" in page and "校验.pdf" in page
    assert "XSQ-1" not in officer.page("/warnings/governor/?tab=near")


@pytest.mark.feature("WRN-01")
@pytest.mark.feature("INS-02")
def test_a_governor_past_its_day_is_warned_of(browse: Any, world: World, session: Any) -> None:
    from app.workflows.inspection import inspection_clocks

    set_up(world, governor_on=clock.today() - 900 * DAY)
    inspection_clocks.refresh_all(session, clock.now())
    client = browse("maintenance_head")
    assert world.own.code in client.page("/warnings/governor/?tab=over")
    for path in ("/warnings/governor/?tab=all", "/warnings/maintenance/?tab=all", "/inspections/due/", "/inspections/"):
        assert "<b>None</b>" not in client.page(path), path
    assert world.own.code in client.page("/inspections/due/?tab=checks_over")
    assert "下次限速器校验" in client.page(f"/elevators/{world.own.id}")


@pytest.mark.parametrize(
    ("persona", "new", "report"),
    [
        ("tester", 200, 403), ("inspector", 200, 403), ("region_admin", 200, 403), ("maintenance_head", 403, 200),
        ("use_head", 403, 200), ("safety_officer", 403, 200), ("worker", 403, 403),
    ],
)
def test_who_is_offered_what(browse: Any, persona: str, new: int, report: int) -> None:
    client = browse(persona)
    codes = [client.get(path).status_code for path in ("/inspections/new", "/inspections/report")]
    assert [403 if code in (302, 404) else code for code in codes] == [new, report]
    assert ("检验检测" in client.page("/")) is (persona != "worker")


@pytest.mark.feature("DSH-01", "INS-01")
def test_the_home_page_of_inspectors_begins_with_what_is_due_first(browse: Any, world: World) -> None:
    world.own.next_inspection_on = clock.today() + dt.timedelta(days=9)
    world.session.commit()
    page = browse("tester").page("/")
    assert "最近要检验的电梯" in page and f'href="/elevators/{world.own.id}"' in page and "下次检验日期" in page
    assert "最近要检验的电梯" not in browse("maintenance_head").page("/")
