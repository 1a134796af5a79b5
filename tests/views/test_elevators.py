"""Record, form and applications of an elevator, as people use them (ELV-04, ELV-10, LIF)."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import clock, search
from app.listings.elevators import ELEVATORS
from app.models import Application, ContractElevator, Elevator, Unit, Version
from app.transaction import transaction
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.pages import flat
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, decide, elevator_data, filed_elevator, fresh, save, submit, unit_data

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def form(world: World, **fields: Any) -> dict[str, Any]:
    data = {k: str(v) for k, v in elevator_data(world, **fields).items()}
    return data | {"use_unit_id": world.use_unit.name, "maintenance_unit_id": world.firm.name} | {
        k: v for k, v in fields.items() if k.endswith("unit_id")
    }


def post(client: Any, url: str, data: dict[str, Any], **more: Any) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)}, **more)


@pytest.mark.feature("ELV-04", "ELV-01")
def test_an_elevator_is_filed_by_form(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get("/elevators/new")
    assert page.status_code == 200 and "识别码" in page.text and "应急救援" in page.text
    answer = post(client, "/elevators/new", form(world, code=" ３００００９ ") | {"then": "submit"})
    assert answer.status_code == 302, answer.text
    row = fresh(session).scalars(select(Elevator).where(Elevator.code == "300009")).one()
    assert (row.filing_state, row.use_unit_id, row.region_code) == ("pending", world.use_unit.id, "980402000000")
    record = client.get(answer.location).text
    assert "300009" in record and "撤回上报" in record and "正在审核" in record
    post(client, f"/elevators/{row.id}/withdraw", {})
    fresh(session).refresh(row)
    assert row.filing_state == "draft"


@pytest.mark.feature("ELV-01")
def test_a_new_elevator_begins_with_the_own_unit(world: World, sign_in: Any) -> None:
    """As what it is, under its name; an administrator, who stands for none, begins with nothing."""
    boxes = {
        persona: re.findall(
            r'name="(use_unit_id|maintenance_unit_id)"\s+value="([^"]*)"',
            sign_in(world.accounts[persona]).get("/elevators/new").text,
        )
        for persona in ("maintenance_head", "use_head", "region_admin")
    }
    assert boxes["maintenance_head"] == [("use_unit_id", ""), ("maintenance_unit_id", world.firm.name)]
    assert boxes["use_head"] == [("use_unit_id", world.use_unit.name), ("maintenance_unit_id", "")]
    assert [value for _name, value in boxes["region_admin"]] == ["", ""]


@pytest.mark.feature("LIF-01", "ELV-09")
def test_what_is_not_registered_for_use_says_what_comes_next(session: Any, world: World, sign_in: Any) -> None:
    row = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, status="notified")
    session.commit()
    head, officer = sign_in(world.accounts["use_head"]), sign_in(world.accounts["inspector"])
    said = "备案已通过，还没有使用登记"
    page = head.get(f"/elevators/{row.id}").text
    assert said in page and f'href="/elevators/{row.id}/apply/use_registration">使用登记' in page
    assert said not in head.get(f"/elevators/{world.own.id}").text
    assert said not in officer.get(f"/elevators/{row.id}").text, "he applies for nothing"


@pytest.mark.feature("LIF-04", "INS-01")
def test_of_what_is_scrapped_nothing_is_due(session: Any, world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["use_head"])
    assert "下次定期检验" in head.get(f"/elevators/{world.own.id}").text
    session.rollback()
    world.own.status = "scrapped"
    session.commit()
    assert "下次定期检验" not in head.get(f"/elevators/{world.own.id}").text


@pytest.mark.feature("ELV-04")
def test_what_was_typed_stays_whatever_is_refused(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    answer = post(
        client, "/elevators/new",
        form(world, address="明水路 <b>8</b> 号", made_on="2026-02-30", rated_speed="快", use_unit_id="没有这家"),
    )  # fmt: skip
    assert answer.status_code == 422
    assert "明水路 &lt;b&gt;8&lt;/b&gt; 号" in answer.text and 'value="2026-02-30"' in answer.text
    assert 'value="快"' in answer.text and "请填写数字" not in answer.text.split("没有这家")[0]
    assert "没有找到名称或统一社会信用代码" in answer.text
    again = post(client, "/elevators/new", form(world, made_on="2026-02-30", rated_speed="快"))
    assert "真实的日期" in again.text and "请填写数字" in again.text and again.status_code == 422


@pytest.mark.feature("ELV-04")
def test_a_draft_is_kept_when_it_cannot_be_submitted_yet(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    answer = post(client, "/elevators/new", form(world, use_unit_id="") | {"then": "submit"})
    assert answer.status_code == 422 and "使用单位没有填写" in answer.text and "草稿已保存" in answer.text
    row = fresh(session).scalars(select(Elevator).where(Elevator.code == "300001")).one()
    assert row.filing_state == "draft" and f'action="/elevators/{row.id}/edit"' in answer.text
    seen = re.search(r'name="row_version" value="(\d+)"', answer.text)
    assert seen
    done = post(client, f"/elevators/{row.id}/edit", form(world) | {"row_version": seen[1], "then": "submit"})
    assert done.status_code == 302
    fresh(session).refresh(row)
    assert row.filing_state == "pending"


@pytest.mark.feature("ELV-04")
def test_a_form_cannot_set_what_is_not_filed(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    extra = {"status": "scrapped", "filing_state": "approved", "approved_version": "9", "region_code": "110000000000"}
    answer = post(client, "/elevators/new", form(world) | extra)
    assert answer.status_code == 302
    row = fresh(session).scalars(select(Elevator).where(Elevator.code == "300001")).one()
    assert (row.status, row.filing_state, row.approved_version, row.region_code) == (
        "notified", "draft", 0, "980402000000",
    )  # fmt: skip


@pytest.mark.feature("ELV-04")
def test_a_stale_form_is_told_and_nothing_is_lost(session: Any, world: World, sign_in: Any) -> None:
    row = filed_elevator(world)
    key, seen = row.id, row.row_version
    save(session, world.actor("use_head"), Elevator, row, {"note": "使用单位改的"})
    client = sign_in(world.accounts["maintenance_head"])
    answer = post(client, f"/elevators/{key}/edit", form(world, note="维保单位改的") | {"row_version": str(seen)})
    assert answer.status_code == 409 and "被修改过" in answer.text and "维保单位改的" in answer.text


@pytest.mark.feature("ELV-04")
@pytest.mark.parametrize("path", ["", "/edit", "/history", "/apply/suspension"])
def test_another_units_elevator_looks_like_none(world: World, sign_in: Any, path: str) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert client.get(f"/elevators/{world.foreign.id}{path}").status_code == 404
    assert client.get(f"/elevators/99999999{path}").status_code == 404


@pytest.mark.feature("ELV-04")
@pytest.mark.parametrize("deed", ["submit", "withdraw", "discard", "delete"])
def test_deeds_want_a_token_and_the_right(session: Any, world: World, sign_in: Any, deed: str) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert client.post(f"/elevators/{world.own.id}/{deed}").status_code == 400
    assert client.get(f"/elevators/{world.own.id}/{deed}").status_code in (404, 405)
    assert post(client, f"/elevators/{world.foreign.id}/{deed}", {}).status_code == 404
    worker = sign_in(world.accounts["worker"])
    answer = post(worker, f"/elevators/{world.own.id}/{deed}", {})
    assert answer.status_code in (302, 403)
    assert fresh(session).get(Elevator, world.own.id).filing_state == "approved"


@pytest.mark.feature("ELV-10")
def test_history_and_the_register_as_of_a_day(session: Any, world: World, sign_in: Any) -> None:
    head = world.actor("maintenance_head")
    row = filed_elevator(world, declared_status="in_use", safety_phone="13800000001")
    later = AT + dt.timedelta(days=10)
    save(session, head, Elevator, row, {"address": "明水路 8 号 2 幢", "safety_phone": "13811110001"}, at=later)
    decide(session, world.actor("inspector"), submit(session, head, row, at=later), "approve", "已核对", at=later)
    client = sign_in(world.accounts["inspector"])
    text = client.get(f"/elevators/{row.id}/history").text
    assert "<del>明水路 8 号 1 幢</del>" in text and "<ins>明水路 8 号 2 幢</ins>" in text and "已核对" in text
    assert "13811110001" not in text and "138****0001（中间几位不同）" in text
    then = client.get(f"/elevators/{row.id}?as_of=2026-11-21").text
    assert "明水路 8 号 1 幢" in then and "当日生效的是第 1 版" in then and "在用" in then
    before = client.get(f"/elevators/{row.id}?as_of=2026-11-01").text
    assert "当日没有审核通过的版本" in before and "告知" in before
    told = client.get(f"/elevators/{row.id}?as_of=明天").text
    assert "截至日期：“明天”不是有效的时间，已按现在显示" in told


@pytest.mark.feature("LIF-01", "LIF-02", "GAT-01")
def test_an_application_from_the_record(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["use_head"])
    record = client.get(f"/elevators/{world.own.id}").text
    assert f"/elevators/{world.own.id}/apply/suspension" in record and "apply/reactivation" not in record
    url = f"/elevators/{world.own.id}/apply/suspension"
    assert "能不能办" in client.get(url).text
    refused = post(client, url, {"effective_on": "2020-01-01", "reason": "改造中"})
    assert refused.status_code == 422 and "不早于提交日" in refused.text and "改造中" in refused.text
    bad = post(client, url, {"effective_on": "20-20", "reason": "改造中"})
    assert bad.status_code == 422 and "不是日期" in bad.text
    today = clock.today()
    fine = {"effective_on": today.isoformat(), "reason": "改造中", "files": (io.BytesIO(PDF), "停用申请.pdf")}
    answer = post(client, url, fine, content_type="multipart/form-data")
    assert answer.status_code == 302, answer.text
    made = fresh(session).scalars(select(Application)).one()
    assert made.kind == "suspension" and len(made.data["attachments"]) == 1
    page = client.get(answer.location).text
    assert "停用申请.pdf" in page and "撤回申请" in page and "改造中" in page


@pytest.mark.feature("UNT-07")
def test_a_use_unit_is_registered_and_named(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    data = {k: str(v) for k, v in unit_data(session).items()} | {"_is_use": "1", "is_use": "1", "then": "submit"}
    answer = post(client, "/units/new", data)
    assert answer.status_code == 302, answer.text
    unit = fresh(session).scalars(select(Unit).where(Unit.name == data["name"])).one()
    assert (unit.filing_state, unit.filed_by_unit_id, unit.is_use) == ("pending", world.firm.id, True)
    assert data["name"] in client.get(f"/units/{unit.id}").text
    found = client.get("/unit-finder/?q=明水商业").json["results"]
    assert [f["text"] for f in found] == [data["name"]]
    other = sign_in(world.accounts["other_head"])
    assert other.get("/unit-finder/?q=明水商业").json["results"] == []
    assert other.get(f"/units/{unit.id}").status_code == 404
    # An approved one can be named by whoever knows its whole name or code, and by nobody who is guessing.
    assert other.get(f"/unit-finder/?q={world.use_unit.uscc}").json["results"][0]["text"] == world.use_unit.name
    assert other.get("/unit-finder/?q=新禾").json["results"] == []


@pytest.mark.feature("UNT-05")
def test_a_unit_files_itself(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert client.get("/units/mine").location == f"/units/{world.firm.id}"
    page = client.get(f"/units/{world.firm.id}/edit").text
    seen = re.search(r'name="row_version" value="(\d+)"', page)
    assert seen
    answer = post(client, f"/units/{world.firm.id}/edit", {"row_version": seen[1], "licence_until": "2030-01-01"})
    assert answer.status_code == 302
    version = fresh(session).scalars(select(Version).where(Version.entity == "unit")).one()
    assert version.data["licence_until"] == "2030-01-01" and version.data["is_maintenance"] is True
    record = client.get(f"/units/{world.firm.id}").text
    assert "还没有上报的修改" in record and "审核上报" in record
    assert "还没有上报的修改" not in sign_in(world.accounts["inspector"]).get(f"/units/{world.firm.id}").text


@pytest.mark.feature("ELV-03")
def test_a_secret_elevator_is_nobodys_without_the_right(session: Any, world: World, sign_in: Any) -> None:
    row = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    session.commit()
    assert sign_in(world.accounts["inspector"]).get(f"/elevators/{row.id}").status_code == 404
    assert "涉密" in sign_in(world.accounts["region_admin"]).get(f"/elevators/{row.id}").text


@pytest.mark.feature("ELV-02", "ELV-03", "UNT-01", "UNT-06")
@pytest.mark.parametrize("tab", [t.key for t in ELEVATORS.tabs])
def test_every_tab_of_the_list_opens(session: Any, world: World, sign_in: Any, tab: str) -> None:
    client = sign_in(world.accounts["inspector"])
    answer = client.get(f"/elevators/?tab={tab}")
    assert answer.status_code == 200 and world.foreign.code not in answer.text
    assert (world.own.code in answer.text) is (tab in ("all", "in_use", "every", "without_hardware", "lifts"))


@pytest.mark.feature("UNT-01")
def test_where_an_office_is_is_one_place_that_the_map_shows(session: Any, world: World, sign_in: Any) -> None:
    client, address = sign_in(world.accounts["inspector"]), f"/units/{world.firm.id}"
    session.commit()

    def shown() -> str:
        return re.sub(r"\s+", "", client.get(address).text)

    for latitude, longitude, words, place in (
        (34.25, 108.5, "北纬34.250000，东经108.500000", "34.25000/108.50000"),
        (-3.5, -70.25, "南纬3.500000，西经70.250000", "-3.50000/-70.25000"),
        (34.0, 0.0, "北纬34.000000，东经0.000000", "34.00000/0.00000"),
    ):
        world.firm.latitude, world.firm.longitude = latitude, longitude
        session.commit()
        page = shown()
        assert f'<dt>位置</dt><dd><aclass="ta-a"href="/map/#17/{place}">{words}</a>' in page
        assert "<dt>纬度</dt>" not in page and "<dt>经度</dt>" not in page
    # Half a place is no place: what there is, is shown as it is.
    world.firm.longitude = None
    session.commit()
    assert "<dt>纬度</dt><dd>34</dd>" in shown()


def ways_on(page: str) -> list[tuple[str, str]]:
    """Where an empty list says to go, and its words for it; the first is the main one."""
    block = re.search(r'<div class="ta-empty">.*?</div>(?:</div>)?', page, re.DOTALL)
    return [(html.unescape(link), flat(word)) for link, word in
            re.findall(r'<a class="ta-btn[^"]*" href="([^"]*)">(.*?)</a>', block[0] if block else "")]  # fmt: skip


@pytest.mark.feature("ELV-02")
def test_an_empty_tab_leads_to_the_first_that_has_rows(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    (link, words), *others = ways_on(client.get("/elevators/?tab=scrapped").text)
    assert words == "在“在册”中有 1 条" and others == []
    assert world.own.code in client.get(link).text, "it leads where there is something"
    # Whoever narrowed the list is offered to see it whole, not another list.
    (link, words), *others = ways_on(client.get("/elevators/?tab=scrapped&q=没有这样的电梯").text)
    assert (link, words, others) == ("/elevators/", "清除筛选", [])
    # What is asked for lies in another tab: it is shown there, with the filter kept.
    (link, words), *_others = ways_on(client.get(f"/elevators/?tab=scrapped&f_category={world.own.category}").text)
    assert words == "在“在册”中有 1 条" and "f_category=" in link and world.own.code in client.get(link).text
    # Nothing anywhere: there is no tab to go to, only the deed that makes the first one.
    with transaction(session):
        session.execute(delete(ContractElevator))
        session.execute(delete(Elevator))
    assert ways_on(client.get("/elevators/?tab=scrapped").text) == []
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get("/elevators/?tab=scrapped").text
    assert [words for _link, words in ways_on(page)] == ["新增备案"] and page.count("新增备案") == 1, "said once"
    page = clerk.get("/elevators/?q=没有这样的电梯").text
    assert [words for _link, words in ways_on(page)] == ["清除筛选"] and page.count("新增备案") == 1, "at the head"


@pytest.mark.feature("ELV-04")
def test_the_latest_visits_are_those_done_last(session: Any, world: World, sign_in: Any) -> None:
    """What a phone kept, or a workbook brought, came in later and was done before."""
    days = [dt.date(2026, 3, day) for day in (10, 2, 28, 5, 20, 15, 1)]
    for day in days:
        add_visit(session, world.own, world.worker, day)
    session.commit()
    page = sign_in(world.accounts["clerk"]).get(f"/elevators/{world.own.id}").text
    shown = page[page.index("最近维保") :]
    shown = shown[: shown.index("</table>")]
    assert re.findall(r"2026-03-\d\d", shown) == [str(day) for day in sorted(days, reverse=True)[:5]]


@pytest.mark.feature("ELV-02")
@pytest.mark.parametrize("most", [2000, 0])
def test_a_search_that_finds_nothing_here_says_in_which_tab_it_would(
    session: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where so many are found that the other tabs are not counted beside it."""
    monkeypatch.setattr(search, "COMMON", 0)
    monkeypatch.setattr(search, "MOST_FOUND", most)
    client = sign_in(world.accounts["inspector"])
    (link, words), *others = ways_on(client.get(f"/elevators/?tab=scrapped&q={world.own.code}").text)
    assert words == "在“在册”中有 1 条" and [word for _link, word in others] == ["清除筛选"]
    found = client.get(link).text
    assert world.own.code in found and f'value="{world.own.code}"' in found, "the search goes along"


