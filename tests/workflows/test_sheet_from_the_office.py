"""MNT-04, MNT-08: the sheet of a visit handed in by the office of the unit that made it, at the desk and by REST."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, AuditEntry, Visit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.visits import visits
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_account, picture
from tests.workflows.visit_world import DAY, HOUR, MINUTE, START, arrive, file_of, leave

pytestmark = pytest.mark.feature("MNT-04", "MNT-08")
OUT = START + 40 * MINUTE


@pytest.fixture
def visit(session: Any, huzhou: World) -> Visit:
    signature = file_of(session, huzhou, "signature")
    row = arrive(session, huzhou)
    leave(session, huzhou, row, OUT, mode="sheet", results={}, signature_id=signature, signer="苏见山")
    session.commit()
    return row


def send(client: Any, visit: Visit, status: int, *names: str) -> str:
    files = [(io.BytesIO(picture(colour=f"#2244{n:02d}")), name) for n, name in enumerate(names)]
    sent = {"csrf_token": csrf(client)} | ({"sheet": files} if files else {})
    answer = client.post(f"/visits/{visit.id}/sheet", data=sent, content_type="multipart/form-data")
    assert answer.status_code == status, answer.text[-2000:]
    return str(answer.text)


def again(session: Any, visit: Visit) -> Visit:
    session.rollback()
    session.refresh(visit)
    return visit


@pytest.mark.parametrize("who", ["clerk", "maintenance_head", "manager"])
def test_the_office_hands_it_in_and_the_log_says_who(
    session: Any, huzhou: World, visit: Visit, sign_in: Any, who: str
) -> None:
    huzhou.accounts["manager"] = make_account(session, Role.MAINTENANCE_MANAGER, unit=huzhou.firm)
    session.commit()
    client, number = sign_in(huzhou.accounts[who]), visit.id
    with clock.frozen(OUT + HOUR):
        assert 'name="sheet"' in client.get(f"/visits/{number}").text
        assert "没有选择文件" in send(client, visit, 422)
        send(client, visit, 302, "维保单1.png", "维保单2.png")
        assert "维保单已经上传" in send(client, visit, 422, "再来.png")
        page = client.get(f"/visits/{number}").text
    assert 'name="sheet"' not in page and huzhou.accounts[who].get_full_name() in page
    row = again(session, visit)
    assert (row.sheet_at, row.awaiting_sheet, row.state) == (OUT + HOUR, False, "valid")
    account = huzhou.accounts[who].id
    logged = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.sheet")).one()
    assert (logged.entity_id, logged.actor_id) == (number, account)
    kept = session.scalars(select(Attachment).where(Attachment.kind == "sheet", Attachment.entity_id == number)).all()
    assert [one.uploaded_by_id for one in kept] == [account, account]


def test_a_late_one_stays_late(session: Any, huzhou: World, visit: Visit, sign_in: Any) -> None:
    client = sign_in(huzhou.accounts["clerk"])
    with clock.frozen(OUT + 3 * DAY):
        assert "已过期，仍可上传，状态不变" in client.get(f"/visits/{visit.id}").text
        send(client, visit, 302, "维保单.png")
    row = again(session, visit)
    assert (row.sheet_at, row.state, row.counted) == (OUT + 3 * DAY, "nonconforming", True)


@pytest.mark.parametrize(
    ("who", "status"),
    [("use_head", 403), ("inspector", 403), ("region_admin", 403), ("other_head", 404), ("worker", 403)],
)  # fmt: skip
def test_nobody_else_hands_it_in_at_the_desk(
    session: Any, huzhou: World, visit: Visit, sign_in: Any, who: str, status: int
) -> None:
    client = sign_in(huzhou.accounts[who])
    with clock.frozen(OUT + HOUR):
        if who != "other_head":
            assert 'name="sheet"' not in client.get(f"/visits/{visit.id}").text
        send(client, visit, status, "维保单.png")
    assert again(session, visit).sheet_at is None


def test_a_colleague_hands_in_nothing_for_another(session: Any, huzhou: World, visit: Visit) -> None:
    huzhou.accounts["colleague"] = make_account(session, Role.WORKER, unit=huzhou.firm)
    session.commit()
    with pytest.raises(Exception, match="没有找到您的维保记录"), transaction(session):
        visits.upload_sheet(session, huzhou.actor("colleague"), visit.id, [1], OUT + HOUR)


def test_only_a_visit_that_ended_by_sheet_has_one(session: Any, huzhou: World, sign_in: Any) -> None:
    row = arrive(session, huzhou)
    session.commit()
    client = sign_in(huzhou.accounts["clerk"])
    with clock.frozen(START + MINUTE):
        assert 'name="sheet"' not in client.get(f"/visits/{row.id}").text
        said = send(client, row, 422, "维保单.png")
    assert "还没有签退" in said and "不是按上传维保单" in said


@pytest.mark.feature("INT-04")
def test_the_interface_takes_it(app: Any, session: Any, huzhou: World, visit: Visit) -> None:
    with clock.frozen(OUT + HOUR):
        clerk, other = Caller(app, huzhou, "clerk"), Caller(app, huzhou, "other_head")
        file = {"file": (io.BytesIO(picture()), "维保单.png")}
        sent = clerk.client.post("/api/v1/files?kind=sheet", data=file, headers=clerk.headers)
        assert sent.status_code == 201, sent.text
        url = f"/visits/{visit.id}/sheet"
        assert other.post(url, {"sheet_ids": [sent.json["id"]]}).status_code == 404
        assert clerk.post(url, {"sheet_ids": []}).status_code == 422
        assert clerk.post(url, {"sheet_ids": ["x"]}).status_code == 422
        done = clerk.post(url, {"sheet_ids": [sent.json["id"]]})
        assert done.status_code == 200 and done.json["awaiting_sheet"] is False, done.text
        assert clerk.post(url, {"sheet_ids": [sent.json["id"]]}).status_code == 422
    assert again(session, visit).sheet_at == OUT + HOUR
