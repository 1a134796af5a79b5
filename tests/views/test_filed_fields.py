"""Every filed field can be entered, picked, found and taken along (ELV-01, STA-01, IMP-02, UNT-02, PER-03)."""

from __future__ import annotations

import csv as csv_reader
import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.imports.columns import kinds
from app.listing import Listing, moment
from app.listings.elevators import ELEVATORS
from app.listings.ledgers import LEDGERS
from app.listings.maintenance import OVERDUE, TASKS
from app.listings.people import PEOPLE
from app.listings.units import UNITS
from app.lookups import find, text_of
from app.models import Elevator, OverduePeriod, Unit, Version
from app.models.choices import OF_CATEGORY
from app.models.elevator import ARCHIVE
from app.rules.lifecycle import CAUSE_FIELDS, ChangeCause
from app.views.frame import filed, policy_words
from app.workflows.approval.filing_fields import clean_field, fields_of
from app.workflows.filing import filing_checks
from app.workflows.people import person_versions
from tests.conftest import csrf
from tests.factories import World, make_clock, make_elevator, make_ledger, make_person, make_use_unit
from tests.imports.ground import checked, ran, told
from tests.pages import flat
from tests.statements import statements
from tests.workflows.filing_world import TODAY, decide, fresh, save, submit

# Filed as a number of a row elsewhere, shown as what that row is called.
BY_NAME = {"region_id": "region", "use_unit_id": "use_unit", "maintenance_unit_id": "maintenance_unit"}
# What ELV-01 asks for besides, one value each that every check lets pass.
ARCHIVED = {
    "site_no": "3 号梯", "register_no": "DJB-0007", "job_no": "G2300071",
    "service_no": "FW00123", "retrofitter": "澜州改造公司", "dealer": "澜州电梯销售公司",
    "branch": "临河分公司", "controller": "NICE3000", "control_mode": "并联", "drive_mode": "液压驱动", "cylinders": 2,
    "jacking": "间接作用式", "rise": 5.5, "inclination": 30.0, "nominal_width": 1000, "nominal_speed": 0.5,
    "machine_power": 7.5, "run_length": 12.25, "insurer": "澜州财产保险公司", "policy_no": "PDAA202633010000000001",
}  # fmt: skip


@pytest.mark.feature("STA-01", "IMP-02")
@pytest.mark.parametrize(
    ("listing", "kind", "fields"),
    [
        (ELEVATORS, "elevators", fields_of(Elevator)), (UNITS, "units", fields_of(Unit)),
        (PEOPLE, "persons", person_versions.FIELDS),
    ],
)  # fmt: skip
def test_every_filed_field_is_a_column_that_comes_back(listing: Listing, kind: str, fields: tuple[str, ...]) -> None:
    missing = [name for name in fields if listing.column(BY_NAME.get(name, name)) is None]
    assert not missing, missing
    headings = {str(c.label) for c in listing.columns}
    not_read = [spec.label for spec in kinds()[kind].columns if spec.label not in headings]
    assert not not_read, f"an import asks for columns that the list cannot give: {not_read}"
    for name in fields:
        shown = listing.column(BY_NAME.get(name, name))
        assert shown is not None and shown.sensitive == listing.model.__table__.c[name].info.get("sensitive")


@pytest.mark.feature("ELV-01")
def test_every_filed_field_is_in_the_form_and_stands_in_one_section() -> None:
    for model in (Elevator, Unit):
        names = [name for _title, members in filed.SECTIONS[model] for name in members]
        assert sorted(names) == sorted(fields_of(model))
    late = {c.key for c in Elevator.__mapper__.column_attrs if c.group == ARCHIVE}
    assert late | {"site_no"} == set(ARCHIVED)


