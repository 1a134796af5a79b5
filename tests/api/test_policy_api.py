"""Policy, limits, safety, proofs by the interface, and what its description says of all of it (INT-04)."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from apispec import yaml_utils

from app import clock
from app.models import PatrolRound, PatrolStop
from app.permissions import Role
from app.transaction import transaction
from app.workflows.approval import policies
from app.workflows.on_site import safety
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_account, make_clock
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, TODAY

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.usefixtures("on_its_day")]
DISTRICT, OTHER = "980402000000", "980403000000"


@pytest.fixture
def second(session: Any, world: World) -> None:
    world.accounts["second"] = make_account(session, Role.REGION_ADMIN, region_code=DISTRICT)
    session.commit()


def wanted(**more: Any) -> dict[str, Any]:
    return {
        "key": "near_contract_days", "value": 9, "region_code": DISTRICT, "effective_on": TODAY.isoformat(),
        "source": "澜市监〔2026〕1 号",
    } | more  # fmt: skip


@pytest.mark.feature("POL-01")
def test_proposed_by_one_approved_by_another(app: Any, session: Any, world: World, second: None) -> None:
    admin, other = Caller(app, world, "region_admin"), Caller(app, world, "second")
    made = admin.post("/policy-proposals", wanted())
    assert made.status_code == 201 and made.json["changes"][0]["key"] == "near_contract_days"
    url = f"/policy-proposals/{made.json['id']}"
    assert rules_of(admin.post("/policy-proposals", wanted()))  # one at a time
    body = {"verb": "approve", "seen": made.json["seen"], "opinion": "同意"}
    assert admin.post(f"{url}/decision", body).status_code in (403, 422)
    assert other.post(f"{url}/decision", body | {"seen": "old"}).status_code == 409
    assert all(c["ok"] for c in other.get(url).json["checks"])
    assert other.post(f"{url}/decision", body).json["state"] == "approved"
    found = {row["key"]: row for row in admin.get("/policy").json["rows"]}["near_contract_days"]
    assert (found["value"], found["region_code"]) == (9, DISTRICT) and found["origin"]
    one = admin.get("/policy/near_contract_days").json
    assert one["rows"][0]["value"] == 9 and one["presets"][0]["label"]
    book = admin.get(f"/policy?region={DISTRICT}").json
    assert admin.get(f"/policy/versions/{book['version']}?region={DISTRICT}").json["values"]["near_contract_days"] == 9
    assert other.post(f"{url}/decision", body).status_code == 409


@pytest.mark.feature("POL-01")
@pytest.mark.parametrize(
    ("change", "status"),
    [({"key": "nothing"}, 422), ({"value": "x"}, 422), ({"value": [1]}, 422), ({"value": {"a": 1}}, 422),
     ({"value": 1.5}, 422), ({"effective_on": None}, 422), ({"effective_on": "2020-01-01"}, 422),
     ({"source": " "}, 422), ({"region_code": OTHER}, 404), ({"region_code": "x"}, 404),
     ({"key": "preset", "value": "none"}, 422), ({"key": "preset", "value": None}, 422),
     ({"key": "preset", "value": {"inherit": True}}, 201), ({"value": {"inherit": True}}, 201)],
)  # fmt: skip
def test_what_may_be_proposed(app: Any, world: World, change: dict[str, Any], status: int) -> None:
    assert Caller(app, world, "region_admin").post("/policy-proposals", wanted(**change)).status_code == status


@pytest.mark.feature("POL-01")
def test_policy_is_told_within_ones_region(app: Any, session: Any, world: World) -> None:
    actor = world.actor("platform_admin")
    with transaction(session):
        made = policies.propose(
            session, actor, clock.now(), "near_contract_days", 8, OTHER, TODAY, "澜市监〔2026〕2 号"
        )
    officer = Caller(app, world, "inspector")
    assert officer.get(f"/policy?region={OTHER}").status_code == 404
    assert officer.get(f"/policy-proposals/{made.id}").status_code == 404
    assert officer.get("/policy-proposals").json["rows"] == []
    assert officer.get("/policy/nothing").status_code == 404
    assert officer.get("/policy/versions/nothing").status_code == 404
    assert officer.post("/policy-proposals", wanted()).status_code == 403
    assert officer.get("/policy?on=x").json["errors"][0]["field"] == "on"
    assert Caller(app, world, "maintenance_head").get("/policy").status_code == 403


@pytest.mark.feature("CLK-01")
def test_limits_say_why(app: Any, session: Any, world: World) -> None:
    make_clock(session, world.own, TODAY - dt.timedelta(days=14))
    row = add_visit(session, world.own, world.worker, TODAY, awaiting_review=True, checked_out_at=AT,
                    review_due_at=AT + dt.timedelta(days=3))  # fmt: skip
    session.commit()
    number = row.id
    firm = Caller(app, world, "maintenance_head")
    assert {c["name"] for c in firm.get("/clocks").json["rows"]} >= {"approval", "maintenance", "review"}
    told = firm.get(f"/clocks/elevators/{world.own.id}").json["rows"]
    assert [(c["title"], c["tone"]) for c in told] == [("维保期限", "near")] and told[0]["why"]
    told = firm.get(f"/clocks/visits/{number}").json["rows"]
    assert (told[0]["side"], told[0]["number"], told[0]["unit"]) == ("剩", 3, "天") and "复核" in told[0]["why"]
    assert Caller(app, world, "other_head").get(f"/clocks/visits/{number}").status_code == 404


@pytest.mark.feature("SAF-01", "PAT-01")
def test_safety_records_and_patrols(app: Any, session: Any, world: World) -> None:
    officer_id = world.accounts["safety_officer"].id
    with transaction(session):
        safety.name_officer(session, world.actor("use_head"), [world.own.id], officer_id, AT)
        patrol = PatrolRound(
            unit_id=world.use_unit.id, region_code=DISTRICT, title="月巡检", due_on=TODAY, account_id=officer_id,
            account_name="安全员",
        )  # fmt: skip
        session.add(patrol)
        session.flush()
        session.add(PatrolStop(round_id=patrol.id, elevator_id=world.own.id))
    patrol_id = patrol.id
    officer, inspector = Caller(app, world, "safety_officer"), Caller(app, world, "inspector")
    body = {"kind": "daily", "on": TODAY.isoformat(), "nothing_found": True, "findings": []}
    made = officer.post("/safety-records", body)
    assert made.status_code == 201 and made.json["elevators"] == [world.own.id]
    assert rules_of(officer.post("/safety-records", body)) == {"重复"}
    assert rules_of(officer.post("/safety-records", body | {"kind": "yearly"})) == {"记录类型"}
    assert officer.post("/safety-records", body | {"nothing_found": "x"}).json["errors"][0]["field"] == "nothing_found"
    assert inspector.get("/safety-records?kind=daily").json["rows"][0]["id"] == made.json["id"]
    assert inspector.post("/safety-records", body).status_code == 403
    stranger = Caller(app, world, "other_inspector")
    assert stranger.get(f"/safety-records/{made.json['id']}").status_code == 404
    assert stranger.get(f"/patrols/{patrol_id}").status_code == 404
    stop = officer.get(f"/patrols/{patrol_id}").json["stops"][0]
    done = officer.post(f"/patrols/stops/{stop['id']}", {"is_fine": True})
    assert done.status_code == 200 and done.json["is_fine"]
    assert officer.post(f"/patrols/stops/{stop['id']}", {"is_fine": True}).status_code == 409
    assert officer.get("/patrols?open=0").json["rows"][0]["id"] == patrol_id


@pytest.mark.feature("RPR-01", "AUD-01")
def test_a_file_is_proved_and_roots_are_told(app: Any, world: World, sign_in: Any) -> None:
    from tests.conftest import csrf

    browser = sign_in(world.accounts["inspector"])
    form = {"csrf_token": csrf(browser), "format": "csv", "query": "", "cols": ""}
    file = browser.post("/exports/elevators", data=form).data
    caller = Caller(app, world, "inspector")
    told = caller.call("POST", "/export-proof", data={"file": (io.BytesIO(file), "电梯.csv")}).json
    assert told["known"] and told["intact"] and told["same_now"]
    changed = caller.call("POST", "/export-proof", data={"file": (io.BytesIO(file + b"x"), "电梯.csv")}).json
    assert not changed["known"] and not changed["intact"]
    assert rules_of(caller.post("/export-proof")) == {"文件"}
    assert caller.get("/audit-days").status_code == 403
    assert Caller(app, world, "region_admin").get("/audit-days").json == {"rows": []}


def test_the_description_is_whole(app: Any, world: World) -> None:
    """Every operation says who may call, what it takes, gives, and how it refuses; all that it names is there."""
    spec = Caller(app, world, "inspector").get("/_openapi").json
    assert {"jwt", "token"} <= set(spec["components"]["securitySchemes"])
    known = set(spec["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/(\w+)", str(spec))) <= known
    operations = [
        (f"{method} {path}", one) for path, part in spec["paths"].items() for method, one in part.items()
        if path.split("/")[3] not in ("security", "menu") and "_openapi" not in path  # the framework's own
    ]  # fmt: skip
    assert len(operations) > 65
    wrong = []
    for name, one in operations:
        good = next((one["responses"][code] for code in ("200", "201", "202") if code in one["responses"]), None)
        # A device signs with its own key, and nobody else calls there.
        known = one["security"] == [{"device": []}] or {"token": []} in one["security"]
        if not known or not one.get("summary"):
            wrong.append(f"{name}: who calls, summary")
        if good is None or not good.get("content") or "401" not in one["responses"]:
            wrong.append(f"{name}: answers")
        if any("content" not in one["responses"][code] for code in ("401", "403", "404", "422")):
            wrong.append(f"{name}: refusals")
    assert not wrong, "\n".join(wrong)
    assert len({one["operationId"] for _name, one in operations}) == len(operations)


def test_docstrings_are_read_once_and_the_description_stays_the_same(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = yaml_utils.load_operations_from_docstring

    def reads(docstring: str) -> Any:
        read.append(docstring)
        return load(docstring)

    monkeypatch.setattr(yaml_utils, "load_operations_from_docstring", reads)
    who = Caller(app, world, "inspector")
    first = who.get("/_openapi").json
    read.clear()
    assert who.get("/_openapi").json == first
    assert len(read) < 20, "the framework's own are few"
