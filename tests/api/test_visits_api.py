"""The REST resources for visits, the gate and orders: a whole visit by token, refusals as JSON, scope, bad input."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, driver
from app.models import Visit
from app.reference import items_for
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_clock, make_ledger, make_policy
from tests.statements import statements
from tests.workflows.clock_world import add_visit, run

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
MINUTE = dt.timedelta(minutes=1)
DAY = dt.date(2026, 2, 20)
HERE = {"latitude": 30.5, "longitude": 120.5}


def token(app: Any, world: World, persona: str) -> dict[str, str]:
    body = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db"}
    answer = app.test_client().post("/api/v1/security/login", json=body)
    world.session.rollback()
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def rules_of(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {e["rule"] for e in answer.json["errors"]}


def well_done() -> list[dict[str, Any]]:
    return [
        {"code": i.code, "result": "ok", "value": "合格" if i.needs_test else ""}
        for i in items_for("3110", "half_month")
    ]


@pytest.mark.feature("MNT-01", "MNT-04")
def test_a_visit_goes_to_the_database_a_few_times(
    app: Any, session: Any, huzhou: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who calls; who checks in and what he finds; what is written with its COMMIT. A check-out also asks for the
    clock, once the visit's end is written. PostgreSQL's; SQLite is asked in its own process."""
    headers, client, trips = token(app, huzhou, "worker"), app.test_client(), list[int]()
    make_clock(session, huzhou.own, DAY)
    make_ledger(session, huzhou.own, huzhou.worker)
    # Nobody is asked for his word on the visit.
    make_policy(session, "review_required", False)
    session.commit()
    waited = driver.Connection.wait

    def wait(connection: Any, *args: Any, **kwargs: Any) -> Any:
        trips.append(1)
        return waited(connection, *args, **kwargs)

    monkeypatch.setattr(driver.Connection, "wait", wait)

    def trips_of(path: str, **sent: Any) -> tuple[Any, int]:
        trips.clear()
        answer = client.post(path, json={"code": huzhou.own.code, **HERE, **sent}, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json, len(trips)

    for turn in range(3):
        with clock.frozen(START + turn * dt.timedelta(days=15)):
            begun, in_trips = trips_of("/api/v1/visits", client_key=f"key-{turn}")
        with clock.frozen(START + turn * dt.timedelta(days=15) + 40 * MINUTE):
            _, out_trips = trips_of(f"/api/v1/visits/{begun['id']}/check-out", results=well_done(), problem="")
    of_postgresql = session.get_bind().dialect.name == "postgresql"
    assert (in_trips, out_trips) == ((3, 4) if of_postgresql else (0, 0))


@pytest.mark.feature("MNT-01", "MNT-03", "MNT-04", "MNT-07")
def test_a_whole_visit_by_token(app: Any, session: Any, huzhou: World) -> None:
    code = huzhou.own.code
    headers, client = token(app, huzhou, "worker"), app.test_client()
    sent = {"code": code, **HERE, "client_key": "a-key"}
    with clock.frozen(START):
        gate = client.get("/api/v1/gate", query_string={"code": code, **HERE}, headers=headers).json
        assert gate["passes"] and gate["elevator"]["code"] == code and len(gate["findings"]) > 5
        first = client.post("/api/v1/visits", json=sent, headers=headers)
        assert first.status_code == 201 and first.json["state"] == "open" and len(first.json["items"]) == 31
        again = client.post("/api/v1/visits", json=sent, headers=headers)
        assert again.json["id"] == first.json["id"]  # a lost answer begins nothing twice
    url = f"/api/v1/visits/{first.json['id']}"
    done = {"code": code, **HERE, "results": well_done(), "problem": ""}
    with clock.frozen(START + 34 * MINUTE):
        early = client.post(f"{url}/check-out", json=done | {"results": [], "problem": None}, headers=headers)
        assert len(rules_of(early)) >= 3  # time, items and the question of faults, all at once
    assert client.get(url, headers=headers).json["state"] == "open"
    with clock.frozen(START + 35 * MINUTE):
        out = client.post(f"{url}/check-out", json=done, headers=headers)
        assert out.status_code == 200 and out.json["awaiting_review"] and out.json["counted"]
        assert client.post(f"{url}/check-out", json=done, headers=headers).status_code == 422
    row = session.get(Visit, first.json["id"])
    assert (row.checked_out_at - row.checked_in_at, row.in_distance) == (35 * MINUTE, 0)
    listed = client.get("/api/v1/visits?awaiting=review&own=1", headers=headers).json
    assert [r["id"] for r in listed["rows"]] == [row.id]
    assert client.get("/api/v1/visits?state=valid", headers=headers).json["rows"] == []


@pytest.mark.feature("MNT-01", "MNT-03")
def test_a_visit_costs_few_statements_and_is_written_once(app: Any, session: Any, huzhou: World) -> None:
    """What they are stands in ARCHITECTURE; a second write of the same row is a mistake."""
    make_clock(session, huzhou.own, dt.date(2026, 2, 20))
    make_ledger(session, huzhou.own)
    session.commit()
    headers, client = token(app, huzhou, "worker"), app.test_client()
    code, seen = huzhou.own.code, list[str]()

    def asked(at: dt.datetime, url: str, sent: dict[str, Any]) -> Any:
        with statements() as sent_meanwhile, clock.frozen(at):
            answer = client.post(url, json=sent | {"code": code, **HERE}, headers=headers)
        seen[:] = [statement for statement in sent_meanwhile if not statement.startswith("BEGIN")]
        return answer.json

    def writes(table: str) -> list[str]:
        return [s.split()[0] for s in seen if s.startswith((f"INSERT INTO {table} ", f"UPDATE {table} "))]

    made = asked(START, "/api/v1/visits", {"client_key": "few"})
    # The first visit of a policy reads it and keeps what it said.
    assert made["state"] == "open" and len(seen) <= 7 + len(writes("policy_snapshot")), seen
    assert writes("visit") == ["INSERT"]
    left = asked(START + 35 * MINUTE, f"/api/v1/visits/{made['id']}/check-out", {"results": well_done(), "problem": ""})
    assert left["counted"] and len(seen) <= 14, seen
    for table in ("visit", "maintenance_clock", "maintenance_ledger"):
        assert writes(table) == ["UPDATE"], table
    more = asked(START + 40 * MINUTE, "/api/v1/visits", {"client_key": "few more"})
    # Who calls, whose phone it is, what he finds; the visit, the log; once a process that what holds is kept.
    assert more["state"] == "open" and len(seen) <= 6, seen


@pytest.mark.feature("MNT-02")
def test_all_refusals_come_at_once_and_begin_nothing(app: Any, session: Any, huzhou: World) -> None:
    headers, client = token(app, huzhou, "worker"), app.test_client()
    huzhou.own.status = "suspended"
    session.commit()
    far = {"code": huzhou.own.code, "latitude": 31.5, "longitude": 120.5}
    foreign = far | {"code": huzhou.foreign.code}
    with clock.frozen(START):
        told = {}
        for name, query in (("own", far), ("foreign", foreign)):
            gate = client.get("/api/v1/gate", query_string=query, headers=headers).json
            told[name] = rules_of(client.post("/api/v1/visits", json=query, headers=headers))
            assert not gate["passes"]
            assert told[name] == {f["rule"] for f in gate["findings"] if not f["ok"] and f["level"] == "fail"}
    assert {"电梯已停用", "电梯位置较远"} <= told["own"]
    # How another's elevator stands, and how far off it is, is told to nobody who walks the codes.
    assert "无电梯权限" in told["foreign"] and not {"电梯已停用", "电梯位置较远"} & told["foreign"]
    assert gate["elevator"] is None and huzhou.foreign.address not in str(gate)
    session.rollback()
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-08")
@pytest.mark.parametrize(
    ("persona", "own", "foreign"),
    [("worker", 200, 404), ("use_head", 200, 404), ("inspector", 200, 404), ("other_worker", 404, 200),
     ("platform_admin", 200, 200)],
)  # fmt: skip
def test_visits_within_scope(app: Any, session: Any, world: World, persona: str, own: int, foreign: int) -> None:
    day = dt.date(2026, 3, 2)
    mine = add_visit(session, world.own, world.worker, day).id
    theirs = add_visit(session, world.foreign, world.other_worker, day).id
    session.commit()
    headers, client = token(app, world, persona), app.test_client()
    assert client.get(f"/api/v1/visits/{mine}", headers=headers).status_code == own
    assert client.get(f"/api/v1/visits/{theirs}", headers=headers).status_code == foreign
    listed = {row["id"] for row in client.get("/api/v1/visits", headers=headers).json["rows"]}
    assert listed == {key for key, status in ((mine, own), (theirs, foreign)) if status == 200}


@pytest.mark.feature("MNT-01")
def test_only_workers_check_in_and_only_out_of_their_own(app: Any, session: Any, huzhou: World) -> None:
    row = add_visit(
        session, huzhou.foreign, huzhou.other_worker, dt.date(2026, 3, 2), state="open", checked_out_at=None
    )
    session.commit()
    number, client = row.id, app.test_client()
    body = {"code": huzhou.own.code, **HERE}
    for persona in ("maintenance_head", "use_head", "inspector"):
        headers = token(app, huzhou, persona)
        assert client.post("/api/v1/visits", json=body, headers=headers).status_code == 403
        assert client.get("/api/v1/gate?code=1", headers=headers).status_code == 403
    headers = token(app, huzhou, "worker")
    answer = client.post(f"/api/v1/visits/{number}/check-out", json=body, headers=headers)
    missing = client.post("/api/v1/visits/999999/check-out", json=body, headers=headers)
    assert rules_of(answer) == rules_of(missing) == {"维保记录"}
    assert client.get("/api/v1/visits").status_code == 401
    assert client.post("/api/v1/visits", json=body).status_code in (400, 401)


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"latitude": None}, "latitude"), ({"latitude": "x"}, "latitude"), ({"latitude": 91}, "latitude"),
     ({"longitude": "NaN"}, "longitude"), ({"longitude": True}, "longitude"), ({"longitude": []}, "longitude"),
     ({"latitude": {}}, "latitude"), ({"code": 5}, "code"), ({"code": "x" * 201}, "code"),
     ({"client_key": "k" * 41}, "client_key"), ({"client_key": ["k"]}, "client_key")],
)  # fmt: skip
def test_a_bad_check_in_names_the_field(app: Any, world: World, change: dict[str, Any], field: str) -> None:
    sent = {"code": world.own.code, **HERE} | change
    answer = app.test_client().post("/api/v1/visits", json=sent, headers=token(app, world, "worker"))
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == field


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"results": {}}, "results"), ({"results": [1]}, "results"), ({"results": [{}]}, "results"),
     ({"results": [{"code": "a"}, {"code": "a"}]}, "results"), ({"results": [{"code": 1}]}, "code"),
     ({"results": [{}] * 201}, "results"), ({"results": [{"code": "a", "value": "v" * 61}]}, "value"),
     ({"problem": 5}, "problem"), ({"advice": "x" * 501}, "advice"), ({"mode": "other"}, "mode"),
     ({"signer": "x" * 41}, "signer")],
)  # fmt: skip
def test_a_bad_check_out_names_the_field(
    app: Any, session: Any, huzhou: World, change: dict[str, Any], field: str
) -> None:
    row = add_visit(session, huzhou.own, huzhou.worker, dt.date(2026, 3, 2), state="open", checked_out_at=None)
    session.commit()
    number, sent = row.id, {"code": huzhou.own.code, **HERE} | change
    headers = token(app, huzhou, "worker")
    answer = app.test_client().post(f"/api/v1/visits/{number}/check-out", json=sent, headers=headers)
    assert answer.status_code == 422 and field in {e["field"] for e in answer.json["errors"]}
    session.rollback()
    assert session.get(Visit, number).checked_out_at is None