@pytest.mark.feature("ELV-02")
def test_what_lists_seldom_show_is_read_where_it_is_chosen_and_in_one_statement(world: World) -> None:
    made = [
        make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, insurer=f"保险{n}", rise=n)
        for n in range(4)
    ]
    codes = [row.code for row in made]
    world.session.commit()
    now = moment(world.session, world.actor("region_admin"))

    def shown(**args: str) -> tuple[list[str], list[Any]]:
        world.session.expunge_all()
        with statements() as seen:
            query = ELEVATORS.read(args)
            rows = ELEVATORS.page(now, query).rows
            columns = [c for name in query.columns if (c := ELEVATORS.column(name)) is not None]
            found = [tuple(c.value(row) for c in columns) for row in rows]
        return list(seen), found

    plain, _rows = shown()
    assert not [one for one in plain if "insurer" in one or "run_length" in one]
    chosen, rows = shown(cols="code,insurer,rise,opinion")
    assert len(chosen) == len(plain) + 2, "one for what was chosen, one for the opinions"
    assert {(code, f"保险{n}", float(n), None) for n, code in enumerate(codes)} < set(rows)
    query = ELEVATORS.read({"cols": "code,insurer,opinion"})
    columns = [c for name in query.columns if (c := ELEVATORS.column(name)) is not None]
    world.session.expunge_all()
    with statements() as seen:
        exported = [tuple(row) for block in ELEVATORS.blocks(now, query, columns, chunk=100) for row in block]
    assert len(seen) == 4 and (codes[3], "保险3", None) in exported


@pytest.mark.feature("POL-01")
def test_a_page_of_a_filing_names_the_regions_of_its_policies(app: Any, world: World) -> None:
    """Names by number and names by code are kept apart: the page of an elevator told 330100000000 for a city."""
    with app.test_request_context():
        elevator = db.session.scalar(select(Elevator).execution_options(skip_scope=True))
        filed.words(Elevator, {"region_id": elevator.region_id})
        names = policy_words.region_names()
        assert elevator.region_code in names and not [key for key in names if not isinstance(key, str)]
        assert filed.words(Elevator, {"region_id": elevator.region_id})["region_id"] == names[elevator.region_code]


@pytest.mark.feature("ELV-01", "ELV-10", "IMP-02")
def test_all_of_the_archive_goes_by_workbook_from_file_to_force_and_back(app: Any, session: Any, world: World) -> None:
    head, officer, key = world.actor("maintenance_head"), world.actor("inspector"), world.own.id
    labels = {name: Elevator.__table__.c[name].info["label"] for name in ARCHIVED}
    lines = [",".join(["识别码", *map(str, labels.values())]), ",".join([world.own.code, *map(str, ARCHIVED.values())])]
    batch = checked(session, head, "elevators", io.BytesIO("\n".join(lines).encode()), "表.csv", mode="update")
    assert batch.changed_rows == 1 and not told(session, batch)
    ran(session, head, batch)
    row = fresh(session).get(Elevator, key)
    assert row.insurer is None, "a draft changes nothing in force"
    decide(session, officer, submit(session, head, row), "approve")
    row = fresh(session).get(Elevator, key)
    assert {name: getattr(row, name) for name in ARCHIVED} == ARCHIVED
    version = session.scalars(select(Version).where(Version.entity_id == row.id).order_by(Version.id.desc())).first()
    with app.test_request_context():
        changed, _same = filed.comparison(Elevator, {}, version.data)
    said = {line.label: line.new for line in changed}
    assert (said["倾斜角"], said["名义宽度"], said["提升高度"]) == ("30 °", "1000 mm", "5.5 m")
    batch = checked(session, head, "elevators", io.BytesIO("\n".join(lines).encode()), "表.csv", mode="update")
    assert (batch.changed_rows, batch.same_rows) == (0, 1)


@pytest.mark.feature("ELV-01")
@pytest.mark.parametrize(
    ("name", "given", "fits"),
    [
        ("inclination", "35", True), ("inclination", "35.1", False), ("inclination", "-1", False),
        ("nominal_width", "1.0", False), ("nominal_width", "1000.5", False), ("cylinders", "0", False),
        ("rise", "200", True), ("rise", "12000", False), ("nominal_speed", "30", False), ("machine_power", "一", False),
        ("policy_no", "长" * 61, False), ("insurer", "长" * 120, True),
    ],
)
def test_a_figure_of_another_unit_of_measure_is_told(name: str, given: str, fits: bool) -> None:
    value, found = clean_field(Elevator, name, given)
    assert (not found) is fits and (value is not None) is fits


