"""The first passwords of imported accounts: sealed with their rows, given to the importer once, then gone (IMP-01)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from sqlalchemy import select

from app import vault
from app.errors import Finding, NotAllowed, refuse
from app.models import Account, ImportBatch, ImportRow
from app.permissions import Actor
from app.scope import visible
from app.transaction import AnySession, lock
from app.workflows.core import audit

FIELD = "password_sealed"
KEPT = dt.timedelta(days=7)
HEADINGS = ("账号", "姓名", "首次密码", "说明")
NOTE = "首次登录须修改密码；请逐人交付，交付后删除本表"


def waiting(session: AnySession, batch: ImportBatch) -> int:
    """How many of the batch's passwords were not fetched yet."""
    return len(_rows(session, batch.id)) if batch.kind == "accounts" else 0


def fetch(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime) -> list[tuple[str, str, str]]:
    """Login name, name and first password of each account that the batch made; a second time there is nothing."""
    batch: ImportBatch = visible(session, actor, ImportBatch, batch_id, "导入批次")
    if batch.created_by_id != actor.user_id:
        raise NotAllowed(Finding("首次密码", False, "只交给导入人本人", "请由导入人领取，或逐个重置密码"))
    lock(session, ImportBatch, batch_id)
    rows = _rows(session, batch_id)
    if not rows:
        raise refuse("首次密码", "已经领取过，或已过期清除", "请在“我的子用户”里逐个重置密码")
    found = []
    for row in rows:
        account = session.get(Account, row.entity_id)
        password = vault.unseal(str((row.data or {})[FIELD]))
        # Whoever changed it since knows his own; the old one would only mislead.
        if account is not None and account.must_change_password:
            found.append((account.username, account.first_name, password))
        _wipe(row)
    session.flush()
    audit.record(
        session, actor, at, "import.passwords", "import_batch", batch_id, after={"accounts": len(found)}
    )
    return found


def forget_old(session: AnySession, at: dt.datetime) -> int:
    """Wipe what nobody fetched within a week; how many."""
    statement = select(ImportBatch.id).where(ImportBatch.kind == "accounts", ImportBatch.finished_at < at - KEPT)
    rows = [row for key in session.scalars(statement) for row in _rows(session, key)]
    for row in rows:
        _wipe(row)
    session.flush()
    return len(rows)


def write(rows: list[tuple[str, str, str]], path: Path) -> None:
    import xlsxwriter  # loaded with the first workbook

    book = xlsxwriter.Workbook(str(path))
    head, text = book.add_format({"bold": True, "bg_color": "#E2EDF7"}), book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("首次密码")
    sheet.set_column(0, 2, 22, text)
    sheet.set_column(3, 3, 48)
    for at, word in enumerate(HEADINGS):
        sheet.write_string(0, at, word, head)
    for number, row in enumerate(rows, 1):
        for at, cell in enumerate((*row, NOTE)):
            sheet.write_string(number, at, cell)
    book.close()


def _rows(session: AnySession, batch_id: int) -> list[ImportRow]:
    statement = select(ImportRow).where(ImportRow.batch_id == batch_id, ImportRow.applied.is_(True))
    return [r for r in session.scalars(statement.order_by(ImportRow.number)) if r.data and FIELD in r.data]


def _wipe(row: ImportRow) -> None:
    row.data = {n: v for n, v in (row.data or {}).items() if n != FIELD}
