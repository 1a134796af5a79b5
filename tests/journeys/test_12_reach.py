"""Everybody can use it: each kind of page at a desk and on a phone, light and dark, by screen reader, and on paper."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import go, job_over

# A picture or file is no page; signing out would end the walk.
NOT_WALKED = re.compile(r"/(logout|static|lang|swagger|files)\b|/export/csv/|\.(pdf|xlsx|csv|txt|png|svg)$|[?&]pdf=")
AXE = Axe().axe_script
# What was found, and no more: all that axe-core says of what it looked at is many times the page itself.
VIOLATIONS = """options => axe.run(%s, options).then(answer => answer.violations.map(
    found => ({id: found.id, impact: found.impact, nodes: found.nodes.map(node => node.html)})))"""
TOLD: dict[str, Any] = {"resultTypes": ["violations"]}
RULES = TOLD | {"rules": {"color-contrast": {"enabled": False}}}
CONTRAST = TOLD | {"runOnly": ["color-contrast"]}
# Of elements with words that look alike all the way up, as rows of a table do, the first three: contrast is a matter of
# colours, sizes and grounds, and to look for the ground is most of what axe-core does. What may lie upon another, as it
# is placed apart, is like nothing else; and of a single letter axe-core says nothing.
ONE_OF_EACH = """(() => {
    const kinds = new Map(), numbers = new Map(), many = new Map();
    const kind = e => {
        if (!e) return 0;
        if (!kinds.has(e)) {
            const s = getComputedStyle(e), apart = s.position !== 'static' || s.transform !== 'none';
            const like = [kind(e.parentElement), apart ? kinds.size : '', e.tagName, e.getAttribute('class'), s.color,
                s.fontSize, s.fontWeight, s.backgroundColor, s.backgroundImage, s.opacity, s.filter, s.textShadow,
                s.display, s.visibility].join('|');
            if (!numbers.has(like)) numbers.set(like, numbers.size + 1);
            kinds.set(e, numbers.get(like));
        }
        return kinds.get(e);
    };
    const worded = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || 'value' in e;
    return {include: [...document.body.querySelectorAll('*')].filter(e => {
        if (!worded(e)) return false;
        const k = `${kind(e)} ${e.textContent.trim().length < 2}`, n = (many.get(k) ?? 0) + 1;
        many.set(k, n);
        return n < 4;
    })};
})()"""
# So many figures as home shows them: how many stand in each line, and how many pixels each line leaves at its end.
FIGURES = """count => {
    const lines = Math.ceil(count / 6), box = document.createElement('section');
    box.className = 'ta-card ta-figs' + (lines > 1 ? ' ta-figs--rows' : '');
    box.style.setProperty('--n', Math.ceil(count / lines));
    const one = '<span class="t">待审核的异常</span><span class="n">12</span><span class="s">待派单 0　超时 0</span>';
    box.innerHTML = `<a href="/">${one}</a>`.repeat(count);
    document.body.className = 'ta';
    document.body.replaceChildren(box);
    const end = box.getBoundingClientRect().right, found = new Map();
    for (const cell of box.children) {
        const {top, right} = cell.getBoundingClientRect(), key = Math.round(top);
        found.set(key, [...found.get(key) ?? [], Math.abs(end - right)]);
    }
    return [[...found.values()].map(l => l.length), [...found.values()].map(l => l.at(-1))];
}"""
# As narrow as a page gets at 400 % on a desk of 1,280 px.
NARROW = {"width": 320, "height": 640}
# What axe-core finds moderate, too: a page without its landmarks, headings out of order.
GRAVE = {"moderate", "serious", "critical"}


def kinds_of_pages(page: Any, seen: set[str], most: int) -> Any:
    """Visit one page of each kind that was not seen yet, from the menu on; yields each path."""
    waiting = deque(links(page))
    while waiting and most:
        link = waiting.popleft()
        kind = re.sub(r"(?<=/keys/)\w+|(?<=/help/)[a-z-]+|\d+|[0-9a-f]{12,}", "N", urlsplit(link).path)
        if kind in seen or NOT_WALKED.search(link):
            continue
        seen.add(kind)
        answer = page.goto(link)
        if answer is None or "html" not in (answer.header_value("content-type") or ""):
            continue
        assert answer.ok, f"{link}: {answer.status}"
        if page.locator("[data-job]").count():
            job_over(page)  # it would come anew in the middle of what is asked of it
        most -= 1
        waiting.extend(links(page))
        yield link


def links(page: Any) -> list[str]:
    found = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    return [link for link in found if link.startswith("/") and not link.startswith("//")]


def hindrances(page: Any) -> list[str]:
    """What would keep somebody from using the page as it stands, by axe-core's findings."""
    return findings(page, RULES, "document") + findings(page, CONTRAST, ONE_OF_EACH)


