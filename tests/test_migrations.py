"""One line of migrations that leads up and down on both databases and ends exactly at the models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from app import search, vault
from app.models import Elevator, ImportBatch
from app.models.base import Model
from tests.databases import ROOT, Database

KEPT_BY_ALEMBIC = {"alembic_version"}


_KEPT: dict[str, set[str]] = {}


@pytest.fixture
def standing_at(
    app: Any, empty_database_url: str, elsewhere: Any, databases: dict[str, Database], db_kind: str
) -> Callable[[str], tuple[sa.Engine, Any]]:
    """`standing_at("0025")` gives an engine on a database of that revision without rows, and a runner of commands.

    Each piece of the way there is gone once a process.
    """

    def stand(revision: str) -> tuple[sa.Engine, Any]:
        database, kept = databases[db_kind], _KEPT.setdefault(db_kind, set())
        nearest = max((one for one in kept if one <= revision), default="")
        if nearest:
            database.bring_empty(nearest)
        engine, runner = elsewhere(empty_database_url), app.test_cli_runner()
        if nearest != revision:
            done = runner.invoke(args=["db", "upgrade", revision])
            assert done.exit_code == 0, done.output or done.exception
            engine.dispose()
            database.keep_empty(revision)
            kept.add(revision)
        return engine, runner

    return stand


def test_there_is_one_head() -> None:
    heads = ScriptDirectory(str(ROOT / "app" / "migrations")).get_heads()
    assert len(heads) == 1, f"two people made a migration from the same parent: {heads}"


def test_up_without_drift_then_down_to_nothing(app: Any, migrated_database_url: str, elsewhere: Any) -> None:
    """The way up to begin with is the template's: by the command in a process of its own, as a deployment goes it."""
    elsewhere(migrated_database_url)

    def do(*words: str) -> None:
        done = app.test_cli_runner().invoke(args=["db", *words])
        assert done.exit_code == 0, done.output or done.exception

    do("check")
    there = tables_of(migrated_database_url)
    assert {"ab_user", "job"} <= there
    do("downgrade", "base")
    assert tables_of(migrated_database_url) <= KEPT_BY_ALEMBIC
    do("upgrade")
    assert tables_of(migrated_database_url) == there


FIRST = "0001"
# What a later revision takes away on purpose: {"table": {"column", …}}, or the whole table as {"table": None}.
# Lines of the ledger are numbered anew, by their score.
TAKEN_AWAY: dict[str, set[str] | None] = {"score_entry": {"id"}}


def test_the_first_release_comes_up_to_today_with_all_that_it_held(
    app: Any, empty_database_url: str, elsewhere: Any
) -> None:
    engine = elsewhere(empty_database_url)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade", FIRST]).exit_code == 0
    before = fill(engine)
    assert len(before) > 40
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output or done.exception
    after = unsealed(content(engine))
    lost = [
        f"{table}.{name}: {value!r} became {after.get(table, {}).get(name)!r}"
        for table, row in before.items()
        for name, value in row.items()
        if TAKEN_AWAY.get(table, set()) is not None
        and name not in (TAKEN_AWAY.get(table) or ())
        and (table not in after or after[table].get(name) != value)
    ]
    assert not lost, "\n".join(lost)


def test_numbers_that_were_sealed_as_secrets_are_found_by_their_index_and_come_back(standing_at: Any) -> None:
    """Of people's versions (0023) and of the insured (0025)."""
    number, (engine, runner) = "11010519491231002X", standing_at("0025")
    fill(engine)
    data = {"name": "甲", "resident_id": vault.seal(number), "phone": None}
    version = sa.table("version", sa.column("entity"), sa.column("data", sa.JSON))
    insured = sa.table("insured_person", sa.column("id_sealed"))
    with engine.begin() as connection:
        connection.execute(sa.update(version).values(entity="person", data=data))
        connection.execute(sa.update(insured).values(id_sealed=vault.seal(number)))
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output or done.exception
    held = content(engine)
    token = held["insured_person"]["id_number"]
    assert token[6:32] in vault.indexes_of(number, "insured_person.id_number")
    assert number not in str(held) and held["person"]["resident_id_index"] == held["person"]["resident_id"][6:32]
    after = unsealed(held)
    assert after["insured_person"]["id_number"] == number
    assert after["version"]["data"] == {"name": "甲", "resident_id": number, "phone": None}
    done = runner.invoke(args=["db", "downgrade", "0025"])
    assert done.exit_code == 0, done.output or done.exception
    again = content(engine)
    assert vault.unseal(again["insured_person"]["id_sealed"]) == number
    assert vault.unseal(again["version"]["data"]["resident_id"]) == number
    assert again["person"]["resident_id"] == "resident_id值"


