"""POL-01: setting a value: by whom, for which region, from which day, by which document; and the commands."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import threading
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import AuditEntry, Notification, PolicyProposal, PolicyValue
from app.models.policy import policy_book, policy_value, policy_version
from app.permissions import SYSTEM, Role
from app.policy import INHERIT
from app.transaction import transaction
from app.workflows.approval import policies
from app.workflows.core import audit
from tests.factories import World, actor, make_account

pytestmark = pytest.mark.feature("POL-01")
CITY, DISTRICT, OTHER = "980400000000", "980402000000", "980403000000"


def put(
    world: World, key: str, value: Any, region: str = DISTRICT, days: int = 0, by: Any = SYSTEM, **more: Any
) -> None:
    """As the platform's own command does."""
    with transaction(world.session):
        on = clock.today() + dt.timedelta(days=days)
        more = {"source": "澜市监〔2026〕1 号"} | more
        policies.set_value(world.session, by, clock.now(), key, value, region, on, **more)


def propose(
    world: World, persona: str, key: str, value: Any, region: str = DISTRICT, days: int = 0, **more: Any
) -> PolicyProposal:
    with transaction(world.session):
        on = clock.today() + dt.timedelta(days=days)
        more = {"source": "澜市监〔2026〕1 号"} | more
        return policies.propose(world.session, world.actor(persona), clock.now(), key, value, region, on, **more)


def approve(world: World, account: Any, made: PolicyProposal, seen: str | None = None) -> None:
    seen = seen or policy_version(world.session, made.region_code, made.effective_on)
    with transaction(world.session):
        policies.approve(world.session, actor(account), made.id, seen, "", clock.now())


@pytest.fixture
def second(world: World) -> Any:
    """Another administrator of the same district, made by neither."""
    made = make_account(world.session, Role.REGION_ADMIN, region_code=DISTRICT)
    world.session.commit()
    return made


def test_a_value_is_appended_and_logged_and_holds_below(world: World) -> None:
    put(world, "near_contract_days", 9)
    put(world, "near_contract_days", 12, days=3)
    today = clock.today()
    assert policy_value(world.session, "near_contract_days", "980402001000", today) == 9
    assert policy_value(world.session, "near_contract_days", "980402001000", today + dt.timedelta(days=3)) == 12
    assert world.session.query(PolicyValue).count() == 2
    logged = world.session.query(AuditEntry).filter_by(action="policy.set").order_by(AuditEntry.id).all()
    assert [(e.before["value"], e.after["value"]) for e in logged] == [(7, 9), (9, 12)]


def test_off_and_inherit_are_values(world: World) -> None:
    put(world, "visit_max_hours", None)
    assert policy_value(world.session, "visit_max_hours", DISTRICT, clock.today()) is None
    put(world, "visit_max_hours", INHERIT)
    assert policy_value(world.session, "visit_max_hours", DISTRICT, clock.today()) == 8


def test_it_holds_once_a_second_person_approves_and_both_are_told(world: World, second: Any) -> None:
    made = propose(world, "region_admin", "near_contract_days", 9)
    today = clock.today()
    assert policy_value(world.session, "near_contract_days", DISTRICT, today) == 7
    told = world.session.query(Notification).filter_by(topic="policy").all()
    assert [n.recipient_id for n in told] == [second.id]
    approve(world, second, made)
    assert policy_value(world.session, "near_contract_days", DISTRICT, today) == 9
    row = world.session.query(PolicyValue).one()
    assert (made.value_id, row.set_by_id, made.decided_by_id) == (
        row.id, world.accounts["region_admin"].id, second.id
    )  # fmt: skip
    back = world.session.query(Notification).filter_by(topic="policy").order_by(Notification.id.desc()).first()
    assert back.recipient_id == world.accounts["region_admin"].id and "已批准" in back.title


