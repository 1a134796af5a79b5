"""INS-01, INS-02 by the interface: the rules and refusals of the pages, and their lists."""

from __future__ import annotations

from typing import Any

import pytest

from app.permissions import Role
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_account, make_unit
from tests.workflows.inspection_world import AT

__all__ = ["AT"]  # see on_its_day
pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.feature("INS-01"), pytest.mark.usefixtures("on_its_day")]


@pytest.fixture
def tester(app: Any, world: World) -> Caller:
    unit = make_unit(world.session, "临河特种设备检测院", is_inspection=True)
    world.accounts["tester"] = make_account(world.session, Role.TESTER, unit=unit, is_main=True)
    world.session.commit()
    return Caller(app, world, "tester")


def given(world: World, **values: Any) -> dict[str, Any]:
    return {"elevator_id": world.own.id, "kind": "periodic", "number": "LH-1", "done_on": "2026-11-10",
            "result": "failed", "failed_items": "主机渗油", "is_fault": True} | values  # fmt: skip


def test_entered_corrected_annulled_and_listed(app: Any, world: World, tester: Caller) -> None:
    own, foreign = world.own.id, world.foreign.id
    assert rules_of(tester.post("/inspections", {})) == {"电梯"}
    assert rules_of(tester.post("/inspections", {"elevator_id": own})) == {
        "检验类型", "报告编号", "检验日期", "检验结果"
    }
    assert tester.post("/inspections", given(world, elevator_id=foreign)).status_code == 404
    scan = tester.send_file("/files?kind=inspection", "报告.pdf").json["id"]
    once = {"Idempotency-Key": "inspection-0001"}
    made = tester.post("/inspections", given(world, scans=[scan]), headers=once)
    assert made.status_code == 201, made.text
    assert tester.post("/inspections", given(world, scans=[scan]), headers=once).json == made.json
    key, version = made.json["id"], made.json["row_version"]
    whole = tester.get(f"/inspections/{key}").json
    assert (whole["tested_by"], whole["standing"], whole["maintenance_unit"]["id"]) == (
        "临河特种设备检测院", "counts", world.firm.id
    )
    assert [f["name"] for f in whole["files"]] == ["报告.pdf"]
    assert tester.get("/inspections/due?tab=failed").json["rows"][0]["failed_id"] == key
    assert [r["id"] for r in tester.get("/inspections?tab=fault&q=LH-1").json["rows"]] == [key]
    assert tester.get("/inspections?tab=nosuch").status_code == 422
    change = given(world, number="LH-1A", reason="编号看错", row_version=version)
    assert rules_of(tester.post(f"/inspections/{key}/correct", change | {"row_version": version + 7})) == {"页面已过期"}
    new = tester.post(f"/inspections/{key}/correct", change)
    assert new.status_code == 201 and new.json["corrects_id"] == key, new.text
    assert tester.get(f"/inspections/{key}").json["standing"] == "ended"
    asked = {"reason": "", "row_version": new.json["row_version"]}
    assert rules_of(tester.post(f"/inspections/{new.json['id']}/annul", asked)) == {"原因"}
    gone = tester.post(f"/inspections/{new.json['id']}/annul", asked | {"reason": "登记错电梯"})
    assert gone.json["standing"] == "ended"
    assert tester.get("/inspections").json["count"] == 0
    assert tester.get("/inspections?tab=all").json["count"] == 2


@pytest.mark.feature("INS-02")
def test_a_unit_hands_in_a_report_and_the_officer_approves(app: Any, world: World) -> None:
    firm, officer = Caller(app, world, "clerk"), Caller(app, world, "inspector")
    asked = given(
        world, kind="governor", result="passed", failed_items="", is_fault=False, tested_by="恒枢", number="X-1"
    )
    assert "检测、校验报告" in rules_of(firm.post("/inspections/reports", asked))
    scan = firm.send_file("/files?kind=inspection").json["id"]
    assert "检验类型" in rules_of(firm.post("/inspections/reports", asked | {"kind": "periodic", "scans": [scan]}))
    made = firm.post("/inspections/reports", asked | {"scans": [scan]})
    assert made.status_code == 201, made.text
    number, key = made.json["id"], made.json["entity_id"]
    assert firm.get(f"/inspections/{key}").json["standing"] == "waiting"
    version = officer.get(f"/applications/{number}").json["row_version"]
    done = officer.post(
        f"/applications/{number}/decision", {"verb": "approve", "opinion": "属实", "seen_version": version}
    )
    assert done.json["state"] == "approved"
    assert firm.get(f"/inspections/{key}").json["standing"] == "counts"
    due = officer.get("/inspections/due?tab=all").json["rows"]
    assert [r["governor_due_on"] for r in due] == ["2028-11-10"]
    assert firm.post("/inspections", asked).status_code == 403
