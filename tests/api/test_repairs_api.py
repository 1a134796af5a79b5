"""REP-01 to REP-03, ANO-02 by REST: the same deeds as the pages', each once, refused with their reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Anomaly, RepairOrder
from tests.api.callers import Caller
from tests.factories import World, make_elevator, make_ledger, make_person

pytestmark = pytest.mark.feature("REP-03")


def test_from_report_to_end(app: Any, session: Any, world: World) -> None:
    use, clerk, worker = (Caller(app, world, name) for name in ("safety_officer", "clerk", "worker"))
    sent = {"elevator_id": world.own.id, "level": "stopped", "fault": "停在 6 楼", "client_key": "phone-1"}
    made = use.post("/repairs", sent)
    assert made.status_code == 201 and made.json["state"] == "waiting" and made.json["number"].startswith("WX")
    key = made.json["id"]
    assert use.post("/repairs", sent).json["id"] == key
    assert [row["id"] for row in clerk.get("/repairs?tab=waiting").json["rows"]] == [key]
    found = clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id, "helper_ids": []})
    assert found.json["worker_id"] == world.worker.id and found.json["state"] == "assigned"
    assert clerk.post(f"/repairs/{key}/take-back", {"reason": "改日"}).json["state"] == "waiting"
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    assert worker.post(f"/repairs/{key}/accept", {}).json["state"] == "accepted"
    assert worker.post(f"/repairs/{key}/depart", {}).json["state"] == "departed"
    begun = worker.post(f"/repairs/{key}/start", {"latitude": 30.5, "longitude": 120.5})
    assert (begun.json["state"], begun.json["start_distance"]) == ("started", 0)
    wrong = worker.post(f"/repairs/{key}/end", {"cause": "door"})
    assert wrong.status_code == 422
    assert {f["field"] for f in wrong.json["errors"]} == {"action", "restored"}
    end = {"cause": "door", "action": "更换触点", "restored": True, "end_key": "e-1"}
    for _again in range(2):
        assert worker.post(f"/repairs/{key}/end", end).json["state"] == "done"
    assert clerk.get(f"/repairs/{key}").json["signed_in_id"] == world.worker.id
    assert Caller(app, world, "other_head").get(f"/repairs/{key}").status_code == 404


@pytest.mark.feature("REP-02")
def test_several_are_sent_out_each_by_itself(app: Any, session: Any, world: World) -> None:
    clerk = Caller(app, world, "clerk")
    second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    keeper = make_person(session, world.firm)
    make_ledger(session, world.own, keeper)
    session.commit()
    first, other = (
        clerk.post("/repairs", {"elevator_id": key, "level": "running"}).json["id"] for key in (world.own.id, second.id)
    )
    unknown = 10**6
    asked = clerk.post("/repairs/send", {"ids": [], "to_keepers": True, "worker_id": world.worker.id})
    assert asked.status_code == 422 and {f["field"] for f in asked.json["errors"]} == {"ids", "worker_id"}
    assert clerk.post("/repairs/send", {"ids": [first]}).status_code == 422, "to whom?"
    found = clerk.post("/repairs/send", {"ids": [first, other, unknown], "to_keepers": True}).json
    assert found["done"] == 1
    assert [(row["id"], row["done"], row["status"]) for row in found["results"]] == [
        (first, True, 200), (other, False, 422), (unknown, False, 404),
    ]  # fmt: skip
    assert found["results"][1]["errors"][0]["found"] == "设备履历里没有在职的维保人员"
    assert clerk.get(f"/repairs/{first}").json["worker_id"] == keeper.id
    found = clerk.post("/repairs/send", {"ids": [first, other], "worker_id": world.worker.id}).json
    assert found["done"] == 2
    again = clerk.post("/repairs/send", {"ids": [first, other], "worker_id": world.worker.id}).json
    assert again["done"] == 0 and "等待接单" in again["results"][0]["errors"][0]["found"], "nobody is asked twice"
    assert Caller(app, world, "use_head").post("/repairs/send", {"ids": [first], "worker_id": 1}).status_code == 403
    theirs = Caller(app, world, "other_head").post("/repairs/send", {"ids": [first], "worker_id": 1}).json
    assert theirs["results"][0]["status"] == 404


def test_times_of_a_phone_without_a_net(app: Any, session: Any, world: World) -> None:
    clerk, worker = (Caller(app, world, name) for name in ("clerk", "worker"))
    key = clerk.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    row = session.get(RepairOrder, key)
    row.reported_at = clock.now() - dt.timedelta(hours=3)
    session.commit()
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    end = {"cause": "door", "action": "调整", "restored": True}
    at = (clock.now() - dt.timedelta(hours=1)).isoformat()
    assert worker.post(f"/repairs/{key}/end", end | {"accepted_at": "yesterday"}).status_code == 422
    told = worker.post(f"/repairs/{key}/end", end | {"accepted_at": at, "started_at": at})
    assert told.status_code == 200 and told.json["told_later"] == ["accepted_at", "started_at"]


def test_cancelled_and_judged(app: Any, session: Any, world: World) -> None:
    use, head = (Caller(app, world, name) for name in ("use_head", "maintenance_head"))
    key = use.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    assert head.post(f"/repairs/{key}/decision", {"decision": "approved"}).status_code == 422
    assert head.post(f"/repairs/{key}/cancel", {"reason": "不修"}).status_code == 403
    assert use.post(f"/repairs/{key}/cancel", {"reason": "已恢复"}).json["state"] == "cancelled"


@pytest.mark.feature("ANO-02")
def test_an_anomaly_is_reported_and_made_a_repair(app: Any, session: Any, world: World) -> None:
    worker, inspector = (Caller(app, world, name) for name in ("worker", "inspector"))
    sent = {"elevator_id": world.own.id, "kind": "noise", "body": "异响"}
    assert worker.post("/anomalies", sent | {"kind": "ghost"}).status_code == 422
    made = worker.post("/anomalies", sent)
    assert made.status_code == 201 and made.json["times"] == 1
    assert worker.post("/anomalies", sent | {"body": "又响"}).json["times"] == 2
    key = made.json["id"]
    assert [row["id"] for row in inspector.get("/anomalies?tab=found&kind=noise").json["rows"]] == [key]
    assert inspector.post(f"/anomalies/{key}/handle", {"verb": "dismiss"}).status_code == 422
    done = inspector.post(f"/anomalies/{key}/handle", {"verb": "repair", "level": "running"})
    assert (done.json["state"], done.json["outcome"]) == ("closed", "repair")
    assert session.scalar(select(RepairOrder.anomaly_id)) == key
    assert inspector.get(f"/anomalies/{key}").json["body"].endswith("又响")
    assert session.scalar(select(func.count()).select_from(Anomaly)) == 1
    assert Caller(app, world, "other_head").get(f"/anomalies/{key}").status_code == 404


def test_the_use_units_word(app: Any, session: Any, world: World) -> None:
    use, clerk, worker = (Caller(app, world, name) for name in ("safety_officer", "clerk", "worker"))
    key = use.post("/repairs", {"elevator_id": world.own.id, "level": "running"}).json["id"]
    clerk.post(f"/repairs/{key}/assign", {"worker_id": world.worker.id})
    assert use.post(f"/repairs/{key}/answer", {"fixed": True}).status_code == 422
    at = clock.now().isoformat()
    row = session.get(RepairOrder, key)
    row.reported_at = clock.now() - dt.timedelta(minutes=5)
    session.commit()
    end = {"cause": "door", "action": "调整", "restored": True, "accepted_at": at, "started_at": at}
    assert worker.post(f"/repairs/{key}/end", end).status_code == 200
    assert clerk.post(f"/repairs/{key}/answer", {"fixed": True}).status_code == 403
    wrong = use.post(f"/repairs/{key}/answer", {"fixed": False})
    assert wrong.status_code == 422 and {f["field"] for f in wrong.json["errors"]} == {"answer_note"}
    said = use.post(f"/repairs/{key}/answer", {"fixed": False, "note": "还在响"}).json
    assert (said["answer"], said["answer_note"], said["state"]) == ("disputed", "还在响", "done")
    (again,) = clerk.get("/repairs?tab=waiting").json["rows"]
    assert (again["again_of_id"], again["source"], again["fault"]) == (key, "again", "还在响")
    assert [row["id"] for row in Caller(app, world, "inspector").get("/repairs?tab=disputed").json["rows"]] == [key]
