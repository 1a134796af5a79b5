"""SAF-01: named officers, the risk list, daily, weekly and monthly records, and the gaps that show."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest

from app import clock
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.listing import Moment
from app.listings.safety import SAFETY_UNITS
from app.models import Attachment, AuditEntry, ElevatorOfficer, Notification, RiskItem, SafetyRecord
from app.transaction import transaction
from app.workflows.on_site import safety
from tests.conftest import csrf
from tests.factories import World, make_elevator, make_use_unit, picture
from tests.statements import statements
from tests.workflows.clock_world import at, day

pytestmark = pytest.mark.feature("SAF-01")
TODAY = day("2026-03-18")  # a Wednesday
DAY = dt.timedelta(days=1)
RISK = {
    "place": "层门", "risk": "门锁啮合不足", "level": "larger", "measures": "每日检查，不足即停梯", "cycle": "daily",
    "responsible": "苏见山",
}  # fmt: skip


def name(
    world: World, persona: str = "use_head", officer: str = "safety_officer", on: dt.date = TODAY, **more: Any
) -> int:
    with transaction(world.session):
        return safety.name_officer(
            world.session, world.actor(persona), more.get("ids", [world.own.id]), world.accounts[officer].id, at(on)
        )


def record(
    world: World, kind: str, on: dt.date, now: dt.date = TODAY, persona: str = "safety_officer", **more: Any
) -> Any:
    given = {"findings": [], "nothing_found": True, "summary": "" if kind == "daily" else "逐台排查"} | more
    with transaction(world.session):
        return safety.record(
            world.session, world.actor(persona), kind, on, given.pop("findings"), at(now, 9), **given
        )


def test_an_officer_is_named_told_and_logged(world: World) -> None:
    assert name(world) == 1 and name(world) == 0
    held = world.session.get(ElevatorOfficer, world.own.id)
    assert held.account_id == world.accounts["safety_officer"].id
    assert world.session.query(AuditEntry).filter_by(action="safety.officer").count() == 1
    assert world.session.query(Notification).filter_by(topic="safety").one().recipient_id == held.account_id
    assert name(world, officer="use_head") == 1


@pytest.mark.parametrize(
    ("persona", "officer", "error"),
    [
        ("safety_officer", "safety_officer", NotAllowed), ("maintenance_head", "clerk", NotAllowed),
        ("use_head", "worker", Refusal), ("region_admin", "safety_officer", NotAllowed),
    ],
)  # fmt: skip
def test_who_names_whom(world: World, persona: str, officer: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        name(world, persona, officer)


def test_only_ones_own_elevators(world: World) -> None:
    with pytest.raises(NotFound):
        name(world, ids=[world.foreign.id])


def test_a_daily_record_needs_an_officer_and_a_clear_word(world: World) -> None:
    with pytest.raises(Refusal, match="没有指定您"):
        record(world, "daily", TODAY)
    name(world)
    with pytest.raises(Refusal, match="二选一"):
        record(world, "daily", TODAY, nothing_found=False)
    with pytest.raises(Refusal, match="二选一"):
        record(world, "daily", TODAY, findings=[{"found": "照明不亮"}])
    made = record(
        world, "daily", TODAY, nothing_found=False,
        findings=[{"elevator_id": world.own.id, "found": "照明不亮", "handled": "已换"}, {"found": " "}],
    )  # fmt: skip
    assert made.findings == [{"elevator_id": world.own.id, "found": "照明不亮", "handled": "已换"}]
    assert made.elevators == [world.own.id]
    with pytest.raises(Refusal, match="已经填写"):
        record(world, "daily", TODAY)


def test_a_foreign_elevator_in_a_finding_is_left_out(world: World) -> None:
    name(world)
    made = record(
        world, "daily", TODAY, findings=[{"elevator_id": world.foreign.id, "found": "x"}], nothing_found=False
    )
    assert made.findings[0]["elevator_id"] is None


@pytest.mark.parametrize(
    ("kind", "on", "first"),
    [("daily", TODAY, TODAY), ("weekly", TODAY, day("2026-03-16")), ("monthly", TODAY, day("2026-03-01"))],
)
def test_a_record_is_of_its_period(world: World, kind: str, on: dt.date, first: dt.date) -> None:
    name(world)
    assert record(world, kind, on).on == first
    with pytest.raises(Refusal, match="已经填写"):
        record(world, kind, first, persona="safety_officer" if kind == "daily" else "use_head")


def test_neither_ahead_nor_long_after(world: World) -> None:
    name(world)
    with pytest.raises(Refusal, match="还没有到"):
        record(world, "daily", TODAY + DAY)
    with pytest.raises(Refusal, match="补填"):
        record(world, "daily", TODAY - 8 * DAY)
    record(world, "daily", TODAY - 7 * DAY)
    record(world, "weekly", TODAY - 7 * DAY)
    with pytest.raises(Refusal, match="没有填写"):
        record(world, "weekly", TODAY, summary=" ")


def test_gaps_name_what_is_missing_and_close(world: World) -> None:
    second = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.session.commit()
    unit = world.use_unit.id
    assert safety.gaps(world.session, unit, TODAY).without_officer == 2
    name(world, on=day("2026-02-01"), ids=[world.own.id, second.id])
    found = safety.gaps(world.session, unit, TODAY)
    assert (found.without_officer, found.risks, len(found.daily), found.daily[0]) == (0, 0, 7, (TODAY - DAY, 2))
    assert (found.weekly, found.monthly) == (day("2026-03-09"), day("2026-02-01"))
    assert found.count == 10, "each day without its checks is one"
    for n in range(1, 8):
        record(world, "daily", TODAY - n * DAY)
    record(world, "weekly", day("2026-03-11"))
    world.session.add(
        SafetyRecord(
            unit_id=unit, region_code="980402000000", kind="monthly", on=day("2026-02-01"), nothing_found=True,
            summary="会议", made_by="x", made_at=at(TODAY),
        )
    )  # fmt: skip
    world.session.commit()
    with transaction(world.session):
        safety.save_risk(world.session, world.actor("use_head"), None, RISK, at(TODAY))
    assert safety.gaps(world.session, unit, TODAY).count == 0


def test_the_gaps_of_many_units_are_each_ones_own_and_no_more_statements(world: World) -> None:
    name(world, on=TODAY - 5 * DAY)
    record(world, "daily", TODAY - DAY)
    with transaction(world.session):
        safety.save_risk(world.session, world.actor("use_head"), None, RISK, at(TODAY))
    idle = make_use_unit(world.session)
    world.session.commit()
    units = [world.use_unit.id, world.other_use_unit.id, idle.id]
    with statements() as of_one:
        one_by_one = {unit: safety.gaps(world.session, unit, TODAY) for unit in units}
    with statements() as of_many:
        together = safety.gaps_of(world.session, units, TODAY)
    assert together == one_by_one and len(of_many) * len(units) == len(of_one)
    mine, theirs, none = (together[unit] for unit in units)
    assert (mine.elevators, mine.without_officer, mine.risks, len(mine.daily)) == (1, 0, 1, 4)
    assert (theirs.elevators, theirs.without_officer, theirs.risks, theirs.daily) == (1, 1, 0, [])
    assert none == safety.Gaps(0, 0, 0, [], None, None)


def test_an_officer_of_a_former_use_unit_is_none(world: World) -> None:
    """As the figures of the unit say it, so does the tab."""
    name(world)
    moment = Moment(world.session, world.actor("inspector"), TODAY, at(TODAY))

    def listed() -> set[int]:
        return {row.id for row in SAFETY_UNITS.rows(moment, SAFETY_UNITS.read({"tab": "officer"}))}

    assert world.use_unit.id not in listed()
    world.session.get(ElevatorOfficer, world.own.id).unit_id = world.other_use_unit.id
    world.session.commit()
    assert safety.gaps(world.session, world.use_unit.id, TODAY).without_officer == 1
    assert world.use_unit.id in listed()


def test_days_before_an_officer_was_named_are_nobodys_gap(world: World) -> None:
    name(world, on=TODAY - 2 * DAY)
    found = safety.gaps(world.session, world.use_unit.id, TODAY)
    assert [on for on, _n in found.daily] == [TODAY - DAY, TODAY - 2 * DAY]
    assert found.monthly is None


def test_the_risk_list_is_kept_with_its_history(world: World) -> None:
    actor = world.actor("use_head")
    with transaction(world.session):
        row = safety.save_risk(world.session, actor, None, RISK, at(TODAY))
    with transaction(world.session):
        safety.save_risk(world.session, actor, row.id, RISK | {"level": "major"}, at(TODAY), row.row_version)
    with pytest.raises(Stale), transaction(world.session):
        safety.save_risk(world.session, actor, row.id, RISK, at(TODAY), 1)
    with pytest.raises(Refusal) as refused, transaction(world.session):
        safety.save_risk(world.session, actor, None, {"place": "x" * 81}, at(TODAY))
    assert {f.field for f in refused.value.findings} == {"place", "risk", "measures", "responsible", "level", "cycle"}
    with transaction(world.session):
        assert safety.end_risk(world.session, actor, row.id, at(TODAY)).ended_on == TODAY
    with pytest.raises(NotAllowed), transaction(world.session):
        safety.save_risk(world.session, world.actor("safety_officer"), None, RISK, at(TODAY))
    assert world.session.query(RiskItem).count() == 1


def test_the_pages_and_what_home_and_warnings_show(world: World, sign_in: Any) -> None:
    today = clock.today()
    name(world, on=today - 3 * DAY)
    head = sign_in(world.accounts["use_head"])
    page = head.get("/safety/").text
    assert "3 台电梯" not in page and "1 台电梯没有检查记录" in page and "风险管控清单" in page
    told = re.search(r'主体责任缺口</span><span class="n">(\d+)', head.get("/").text)
    lines = re.findall('<li class="fail">', page)
    assert told is not None and int(told[1]) == len(lines) > 3, "as many as the page lists"
    assert "主体责任缺口" in head.get("/warnings/maintenance/").text
    officer = sign_in(world.accounts["safety_officer"])
    token = csrf(officer)
    wrong = officer.post("/m/safety", data={"csrf_token": token, "elevator_id": str(world.own.id)})
    assert wrong.status_code == 422 and "二选一" in wrong.text
    sent = {"csrf_token": token, "elevator_id": str(world.own.id), f"found_{world.own.id}": "轿厢灯不亮"}
    assert "今天的检查已记录" in officer.post("/m/safety", data=sent, follow_redirects=True).text
    assert "轿厢灯不亮" in head.get("/safety/records/1").text and "发现 1 个问题" in head.get("/safety/records/1").text
    inspector = sign_in(world.accounts["inspector"])
    units = inspector.get("/safety/units/").text
    assert world.use_unit.name in units and world.other_use_unit.name not in units
    assert "昨天没有日管控" in inspector.get("/").text
    assert "指定" not in inspector.get(f"/safety/?unit={world.use_unit.id}").text.split("电梯与安全员")[1]


def test_a_risk_and_a_record_from_the_forms(world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["use_head"])
    token = csrf(head, "/safety/risks/new")
    wrong = head.post("/safety/risks/new", data=RISK | {"level": "", "csrf_token": token})
    assert wrong.status_code == 422 and "门锁啮合不足" in wrong.text
    assert "层门" in head.post("/safety/risks/new", data=RISK | {"csrf_token": token}, follow_redirects=True).text
    sent = {
        "kind": "monthly", "on": clock.today().isoformat(), "summary": "三项整改", "nothing_found": "1",
        "people": "全体",
    }  # fmt: skip
    page = head.post("/safety/records/new", data=sent | {"csrf_token": token}, follow_redirects=True)
    assert "三项整改" in page.text and "月调度" in page.text
    assert "月调度" in sign_in(world.accounts["safety_officer"]).get("/safety/records/").text


def test_a_check_on_the_phone_keeps_where_it_was_and_its_photos(app: Any, world: World, sign_in: Any) -> None:
    """Photos and place are no condition: a form without them counts, and the page says that the place lacks."""
    name(world, on=clock.today() - DAY)
    world.own.latitude, world.own.longitude = 30.0, 120.0
    world.session.commit()
    key, code = world.own.id, world.own.code
    officer = sign_in(world.accounts["safety_officer"])
    page = officer.get("/m/safety").text
    assert "data-place" in page and 'name="photo"' in page
    data = {"csrf_token": csrf(officer), "elevator_id": str(key), "nothing_found": "1"}
    shot = (io.BytesIO(picture("JPEG")), "机房.jpg")
    sent = officer.post("/m/safety", data=data | {"latitude": "30.0003", "longitude": "120.0", "photo": shot})
    assert sent.status_code == 302
    world.session.rollback()
    row = world.session.query(SafetyRecord).one()
    file = world.session.query(Attachment).filter_by(entity="safety_record").one()
    assert (row.latitude, row.longitude, file.entity_id) == (30.0003, 120.0, row.id)
    for persona in ("use_head", "inspector"):
        client = sign_in(world.accounts[persona])
        shown = client.get(f"/safety/records/{row.id}").text
        assert f"距电梯 {code} 33 米" in shown and "机房.jpg" in shown, persona
        assert client.get(f"/files/{file.id}").status_code == 200, persona
    for persona in ("worker", "other_inspector"):
        assert sign_in(world.accounts[persona]).get(f"/files/{file.id}").status_code in (403, 404), persona
    record_id = row.id
    world.session.rollback()
    row.latitude = row.longitude = None
    world.session.commit()
    assert "没有位置" in sign_in(world.accounts["use_head"]).get(f"/safety/records/{record_id}").text
