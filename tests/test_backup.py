"""Backup and restore: the same audit root, the same exports, the same bytes; nothing torn, altered or overwritten."""

from __future__ import annotations

import datetime as dt
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from app.backup import archive, making, restoring
from app.errors import Refusal
from app.extensions import db
from app.listings import kinds
from app.models import Application, Attachment, Region
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.core import audit
from app.workflows.files import attachments
from app.workflows.scores import scores
from tests.conftest import KINDS
from tests.factories import World, make_contract, make_ledger, make_policy

AT = dt.datetime(2026, 5, 1, 1, 0, 0, 123456, tzinfo=dt.UTC)
PAPER = b"%PDF-1.4 a contract of two pages"


@pytest.fixture
def lived(app: Any, world: World) -> World:
    """Rows with every kind of value: instants, days, JSON, decimals, nulls; a file; sealed audit with its heads."""
    session = world.session
    make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 4, 16))
    make_policy(session, "limit_days", 14)
    make_policy(session, "visit_max_hours", None)
    session.commit()
    with transaction(session):
        scores.run(session, SYSTEM, "980400000000", dt.date(2026, 3, 1), dt.date(2026, 3, 31), None, AT)
        attachments.store(
            session, world.actor("clerk"), AT, io.BytesIO(PAPER), "合同.pdf", "contract", "contract",
            world.contract.id, world.firm.id, world.firm.region_code,
        )  # fmt: skip
        audit.record(session, SYSTEM, AT, "test.note", "unit", world.firm.id, None, {"名称": "改", "n": [1, None, 2.5]})
    told = run(app, "audit", "seal")
    assert told.exit_code == 0
    heads = Path(app.config["DATA_DIR"]) / audit.HEADS_FILE
    heads.write_text("".join(f"{number} {digest}\n" for number, digest in audit.heads(session)))
    session.rollback()
    return world


def run(app: Any, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=[*words])


