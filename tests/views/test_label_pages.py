"""MNT-06 on the desk and on the phone: the photo in the form, the queue, the record, what is said of it."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, Visit
from app.permissions import Role
from app.reference import items_for
from app.transaction import transaction
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator, make_person, make_policy, picture
from tests.pages import flat
from tests.statements import statements
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("MNT-06")
ON = dt.date(2026, 3, 2)
HERE = {"latitude": "30.5", "longitude": "120.5"}


@pytest.fixture
def town(session: Any, world: World) -> World:
    make_policy(session, "preset", "nantong")
    session.commit()
    return world


def post(client: Any, url: str, form: dict[str, Any] | None = None) -> Any:
    sent = {"csrf_token": csrf(client, "/m/me"), **(form or {})}
    return client.post(url, data=sent, content_type="multipart/form-data")


def photo(colour: str = "#3a6ea5") -> tuple[io.BytesIO, str]:
    return io.BytesIO(picture("JPEG", (400, 300), colour)), "标签.jpg"


def looked_at(session: Any, town: World, state: str = "waiting", by: str = "regulator", **more: Any) -> Visit:
    """A visit that is over, with a photo of its label."""
    kept = {"code": town.own.code, "address": "明水街道 1 号", "worker": town.worker.name}
    row = add_visit(
        session, town.own, town.worker, ON, state="pending", by_code=True, label_state=state, label_by=by,
        account_id=town.accounts["worker"].id, snapshot=kept, in_distance=23, **more,
    )  # fmt: skip
    session.flush()
    with transaction(session):
        attachments.store(
            session, town.actor("worker"), row.checked_in_at, *photo(), "label", "visit", row.id, row.unit_id,
            row.region_code,
        )  # fmt: skip
    return row


def newest(session: Any, row: Visit) -> int:
    statement = select(Attachment.id).where(Attachment.entity_id == row.id, Attachment.kind == "label")
    return int(session.scalars(statement.order_by(Attachment.id.desc()).limit(1)).one())


# --- on the phone


def test_the_form_asks_for_a_photo_where_the_number_was_typed(town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["worker"])
    typed = client.get(f"/m/e/{town.own.code}?latitude=30.5&longitude=120.5").text
    assert 'data-upload="label"' in typed and 'capture="environment"' in typed and "改为扫码" in typed
    assert "由监管部门核对" in typed and "现在还不能签到" not in typed
    scanned = client.get(f"/m/e/{town.own.public_token}?latitude=30.5&longitude=120.5").text
    assert 'data-upload="label"' not in scanned


def test_the_queue_asks_as_much_of_one_as_of_ten(session: Any, town: World, sign_in: Any) -> None:
    """Each by a worker and an account of its own, at its own elevator, some typed before."""
    client = sign_in(town.accounts["inspector"])

    def more(n: int) -> None:
        session.rollback()
        for _each in range(n):
            worker = make_person(session, town.firm)
            account = make_account(session, Role.WORKER, unit=town.firm, person=worker)
            lift = make_elevator(session, maintenance_unit=town.firm, use_unit=town.use_unit)
            session.flush()
            row = looked_at(session, town)
            row.elevator_id, row.worker_id, row.account_id = lift.id, worker.id, account.id
            add_visit(session, lift, worker, ON - dt.timedelta(days=90), by_code=True)
            add_visit(session, lift, town.other_worker, ON - dt.timedelta(days=91), by_code=True)
            session.commit()

    def asked() -> tuple[int, str]:
        with statements() as seen:
            text = flat(client.get("/visits/labels/").text)
        return len(seen), text

    more(1)
    asked()
    first, text = asked()
    assert "这台电梯 2 次，这名维保员 2 次" in text, "its own and that of 90 days before, not of 91"
    more(9)
    last, text = asked()
    assert text.count('class="vis-label"') == 10 and text.count("这台电梯 2 次，这名维保员 2 次") == 10
    assert first == last


def test_no_region_that_asks_for_none_shows_it(session: Any, world: World, sign_in: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    assert 'data-upload="label"' not in sign_in(world.accounts["worker"]).get(f"/m/e/{world.own.code}").text


def test_another_firms_worker_is_asked_for_nothing(town: World, sign_in: Any) -> None:
    assert 'data-upload="label"' not in sign_in(town.accounts["other_worker"]).get(f"/m/e/{town.own.code}").text


def test_without_the_photo_it_is_refused_in_words(session: Any, town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["worker"])
    answer = post(client, f"/m/e/{town.own.code}", HERE)
    assert answer.status_code == 422
    assert "没有标签照片" in answer.text and "请拍下电梯里的标签" in answer.text and 'href="#label-card"' in answer.text
    assert session.scalar(select(Visit.id)) is None


def test_with_the_photo_in_the_form_it_begins(session: Any, town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["worker"])
    answer = post(client, f"/m/e/{town.own.code}", {**HERE, "label": photo()})
    assert answer.status_code == 302, answer.text
    session.rollback()
    row = session.scalars(select(Visit)).one()
    assert (row.by_code, row.label_state, row.label_by, row.state) == (True, "waiting", "regulator", "open")
    assert [f.kind for f in attachments.of(session, "visit", row.id)] == ["label"]


def test_a_photo_that_was_sent_ahead_is_kept_on_a_refused_form(session: Any, town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["worker"])
    sent = post(client, "/files/", {"kind": "label", "file": photo()})
    assert sent.status_code == 201, sent.text
    number = sent.json["id"]
    refused = post(client, f"/m/e/{town.own.code}", {"latitude": "31", "longitude": "120", "label_ids": str(number)})
    assert refused.status_code == 422 and f'name="label_ids" value="{number}"' in refused.text
    assert "电梯位置较远" in refused.text and "没有标签照片" not in refused.text
    begun = post(client, f"/m/e/{town.own.code}", {**HERE, "label_ids": str(number)})
    assert begun.status_code == 302, begun.text
    session.rollback()
    assert session.scalars(select(Attachment)).one().entity_id == session.scalars(select(Visit.id)).one()


def test_what_is_no_picture_is_refused_with_its_reason(session: Any, town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["worker"])
    answer = post(client, f"/m/e/{town.own.code}", {**HERE, "label": (io.BytesIO(b"%PDF-1.4 x"), "标签.pdf")})
    assert answer.status_code == 422 and "标签.pdf" in answer.text
    assert session.scalar(select(Visit.id)) is None


def test_another_photo_is_sent_from_the_record(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town, "more", label_reason="看不清编号", label_at=clock.now())
    client = sign_in(town.accounts["worker"])
    assert "请补拍标签照片 1 条" in flat(client.get("/m/").text)
    assert f"/m/visits/{row.id}" in client.get("/m/visits?kind=label").text
    page = client.get(f"/m/visits/{row.id}").text
    assert "看不清编号" in page and "补拍标签照片" in page
    empty = post(client, f"/m/visits/{row.id}/label")
    assert empty.status_code == 422 and "没有照片" in empty.text
    assert post(client, f"/m/visits/{row.id}/label", {"label": photo("#aa3311")}).status_code == 302
    session.rollback()
    assert session.get(Visit, row.id).label_state == "waiting"
    assert len(attachments.of(session, "visit", row.id)) == 2
    other = post(sign_in(town.accounts["other_worker"]), f"/m/visits/{row.id}/label", {"label": photo()})
    assert other.status_code == 404


def test_the_worker_reads_what_was_said(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town, "rejected", label_reason="不是这台电梯的标签", label_at=clock.now())
    page = flat(sign_in(town.accounts["worker"]).get(f"/m/visits/{row.id}").text)
    assert "不通过" in page and "不是这台电梯的标签" in page and "发送照片" not in page


def running(session: Any, town: World, sign_in: Any, text: str) -> tuple[Any, Visit]:
    """A visit begun half an hour ago, and its worker's client."""
    client = sign_in(town.accounts["worker"])
    now = clock.now()
    with clock.frozen(now - dt.timedelta(minutes=40)):
        begun = post(client, f"/m/e/{text}", {**HERE, "label": photo()} if text == town.own.code else HERE)
    assert begun.status_code == 302, begun.text
    session.rollback()
    return client, session.scalars(select(Visit)).one()


