"""The menu says on every page where one is: one entry is the current one, and only one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.permissions import GRANTS, Actor, Role, Verb
from app.views.frame import menu, screens
from tests.factories import World

# What is no page of the menu's: one's own pages, those of the top bar, and answers that are no whole page.
ELSEWHERE = re.compile(
    r"/(about|search|inbox|password|profile|privacy/$|privacy/own|notices/$|unit-finder|swagger|api|m/|ops/|lookup|files|static)"
)
# Reached from a record by whoever is not shown the entry to which they belong: what it was judged by, who did it.
WITHOUT_ENTRY = {
    Role.INSPECTOR: ("/accounts/", "/tokens/", "/roles/", "/regions/"),
    Role.MAINTENANCE_HEAD: ("/regions/",),
    Role.USE_HEAD: ("/regions/",),
    Role.UNIT_HEAD: ("/regions/", "/attached/elevator/"),
    Role.RESCUER: ("/attached/elevator/", "/attached/unit/"),  # of records that it cannot open
    Role.APPLICANT: ("/attached/elevator/",),  # of a record that it cannot open
    None: ("/policy/versions/",),
}


def verb_of(app: Any, endpoint: str) -> Verb | None:
    """What a page asks for, as the screen declared it."""
    name, _dot, method = endpoint.partition(".")
    view = next((v for v in app.appbuilder.baseviews if getattr(v, "endpoint", None) == name), None)
    permission = getattr(getattr(view, method, None), "_permission_name", None)
    return None if permission is None else screens.verb_of(type(view).__name__, f"can_{permission}")


def current(page: str) -> list[str]:
    """Addresses of the entries that are marked as the current one."""
    return re.findall(r'<a href="([^"]+)" title="[^"]+" aria-current="page"', page)


def marked(app: Any, role: Role, path: str) -> list[str]:
    with app.test_request_context(path):
        # Nobody's number, so that nothing is counted: a role's menu needs no row.
        return current(str(menu.Shell(Actor(user_id=None, name="", roles=frozenset({role}))).menu))


@pytest.mark.parametrize("role", Role)
def test_every_page_of_a_role_marks_one_entry(app: Any, role: Role) -> None:
    walked = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*entity>", "elevator", str(rule))
        path = re.sub(r"<[^>]*>", "7", path)
        verb = verb_of(app, rule.endpoint)
        if "GET" not in rule.methods or ELSEWHERE.match(path) or verb not in GRANTS[role]:
            continue
        without = (*WITHOUT_ENTRY.get(role, ()), *WITHOUT_ENTRY[None])
        found = marked(app, role, path)
        walked.append(path)
        assert len(found) == 1 or (not found and path.startswith(without)), (path, found)
    assert "/" in walked


@pytest.mark.parametrize(
    ("role", "path", "entry"),
    [
        (Role.INSPECTOR, "/messages/", "/complaints/"),
        (Role.INSPECTOR, "/inspections/7", "/inspections/due/"),
        (Role.INSPECTOR, "/fraud/signals/7", "/fraud/cases/"),
        (Role.INSPECTOR, "/scores/7/items/rescue", "/scores/total/"),
        (Role.INSPECTOR, "/applications/queue", "/applications/queue"),
        (Role.INSPECTOR, "/applications/7", "/applications/queue"),
        (Role.CLERK, "/applications/7", "/applications/"),
        (Role.APPLICANT, "/applications/7", "/units/"),
        (Role.MAINTENANCE_HEAD, "/tokens/", "/sub-accounts/"),
        (Role.PLATFORM_ADMIN, "/tokens/", "/accounts/"),
        (Role.PLATFORM_ADMIN, "/privacy/retention", "/privacy/requests/"),
        (Role.CLERK, "/", "/"),
    ],
)  # fmt: skip
def test_a_page_belongs_to_the_entry_of_its_task(app: Any, role: Role, path: str, entry: str) -> None:
    assert marked(app, role, path) == [entry]


def test_ones_own_pages_mark_none(app: Any) -> None:
    for path in ("/inbox/", "/profile/", "/search/"):
        assert marked(app, Role.INSPECTOR, path) == []


def test_a_page_as_it_is_sent_marks_it(world: World, sign_in: Any) -> None:
    desk = sign_in(world.accounts["inspector"])
    assert current(desk.get("/messages/").text) == ["/complaints/"]
    assert current(desk.get("/components/").text) == ["/elevators/"]


def above(app: Any, role: Role | None, path: str, root: str = "") -> tuple[str, str] | None:
    roles = frozenset({role} if role else ())
    with app.test_request_context(path, environ_overrides={"SCRIPT_NAME": root}):
        return menu.Shell(Actor(user_id=None, name="", roles=roles)).above


@pytest.mark.feature("ACC-13")
@pytest.mark.parametrize(
    ("role", "path", "found"),
    [
        (Role.INSPECTOR, "/teams/", ("设备履历", "/ledgers/")),
        (Role.INSPECTOR, "/messages/", ("公众投诉", "/complaints/")),
        (Role.INSPECTOR, "/rescues/history/", ("困人救援", "/rescues/")),
        (Role.INSPECTOR, "/inspections/", ("检验检测", "/inspections/due/")),
        (Role.INSPECTOR, "/applications/", ("待我审批", "/applications/queue")),
        (Role.PLATFORM_ADMIN, "/tokens/", ("账号", "/accounts/")),
        # The same page belongs to another entry where that one is not shown.
        (Role.MAINTENANCE_HEAD, "/tokens/", ("我的子用户", "/sub-accounts/")),
        # An entry's own page is under nothing, whatever was asked of it; nor are one's own pages and a stranger's.
        (Role.INSPECTOR, "/ledgers/", None),
        (Role.INSPECTOR, "/ledgers/?q=1&tab=all", None),
        (Role.CLERK, "/applications/", None),
        (Role.INSPECTOR, "/", None),
        (Role.INSPECTOR, "/inbox/", None),
        (None, "/teams/", None),
    ],
)  # fmt: skip
def test_a_list_knows_from_which_it_is_reached(
    app: Any, role: Role | None, path: str, found: tuple[str, str] | None
) -> None:
    assert above(app, role, path) == found


@pytest.mark.feature("ACC-13")
def test_below_an_address_of_its_own_it_leads_there(app: Any) -> None:
    assert above(app, Role.INSPECTOR, "/teams/", root="/tian") == ("设备履历", "/tian/ledgers/")
    assert above(app, Role.INSPECTOR, "/ledgers/", root="/tian") is None


@pytest.mark.feature("ACC-13")
def test_a_list_reached_from_another_says_the_way_back(world: World, sign_in: Any) -> None:
    desk = sign_in(world.accounts["inspector"])

    def crumbs(path: str) -> list[str]:
        found = re.search(r'<nav class="ta-crumb".*?</nav>', desk.get(path).text, re.S)
        return re.findall(r'<a href="([^"]+)">|<span>([^<]+)</span>', found[0]) if found else []

    assert crumbs("/teams/") == [("/ledgers/", ""), ("", "维保小组")]
    assert crumbs("/rescues/history/")[0] == ("/rescues/", "")
    assert crumbs("/ledgers/") == [] and crumbs("/elevators/") == []


@pytest.mark.feature("ACC-13")
def test_an_entry_and_its_page_are_called_alike(world: World, sign_in: Any) -> None:
    """Whoever follows the menu finds the words again that he pressed."""
    desk = sign_in(world.accounts["region_admin"])
    for path, name in (("/rescues/", "困人救援"), ("/scores/total/", "六个率动态积分"), ("/tasks/", "维保任务")):
        page = desk.get(path, follow_redirects=True).text
        assert f'title="{name}" aria-current="page"' in page and f'<h1 class="ta-h1">{name}</h1>' in page, path


@pytest.mark.feature("ACC-13")
def test_a_records_page_says_in_its_title_which_one_it_is(world: Any, sign_in: Any) -> None:
    """Several pages stand open side by side: each is told by its tab, on the phone too."""
    desk, use = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["use_head"])
    for browser, page, title in (
        (desk, f"/attached/elevator/{world.own.id}", f"附件 {world.own.code} · 梯安"),
        (desk, "/units/", "单位 · 梯安"),
        (use, "/safety/risks/new", "增加风险 · 梯安"),
    ):
        assert f"<title>{title}</title>" in browser.get(page).text, page
