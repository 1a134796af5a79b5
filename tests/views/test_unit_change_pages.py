"""维保单位变更 on the screen: the form of either side, the list, what others may read."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, Elevator, UnitChange
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-05")


def send(client: Any, **data: Any) -> Any:
    today = clock.today().isoformat()
    form = {"effective_on": today, "signed_on": today, "reason": "合同到期", "csrf_token": csrf(client)}
    return client.post("/unit-changes/new", data=form | data, content_type="multipart/form-data")


def test_both_sides_file_and_the_list_shows_it(session: Any, world: World, sign_in: Any) -> None:
    old = sign_in(world.accounts["maintenance_head"])
    page = old.get(f"/unit-changes/new?code={world.own.code}").text
    assert "能不能办" in page and world.own.address in page and "到期的维保合同" in page
    refused = send(old, code=world.own.code, new_unit="没有这家单位", files=(io.BytesIO(BLANK_PDF), "旧合同.pdf"))
    assert refused.status_code == 422 and "没有找到名称或统一社会信用代码为“没有这家单位”的单位" in refused.text
    answer = send(
        old, code=world.own.code, new_unit=world.other_firm.uscc, files=(io.BytesIO(BLANK_PDF), "旧合同.pdf")
    )
    assert answer.status_code == 302
    application = fresh(session).scalars(select(Application)).one()
    assert answer.location == f"/applications/{application.id}"
    assert application.number in old.get("/unit-changes/").text
    officer = sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}").text
    assert world.other_firm.name in officer and "新合同签订日期" in officer and "按期" in officer
    taker = sign_in(world.accounts["other_head"]).get(f"/applications/{application.id}").text
    assert world.own.code in taker and world.own.address not in taker and "撤回申请" not in taker


def test_the_new_unit_chooses_its_contract(session: Any, world: World, sign_in: Any) -> None:
    contract = factories.make_contract(session, world.other_firm, [], clock.today())
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    assert taker.get("/unit-changes/new?code=NOSUCH99").status_code == 404
    page = taker.get(f"/unit-changes/new?code={world.own.code}").text
    assert contract.number in page and world.own.address not in page and world.firm.name not in page
    answer = send(taker, code=world.own.code, contract_id=contract.id, files=(io.BytesIO(BLANK_PDF), "新合同.pdf"))
    assert answer.status_code == 302, answer.text
    application = fresh(session).scalars(select(Application)).one()
    officer = sign_in(world.accounts["inspector"])
    officer.post(
        f"/applications/{application.id}/decision",
        data={"verb": "approve", "seen_version": application.row_version, "csrf_token": csrf(officer)},
    )
    fresh(session)
    assert session.get(Elevator, world.own.id).maintenance_unit_id == world.other_firm.id
    old = sign_in(world.accounts["maintenance_head"])
    assert old.get(f"/elevators/{world.own.id}").status_code == 404
    assert old.get(f"/applications/{application.id}").status_code == 200
    assert taker.get(f"/elevators/{world.own.id}").status_code == 200
    assert sign_in(world.accounts["other_inspector"]).get("/unit-changes/").text.count(application.number) == 0


def test_an_officer_has_no_form_here(world: World, sign_in: Any) -> None:
    assert sign_in(world.accounts["inspector"]).get("/unit-changes/new").status_code in (302, 403)


@pytest.mark.feature("APL-01")
@pytest.mark.parametrize("days_ago", [7, 8])
def test_a_late_change_offers_the_appeal_on_its_page(
    session: Any, world: World, sign_in: Any, days_ago: int
) -> None:  # fmt: skip
    signed = (clock.today() - dt.timedelta(days=days_ago)).isoformat()
    old, taker = sign_in(world.accounts["maintenance_head"]), sign_in(world.accounts["other_head"])
    paper = (io.BytesIO(BLANK_PDF), "旧合同.pdf")
    send(old, code=world.own.code, new_unit=world.other_firm.uscc, signed_on=signed, files=paper)
    key, change = fresh(session).execute(select(UnitChange.application_id, UnitChange.id)).one()
    way = f'href="/appeals/new?about=unit_change-{change}"'
    assert (way in taker.get(f"/applications/{key}").text) is (days_ago > 7)
    # The score is the new unit's; nobody else appeals against it.
    assert way not in old.get(f"/applications/{key}").text
    assert way not in sign_in(world.accounts["inspector"]).get(f"/applications/{key}").text
    if days_ago > 7:
        form = taker.get(f"/appeals/new?about=unit_change-{change}").text
        assert "提出申诉" in form and f'href="/applications/{key}">返回' in form.replace("\n", "")
