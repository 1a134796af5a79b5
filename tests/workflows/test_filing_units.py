"""What only a unit's filing does: moving, kinds, its code, who keeps it once it has an account (UNT-05, ELV-04)."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Commitment, Unit
from app.models.account import no_mail
from app.transaction import transaction
from app.workflows.access import accounts, main_accounts
from app.workflows.filing import filing, filing_effects
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import (
    AT,
    attachment,
    decide,
    filed_unit,
    fresh,
    save,
    submit,
)

pytestmark = pytest.mark.feature("UNT-05", "ELV-04")


@pytest.mark.feature("ACC-02", "ACC-15", "UNT-05")
def test_a_unit_that_moves_takes_its_accounts_and_papers_with_it(session: Any, world: World) -> None:
    """The office that it left resets no password of its any more; who was signed in signs in again."""
    firm, head = world.firm, world.actor("maintenance_head")
    clerk = world.accounts["clerk"]
    epoch = clerk.session_epoch
    licence = attachment(session, head, entity="unit", entity_id=firm.id, kind="licence")
    old = attachment(session, head, entity="application", kind="document")
    letter = Commitment(
        unit_id=firm.id, region_code=firm.region_code, valid_from=clock.local_day(AT), valid_until=clock.local_day(AT),
        state="approved",
    )  # fmt: skip
    session.add(letter)
    session.commit()
    place = factories.region(session, "980403000000").id
    save(session, head, Unit, firm, {"region_id": place, "licence_until": "2030-01-01"})
    application = submit(session, head, firm)
    assert (clerk.region_code, clerk.session_epoch) == ("980402000000", epoch)
    city = factories.make_account(session, factories.Role.INSPECTOR, region_code="980400000000")
    there = factories.make_account(session, factories.Role.REGION_ADMIN, region_code="980403000000")
    session.commit()
    decide(session, factories.actor(city), application, "approve")
    session.refresh(clerk)
    assert (clerk.region_code, clerk.session_epoch) == ("980403000000", epoch + 1)
    assert world.accounts["use_head"].region_code == "980402000000"
    main = world.accounts["maintenance_head"].id
    with pytest.raises(NotFound), transaction(session):
        accounts.reset_password(session, world.actor("region_admin"), main, AT)
    with transaction(session):
        assert accounts.reset_password(session, factories.actor(there), main, AT).password
    fresh(session)
    assert (licence.region_code, letter.region_code, old.region_code) == ("980403000000",) * 2 + ("980402000000",)


@pytest.mark.feature("ACC-03")
def test_a_registered_unit_that_chooses_another_region_is_that_ones_when_approved(session: Any, world: World) -> None:
    head, unit = world.accounts["other_head"], world.other_firm
    unit.region_code = "980402000000"  # its draft says another region than its registration did
    session.commit()
    with transaction(session):
        filing_effects.unit_in_force(session, unit, {"region_id": unit.region_id}, AT)
    session.refresh(head)
    assert head.region_code == "980402000000"


def test_a_unit_filed_by_another_keeps_to_itself_once_it_has_an_account(session: Any, world: World) -> None:
    unit, head = filed_unit(world), world.actor("maintenance_head")
    factories.make_account(session, factories.Role.USE_HEAD, unit=unit, is_main=True)
    session.commit()
    with pytest.raises(NotAllowed, match="已有自己的账号"):
        save(session, head, Unit, unit, {"note": "代填"})


@pytest.mark.feature("UNT-01", "UNT-05")
def test_a_unit_gives_up_a_kind_once_no_elevator_hangs_on_it(session: Any, world: World) -> None:
    head, firm = world.actor("maintenance_head"), world.firm
    asked = {"is_maintenance": False, "is_installation": True, "licence_until": "2030-01-01"}
    with pytest.raises(Refusal, match=r"还有 1 台电梯由本单位维保。请先办理这些电梯的维保单位变更"):
        save(session, head, Unit, firm, asked)
        submit(session, head, firm)
    session.rollback()
    world.own.maintenance_unit_id = world.other_firm.id
    session.commit()
    save(session, head, Unit, firm, asked)
    assert submit(session, head, firm).state == "submitted"


@pytest.mark.feature("ACC-02", "UNT-05")
def test_a_corrected_code_is_the_main_accounts_login_name(session: Any, world: World) -> None:
    """Else the unit whose code it really is could never be given its account."""
    head, firm, main = world.actor("maintenance_head"), world.firm, world.accounts["maintenance_head"]
    wrong, right = firm.uscc, factories.uscc()
    main.username, main.email = wrong, no_mail(wrong)
    session.commit()
    save(session, head, Unit, firm, {"uscc": right, "licence_until": "2030-01-01"})
    warned = [f.found for f in filing.findings(session, firm, filing.content(session, firm), AT.date()) if not f.ok]
    assert f"主账号的登录名将由 {wrong} 改为 {right}" in warned
    decide(session, world.actor("inspector"), submit(session, head, firm), "approve")
    session.refresh(main)
    assert (firm.uscc, main.username) == (right, right)
    place = factories.region(session, "980402000000").id
    with transaction(session):
        issued = main_accounts.create_main_account(
            session, world.actor("region_admin"), unit_name="澜州真主人电梯有限公司", region_id=place,
            head_name="陆闻笙", phone="13911110008", uscc=wrong, kinds=["maintenance"], at=AT,
        )  # fmt: skip
    assert issued.account.username == wrong
    # A name of one's own choice stays, and so does a code where somebody signs in by the new one. Whether the record
    # ever had the wrong code does not matter: in a first filing the draft is corrected before it is approved.
    clerk, mistyped = world.accounts["clerk"], factories.uscc()
    for name, taken, expected in (("hengshu", "wenyuan", "hengshu"), (mistyped, right, mistyped),
                                  (mistyped, "wenyuan", right)):
        main.username = name
        session.commit()
        clerk.username = taken
        session.commit()
        with transaction(session):
            main_accounts.follow_code(session, firm, AT)
        assert main.username == expected
