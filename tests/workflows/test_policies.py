"""POL-01: setting a value: by whom, for which region, from which day, by which document; and the commands."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import AuditEntry, PolicyValue
from app.models.policy import policy_value
from app.permissions import SYSTEM
from app.policy import INHERIT
from app.transaction import transaction
from app.workflows import audit, policies
from tests.factories import World

pytestmark = pytest.mark.feature("POL-01")
CITY, DISTRICT, OTHER = "980400000000", "980402000000", "980403000000"


def put(world: World, persona: str, key: str, value: Any, region: str = DISTRICT, days: int = 0, **more: Any) -> None:
    with transaction(world.session):
        on = clock.today() + dt.timedelta(days=days)
        more = {"source": "澜市监〔2026〕1 号"} | more
        policies.set_value(world.session, world.actor(persona), clock.now(), key, value, region, on, **more)


def test_a_value_is_appended_and_logged_and_holds_below(world: World) -> None:
    put(world, "region_admin", "near_contract_days", 9)
    put(world, "region_admin", "near_contract_days", 12, days=3)
    today = clock.today()
    assert policy_value(world.session, "near_contract_days", "980402001000", today) == 9
    assert policy_value(world.session, "near_contract_days", "980402001000", today + dt.timedelta(days=3)) == 12
    assert world.session.query(PolicyValue).count() == 2
    logged = world.session.query(AuditEntry).filter_by(action="policy.set").order_by(AuditEntry.id).all()
    assert [(e.before["value"], e.after["value"]) for e in logged] == [(7, 9), (9, 12)]


def test_off_and_inherit_are_values(world: World) -> None:
    put(world, "region_admin", "visit_max_hours", None)
    assert policy_value(world.session, "visit_max_hours", DISTRICT, clock.today()) is None
    put(world, "region_admin", "visit_max_hours", INHERIT)
    assert policy_value(world.session, "visit_max_hours", DISTRICT, clock.today()) == 8


@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "clerk"])
def test_only_who_may_edit_policy_does(world: World, persona: str) -> None:
    with pytest.raises(NotAllowed):
        put(world, persona, "limit_days", 20)


@pytest.mark.parametrize(
    ("key", "value", "region", "days", "source", "word"),
    [
        ("limit_days", 20, CITY, 0, "x", "管辖范围"), ("limit_days", 20, OTHER, 0, "x", "管辖范围"),
        ("limit_days", 20, "980402009000", 0, "x", "管辖范围"), ("limit_days", 20, DISTRICT, -1, "x", "早于今天"),
        ("limit_days", 0, DISTRICT, 0, "x", "limit_days"), ("no_such", 1, DISTRICT, 0, "x", "没有参数"),
        ("preset", "hangzhou", DISTRICT, 0, "x", "没有预设"), ("limit_days", 20, DISTRICT, 0, "  ", "依据"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(
    world: World, key: str, value: Any, region: str, days: int, source: str, word: str
) -> None:
    with pytest.raises(Refusal, match=word):
        put(world, "region_admin", key, value, region, days, source=source)
    assert world.session.query(PolicyValue).count() == 0


def test_only_a_platform_administrator_sets_a_region_up_backwards(world: World) -> None:
    with pytest.raises(Refusal, match="早于今天"):
        put(world, "region_admin", "limit_days", 20, days=-30, backdated=True)
    put(world, "platform_admin", "preset", "nantong", days=-30, backdated=True)
    assert policy_value(world.session, "visit_min_minutes", DISTRICT, clock.today()) == 30


def invoke(app: Any, *arguments: str, code: int = 0) -> str:
    done = app.test_cli_runner().invoke(args=list(arguments))
    assert done.exit_code == code, done.output + repr(done.exception)
    return str(done.output)


def test_the_commands_set_and_show(app: Any, world: World) -> None:
    today = clock.today().isoformat()
    invoke(app, "policy", "set", "visit_min_minutes", "40", "--region", CITY, "--from", today, "--source", "文号 1")
    invoke(app, "policy", "set", "manager_approval", "true", "--region", CITY, "--from", today, "--source", "文号 1")
    invoke(app, "policy", "set", "visit_max_hours", "off", "--region", CITY, "--from", today, "--source", "文号 1")
    shown = json.loads(invoke(app, "policy", "show", "--region", DISTRICT, "--json"))
    assert shown["values"]["visit_min_minutes"]["value"] == 40
    assert shown["values"]["visit_min_minutes"]["region"] == CITY
    assert shown["values"]["manager_approval"]["value"] is True
    assert shown["values"]["visit_max_hours"]["value"] is None
    assert len(shown["version"]) == 12
    assert "40 分钟" in invoke(app, "policy", "show", "--region", DISTRICT)
    wrong = invoke(app, "policy", "set", "limit_days", "0", "--region", CITY, "--from", today, "--source", "x", code=1)
    assert "1 至 365" in wrong
    assert "nantong" in invoke(app, "policy", "presets")


@pytest.mark.feature("AUD-01")
def test_the_commands_verify_seal_and_export_the_log(app: Any, world: World, tmp_path: Any) -> None:
    with transaction(world.session):
        for number in range(5):
            audit.record(world.session, SYSTEM, clock.now(), "x", "unit", number)
    assert json.loads(invoke(app, "audit", "seal", "--json")) == {"batches": 1}
    verdict = json.loads(invoke(app, "audit", "verify", "--json"))
    assert verdict["ok"] and verdict["entries"] == 5 and verdict["unsealed"]["count"] == 0
    file = tmp_path / "log.jsonl"
    assert json.loads(invoke(app, "audit", "export", str(file), "--json"))["lines"] == 6
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["type"] for line in lines] == ["entry"] * 5 + ["batch"]
    from sqlalchemy import text

    world.session.execute(text("UPDATE audit_entry SET actor_name = '别人' WHERE entity_id = 3"))
    world.session.commit()
    verdict = json.loads(invoke(app, "audit", "verify", "--json", code=1))
    assert not verdict["ok"] and verdict["problems"][0]["batch"] == 1
    heads = tmp_path / "heads.txt"
    heads.write_text(f"1 {'0' * 64}\n")
    assert "另存的摘要不符" in invoke(app, "audit", "verify", "--heads", str(heads), code=1)


def test_the_commands_list_and_retry_jobs(app: Any, world: World) -> None:
    from app.workflows import jobs

    with transaction(world.session):
        job_id = jobs.enqueue(world.session, SYSTEM, clock.now(), "export", "导出").id
    with transaction(world.session):
        token = jobs.claim(world.session, job_id, clock.now())
        assert token
        jobs.fail(world.session, job_id, token, clock.now(), "磁盘已满")
    found = json.loads(invoke(app, "jobs", "list", "--state", "failed", "--json"))
    assert [(j["id"], j["error"]) for j in found] == [(job_id, "磁盘已满")]
    assert json.loads(invoke(app, "jobs", "retry", str(job_id), "--json")) == {"id": job_id, "state": "queued"}
    assert "只有失败的任务" in invoke(app, "jobs", "retry", str(job_id), code=1)
