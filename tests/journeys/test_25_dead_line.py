"""A line that is up and carries nothing: steps of a repair are kept on the phone and arrive with their true times."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, AuditEntry, RepairOrder
from app.permissions import SYSTEM
from app.scope import acting
from app.transaction import transaction
from app.workflows.core.actors import actor_of
from app.workflows.repair import repair_work, repairs
from tests.journeys.conftest import PHONE
from tests.journeys.in_the_pit import carried_along, own_tasks, stand_at
from tests.journeys.steps import arrive, profile, sign_in

pytestmark = pytest.mark.feature("REP-02", "MNT-05")
# Nobody waits a quarter of a minute here for each line that is dead.
IMPATIENT = "taKept.PATIENCE = 800"
MOMENT = dt.timedelta(seconds=5)
STEPS = "async () => (await taKept.entries(await taKept.me())).filter(e => e.kind).map(e => [e.order, e.verb, e.state])"


def accepted(product: Any, number: int, fault: str) -> int:
    """An order that the worker has accepted."""
    with product.session() as session, transaction(session), acting(SYSTEM):
        who = {role: session.scalar(select(Account).where(Account.username == product.login(role).name))
               for role in ("维保单位负责人", "维保员")}  # fmt: skip
        head, worker = (actor_of(account, "web") for account in who.values())
        at = clock.now() - dt.timedelta(minutes=30)
        row = repairs.report(session, head, number, "stopped", fault, "", at)
        repair_work.assign(session, head, row.id, worker.person_id, [], at)
        repair_work.accept(session, worker, row.id, at)
        return int(row.id)


def order(product: Any, key: int) -> tuple[Any, ...]:
    """When it was begun, and which steps came later than they were pressed."""
    with product.session() as session:
        row = session.get(RepairOrder, key)
        later = select(AuditEntry.after).where(
            AuditEntry.action == "repair.sent_later", AuditEntry.entity_id == key
        ).order_by(AuditEntry.id)  # fmt: skip
        return row.departed_at, row.started_at, [after["step"] for after in session.scalars(later)]


@pytest.fixture
def phone(browser: Any, product: Any) -> Any:
    """A phone of its own: of its line also answers are made up that no page of the product gives."""
    context = profile(
        browser, base_url=product.address, viewport=PHONE, locale="zh-CN", timezone_id="Asia/Shanghai", has_touch=True,
        is_mobile=True,
    )  # fmt: skip
    login = product.login("维保员")
    yield sign_in(context.new_page(), login.name, login.password)
    context.close()


def dead(page: Any, how: str) -> None:
    """Whatever would reach the server is left hanging, or answered by somebody on the way; pages come as ever."""

    def meet(route: Any) -> None:
        if route.request.method == "GET" and not route.request.url.endswith("/m/outbox.json"):
            route.continue_()
        elif how == "gateway":
            route.fulfill(status=504, body="Gateway Time-out")
        elif how == "reset":
            route.abort("connectionreset")
        elif how == "lost":
            route.fetch(max_redirects=0)
            # It was done, and its answer never comes.

    for where in ("**/m/repairs/*", "**/m/outbox.json", "**/api/v1/repairs/offline"):
        page.route(where, meet)


def alive(page: Any) -> None:
    page.unroute_all(behavior="ignoreErrors")


def at_order(phone: Any, key: int) -> None:
    phone.goto(f"/m/repairs/{key}")
    phone.wait_for_load_state("networkidle")
    phone.evaluate(IMPATIENT)


@pytest.mark.parametrize("how", ["hangs", "gateway", "reset"])
def test_a_step_into_a_dead_line_is_kept_with_its_time(product: Any, phone: Any, shot: Any, how: str) -> None:
    number, code, *place, _region = own_tasks(product)[0]
    key = accepted(product, number, f"停在二层，按钮没有反应（{how}）")
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    at_order(phone, key)
    dead(phone, how)
    pressed = clock.now()
    phone.get_by_role("button", name="出发", exact=True).click()
    phone.wait_for_url("**/m/outbox")
    kept = clock.now()
    expect(phone.get_by_role("heading", name="待发送 1 条")).to_be_visible()
    expect(phone.locator(".fd-entry")).to_contain_text(code)
    shot(phone, f"kept because nobody answered {how}")
    assert phone.evaluate(STEPS) == [[key, "depart", "waiting"]] and order(product, key) == (None, None, [])
    # A second step is pressed on the queue's page, and the line comes back.
    phone.get_by_role("button", name="到场，开始维修").click()
    expect(phone.get_by_role("heading", name="待发送 2 条")).to_be_visible()
    alive(phone)
    phone.goto("/m/outbox")
    expect(phone.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
    departed, started, later = order(product, key)
    assert pressed - MOMENT < departed < kept + MOMENT and departed <= started and later == ["depart", "start"]


def test_a_step_whose_answer_is_lost_is_done_once(product: Any, phone: Any) -> None:
    number, _code, *place, _region = own_tasks(product)[0]
    key = accepted(product, number, "轿厢照明不亮")
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    at_order(phone, key)
    dead(phone, "lost")
    phone.get_by_role("button", name="到场，开始维修").click()
    phone.wait_for_url("**/m/outbox")
    assert [row[1:] for row in phone.evaluate(STEPS)] == [["start", "waiting"]]
    done = order(product, key)
    assert done[1] is not None
    alive(phone)
    phone.goto("/m/outbox")
    expect(phone.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
    assert order(product, key) == done, "it was there already"


def test_with_a_line_nothing_stays_on_the_phone_and_a_refusal_is_told(product: Any, phone: Any) -> None:
    number, _code, *place, _region = own_tasks(product)[0]
    key = accepted(product, number, "呼梯按钮损坏")
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    at_order(phone, key)
    phone.get_by_role("button", name="出发", exact=True).click()
    expect(phone.locator("main")).to_contain_text("已出发")
    phone.wait_for_function("async () => !(await taKept.entries(await taKept.me())).some(e => e.kind)")
    assert order(product, key)[2] == []
    with product.session() as session, transaction(session), acting(SYSTEM):
        head = session.scalar(select(Account).where(Account.username == product.login("维保单位负责人").name))
        repair_work.cancel(session, actor_of(head, "web"), key, "重复报修", clock.now())
    phone.get_by_role("button", name="到场，开始维修").click()
    expect(phone.locator(".fd-refused")).to_be_visible()
    arrive(phone)
    assert phone.evaluate(STEPS) == [] and order(product, key)[1] is None


def test_signed_out_meanwhile_the_step_waits_for_its_account(product: Any, phone: Any) -> None:
    number, _code, *place, _region = own_tasks(product)[0]
    key = accepted(product, number, "门机异响")
    stand_at(phone, *place)
    phone.goto("/m/")
    carried_along(phone)
    at_order(phone, key)
    pressed = clock.now()
    phone.context.clear_cookies()
    phone.get_by_role("button", name="出发", exact=True).click()
    phone.wait_for_url("**/m/outbox")
    kept = clock.now()
    expect(phone.locator("#offline")).to_contain_text("登录已失效")
    login = product.login("维保员")
    sign_in(phone, login.name, login.password)
    phone.goto(f"/m/repairs/{key}")
    expect(phone.locator("main")).to_be_visible()
    phone.wait_for_function(
        "async () => { const me = await taKept.me();"
        " return !!me && (await taKept.entries(me)).every(e => e.state === 'sent'); }"
    )
    # The page may ask before its queue was read: what counts is that it comes.
    for _ in range(100):
        departed, _started, later = order(product, key)
        if departed is not None:
            break
        phone.wait_for_timeout(200)
    assert pressed - MOMENT < departed < kept + MOMENT and later == ["depart"]
