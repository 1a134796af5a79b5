"""A phone in a pit: the tasks it carries, what it keeps without a line, and how the minutes of a visit pass."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from itsdangerous import URLSafeSerializer
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect
from sqlalchemy import func, select

from app import clock
from app.models import Account, Elevator, MaintenanceOrder, Visit
from tests.factories import picture
from tests.journeys.steps import path_of, sheet_stands
from tests.journeys.test_07_site import begin_afresh

PHOTO = {"name": "底坑.png", "mimeType": "image/png", "buffer": picture()}
KEPT = """async () => (await taKept.entries(await taKept.me())).map(
    e => [e.state, e.lift.code, (e.errors || []).map(x => x.rule)])"""
ALL = """() => new Promise(done => { const ask = indexedDB.open("ta-kept"); ask.onsuccess = () => {
    const got = ask.result.transaction("entries").objectStore("entries").getAll();
    got.onsuccess = () => done(got.result); }; })"""
PHOTOS = "async () => (await taKept.photosOf((await taKept.entries(await taKept.me()))[0].key)).length"


def state_of(page: Any) -> list[Any]:
    return list(page.evaluate(KEPT))


def own_tasks(product: Any) -> list[tuple[int, str, float, float, str]]:
    """The worker's open orders as the phone carries them, at elevators with a place."""
    with product.session() as session:
        account = session.scalar(select(Account).where(Account.username == product.login("维保员").name))
        found = session.execute(
            select(Elevator.id, Elevator.code, Elevator.latitude, Elevator.longitude, Elevator.region_code)
            .join(MaintenanceOrder, MaintenanceOrder.elevator_id == Elevator.id)
            .where(
                MaintenanceOrder.worker_id == account.person_id, MaintenanceOrder.state == "open",
                MaintenanceOrder.planned_on <= clock.today() + dt.timedelta(days=5), Elevator.latitude.is_not(None),
                MaintenanceOrder.level == "half_month", Elevator.status == "in_use",
            )
            .order_by(MaintenanceOrder.planned_on.desc(), Elevator.id.desc())
        )  # fmt: skip
        return [tuple(row) for row in found]  # type: ignore[misc]


def count_of(product: Any, elevator: int) -> int:
    # A visit is of the day on which it began: shortly after midnight that was yesterday.
    since = clock.today() - dt.timedelta(days=1)
    with product.session() as session:
        on = select(func.count(Visit.id)).where(Visit.elevator_id == elevator, Visit.visit_on >= since)
        return int(session.scalar(on))


def stand_at(page: Any, latitude: float, longitude: float) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": latitude, "longitude": longitude, "accuracy": 14})


def carried_along(page: Any) -> None:
    """The worker is at work and holds its page, the phone has what it takes along, and nothing is still under way."""
    page.wait_for_function(
        "async () => !!navigator.serviceWorker.controller && navigator.serviceWorker.controller.state === 'activated'"
        " && !!(await caches.match('/m/outbox')) && !!(await taKept.get('copies', await taKept.me()))"
    )
    page.wait_for_load_state("networkidle")


def without_line(page: Any, address: str) -> None:
    """The line is gone, and a page is opened by the worker, which holds its own (`carried_along`).

    Where the machine stood still for long the browser gives its worker up and asks the network itself: once.
    """
    page.context.set_offline(True)
    try:
        page.goto(address)
    except PlaywrightError as error:
        assert "ERR_INTERNET_DISCONNECTED" in str(error)
        page.goto(address)


def let_pass(page: Any, product: Any, minutes: int) -> None:
    """Nobody waits for the minutes of a visit here: the phone was last on line, and checked in, so much earlier."""
    with product.session() as session:
        account = session.scalar(select(Account.id).where(Account.username == product.login("维保员").name))
    at = round((clock.now() - dt.timedelta(minutes=minutes + 1)).timestamp() * 1000)
    key = (product.data / "secret_key").read_text().strip()
    signer = URLSafeSerializer(key, salt="phone-contact", signer_kwargs={"digest_method": hashlib.sha256})
    page.evaluate(
        """async ([contact, minutes]) => {
            const rows = await taKept.entries(await taKept.me()), copy = await taKept.get("copies", await taKept.me());
            const back = t => new Date(Date.parse(t) - minutes * 60000).toISOString();
            copy.contact = contact;
            if (copy.running) copy.running.began_at = back(copy.running.began_at);
            await taKept.put("copies", copy);
            for (const e of rows.filter(e => e.state === "running")) {
                e.contact = contact; e.began.at = back(e.began.at); e.began_at = e.began.at;
                await taKept.put("entries", e);
            }
        }""",
        [signer.dumps([account, at, 0]), minutes],
    )


def brought_along(page: Any, visit: int) -> None:
    """The phone has asked anew for what it takes along, this visit with it: of its own accord it writes no more."""
    # One that the page before asked for may come as well, and last.
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        "async n => { const copy = await taKept.get('copies', await taKept.me());"
        " return !!copy && copy.kept > performance.timeOrigin && (copy.running || {}).visit_id === n; }", arg=visit
    )  # fmt: skip


def at_the_gate(product: Any, page: Any, place: list[float], address: str) -> None:
    """He stands at the elevator, all that the phone takes along is on it, and he may check in."""
    begin_afresh(product, page)
    stand_at(page, *place)
    page.goto("/m/")
    carried_along(page)
    page.goto(address)
    expect(page.locator("[data-gate]")).to_contain_text("项已通过")


def check_in(product: Any, page: Any) -> int:
    """The visit that he began there, forty minutes ago; the phone has it along."""
    page.get_by_role("button", name="签到", exact=True).click()
    page.wait_for_url("**/m/visits/*")
    visit = int(path_of(page).rsplit("/", 1)[-1])
    brought_along(page, visit)
    with product.session() as session:
        session.get(Visit, visit).checked_in_at -= dt.timedelta(minutes=40)
    return visit


def in_the_draft(page: Any, of: str, note: str) -> None:
    """The remark lies on the phone's disk."""
    page.wait_for_function(
        "async ([of, note]) => { const draft = await taKept.get('drafts', taKept.draftName(await taKept.me(), of));"
        " return !!draft && draft.form.note === note; }", arg=[of, note]
    )  # fmt: skip


def fill_sheet(page: Any, code: str) -> None:
    sheet_stands(page)
    page.get_by_role("button", name="其余都正常").click()
    for box in page.get_by_label("实测值").all():
        box.fill("12")
    page.get_by_label("无故障").check()
    page.get_by_label("再次扫码或输入识别码").fill(code)


def leave_and_send(page: Any) -> None:
    """The check-out is kept without a line, and goes as soon as there is one."""
    page.get_by_role("button", name="签退，存在手机").click()
    expect(page.locator("main")).to_contain_text("签退在手机上，有网络后自动发送")
    page.context.set_offline(False)
    page.goto("/m/outbox")
    expect(page.get_by_role("heading", name="没有待发送的记录")).to_be_visible()
