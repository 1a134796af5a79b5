"""What is asked by one statement, or made once for many, says what the long way says: callers, scope, humans, rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app import clock, scope, vault
from app.direct_rows import write_changes, write_new
from app.models import Account, AuditEntry, Elevator, MaintenanceLedger, Person, Visit
from app.permissions import Role, Verb
from app.policy import chain
from app.scope.rules import GUARDED, UNPLACED
from app.workflows.core import actors, audit
from app.workflows.on_site import arrivals, presence, sites
from app.workflows.people import people, workers
from tests.factories import World, make_account, make_ledger, make_person, make_unit
from tests.factories import actor as actor_of
from tests.workflows.clock_world import add_visit

DAY = dt.date(2026, 3, 2)
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
PERSONAS = (
    "platform_admin", "region_admin", "inspector", "other_inspector", "maintenance_head", "clerk", "worker",
    "other_worker", "use_head", "safety_officer",
)  # fmt: skip


def both_ways(session: Any, account_id: int) -> tuple[Any, Any]:
    """The actor by columns and by the row; with nothing of the one left for the other."""
    session.expire_all()
    found = actors.caller(session, account_id)
    row = session.scalars(select(Account).where(Account.id == account_id).execution_options(skip_scope=True)).one()
    return actors.actor_of(found, "api", "192.0.2.1"), actors.actor_of(row, "api", "192.0.2.1")


@pytest.mark.feature("ACC-13", "ACC-09")
@pytest.mark.parametrize("persona", PERSONAS)
def test_a_caller_is_who_his_row_says(session: Any, world: World, persona: str) -> None:
    short, long = both_ways(session, world.accounts[persona].id)
    assert short == long and short.roles and short.may(Verb.HOME)
    assert isinstance(actors.caller(session, world.accounts[persona].id), actors.Caller)


@pytest.mark.feature("ACC-09", "ACC-03")
@pytest.mark.parametrize("kind", ["ticked", "of_head", "of_manager", "head_ended", "other_unit", "self_registered"])
def test_what_a_giver_has_is_in_it(session: Any, world: World, kind: str) -> None:
    head = world.accounts["maintenance_head"]
    ticked = f" {Verb.VISIT_MAKE.value} {Verb.ELEVATOR_READ.value} "
    more: dict[str, Any] = {"parent_user_id": head.id, "ticked": ticked}
    if kind == "ticked":
        more["parent_user_id"] = None
    elif kind == "of_manager":
        manager = make_account(
            session, Role.MAINTENANCE_MANAGER, unit=world.firm, parent_user_id=head.id,
            ticked=f" {Verb.VISIT_READ.value} ",
        )  # fmt: skip
        more["parent_user_id"] = manager.id
    elif kind == "head_ended":
        head.active = False
    elif kind == "other_unit":
        more["parent_user_id"] = world.accounts["other_head"].id
    elif kind == "self_registered":
        more = {"self_registered": True}
        world.firm.approved_version = 0
    account = make_account(session, Role.WORKER, unit=world.firm, person=world.worker, **more)
    session.commit()
    short, long = both_ways(session, account.id)
    assert short == long
    may = {"head_ended": False, "self_registered": False}.get(kind, True)
    assert short.may(Verb.VISIT_MAKE) is may
    # Above a giver who is a sub-account himself any number may stand: then it is the row that is read.
    assert isinstance(actors.caller(session, account.id), actors.Caller) is (kind != "of_manager")


@pytest.mark.feature("ACC-13")
def test_nobody_is_found_under_a_number_that_nobody_has(session: Any, world: World) -> None:
    assert actors.caller(session, 2_000_000_000) is None


@pytest.mark.feature("ACC-12")
@pytest.mark.parametrize("persona", PERSONAS)
def test_an_outline_sees_what_its_actor_sees(session: Any, world: World, persona: str) -> None:
    add_visit(session, world.own, world.worker, DAY)
    add_visit(session, world.foreign, world.other_worker, DAY)
    session.commit()
    actor = world.actor(persona)
    kind, numbers = scope.outline(actor)
    for model in GUARDED:
        columns = model.__table__.c
        short = set(session.scalars(select(columns.id).where(scope.over(columns, model, kind)), numbers))
        plain = select(columns.id).where(scope.over(columns, model, actor))
        assert short == set(session.scalars(plain)), model


@pytest.mark.feature("ACC-12")
def test_accounts_of_a_kind_share_one_outline(world: World) -> None:
    kind, numbers = scope.outline(world.actor("worker"))
    other, others = scope.outline(world.actor("other_worker"))
    assert numbers != others
    # Wherever they are, but not those of a city with those of a district: the databases are told which is most of it.
    assert kind == other
    admin = world.actor("region_admin")
    city, district = (replace(admin, region_code=code) for code in ("980400000000", "980402000000"))
    assert scope.outline(city)[0] != scope.outline(district)[0]


@pytest.mark.feature("ACC-12")
def test_which_region_an_outline_is_of_is_no_text(world: World) -> None:
    kind, _numbers = scope.outline(world.actor("region_admin"))
    for wrong in (str, lambda code: f"region:{code}", chain):
        with pytest.raises(TypeError):
            wrong(kind.region_code)


@pytest.mark.feature("ACC-12")
@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("model", sorted(UNPLACED, key=lambda model: model.__name__))
def test_where_a_unit_is_makes_no_difference_to_some(world: World, persona: str, model: Any) -> None:
    actor = world.actor(persona)
    elsewhere = replace(actor, region_code="110101000000")
    kinds = [scope.outline(each, model) for each in (actor, elsewhere)]
    placed = [scope.outline(each) for each in (actor, elsewhere)]
    alike = actor.unit_id is not None
    assert (kinds[0] == kinds[1]) is alike and placed[0] != placed[1]
    if alike:
        told = [str(scope.over(model.__table__.c, model, kind)) for kind, _numbers in (kinds[0], placed[0], placed[1])]
        assert told[0] == told[1] == told[2] and "region" not in told[0]


@pytest.mark.feature("ACC-12", "INS-01")
def test_inspection_people_see_what_is_where_their_unit_is(session: Any, world: World) -> None:
    """Their place counts, in the statement that is shared as in the one that is not."""
    unit = make_unit(session, "岚省检验一院", is_inspection=True, region_code="980402000000")
    tester = actor_of(make_account(session, Role.TESTER, unit=unit))
    session.commit()
    kind, numbers = scope.outline(tester, Elevator)
    table: Any = Elevator.__table__.c
    shared = select(table.id).where(scope.over(table, Elevator, kind))
    plain = scope.apply(select(Elevator.id), tester, Elevator).execution_options(skip_scope=True)
    seen = set(session.execute(shared, numbers).scalars())
    assert seen == set(session.scalars(plain)) and world.own.id in seen and world.foreign.id not in seen


@pytest.mark.feature("PER-07", "PER-08")
@pytest.mark.parametrize("known_by", ["certificate", "number", "nothing"])
def test_one_human_by_one_statement(
    session: Any, world: World, known_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two units the same by certificate or by ID number; while indexes are made anew, the long way says the same."""
    number = "110101199003070097"
    world.worker.resident_id = number
    same = {
        "certificate": {"certificate_no": world.worker.certificate_no},
        "number": {"resident_id": number, "left_on": DAY}, "nothing": {},
    }[known_by]  # fmt: skip
    twin = make_person(session, world.other_firm, world.worker.name, **same)
    session.commit()
    rows = {world.worker.id} | (set() if known_by == "nothing" else {twin.id})
    actor = world.actor("worker")
    short = workers.of(session, actor, START, held=True)
    assert short.human == rows and short.person.name == world.worker.name and short.unit.name == world.firm.name
    names = vault.key_names()
    monkeypatch.setattr(vault, "key_names", lambda: (names[0], {*names[1], "another"}))
    assert workers.of(session, actor, START, held=True) == short
    person = session.get(Person, world.worker.id)
    month = arrivals.of(session, actor, short, "", START).month
    assert workers.quota_of(session, short, month, DAY) == people.quotas(session, [person], START)[person.id]