def findings(page: Any, options: dict[str, Any], of: str) -> list[str]:
    if page.evaluate("typeof axe === 'undefined'"):  # a page that was not asked yet
        page.evaluate(AXE)
    return [
        f"{page.url}: {found['id']}: {html[:160]}"
        for found in page.evaluate(VIOLATIONS % of, options)
        if found["impact"] in GRAVE
        for html in found["nodes"][:2]
    ]


def too_wide(page: Any) -> list[str]:
    over = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    return [f"{page.url}: {over} px wider than the screen"] if over > 1 else []


def in_other_light(page: Any) -> list[str]:
    """The same page in dark colours, where only the contrast can differ, and as narrow as it gets."""
    page.emulate_media(color_scheme="dark")
    found = findings(page, CONTRAST, ONE_OF_EACH)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    found += too_wide(page)
    page.set_viewport_size(DESK)
    return found


@pytest.mark.feature("ACC-13", "LIF-08", "ELV-02")
def test_every_kind_of_page_can_be_read_and_operated(enter: Callable[..., Any]) -> None:
    """Every kind of page that some role has: at a desk in light and dark and as narrow as it gets, each once."""
    wrong: list[str] = []
    seen: set[str] = set()
    for role in ("区域管理员", "平台管理员", "监察员", "维保单位负责人", "使用单位负责人", "维保文员"):
        page = enter(role, DESK, color_scheme="light")
        for _link in kinds_of_pages(page, seen, 110):
            wrong += hindrances(page) + in_other_light(page)
    assert len(seen) > 110
    assert not wrong, "\n".join(sorted(set(wrong)))


@pytest.mark.feature("ACC-13", "LIF-08")
def test_a_phone_shows_all_of_it_in_the_dark(enter: Callable[..., Any]) -> None:
    """Each persona's own pages, and those of an office that opens them on the way."""
    wrong: list[str] = []
    seen: set[str] = set()
    for role, most in (("维保员", 15), ("使用单位安全员", 15), ("监察员", 40)):
        page = enter(role, PHONE, color_scheme="dark")
        for _link in kinds_of_pages(page, seen, most):
            wrong += too_wide(page) + (hindrances(page) if role != "监察员" else [])
    assert len(seen) > 50
    assert not wrong, "\n".join(sorted(set(wrong)))


@pytest.mark.feature("DSH-01", "ACC-13")
def test_figures_leave_no_empty_cell_and_none_stands_alone(open_page: Callable[..., Any]) -> None:
    """However many a role has (a rescue unit one, an inspection unit three), on a phone, a tablet and two desks."""
    page = open_page(PHONE)
    page.goto("/login/")
    for width in (360, 390, 700, 1000, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        for count in range(1, 17):
            lines, room = page.evaluate(FIGURES, count)
            assert sum(lines) == count and (len(lines) == 1 or 1 not in lines), (width, count, lines)
            assert max(room) <= 2, (width, count, lines, room)


@pytest.mark.feature("ACC-13")
def test_by_keyboard_alone(enter: Callable[..., Any]) -> None:
    """The way past the menu, along tabs, and out of a question: focus is seen and comes back to where it was."""
    page = enter("区域管理员")
    page.goto("/elevators/")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "跳到内容" and focused.evaluate("e => getComputedStyle(e).boxShadow") != "none"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tabs = page.get_by_role("navigation", name="电梯", exact=True).get_by_role("link")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    # Any form that asks first does so in the same dialog.
    page.goto("/profile/")
    button = page.get_by_role("main").get_by_role("button", name="保存", exact=True)
    button.evaluate("b => { b.form.dataset.ask = '保存？' }")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="保存？")
    assert dialog.evaluate("d => d.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


@pytest.mark.feature("ACC-13", "LIF-08")
def test_a_bulk_decision_is_asked_and_left_by_keyboard(enter: Callable[..., Any]) -> None:
    """Nothing is decided here: the question is read, the reason demanded, and Esc leads back to the row."""
    page = enter("区域管理员")
    page.goto("/applications/queue")
    waiting = page.get_by_role("table").get_by_role("link").count()
    deeds = page.locator("[data-bulk-bar]")
    expect(deeds).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(deeds).to_be_visible()
    page.keyboard.press("x")
    expect(deeds).to_be_hidden()
    row = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="批量退回 1 件申请？")
    dialog.wait_for()
    expect(dialog.locator("[name=opinion]")).to_be_focused()  # what is needed is asked for first
    page.keyboard.type("缺少照片a")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == row
    assert page.get_by_label("意见", exact=True).input_value() == "缺少照片a", "what was typed stays"
    page.get_by_label("意见", exact=True).fill("")
    page.get_by_role("button", name="批量不通过", exact=True).click()
    dialog = page.get_by_role("dialog", name="批量不通过 1 件申请？")
    go(dialog.get_by_role("button", name="批量不通过"))
    assert dialog.get_by_role("textbox").evaluate("t => t.matches(':invalid')") and dialog.count() == 1
    page.keyboard.press("Escape")
    page.reload()
    assert page.get_by_role("table").get_by_role("link").count() == waiting