def test_mail_and_words_are_sealed_and_come_back(standing_at: Any) -> None:
    mail, word, heading = "wen-zhi.qiu@example.com", "您的验证码是 482913", {"headings": ["13812345678"]}
    engine, runner = standing_at("0026")
    fill(engine)
    held = {("ab_user", "email"): mail, ("notification", "body"): word, ("personal_request", "answer"): word}
    with engine.begin() as connection:
        for (name, column), value in held.items():
            connection.execute(sa.update(sa.table(name, sa.column(column))).values({column: value}))
        batch = sa.table("import_batch", sa.column("mapping", sa.JSON))
        connection.execute(sa.update(batch).values(mapping=heading))
    before = content(engine)
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output or done.exception
    found = content(engine)
    assert not any(open_ in str(found) for open_ in (mail, word, "13812345678"))
    assert found["ab_user"]["email_index"] in vault.indexes_of(mail, "account.email")
    for (name, column), value in held.items():
        kind = Model.metadata.tables[name].c[column].type
        assert kind.process_result_value(found[name][column], None) == value
    assert ImportBatch.__table__.c.mapping.type.process_result_value(found["import_batch"]["mapping"], None) == heading
    done = runner.invoke(args=["db", "downgrade", "0026"])
    assert done.exit_code == 0, done.output or done.exception
    assert content(engine) == before


def test_secrets_of_draws_are_sealed_and_come_back(standing_at: Any) -> None:
    engine, runner = standing_at("0059")
    fill(engine)
    secret = "5f" * 32
    with engine.begin() as connection:
        connection.execute(sa.update(sa.table("spot_draw", sa.column("secret"))).values(secret=secret))
    before = content(engine)
    for target in ("head", "0060"):  # the second time by its own revision alone
        done = runner.invoke(args=["db", "upgrade", target])
        assert done.exit_code == 0, done.output or done.exception
        found = content(engine)
        assert secret not in str(found) and vault.open_text(found["spot_draw"]["secret"], "spot_draw.secret") == secret
        done = runner.invoke(args=["db", "downgrade", "0059"])
        assert done.exit_code == 0, done.output or done.exception
        assert content(engine) == before


def test_accounts_of_a_unit_that_moved_earlier_follow_it(standing_at: Any) -> None:
    """Once: who is where his unit is keeps his sessions, and so does who has no unit."""
    engine, runner = standing_at("0031")
    fill(engine)
    names = ("id", "username", "email", "unit_id", "region_code", "session_epoch")
    account, unit = sa.table("ab_user", *map(sa.column, names)), sa.table("unit", sa.column("region_code"))
    with engine.begin() as connection:
        connection.execute(sa.update(unit).values(region_code="980403000000"))
        connection.execute(sa.update(account).values(region_code="980402000000", session_epoch=4))
        table = sa.Table("ab_user", sa.MetaData(), autoload_with=engine)
        given = [column for column in table.columns if column.computed is None]
        row = dict(connection.execute(sa.select(*given)).mappings().one()) | {"phone": None}
        for number, (unit_id, region) in enumerate([(row["unit_id"], "980403000000"), (None, "980402000000")], 2):
            other = {"id": number, "username": f"第{number}人", "email": f"~1{number}" * 12}
            connection.execute(table.insert(), row | other | {"unit_id": unit_id, "region_code": region})
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output or done.exception
    with engine.connect() as connection:
        asked = sa.select(account.c.region_code, account.c.session_epoch).order_by(account.c.id)
        held = connection.execute(asked).all()
    assert held == [("980403000000", 5), ("980403000000", 4), ("980402000000", 4)]


def test_why_a_visit_stands_as_it_does_is_read_out_of_its_words_once(standing_at: Any) -> None:
    read = {"超量上传": "over_daily", "等待审核；等待使用单位复核": "undecided", "别的话": None, None: None}
    engine, runner = standing_at("0061")
    fill(engine)
    with engine.begin() as connection:
        visit = sa.Table("visit", sa.MetaData(), autoload_with=engine)
        given = [column for column in visit.columns if column.computed is None]
        row = dict(connection.execute(sa.select(*given)).mappings().one()) | {"client_key": None}
        for number, said in enumerate(read, row["id"] + 1):
            connection.execute(visit.insert(), row | {"id": number, "state_reason": said})
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output or done.exception
    after = sa.table("visit", sa.column("id"), sa.column("reason"))
    with engine.connect() as connection:
        asked = sa.select(after.c.reason).where(after.c.id > row["id"]).order_by(after.c.id)
        assert connection.execute(asked).scalars().all() == list(read.values())