@pytest.mark.feature("ELV-01")
def test_the_form_asks_for_what_a_category_has(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get("/elevators/new").text
    assert 'data-when="i-category=3310|3320"' in page and 'data-when="i-category=3210|3220|3410"' in page
    assert set(OF_CATEGORY) < set(ARCHIVED)
    fresh(session).get(Elevator, world.own.id).rise = 5.5
    session.commit()
    page = client.get(f"/elevators/{world.own.id}/edit").text
    assert 'data-when="i-category=3310|3320"' not in page, "what holds something is not hidden, whatever the category"
    assert "提升高度" in client.get(f"/elevators/{world.own.id}").text
    assert "油缸数量" not in client.get(f"/elevators/{world.own.id}").text


@pytest.mark.feature("LIF-06", "ELV-01")
def test_a_retrofit_names_its_firm_and_asks_for_what_the_kind_has(session: Any, world: World, sign_in: Any) -> None:
    assert CAUSE_FIELDS[ChangeCause.RETROFIT][0] == "retrofitter"
    door = f"/elevators/{world.own.id}/apply/registration_change?cause=retrofit"
    client = sign_in(world.accounts["use_head"])
    page = client.get(door).text
    assert "改造单位" in page and "控制方式" in page and "提升高度" not in page and "油缸数量" not in page
    fresh(session).get(Elevator, world.own.id).category = "3310"
    session.commit()
    page = client.get(door).text
    assert "提升高度" in page and "油缸数量" not in page


@pytest.mark.feature("ELV-02")
def test_elevators_by_their_numbers_and_the_day_of_their_registration(session: Any, world: World) -> None:
    day = dt.date(2026, 3, 1)
    lift = make_elevator(
        session, maintenance_unit=world.firm, use_unit=world.use_unit, approved_on=day, rescue_code="N006109",
        certificate_no="梯11浙E00012(26)", internal_no="A-07",
    )  # fmt: skip
    session.commit()
    now = moment(session, world.actor("region_admin"))

    def found(**args: str) -> bool:
        return lift.id in ELEVATORS.page(now, ELEVATORS.read({f"f_{name}": value for name, value in args.items()})).keys

    assert found(registered_from="2026-03-01", registered_to="2026-03-01")
    assert not found(registered_from="2026-03-02") and not found(registered_to="2026-02-28")
    assert found(rescue_code="6109") and not found(rescue_code="6108")
    assert found(certificate_no="00012(26") and not found(certificate_no="%")
    assert found(internal_no="a-07") and not found(internal_no="A_07")


@pytest.mark.feature("ELV-06")
def test_ledgers_by_units_state_and_kind(session: Any, world: World) -> None:
    other = make_use_unit(session)
    lifts = {
        name: make_elevator(session, maintenance_unit=world.firm, use_unit=other, **fields)
        for name, fields in {
            "normal": {}, "paused": {"category": "3310"}, "stopped": {"status": "suspended"},
            "notified": {"status": "notified"},
        }.items()
    }  # fmt: skip
    for name, lift in lifts.items():
        make_ledger(session, lift, world.worker)
        if name != "notified":
            make_clock(session, lift, TODAY, paused_on=TODAY if name == "paused" else None)
    session.commit()
    actor = world.actor("maintenance_head")
    now = moment(session, actor)

    def found(**args: str) -> set[str]:
        with scope.acting(actor):
            rows = LEDGERS.page(now, LEDGERS.read({f"f_{name}": value for name, value in args.items()})).rows
        return {name for name, lift in lifts.items() if lift.id in {row.id for row in rows}}

    assert found() == found(use_unit=str(other.id)) == found(unit=str(world.firm.id)) == set(lifts)
    assert found(use_unit=str(world.use_unit.id)) == set()
    assert found(status="suspended") == {"stopped"} and found(category="3310") == {"paused"}
    shown = LEDGERS.column("standing")
    assert shown is not None
    for state in ("normal", "paused", "stopped"):
        assert found(standing=state) == {state} and shown.value(lifts[state]) == state
    assert found(standing="normal,paused") == {"normal", "paused"} and shown.value(lifts["notified"]) is None


@pytest.mark.feature("PLN-09", "PLN-10")
def test_tasks_and_missed_periods_of_a_use_unit(session: Any, world: World) -> None:
    other = make_use_unit(session)
    lift = make_elevator(session, maintenance_unit=world.firm, use_unit=other)
    make_clock(session, lift, TODAY)
    make_clock(session, world.own, TODAY)
    for row in (lift, world.own):
        session.add(OverduePeriod(
            elevator_id=row.id, unit_id=world.firm.id, region_code=row.region_code, anchor_on=dt.date(2026, 10, 1),
            limit_on=dt.date(2026, 10, 16), interval_days=15, judged_at=clock.now(),
        ))  # fmt: skip
    session.commit()
    now = moment(session, world.actor("region_admin"))
    for listing in (TASKS, OVERDUE):
        rows = listing.page(now, listing.read({"f_use_unit": str(other.id)})).rows
        assert {row.elevator_id for row in rows} == {lift.id}, listing.name
        assert len(listing.page(now, listing.read({})).rows) == 2


@pytest.mark.feature("PER-04")
def test_whoever_left_is_found_by_a_filter_and_given_no_new_work(session: Any, world: World, sign_in: Any) -> None:
    gone = make_person(session, world.firm, "离职的人", certificate_no="T9001", left_on=dt.date(2026, 1, 1))
    here = make_person(session, world.firm, "在职的人", certificate_no=None)
    session.commit()
    actor = world.actor("maintenance_head")
    with scope.acting(actor):
        ever = {one["id"]: one["hint"] for one in find(session, actor, "persons_ever", "的人")}
        now_ = {one["id"] for one in find(session, actor, "persons", "的人")}
        assert text_of(session, "persons_ever", gone.id) == "离职的人"
    assert ever == {gone.id: "T9001、已离职", here.id: ""} and now_ == {here.id}
    stranger = world.actor("other_inspector")
    with scope.acting(stranger):
        assert find(session, stranger, "persons_ever", "的人") == []
    page = sign_in(world.accounts["maintenance_head"]).get("/visits/").text
    assert 'data-lookup="persons_ever"' in page and 'data-lookup="persons"' not in page


@pytest.mark.feature("PER-03")
def test_people_by_the_state_of_their_information(session: Any, world: World) -> None:
    changed = make_person(session, world.firm, "更改中", info_state="changed")
    session.commit()
    now = moment(session, world.actor("maintenance_head"))
    asked = PEOPLE.read({"f_info_state": "changed", "cols": "name,info_state"})
    assert [row.id for row in PEOPLE.page(now, asked).rows] == [changed.id]


@pytest.mark.feature("UNT-02")
def test_a_business_without_an_end(session: Any, world: World) -> None:
    data = {"business_forever": True, "business_until": None, "is_use": True}

    def told_of(**more: Any) -> list[Any]:
        found = filing_checks.validate_unit(session, data | more, on=TODAY)
        return [f for f in found if f.rule == "营业期限"]

    assert [f.ok for f in told_of()] == [True] and told_of(business_forever=False) == []
    [both] = told_of(business_until="2030-01-01")
    assert both.stops and both.field == "business_until" and "2030-01-01" in both.found


@pytest.mark.feature("CMP-01", "ELV-01")
@pytest.mark.parametrize(
    ("insurer", "until", "said"),
    [
        ("澜州财产保险公司", None, ["澜州财产保险公司"]), (None, None, []),
        ("澜州财产保险公司", dt.date(2098, 1, 1), ["澜州财产保险公司", "至 2098-01-01"]),
        ("澜州财产保险公司", dt.date(2020, 1, 1), ["澜州财产保险公司", "已到期"]),
    ],
)  # fmt: skip
def test_the_public_page_names_the_insurer(
    session: Any, world: World, client: Any, insurer: str | None, until: dt.date | None, said: list[str]
) -> None:
    world.own.insurer, world.own.policy_no, world.own.insured_until = insurer, "PD-SECRET", until
    session.commit()
    page = client.get(f"/m/p/{world.own.public_token}")
    text = flat(page.text)
    assert page.status_code == 200 and ("<dt>保险</dt>" in page.text) is bool(said) and "PD-SECRET" not in text
    assert all(word in text for word in said)


@pytest.mark.feature("REP-01", "ELV-01")
def test_a_repair_names_the_number_on_site(session: Any, world: World, sign_in: Any) -> None:
    assert world.own.number_on_site is None
    world.own.internal_no = "7-1"
    assert world.own.number_on_site == "7-1"
    world.own.site_no = "东侧客梯"
    session.commit()
    page = sign_in(world.accounts["clerk"]).get(f"/repairs/new?elevator_id={world.own.id}").text
    assert "现场梯号" in page and "东侧客梯" in page


# --- 导出所选


def chosen(browser: Any, name: str, ids: list[Any], **form: str) -> Any:
    data = {"csrf_token": csrf(browser, "/password/"), "format": "csv", "ids": [str(key) for key in ids]} | form
    return browser.post(f"/exports/{name}", data=data)


def lines_of(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.text[:400]
    return list(csv_reader.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def some(world: World) -> list[Elevator]:
    made = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in range(5)]
    world.session.commit()
    return made


@pytest.mark.feature("STA-01", "RPR-01")
def test_ticked_rows_alone_are_exported_and_the_trace_says_so(world: World, some: list[Any], sign_in: Any) -> None:
    from app.models import AuditEntry, ExportRecord

    browser = sign_in(world.accounts["maintenance_head"])
    wanted = [some[3].id, some[1].id, some[3].id]
    answer = chosen(browser, "elevators", wanted, query="f_status=in_use&sort=code", cols="code")
    assert lines_of(answer) == [["识别码"], [some[1].code], [some[3].code]]
    world.session.rollback()
    record = world.session.scalars(select(ExportRecord).execution_options(skip_scope=True)).one()
    assert record.rows == 2 and record.query == f"f_status=in_use&sort=code&ids={some[3].id},{some[1].id}"
    assert "选定的行：2 行" in str(record.filter)
    entry = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "export.make")).one()
    assert "选定的行：2 行" in str(entry.after["filter"])
    # The file is proved like any other: the same rows again, and no others.
    proof = browser.post(
        "/export-proof/",
        data={"csrf_token": csrf(browser, "/export-proof/"), "file": (io.BytesIO(answer.data), "电梯.csv")},
        content_type="multipart/form-data",
    )
    assert proof.status_code == 200 and "一致" in proof.text


