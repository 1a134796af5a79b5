"""A worker in a pit photographs label and places: the pictures lie on the phone until there is a line."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import Attachment, Elevator, Visit
from tests.journeys.conftest import PHONE
from tests.journeys.in_the_pit import (
    PHOTO,
    at_the_gate,
    check_in,
    fill_sheet,
    leave_and_send,
    let_pass,
    own_tasks,
    without_line,
)


@pytest.mark.feature("MNT-06", "MNT-05")
def test_left_by_number_without_signal_the_label_is_photographed(product: Any, enter: Any, shot: Any) -> None:
    """Begun by a scan; in the pit the label can't be read, so its number is typed and its photo goes along."""
    number, code, *place, region = own_tasks(product)[3]
    with product.session() as session:
        token = session.get(Elevator, number).public_token
    with product.policy(region, "试行：扫不了码的须拍标签", label_photo="unit"):
        phone = enter("维保员", PHONE)
        at_the_gate(product, phone, place, f"/m/e/{token}")
        visit = check_in(product, phone)
        asked = phone.locator("#label-out")
        expect(asked).to_be_hidden()
        let_pass(phone, product, 40)
        without_line(phone, f"/m/visits/{visit}?code={token}")
        expect(phone.get_by_label("再次扫码或输入识别码")).to_have_value(token)
        expect(asked).to_be_hidden()
        fill_sheet(phone, code)
        expect(asked).to_be_visible()
        phone.get_by_role("button", name="签退，存在手机").click()
        expect(phone.locator(".fd-refused")).to_contain_text("这次是按识别码签退")
        shot(phone, "a photo of the label is wanted to leave by number")
        phone.locator("#label-out-photo").set_input_files(PHOTO)
        expect(phone.locator('[data-photos="labelout"]')).to_contain_text("底坑.png")
        leave_and_send(phone)
        with product.session() as session:
            row = session.get(Visit, visit)
            assert (row.offline, row.by_code, row.label_state, row.label_by) == ("out", False, "waiting", "unit")
            kinds = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == visit)
            assert session.scalars(kinds).all() == ["label_out"]


@pytest.mark.feature("MNT-04", "MNT-05", "MNT-01")
def test_the_places_and_the_person_are_photographed_without_signal(product: Any, enter: Any, shot: Any) -> None:
    """Begun on line with a photo of himself; photos taken in the shaft lie on the phone until there is a line."""
    _number, code, *place, region = own_tasks(product)[4]
    with product.policy(region, "试行：现场照片", photo_pit="every", photo_room="every", person_proof="photo"):
        phone = enter("维保员", PHONE)
        at_the_gate(product, phone, place, f"/m/e/{code}")
        phone.locator("#selfie").set_input_files(PHOTO)
        expect(phone.locator('[data-upload="selfie"] img')).to_be_visible()
        shot(phone, "whoever checks in is photographed first")
        visit = check_in(product, phone)
        # One that was sent while there was a line comes back with the draft.
        phone.locator("#photo_room").set_input_files(PHOTO | {"name": "机房.png"})
        expect(phone.locator('[data-upload="photo_room"] img')).to_be_visible()
        shot(phone, "a camera for each place")
        phone.context.set_offline(True)
        # One that did not get through is kept.
        phone.locator("#photo_pit").set_input_files(PHOTO)
        expect(phone.locator('[data-upload="photo_pit"]')).to_contain_text("已存在手机")
        let_pass(phone, product, 40)
        without_line(phone, f"/m/visits/{visit}")
        expect(phone.locator("#out-photo_pit")).to_be_visible()
        expect(phone.locator("[data-places]")).to_contain_text("底坑.png")
        expect(phone.locator("[data-places]")).to_contain_text("照片 1 张")
        fill_sheet(phone, code)
        phone.get_by_role("button", name="移除 底坑.png").click()
        expect(phone.locator("[data-places]")).not_to_contain_text("底坑.png")
        phone.get_by_role("button", name="签退，存在手机").click()
        refused = phone.locator(".fd-refused")
        expect(refused).to_contain_text("底坑照片")
        expect(refused).not_to_contain_text("机房照片")
        shot(phone, "without signal a missing place is named")
        phone.locator("#out-photo_pit").set_input_files(PHOTO)
        expect(phone.locator("[data-places]")).to_contain_text("底坑.png")
        leave_and_send(phone)
        with product.session() as session:
            assert session.get(Visit, visit).offline == "out"
            kinds = select(Attachment.kind).where(Attachment.entity == "visit", Attachment.entity_id == visit)
            assert sorted(session.scalars(kinds)) == ["photo_pit", "photo_room", "selfie"]
        phone.goto(f"/m/visits/{visit}")
        expect(phone.locator(".fd-pics")).to_contain_text("底坑照片")
        expect(phone.locator(".fd-pics img")).to_have_count(2)
        shot(phone, "the record shows them by place")