@pytest.mark.feature("ACC-13", "ELV-02")
def test_on_a_phone_the_main_deed_comes_first(enter: Callable[..., Any]) -> None:
    """The others have room beside it or stand under 更多; figures beside each other stand in one line."""
    page = enter("维保单位负责人", PHONE)
    page.goto("/elevators/")
    row = page.locator(".ta-head > .ta-row")
    assert row.evaluate("row => row.firstElementChild.matches('.ta-btn--main')")
    assert row.evaluate("row => row.offsetHeight < 76"), "one line"
    more = row.locator("details", has_text="更多")
    assert more.locator("a:visible").count() == 0
    more.locator("summary").click()
    expect(more.get_by_role("link", name="导入")).to_be_visible()
    assert not hindrances(page)
    page.goto("/lang/en")
    page.goto("/")
    tops = page.eval_on_selector_all(
        ".ta-figs .n",
        "all => all.map(n => [n.closest('.ta-figs > *').offsetTop, Math.round(n.getBoundingClientRect().top)])",
    )
    lines = {tile: {top for other, top in tops if other == tile} for tile, _top in tops}
    assert len(lines) > 2 and all(len(found) == 1 for found in lines.values()), lines
    page.goto("/lang/zh_Hans_CN")


@pytest.mark.feature("ACC-13")
def test_what_the_console_offers_works(enter: Callable[..., Any]) -> None:
    """Its library writes deeds into attributes, which the page's policy runs nowhere."""
    page, said = enter("平台管理员"), []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda asked: (said.append(f"asked: {asked.message}"), asked.dismiss()))
    page.goto("/ops/job/")
    page.get_by_role("button", name="选中的").click()
    page.get_by_role("button", name="重试", exact=True).click()
    assert [words[:6] for words in said] == ["asked:"], "nothing is ticked: the library says so, and no error is told"


@pytest.mark.feature("ACC-04")
def test_a_stranger_can_read_the_pages_before_signing_in(open_page: Callable[..., Any]) -> None:
    wrong: list[str] = []
    for viewport, colours in ((DESK, "light"), (PHONE, "dark")):
        page = open_page(viewport, color_scheme=colours)
        page.goto("/login/")
        wrong += hindrances(page) + too_wide(page)
        for _link in kinds_of_pages(page, {"/login/"}, 8):
            wrong += hindrances(page) + too_wide(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.feature("STA-01", "ELV-02")
def test_on_paper_stands_what_was_found_and_no_menu(enter: Callable[..., Any]) -> None:
    """Printed, a list and a report show their rows in black on white, without menu, buttons or cut columns."""
    page = enter("区域管理员")
    page.emulate_media(media="print", color_scheme="dark")
    for path in ("/elevators/", "/reports/coverage", "/warnings/maintenance/", "/regions/", "/"):
        page.goto(path)
        page.set_viewport_size({"width": 1040, "height": 720})  # A4 across, at 96 dpi
        assert not page.locator(".ta-side").is_visible() and not page.locator(".ta-top").is_visible()
        assert page.locator("table.ta-t tbody tr").first.is_visible()
        tabs = page.locator("main .ta-tabs > *")
        assert tabs.count() == 0 or tabs.locator("visible=true").count() == 1, "which tab it is"
        assert page.locator("main").locator("button:visible, select:visible, textarea:visible").count() == 0
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
        assert too_wide(page) == []