def test_what_was_left_open_before_is_told_as_the_rules_have_it(standing_at: Any) -> None:
    """Of three missed limits an upheld appeal excused the first; a rescue has less time to free than to arrive."""
    engine, runner = standing_at("0074")
    fill(engine)
    tables = sa.MetaData()
    tables.reflect(engine, only=["maintenance_clock", "overdue_period", "appeal", "rescue"])
    clock_, period, appeal, rescue = (
        tables.tables[name] for name in ("maintenance_clock", "overdue_period", "appeal", "rescue")
    )
    first, second, third = (dt.date(2026, 3, day) for day in (1, 16, 31))
    zone = dt.UTC if engine.dialect.name == "postgresql" else None
    accepted = dt.datetime(2026, 3, 1, 1, 0, tzinfo=zone)
    with engine.begin() as connection:
        connection.execute(period.update().values(limit_on=first, withdrawn=True, done_late_on=None))
        [row] = connection.execute(sa.select(period)).mappings().all()
        for number, on in enumerate((second, third), 2):
            connection.execute(period.insert(), {**row, "id": number, "limit_on": on, "withdrawn": False})
        connection.execute(appeal.update().values(
            entity="overdue_period", happened_on=first, elevator_id=row["elevator_id"], unit_id=row["unit_id"]
        ))  # fmt: skip
        connection.execute(clock_.update().values(
            elevator_id=row["elevator_id"], anchor_on=third, missed=3, missed_since_on=first, last_visit_on=None,
            unit_since_on=None,
        ))  # fmt: skip
        connection.execute(rescue.update().values(
            status="accepted", accepted_at=accepted, arrived_at=None, arrive_minutes=60, done_minutes=30,
            due_at=accepted + dt.timedelta(minutes=60, seconds=1),
        ))  # fmt: skip
    before = content(engine)
    for target in ("head", "0077"):  # the second time by its own revision, and what leads there
        done = runner.invoke(args=["db", "upgrade", target])
        assert done.exit_code == 0, done.output or done.exception
        held = content(engine)
        told = held["maintenance_clock"]
        assert (told["missed"], told["excused"], told["missed_since_on"]) == (2, 1, second)
        assert held["rescue"]["due_at"] == accepted + dt.timedelta(minutes=30, seconds=1)
        done = runner.invoke(args=["db", "downgrade", "0074"])
        assert done.exit_code == 0, done.output or done.exception
        after = content(engine)
        assert after["maintenance_clock"] == before["maintenance_clock"]


