"""SCO-07: behind each figure of a unit's five other items the records that count, with columns, filters and export."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace
from typing import Any

import pytest

from app import clock
from app.listings import score_records as listed
from app.listings.score_items import ITEM_LISTS, count_of
from app.models import Elevator, Rescue, Score
from app.permissions import SYSTEM, Verb
from app.rules.score_items import Item
from app.views.scores.score_items import OPENS
from app.workflows.scores import score_records
from tests.conftest import csrf
from tests.factories import World, make_contract, make_elevator
from tests.reference.items import Called, Changed, Inspected, Trapped
from tests.statements import statements
from tests.workflows.item_world import HOUR, MINUTE, NOON, ON, put_change, put_inspection, put_rescue, scored_firm
from tests.workflows.score_world import LATER, score

pytestmark = pytest.mark.feature("SCO-07")
ITEMS = tuple(item for item in ITEM_LISTS)
FIRST = {
    Item.RESCUE: "救援编号", Item.FEEDBACK: "投诉编号", Item.INSPECTION: "检验类型", Item.FAULT: "本年困人次数",
    Item.CHANGE: "签订日期",
}  # fmt: skip


@pytest.fixture
def scored(session: Any, world: World) -> World:
    """The firm with a failure of each kind, helped out once by another one and shut in three times at one elevator."""
    often = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    make_contract(session, world.firm, [world.own, often], dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    for n in range(3):
        at = NOON + n * 48 * HOUR
        call = Called("A", 1, at, at + MINUTE, at + 5 * MINUTE, at + 12 * MINUTE)
        told = Trapped("A", often.id, at, (call,), at + HOUR, "entrapment", "door_operator")
        put_rescue(session, often, told, {"A": world.firm})
    theirs = Called("A", 1, NOON, None, None, None, NOON + 4 * MINUTE, "escalated")
    ours = Called("B", 2, NOON + 4 * MINUTE, NOON + 5 * MINUTE, NOON + 9 * MINUTE, NOON + 15 * MINUTE)
    theirs_lift = make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.use_unit)
    told = Trapped("A", theirs_lift.id, NOON, (theirs, ours), NOON + HOUR, "entrapment", "door_operator")
    world.helped = put_rescue(session, theirs_lift, told, {"A": world.other_firm, "B": world.firm})
    # One elevator failed and passed again, one passed twice; one use unit was late once, another one never.
    put_inspection(session, world.own, world.firm, Inspected("A", world.own.id, ON, "periodic", "failed", True, NOON))
    for lift in (world.own, often, often):
        passed = Inspected("A", lift.id, ON + dt.timedelta(days=9), "periodic", "passed", False, NOON + 240 * HOUR)
        put_inspection(session, lift, world.firm, passed)
    for use_unit in (world.use_unit, world.other_use_unit, world.other_use_unit):
        signed = Changed("A", use_unit.id, ON - dt.timedelta(days=2), ON, ((NOON, "submitted"),))
        put_change(session, often, world.firm, signed)
    session.commit()
    world.often = often
    return scored_firm(session, world)


def held_of(world: World) -> Score:
    world.session.rollback()
    return world.session.get(Score, world.score)


def rows_of(answer: Any) -> tuple[list[str], list[list[str]]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)[:800]
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    head = next(n for n, row in enumerate(rows) if "计为" in row)
    return rows[head], rows[head + 1 :]


def export(browser: Any, world: World, item: Item, **form: str) -> Any:
    form |= {"format": form.get("format", "csv"), "csrf_token": csrf(browser)}
    return browser.post(f"/scores/{world.score}/items/{item.value}/table", data=form)


def test_each_figure_is_as_many_records(scored: World) -> None:
    held = held_of(scored)
    found = {item: score_records.of_unit(scored.session, held.run, held.unit_id, item) for item in ITEMS}

    def many(item: Item, key: str = "key", **asked: str) -> int:
        rows = listed.chosen(scored.session, SYSTEM, item, found[item], listed.wanted_of(asked))
        return len({getattr(row, key) for row in rows})

    told = {name: count_of(held, name) for item in ITEMS for name in listed_counts(item)}
    assert told == {
        "rescue_total": many(Item.RESCUE, only="called"),
        "rescue_on_time": many(Item.RESCUE, only="on_time"), "rescue_late": many(Item.RESCUE, only="late"),
        "rescue_second": many(Item.RESCUE, only="second"),
        "feedback_total": many(Item.FEEDBACK), "feedback_on_time": many(Item.FEEDBACK, only="on_time"),
        "feedback_late": many(Item.FEEDBACK, only="late"),
        "inspection_total": many(Item.INSPECTION, "elevator"),
        "inspection_passed": many(Item.INSPECTION, "elevator", only="sound"),
        "inspection_failed": many(Item.INSPECTION, "elevator", only="failed"),
        "fault_elevators": many(Item.FAULT, only="held"), "fault_faulty": many(Item.FAULT, "elevator", only="fault"),
        "fault_entrapments": many(Item.FAULT, only="fault"), "fault_twice": many(Item.FAULT, "elevator", times="2"),
        "fault_thrice": many(Item.FAULT, "elevator", times="3"), "fault_often": many(Item.FAULT, "elevator", times="4"),
        "change_total": many(Item.CHANGE, "use_unit"), "change_on_time": many(Item.CHANGE, "use_unit", only="kept"),
        "change_late": many(Item.CHANGE, "use_unit", only="late"),
    }  # fmt: skip
    # Where a figure counts elevators or use units, the page says how many beside the records.
    assert told["inspection_passed"] == 1 and told["change_total"] == 2 and told["change_on_time"] == 1
    assert told["rescue_second"] == 1 and told["fault_thrice"] == 1 and told["feedback_late"] == 1


def test_a_figure_opens_what_it_counts_and_says_of_how_many(scored: World, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    held = held_of(scored)
    for name, words in (
        ("rescue_total", f"共 {count_of(held, 'rescue_total')} 条"), ("inspection_passed", "共 2 条，1 台电梯"),
        ("inspection_total", "共 5 条，3 台电梯"), ("change_on_time", "共 2 条，1 家使用单位"),
        ("change_total", "共 4 条，2 家使用单位"), ("fault_faulty", "共 4 条，2 台电梯"),
    ):  # fmt: skip
        item = name.partition("_")[0]
        href = f"/scores/{scored.score}/items/{item}?{OPENS[name]}"
        page = browser.get(href).text
        assert words in page and f'href="{href}"' in browser.get(href.partition("?")[0]).text, name
    # A group that is another item's asks for nothing there.
    assert "共 0 条" in browser.get(f"/scores/{scored.score}/items/feedback?only=called").text


def test_the_code_that_a_record_keeps_is_found_after_another_was_given(scored: World, sign_in: Any) -> None:
    old, lift = scored.often.code, scored.session.get(Elevator, scored.often.id)
    lift.code = "NEWCODE77"
    scored.session.commit()
    browser = sign_in(scored.accounts["platform_admin"])
    for code, many in ((old, 3), ("newcode77", 3), ("NEWCODE78", 0)):
        page = browser.get(f"/scores/{scored.score}/items/fault?only=&code={code}").text
        assert f"共 {many} 条" in page and (old in page.split("<tbody>")[-1]) is (many > 0), code
        assert len(rows_of(export(browser, scored, Item.FAULT, code=code))[1]) == many
    # Whoever may not read rescues does not feel his way to their codes.
    found = score_records.of_unit(scored.session, held_of(scored).run, held_of(scored).unit_id, Item.FAULT)
    bare = replace(scored.actor("maintenance_head"), withheld=frozenset({Verb.RESCUE_READ}))
    assert not listed.chosen(scored.session, bare, Item.FAULT, found, listed.Wanted(code=old))


def listed_counts(item: Item) -> list[str]:
    names = [column.name for column in ITEM_LISTS[item].columns if column.name.startswith(f"{item.value}_")]
    return [name for name in names if name.rpartition("_")[2] not in ("rank", "points")]


@pytest.mark.parametrize("item", ITEMS)
def test_the_page_shows_the_manuals_columns_and_the_export_all(scored: World, sign_in: Any, item: Item) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    with statements() as seen:
        page = browser.get(f"/scores/{scored.score}/items/{item.value}?only=").text
    # However many records there are: two more than the ledger of the item asks.
    assert len(seen) <= 19, len(seen)
    for column in listed.COLUMNS[item]:
        if column.name not in ("code", "place", "number"):
            assert str(column.label) in page, column.name
    head, rows = rows_of(export(browser, scored, item))
    assert head == [str(column.label) for column in listed.COLUMNS[item]] and FIRST[item] in head
    held = held_of(scored)
    found = score_records.of_unit(scored.session, held.run, held.unit_id, item)
    assert len(rows) == sum(one.counted != "held" for one in found) > 0
    sheet = export(browser, scored, item, format="xlsx")
    assert sheet.status_code == 200 and sheet.headers["X-Table-SHA256"]


def test_a_rescue_says_the_units_own_times_as_the_run_knew_them(scored: World, sign_in: Any) -> None:
    held = held_of(scored)
    found = score_records.of_unit(scored.session, held.run, held.unit_id, Item.RESCUE)
    second = next(one for one in found if one.counted == "second")
    assert second.key == scored.helped.id and second.course is not None
    assert (second.course.level, second.course.dispatched_at) == (2, NOON + 4 * MINUTE)
    assert second.course.done_at == NOON + 15 * MINUTE
    # What is written into the case afterwards changes what it says, not what it was counted as.
    scored.session.get(Rescue, scored.rescue.id).scene = "后来补写的现场"
    scored.session.commit()
    head, rows = rows_of(export(sign_in(scored.accounts["platform_admin"]), scored, Item.RESCUE, only="late"))
    row = dict(zip(head, rows[0], strict=True))
    assert len(rows) == 1 and row["现场描述"] == "后来补写的现场" and row["计为"] == "不及时"
    told = f"{clock.local(NOON + 32 * MINUTE):%Y-%m-%d %H:%M}"
    assert row["救出时间"].startswith(told), row


def test_filters_narrow_page_and_export_alike(scored: World, sign_in: Any) -> None:
    browser, day = sign_in(scored.accounts["platform_admin"]), clock.local_day(NOON)
    often = scored.often.code
    for query, form, many in (
        (f"only=&code={often}", {"code": often}, 3),
        (f"only=&code={often}&from_on={day + dt.timedelta(days=1)}", {"code": often, "from_on": str(
            day + dt.timedelta(days=1))}, 2),
        (f"only=&to_on={day}&code={often}", {"to_on": str(day), "code": often}, 1),
        ("only=&times=3", {"times": "3"}, 3), ("only=&times=2", {"times": "2"}, 0),
        ("only=&code=%25", {"code": "%"}, 0), ("only=fault&from_on=gestern&times=99", {"from_on": "gestern"}, 4),
    ):  # fmt: skip
        page = browser.get(f"/scores/{scored.score}/items/fault?{query}").text
        assert f"共 {many} 条" in page, query
        assert ("清空" in page) is ("gestern" not in query)
        if many:
            assert len(rows_of(export(browser, scored, Item.FAULT, **form))[1]) == many, form
    empty = browser.get(f"/scores/{scored.score}/items/fault?only=&code=NOSUCH").text
    assert "没有记录" in empty and "换个条件再试" in empty
    assert "共 0 条" in browser.get(f"/scores/{scored.score}/items/fault?only=late").text


def test_what_the_reader_may_not_see_stays_unnamed(scored: World, sign_in: Any) -> None:
    inspector = sign_in(scored.accounts["inspector"])
    for item in (Item.INSPECTION, Item.FEEDBACK, Item.RESCUE):
        page = inspector.get(f"/scores/{scored.score}/items/{item.value}?only=").text
        assert scored.secret.code not in page, item
        assert ("涉密或不在管辖范围" in page) is (item is not Item.RESCUE), item
    assert "共 0 条" in inspector.get(f"/scores/{scored.score}/items/inspection?only=&code={scored.secret.code}").text
    _head, rows = rows_of(export(inspector, scored, Item.INSPECTION))
    hidden = [row for row in rows if not row[0]]
    assert len(rows) == 5 and all(scored.secret.code not in row for row in rows)
    assert len(hidden) == 1 and hidden[0][-1] == "不合格"
    other = sign_in(scored.accounts["other_head"])
    assert other.get(f"/scores/{scored.score}/items/rescue?only=").status_code == 404
    assert export(other, scored, Item.RESCUE).status_code in (403, 404)
    head = sign_in(scored.accounts["maintenance_head"])
    assert scored.often.code in head.get(f"/scores/{scored.score}/items/fault?only=fault").text
    admin = sign_in(scored.accounts["platform_admin"])
    assert admin.post(f"/scores/{scored.score}/items/maintenance/table", data={"csrf_token": csrf(admin)}
                      ).status_code == 404  # fmt: skip


def test_whose_right_to_a_kind_was_taken_reads_day_and_outcome_only(scored: World) -> None:
    held = held_of(scored)
    for item, verb in ((Item.FEEDBACK, Verb.COMPLAINT_READ), (Item.RESCUE, Verb.RESCUE_READ),
                       (Item.INSPECTION, Verb.INSPECTION_READ), (Item.CHANGE, Verb.APPLICATION_READ)):  # fmt: skip
        found = score_records.of_unit(scored.session, held.run, held.unit_id, item)
        head = scored.actor("maintenance_head")
        whole, bare = (
            listed.lines_of(scored.session, actor, item, found)
            for actor in (head, replace(head, withheld=frozenset({verb})))
        )
        assert len(whole) == len(bare) and any(line.row is not None for line in whole), item
        assert all(line.row is None for line in bare), item


def test_totals_stand_beside_the_rates(scored: World, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["region_admin"])
    for name, label in (("rescue", "救援总次数"), ("feedback", "投诉合规次数"), ("inspection", "合格电梯数"),
                        ("change", "及时使用单位数")):  # fmt: skip
        assert label in browser.get(f"/scores/{name}/", follow_redirects=True).text
        assert label in browser.get(f"/scores/{scored.score}/items/{name}").text


def test_the_usual_periods_lead_to_their_newest_run(scored: World, sign_in: Any) -> None:
    session, region = scored.session, "980402000000"
    browser = sign_in(scored.accounts["region_admin"])
    with clock.frozen(LATER.replace(year=2025, month=3, day=20)):
        runs = {}
        for name, first, last in (
            ("year", "2025-01-01", "2025-03-20"), ("month", "2025-03-01", "2025-03-19"),
            ("last_month", "2025-02-01", "2025-02-28"), ("january", "2025-01-01", "2025-01-31"),
        ):  # fmt: skip
            runs[name] = score(session, first, last, as_of=clock.now(), region=region).id
            session.commit()
        runs |= {"quarter": runs["year"], "last_year": scored.run_row.id}
        for name in ("year", "last_year", "quarter", "month", "last_month"):
            for base in ("/scores/total/", "/scores/", "/scores/rescue/"):
                answer = browser.get(f"{base}?period={name}&tab=ranked")
                assert answer.status_code == 302
                assert answer.headers["Location"].endswith(f"tab=ranked&f_run={runs[name]}"), (name, base)
        page = browser.get("/scores/total/", follow_redirects=True).text
        for words in ("本年", "上年", "本季度", "本月", "上月"):
            assert words in page and f"计算{words}" in page
    # A month later January's run is not this year's, and that of March neither this month's.
    with clock.frozen(LATER.replace(year=2025, month=5, day=25)):
        page = browser.get("/scores/total/?period=year", follow_redirects=True).text
        assert "还没有计算过本年的得分" in page
        assert browser.get("/scores/total/?period=nosuch", follow_redirects=True).status_code == 200
