"""The first page and the inbox: the newest first, and nothing empty without a word."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.models import Application, MaintenanceClock, Notification
from app.permissions import Role
from app.transaction import transaction
from app.views.frame.filing_words import about
from app.workflows.access import sub_accounts
from tests.factories import World, make_account, make_clock, make_elevator
from tests.views.rescue.ground import report
from tests.workflows.clock_world import add_visit, at, day
from tests.workflows.score_world import put_overdue, put_visit, score


def test_the_inbox_is_in_the_order_of_writing_unread_first(world: World, sign_in: Any) -> None:
    """Whatever order the rows came in: a deed of yesterday may be entered after one of today."""
    now, me = clock.now(), world.accounts["clerk"]
    given = (("今天", 1, False), ("昨天", 26, False), ("刚才", 0, False), ("刚才已读", 0, True), ("昨天已读", 25, True))
    with transaction(world.session) as session:
        for n, (title, hours, read) in enumerate(given):
            written = now - dt.timedelta(hours=hours, minutes=1)
            session.add(Notification(
                recipient_id=me.id, topic=f"t{n}", title=title, state="sent", created_at=written,
                read_at=now if read else None,
            ))  # fmt: skip
    page = sign_in(me).get("/inbox/").text
    found = re.findall("|".join(sorted((title for title, _h, _r in given), key=len, reverse=True)), page)
    assert list(dict.fromkeys(found)) == ["刚才", "今天", "昨天", "刚才已读", "昨天已读"]


def test_weeks_without_a_miss_are_told_in_words(world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    page = head.get("/").text
    assert "近 12 周没有超期" in page and "ta-weeks" not in page
    with transaction(world.session):
        put_overdue(world.session, world.own, world.firm, clock.today() - dt.timedelta(days=8))
    page = head.get("/").text
    assert "近 12 周没有超期" not in page and "ta-weeks" in page


def test_the_ranking_names_its_region(world: World, sign_in: Any) -> None:
    put_visit(world.session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_visit(world.session, world.foreign, world.other_firm, world.other_worker, day("2021-01-01"))
    world.session.commit()
    for region in ("980400000000", "980402000000"):
        score(world.session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")), region=region)
    # A unit is shown its own district's, where it stands alone.
    page = sign_in(world.accounts["maintenance_head"]).get("/").text
    assert re.search(r"临河区，\s*2021-01-01 至 2021-03-31，满分 16<", page)
    page = sign_in(world.accounts["platform_admin"]).get("/").text
    assert re.search(r"(澜州市|临河区)，\s*2021-01-01", page)


@pytest.mark.feature("ELV-02", "IMP-01")
def test_drafts_are_counted_and_listed_for_who_began_them(world: World, sign_in: Any) -> None:
    """A firm's import is no homework of its use units; what the regulator began for them, and a change to what is in
    force, is either side's."""
    with transaction(world.session) as session:
        sides = {"maintenance_unit": world.firm, "use_unit": world.use_unit, "approved_version": 0}
        for code, filer, state in (("草-1", world.firm, "draft"), ("草-2", world.firm, "rejected"),
                                   ("草-3", world.use_unit, "draft")):
            make_elevator(session, code=code, filed_by_unit_id=filer.id, filing_state=state, **sides)
        changed = sides | {"approved_version": 1, "filed_by_unit_id": world.firm.id}
        make_elevator(session, code="草-4", filing_state="draft", **changed)
        make_elevator(session, code="草-5", filing_state="draft", **sides)
        make_elevator(session, code="草-6", filing_state="draft", approved_version=0, use_unit=world.use_unit)
    own = {"clerk": {"草-1", "草-2", "草-4", "草-5"}, "use_head": {"草-3", "草-4", "草-5", "草-6"}}
    for persona, codes in own.items():
        client = sign_in(world.accounts[persona])
        counted = r'\?tab=draft" class="is-\w+"><span class="t">待上报的电梯</span><span class="n">(\d+)'
        assert re.findall(counted, client.get("/").text) == [str(len(codes))], persona
        assert set(re.findall("草-[0-9]", client.get("/elevators/?tab=draft").text)) == codes
        seen = 5 if persona == "clerk" else 6
        every = client.get("/elevators/?tab=every").text
        assert set(re.findall("草-[0-9]", every)) == {f"草-{n}" for n in range(1, seen + 1)}
    officer = sign_in(world.accounts["inspector"])
    assert set(re.findall("草-[0-9]", officer.get("/elevators/?tab=draft").text)) == {"草-5", "草-6"}


def figure(page: str, href: str) -> str:
    """The number of the figure that leads there."""
    return re.search(rf'href="{re.escape(href)}"[^>]*>.*?<span class="n">\s*([\d,+]+)', page, re.S)[1]  # type: ignore[index]


