"""Attacks on rights: more than the giver has, others' papers, a judge of one's own words."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import Account, Attachment
from app.permissions import BASIC, Role, Verb, require
from app.reports.bulletin import document
from app.transaction import transaction
from app.workflows.core.actors import actor_by_id, actor_of
from app.workflows.files import attachments
from app.workflows.oversight import bulletins, enforcement
from app.workflows.people import taking_on
from tests.api.callers import Caller
from tests.factories import World, make_account, picture
from tests.workflows.bulletins.conftest import ground
from tests.workflows.bulletins.ground import drafted
from tests.workflows.invitations.ground import AT, handed_in
from tests.workflows.test_enforcement import AT as FOUND_AT
from tests.workflows.test_enforcement import do, penalty, told

__all__ = ["ground"]


@pytest.mark.feature("ACC-09", "PER-02")
def test_a_manager_takes_on_nobody_with_rights_that_were_not_ticked_for_him(
    app: Any, session: Any, world: World
) -> None:
    manager = make_account(
        session, Role.MAINTENANCE_MANAGER, unit=world.firm, parent_user_id=world.accounts["maintenance_head"].id,
        ticked=f" {' '.join([Verb.PERSON_READ, Verb.PERSON_EDIT, Verb.INVITATION_APPROVE])} ",
    )  # fmt: skip
    session.commit()
    me = actor_of(manager)
    assert not me.may(Verb.ORDER_READ)
    row = handed_in(session, me, with_account=True)
    with transaction(session):
        person = taking_on.end(session, me, row.id, row.row_version, True, AT)
    key = session.scalars(select(Account.id).where(Account.person_id == person.id)).one()
    made = actor_by_id(session, key, "web")
    with pytest.raises(NotAllowed):
        require(made, Verb.ORDER_READ)
    # What a worker is for he has, from whomever: no manager does maintenance himself.
    assert made.may(Verb.VISIT_MAKE)
    with transaction(session):
        session.get(Account, manager.id).ticked = None
    assert actor_by_id(session, key, "web").may(Verb.ORDER_READ), "it holds from the next request"
    with transaction(session):
        session.get(Account, manager.id).active = False
    assert actor_by_id(session, key, "web").may(Verb.ORDER_READ), "the manager left, his worker works on"
    with transaction(session):
        session.get(Account, world.accounts["maintenance_head"].id).active = False
    assert actor_by_id(session, key, "web").verbs == BASIC


@pytest.mark.feature("UNT-04", "PER-03")
@pytest.mark.parametrize("kind", ["face", "identity"])
def test_a_manager_takes_no_persons_pictures_away_as_papers(
    app: Any, session: Any, world: World, kind: str
) -> None:
    with transaction(session):
        key = attachments.store(
            session, world.actor("worker"), AT, io.BytesIO(picture()), "照片.png", kind, "person", world.worker.id,
            world.firm.id, world.firm.region_code,
        ).id  # fmt: skip
    gone = Caller(app, world, "maintenance_head").call("DELETE", f"/people/{world.worker.id}/files/{key}")
    assert gone.status_code == 404
    held = session.get(Attachment, key)
    assert held is not None and held.removed_at is None


@pytest.mark.feature("INT-04", "PER-07")
def test_what_is_sent_ahead_by_the_interface_is_its_senders_alone(app: Any, session: Any, world: World) -> None:
    worker = Caller(app, world, "worker")
    scan = worker.send_file("/files?kind=grade", "证书.png", picture()).json
    url = scan["url"].removeprefix("/api/v1")
    others = ("maintenance_head", "clerk", "inspector", "region_admin", "platform_admin")
    assert {Caller(app, world, who).get(url).status_code for who in others} == {404}
    assert worker.get(url).status_code == 200
    filed = {"grade": "senior", "certificate_no": "DJ-001", "issued_on": "2026-01-05", "attachments": [scan["id"]]}
    assert worker.post("/me/certificates", filed).status_code == 201
    assert Caller(app, world, "inspector").get(url).status_code == 200, "once it is filed, the officer reads it"


@pytest.mark.feature("UNT-04", "AUD-01")
def test_a_paper_stays_with_its_record_though_another_has_the_same_number(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    with transaction(session):
        key = attachments.store(
            session, head, AT, io.BytesIO(picture()), "出厂.png", "factory", "elevator", 77, world.firm.id,
            world.firm.region_code,
        ).id  # fmt: skip
    with pytest.raises(Refusal, match="不是您为这条记录上传的"), transaction(session):
        attachments.adopt(session, head, [key], "safety_record", 77)


@pytest.mark.feature("ANO-03")
def test_who_wrote_a_penalty_under_anothers_name_does_not_decide_on_it(session: Any, world: World) -> None:
    """One officer's draft was written anew by another, proposed by the first, and decided on by who had written it."""
    author = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    world.accounts["author"] = author
    session.commit()
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, penalty(f"elevator-{world.own.id}"), FOUND_AT)
    do(world, "author", enforcement.edit, row.id, penalty(f"elevator-{world.own.id}"), FOUND_AT)
    do(world, "inspector", enforcement.propose, row.id, FOUND_AT)
    assert author.id not in told(world, "enforcement.decide")
    with pytest.raises(NotAllowed):
        do(world, "author", enforcement.decide, row.id, True, "", FOUND_AT)
    assert do(world, "region_admin", enforcement.decide, row.id, True, "", FOUND_AT).state == "in_force"


@pytest.mark.feature("STA-03")
def test_who_wrote_in_a_bulletin_does_not_check_it_once_another_saved_it_too(app: Any, ground: World) -> None:
    """Only the last hand was known: whoever saved it after the author gave him back the right to check his words."""
    row, now, known = drafted(app, ground), clock.now(), document.parts_of_texts()
    for who, words in (("second", "甲"), ("inspector", "甲"), ("region_admin", "甲"), ("inspector", "乙")):
        with transaction(ground.session) as own:
            bulletins.edit(own, ground.actor(who), row.id, {"maintenance": words}, known, now)
    with transaction(ground.session) as own, pytest.raises(Refusal, match="编辑过"):
        bulletins.check(own, ground.actor("second"), row.id, now)
    with transaction(ground.session) as own:
        # Who saved it without a change wrote nothing.
        bulletins.check(own, ground.actor("region_admin"), row.id, now)
