"""The office's pages: queue tabs, 代办, 待办时长, remarks on a record (LIF-07, LIF-08)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app import clock
from app.models import Application, Delegation
from app.permissions import Role
from tests import factories
from tests.factories import World
from tests.views.test_approval import post, waiting
from tests.workflows.filing_world import AT, decide, fresh

pytestmark = pytest.mark.feature("LIF-08")


@pytest.fixture(autouse=True)
def while_none_is_late() -> Iterator[None]:
    """An hour after what is handed in: a limit of five working days must not run out as the calendar goes on."""
    with clock.frozen(AT + dt.timedelta(hours=1)):
        yield


def test_tabs_show_mine_office_and_late(session: Any, world: World, sign_in: Any) -> None:
    first, second = waiting(world, "300001"), waiting(world, "300002")
    decide(session, world.actor("inspector"), first, "accept")
    second.due_at = AT
    session.commit()
    client = sign_in(world.accounts["inspector"])
    pages = {tab: client.get(f"/applications/queue?tab={tab}").text for tab in ("office", "mine", "late", "nonsense")}
    for tab, numbers in (("office", {1, 2}), ("mine", {1}), ("late", {2}), ("nonsense", {1, 2})):
        found = {n for n, row in ((1, first), (2, second)) if row.number in pages[tab]}
        assert found == numbers, tab
    assert "ta-kbd" in pages["office"] and "data-queue" in pages["office"]
    bar = re.search(r'<div class="ta-bulkbar"[^>]*>', pages["office"])
    assert bar and "data-bulk-bar" in bar[0] and "hidden" not in bar[0], "a script hides it until something is ticked"


@pytest.mark.feature("LIF-07")
@pytest.mark.parametrize(("persona", "makes"), [("region_admin", True), ("inspector", False)])
def test_where_nobody_can_stand_in_the_way_leads_on_for_who_may_make_an_account(
    world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch, persona: str, makes: bool
) -> None:
    monkeypatch.setattr("app.workflows.approval.delegations.colleagues", lambda session, actor: [])
    page = sign_in(world.accounts[persona]).get("/delegations/").text
    assert "没有可以委托的审批人员" in page
    assert ('href="/accounts/new-regulator"' in page) is makes and ("请由管理员先建立账号" in page) is not makes


@pytest.mark.feature("LIF-07")
def test_an_officer_names_who_stands_in(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    page = client.get("/delegations/").text
    assert world.accounts["region_admin"].first_name in page and "还没有委托" in page
    wrong = post(client, "/delegations/", {"to_id": world.accounts["clerk"].id, "from_on": "x", "to_on": ""})
    assert wrong.status_code == 422 and "不是日期" in wrong.text
    today = AT.date().replace(year=2099).isoformat()
    done = post(client, "/delegations/", {"to_id": world.accounts["region_admin"].id, "from_on": today, "to_on": today})
    assert done.status_code == 302
    row = fresh(session).query(Delegation).one()
    assert "待生效" in client.get("/delegations/").text
    post(sign_in(world.accounts["other_inspector"]), f"/delegations/{row.id}/end", {})
    assert fresh(session).get(Delegation, row.id).ended_at is None, "neither side of it"
    post(client, f"/delegations/{row.id}/end", {})
    assert "已提前结束" in client.get("/delegations/").text


def test_how_long_what_waits_has_waited(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    application.due_at = AT
    session.commit()
    client = sign_in(world.accounts["inspector"])
    assert "临河区" in client.get("/applications/ageing").text
    answer = post(client, "/applications/ageing/table", {"format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0][:3] == ["审批机关", "区划代码", "待办"] and rows[1][:3] == ["临河区", "980402000000", "1"]
    assert rows[1][7] == "1" and answer.headers["X-Table-SHA256"]
    assert "没有等待决定的申请" in sign_in(world.accounts["other_inspector"]).get("/applications/ageing").text
    assert post(client, "/applications/ageing/table", {"format": "exe"}).status_code == 422


@pytest.mark.feature("LIF-07")
def test_remarks_and_watching_on_records(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    officer = sign_in(world.accounts["inspector"])
    for url in (f"/applications/{application.id}", f"/elevators/{world.own.id}", f"/units/{world.firm.id}",
                f"/contracts/{world.contract.id}"):  # fmt: skip
        assert "留言" in officer.get(url).text, url
    post(officer, f"/talk/application/{application.id}/comment", {"body": "<b>请补照片</b>"})
    post(officer, f"/talk/application/{application.id}/comment", {"body": "内部看法", "internal": "1"})
    unit = sign_in(world.accounts["maintenance_head"]).get(f"/applications/{application.id}").text
    assert "&lt;b&gt;请补照片" in unit and "内部看法" not in unit and "只给监管部门看" not in unit
    post(officer, f"/talk/application/{application.id}/watch", {})
    assert "取消关注" in officer.get(f"/applications/{application.id}").text
    stranger = sign_in(world.accounts["other_head"])
    assert post(stranger, f"/talk/application/{application.id}/comment", {"body": "在吗"}).status_code == 404
    assert post(stranger, "/talk/nonsense/1/watch", {}).status_code == 404


@pytest.mark.feature("LIF-07")
def test_two_persons_on_the_page(session: Any, world: World, sign_in: Any) -> None:
    factories.make_policy(session, "second_approval", "all")
    application = waiting(world)
    first, second = sign_in(world.accounts["inspector"]), sign_in(world.accounts["region_admin"])
    assert "您是第一名" in first.get(f"/applications/{application.id}").text
    body = {"verb": "approve", "seen_version": application.row_version}
    post(first, f"/applications/{application.id}/decision", body)
    mine = first.get(f"/applications/{application.id}").text
    assert "待复审" in mine and "data-approval" not in mine
    assert "已初审同意；您同意后生效" in second.get(f"/applications/{application.id}").text
    row = fresh(session).get(Application, application.id)
    post(second, f"/applications/{application.id}/decision", {"verb": "approve", "seen_version": row.row_version})
    assert fresh(session).get(Application, application.id).state == "approved"


@pytest.mark.feature("CON-05", "STA-02")
def test_which_elevators_no_contract_covers(session: Any, world: World, sign_in: Any) -> None:
    from app import clock
    from app.workflows.contracts import cover

    bare = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    lost = factories.make_elevator(session, use_unit=world.use_unit)
    cover.refresh(session, [world.own.id, bare.id, lost.id], clock.today())
    session.commit()
    client = sign_in(world.accounts["inspector"])
    page = client.get("/reports/coverage").text
    assert world.firm.name in page and "没有维保单位" in page and world.other_firm.name not in page
    answer = post(client, "/reports/coverage/table", {"by": "unit", "format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    found = {row[0]: row[2:] for row in rows[1:]}
    assert found == {world.firm.name: ["2", "1", "1", "0", "50.0"], "没有维保单位": ["1", "1", "1", "0", "0.0"]}
    answer = post(client, "/reports/coverage/table", {"by": "region", "format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[1][:4] == ["临河区", "980402000000", "3", "2"]
    listed = client.get(f"/elevators/?tab=uncovered&f_maintenance_unit={world.firm.id}").text
    assert bare.code in listed and world.own.code not in listed and lost.code not in listed
    assert client.get("/reports/coverage?region=980403000000").status_code == 404
    firm = sign_in(world.accounts["maintenance_head"]).get("/reports/coverage").text
    assert world.firm.name in firm and "没有维保单位" not in firm


@pytest.mark.feature("LIF-07")
def test_an_officer_of_another_office_sits_at_the_desk(session: Any, world: World, sign_in: Any) -> None:
    """Queue, page, files and decision are open to him for these days; the rest of that region stays shut."""
    factories.make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    application = waiting(world)
    taker = sign_in(world.accounts["other_inspector"])
    assert taker.get(f"/applications/{application.id}").status_code == 404
    today = clock.today()
    session.rollback()
    session.add(
        Delegation(
            from_id=world.accounts["inspector"].id, to_id=world.accounts["other_inspector"].id,
            region_code="980402000000", from_on=today, to_on=today, created_at=clock.now(),
        )
    )  # fmt: skip
    session.commit()
    queue = taker.get("/applications/queue").text
    assert application.number in queue and "办理" in queue and ">代<" in queue
    page = taker.get(f"/applications/{application.id}")
    assert page.status_code == 200 and "您代" in page.text
    assert taker.get(f"/applications/{application.id}/print").status_code == 200
    for url in (f"/elevators/{world.own.id}", f"/units/{world.firm.id}", f"/contracts/{world.contract.id}"):
        assert taker.get(url).status_code == 404, url
    body = {"verb": "reject", "opinion": "材料不全", "seen_version": application.row_version}
    assert post(taker, f"/applications/{application.id}/decision", body).status_code == 302
    assert fresh(session).get(Application, application.id).state == "rejected"
    listed = sign_in(world.accounts["inspector"]).get("/delegations/").text
    assert "青坪区" in listed, "another office's officers are named with their region"