@pytest.mark.feature("DSH-01")
def test_a_unit_is_told_what_it_took_on_and_never_came_to(world: World, sign_in: Any) -> None:
    session, today = world.session, clock.today()
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(3)]
    lifts[2].status = "suspended"
    for one in lifts:
        make_clock(session, one, today - dt.timedelta(days=3))
        session.get(MaintenanceClock, one.id).last_visit_on = None
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    listed = head.get("/tasks/?tab=never").text
    assert [one.code in listed for one in lifts] == [True, True, False]
    assert figure(head.get("/").text, "/tasks/?tab=never") == "2"
    for who in ("use_head", "inspector"):
        assert "/tasks/?tab=never" not in sign_in(world.accounts[who]).get("/").text, who
    session.rollback()
    session.get(MaintenanceClock, lifts[0].id).last_visit_on = today
    session.commit()
    assert figure(head.get("/").text, "/tasks/?tab=never") == "1"


@pytest.mark.feature("DSH-01")
def test_what_a_figure_is_made_of_leads_to_its_own_list(world: World, sign_in: Any) -> None:
    waits = {"state": "awaiting", "awaiting_sheet": True, "mode": "sheet"}
    add_visit(world.session, world.own, world.worker, clock.today(), **waits)
    world.session.commit()
    page = sign_in(world.accounts["maintenance_head"]).get("/").text
    found = dict(re.findall(r'<a class="ta-nw" href="([^"]+)">(.+?)</a>', page))
    assert found["/visits/?tab=review"] == "待复核 0" and found["/visits/?tab=sheet"] == "待上传 1"
    assert found["/warnings/maintenance/?tab=near"].startswith("临近维保 ")


@pytest.mark.feature("DSH-01", "RES-05", "ANO-02")
def test_each_number_that_a_figure_is_made_of_opens_as_many(world: World, sign_in: Any) -> None:
    world.accounts["agent"] = make_account(world.session, Role.RESCUE_AGENT, region_code="980400000000")
    lifts = [world.own, *(
        make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, code=f"30091{n}",
                      status=status, approved_version=1)
        for n, status in enumerate(("suspended", "notified", "scrapped", "in_use", "in_use"))
    )]  # fmt: skip
    world.session.commit()
    long_ago = 4 * 24 * 60
    for lift, ago in ((lifts[0], 1), (lifts[4], long_ago), (lifts[5], 60)):
        report(world, ago, elevator=lift)
    admin = sign_in(world.accounts["region_admin"])
    found = dict(re.findall(r'<a class="ta-nw" href="([^"]+)">(.+?)</a>', admin.get("/").text))
    told = {link.replace("&amp;", "&"): word for link, word in found.items() if word[-1].isdigit()}
    assert {"在用", "停用", "告知", "待派单", "超时", "近三天", "待处理"} <= {word.split()[0] for word in told.values()}
    assert told["/rescues/"] == "近三天 3"
    for link, word in told.items():
        page = admin.get(link)
        listed = re.search(r"共\s*<?[^0-9]*([\d,]+)[^0-9]*条", page.text)
        assert page.status_code == 200 and int(listed[1] if listed else 0) == int(word.split()[1]), (link, word)


@pytest.mark.parametrize("kind, title, said", [
    ("suspension", "停用登记　200062　云樾里小区 1 幢", "200062　云樾里小区 1 幢"),
    ("elevator_filing", "变更　200067　云樾里小区 2 幢", "变更　200067　云樾里小区 2 幢"),
    ("suspension", "停用登记", "停用登记"),
])  # fmt: skip
def test_a_list_with_a_column_for_the_kind_does_not_say_it_again(kind: str, title: str, said: str) -> None:
    assert about(Application(kind=kind, title=title)) == said


@pytest.mark.feature("DSH-01")
def test_a_regions_and_a_units_elevators_are_those_of_the_list_behind(world: World, sign_in: Any) -> None:
    """One that was scrapped is no longer on the register, nor in the list that a number opens."""
    with transaction(world.session) as session:
        make_elevator(session, maintenance_unit=world.firm, code="300901", status="scrapped")
    admin = sign_in(world.accounts["region_admin"])
    for page, link in (
        (admin.get("/regions/").text, "/elevators/?f_region=980402000000"),
        (admin.get(f"/units/{world.firm.id}").text, f"/elevators/?f_maintenance_unit={world.firm.id}"),
    ):
        found = re.search(rf'href="{re.escape(link)}">(\d+)</a>', page)
        assert found is not None and int(found[1]) > 0
        assert f"共 {found[1]} 条" in admin.get(link).text


@pytest.mark.feature("ACC-10")
def test_who_was_given_no_elevators_yet_is_told_so(world: World, sign_in: Any) -> None:
    """A sub-account begins with none: noughts all over, and a list that says 登记电梯, help nobody."""
    account = world.accounts["safety_officer"]
    account.sees_all_elevators = False
    world.session.commit()
    client = sign_in(account)
    for door in ("/", "/elevators/"):
        page = client.get(door).text
        assert "还没有分配给您的电梯" in page and "登记电梯并上报" not in page, door
    assert "分配给我的电梯" in client.get("/").text
    with transaction(world.session) as session:
        sub_accounts.assign(session, world.actor("use_head"), account.id, [world.own.id], clock.now())
    page = client.get("/").text
    assert "还没有分配给您的电梯" not in page and world.own.code in client.get("/elevators/").text
    assert "本单位电梯" in sign_in(world.accounts["use_head"]).get("/").text
