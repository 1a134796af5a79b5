"""The list of visits by state and a record's page: tabs, scope, review, approval, notes, what is refused."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Visit, VisitNote
from app.permissions import Role
from app.reference import items_for
from app.transaction import transaction
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import make_account, make_elevator, make_person, make_policy, picture
from tests.pages import page
from tests.statements import statements
from tests.workflows.clock_world import add_visit

TODAY = dt.date(2026, 3, 2)
TABS = {
    "open": {"open"}, "review": {"review", "both"}, "sheet": {"sheet", "both"}, "valid": {"valid"},
    "nonconforming": {"bad"}, "expired": {"expired"}, "abnormal": {"abnormal", "void"},
    "void": {"expired", "void", "abnormal", "rejected"}, "approval": {"pending"}, "pending": {"pending", "label"},
}  # fmt: skip
STATES: dict[str, dict[str, Any]] = {
    "open": {"state": "open", "checked_out_at": None, "counted": False},
    "review": {"state": "awaiting", "awaiting_review": True},
    "sheet": {"state": "awaiting", "awaiting_sheet": True, "mode": "sheet"},
    "both": {"state": "awaiting", "awaiting_sheet": True, "awaiting_review": True, "mode": "sheet"},
    "valid": {"state": "valid"},
    "bad": {"state": "nonconforming", "state_reason": "使用单位未在时限内复核"},
    "expired": {"state": "void", "checked_out_at": None, "counted": False, "state_reason": "过期未签退"},
    "void": {"state": "void", "counted": False, "reason": "not_on_site"},
    "abnormal": {"state": "abnormal", "counted": False, "reason": "late_upload"},
    "rejected": {"state": "rejected", "counted": False},
    "pending": {"state": "pending", "reason": "undecided"},
    "label": {"state": "pending", "reason": "label_undecided"},
}


def post(client: Any, url: str, data: dict[str, Any], status: int = 302) -> str:
    answer = client.post(url, data=data | {"csrf_token": csrf(client)})
    text: str = answer.get_data(as_text=True)
    assert answer.status_code == status, f"{url}: {answer.status_code} {text[-3000:]}"
    return text


def shown(text: str, rows: dict[str, Visit]) -> set[str]:
    return {name for name, row in rows.items() if f'href="/visits/{row.id}"' in text}


@pytest.fixture
def rows(session: Any, world: Any) -> dict[str, Visit]:
    """One visit a state at the firm's elevator, and a foreign one."""
    made = {
        name: add_visit(session, world.own, world.worker, TODAY - dt.timedelta(days=n), **fields)
        for n, (name, fields) in enumerate(STATES.items())
    }
    made["foreign"] = add_visit(session, world.foreign, world.other_worker, TODAY)
    session.commit()
    return made


# --- the list


