"""No row gets the number of one that was deleted, where something names rows by number that no foreign key holds."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from app.models import AuditEntry, Contract, Person
from app.models.account import Account
from app.models.base import Model
from app.permissions import Role
from app.transaction import new_keys, transaction
from app.views.data.audit_names import NAMED
from app.workflows.access import sub_accounts
from app.workflows.contracts import contracts
from tests import factories as make
from tests.test_migrations import content, fill

APP = Path(__file__).resolve().parent.parent / "app"
BEFORE = "0073"  # what stands before tables count their numbers
ITS_OWN = "0074"
NOON = dt.datetime(2026, 3, 2, 4, 0, tzinfo=dt.UTC)

# Deletes whose model no name tells: what they delete. A new one needs its line here.
BY_PLACE = {
    "imports/undoing.py session.delete(person)": {"person"},
    "imports/undoing.py session.delete(ledger)": {"maintenance_ledger"},
    "imports/writing_past.py session.delete(found)": {"rescue", "repair_order"},
    "imports/writing_past.py delete(model)": {"rescue_step", "rescue_dispatch"},
    "commands/accounts.py session.delete(row)": {"ab_permission_view"},
    "commands/accounts.py delete(grants)": {"ab_permission_view_role"},
    "workflows/access/captchas.py session.delete(row)": {"captcha"},
    "workflows/access/identities.py session.delete(row)": {"external_identity"},
    "workflows/access/sub_accounts.py session.delete(account)": {"ab_user"},
    "workflows/approval/calendars.py session.delete(row)": {"calendar_day"},
    "workflows/contracts/contracts.py session.delete(contract)": {"contract"},
    "workflows/core/notices.py session.delete(row)": {"notice_template"},
    "workflows/files/attachments.py session.delete(row)": {"attachment"},
    "workflows/files/left_behind.py delete(model)": {"comment", "watch", "version"},
    "workflows/filing/filing.py session.delete(row)": {"unit", "elevator"},
    "workflows/filing/filing_sets.py delete(model)": {"unit", "elevator"},
    "workflows/filing/handed_on.py session.delete(named)": {"elevator_officer"},
    "workflows/filing/landing_doors.py session.delete(one)": {"landing_door_check"},
    "workflows/filing/landing_doors.py session.delete(row)": {"landing_door"},
    "workflows/filing/usual_parts.py session.delete(row)": {"usual_parts"},
    "workflows/handover/leaving.py session.delete(one)": {"elevator_assignment"},
    "workflows/oversight/evidence.py session.delete(one)": {"enforcement_evidence"},
    "workflows/papers/insurance.py session.delete(row)": {"insurance_record"},
    "workflows/people/person_filing.py session.delete(person)": {"person"},
    "workflows/privacy/retention.py session.delete(row)": {"invitation"},
    "workflows/privacy/retention.py delete(column.class_)": {"external_identity", "notice_choice"},
    "workflows/repair/repairs.py delete(crew)": {"repair_crew"},
    "workflows/scores/scores.py delete(ScoreEntry.__table__)": {"score_entry"},
    "backup/restoring.py table.delete()": set(),
}
# May lose their last row, and nothing but a foreign key or their own page ever names one by its number.
UNNAMED = {
    "ab_api_key", "ab_permission_view", "ab_permission_view_role", "ab_user_group", "ab_user_role", "api_call",
    "calendar_day", "column_choice", "comment", "elevator_assignment", "enforcement_evidence", "external_identity",
    "face_check", "import_row", "insurance_gap", "insured_person", "iot_event", "known_device",
    "landing_door_check", "live_session", "number_ask", "one_time_code", "provincial_item", "rescue_dispatch",
    "rescue_step", "saved_filter", "team_member", "version", "watch",
    # Only of an account that never signed in, which never had one.
    "api_token",
    # Its number is its score's and its place there.
    "score_entry",
}  # fmt: skip


@cache
def deletes() -> list[tuple[str, str | None]]:
    """Every delete in the product: where it stands, and the model when its name says so. All files are parsed once."""
    return list(found_deletes())


def found_deletes() -> Iterator[tuple[str, str | None]]:
    by_name = {mapper.class_.__name__: mapper.class_.__tablename__ for mapper in Model.registry.mappers}
    for path in sorted(APP.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            bare = isinstance(node.func, ast.Name) and node.func.id == "delete" and bool(node.args)
            owner = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "delete" else None
            if bare:
                yield f"{path.relative_to(APP)} {ast.unparse(node)}", by_name.get(ast.unparse(node.args[0]))
            elif isinstance(owner, ast.Name) and owner.id in ("session", "table"):
                yield f"{path.relative_to(APP)} {ast.unparse(node)}", None


def losing() -> set[str]:
    """Tables that may lose rows, also by what goes along."""
    found: set[str] = set()
    for place, table in deletes():
        found |= {table} if table is not None else BY_PLACE[place]
    for mapper in Model.registry.mappers:
        found |= {r.mapper.class_.__tablename__ for r in mapper.relationships if r.cascade.delete}
    along = -1
    while along != len(found):
        along = len(found)
        found |= {
            table.name for table in Model.metadata.tables.values() for key in table.foreign_keys
            if key.ondelete == "CASCADE" and key.column.table.name in found
        }  # fmt: skip
    return found


def counted() -> set[str]:
    return {t.name for t in Model.metadata.tables.values() if t.dialect_options["sqlite"]["autoincrement"]}


def test_every_delete_is_known() -> None:
    unknown = {place for place, table in deletes() if table is None} - BY_PLACE.keys()
    assert not unknown, f"say in BY_PLACE what they delete: {unknown}"
    stale = BY_PLACE.keys() - {place for place, _table in deletes()}
    assert not stale, f"no such delete: {stale}"


def test_what_may_lose_its_last_row_and_is_named_by_number_gives_none_twice() -> None:
    tables = Model.metadata.tables
    numbered = {
        name for name in losing()
        if [c.name for c in tables[name].primary_key] == ["id"] and isinstance(tables[name].c.id.type, sa.Integer)
    }  # fmt: skip
    assert numbered - counted() - UNNAMED == set(), "put ONCE into their __table_args__ and write a revision"
    assert UNNAMED - numbered == set() and counted() & UNNAMED == set()
    # It costs a write at each INSERT: only where it is wanted.
    assert counted() - numbered == set()
    named = {kind.model.__tablename__ for kind in NAMED.values()} & numbered
    assert named - counted() == {"api_token"}


def test_the_migrated_tables_count_as_the_models_say(session: Any, db_kind: str) -> None:
    """A later revision that rebuilds a table by Alembic's batch must say `sqlite_autoincrement` again."""
    if db_kind != "sqlite":
        # Its sequences never go back; each of these tables draws from one.
        for name in counted():
            asked = sa.text("SELECT pg_get_serial_sequence(:name, 'id')")
            assert session.scalar(asked, {"name": name}), name
        return
    held = session.scalars(
        sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%(id AUTOINCREMENT)%'")
    )
    assert set(held) == counted()