@pytest.mark.feature("MNT-01")
def test_the_elevator_of_a_visit_and_the_one_that_was_scanned(session: Any, world: World) -> None:
    own, foreign, visit = world.own, world.foreign, add_visit(session, world.own, world.worker, DAY)
    session.commit()
    for scanned in (own.code, own.public_token, f"https://x.invalid/m/e/{own.code}", foreign.code, "", "none"):
        work = sites.of_visit(session, world.actor("worker"), visit.id, scanned)
        found = presence.elevator_of(session, scanned)
        assert work is not None and (work.visit.id, work.elevator.id) == (visit.id, own.id)
        assert work.same_code is (found is not None and found.id == own.id)
    assert sites.of_visit(session, world.actor("other_worker"), visit.id, own.code) is None


@pytest.mark.feature("MNT-03")
def test_a_row_written_at_once_is_a_row_like_any_other(session: Any, world: World, database: Any) -> None:
    model = add_visit(session, world.own, world.worker, DAY)
    row = Visit(
        elevator_id=model.elevator_id, unit_id=model.unit_id, region_code=model.region_code, snapshot={"code": "梯"},
        worker_id=model.worker_id, visit_on=DAY, checked_in_at=START, received_at=START, state="valid",
    )  # fmt: skip
    write_new(session, row)
    assert row in session and not session.is_modified(row) and session.get(Visit, row.id) is row
    assert (row.level, row.awaiting_sheet, row.taken_over, row.results) == ("half_month", False, False, None)
    row.note = "后来"
    session.commit()
    with Session(database.engine) as other:
        read = other.get(Visit, row.id)
        assert (read.note, read.snapshot, read.checked_in_at) == ("后来", {"code": "梯"}, START)
        assert other.scalar(select(func.count()).where(Visit.id == row.id, Visit.results.is_(None))) == 1


