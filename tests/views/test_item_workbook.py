"""An own list by workbook and by the interface (PLN-08): given out, changed, brought in as a draft, approved."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook

from app import clock
from app.models import ItemSet
from app.reference import CURRENT, of_annex
from app.rules.levels import Level
from app.transaction import transaction
from app.workflows.maintenance import item_lists, item_sets
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World
from tests.views.test_item_set_pages import NEW, draft

pytestmark = pytest.mark.feature("PLN-08")
HEAD = ["编号", "周期", "维保项目", "维保要求", "须填实测值", "实测值单位", "来源", "细化"]


def book(client: Any, key: int) -> Any:
    answer = client.post("/items/table", data={"set": key, "format": "xlsx", "csrf_token": csrf(client)})
    assert answer.status_code == 200
    return load_workbook(io.BytesIO(answer.data))


def bring(client: Any, key: int, content: bytes, name: str = "清单.xlsx", **more: Any) -> Any:
    data = {"file": (io.BytesIO(content), name), "csrf_token": csrf(client), "row_version": ""} | more
    return client.post(
        f"/item-sets/{key}/workbook", data=data, content_type="multipart/form-data", follow_redirects=True
    )


def saved(workbook: Any) -> bytes:
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def lines(*rows: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue().encode()


def statutory() -> list[list[Any]]:
    """The list of annex A as the workbook has it."""
    rows = []
    for item in of_annex("A"):
        tested = "是" if item.needs_test else "否"
        rows.append([item.code, item.level.value, str(item.item), str(item.requirement), tested, ""])
    return rows


def header_row(sheet: Any) -> int:
    return next(cell.row for column in sheet.iter_cols(max_row=10) for cell in column if cell.value == "维保项目")


@pytest.fixture
def own(session: Any, world: World) -> ItemSet:
    return draft(session, world, NEW)


def whole(session: Any, own: ItemSet) -> list[Any]:
    session.rollback()
    session.expire_all()
    return list(item_sets.whole(session, session.get_one(ItemSet, own.id)))


def test_what_was_given_out_comes_back_as_it_was(session: Any, world: World, sign_in: Any, own: ItemSet) -> None:
    client, before = sign_in(world.accounts["maintenance_head"]), whole(session, own)
    for language in ("zh", "en"):
        client.set_cookie("language", language)
        assert bring(client, own.id, saved(book(client, own.id))).status_code == 200
        assert whole(session, own) == before, language


def test_changed_lines_become_the_draft_and_a_second_person_still_approves(
    session: Any, world: World, sign_in: Any, own: ItemSet
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    workbook = book(client, own.id)
    sheet = workbook.active
    at = header_row(sheet)
    first = of_annex("A")[0]
    row = next(r for r in range(at, sheet.max_row + 1) if sheet.cell(r, 1).value == first.code)
    sheet.cell(row, 4).value = f"{first.requirement}；每次拍照"
    last = next(r for r in range(at, sheet.max_row + 1) if sheet.cell(r, 3).value == NEW.item)
    sheet.cell(last, 4).value = "画面清晰，亮度够"
    sheet.append([None, "年", "轿厢空调", "出风正常", None, "℃"])
    page = bring(client, own.id, saved(workbook)).text
    assert "已按工作簿写入草稿" in page and "轿厢空调" in page
    items = whole(session, own)
    found = {item.item: item for item in items}
    assert str(items[0].requirement) == f"{first.requirement}；每次拍照"
    assert found["轿厢内显示屏"].requirement == "画面清晰，亮度够" and found["轿厢内显示屏"].code.startswith("U")
    assert (found["轿厢空调"].level, found["轿厢空调"].measure) == (Level.ANNUAL, "℃")
    assert session.get_one(ItemSet, own.id).state == "draft"
    assert item_lists.heads(session, world.firm.id) == (), "nothing holds before somebody approved it"


def test_each_wrong_cell_is_named_and_nothing_is_written(
    session: Any, world: World, sign_in: Any, own: ItemSet
) -> None:
    client, before = sign_in(world.accounts["maintenance_head"]), whole(session, own)
    rows = statutory()
    tested = next(n for n, row in enumerate(rows) if row[4] == "是")
    rows[0][1], rows[1][2], rows[2][3], rows[tested][4] = "quarter", "别的名称", "随便", "否"
    rows[3][4] = "大概"
    rows += [
        ["U9-9-99", "半月", "新项目", "要求", "", ""], ["", "每周", "甲", "乙", "", ""], ["", "半月", "", "乙", "", ""],
        ["", "半月", "长" * 61, "", "", "单" * 13], list(rows[5]),
    ]  # fmt: skip
    answer = bring(client, own.id, lines(*rows), "清单.csv")
    n = len(rows) + 1
    assert answer.status_code == 422
    for cell in (
        "B2 周期", "C3 维保项目", "D4 维保要求", "E5 须填实测值", f"E{tested + 2} 须填实测值", f"A{n - 4} 编号",
        f"B{n - 3} 周期", f"C{n - 2} 维保项目", f"C{n - 1} 维保项目", f"D{n - 1} 维保要求", f"F{n - 1} 实测值单位",
        f"A{n} 编号",
    ):  # fmt: skip
        assert cell in answer.text, cell
    assert whole(session, own) == before


@pytest.mark.parametrize("shown", ["#N/A", "#DIV/0!", "#CALC!"])
def test_a_formula_that_failed_is_no_word(
    session: Any, world: World, sign_in: Any, own: ItemSet, shown: str
) -> None:
    client, before = sign_in(world.accounts["maintenance_head"]), whole(session, own)
    rows = [*statutory(), ["", "半月", "轿厢空调", shown, "", ""], ["", "半月", "轿厢风扇", "出风正常", "", shown]]
    answer = bring(client, own.id, lines(*rows), "清单.csv")
    n = len(rows) + 1
    assert answer.status_code == 422
    assert f"D{n - 1} 维保要求" in answer.text and f"F{n} 实测值单位" in answer.text
    assert "改成具体的值" in answer.text and "没有填写" not in answer.text
    assert whole(session, own) == before


def test_what_is_left_out_is_told_by_name(session: Any, world: World, sign_in: Any, own: ItemSet) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    rows = statutory()
    answer = bring(client, own.id, lines(*rows[1:]), "清单.csv")
    assert answer.status_code == 422 and "法定和上级项目不能删减" in answer.text and rows[0][2] in answer.text


def test_without_numbers_the_name_and_the_cycle_say_which_item_it_is(
    session: Any, world: World, sign_in: Any, own: ItemSet
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    answer = bring(client, own.id, lines(*(["", *row[1:]] for row in statutory())), "清单.csv")
    assert answer.status_code == 200
    assert [item.code for item in whole(session, own)] == [item.code for item in of_annex("A")]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "x.xlsx", ""), (b"no workbook", "x.xlsx", ""), ("甲,乙\n1,2\n".encode(), "x.csv", "没有“维保项目”这一列"),
        (",".join(HEAD).encode(), "x.csv", "只有表头"), ("维保项目,周期\n甲,半月\n".encode(), "x.csv", "缺少列"),
        (b"0" * (2 * 1024 * 1024 + 1), "x.csv", "超过 2 MB"),
    ],
    ids=["empty", "none", "headless", "bare", "lacking", "large"],
)  # fmt: skip
def test_what_is_no_such_workbook(
    session: Any, world: World, sign_in: Any, own: ItemSet, content: bytes, name: str, said: str
) -> None:
    client, before = sign_in(world.accounts["maintenance_head"]), whole(session, own)
    answer = bring(client, own.id, content, name)
    assert answer.status_code == 422 and said in answer.text
    assert whole(session, own) == before


def test_only_its_owner_and_only_while_it_is_a_draft(session: Any, world: World, sign_in: Any, own: ItemSet) -> None:
    good = lines(*statutory())
    assert bring(sign_in(world.accounts["worker"]), own.id, good, "x.csv").status_code == 403
    assert bring(sign_in(world.accounts["other_head"]), own.id, good, "x.csv").status_code == 404
    client = sign_in(world.accounts["maintenance_head"])
    assert bring(client, own.id, good, "x.csv", row_version="1").status_code == 409
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), own.id, clock.now())
    assert "从工作簿导入" not in client.get(f"/item-sets/{own.id}").text
    assert bring(client, own.id, good, "x.csv").status_code == 409


# --- by the interface


@pytest.mark.feature("INT-04")
def test_a_list_goes_its_whole_way_by_the_interface(app: Any, session: Any, world: World) -> None:
    head, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    made = head.post("/item-sets", {"kind": "A"})
    assert (made.status_code, made.json["state"], len(made.json["items"])) == (201, "draft", 76)
    path, today = f"/item-sets/{made.json['id']}", clock.today().isoformat()
    items = [
        {name: one[name] for name in ("code", "level", "item", "requirement", "needs_test", "measure")}
        for one in made.json["items"]
    ]
    items[0]["requirement"] += "；每次拍照"
    items.append({"level": "annual", "item": "轿厢空调", "requirement": "出风正常"})
    asked = {"name": "恒枢版", "from_on": today, "items": items, "row_version": made.json["row_version"]}
    kept = head.call("PUT", path, asked)
    assert (kept.status_code, kept.json["own_items"], len(kept.json["items"])) == (200, 2, 77), kept.text
    assert head.call("PUT", path, asked).status_code == 409, "another version by now"
    seen = head.post(f"{path}/submit", {}).json
    assert seen["state"] == "submitted"
    decision = {"verb": "approve", "seen_version": seen["row_version"]}
    assert head.post(f"{path}/decision", decision).status_code == 403, "who wrote it is not the second one"
    assert officer.post(f"{path}/decision", decision | {"seen_version": 1}).status_code == 409
    assert officer.post(f"{path}/decision", decision | {"verb": "nix"}).status_code == 422
    assert officer.post(f"{path}/decision", decision).json["state"] == "in_force"
    assert head.get("/items/A").json["version"] == f"{CURRENT}+{made.json['id']}"
    assert head.call("PUT", path, asked | {"row_version": 99}).status_code == 409


@pytest.mark.feature("INT-04")
def test_what_the_interface_refuses(app: Any, session: Any, world: World, own: ItemSet) -> None:
    head, path = Caller(app, world, "maintenance_head"), f"/item-sets/{own.id}"
    assert head.post("/item-sets", {"kind": "Z"}).status_code == 422
    whole_list = head.get(path).json
    asked = {"name": "甲", "from_on": clock.today().isoformat(), "row_version": whole_list["row_version"]}
    for items in (None, "x", [1], [{"level": "weekly"}], whole_list["items"][1:]):
        assert head.call("PUT", path, asked | {"items": items}).status_code == 422, items
    assert head.call("PUT", path, asked | {"items": whole_list["items"], "from_on": None}).status_code == 422
    assert head.post(f"{path}/nix", {}).status_code == 404
    assert Caller(app, world, "other_head").post(f"{path}/submit", {}).status_code == 404
    assert head.post(f"{path}/discard", {}).json["state"] == "discarded"