@pytest.mark.feature("AUD-01", "CON-04")
def test_the_log_speaks_of_one_contract_by_its_number(session: Any, world: make.World) -> None:
    keys = []
    for number in ("HT-91", "HT-92"):
        with transaction(session):
            row = make.make_contract(session, world.firm, [], number=number)
            keys.append(row.id)
        with transaction(session):
            contracts.delete(session, world.actor("maintenance_head"), keys[-1], NOON)
    assert keys[0] < keys[1]
    gone = select(AuditEntry.entity_id).where(AuditEntry.action == "contract.delete").order_by(AuditEntry.id)
    assert session.scalars(gone).all() == keys
    assert session.scalar(select(sa.func.count()).select_from(Contract).where(Contract.id.in_(keys))) == 0


@pytest.mark.feature("AUD-01", "ACC-09")
def test_what_an_account_did_is_nobody_elses(session: Any, world: make.World) -> None:
    keys = []
    for _again in range(2):
        with transaction(session):
            row = make.make_account(session, Role.CLERK, unit=world.firm)
            keys.append(row.id)
        with transaction(session):
            assert sub_accounts.remove(session, world.actor("maintenance_head"), keys[-1], NOON)
    assert keys[0] < keys[1]
    assert session.scalars(select(Account.id).where(Account.id.in_(keys))).all() == []


def test_keys_drawn_beforehand_are_new_too(session: Any, world: make.World) -> None:
    """What writes by the thousand draws its keys before it writes."""
    table = Person.__table__
    with transaction(session):
        gone = make.make_person(session, world.firm)
        key = gone.id
        session.delete(gone)
    with transaction(session):
        first, second = new_keys(session, table, 2)
        assert key < first < second
        row = make.make_person(session, world.firm, id=first)
        session.delete(row)
    with transaction(session):
        assert new_keys(session, table, 1)[0] > first


def test_a_database_that_was_lived_in_keeps_everything_and_counts_on(
    app: Any, empty_database_url: str, elsewhere: Any, db_kind: str
) -> None:
    """Up and down with rows, the search index and foreign keys; the log knows numbers of rows that are gone."""
    engine, runner = elsewhere(empty_database_url), app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    assert runner.invoke(args=["db", "downgrade", BEFORE]).exit_code == 0
    fill(engine)
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO audit_entry (id, at, actor_name, via, action, entity, entity_id) "
                    "VALUES (99, '2026-03-01 00:00:00', '甲', 'web', 'contract.delete', 'contract', 41)")
        )  # fmt: skip
        # What an undone import took away is told by its batch, not row by row.
        connection.execute(sa.text("UPDATE attachment SET entity = 'elevator', entity_id = 57"))
        connection.execute(sa.text("UPDATE import_row SET entity_id = 63"))
        connection.execute(sa.text("UPDATE import_batch SET kind = 'units'"))
    before, schema = content(engine), schema_of(engine)
    for command in ("upgrade", "downgrade", "upgrade"):
        done = runner.invoke(args=["db", command, BEFORE if command == "downgrade" else ITS_OWN])
        assert done.exit_code == 0, done.output or done.exception
        assert content(engine) == before
        found = schema_of(engine)
        if command == "downgrade" or db_kind != "sqlite":
            assert found == schema
        else:
            assert {name: words.replace(" AUTOINCREMENT", "") for name, words in found.items()} == schema
    if db_kind != "sqlite":
        return
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        counted = dict(connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence")).all())
        assert {name: counted[name] for name in ("contract", "elevator", "unit")} == {
            "contract": 41, "elevator": 57, "unit": 63,
        }  # fmt: skip
        hit = "SELECT rowid FROM search_unit WHERE search_unit MATCH '\"ame\"'"
        assert connection.scalars(sa.text(hit)).all() == [1]
        connection.execute(sa.text("UPDATE unit SET name = 'quay works'"))
        assert connection.scalars(sa.text(hit)).all() == []
        assert connection.scalars(sa.text(hit.replace("ame", "qua"))).all() == [1]


def schema_of(engine: sa.Engine) -> dict[str, str]:
    """Every table, index and trigger in its own words; how names are quoted says nothing."""
    if engine.dialect.name != "sqlite":
        return dict.fromkeys(sa.inspect(engine).get_table_names(), "")
    asked = sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'")
    with engine.connect() as connection:
        return {name: words.replace(f'"{name}"', name) for name, words in connection.execute(asked)}
