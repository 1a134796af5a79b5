"""Columns of other registers find their fields, words and dates get a meaning, and the next such file knows both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.imports import batches, matching, parsing, words
from app.imports.columns import kinds
from app.models import Elevator, ImportRow, Unit, Version
from app.transaction import transaction
from tests.factories import make_use_unit, uscc
from tests.imports.ground import AT, checked, csv, errors_of, imported, ran, rematched, states, told, workbook

LIFTS = "elevators"


def columns(kind: str, headings: list[str], *samples: list[Any], known: Any = None) -> dict[str, tuple[str, str]]:
    found = matching.guess(kinds()[kind], headings, samples, known)
    return {h: (c or "", w) for h, c, w in zip(headings, found.columns, found.how, strict=True)}


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("heading", "field", "how"),
    [
        ("识别码", "code", "same"), ("电梯编号", "code", "alias"), ("Elevator ID", "code", "alias"),
        ("详细地址", "address", "alias"), ("设备使用地点", "address", "alias"),
        ("注册码", "registration_code", "alias"),
        ("责任单位", "use_unit_id", "alias"),
        ("维保公司", "maintenance_unit_id", "alias"), ("年检到期", "next_inspection_on", "alias"),
        ("速度(m/s)", "rated_speed", "near"), ("额定速度（m/s）", "rated_speed", "alias"),
        ("Device Type", "category", "alias"), ("STATUS", "declared_status", "alias"), ("备用", "", ""),
        ("使用登记证编号码", "certificate_no", "near"), ("maintenance_unit_id", "maintenance_unit_id", "alias"),
    ],
)  # fmt: skip
def test_a_heading_finds_its_field(heading: str, field: str, how: str, app: Any) -> None:
    assert columns(LIFTS, [heading])[heading] == (field, how)


@pytest.mark.feature("IMP-01")
def test_what_the_cells_hold_tells_where_the_heading_does_not(app: Any) -> None:
    code = uscc()
    found = columns("units", ["甲", "乙", "丙"], [code, "某某公司", 3], [uscc(), "另一公司", 4])
    assert found["甲"] == ("uscc", "content") and found["乙"] == ("", "")
    found = columns(LIFTS, ["子", "丑"], ["自动扶梯", "住宅"], ["乘客电梯", "医院"], ["货梯", "学校"])
    assert found == {"子": ("category", "content"), "丑": ("place_type", "content")}
    found = columns("persons", ["联络", "姓名"], ["13900000001", "甲"], ["13900000002", "乙"])
    assert found["联络"] == ("phone", "content")
    known = lambda spec, cells: 1.0 if spec.name == "code" and cells[0] == "200001" else 0.0  # noqa: E731
    assert columns(LIFTS, ["无名"], ["200001"], known=known)["无名"] == ("code", "content")


@pytest.mark.feature("IMP-01")
def test_a_near_name_whose_cells_do_not_fit_is_left(app: Any) -> None:
    assert columns(LIFTS, ["制造日期吗"], ["昨天"], ["前天"])["制造日期吗"] == ("", "")
    assert columns(LIFTS, ["制造日期吗"], ["2020-1-1"])["制造日期吗"] == ("made_on", "near")


@pytest.mark.feature("IMP-01")
def test_each_field_is_taken_once(app: Any) -> None:
    found = matching.guess(kinds()[LIFTS], ["识别码", "识别码", "电梯编号"], [])
    assert (found.columns, found.how) == (["code", None, None], ["same", "twice", "twice"])


@pytest.mark.feature("IMP-01")
def test_a_number_that_repeats_is_the_owners_own(app: Any) -> None:
    """梯号 is a code where it tells elevators apart; 1#, 2# of each building are not."""
    apart = [[f"7000{n:02d}"] for n in range(12)]
    assert columns(LIFTS, ["梯号"], *apart)["梯号"] == ("code", "alias")
    assert columns(LIFTS, ["梯号"], *[[f"{n % 3 + 1}#"] for n in range(12)])["梯号"] == ("internal_no", "near")
    # Too few to tell, and kinds whose rows may name one elevator often.
    assert columns(LIFTS, ["梯号"], ["1#"], ["1#"], ["1#"])["梯号"] == ("code", "alias")
    beside = columns(LIFTS, ["识别码", "梯号"], ["700001", "1#"], ["700002", "2#"], ["700003", "1#"])
    assert beside == {"识别码": ("code", "same"), "梯号": ("internal_no", "near")}
    assert columns("inspections", ["梯号"], *[["700001"]] * 12)["梯号"] == ("code", "alias")