@pytest.mark.feature("MNT-08")
@pytest.mark.parametrize("query", ["page=-1", "size=0", "state=broken", "awaiting=x", "own=2", "elevator_id=x"])
def test_a_bad_parameter_is_named(app: Any, world: World, query: str) -> None:
    answer = app.test_client().get(f"/api/v1/visits?{query}", headers=token(app, world, "worker"))
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == query.split("=")[0]


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize("query", ["", "code=&latitude=30.5&longitude=120.5", "code=%00&latitude=30.5&longitude=120.5"])
def test_a_gate_without_place_or_code_says_so(app: Any, world: World, query: str) -> None:
    found = app.test_client().get(f"/api/v1/gate?{query}", headers=token(app, world, "worker"))
    assert found.status_code == 200 and not found.json["passes"] and found.json["elevator"] is None


@pytest.mark.feature("PLN-06", "MNT-12")
def test_own_orders(app: Any, session: Any, world: World) -> None:
    day = dt.date(2026, 3, 2)
    for lift, worker in ((world.own, world.worker), (world.foreign, world.other_worker)):
        make_ledger(session, lift, worker, next_half_month_on=dt.date(2026, 3, 4))
        make_clock(session, lift, dt.date(2026, 2, 17))
    session.commit()
    run(session, day)
    code = world.own.code
    client = app.test_client()
    rows = client.get("/api/v1/orders", headers=token(app, world, "worker")).json["rows"]
    assert [(r["code"], r["planned_on"]) for r in rows] == [(code, "2026-03-04")]
    assert client.get("/api/v1/orders", headers=token(app, world, "maintenance_head")).json["rows"] == []


@pytest.mark.feature("MNT-01")
def test_a_cookie_needs_a_token_against_forgery(world: World, sign_in: Any) -> None:
    body = {"code": world.own.code, **HERE}
    client = sign_in(world.accounts["worker"])
    assert client.post("/api/v1/visits", json=body).status_code == 400
    answer = client.post("/api/v1/visits", json=body, headers={"X-CSRFToken": csrf(client)})
    assert answer.status_code == 201