@pytest.mark.feature("STA-01")
@pytest.mark.parametrize("what", ["foreign", "words", "gone", "nothing but a comma"])
def test_a_selection_is_never_widened_nor_quietly_shortened(
    world: World, some: list[Any], sign_in: Any, what: str
) -> None:
    ids = {
        "foreign": [some[0].id, world.foreign.id], "words": ["x' OR 1=1"], "gone": [some[0].id, 10**17],
        "nothing but a comma": [","],
    }[what]  # fmt: skip
    answer = chosen(sign_in(world.accounts["maintenance_head"]), "elevators", ids, cols="code")
    assert answer.status_code == 422 and "已不在这个列表里" in answer.text
    assert world.foreign.code not in answer.text


@pytest.mark.feature("STA-01")
def test_the_address_of_a_selection_is_a_filter_like_any_other(world: World, some: list[Any], sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    page = browser.get(f"/elevators/?ids={some[0].id},{some[2].id}&tab=every")
    text = flat(page.text)
    assert some[0].code in text and some[2].code in text and some[1].code not in text and "2 行" in text
    assert some[1].code in browser.get("/elevators/").text
    bad = flat(browser.get("/elevators/?ids=abc").text)
    assert "请回到列表重新选择" in bad and some[0].code not in bad
    assert some[0].code not in browser.get("/elevators/?ids=" + ",".join(map(str, range(10**6, 10**6 + 600)))).text


@pytest.mark.feature("STA-01")
def test_rows_can_be_ticked_where_there_is_only_the_export(session: Any, world: World, sign_in: Any) -> None:
    make_clock(session, world.own, TODAY)
    session.commit()
    page = sign_in(world.accounts["maintenance_head"]).get("/tasks/").text
    assert 'formaction="/exports/tasks"' in page and f'name="ids" value="{world.own.id}"' in page
    answer = chosen(sign_in(world.accounts["maintenance_head"]), "tasks", [world.own.id], cols="code")
    assert lines_of(answer) == [["识别码"], [world.own.code]]


@pytest.mark.feature("STA-01")
def test_every_exportable_list_has_keys_that_a_selection_can_name(app: Any) -> None:
    from app.views.frame.base import Screen

    views = [v for v in app.appbuilder.baseviews if isinstance(v, Screen) and v.exportable]
    odd = [v.listing.name for v in views if v.listing.key.type.python_type is not int]
    assert len(views) > 30 and not odd


@pytest.mark.feature("ASO-01", "STA-01")
def test_ticked_rows_of_the_past(session: Any, world: World, some: list[Any], sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    answer = chosen(browser, "elevators", [some[0].id], query="as_of=2026-01-01", cols="code,insurer,rise,made_on")
    assert lines_of(answer)[1:] == [[some[0].code, "", "", ""]]


def test_saving_the_form_keeps_what_it_does_not_ask_for(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, world.own, {"insurer": "澜州财产保险公司"})
    row = save(session, head, Elevator, fresh(session).get(Elevator, row.id), {"dealer": "某经销商"})
    version = session.scalars(select(Version).where(Version.entity_id == row.id).order_by(Version.id.desc())).first()
    assert (version.data["insurer"], version.data["dealer"]) == ("澜州财产保险公司", "某经销商")
