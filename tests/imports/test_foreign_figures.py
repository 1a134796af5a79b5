"""Figures and days as other languages write them: 1.000,5 kg and 5. März 2020. What is read by a column says so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.imports import figures, matching, parsing
from app.imports.columns import kinds
from app.imports.synonyms import meaning
from app.models import Elevator
from tests.imports.ground import checked, errors_of, ran, states, told, workbook
from tests.pages import flat

pytestmark = pytest.mark.feature("IMP-01")
HEAD = ["识别码", "品种", "地址", "所在地区"]
LIFT = ["自动扶梯", "澜江路 1 号", "临河区"]


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ("1,0", "comma"), ("0,63 m/s", "comma"), ("1.000,5", "comma"), ("1.000.000", "comma"), ("0,630", "comma"),
        ("１，５", "comma"), ("-3,7", "comma"), ("1.75", "point"), ("0.630", "point"), ("1,000.5 kg", "point"),
        ("1,000,000", "point"), (".5", "point"), ("1.000", "dotted"), ("1.000 kg", "dotted"), ("1,000", "grouped"),
        ("630", None), ("", None), (1.5, None), (None, None), ("约 1,5", None), ("1,,5", None), ("a.b", None),
    ],
)  # fmt: skip
def test_how_a_figure_is_written(cell: Any, shape: str | None) -> None:
    assert figures.shape(cell) == shape


@pytest.mark.parametrize(
    ("loads", "speeds", "by_comma"),
    [
        (["1.000", "630"], ["1,0", "0,63"], ["rated_load", "rated_speed"]),
        (["1.000"], ["1.75"], []),
        (["1.000"], [1.5], []),
        (["1,000", "630"], ["1，5", "2"], ["rated_speed"]),
        (["1,000", "1,5"], ["1.75"], []),
        (["1.000,5", "1.000.000"], ["1.75", "1,5"], ["rated_load"]),
    ],
)
def test_which_columns_are_written_with_commas(loads: list[Any], speeds: list[Any], by_comma: list[str]) -> None:
    """A thousand with a comma is never taken for one; what contradicts itself is left as it was."""
    told = figures.Written()
    for name, cells in (("rated_load", loads), ("rated_speed", speeds)):
        for cell in cells:
            told.note(name, cell)
    assert told.with_comma() == by_comma


def test_a_cell_that_is_plainly_by_comma_is_read_so_in_a_file_that_has_them() -> None:
    told = figures.Written()
    for name, cell in (("rated_load", "1.000,5"), ("rated_speed", "1,0"), ("rated_speed", "1.6"), ("made", "1.000")):
        told.note(name, cell)
    assert told.reads_comma("rated_speed", "1,0") and not told.reads_comma("rated_speed", "1.6")
    assert not told.reads_comma("rated_speed", "1.000") and told.reads_comma("rated_load", "1.000")
    plain = figures.Written()
    plain.note("rated_speed", "1.6")
    assert not plain.reads_comma("rated_speed", "1,0"), "a slip is asked about"


def test_a_register_with_decimal_commas_comes_in_and_the_page_says_how(
    session: Any, world: Any, sign_in: Any
) -> None:
    """1.000 kg came in as 1 kg, and no speed could come in at all."""
    head = [*HEAD, "额定载重量", "额定速度"]
    rows = [("700001", "1.000", "1,0 m/s"), ("700002", 630, "0,63"), ("700003", "1.275 kg", 1.75)]
    who = world.actor("clerk")
    batch = checked(session, who, "elevators", workbook(head, *([c, *LIFT, load, v] for c, load, v in rows)))
    assert told(session, batch) == {} and batch.mapping["commas"] == ["rated_load", "rated_speed"]
    ran(session, who, batch)
    columns = (Elevator.code, Elevator.rated_load, Elevator.rated_speed)
    found = session.execute(select(*columns).where(Elevator.code.like("70000%"))).all()
    assert {(code, float(load), float(speed)) for code, load, speed in found} == {
        ("700001", 1000, 1), ("700002", 630, 0.63), ("700003", 1275, 1.75),
    }  # fmt: skip
    other = checked(session, who, "elevators", workbook(head, ["700009", *LIFT, "1.000", "1,0"]))
    key = other.id
    session.rollback()
    assert flat(sign_in(world.accounts["clerk"]).get(f"/imports/{key}").text).count("逗号读作小数点") == 2


def test_a_thousand_with_a_comma_stays_one_beside_a_slip(session: Any, world: Any) -> None:
    head = [*HEAD, "额定载重量", "额定速度"]
    who = world.actor("clerk")
    file = workbook(head, ["700001", *LIFT, "1,000", "1，5"], ["700002", *LIFT, "1,600", 2])
    batch = checked(session, who, "elevators", file)
    assert states(session, batch) == {2: "new", 3: "new"}
    ran(session, who, batch)
    loads = session.scalars(select(Elevator.rated_load).where(Elevator.code.like("70000%")).order_by(Elevator.code))
    assert list(map(float, loads)) == [1000, 1600]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("13. März 2010", (2010, 3, 13)), ("3. Okt. 2011", (2011, 10, 3)), ("12 Dezember 98", (1998, 12, 12)),
        ("3 Mrz 20", (2020, 3, 3)), ("13 de marzo de 2010", (2010, 3, 13)), ("1º de enero de 2020", (2020, 1, 1)),
        ("15 de diciembre del 2015", (2015, 12, 15)), ("7 setiembre 2015", (2015, 9, 7)), ("1 ago. 15", (2015, 8, 1)),
        ("1er février 2019", (2019, 2, 1)), ("1 août 2019", (2019, 8, 1)), ("12 juin 2020", (2020, 6, 12)),
        ("12 juillet 2020", (2020, 7, 12)), ("5october 2020", (2020, 10, 5)), ("3rd March 2020", (2020, 3, 3)),
    ],
)  # fmt: skip
def test_months_of_other_languages(cell: str, day: tuple[int, int, int]) -> None:
    assert parsing.day(cell) == dt.date(*day)


@pytest.mark.parametrize(
    ("cell", "found"),
    [("2010-6", "只有年月"), ("2014年4月", "只有年月"), ("2010/06", "只有年月"), ("2010.13", "不是日期")],
)
def test_a_month_alone_is_no_day_and_says_what_it_lacks(cell: str, found: str) -> None:
    with pytest.raises(parsing.Bad, match=found):
        parsing.day(cell)


@pytest.mark.parametrize(
    ("headings", "fields"),
    [
        (
            ["Anlagen-Nr.", "Anlagenart", "Straße", "Hausnummer", "Bezirk", "Inbetriebnahme", "Letzte Prüfung",
             "Nächste Prüfung", "Status", "Nennlast [kg]", "Nenngeschwindigkeit", "Haltestellen", "Hersteller",
             "Wartungsfirma", "Betreiber", "Baujahr", "Bemerkung"],
            ["code", "category", "address", "address", "region_id", "commissioned_on", "inspected_on",
             "next_inspection_on", "declared_status", "rated_load", "rated_speed", "stops", "manufacturer",
             "maintenance_unit_id", "use_unit_id", None, "note"],
        ),
        (
            ["N.º de registro", "Tipo de aparato", "Calle", "Número", "Distrito", "Fecha de puesta en servicio",
             "Última inspección", "Próxima inspección", "Estado", "Carga nominal (kg)", "Velocidad (m/s)", "Paradas",
             "Fabricante", "Empresa conservadora", "Titular", "Observaciones"],
            ["code", "category", "address", "address", "region_id", "commissioned_on", "inspected_on",
             "next_inspection_on", "declared_status", "rated_load", "rated_speed", "stops", "manufacturer",
             "maintenance_unit_id", "use_unit_id", "note"],
        ),
        (
            ["电梯编号(救援码)", "电梯种类", "安装地址", "行政区域", "投入使用时间", "最近一次检验", "状况"],
            ["code", "category", "address", "region_id", "commissioned_on", "inspected_on", "declared_status"],
        ),
    ],
)  # fmt: skip
def test_headings_of_other_registers(app: Any, headings: list[str], fields: list[str | None]) -> None:
    assert matching.guess(kinds()["elevators"], headings, []).columns == fields


@pytest.mark.parametrize(
    ("field", "word", "value"),
    [
        ("declared_status", "außer Betrieb", "suspended"), ("declared_status", "stillgelegt", "scrapped"),
        ("declared_status", "En servicio", "in_use"), ("declared_status", "正在使用", "in_use"),
        ("category", "Kleingüteraufzug", "3430"), ("category", "Escalera mecánica", "3310"),
    ],
)  # fmt: skip
def test_words_of_other_registers(app: Any, field: str, word: str, value: str) -> None:
    spec = kinds()["elevators"].spec(field)
    assert spec is not None and meaning(field, word, spec.choices or {}) == value


@pytest.mark.parametrize("wrong", ["#N/A", "#CALC!"])
def test_a_failed_cell_among_several_of_one_field_is_told(session: Any, world: Any, wrong: str) -> None:
    """House number and street: #N/A came in as a part of the address."""
    head = ["识别码", "品种", "道路", "门牌号", "所在地区"]
    file = workbook(head, ["700001", LIFT[0], "澜江路", wrong, LIFT[2]], ["700002", LIFT[0], "澜江路", "8 号", LIFT[2]])
    batch = checked(session, world.actor("clerk"), "elevators", file)
    assert states(session, batch) == {2: "bad", 3: "new"} and errors_of(session, batch) == {(2, "地址")}
