"""维保项目 on the screen: what holds, a draft from form and pasted lines, the second person, the file (PLN-08)."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.models import ItemSet, Visit
from app.reference import CURRENT, of_annex
from app.rules.item_lists import Item
from app.rules.levels import Level
from app.transaction import transaction
from app.workflows.maintenance import item_sets
from tests.conftest import csrf
from tests.factories import World
from tests.pages import flat
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("PLN-08")
NEW = Item("", "A", Level.HALF_MONTH, "轿厢内显示屏", "画面清晰，无破损", True, "lx")


def page(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return flat(answer.get_data(as_text=True))


def post(client: Any, url: str, data: dict[str, Any], status: int = 302) -> str:
    answer = client.post(url, data={"csrf_token": csrf(client)} | data)
    assert answer.status_code == status, (url, answer.status_code)
    return flat(answer.get_data(as_text=True))


def draft(session: Any, world: World, *more: Item, kind: str = "A", name: str = "恒枢 2026 版") -> ItemSet:
    at, who = clock.now(), world.actor("maintenance_head")
    with transaction(session):
        made = item_sets.start(session, who, kind, at)
        given = [*item_sets.whole(session, made), *more]
        return item_sets.save(session, who, made.id, name, clock.local_day(at), "", given, at)


def in_force(session: Any, world: World, *more: Item, **how: Any) -> ItemSet:
    made = draft(session, world, *more, **how)
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, clock.now())
        return item_sets.approve(session, world.actor("inspector"), made.id, made.row_version, "", clock.now())


def form(client: Any, **fields: Any) -> dict[str, Any]:
    today = clock.today().isoformat()
    return {"csrf_token": csrf(client), "name": "二〇二六", "from_on": today, "basis": "说明书", "rows": "1"} | fields


def test_everybody_sees_what_holds_by_kind_and_cycle(session: Any, world: World, sign_in: Any) -> None:
    for persona in ("inspector", "maintenance_head", "worker", "use_head", "platform_admin"):
        text = page(sign_in(world.accounts[persona]), "/items/")
        for words in ("31 项", "44 项", "59 项", "76 项", "消防员电梯", "没有清单，只能按上传维保单签退", CURRENT):
            assert words in text, (persona, words)
        assert ("新建版本" in text) == (persona in ("maintenance_head", "platform_admin"))
    text = page(sign_in(world.accounts["clerk"]), "/items/A")
    assert "本级 17 项，连同较短周期一次做 76 项" in text and of_annex("A")[75].item in text and "法定" in text
    assert "这类电梯还没有项目清单" in page(sign_in(world.accounts["clerk"]), "/items/3410")
    page(sign_in(world.accounts["clerk"]), "/items/X", 404)


def test_from_draft_to_force_by_the_pages(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    post(client, "/items/A/new", {})
    session.rollback()
    row = session.scalar(select(ItemSet))
    url = f"/item-sets/{row.id}"
    first = of_annex("A")[0].code
    answer = client.post(f"{url}/edit", data=form(
        client, **{
            "level-0": "quarter", "item-0": "轿厢内显示屏", "requirement-0": "画面清晰", "test-new-0": "yes",
            "measure-new-0": "lx", f"more-{first}": "温度不高于 40 ℃", f"test-{first}": "yes", "then": "submit",
        },
    ))  # fmt: skip
    assert answer.status_code == 302
    session.rollback()
    assert (row.state, row.name) == ("submitted", "二〇二六")
    assert [(one.get("of"), one.get("code")) for one in row.rows] == [(first, None), (None, f"U{world.firm.id}-2-01")]
    text = page(client, url)
    assert "等待所在地监管部门批准" in text and "2 处不同" in text and "温度不高于 40 ℃" in text
    # Neither its writer nor a use unit gets the form of the second person.
    assert "第二人决定" not in text
    officer = sign_in(world.accounts["inspector"])
    assert "1 个版本等待批准" in page(officer, "/items/") and "二〇二六" in page(officer, "/item-sets/?tab=waiting")
    text = page(officer, url)
    assert "第二人决定" in text
    session.rollback()
    seen = str(row.row_version)
    text = post(officer, f"{url}/decision/return", {"seen": seen, "opinion": ""}, 422)
    assert "没有写明退回的理由" in text
    post(officer, f"{url}/decision/return", {"seen": seen, "opinion": "请写明依据的条款"})
    assert "请写明依据的条款" in page(sign_in(world.accounts["maintenance_head"]), url)
    client = sign_in(world.accounts["maintenance_head"])
    post(client, f"{url}/submit", {})
    session.rollback()
    officer = sign_in(world.accounts["inspector"])
    assert "您打开页面后" in post(officer, f"{url}/decision/approve", {"seen": "1"}, 409)
    post(officer, f"{url}/decision/approve", {"seen": str(row.row_version), "opinion": "同意"})
    text = page(sign_in(world.accounts["worker"]), "/items/A")
    assert "45 项" in text and "轿厢内显示屏" in text and "细化" in text and "二〇二六" in text
    # In force it is not written any more: its page makes a new one.
    client = sign_in(world.accounts["maintenance_head"])
    text = page(client, url)
    assert "新建版本" in text and f"{url}/edit" not in text
    assert client.post(f"{url}/edit", data=form(client)).status_code == 409


def test_pasted_lines_are_read_and_a_whole_list_is_held_against_the_law(
    session: Any, world: World, sign_in: Any
) -> None:
    row = draft(session, world)
    client = sign_in(world.accounts["maintenance_head"])
    url = f"/item-sets/{row.id}/edit"
    base = of_annex("A")
    words = {"half_month": "半月", "quarter": "季度", "half_year": "半年维保", "annual": "年度"}
    lines = [f"{words[i.level]}\t{i.item}\t{i.requirement}" for i in base]
    lines[2] += "；并记录\tdB"
    said = "周期\t项目\t要求\t单位\n" + "\n".join([*lines, "年\t井道照明\t亮", ""])
    assert client.post(url, data=form(client, pasted=said, whole="yes")).status_code == 302
    session.rollback()
    assert [one.get("of") or one["item"] for one in row.rows] == [base[2].code, "井道照明"]
    assert row.rows[0] == {"of": base[2].code, "more": "并记录", "needs_test": True, "measure": "dB"}
    # One of the law's is left out: named, and what was typed stays in the form.
    answer = client.post(url, data=form(client, pasted="\n".join(lines[1:]), whole="yes"))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "法定和上级项目不能删减" in text and base[0].item in text
    assert base[1].requirement in text and 'name="whole" value="yes" checked' in text
    # Without the tick lines are additions.
    assert client.post(url, data=form(client, pasted="\n".join(lines[1:]))).status_code == 302
    answer = client.post(url, data=form(client, pasted="每周\t清扫\t干净\n半月\t清扫"))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "第 1 行读不出" in text and "第 2 行读不出" in text


def test_more_rows_keep_what_was_typed_and_save_nothing(session: Any, world: World, sign_in: Any) -> None:
    row = draft(session, world)
    before = row.row_version
    client = sign_in(world.accounts["maintenance_head"])
    answer = client.post(f"/item-sets/{row.id}/edit", data=form(
        client, **{"then": "more", "rows": "4", "item-2": "井道照明", "requirement-2": "亮", "level-2": "annual"}
    ))  # fmt: skip
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and 'value="井道照明"' in text and 'name="item-6"' in text
    session.rollback()
    assert row.row_version == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from_on": ""}, "启用日期"), ({"from_on": "昨天"}, "不是日期"), ({"name": ""}, "版本名称"),
        ({"item-0": "只有名称"}, "没有写要求"), ({"requirement-0": "只有要求"}, "没有写是哪个项目"),
        ({"from_on": "2020-01-01"}, "早于今天"), ({"row_version": "99"}, "刚刚被他人修改"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_the_form_is_kept(
    session: Any, world: World, sign_in: Any, fields: dict[str, str], said: str
) -> None:
    row = draft(session, world)
    client = sign_in(world.accounts["maintenance_head"])
    answer = client.post(f"/item-sets/{row.id}/edit", data=form(client, basis="我写的依据", **fields))
    text = answer.get_data(as_text=True)
    assert answer.status_code in (409, 422) and said in text and "我写的依据" in text


def test_others_have_no_door_to_a_draft(session: Any, world: World, sign_in: Any) -> None:
    row = draft(session, world, NEW)
    url = f"/item-sets/{row.id}"
    for persona, status in (("other_head", 404), ("use_head", 404), ("other_inspector", 404), ("worker", 200)):
        page(sign_in(world.accounts[persona]), url, status)
    for persona in ("worker", "clerk", "inspector"):
        client = sign_in(world.accounts[persona])
        for door in (f"{url}/edit", f"{url}/submit", f"{url}/discard", "/items/A/new"):
            assert client.post(door, data={"csrf_token": csrf(client)}).status_code in (302, 403), (persona, door)
    session.rollback()
    assert row.state == "draft"


def test_a_record_shows_the_texts_of_its_day(session: Any, world: World, sign_in: Any) -> None:
    made = in_force(session, world, NEW)
    code = made.rows[0]["code"]
    row: Visit = add_visit(
        session, world.own, world.worker, clock.today(), mode="items", item_version=f"{CURRENT}+{made.id}",
        results=[{"code": code, "result": "ok", "value": "120", "reason": "灯管已换"}],
        snapshot={"code": world.own.code, "category": "3110"},
    )  # fmt: skip
    session.commit()
    text = page(sign_in(world.accounts["use_head"]), f"/visits/{row.id}")
    for words in ("轿厢内显示屏", "120 lx", "灯管已换", "32 项", f"{CURRENT} + 恒枢 2026 版"):
        assert words in text, words
    # A use unit sees the record's texts, not the unit's list.
    page(sign_in(world.accounts["use_head"]), f"/item-sets/{made.id}", 404)


def test_a_list_is_a_file(session: Any, world: World, sign_in: Any) -> None:
    made = in_force(session, world, NEW)
    client = sign_in(world.accounts["clerk"])
    for asked in ({"kind": "A"}, {"set": str(made.id)}):
        answer = client.post("/items/table", data={"csrf_token": csrf(client), "format": "xlsx", **asked})
        assert answer.status_code == 200
        sheet = load_workbook(io.BytesIO(answer.data)).worksheets[0]
        rows = [[cell.value for cell in line] for line in sheet.iter_rows()]
        told = next(line for line in rows if "轿厢内显示屏" in line)
        assert world.firm.name in told and "lx" in told and len([r for r in rows if r[0] and "-" in str(r[0])]) == 77
    client = sign_in(world.accounts["other_head"])
    asked = {"csrf_token": csrf(client), "set": str(made.id)}
    assert client.post("/items/table", data=asked).status_code == 404


def test_the_form_of_a_kind_without_a_law(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    post(client, "/items/3420/new", {})
    session.rollback()
    row = session.scalar(select(ItemSet))
    url = f"/item-sets/{row.id}/edit"
    assert "没有法定清单，请写全部项目" in page(client, url)
    text = client.post(url, data=form(
        client, **{"level-0": "annual", "item-0": "消防开关", "requirement-0": "动作可靠"}
    )).get_data(as_text=True)  # fmt: skip
    assert "至少写一项半月项目" in text
    answer = client.post(url, data=form(
        client, **{"level-0": "half_month", "item-0": "消防开关", "requirement-0": "动作可靠", "then": "submit"}
    ))  # fmt: skip
    session.rollback()
    assert answer.status_code == 302 and row.state == "submitted"
    assert dt.date.fromisoformat(form(client)["from_on"]) == row.from_on
