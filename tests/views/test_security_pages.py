"""Which persona opens which page, and what the home page tells each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app import clock
from app.permissions import GRANTS, Role
from app.transaction import transaction
from app.workflows.access import main_accounts
from tests.factories import World, actor
from tests.views.test_security import sign_in

PAGES = {
    "/": set(GRANTS),
    "/profile/": set(GRANTS),
    "/password/": set(GRANTS),
    "/accounts/new-regulator": {Role.PLATFORM_ADMIN, Role.REGION_ADMIN},
    "/accounts/new-unit": {Role.PLATFORM_ADMIN, Role.REGION_ADMIN},
    "/sub-accounts/": {Role.MAINTENANCE_HEAD, Role.USE_HEAD, Role.UNIT_HEAD},
    "/sub-accounts/add": {Role.MAINTENANCE_HEAD, Role.USE_HEAD, Role.UNIT_HEAD},
    "/people/": {
        Role.PLATFORM_ADMIN, Role.REGION_ADMIN, Role.INSPECTOR, Role.MAINTENANCE_HEAD, Role.CLERK, Role.USE_HEAD,
    },
    "/people/new": {Role.MAINTENANCE_HEAD, Role.CLERK, Role.USE_HEAD},
}
# Not in the small world; tests/views/test_other_units.py opens theirs.
OTHERS = (Role.TESTER, Role.RESCUE_AGENT, Role.APPLICANT, Role.UNIT_HEAD, Role.RESCUER)


@pytest.mark.feature("ACC-13", "DSH-01")
@pytest.mark.parametrize("persona", sorted(r.value for r in Role if r not in (Role.MAINTENANCE_MANAGER, *OTHERS)))
def test_each_page_opens_for_its_roles_only(app: Any, world: World, persona: str) -> None:
    client = app.test_client()
    sign_in(client, world.accounts[persona].username)
    role = Role(persona)
    for path, roles in PAGES.items():
        status = client.get(path).status_code
        assert status in ((200, 302) if role in roles and path == "/" else (200,) if role in roles else (403,)), path


@pytest.mark.feature("ACC-13")
def test_nobody_opens_nothing(app: Any, world: World) -> None:
    client = app.test_client()
    for path in [*PAGES, f"/accounts/{world.accounts['clerk'].id}", f"/people/{world.worker.id}"]:
        answer = client.get(path)
        assert answer.status_code == 302 and answer.location.startswith("/login/"), path


@pytest.mark.feature("DSH-01")
def test_the_home_page_counts_what_its_reader_sees(app: Any, world: World) -> None:
    shown = {}
    for persona in ("region_admin", "other_inspector", "platform_admin", "use_head"):
        client = app.test_client()
        sign_in(client, world.accounts[persona].username)
        page = client.get("/").get_data(as_text=True)
        shown[persona] = re.search(r'电梯</span><span class="n">(\d+)<', page)[1]
    assert shown == {"region_admin": "1", "other_inspector": "1", "platform_admin": "2", "use_head": "1"}


@pytest.mark.feature("DSH-01")
def test_a_fresh_unit_is_told_what_to_do(app: Any, session: Any, world: World) -> None:
    from app.models import Unit
    from tests.factories import make_ledger, uscc

    with transaction(session):
        issued = main_accounts.create_main_account(
            session, actor(world.accounts["region_admin"]), unit_name="澜州宁远电梯有限公司", uscc=uscc(),
            region_id=world.firm.region_id, head_name="陆清和", phone="13900002222", kinds=["maintenance"],
            at=clock.now(),
        )  # fmt: skip
    issued.account.must_change_password = False
    session.commit()
    client = app.test_client()
    sign_in(client, issued.login_name, issued.password)
    page = client.get("/").get_data(as_text=True)
    assert "完善单位备案并上报" in page and "登记电梯" in page
    assert session.get(Unit, issued.account.unit_id).approved_version == 0
    with transaction(session):
        make_ledger(session, world.own, world.worker, next_half_month_on=clock.today())
        world.accounts["maintenance_head"].rescue_role = "lead"
    other = app.test_client()
    sign_in(other, world.accounts["maintenance_head"].username)
    assert "指定应急救援人员" in other.get("/").get_data(as_text=True), "who has no phone is no rescuer to an SMS"
    session.rollback()
    world.accounts["maintenance_head"].phone = "13900003333"
    session.commit()
    assert "完善单位备案并上报" not in other.get("/").get_data(as_text=True), "all is done"