def out_of(row: Visit, code: str, **more: Any) -> dict[str, Any]:
    items = items_for(row.snapshot["category"], row.level)
    done = {f"result-{i.code}": "ok" for i in items} | {f"value-{i.code}": "合格" for i in items}
    return {**HERE, **done, "mode": "items", "fault": "none", "code": code, **more}


def test_leaving_by_number_the_form_wants_a_photo_and_keeps_the_rest(session: Any, town: World, sign_in: Any) -> None:
    client, row = running(session, town, sign_in, town.own.public_token)
    page = client.get(f"/m/visits/{row.id}").text
    assert f'data-typed="{town.own.code}"' in page and 'data-upload="label_out"' in page
    refused = post(client, f"/m/visits/{row.id}/out", out_of(row, town.own.code, note="换了灯管"))
    assert refused.status_code == 422 and "这次是按识别码签退，没有标签照片" in refused.text
    assert 'href="#again"' in refused.text and "换了灯管" in refused.text
    left = post(client, f"/m/visits/{row.id}/out", out_of(row, town.own.code, label_out=photo()))
    assert left.status_code == 302, left.text
    session.rollback()
    row = session.get(Visit, row.id)
    assert (row.state, row.label_state, row.by_code) == ("pending", "waiting", False)
    assert [f.kind for f in attachments.of(session, "visit", row.id)] == ["label_out"]