@pytest.mark.feature("ELV-02", "IMP-01")
def test_a_firm_with_drafts_only_is_led_to_them(session: Any, world: World, sign_in: Any) -> None:
    with transaction(session):
        session.execute(delete(ContractElevator))
        session.execute(delete(Elevator))
    save(session, world.actor("clerk"), Elevator, None, elevator_data(world, code="300001"))
    clerk = sign_in(world.accounts["clerk"])
    (link, words), *_others = ways_on(clerk.get("/elevators/").text)
    assert (link, words) == ("/elevators/?tab=draft", "在“待上报”中有 1 条") and "300001" in clerk.get(link).text


@pytest.mark.feature("MNT-10", "ELV-03")
def test_a_use_unit_reads_who_maintained_its_elevator(session: Any, world: World, sign_in: Any) -> None:
    worker = factories.make_person(session, unit=world.firm, name="苏见山")
    for day, kept in ((1, {}), (2, {"worker": "旧名"})):
        add_visit(session, world.own, worker, dt.date(2026, 3, day), snapshot=kept)
    session.commit()
    page = flat(sign_in(world.accounts["use_head"]).get(f"/elevators/{world.own.id}").text)
    assert "苏见山" in page and "旧名" in page and "None" not in page


@pytest.mark.feature("UNT-01", "UNT-06")
def test_units_by_kind_and_by_filter(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    page = client.get("/units/?tab=maintenance").text
    assert world.firm.name in page and world.use_unit.name not in page and world.other_firm.name not in page
    found = client.get("/units/?f_licence_no=TS3398&f_licence_grade=A1").text
    assert world.firm.name in found and world.use_unit.name not in found
    assert client.get("/applications/?tab=late&f_kind=suspension,nosuch").status_code == 200


@pytest.mark.feature("ELV-04")
def test_many_are_submitted_each_by_itself(session: Any, world: World, sign_in: Any) -> None:
    head = world.actor("maintenance_head")
    fine = save(session, head, Elevator, None, elevator_data(world, code="300001"))
    lacking = save(session, head, Elevator, None, elevator_data(world, code="300002", use_unit_id=None))
    client = sign_in(world.accounts["maintenance_head"])
    answer = post(client, "/elevators/deed/submit", {"ids": [fine.id, lacking.id, world.foreign.id]})
    assert answer.status_code == 200 and "DT-" in answer.text and "使用单位没有填写" in answer.text
    assert f'<p class="ta-b"><a class="ta-a" href="/elevators/{lacking.id}">300002</a>' in answer.text
    fresh(session)
    assert (fine.filing_state, lacking.filing_state, world.foreign.filing_state) == ("pending", "draft", "approved")


@pytest.mark.feature("ELV-02", "ACC-10")
def test_a_firm_of_another_district_is_named_and_not_linked(session: Any, world: World, sign_in: Any) -> None:
    row = factories.make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.use_unit)
    session.commit()
    for name, opens in (("inspector", False), ("platform_admin", True)):
        page = sign_in(world.accounts[name]).get(f"/elevators/{row.id}").get_data(as_text=True)
        assert world.other_firm.name in page and (f'href="/units/{world.other_firm.id}"' in page) is opens
        assert f'href="/units/{world.use_unit.id}"' in page
