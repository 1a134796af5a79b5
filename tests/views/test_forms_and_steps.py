"""Forms say all that is wrong at once; fresh units are led; ledgers in bulk; notices that are settled."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from app import clock
from app.models import Elevator, MaintenanceLedger, MaintenanceOrder, Notification, Unit
from app.permissions import Role
from app.transaction import transaction
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import decide, elevator_data, save, submit, unit_data


def post(client: Any, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)})


@pytest.mark.feature("UNT-05", "UNT-02")
def test_a_form_tells_number_and_rule_errors_together(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    sent = {
        "uscc": "91980402000000000X", "name": "", "region_id": str(factories.region(session).id), "latitude": "abc",
        "head_phone": "12", "then": "save",
    }  # fmt: skip
    answer = post(client, "/units/new", sent)
    assert answer.status_code == 422
    banner = answer.text.partition("请更正标出的各项")[2].partition("</ul>")[0]
    for label in ("单位名称", "纬度", "负责人手机", "统一社会信用代码"):
        assert label in banner, banner
    assert session.scalar(select(Unit).where(Unit.uscc == sent["uscc"])) is None


@pytest.mark.feature("UNT-05")
def test_what_submitting_needs_is_said_on_the_form(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["maintenance_head"]).get("/units/new").text
    assert page.count('data-word="上报必填"') > 5 and 'data-needed-when="is_use"' in page


@pytest.mark.feature("UNT-05")
def test_submitting_waits_for_the_red_checks_and_each_leads_to_its_field(
    session: Any, world: World, sign_in: Any
) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Unit, None, unit_data(session, address=None, head_phone=None))
    page = sign_in(world.accounts["maintenance_head"]).get(f"/units/{row.id}").text
    assert 'aria-disabled="true"' in page and f"/units/{row.id}/submit" not in page
    assert f'href="/units/{row.id}/edit#f-address"' in page
    assert page.count("企业地址没有填写") == 1
    save(session, head, Unit, row, {"address": "临河区明水路 8 号", "head_phone": "13900000008"})
    page = sign_in(world.accounts["maintenance_head"]).get(f"/units/{row.id}").text
    assert f"/units/{row.id}/submit" in page


@pytest.mark.feature("UNT-05", "UNT-07")
def test_a_code_that_is_taken_is_told_with_the_first_saving(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["clerk"])
    sent = unit_data(session, uscc=world.other_use_unit.uscc) | {"then": "save", "is_use": "1", "_is_use": "1"}
    answer = client.post(
        "/units/new", data={k: str(v) for k, v in sent.items()} | {"csrf_token": csrf(client)},
        follow_redirects=True,
    )  # fmt: skip
    assert "草稿已保存" in answer.text and f"已由{world.other_use_unit.name}备案并审核通过" in answer.text


@pytest.mark.feature("ELV-04")
def test_a_unit_that_is_not_approved_yet_is_known(session: Any, world: World, sign_in: Any) -> None:
    head, other = world.actor("maintenance_head"), world.actor("other_head")
    own = save(session, head, Unit, None, unit_data(session, name="澜州自家新客户"))
    row = save(session, head, Elevator, None, elevator_data(world, use_unit_id=own.id))
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get(f"/elevators/{row.id}").text
    assert "澜州自家新客户 已登记，备案待上报，还没有通过" in page and f'href="/units/{own.id}"' in page
    theirs = save(session, other, Unit, None, unit_data(session, name="澜州别家新客户"))
    form = {"row_version": str(row.row_version), "use_unit_id": "澜州别家新客户", "then": "save"}
    assert "已由其他单位登记" not in post(client, f"/elevators/{row.id}/edit", form).text
    submit(session, other, theirs)
    assert "已由其他单位登记，备案审核中" in post(client, f"/elevators/{row.id}/edit", form).text


@pytest.mark.feature("LIF-08", "UNT-05")
def test_a_rejected_filing_is_mended_from_its_application(session: Any, world: World, sign_in: Any) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    application = submit(session, head, row)
    decide(session, world.actor("inspector"), application, "reject", "地址不清")
    page = sign_in(world.accounts["maintenance_head"]).get(f"/applications/{application.id}").text
    assert "修改后重新上报" in page and f'href="/elevators/{row.id}/edit"' in page
    assert "修改后重新上报" not in sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}").text


@pytest.mark.feature("NTF-01", "LIF-08")
def test_a_decision_settles_the_notices_of_all_its_officers(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    first, second = (
        submit(session, head, save(session, head, Elevator, None, elevator_data(world, code=code)))
        for code in ("300001", "300002")
    )

    def unread(application: Any) -> int:
        session.rollback()
        statement = select(Notification).where(
            Notification.topic == "approval", Notification.link == f"/applications/{application.id}",
            Notification.read_at.is_(None),
        )  # fmt: skip
        return len(session.scalars(statement.execution_options(skip_scope=True)).all())

    assert unread(first) > 1
    decide(session, world.actor("inspector"), first, "approve", "")
    assert unread(first) == 0 and unread(second) > 1


@pytest.mark.feature("NTF-01")
def test_like_notices_are_folded(session: Any, world: World, sign_in: Any) -> None:
    now = clock.now()
    for number in range(4):
        session.add(
            Notification(
                recipient_id=world.accounts["inspector"].id, topic="approval", title=f"待审批：第 {number} 件",
                link="/applications/1", state="sent", created_at=now,
            )
        )  # fmt: skip
    session.commit()
    page = sign_in(world.accounts["inspector"]).get("/inbox/").text
    assert "还有 3 条同类消息" in page and page.index("第 3 件") < page.index("还有 3 条") < page.index("第 0 件")


@pytest.mark.feature("NTF-01")
def test_a_refusal_is_not_folded_among_approvals(session: Any, world: World, sign_in: Any) -> None:
    now = clock.now()
    titles = [*(f"同意：第 {n} 件" for n in range(4)), "不通过：第 4 件", *(f"同意：第 {n} 件" for n in range(5, 9))]
    for title in titles:
        session.add(
            Notification(
                recipient_id=world.accounts["clerk"].id, topic="decision", title=title, link="/applications/1",
                state="sent", created_at=now,
            )
        )  # fmt: skip
    session.commit()
    page = sign_in(world.accounts["clerk"]).get("/inbox/").text
    assert page.count("还有 3 条同类消息") == 2
    folded = re.findall(r"<details class=\"ta-notice__more\">.*?</details>", page, re.DOTALL)
    assert "不通过：第 4 件" in page and not any("不通过" in one for one in folded)


@pytest.mark.feature("DSH-01")
def test_a_fresh_firm_sees_all_its_steps_and_what_is_done(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get("/").text
    assert "填写设备履历" in page
    steps = page.partition("开始使用")[2].partition("</ol>")[0]
    assert steps.count("待办") == 2 and steps.count("已完成") == 7  # all but the ledger and who is called to a rescue
    session.rollback()
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=clock.today())
    world.accounts["worker"].rescue_role, world.accounts["worker"].phone = "rescuer", "13900000077"
    session.commit()
    assert "开始使用" not in client.get("/").text


@pytest.mark.feature("DSH-01", "LIF-01", "UNT-05")
def test_the_steps_tell_of_a_filing_that_failed_and_of_elevators_not_registered_for_use(
    session: Any, world: World, sign_in: Any
) -> None:
    world.firm.filing_state = "rejected"
    session.execute(update(Elevator).where(Elevator.maintenance_unit_id == world.firm.id).values(status="notified"))
    session.commit()
    steps = sign_in(world.accounts["maintenance_head"]).get("/").text.partition("开始使用")[2].partition("</ol>")[0]
    assert "单位备案没有通过：按审核意见修改后重新上报" in steps and "完善单位备案并上报" not in steps
    use = steps.partition("办理使用登记")[2].partition("</li>")[0]
    assert "待办" in use and "已完成" in steps.partition("登记电梯并上报")[2].partition("</li>")[0]


@pytest.mark.feature("ACC-02", "DSH-01")
def test_an_administrator_of_an_empty_region_is_led_until_its_first_unit(
    session: Any, world: World, sign_in: Any
) -> None:
    session.execute(update(Unit).where(Unit.region_code.like("980403%")).values(approved_version=0))
    fresh = factories.make_account(session, Role.REGION_ADMIN, region_code="980403000000")
    # Who may make no account is sent to none.
    inspector = factories.make_account(session, Role.INSPECTOR, region_code="980403000000")
    session.commit()
    client = sign_in(fresh)
    steps = client.get("/").text.partition("开始使用")[2].partition("</ol>")[0]
    assert "/accounts/new-unit" in steps and "/policy/" in steps and steps.count("待办") >= 2
    assert "开始使用" not in sign_in(inspector).get("/").text
    # Where a unit is approved, there is nothing to begin with any more.
    assert "开始使用" not in sign_in(world.accounts["region_admin"]).get("/").text


@pytest.mark.feature("PLN-09")
def test_what_is_due_today_has_its_tab(session: Any, world: World, sign_in: Any) -> None:
    factories.make_clock(session, world.own, clock.today() - dt.timedelta(days=1))
    ledger = factories.make_ledger(session, world.own, world.worker, next_half_month_on=clock.today())
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    assert world.own.code in client.get("/tasks/?tab=today").text
    with transaction(session):
        ledger.next_half_month_on = clock.today() + dt.timedelta(days=1)
    assert world.own.code not in client.get("/tasks/?tab=today").text


@pytest.mark.feature("ELV-06")
def test_many_ledgers_are_changed_each_by_itself(session: Any, world: World, sign_in: Any) -> None:
    second = factories.make_elevator(session, maintenance_unit=world.firm)
    annual_on = clock.today() + dt.timedelta(days=155)
    kept = factories.make_ledger(session, world.own, None, interval_days=15, next_annual_on=annual_on)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    ids = [world.own.id, second.id, world.foreign.id]
    asked = post(client, "/ledgers/deed/batch", {"ids": ids})
    assert asked.status_code == 302 and "/ledgers/batch?ids=" in asked.location
    page = client.get(asked.location).text
    assert world.own.code in page and second.code in page and world.foreign.code not in page
    blank = post(client, "/ledgers/batch", {"ids": ids, "change": "1"})
    assert blank.status_code == 422 and "没有选择要修改的内容" in blank.text
    done = post(client, "/ledgers/batch", {"ids": ids, "change": "1", "worker_id": world.worker.id})
    assert done.status_code == 200 and "已修改" in done.text
    session.rollback()
    session.refresh(kept)
    assert (kept.worker_id, kept.interval_days, kept.next_annual_on) == (world.worker.id, 15, annual_on)
    colleague = factories.make_person(session, world.firm)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, state="open",
        worker_id=world.worker.id, planned_on=clock.today(), level="half_month", origin="manual",
    )  # fmt: skip
    session.add(order)
    session.commit()
    people = {"co_worker_id": world.worker.id, "manager_id": colleague.id, "worker_id": colleague.id}
    done = post(client, "/ledgers/batch", {"ids": ids, "change": "1", **people})
    assert done.status_code == 200 and "成功 2，未成 0" in done.text
    session.rollback()
    session.refresh(kept)
    session.refresh(order)
    assert {name: getattr(kept, name) for name in people} == people and order.worker_id == colleague.id
    foreign = select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == world.foreign.id)
    assert session.scalar(foreign.execution_options(skip_scope=True)) is None


@pytest.mark.feature("ELV-06", "PLN-01")
def test_first_days_of_many_ledgers_are_spread_by_so_many_a_day(session: Any, world: World, sign_in: Any) -> None:
    rows = [factories.make_elevator(session, maintenance_unit=world.firm, code=f"3900{n:02d}") for n in range(5)]
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    first = clock.today() + dt.timedelta(days=200)
    given = {"ids": [row.id for row in rows], "change": "1", "worker_id": world.worker.id}
    for wrong, said in (
        ({"a_day": "0", "next_annual_on": first.isoformat()}, "每天至少 1 台"), ({"a_day": "2"}, "没有填写从哪天起"),
        ({"a_day": "两"}, "不是数字"), ({"next_annual_on": "明年"}, "日期"),
    ):  # fmt: skip
        refused = post(client, "/ledgers/batch", given | wrong)
        assert refused.status_code == 422 and said in refused.text
    done = post(client, "/ledgers/batch", given | {"a_day": "2", "next_annual_on": first.isoformat()})
    assert done.status_code == 200 and "成功 5，未成 0" in done.text
    session.rollback()
    held = select(MaintenanceLedger).join(Elevator).where(Elevator.code.like("3900%")).order_by(Elevator.code)
    found = session.scalars(held.execution_options(skip_scope=True)).all()
    assert [(row.next_annual_on - first).days for row in found] == [0, 0, 1, 1, 2]
    assert all(row.next_half_month_on and row.next_quarter_on and row.next_half_year_on for row in found)
    alone = post(client, "/ledgers/batch", given | {"next_annual_on": first.isoformat(), "worker_id": ""})
    assert alone.status_code == 200, "days alone are a change, all on that day"


@pytest.mark.feature("PER-06", "PER-03")
def test_a_missing_certificate_is_said_first(session: Any, world: World, sign_in: Any) -> None:
    factories.make_policy(session, "certificate_gate", True)
    world.worker.certificate_until = None
    session.commit()
    page = sign_in(world.accounts["maintenance_head"]).get(f"/people/{world.worker.id}").text
    assert "没有作业人员证，不能签到" in page and f"/people/{world.worker.id}/edit" in page


@pytest.mark.feature("MNT-12")
def test_the_phone_has_its_own_page_of_the_account(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["worker"]).get("/m/me").text
    assert world.worker.name in page and 'action="/logout/"' in page and 'href="/m/scan"' in page
    page = sign_in(world.accounts["safety_officer"]).get("/m/me").text
    assert 'href="/m/reviews"' in page and 'href="/m/scan"' not in page


@pytest.mark.feature("LIF-01")
def test_a_bad_day_and_a_missing_file_are_told_together(session: Any, world: World, sign_in: Any) -> None:
    row = factories.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, status="notified")
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    answer = post(client, f"/elevators/{row.id}/apply/use_registration", {"effective_on": "明天", "reason": ""})
    assert answer.status_code == 422 and "不是日期" in answer.text and "没有上传" in answer.text


@pytest.mark.feature("ACC-05")
def test_all_that_is_wrong_with_a_password_is_told_at_once(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["clerk"])
    answer = client.post(
        "/password/", data={"old_password": "falsch.1", "new_password": "short", "again": "other",
                            "csrf_token": csrf(client, "/password/")},
    )  # fmt: skip
    assert answer.status_code == 422
    for said in ("两次输入的新密码不一致", 'id="old_password-err"', 'id="new_password-err"'):
        assert said in answer.text