@pytest.mark.feature("MNT-08")
def test_every_tab_holds_what_its_word_says(world: Any, rows: dict[str, Visit], sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    for tab, names in TABS.items():
        assert shown(page(client, f"/visits/?tab={tab}"), rows) == names, tab
    text = page(client, "/visits/")
    assert shown(text, rows) == set(STATES)
    for label in ("全部", "待签退", "待复核", "待上传", "有效", "不合规", "过期未签退", "无效"):
        assert f">{label} <b" in text
    for heading in (
        "识别码", "位置", "维保单位", "维保员", "频次", "签到", "时长", "上传时间", "复核期限", "状态",
    ):  # fmt: skip
        assert f">{heading}<" in text
    first = [name for name in STATES if name != "open"]
    places = [text.index(f'href="/visits/{rows[name].id}"') for name in ["open", *first]]
    assert places == sorted(places)  # the newest first


@pytest.mark.feature("MNT-08")
@pytest.mark.parametrize(
    ("persona", "sees"),
    [("worker", "own"), ("use_head", "own"), ("safety_officer", "own"), ("inspector", "own"),
     ("other_head", "foreign"), ("other_inspector", "foreign"), ("platform_admin", "both")],
)  # fmt: skip
def test_the_list_and_the_records_keep_to_the_scope(
    world: Any, rows: dict[str, Visit], persona: str, sees: str, sign_in: Any
) -> None:
    client = sign_in(world.accounts[persona])
    expected = {"own": set(STATES), "foreign": {"foreign"}, "both": set(rows)}[sees]
    assert shown(page(client, "/visits/"), rows) == expected
    for name in ("valid", "foreign"):
        page(client, f"/visits/{rows[name].id}", 200 if name in expected else 404)
    page(client, "/visits/999999", 404)


@pytest.mark.feature("MNT-08")
def test_filters_and_search_narrow_and_bad_ones_are_told(
    session: Any, world: Any, rows: dict[str, Visit], sign_in: Any
) -> None:
    lift = make_elevator(session, maintenance_unit=world.firm, estate="栖云苑")
    colleague = make_person(session, world.firm, "陆时安")
    rows["other"] = add_visit(session, lift, colleague, TODAY, level="quarter", mode="items")
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    for query in ("q=栖云苑", f"q={lift.code}", f"f_worker={colleague.id}", "f_level=quarter", "f_mode=items"):
        assert shown(page(client, f"/visits/?{query}"), rows) == {"other"}, query
    assert shown(page(client, "/visits/?f_state=valid,void"), rows) == {"other", "valid", "expired", "void"}
    assert shown(page(client, "/visits/?f_reason=late_upload,not_on_site"), rows) == {"abnormal", "void"}
    assert shown(page(client, "/visits/?f_visited_from=2026-03-02"), rows) == {"other", "open"}
    assert shown(page(client, f"/visits/?f_unit={world.other_firm.id}"), rows) == set()
    assert shown(page(client, "/visits/?f_region=980402000000"), rows) == {*STATES, "other"}
    text = page(client, "/visits/?tab=x&f_visited_from=x&f_state=x&f_worker=x&page=x&size=1e9&sort=x&q=%25%00")
    assert "没有这个分类" in text and "不是有效的日期" in text


@pytest.mark.feature("MNT-08")
def test_the_list_costs_no_statement_a_row(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    add_visit(session, world.own, world.worker, TODAY)
    session.commit()
    client = sign_in(world.accounts["inspector"])

    def asked() -> int:
        with statements() as seen:
            page(client, "/visits/?cols=code,place,unit,use_unit,worker,minutes,state,signer,taken_over")
        return len(seen)

    asked()  # what is kept after a first call
    few = asked()
    session.rollback()
    for n in range(1, 12):
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        add_visit(session, lift, make_person(session, world.firm), TODAY - dt.timedelta(days=n))
    session.commit()
    assert asked() == few


# --- the record


def a_record(session: Any, world: Any, **fields: Any) -> Visit:
    """A visit with items, a photo and the file of that day."""
    items = items_for("3110", "half_month")
    results = [{"code": i.code, "result": "ok", "value": None, "reason": None} for i in items]
    results[0] |= {"result": "repair"}
    results[1] |= {"result": "na", "reason": "无此装置"}
    results[2] |= {"value": "2.5 mm"}
    row = add_visit(
        session, world.own, world.worker, TODAY,
        **{
            "results": results, "mode": "items", "item_version": "T5002-2017", "problem": "门机皮带磨损，已更换",
            "in_distance": 12, "out_distance": 30, "awaiting_review": True, "state": "awaiting",
            "review_due_at": clock.now() + dt.timedelta(days=15), "state_reason": "等待使用单位复核",
            "snapshot": {"code": world.own.code, "category": "3110", "address": "当时的地址", "unit": world.firm.name,
                         "use_unit": world.use_unit.name, "worker": "王砚秋", "safety_officer": "苏见山"},
        } | fields,
    )  # fmt: skip
    session.commit()
    return row


@pytest.mark.feature("MNT-08", "MNT-10")
def test_a_record_shows_items_distances_files_and_the_file_of_that_day(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    row = a_record(session, world)
    world.own.address = "后来的地址"
    session.commit()
    with transaction(session):
        kept = attachments.store(
            session, world.actor("worker"), clock.now(), io.BytesIO(picture()), "底坑.png",
            "photo", "visit", row.id, world.firm.id, world.firm.region_code,
        )  # fmt: skip
    client = sign_in(world.accounts["use_head"])
    text = page(client, f"/visits/{row.id}")
    for words in (
        "待复核", "等待使用单位复核", "31 项", "修理 1 项", "无此装置", "2.5 mm", "门机皮带磨损，已更换", "12 米",
        "30 米", "1 小时 0 分", "当时的地址", "苏见山", "曳引驱动乘客电梯", "打印",
    ):  # fmt: skip
        assert words in text, words
    assert "后来的地址" not in text
    assert f"/files/{kept.id}?view=1" in text and client.get(f"/files/{kept.id}?view=1").status_code == 200


@pytest.mark.feature("MNT-08")
@pytest.mark.parametrize(
    "fields",
    [{"snapshot": {}}, {"snapshot": {"category": "9999"}}, {"results": None}, {"item_version": None},
     {"results": [{"code": "gone", "result": "ok"}]}, {"checked_out_at": None, "state": "open"}, {"level": "annual"}],
)  # fmt: skip
def test_a_thin_record_opens(session: Any, world: Any, sign_in: Any, fields: dict[str, Any]) -> None:
    row = a_record(session, world, **fields)
    text = page(sign_in(world.accounts["inspector"]), f"/visits/{row.id}")
    assert world.own.code in text


@pytest.mark.feature("MNT-07")
def test_the_use_unit_reviews(session: Any, world: Any, sign_in: Any) -> None:
    row = a_record(session, world)
    url = f"/visits/{row.id}"
    for persona, status in (("maintenance_head", 403), ("worker", 403), ("inspector", 403), ("other_head", 403)):
        client = sign_in(world.accounts[persona])
        answer = client.post(f"{url}/review", data={"csrf_token": csrf(client)})
        assert answer.status_code in (302, status), persona
    session.rollback()
    assert row.reviewed_at is None
    client = sign_in(world.accounts["safety_officer"])
    shown_page = page(client, url)
    assert "确认维保属实" in shown_page and 'href="#review">去复核' in shown_page and 'id="review"' in shown_page
    text = post(client, f"{url}/review", {"opinion": "好" * 141}, 422)
    assert "意见有 141 个字" in text and "好" * 141 in text
    assert client.post(f"{url}/review", data={"opinion": ""}).status_code == 400  # no token against forgery
    post(client, f"{url}/review", {"opinion": "到场属实"})
    session.rollback()
    assert (row.review_opinion, row.reviewed_by_id) == ("到场属实", world.accounts["safety_officer"].id)
    assert "确认维保属实" not in page(client, url) and "到场属实" in page(client, url)
    assert "已经复核" in post(client, f"{url}/review", {"opinion": "再来"}, 422)


@pytest.mark.feature("MNT-07")
def test_another_use_unit_reviews_nothing(session: Any, world: Any, sign_in: Any) -> None:
    row = a_record(session, world)
    stranger = make_account(session, Role.USE_HEAD, unit=world.other_use_unit, is_main=True)
    session.commit()
    client = sign_in(stranger)
    page(client, f"/visits/{row.id}", 404)
    post(client, f"/visits/{row.id}/review", {"opinion": ""}, 404)


@pytest.mark.feature("MNT-09")
@pytest.mark.parametrize(
    ("decision", "state", "said"), [("approved", "valid", "同意"), ("rejected", "rejected", "驳回")]
)
def test_the_manager_decides(session: Any, world: Any, sign_in: Any, decision: str, state: str, said: str) -> None:
    make_policy(session, "preset", "quanzhou")
    row = a_record(session, world, state="pending", awaiting_review=False, signed_at=clock.now(), signer="苏见山")
    url = f"/visits/{row.id}"
    assert "驳回须写明理由" not in page(sign_in(world.accounts["use_head"]), url)
    client = sign_in(world.accounts["maintenance_head"])
    assert "驳回须写明理由" in page(client, url)
    assert "驳回没有写明理由" in post(client, f"{url}/decision", {"decision": "rejected", "reason": ""}, 422)
    assert "没有选择同意或驳回" in post(client, f"{url}/decision", {"decision": "perhaps"}, 422)
    post(client, f"{url}/decision", {"decision": decision, "reason": "照片核对"})
    session.rollback()
    assert (row.state, row.decision_reason) == (state, "照片核对")
    text = page(client, url)
    assert "驳回须写明理由" not in text and said in text and "照片核对" in text
    assert "现在不需要审批" in post(client, f"{url}/decision", {"decision": "approved"}, 422)


@pytest.mark.feature("MNT-09")
def test_the_manager_decides_many_at_once(session: Any, world: Any, sign_in: Any) -> None:
    make_policy(session, "preset", "quanzhou")
    waiting = [a_record(session, world, state="pending", reason="undecided") for _ in range(2)]
    valid = a_record(session, world, state="valid", decision="approved")
    client = sign_in(world.accounts["maintenance_head"])
    assert "待审批的维保" in page(client, "/")
    assert "待审批" not in page(sign_in(world.accounts["use_head"]), "/visits/")
    client = sign_in(world.accounts["maintenance_head"])
    ids = [str(row.id) for row in (*waiting, valid)]
    text = post(client, "/visits/deed/reject", {"ids": ids[:1], "opinion": " "}, 200)
    assert "驳回没有写明理由" in text
    text = post(client, "/visits/deed/approve", {"ids": ids[1:]}, 200)
    assert "现在不需要审批" in text and "已完成" in text
    post(client, "/visits/deed/reject", {"ids": ids[:1], "opinion": "照片不清"}, 200)
    session.rollback()
    assert [row.state for row in waiting] == ["rejected", "valid"]
    assert "待审批的维保" not in page(client, "/")


@pytest.mark.feature("MNT-10")
def test_notes_stand_beside_the_record(session: Any, world: Any, sign_in: Any) -> None:
    row = a_record(session, world)
    url = f"/visits/{row.id}"
    client = sign_in(world.accounts["worker"])
    post(client, f"{url}/notes", {"body": "底坑照片补充\n第二行 <b>"})
    text = page(client, url)
    assert "底坑照片补充" in text and "&lt;b&gt;" in text and "第二行 <b>" not in text
    assert "没有填写" in post(client, f"{url}/notes", {"body": "  "}, 422)
    assert "有 501 个字" in post(client, f"{url}/notes", {"body": "长" * 501}, 422)
    reader = sign_in(world.accounts["inspector"])
    assert "添加说明" not in page(reader, url)
    post(reader, f"{url}/notes", {"body": "x"}, 403)
    session.rollback()
    assert session.scalar(select(func.count(VisitNote.id))) == 1


@pytest.mark.feature("MNT-08")
def test_the_list_is_exported_as_filtered(session: Any, world: Any, rows: dict[str, Visit], sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    wanted = {"query": "tab=expired", "cols": "code,worker,state", "format": "csv"}
    text = post(client, "/exports/visit_records", wanted, 200)
    assert world.own.code in text and "王砚秋" in text and text.count(world.own.code) == 1


@pytest.mark.feature("MNT-08", "CLK-01")
def test_what_is_left_for_a_sheet_is_seen_in_the_list_and_on_the_phone(
    session: Any, world: Any, rows: dict[str, Visit], sign_in: Any
) -> None:
    """Huzhou 1.7.1, 待上传: within 24 hours; whoever is to upload sees until when, before he opens each."""
    now = clock.now()
    rows["sheet"].checked_out_at, rows["sheet"].sheet_due_at = now - dt.timedelta(hours=19), now + dt.timedelta(hours=5)
    session.commit()
    listed = sign_in(world.accounts["maintenance_head"]).get("/visits/?tab=sheet&cols=code,sent_at,sheet_due_at").text
    assert "维保单待上传" in listed and "上传期限" in listed and "小时" in listed
    due = clock.local(rows["sheet"].sheet_due_at)
    phone = sign_in(world.accounts["worker"]).get("/m/visits?kind=sheet").text
    assert f"{due:%H:%M}" in phone and f"{due:%m-%d}" in phone
