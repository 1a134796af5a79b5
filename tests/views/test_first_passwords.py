"""IMP-01: the first passwords of imported sub-accounts, fetched once from the batch's page."""

from __future__ import annotations

import io
import json
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select
from werkzeug.security import check_password_hash

from app.imports import first_passwords
from app.models import Account, ImportRow
from app.permissions import Role
from tests.conftest import csrf
from tests.factories import World
from tests.imports.ground import checked, ran, told, workbook

ACCOUNTS = ["账号", "姓名", "角色", "性别", "手机", "全部电梯"]


@pytest.mark.feature("IMP-01", "ACC-08")
def test_accounts_come_with_passwords_given_once(app: Any, session: Any, world: World, sign_in: Any) -> None:
    who, client, firm = world.actor("maintenance_head"), sign_in(world.accounts["maintenance_head"]), world.firm.id
    rows = ["jingli.01", "何一帆", "维保经理", "男", "13700009001", "是"], ["wenyuan.01", "顾", "维保文员", "", "", ""]
    batch = checked(session, who, "accounts", workbook(ACCOUNTS, *rows))
    assert (batch.new_rows, batch.bad_rows) == (2, 0), told(session, batch)
    batch = ran(session, who, batch)
    made = session.scalars(select(Account).where(Account.username == "jingli.01")).one()
    assert (made.unit_id, made.is_main, made.must_change_password) == (firm, False, True)
    assert made.sees_all_elevators and [r.name for r in made.roles] == [Role.MAINTENANCE_MANAGER.value]
    number, path = batch.id, f"/imports/{batch.id}/passwords.xlsx"
    assert "领取 2 个首次密码" in client.get(f"/imports/{number}").get_data(as_text=True)
    token = csrf(client)
    answer = client.post(path, data={"csrf_token": token})
    assert answer.status_code == 200 and "no-store" in answer.headers["Cache-Control"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    given = {row[0]: row[2] for row in sheet.iter_rows(min_row=2, values_only=True)}
    session.rollback()
    session.expire_all()
    made = session.scalars(select(Account).where(Account.username == "jingli.01")).one()
    assert check_password_hash(made.password, given["jingli.01"])
    assert client.post(path, data={"csrf_token": token}).status_code == 422, "a second time there is nothing"
    for row in session.scalars(select(ImportRow).where(ImportRow.batch_id == number)):
        assert first_passwords.FIELD not in row.data and given["jingli.01"] not in json.dumps(row.data)