@pytest.mark.feature("MNT-03", "ELV-06")
def test_what_was_changed_is_written_at_once_and_only_that(session: Any, world: World, database: Any) -> None:
    ledger = make_ledger(session, world.own)
    visit = add_visit(session, world.own, world.worker, DAY)
    session.commit()
    before, stamp = ledger.row_version, ledger.updated_at
    ledger.mode = ledger.mode  # set, and what it was
    write_changes(session, ledger)
    assert not session.dirty and ledger.row_version == before
    ledger.next_half_month_on, ledger.mode = DAY, ledger.mode
    visit.results, visit.note = [{"code": "梯"}], "好"
    with clock.frozen(stamp + dt.timedelta(hours=1)):
        write_changes(session, ledger)
        write_changes(session, visit)
    assert not session.dirty and ledger.row_version == before + 1
    assert ledger.updated_at == stamp + dt.timedelta(hours=1)
    session.commit()
    with Session(database.engine) as other:
        read = other.get(MaintenanceLedger, ledger.id)
        assert (read.next_half_month_on, read.row_version, read.updated_at) == (DAY, before + 1, ledger.updated_at)
        seen = other.get(Visit, visit.id)
        assert (seen.results, seen.note, seen.state) == ([{"code": "梯"}], "好", "valid")


@pytest.mark.feature("ELV-06")
def test_a_versioned_row_is_written_as_it_was_read_only(session: Any, world: World) -> None:
    ledger = make_ledger(session, world.own)
    session.commit()
    table: Any = MaintenanceLedger.__table__
    assert ledger.row_version == 1
    session.execute(update(table).where(table.c.id == ledger.id).values(row_version=7))
    ledger.next_half_month_on = DAY
    # PostgreSQL is told with whatever comes next.
    with pytest.raises(StaleDataError):
        write_changes(session, ledger)
        session.commit()
    session.rollback()
    session.refresh(ledger)
    assert ledger.next_half_month_on != DAY


@pytest.mark.feature("MNT-03")
def test_what_is_more_than_columns_goes_the_long_way(session: Any, world: World) -> None:
    visit = add_visit(session, world.own, world.worker, DAY)
    session.commit()
    visit.elevator, visit.note = world.foreign, "换"
    write_changes(session, visit)
    assert not session.dirty and visit.elevator_id == world.foreign.id
    session.rollback()


@pytest.mark.feature("AUD-01")
def test_both_ways_into_the_log_write_the_same(session: Any, world: World) -> None:
    said: dict[str, Any] = {"before": {"phone": "13800000000", "on": DAY}, "after": {"state": "x", "password": "y"}}
    actor = world.actor("worker")
    audit.record(session, actor, START, "visit.check_in", "visit", 7, **said)
    session.flush()
    audit.record_now(session, actor, START, "visit.check_in", "visit", 7, **said)
    audit.record_now(session, actor, START, "visit.check_in", "visit", 7)
    session.commit()
    first, second, bare = session.scalars(select(AuditEntry).where(AuditEntry.entity_id == 7).order_by(AuditEntry.id))
    names = [name for name in audit.CONTENT if name != "id"]
    assert [getattr(first, n) for n in names] == [getattr(second, n) for n in names]
    assert first.before["phone"] != "13800000000" and bare.after is None


@pytest.mark.feature("MNT-02")
def test_what_is_begun_is_told_by_key_and_person(session: Any, world: World) -> None:
    running = add_visit(session, world.own, world.worker, DAY, state="open", checked_out_at=None, client_key="k")
    running.next_change_at = START + dt.timedelta(hours=1)
    session.commit()

    def found(persona: str, key: str | None = None) -> arrivals.Arrival:
        actor = world.actor(persona)
        return arrivals.of(session, actor, workers.of(session, actor, START), world.own.code, START, key)

    own = found("worker", "k")
    assert own.running is not None and own.again == arrivals.Begun(running.id, world.worker.id)
    assert (own.running.id, own.running.code, own.running.elevator_id) == (running.id, world.own.code, world.own.id)
    assert own.running.runs_at(START) and not own.running.runs_at(START + dt.timedelta(hours=1))
    assert own.month == (1,) and found("worker").again is None
    assert found("other_worker") == replace(found("other_worker"), running=None, again=None, month=())
    assert found("other_worker", "k").again == own.again
    assert found("maintenance_head").running is None
    with clock.frozen(START):
        assert presence.open_visit(session, world.worker.id, START).id == running.id
    assert session.get(Elevator, world.own.id) is not None


@pytest.mark.feature("STA-01")
def test_a_connection_that_the_server_closed_is_replaced(app: Any, session: Any, world: World, database: Any) -> None:
    """Asked of its socket, before a call uses it: nobody sees that the database was started again."""
    session.close()
    client, body = app.test_client(), {"username": "nobody", "password": "x", "provider": "db"}
    assert client.post("/api/v1/security/login", json=body).status_code == 401
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect(), database.engine.connect(), database.engine.connect():
            pass  # whichever the next call takes but one, it will be closed
        # By itself each time: within a transaction the server shows the others as they were when first asked.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            others = text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            while connection.execute(others).all():  # asked to end, they take a moment
                pass
    assert client.post("/api/v1/security/login", json=body).status_code == 401