def test_the_proposer_never_approves_his_own(world: World) -> None:
    made = propose(world, "region_admin", "limit_days", 20)
    with pytest.raises(Refusal, match="您就是提议人"):
        approve(world, world.accounts["region_admin"], made)


@pytest.mark.parametrize("line", [("first", "second"), ("second", "first"), ("first", "between", "second")])
def test_never_two_accounts_one_of_which_made_the_other(world: World, second: Any, line: tuple[str, ...]) -> None:
    """However long the line of who made whom."""
    between = make_account(world.session, Role.REGION_ADMIN, region_code=DISTRICT)
    people = {"first": world.accounts["region_admin"], "between": between, "second": second}
    for maker, made in itertools.pairwise(line):
        people[made].parent_user_id = people[maker].id
    world.session.commit()
    proposal = propose(world, "region_admin", "limit_days", 20)
    with pytest.raises(Refusal, match="互不隶属"):
        approve(world, second, proposal)
    assert world.session.query(PolicyValue).count() == 0


def test_two_accounts_that_a_third_made_are_two(world: World, second: Any) -> None:
    chief = world.accounts["platform_admin"]
    second.parent_user_id = world.accounts["region_admin"].parent_user_id = chief.id
    world.session.commit()
    approve(world, second, propose(world, "region_admin", "limit_days", 20))
    assert policy_value(world.session, "limit_days", DISTRICT, clock.today()) == 20


def test_one_person_with_two_accounts_is_one(world: World, second: Any) -> None:
    second.person_id = world.accounts["region_admin"].person_id = world.worker.id
    world.session.commit()
    with pytest.raises(Refusal, match="同一人"):
        approve(world, second, propose(world, "region_admin", "limit_days", 20))


def test_another_districts_administrator_sees_and_decides_nothing(world: World) -> None:
    other = make_account(world.session, Role.REGION_ADMIN, region_code=OTHER)
    world.session.commit()
    made = propose(world, "region_admin", "limit_days", 20)
    with pytest.raises(NotFound):
        approve(world, other, made)


def test_the_city_decides_for_its_district_but_not_the_other_way(world: World) -> None:
    city = make_account(world.session, Role.REGION_ADMIN, region_code=CITY)
    world.accounts["city"] = city
    world.session.commit()
    approve(world, city, propose(world, "region_admin", "limit_days", 20))
    above = propose(world, "city", "limit_days", 25, CITY)
    with pytest.raises(Refusal, match="不在您的辖区"):
        approve(world, world.accounts["region_admin"], above)


def test_one_proposal_of_a_key_waits_at_a_time(world: World, second: Any) -> None:
    made = propose(world, "region_admin", "limit_days", 20)
    with pytest.raises(Refusal, match="只能有一件"):
        propose(world, "region_admin", "limit_days", 21)
    propose(world, "region_admin", "limit_days", 21, "980402001000")
    with transaction(world.session):
        policies.withdraw(world.session, world.actor("region_admin"), made.id, clock.now())
    again = propose(world, "region_admin", "limit_days", 21)
    with transaction(world.session):
        with pytest.raises(Refusal, match="理由"):
            policies.reject(world.session, actor(second), again.id, " ", clock.now())
        policies.reject(world.session, actor(second), again.id, "依据不足", clock.now())
    with pytest.raises(Stale):
        approve(world, second, again)


def test_what_is_decided_is_what_was_shown(world: World, second: Any) -> None:
    made = propose(world, "region_admin", "limit_days", 20)
    seen = policy_version(world.session, DISTRICT, clock.today())
    put(world, "near_contract_days", 9)
    with pytest.raises(Stale, match="版本"):
        approve(world, second, made, seen)
    approve(world, second, made)


def test_a_day_that_is_over_is_never_judged_anew(world: World, second: Any) -> None:
    made = propose(world, "region_admin", "limit_days", 20)
    tomorrow = clock.now() + dt.timedelta(days=1)
    with transaction(world.session), pytest.raises(Refusal, match="早于今天"):
        policies.approve(world.session, actor(second), made.id, "x", "", tomorrow)