def test_what_was_scanned_goes_along_to_the_form(session: Any, town: World, sign_in: Any) -> None:
    client, row = running(session, town, sign_in, town.own.public_token)
    gate = client.get(f"/m/e/{town.own.public_token}").text
    assert gate.count(f'href="/m/visits/{row.id}?code={town.own.public_token}"') == 2, "from the bottom and the reason"
    assert f'value="{town.own.public_token}"' in client.get(f"/m/visits/{row.id}?code={town.own.public_token}").text
    elsewhere = client.get(f"/m/e/{town.foreign.public_token}").text
    assert f'href="/m/visits/{row.id}"' in elsewhere
    left = post(client, f"/m/visits/{row.id}/out", out_of(row, town.own.public_token))
    assert left.status_code == 302, left.text
    session.rollback()
    assert session.get(Visit, row.id).label_state is None


def test_no_form_asks_for_it_where_the_region_does_not(session: Any, world: World, sign_in: Any) -> None:
    client, row = running(session, world, sign_in, world.own.public_token)
    assert "label_out" not in client.get(f"/m/visits/{row.id}").text


# --- at the desk


def test_the_photos_of_both_ends_stand_beside_the_register(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    arrived = newest(session, row)
    with transaction(session):
        session.get(Visit, row.id).sent_at = clock.now()
        left = attachments.store(
            session, town.actor("worker"), row.checked_in_at, *photo("#aa3311"), "label_out", "visit", row.id,
            row.unit_id, row.region_code,
        ).id  # fmt: skip
    client = sign_in(town.accounts["inspector"])
    for url in ("/visits/labels/", f"/visits/{row.id}"):
        page = client.get(url).text
        shown = [page.index(f'src="/files/{number}?view=1"') for number in (arrived, left)]
        assert shown == sorted(shown) and page.count(f'src="/files/{left}?view=1"') == 1
        assert "标签照片（签到）" in page and "标签照片（签退）" in page and f'name="seen" value="{left}"' in page
    assert "没有扫码，按识别码签到和签退" in flat(client.get(f"/visits/{row.id}").text)
    with transaction(session):
        attachments.store(
            session, town.actor("worker"), clock.now() + dt.timedelta(hours=1), *photo("#11aa33"), "label", "visit",
            row.id, row.unit_id, row.region_code,
        )  # fmt: skip
    page = client.get(f"/visits/{row.id}").text
    assert page.index("标签照片（补拍）") < page.index("标签照片（签到）") < page.index("标签照片（签退）")


def test_the_queue_shows_photo_and_register_side_by_side(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    client = sign_in(town.accounts["inspector"])
    page = client.get("/visits/labels/").text
    assert f"/files/{newest(session, row)}?view=1" in page and town.own.code in page
    assert "这台电梯 1 次，这名维保员 1 次" in flat(page) and f'action="/visits/{row.id}/label"' in page
    home = flat(client.get("/").text)
    assert "待核对的标签照片" in home and 'href="/visits/labels/"' in home
    assert client.get(f"/files/{newest(session, row)}?view=1").status_code == 200
    for tab, seen in (("more", False), ("approved", False), ("all", True)):
        assert (town.own.code in flat(client.get(f"/visits/labels/?tab={tab}").text).split("全部", 1)[1]) is seen


def test_only_those_who_look_at_it_have_the_page(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    form = f'action="/visits/{row.id}/label"'
    for who in ("clerk", "worker", "use_head"):
        assert sign_in(town.accounts[who]).get("/visits/labels/").status_code in (302, 403)
    head = sign_in(town.accounts["maintenance_head"])
    assert form not in head.get("/visits/labels/").text
    record = head.get(f"/visits/{row.id}").text
    assert "由监管部门核对" in record and form not in record
    other = sign_in(town.accounts["other_inspector"])
    assert form not in other.get("/visits/labels/").text and other.get(f"/visits/{row.id}").status_code == 404


def test_where_none_wait_nothing_is_said_of_it(town: World, sign_in: Any) -> None:
    client = sign_in(town.accounts["inspector"])
    assert "标签照片" not in flat(client.get("/").text)
    assert "没有等待核对的标签照片" in client.get("/visits/labels/").text


def test_it_is_passed_from_the_queue(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    client = sign_in(town.accounts["inspector"])
    form = {"decision": "approved", "seen": str(newest(session, row)), "back": "labels"}
    answer = post(client, f"/visits/{row.id}/label", form)
    assert answer.status_code == 302 and answer.headers["Location"].endswith("/visits/labels/")
    session.rollback()
    assert session.get(Visit, row.id).state == "valid"
    record = flat(client.get(f"/visits/{row.id}").text)
    assert "标签照片" in record and ">通过<" in record


def test_a_refused_decision_keeps_what_was_typed(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    client = sign_in(town.accounts["inspector"])
    stale = {"decision": "more", "seen": "999", "label_reason": "看不清", "back": "labels"}
    answer = post(client, f"/visits/{row.id}/label", stale)
    assert answer.status_code == 422 and "请看过新照片再决定" in answer.text and ">看不清</textarea>" in answer.text
    none = post(client, f"/visits/{row.id}/label", {"decision": "rejected", "seen": str(newest(session, row))})
    assert none.status_code == 422 and "没有写明理由" in none.text
    odd = post(client, f"/visits/{row.id}/label", {"decision": "x", "seen": "9" * 30})
    assert odd.status_code == 422


def test_asked_for_again_it_waits_in_its_own_tab(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town)
    client = sign_in(town.accounts["inspector"])
    post(client, f"/visits/{row.id}/label", {
        "decision": "more", "seen": str(newest(session, row)), "label_reason": "看不清编号", "back": "labels",
    })  # fmt: skip
    more = flat(client.get("/visits/labels/?tab=more").text)
    assert "看不清编号" in more and f'action="/visits/{row.id}/label"' in more
    assert "补数据" in flat(client.get("/visits/?tab=pending").text)


def test_by_policy_it_is_the_units_own_queue(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town, by="unit")
    manager = make_account(session, Role.MAINTENANCE_MANAGER, unit=town.firm)
    session.commit()
    form = f'action="/visits/{row.id}/label"'
    inspector = sign_in(town.accounts["inspector"])
    assert form in sign_in(manager).get("/visits/labels/").text
    # Where the firm has nobody else the regulator may, from the record.
    assert form not in inspector.get("/visits/labels/").text and form in inspector.get(f"/visits/{row.id}").text


def test_the_export_has_its_columns(session: Any, town: World, sign_in: Any) -> None:
    from app.listing import LISTINGS

    names = {c.name for c in LISTINGS["visit_records"].columns}
    assert {"by_code", "label_state", "label_reason", "label_at"} <= names
    looked_at(session, town)
    page = flat(sign_in(town.accounts["inspector"]).get("/visits/?cols=code,label_state,by_code&f_label=waiting").text)
    assert ">审核中<" in page and town.own.code in page


def test_the_list_leads_to_the_queue_where_one_waits(session: Any, town: World, sign_in: Any) -> None:
    looked_at(session, town)
    assert 'href="/visits/labels/"' in sign_in(town.accounts["inspector"]).get("/visits/").text
    assert 'href="/visits/labels/"' not in sign_in(town.accounts["use_head"]).get("/visits/").text


def test_the_managers_form_is_not_offered_for_it(session: Any, town: World, sign_in: Any) -> None:
    row = looked_at(session, town, by="unit")
    page = sign_in(town.accounts["maintenance_head"]).get(f"/visits/{row.id}").text
    assert f'action="/visits/{row.id}/label"' in page and f'action="/visits/{row.id}/decision"' not in page
