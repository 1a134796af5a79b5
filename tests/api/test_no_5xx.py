"""Whatever the description of the API allows to be sent, and much that it does not: no call ends in a 5xx."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import pickle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from app import clock
from app.models import (
    Anomaly,
    ApiToken,
    Bulletin,
    Commitment,
    Complaint,
    ElevatorMessage,
    Enforcement,
    FraudCase,
    FraudSignal,
    InsuranceMonth,
    InsuranceRecord,
    Invitation,
    InvitationPoster,
    IotDevice,
    Job,
    LiveSession,
    Notification,
    PatrolRound,
    PatrolStop,
    PersonalRequest,
    PolicyProposal,
    ProvincialDifference,
    ProvincialRun,
    RepairOrder,
    Rescue,
    RiskItem,
    SafetyRecord,
    SpotAvoidance,
    SpotCheck,
    SpotDraw,
    Visit,
)
from app.views.frame import screens
from tests.api.callers import Caller
from tests.api.test_filing_api import token
from tests.factories import World
from tests.services import Services
from tests.workflows.filing_world import attachment

# By place: who decides and sets policy, a maintenance unit, a use unit, who makes visits. Each walks what is his.
PERSONAS = ("region_admin", "maintenance_head", "use_head", "worker")
EXAMPLES = 3
# What a generated call is made of.
PARTS = ("path_parameters", "headers", "cookies", "query", "body", "multipart_content_types", "meta")
# Doors for whom a platform trusts itself to: no token has their right.
OF_KEEPERS = ("/api/v1/audit-packages",)
# Doors of a person's own, where a token is told to leave it to him; walked by who has signed in.
IN_PERSON = (
    "/api/v1/privacy", "/api/v1/me/mail", "/api/v1/me/avatar", "/api/v1/me/real-name", "/api/v1/sessions",
)  # fmt: skip
_CASES: dict[str, list[Any]] = {}
_DESCRIBED: list[Any] = []
# The framework's own doors.
OTHERS = ("/api/v1/security/", "/api/v1/menu/", "/api/{version}/")


@pytest.fixture
def rows(session: Any, world: World) -> dict[str, int]:
    """A row of each kind that the personas see, by the part of the address that names the kind."""
    today, now = clock.today(), clock.now()
    use: dict[str, Any] = {"unit_id": world.use_unit.id, "region_code": "980402000000"}
    account = world.accounts["use_head"]
    patrol = PatrolRound(title="巡检", due_on=today, account_id=account.id, account_name="负责人", **use)
    record = SafetyRecord(kind="weekly", on=today, nothing_found=True, made_by="负责人", made_at=now, **use)
    proposal = PolicyProposal(
        key="limit_days", region_code="980402000000", value=20, effective_on=today, source="文件", proposed_at=now
    )
    visit = Visit(
        elevator_id=world.own.id, unit_id=world.firm.id, use_unit_id=world.use_unit.id, worker_id=world.worker.id,
        region_code="980402000000", visit_on=today, checked_in_at=now, received_at=now, state="open",
    )  # fmt: skip
    clerk = world.accounts["clerk"]
    risk = RiskItem(place="机房", risk="高温", level="low", measures="通风", cycle="daily", responsible="负责人", **use)
    asked = Invitation(
        name="受邀人", phone="13900000099", kind="worker", by_unit_id=world.firm.id, state="review",
        unit_id=world.firm.id, region_code="980402000000",
    )  # fmt: skip
    seat = LiveSession(
        number="n" * 43, user_id=clerk.id, epoch=clerk.session_epoch, device="Chrome", created_at=now, seen_at=now,
        until=now + dt.timedelta(hours=12),
    )  # fmt: skip
    tested = Job(
        kind="policy_test", title="政策回测", state="done", result={"units": []}, created_at=now, heartbeat_at=now,
        created_by_id=world.accounts["region_admin"].id,
    )  # fmt: skip
    firm: dict[str, Any] = {"unit_id": world.firm.id, "region_code": "980402000000"}
    month = today.replace(day=1)
    letter = Commitment(valid_from=today, valid_until=today, state="approved", **firm)
    insured = InsuranceRecord(payer="澜州恒枢", from_on=month, to_on=today, **firm)
    compared = InsuranceMonth(month=month, compared_at=now, **firm)
    poster = InvitationPoster(
        kind="worker", token_hash="0" * 64, expires_at=now + dt.timedelta(days=1), most=9, by_unit_id=world.firm.id,
        **firm,
    )  # fmt: skip
    wish = PersonalRequest(
        kind="copy", name="王砚秋", account_id=world.accounts["worker"].id, detail="全部", asked_at=now, due_on=today,
        **firm,
    )  # fmt: skip
    told = Notification(recipient_id=clerk.id, topic="job", title="通知", state="sent", created_at=now, sent_at=now)
    session.add_all([patrol, record, proposal, visit, risk, asked, seat, tested, letter, insured, compared])
    theirs = ApiToken(
        account_id=clerk.id, name="对接", digest="0" * 64, start="tian_0", verbs=["unit.read"], epoch=1, made_at=now,
        ends_on=today,
    )  # fmt: skip
    lift: dict[str, Any] = {"elevator_id": world.own.id, "use_unit_id": world.use_unit.id, **firm}
    grumble = Complaint(
        number="K7QM3XPD9WRT", code=world.own.code, place="云樾里", name="顾以宁", phone="13900000098", kinds=["noise"],
        complained_at=now, accept_hours=24, handle_hours=72, review_hours=48, **lift,
    )  # fmt: skip
    case = Enforcement(
        number="YT-2026-000098", kind="talk", state="in_force", decided_on=today, facts="超期", demand="整改",
        reply_days=9, in_force_at=now, due_at=now, **firm,
    )  # fmt: skip
    line = ElevatorMessage(body="风扇", sent_at=now, **lift)
    shut_in = Rescue(
        number="JY-TEST", code=world.own.code, place="云樾里", source="call", reported_at=now, accept_minutes=3,
        arrive_minutes=18, done_minutes=30, **lift,
    )  # fmt: skip
    broken = RepairOrder(
        code=world.own.code, place="云樾里", source="report", level="stopped", reported_at=now,
        reported_unit_id=world.use_unit.id, **lift,
    )  # fmt: skip
    odd = Anomaly(
        code=world.own.code, place="云樾里", source="iot", kind="door", found_at=now, last_at=now, **lift
    )  # fmt: skip
    session.add_all([poster, wish, told, theirs, grumble, line, shut_in, broken, odd, case])
    fraud = FraudCase(number="HC-1", question="请说明", opened_at=now, due_at=now + dt.timedelta(days=7), **firm)
    drawn = SpotDraw(
        number="CC-1", title="春季抽查", kind="elevator", quota=1, risk_percent=0, top_percent=20, as_of=now,
        population=f"{world.own.code}\t0\t\n", population_count=1, population_digest="0" * 64, secret="0" * 64,
        commitment="0" * 64, check_until=today, region_code="980402000000",
    )  # fmt: skip
    session.add_all([fraud, drawn])
    session.flush()
    doubt = FraudSignal(
        key="overlap:1:2", kind="overlap", seen_on=today, points=30, found="重叠", found_at=now, **firm
    )
    check = SpotCheck(
        draw_id=drawn.id, position=1, stratum="random", code=world.own.code, name="云樾里", elevator_id=world.own.id,
        risk=0, state="fixing", **firm,
    )  # fmt: skip
    out = SpotAvoidance(account_id=clerk.id, reason="亲属", declared_at=now, **firm)
    session.add_all([doubt, check, out])
    paper_ = Bulletin(
        region_code="980402000000", region_name="临河区", period="2026-01", first_on=today, last_on=today, title="通报",
        office="临河区市场监督管理局", mark="电梯通报", as_of=now, policy="0", figures={}, digest="0" * 64, texts={},
        drafted_by="某人",
    )  # fmt: skip
    session.add(paper_)
    machine = IotDevice(
        serial="SN-1", elevator_id=world.own.id, standard="TIAN-1", bound_at=now, key="k" * 43, **firm
    )
    session.add(machine)
    looked = ProvincialRun(kind="codes", codes=[world.own.code], begun_at=now, **firm)
    differs = ProvincialDifference(
        code=world.own.code, kind="fields", elevator_id=world.own.id, theirs={"code": world.own.code, "floors": 3},
        unlike=["floors"], near={}, digest="0" * 64, found_at=now, seen_at=now, **firm,
    )  # fmt: skip
    session.add_all([looked, differs])
    session.flush()
    stop = PatrolStop(round_id=patrol.id, elevator_id=world.own.id)
    session.add(stop)
    session.flush()
    paper = attachment(session, world.actor("use_head"))
    found = {
        "elevators": world.own.id, "elevator": world.own.id, "units": world.firm.id, "contracts": world.contract.id,
        "patrols": patrol.id, "stops": stop.id, "safety-records": record.id, "policy-proposals": proposal.id,
        "visits": visit.id, "files": paper.id, "accounts": clerk.id, "people": world.worker.id, "risks": risk.id,
        "invitations": asked.id, "sessions": seat.id, "policy-tests": tested.id,
        "commitments": letter.id, "insurance": insured.id, "insurance-months": compared.id,
        "invitation-posters": poster.id, "personal-requests": wish.id, "inbox": told.id,
        "complaints": grumble.id, "rescues": shut_in.id, "messages": line.id, "tokens": theirs.id, "regions":
        world.firm.region_id, "repairs": broken.id, "anomalies": odd.id, "enforcement": case.id, "fraud-signals":
        doubt.id, "fraud-cases": fraud.id, "spot-draws": drawn.id, "spot-checks": check.id, "spot-avoidances": out.id,
        "bulletins": paper_.id, "devices": machine.id, "runs": looked.id, "provincial": differs.id,
    }  # fmt: skip
    return found


@pytest.mark.feature("INT-04")
@pytest.mark.parametrize("persona", PERSONAS)
def test_generated_calls_find_no_5xx(
    app: Any, session: Any, world: World, rows: dict[str, int], services: Services, persona: str
) -> None:
    use = Caller(app, world, "use_head")
    asked = {"kind": "suspension", "elevator_id": world.own.id, "effective_on": clock.today().isoformat()}
    rows["applications"] = use.post("/applications", asked | {"reason": "改造"}).json["id"]
    headers = Caller(app, world, persona).headers
    wanted = [one for one in operations(app, headers) if may(world, persona, one)]
    failures, seen = called(services, wanted, headers, rows)
    # An empty walk, or one that nobody let in, would prove nothing.
    assert len(wanted) > 15 and {200, 422} <= seen and not {401} & seen
    assert not failures, "\n".join(failures[:20])


@pytest.mark.feature("INT-04", "AUD-01")
def test_generated_calls_of_the_logs_keeper_find_no_5xx(
    app: Any, world: World, rows: dict[str, int], services: Services
) -> None:
    """What no token may do is walked by who has signed in."""
    headers = token(app, world, "platform_admin")
    wanted = [one for one in operations(app, headers) if one.path.startswith(OF_KEEPERS)]
    failures, seen = called(services, wanted, headers, rows)
    assert len(wanted) == 2 and {201, 404} <= seen and not {401, 403} & seen
    assert not failures, "\n".join(failures)


@pytest.mark.feature("INT-04", "PER-10")
def test_generated_calls_in_person_find_no_5xx(
    app: Any, world: World, rows: dict[str, int], services: Services
) -> None:
    headers = token(app, world, "worker")
    wanted = [one for one in operations(app, headers) if one.path.startswith(IN_PERSON)]
    failures, seen = called(services, wanted, headers, rows)
    assert len(wanted) == 14 and {200, 422} <= seen and 401 not in seen
    assert not failures, "\n".join(failures)


def called(
    services: Services, wanted: list[Any], headers: dict[str, str], rows: dict[str, int]
) -> tuple[list[str], set[int]]:
    """Call each operation with what its description allows and with what it does not: 5xx, and all answers."""
    failures: list[str] = []
    seen: set[int] = set()
    for operation in wanted:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for made in cases(operation, mode, services):
                case = point_at(copied(made), rows)
                answer = case.call(headers=headers)
                # So many wrong own passwords as all of these doors together are given lock the asking.
                if answer.status_code != 401 or not operation.path.endswith(("/password", "/phone")):
                    seen.add(answer.status_code)
                if answer.status_code >= 500:
                    failures.append(f"{answer.status_code} {case.as_curl_command()}")
    return failures, seen


def cases(operation: Any, mode: GenerationMode, services: Services) -> list[Any]:
    """The calls that are generated for an operation: whoever makes them, they are the same: one process makes them."""
    key = hashlib.sha256(repr((operation.label, mode, operation.definition.raw)).encode()).hexdigest()
    if key not in _CASES:
        kept = services.root / "cases" / key
        with services.locked("cases"):
            kept.parent.mkdir(exist_ok=True)
        with services.locked(f"cases/{key}"):
            if not kept.exists():
                kept.write_bytes(pickle.dumps([parts_of(case) for case in generated(operation, mode)]))
            made = pickle.loads(kept.read_bytes())  # noqa: S301 - what another process of this run wrote
        _CASES[key] = [schemathesis.Case(operation, **parts) for parts in made]
    return _CASES[key]


def generated(operation: Any, mode: GenerationMode) -> list[Any]:
    made: list[Any] = []

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def keep(case: Any) -> None:
        made.append(case)

    keep()
    return made


def parts_of(case: Any) -> dict[str, Any]:
    return {name: getattr(case, name) for name in (*PARTS, "method", "path", "media_type")}


def copied(case: Any) -> Any:
    """A call like it: to point it at a row and to send it changes a call."""
    return schemathesis.Case(case.operation, **copy.deepcopy(parts_of(case)))


@pytest.mark.feature("INT-04")
def test_each_door_is_somebodys(app: Any, world: World) -> None:
    """No operation is left out of the walk above."""
    headers = Caller(app, world, "region_admin").headers
    found = operations(app, headers)
    assert len(found) > 120
    left = [o for o in found if not any(may(world, persona, o) for persona in PERSONAS)]
    assert [o.label for o in left if not o.path.startswith(OF_KEEPERS)] == []


def operations(app: Any, headers: dict[str, str]) -> list[Any]:
    """All that the description names, without the framework's own; it is the same whoever asks, and read once."""
    if not _DESCRIBED:
        schema = schemathesis.openapi.from_wsgi("/api/v1/_openapi", app, headers=headers)
        _DESCRIBED.extend(found.ok() for found in schema.get_all_operations())
    return [operation for operation in _DESCRIBED if not operation.path.startswith(OTHERS)]


def may(world: World, persona: str, operation: Any) -> bool:
    """Whether the door is open to the persona at all; that it is shut to others, the walk of the doors shows."""
    view, method = operation.definition.raw["operationId"].split(".")[:2]
    verb = screens.verb_of(view, f"can_{method}")
    return verb is not None and world.actor(persona).may(verb)


def point_at(case: Any, rows: dict[str, int]) -> Any:
    """Let a call with a number meet a row that is there, or it would end at the door."""
    before = case.path.split("{key}")[0].split("/")
    parts = [part for part in before if part in rows]
    if isinstance((case.path_parameters or {}).get("key"), int) and parts:
        case.path_parameters["key"] = rows[parts[-1]]
    return case