def test_two_at_once_one_wins(world: World, second: Any, database: Any) -> None:
    third = make_account(world.session, Role.REGION_ADMIN, region_code=DISTRICT)
    world.session.commit()
    made = propose(world, "region_admin", "limit_days", 20)
    seen, number = policy_version(world.session, DISTRICT, clock.today()), made.id
    deciders = [actor(second), actor(third)]
    world.session.commit()
    start, results = threading.Barrier(2), []

    def work(who: Any) -> None:
        start.wait()
        with Session(database.engine) as own:
            try:
                with transaction(own):
                    policies.approve(own, who, number, seen, "", clock.now())
                results.append("done")
            except Refusal as refusal:
                results.append(type(refusal).__name__)

    threads = [threading.Thread(target=work, args=(who,)) for who in deciders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["Stale", "done"]
    assert world.session.query(PolicyValue).count() == 1


@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "clerk"])
def test_only_who_may_edit_policy_does(world: World, persona: str) -> None:
    with pytest.raises(NotAllowed):
        propose(world, persona, "limit_days", 20)
    with pytest.raises(NotAllowed):
        put(world, "limit_days", 20, by=world.actor(persona))


@pytest.mark.parametrize("persona", ["region_admin", "platform_admin"])
def test_nobody_with_an_account_sets_a_value_alone(world: World, persona: str) -> None:
    with pytest.raises(NotAllowed, match="两人批准"):
        put(world, "limit_days", 20, by=world.actor(persona))


@pytest.mark.parametrize(
    ("key", "value", "region", "days", "source", "word"),
    [
        ("limit_days", 20, CITY, 0, "x", "管辖范围"), ("limit_days", 20, OTHER, 0, "x", "管辖范围"),
        ("limit_days", 20, "980402009000", 0, "x", "管辖范围"), ("limit_days", 20, DISTRICT, -1, "x", "早于今天"),
        ("limit_days", 0, DISTRICT, 0, "x", "limit_days"), ("no_such", 1, DISTRICT, 0, "x", "没有参数"),
        ("preset", "hangzhou", DISTRICT, 0, "x", "没有预设"), ("limit_days", 20, DISTRICT, 0, "  ", "依据"),
        ("limit_days", 20, DISTRICT, 400_000, "x", "年份"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(
    world: World, key: str, value: Any, region: str, days: int, source: str, word: str
) -> None:
    with pytest.raises(Refusal, match=word):
        propose(world, "region_admin", key, value, region, days, source=source)
    assert world.session.query(PolicyValue).count() == world.session.query(PolicyProposal).count() == 0


def test_only_the_platforms_own_command_sets_a_region_up_backwards(world: World) -> None:
    with pytest.raises(Refusal, match="早于今天"):
        put(world, "preset", "nantong", days=-30)
    put(world, "preset", "nantong", days=-30, backdated=True)
    assert policy_value(world.session, "visit_min_minutes", DISTRICT, clock.today()) == 30


def test_a_version_can_be_read_back_as_kept_and_as_found(world: World) -> None:
    today = clock.today()
    before = policy_version(world.session, DISTRICT, today)
    with transaction(world.session):
        kept = policies.keep_snapshot(world.session, policy_book(world.session, DISTRICT, today), clock.now())
        assert policies.keep_snapshot(world.session, policy_book(world.session, DISTRICT, today), clock.now()) == kept
    put(world, "limit_days", 20)
    middle = policy_version(world.session, DISTRICT, today)
    put(world, "limit_days", 25)
    assert policies.said(world.session, before, DISTRICT, today)["limit_days"] == 15
    assert policies.said(world.session, middle, DISTRICT, today)["limit_days"] == 20
    assert policies.said(world.session, "0" * 12, DISTRICT, today) is None


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
    from app.workflows.core import jobs

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