def backed_up(app: Any, file: Path) -> dict[str, Any]:
    done = run(app, "backup", str(file), "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def exports(app: Any, folder: Path) -> dict[str, bytes]:
    """Every kind as .csv, and the whole audit log."""
    folder.mkdir()
    for kind in kinds.KINDS:
        assert run(app, "export", kind, str(folder / f"{kind}.csv")).exit_code == 0
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def audit_lines(app: Any, file: Path) -> list[str]:
    assert run(app, "audit", "export", str(file)).exit_code == 0
    return file.read_text(encoding="utf-8").splitlines()


@pytest.mark.feature("AUD-01", "RPR-01")
def test_a_restored_product_has_the_same_audit_root_exports_and_files_on_either_database(
    app: Any, lived: World, tmp_path: Path, databases: Any, elsewhere: Any, pytestconfig: Any, db_kind: str
) -> None:
    file = tmp_path / "tian.backup"
    told = backed_up(app, file)
    logged = audit_lines(app, tmp_path / "audit.jsonl")
    verdict = json.loads(run(app, "audit", "verify", "--json").output)
    before = exports(app, tmp_path / "before")
    assert file.stat().st_mode & 0o077 == 0
    assert told["audit_head"] == verdict["head"] and verdict["known_heads"] == verdict["batches"] > 0
    for kind in KINDS[pytestconfig.getoption("db")]:
        elsewhere(databases[kind].make_empty())
        done = run(app, "restore", str(file), "--sha256", told["sha256"], "--json")
        assert done.exit_code == 0, done.output
        if kind == db_kind:
            # Byte for byte: every column of every table.
            assert archive.check(file)["members"] == members(app, tmp_path / f"again-{kind}.backup")
        again = json.loads(run(app, "audit", "verify", "--json").output)
        assert (again["ok"], again["head"], again["known_heads"]) == (True, verdict["head"], verdict["known_heads"])
        assert audit_lines(app, tmp_path / f"audit-{kind}.jsonl") == logged
        assert exports(app, tmp_path / f"after-{kind}") == before
        with app.app_context():
            kept = db.session.scalars(sa.select(Attachment).where(Attachment.kind == "contract")).one()
            assert attachments.path(app.config["UPLOAD_DIR"], kept).read_bytes() == PAPER
            highest = db.session.scalar(sa.select(sa.func.max(Application.id))) or 0
            with transaction(db.session):
                row = Region(code="990000000000", name="新省", level="province")
                db.session.add(row)
                db.session.flush()
                assert row.id > highest
                db.session.rollback()
        elsewhere("sqlite://")
        databases[kind].drop_empty()


def members(app: Any, file: Path) -> dict[str, Any]:
    backed_up(app, file)
    return archive.check(file)["members"]


@pytest.mark.feature("AUD-01", "RPR-01")
def test_nothing_is_restored_over_what_is_in_use(app: Any, lived: World, tmp_path: Path, elsewhere: Any) -> None:
    file = tmp_path / "tian.backup"
    backed_up(app, file)
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    done = run(app, "restore", str(file))
    assert done.exit_code == 1 and "已有另一个库的审计摘要" in done.output
    elsewhere(url)
    done = run(app, "restore", str(file))
    assert done.exit_code == 1 and "不是空的" in done.output and "新建一个空数据库" in done.output
    done = run(app, "backup", str(file))
    assert done.exit_code == 1 and "已存在" in done.output


@pytest.mark.feature("AUD-01", "RPR-01")
def test_a_migrated_database_that_nobody_used_may_be_filled(
    app: Any, lived: World, tmp_path: Path, database: Any, elsewhere: Any
) -> None:
    file = tmp_path / "tian.backup"
    backed_up(app, file)
    held = archive.check(file)["members"]
    database.renew()  # as `flask db upgrade` and `flask sync-roles` leave it
    elsewhere(database.url)
    done = run(app, "restore", str(file))
    assert done.exit_code == 0, done.output
    assert members(app, tmp_path / "again.backup") == held


@pytest.mark.feature("AUD-01", "RPR-01")
def test_torn_or_altered_files_are_refused_before_anything_is_written(
    app: Any, lived: World, tmp_path: Path, empty_database_url: str, elsewhere: Any
) -> None:
    file, bad = tmp_path / "tian.backup", tmp_path / "bad.backup"
    backed_up(app, file)
    whole = file.read_bytes()
    engine = elsewhere(empty_database_url)
    size = len(whole)
    torn = [whole[:cut] for cut in (0, 5, size // 4, size // 2, size - 600, size - 9, size - 1)]
    flipped = [whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :] for at in range(12, size, size // 23)]
    for data in (*torn, b"no backup at all"):
        bad.write_bytes(data)
        with pytest.raises(Refusal, match=r"不完整、已损坏或被改动.*没有写入任何数据"):
            archive.check(bad)
    # Compression has a few bits that change nothing of what comes out; then what comes out is whole.
    manifest, passed = archive.check(file), 0
    for data in flipped:
        bad.write_bytes(data)
        try:
            assert archive.check(bad) == manifest
            passed += 1
        except Refusal:
            continue
    assert passed <= 3
    bad.write_bytes(torn[3])
    done = run(app, "restore", str(bad))
    assert done.exit_code == 1 and "不完整、已损坏或被改动" in done.output
    assert run(app, "restore", str(file), "--check").exit_code == 0
    done = run(app, "restore", str(file), "--sha256", "0" * 64)
    assert done.exit_code == 1 and "校验值" in done.output
    done = run(app, "restore", str(tmp_path / "nowhere"))
    assert done.exit_code == 1 and "没有文件" in done.output
    assert sa.inspect(engine).get_table_names() == []


def rewritten(file: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """The backup with other content and all its digests made anew: what somebody with time would do."""
    out = io.BytesIO()
    writer = archive.Writer(out)
    told: dict[str, Any] = {}
    with tarfile.open(file) as tar:
        for member in tar:
            data = tar.extractfile(member).read()  # type: ignore[union-attr]
            if member.name == archive.MANIFEST:
                told = json.loads(change(member.name, data))
            elif member.name != archive.SEAL:
                data = change(member.name, data)
                writer.add(member.name, io.BytesIO(data), len(data))
    writer.close({name: value for name, value in told.items() if name not in ("members", "format")})
    return out.getvalue()


@pytest.mark.feature("AUD-01", "RPR-01")
def test_a_rewritten_backup_is_betrayed_by_the_audit_chain_and_leaves_nothing(
    app: Any, lived: World, tmp_path: Path, migrated_database_url: str, elsewhere: Any
) -> None:
    file, bad = tmp_path / "tian.backup", tmp_path / "bad.backup"
    backed_up(app, file)
    engine = elsewhere(migrated_database_url)

    def forged(name: str, data: bytes) -> bytes:
        return data.replace(b"test.note", b"test.nope") if name == "tables/audit_entry" else data

    bad.write_bytes(rewritten(file, forged))
    done = run(app, "restore", str(bad))
    assert done.exit_code == 1 and "审计日志核验不通过" in done.output
    with engine.connect() as connection:
        for name in restoring.USED:
            assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == 0

    def orphaned(name: str, data: bytes) -> bytes:
        return data.split(b"\n", 1)[0] + b"\n" if name == "tables/region" else data

    def counted(name: str, data: bytes) -> bytes:
        if name != archive.MANIFEST:
            return orphaned(name, data)
        told = json.loads(data)
        return json.dumps(told | {"tables": told["tables"] | {"region": 0}}).encode()

    for change in (orphaned, counted):
        bad.write_bytes(rewritten(file, change))
        assert run(app, "restore", str(bad)).exit_code == 1
    # After all these failures the good one still goes in.
    assert run(app, "restore", str(file)).exit_code == 0


@pytest.mark.feature("AUD-01", "RPR-01")
def test_an_older_backup_is_upgraded_and_a_newer_one_refused(
    app: Any, tmp_path: Path, db_kind: str, databases: Any, elsewhere: Any
) -> None:
    file = tmp_path / "old.backup"
    engine = elsewhere(databases[db_kind].make_empty())
    assert run(app, "db", "upgrade", "0001").exit_code == 0
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO region (code, name, level) VALUES (:c, :n, :l)"),
            {"c": "980000000000", "n": "岚省", "l": "province"},
        )
    assert backed_up(app, file)["revision"] == "0001"
    elsewhere("sqlite://")
    engine = elsewhere(databases[db_kind].make_empty())
    with pytest.raises(Refusal, match="比本程序新"):
        restoring.restore(engine, tmp_path, tmp_path, file, lambda revision: None, {"0000"})
    done = run(app, "restore", str(file))
    assert done.exit_code == 0, done.output
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT name FROM region")) == "岚省"
        assert making.revision_of(connection) != "0001"
    elsewhere("sqlite://")
    databases[db_kind].drop_empty()


@pytest.mark.feature("AUD-01", "RPR-01")
def test_a_restored_product_gives_no_number_of_a_row_that_was_deleted(
    app: Any, lived: World, tmp_path: Path, databases: Any, elsewhere: Any, pytestconfig: Any
) -> None:
    file, firm = tmp_path / "tian.backup", SimpleNamespace(id=lived.firm.id, region_code=lived.firm.region_code)
    row = make_contract(lived.session, firm, [], number="HT-删")
    lived.session.commit()
    gone = row.id
    lived.session.delete(row)
    lived.session.commit()
    assert backed_up(app, file)["sequences"]["contract_id_seq"] == gone
    for kind in KINDS[pytestconfig.getoption("db")]:
        elsewhere(databases[kind].make_migrated())
        done = run(app, "restore", str(file))
        assert done.exit_code == 0, done.output
        with app.app_context(), transaction(db.session):
            assert make_contract(db.session, firm, [], number="HT-新").id > gone
        elsewhere("sqlite://")
        databases[kind].drop_empty()