@pytest.mark.feature("IMP-01")
def test_estate_and_building_make_the_place(app: Any) -> None:
    found = matching.guess(kinds()[LIFTS], ["所在小区", "楼栋", "单元"], [])
    assert found.columns == ["estate", "address", "address"]


# --- the wizard


@pytest.mark.feature("IMP-01")
def test_a_missing_required_column_is_shown_and_chosen(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    file = workbook(["识别码", "甲", "乙", "所在地区"], ["700001", "自动扶梯", "澜江路 1 号", "临河区"])
    batch = checked(session, who, LIFTS, file)
    assert batch.state == "checked" and errors_of(session, batch) == {(2, "品种"), (2, "地址")}
    batch = rematched(session, who, batch, {"甲": "category", "乙": "address"})
    assert (batch.new_rows, batch.bad_rows) == (1, 0) and batch.mapping["how"][1:3] == ["chosen", "chosen"]
    assert ran(session, who, batch).done_rows == 1
    assert session.scalar(select(Elevator.address).where(Elevator.code == "700001")) == "澜江路 1 号"


@pytest.mark.feature("IMP-01")
def test_the_choice_is_remembered_for_the_next_file_of_the_unit(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "甲", "乙", "所在地区"]
    first = checked(session, who, LIFTS, workbook(head, ["700001", "直梯", "澜江路 1 号", "临河区"]))
    rematched(
        session, who, first, {"甲": "category", "乙": "address"}, words={"category": {"直梯": "3110"}}
    )
    other_order = ["乙", "所在地区", "甲", "识别码"]
    batch = checked(session, who, LIFTS, workbook(other_order, ["澜江路 2 号", "临河区", "直梯", "700002"]))
    assert batch.mapping["columns"] == ["address", "region_id", "category", "code"]
    assert set(batch.mapping["how"]) == {"kept"} and batch.new_rows == 1
    stranger = checked(
        session, world.actor("other_head"), LIFTS, workbook(head, ["700003", "直梯", "澜江路 3 号", "青坪区"])
    )
    assert stranger.mapping["columns"][1] is None, "another unit's habits are its own"


@pytest.mark.feature("IMP-01")
def test_no_field_twice_and_no_unknown_one(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = checked(session, who, LIFTS, workbook(["识别码", "甲", "乙"], ["700001", "1", "2"]))
    with pytest.raises(Refusal, match="对应了 2 列"):
        rematched(session, who, batch, {"甲": "category", "乙": "category"})
    session.rollback()
    with pytest.raises(Refusal, match="没有“nonsense”这个字段"):
        rematched(session, who, batch, {"甲": "nonsense"})


@pytest.mark.feature("IMP-01")
def test_without_any_known_heading_every_row_is_still_accounted_for(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = checked(session, who, LIFTS, csv("甲,乙,丙,丁", "700001,自动扶梯,路 1 号,临河区"), "表.csv")
    assert (batch.state, batch.rows, batch.bad_rows) == ("checked", 1, 1)
    batch = rematched(session, who, batch, {"甲": "code", "乙": "category", "丙": "address", "丁": "region_id"})
    assert (batch.new_rows, batch.bad_rows) == (1, 0)


# --- words


@pytest.mark.feature("IMP-01")
def test_unknown_words_are_asked_about_once_each_and_decided(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "涉密", "申报状态"]
    file = workbook(
        head, ["700001", "直梯", "路 1 号", "临河区", "公开", "正常"],
        ["700002", "直梯", "路 2 号", "北城", "公开", "停用"],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    asked = batch.mapping["asked"]
    assert [(w["word"], w["count"], w["value"]) for w in asked["category"]] == [("直梯", 2, None)]
    assert [(w["word"], w["value"]) for w in asked["declared_status"]] == [("正常", "in_use")], "known, to confirm"
    assert {w["word"] for w in asked["region_id"]} == {"北城"} and asked["is_secret"][0]["count"] == 2
    kind, typed = kinds()[LIFTS], {
        ("category", 0): "3110", ("is_secret", 0): "0", ("region_id", 0): str(world.own.region_id),
        ("declared_status", 0): "suspended", ("category", 7): "3110", ("nonsense", 0): "1",
    }  # fmt: skip
    chosen = words.decided(session, who, kind, batch.mapping, typed)
    assert chosen == {
        "category": {"直梯": "3110"}, "is_secret": {"公开": False}, "region_id": {"北城": world.own.region_id},
        "declared_status": {"正常": "suspended"},
    }  # fmt: skip
    batch = ran(session, who, rematched(session, who, batch, {}, words=chosen))
    assert (batch.done_rows, batch.bad_rows) == (2, 0)
    rows = session.scalars(select(Elevator).where(Elevator.code.like("70000%")).order_by(Elevator.code)).all()
    assert [(e.category, e.is_secret, e.region_code, e.declared_status) for e in rows] == [
        ("3110", False, "980402000000", "suspended"), ("3110", False, "980402000000", "suspended"),
    ]  # fmt: skip


@pytest.mark.feature("IMP-01")
def test_a_word_may_be_left_blank_and_nothing_impossible_is_taken(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "使用场所"]
    batch = checked(session, who, LIFTS, workbook(head, ["700001", "自动扶梯", "路 1 号", "临河区", "寺庙"]))
    kind = kinds()[LIFTS]
    assert words.decided(session, who, kind, batch.mapping, {("place_type", 0): "castle"}) == {}
    chosen = words.decided(session, who, kind, batch.mapping, {("place_type", 0): words.LEAVE})
    batch = rematched(session, who, batch, {}, words=chosen)
    assert (batch.new_rows, batch.bad_rows) == (1, 0)
    row = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id)).one()
    assert "place_type" not in (row.data or {})


@pytest.mark.feature("IMP-01")
def test_near_names_of_units_are_offered(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "使用单位"]
    file = workbook(head, ["700001", "自动扶梯", "路 1 号", "临河区", "新禾物业服务公司"])
    batch = checked(session, who, LIFTS, file)
    near = batch.mapping["asked"]["use_unit_id"][0]["near"]
    assert near[0]["value"] == world.use_unit.id
    chosen = words.decided(session, who, kinds()[LIFTS], batch.mapping, {("use_unit_id", 0): str(world.use_unit.id)})
    batch = rematched(session, who, batch, {}, words=chosen)
    assert (batch.new_rows, batch.bad_rows) == (1, 0)
    draft = Unit(
        uscc=uscc(), name="别家的草稿单位", region_id=world.own.region_id, region_code="980402000000",
        filed_by_unit_id=world.other_firm.id,
    )  # fmt: skip
    session.add(draft)
    session.commit()
    foreign = words.decided(session, who, kinds()[LIFTS], batch.mapping, {("use_unit_id", 0): str(draft.id)})
    assert draft.id not in foreign.get("use_unit_id", {}).values(), "another's draft can't be named"


@pytest.mark.feature("IMP-01")
def test_one_name_of_two_units_is_told_and_the_code_decides(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    twin = make_use_unit(session, world.use_unit.name)
    session.commit()
    head = ["识别码", "品种", "地址", "所在地区", "使用单位"]
    lift = ["自动扶梯", "路", "临河区"]
    file = workbook(head, ["700001", *lift, world.use_unit.name], ["700002", *lift, twin.uscc])
    batch = checked(session, who, LIFTS, file)
    assert told(session, batch) == {2: "有 2 个同名的单位"} and batch.new_rows == 1


# --- dates


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("5-Jan-26", None), ("5 January 2026", None), ("Jan 5, 2026", None), ("05/01/2026", "dmy"),
        ("01/05/2026", "mdy"), ("5.1.26", "dmy"), ("46027.5", None), ("2026 - 1 - 5", None), ("5th Jan 2026", None),
    ],
)  # fmt: skip
def test_a_foreign_date(cell: str, order: str | None) -> None:
    assert parsing.day(cell, order) == dt.date(2026, 1, 5)


@pytest.mark.feature("IMP-01")
def test_dates_that_tell_by_themselves_and_one_that_does_not() -> None:
    assert parsing.day("25/12/2020") == dt.date(2020, 12, 25) == parsing.day("12/25/2020")
    assert parsing.day("3/3/2020") == dt.date(2020, 3, 3)
    with pytest.raises(parsing.Bad, match="分不清"):
        parsing.day("01/05/2026")
    with pytest.raises(parsing.Bad, match="没有 25 月"):
        parsing.day("12/25/2020", "dmy")
    assert parsing.instant("05/01/2026 09:30", "dmy") == dt.datetime(2026, 1, 5, 1, 30, tzinfo=dt.UTC)


@pytest.mark.feature("IMP-01")
def test_the_column_tells_the_order_or_is_asked_about(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "制造日期", "投用日期"]
    file = workbook(
        head, ["700001", "自动扶梯", "路", "临河区", "05/01/2020", "05/02/2021"],
        ["700002", "自动扶梯", "路", "临河区", "25/12/2020", "06/02/2021"],
    )  # fmt: skip
    batch = checked(session, who, LIFTS, file)
    assert errors_of(session, batch) == {(2, "投用日期"), (3, "投用日期")}
    assert batch.mapping["orders"] == {"made_on": "dmy"}
    batch = ran(session, who, rematched(session, who, batch, {}, orders={"made_on": "dmy", "commissioned_on": "mdy"}))
    found = session.scalars(select(Elevator).where(Elevator.code.like("70000%")).order_by(Elevator.code)).all()
    assert [(e.made_on, e.commissioned_on) for e in found] == [
        (dt.date(2020, 1, 5), dt.date(2021, 5, 2)), (dt.date(2020, 12, 25), dt.date(2021, 6, 2)),
    ]  # fmt: skip


# --- modes


@pytest.mark.feature("IMP-01")
def test_modes_tell_row_by_row_what_they_do_not_take(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "楼盘"]
    rows = [head, ["700001", "自动扶梯", "路", "临河区", "甲"], [world.own.code, None, None, None, "乙"]]
    new = checked(session, who, LIFTS, workbook(*rows), mode="new")
    assert states(session, new) == {2: "new", 3: "bad"} and told(session, new) == {3: "已存在"}
    update = checked(session, who, LIFTS, workbook(*rows), mode="update")
    assert states(session, update) == {2: "bad", 3: "changed"} and "不能更新" in told(session, update)[2]
    both = checked(session, who, LIFTS, workbook(*rows))
    assert (both.new_rows, both.changed_rows, both.bad_rows) == (1, 1, 0)
    with pytest.raises(Refusal):
        checked(session, who, LIFTS, workbook(*rows), mode="all")


@pytest.mark.feature("IMP-01")
def test_what_came_into_being_after_the_check_is_told_in_new_mode(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    rows = [["识别码", "品种", "地址", "所在地区"], ["700001", "自动扶梯", "路", "临河区"]]
    waiting = checked(session, who, LIFTS, workbook(*rows), mode="new")
    assert imported(session, who, LIFTS, workbook(*rows)).done_rows == 1
    done = ran(session, who, waiting)
    assert (done.done_rows, done.bad_rows, told(session, done)) == (0, 1, {2: "校验之后已存在"})


@pytest.mark.feature("IMP-01")
def test_repeated_rows_count_once_and_contradictions_not_at_all(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区"]
    one, two = ["700001", "自动扶梯", "路 1 号", "临河区"], ["700002", "自动扶梯", "路 2 号", "临河区"]
    file = workbook(head, one, one, two, ["700002 ", "自动扶梯", "路 3 号", "临河区"])
    batch = checked(session, who, LIFTS, file)
    assert states(session, batch) == {2: "new", 3: "same", 4: "bad", 5: "bad"}
    assert "完全相同" in told(session, batch)[3]
    assert batch.rows == batch.new_rows + batch.changed_rows + batch.same_rows + batch.bad_rows


# --- persons


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("PER-05")
def test_persons_come_in_and_are_changed_by_certificate(session: Any, world: Any) -> None:
    from app.models import Person

    who = world.actor("clerk")
    head = ["姓名", "手机", "工种", "证书编号", "有效期至"]
    file = workbook(
        head, ["程一川", "13900000001", "电梯修理", "T980001", "2029-1-1"], ["坏号码", "123", "", "T980002", ""],
        [world.worker.name, None, "电梯修理", world.worker.certificate_no, None],
    )  # fmt: skip
    batch = imported(session, who, "persons", file)
    assert (batch.done_rows, batch.bad_rows) == (2, 1) and errors_of(session, batch) == {(3, "手机")}
    made = session.scalars(select(Person).where(Person.certificate_no == "T980001")).one()
    assert (made.unit_id, made.certificate_until) == (world.firm.id, dt.date(2029, 1, 1))
    session.refresh(world.worker)
    assert (world.worker.work_kind, world.worker.phone is None) == ("电梯修理", False)
    with pytest.raises(Refusal), scope.acting(world.actor("region_admin")), transaction(session):
        batches.open_batch(session, world.actor("region_admin"), AT, "persons", workbook(head), "x.xlsx")


@pytest.mark.feature("IMP-01")
def test_a_set_that_holds_one_refused_row_lets_the_others_in(session: Any, world: Any, monkeypatch: Any) -> None:
    """A row that the check let pass and the rules refuse at the last moment is told; its neighbours go in."""
    who = world.actor("clerk")
    head = ["识别码", "品种", "地址", "所在地区", "使用单位"]
    rows = [[f"70000{n}", "自动扶梯", "路", "临河区", world.use_unit.name] for n in range(3)]
    batch = checked(session, who, LIFTS, workbook(head, *rows))
    row = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.number == 3)).one()
    row.data = row.data | {"maintenance_unit_id": world.other_firm.id, "use_unit_id": world.other_use_unit.id}
    session.commit()
    done = ran(session, who, batch)
    assert (done.done_rows, done.bad_rows) == (2, 1) and "都不是本单位" in told(session, done)[3]
    assert session.scalars(select(Version).where(Version.state == "draft")).all()


def test_a_region_that_holds_the_word_is_offered_first() -> None:
    options = [{"value": n, "label": label} for n, label in enumerate(["甲区", "甲区河湾街道", "乙区", "乙区明水街道"])]
    first = [[o["value"] for o in words.likeliest_first(options, w)] for w in ("明水街道", "乙", "火星", "")]
    assert first == [[3, 0, 1, 2], [2, 3, 0, 1], [0, 1, 2, 3], [0, 1, 2, 3]]


@pytest.mark.feature("PER-05")
def test_days_of_a_certificate_that_cannot_be_are_told_by_row(session: Any, world: Any) -> None:
    world.worker.certificate_issued_on = dt.date(2024, 1, 1)
    session.commit()
    file = workbook(
        ["姓名", "证书编号", "发证日期", "有效期至"],
        ["程一川", "T980001", "2026-1-1", "2026-1-1"], ["程二川", "T980002", "2025-1-1", "2029-1-1"],
        [world.worker.name, world.worker.certificate_no, None, "2023-12-31"], ["程三川", "T980003", "2199-1-1", None],
    )  # fmt: skip
    batch = imported(session, world.actor("clerk"), "persons", file)
    assert (batch.done_rows, batch.bad_rows) == (1, 3)
    assert errors_of(session, batch) == {(2, "证书有效期至"), (4, "证书有效期至"), (5, "证书发证日期")}


@pytest.mark.feature("IMP-02")
def test_columns_of_our_own_lists_that_are_no_field_are_not_guessed_to_be_one(app: Any) -> None:
    found = columns(LIFTS, ["识别码", "信息状态", "审核状态"], ["300001", "正常使用", "通过"])
    assert found["识别码"][0] == "code" and found["信息状态"] == found["审核状态"] == ("", "")
    known = lambda spec, cells: 1.0 if spec.kind == "unit" else 0.0  # noqa: E731
    found = columns("invitations", ["手机", "邀请单位"], ["13900000001", "某某公司"], known=known)
    assert found["手机"][0] == "phone" and found["邀请单位"] == ("", "")
    assert columns("invitations", ["送往单位"], ["某某公司"], known=known)["送往单位"][0] == "unit_id"