def test_elevators_that_were_there_are_found_by_their_job_and_service_numbers(
    standing_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those far apart, some at a time; and after the way back and up again."""
    engine, runner = standing_at("0083")
    fill(engine)
    metadata = sa.MetaData()
    metadata.reflect(engine, only=["elevator"])
    table = metadata.tables["elevator"]
    with engine.begin() as connection:
        [row] = connection.execute(sa.select(table)).mappings().all()
        values = {c.name: row[c.name] for c in table.columns if c.computed is None}
        for key in (2, 3, 9):
            more = {"id": key, "code": f"90000{key}", "job_no": f"G23-{key}云", "service_no": f"FW-{key}号"}
            for unique in ("public_token",):
                more |= {unique: f"{key}" * 8} if unique in values else {}
            connection.execute(table.insert().inline(), values | more)
    monkeypatch.setattr(search, "AT_ONCE", 2)
    monkeypatch.setattr(search, "COMMON", 0)
    for _again in range(2):
        done = runner.invoke(args=["db", "upgrade"])
        assert done.exit_code == 0, done.output or done.exception
        with Session(engine) as session:
            for column, word, keys in (
                (Elevator.job_no, "g23-3云", [3]), (Elevator.service_no, "FW-9", [9]), (Elevator.job_no, "3云", [3]),
            ):  # fmt: skip
                found = search.find(session, (column,), [word], Elevator.id > 0)
                assert found is not None and found.keys == keys, word
            if engine.dialect.name == "postgresql":
                made = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_elevator_grams'"
                assert "service_no" in str(session.scalar(sa.text(made)))
                # Just the expression that a search asks for, or its index would never be used.
                session.execute(sa.text("SET LOCAL enable_seqscan = off"))
                asked = sa.select(Elevator.id).where(search.narrow(session, Elevator, ["G23-3云"]))
                plan = session.execute(sa.text(
                    "EXPLAIN " + str(asked.compile(engine, compile_kwargs={"literal_binds": True}))
                )).scalars()  # fmt: skip
                assert "ix_elevator_grams" in "\n".join(plan)
        done = runner.invoke(args=["db", "downgrade", "0083"])
        assert done.exit_code == 0, done.output or done.exception


def test_what_was_told_of_limits_is_marked_and_of_a_limit_that_moved_it_is_not(standing_at: Any) -> None:
    engine, runner = standing_at("0085")
    fill(engine)
    metadata = sa.MetaData()
    metadata.reflect(engine, only=["application", "notification", "clock_mark"])
    application, notification, mark = (metadata.tables[n] for n in ("application", "notification", "clock_mark"))
    at = dt.datetime(2026, 11, 27, 16, tzinfo=dt.UTC if engine.dialect.name == "postgresql" else None)
    with engine.begin() as connection:
        connection.execute(application.update().values(is_open=True, due_at=at))
        [row] = connection.execute(sa.select(notification)).mappings().all()
        keys = (
            "due:near:1:2611271600:7", "due:near:1:2611271600:8", "due:over:1:2611261600:7", "due:over:2:2611271600:7",
            "escalate:1:1:2611271600:7", "due:near", "due:near:x:2611271600:7", "duet:1",
        )  # fmt: skip
        for number, key in enumerate(keys, 2):
            connection.execute(notification.insert(), {**row, "id": number, "dedupe_key": key})
        before = connection.execute(sa.select(mark)).all()
    for _again in range(2):
        done = runner.invoke(args=["db", "upgrade"])
        assert done.exit_code == 0, done.output or done.exception
        with engine.connect() as connection:
            after = connection.execute(sa.select(mark)).all()
        assert set(after) - set(before) == {("due_near:1", at), ("escalate1:1", at)}
        done = runner.invoke(args=["db", "downgrade", "0085"])
        assert done.exit_code == 0, done.output or done.exception
        with engine.connect() as connection:
            assert connection.execute(sa.select(mark)).all() == before


def fill(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """One row in every table, each foreign key pointing at the other table's; what then stands there."""
    metadata = sa.MetaData()
    metadata.reflect(engine, only=lambda name, _metadata: not name.startswith("search_"))
    tables = [t for t in metadata.sorted_tables if t.name not in KEPT_BY_ALEMBIC]
    with engine.begin() as connection:
        filled: set[str] = set()
        for table in tables:
            values = {}
            for column in table.columns:
                targets = {key.column.table.name for key in column.foreign_keys}
                if column.computed is not None or (column.nullable and not targets <= filled):
                    continue  # rows point at each other in circles; see below
                values[column.name] = value_for(column)
            connection.execute(table.insert().inline(), values)
            filled.add(table.name)
        for table in tables:
            keys = {c.name: value_for(c) for c in table.columns if c.foreign_keys}
            if keys:
                connection.execute(table.update().values(keys))
    return content(engine)


def value_for(column: sa.Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, sa.JSON):
        return {"名称": ["甲", None, 2.5]}
    if isinstance(kind, sa.DateTime):
        return dt.datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=dt.UTC if kind.timezone else None)
    if isinstance(kind, sa.Date):
        return dt.date(2026, 3, 1)
    if isinstance(kind, sa.String):
        return f"{column.name}值"[: kind.length or 40]
    return 1


def content(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """The one row of each table; the search index is made of the rows."""
    metadata = sa.MetaData()
    metadata.reflect(engine, only=lambda name, _metadata: not name.startswith("search_"))
    found = {}
    with engine.connect() as connection:
        for name, table in metadata.tables.items():
            rows = connection.execute(sa.select(table)).mappings().all()
            if name not in KEPT_BY_ALEMBIC and rows:
                found[name] = dict(rows[0])
    return found


def unsealed(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the product would read of it: sealed columns opened, as the models declare them."""
    for table in Model.metadata.tables.values():
        for column in table.columns:
            kind: Any = column.type
            if getattr(kind, "seals", False) and column.name in found.get(table.name, {}):
                value = found[table.name][column.name]
                assert value is None or "~1" in str(value) or not isinstance(value, str), f"{column} stands open"
                found[table.name][column.name] = kind.process_result_value(value, None)
    return found


def tables_of(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()
