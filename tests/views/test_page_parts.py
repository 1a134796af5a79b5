"""What makes pages fast must not make them wrong: kept parts, numbers of a moment ago, hand-written rows, texts."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from flask_babel import force_locale, gettext
from markupsafe import Markup

from app.listing import Column
from app.models import Account, AuditEntry
from app.models.account import AccountRole
from app.permissions import Role
from app.transaction import transaction
from app.views.frame import cells, parts, rows
from tests.conftest import csrf
from tests.databases import ROOT
from tests.factories import World, make_elevator, make_policy
from tests.pages import flat

SAYS = "秒前的数"


@pytest.fixture
def lagging(app: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)


def in_use(page: str) -> str:
    """What stands beside the tab 在用."""
    tab = page[page.index('href="/elevators/?tab=in_use"') :]
    return tab[: tab.index("</a>")]


@pytest.mark.feature("ELV-02")
class TestNumbersOfAMomentAgo:
    def test_others_deeds_show_later_own_at_once(self, world: World, sign_in: Any, lagging: None) -> None:
        browser = sign_in(world.accounts["region_admin"])
        assert ">1</b>" in in_use(browser.get("/elevators/").text)
        with transaction(world.session):
            make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        late = browser.get("/elevators/").text
        assert ">1</b>" in in_use(late) and SAYS in in_use(late)
        assert browser.post("/profile/", data={"csrf_token": csrf(browser)}).status_code < 500
        now = browser.get("/elevators/").text
        assert ">2</b>" in in_use(now) and SAYS not in in_use(now)

    def test_the_open_tab_and_its_rows_are_of_now(self, world: World, sign_in: Any, lagging: None) -> None:
        browser = sign_in(world.accounts["region_admin"])
        browser.get("/elevators/?tab=in_use")
        with transaction(world.session):
            made = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        page = browser.get("/elevators/?tab=in_use").text
        assert ">2</b>" in in_use(page) and SAYS not in in_use(page) and made.code in page

    def test_another_account_sees_its_own_numbers(self, world: World, sign_in: Any, lagging: None) -> None:
        sign_in(world.accounts["region_admin"]).get("/elevators/")
        assert SAYS not in sign_in(world.accounts["inspector"]).get("/elevators/").text

    def test_a_right_taken_away_is_gone_at_the_next_request(self, world: World, sign_in: Any, lagging: None) -> None:
        account = world.accounts["region_admin"]
        browser = sign_in(account)
        assert 'title="待我审批"' in browser.get("/elevators/").text
        tester = world.session.query(AccountRole).filter_by(name=Role.TESTER.value).one()
        with transaction(world.session):
            world.session.get(Account, account.id).roles = [tester]
        page = browser.get("/elevators/").text
        assert 'title="待我审批"' not in page and 'title="电梯"' in page


@pytest.mark.feature("ACC-15")
def test_a_session_that_was_ended_stays_ended_for_a_copied_cookie(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    token = csrf(browser)
    copied = browser.get_cookie("session").value
    browser.post("/logout/", data={"csrf_token": token})
    browser.set_cookie("session", copied)
    assert browser.get("/elevators/").status_code == 302


@pytest.mark.feature("ELV-02")
class TestRows:
    columns = (Column("code", "<识别码>", lambda r: r.code, "code"), Column("status", "状态", lambda r: r.status))

    def body(self, row: Any, **more: Any) -> str:
        told: dict[str, Any] = {"tone": lambda r: "is-stop", "link": lambda r: "", **more}
        return str(rows.body(self.columns, [row], lambda c, r: c.value(r), **told))

    def test_everything_that_is_not_markup_is_escaped(self, app: Any) -> None:
        row = SimpleNamespace(code='<b>"x"</b>', status=Markup("<i>在用</i>"))
        with app.test_request_context("/"):
            made = self.body(row, link=lambda r: '/x?a=1&b="', key=lambda r: '1"')
        assert "<b>" not in made and "&lt;b&gt;" in made and "<i>在用</i>" in made
        assert 'href="/x?a=1&amp;b=&#34;"' in made and 'value="1&#34;"' in made
        assert 'data-label="&lt;识别码&gt;"' in made

    def test_a_row_has_its_tone_kinds_link_and_box(self, app: Any) -> None:
        row = SimpleNamespace(code="C1", status="在用")
        with app.test_request_context("/"):
            made = self.body(row, link=lambda r: "/e/1", key=lambda r: 7)
            plain = self.body(row)
        assert '<tr class="is-stop">' in made and '<a href="/e/1">C1</a>' in made
        assert 'class=" key ta-nw"' in made and 'class=" ta-nw st"' in made
        assert 'value="7" aria-label="选择 C1"' in made
        assert "checkbox" not in plain and "<a " not in plain

    def test_a_card_is_titled_by_the_place_where_the_first_column_is_a_bare_number(self, app: Any) -> None:
        place, unit = Column("place", "位置", lambda r: "甲"), Column("unit", "单位", lambda r: "乙")
        for first, rest, led in (
            (Column("number", "编号", lambda r: 1, "code", AuditEntry.id), (unit, place), "place"),
            (Column("rank", "名次", lambda r: 1, "number"), (unit,), "unit"),
            (Column("code", "识别码", lambda r: 1, "code"), (unit, place), ""),
        ):
            made = rows.body((first, *rest), [0], lambda c, r: c.value(r), tone=lambda r: "", link=lambda r: "/1")
            titles = re.findall(r'data-label="([^"]+)" class="[^"]* lead"', made)
            assert titles == [c.label for c in rest if c.name == led]

    def test_a_brief_word_stands_in_one_line_and_a_number_as_ever(self, app: Any) -> None:
        columns = (Column("of", "频次", lambda r: r), Column("n", "台数", lambda r: 3, "number"))

        def made(text: Any) -> str:
            with app.test_request_context("/"):
                told: dict[str, Any] = {"tone": lambda r: "", "link": lambda r: ""}
                return str(rows.body((columns[0], columns[0], columns[1]), [text], lambda c, r: c.value(r), **told))

        second = 'data-label="频次" class="'
        assert made("半月").split(second)[2].startswith(" ta-nw")
        assert made(cells.one_line("1 小时 11 分")).split(second)[2].startswith(" ta-nw")
        assert made("澜江路 6 号 1 幢 1 单元").split(second)[2].startswith('"')
        assert 'class="num">3' in made("半月")


@pytest.mark.feature("ELV-02")
def test_a_company_below_a_place_is_without_its_legal_form() -> None:
    made = cells.two("云樾里小区 6 号", "澜州新禾物业服务有限公司")
    assert '<small title="澜州新禾物业服务有限公司">澜州新禾物业服务</small>' in made
    assert "<small>曳引驱动乘客电梯</small>" in cells.two("澜江路 6 号", "曳引驱动乘客电梯")


@pytest.mark.feature("DSH-01")
def test_a_part_is_kept_by_its_key_and_language(app: Any) -> None:
    columns = (Column("code", "甲", lambda r: r), Column("name", "乙", lambda r: r))

    def boxes(key: str, chosen: tuple[str, ...]) -> Markup:
        return parts.part("ta/list_columns.html", ("test", key), columns=columns, chosen=chosen)

    with app.test_request_context("/"):
        first = boxes("a", ("code",))
        assert boxes("a", ("name",)) is first
        assert boxes("b", ("name",)) != first
        with force_locale("en"):
            assert boxes("a", ("code",)) is not first


@pytest.mark.feature("DSH-01")
def test_texts_follow_the_language_within_a_request(app: Any) -> None:
    with app.test_request_context("/"):
        chinese = gettext("首页")
        with force_locale("en"):
            english = gettext("首页")
        assert chinese == "首页" and english not in ("", "首页")
        assert gettext("首页") == chinese


@pytest.mark.feature("DSH-01")
class TestTheFrameAroundAPage:
    """Kept, and yet each page has its own token, its own nonce and its own person."""

    def test_token_and_nonce_are_of_this_session_and_this_page(self, world: World, sign_in: Any) -> None:
        one, other = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["inspector"])
        pages = [one.get("/elevators/"), one.get("/elevators/"), other.get("/elevators/")]
        for page in pages:
            policy = page.headers["Content-Security-Policy"]
            scripts = set(re.findall(r'<script[^>]* nonce="([^"]+)"', page.text))
            assert scripts == {re.search(r"nonce-([^']+)'", policy)[1]}  # type: ignore[index]
            assert "\0" not in page.text
        tokens = [set(re.findall(r'name="csrf_token" value="([^"]+)"', page.text)) for page in pages]
        assert all(len(found) == 1 for found in tokens)
        assert not tokens[0] & tokens[2]
        assert one.post("/logout/", data={"csrf_token": tokens[1].pop()}).status_code == 302
        assert one.get("/elevators/").status_code == 302 and other.get("/elevators/").status_code == 200

    def test_each_sees_himself_and_what_he_searched(self, world: World, sign_in: Any) -> None:
        one, other = sign_in(world.accounts["region_admin"]), sign_in(world.accounts["worker"])
        mine, his = flat(one.get("/elevators/").text), flat(other.get("/elevators/").text)
        name = world.accounts["region_admin"].get_full_name()
        assert f'<span class="ta-hide-s">{name}</span>' in mine and f'<span class="ta-hide-s">{name}</span>' not in his
        assert 'value="&lt;b&gt;"' in flat(one.get("/search/?q=<b>").text)
        assert 'id="global-search" name="q" value=""' in flat(one.get("/elevators/?q=<b>").text)


@pytest.mark.feature("ACC-05")
def test_every_new_password_is_told_how_strong_it_is() -> None:
    asked = []
    for path in (ROOT / "app" / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"f\.text\(findings, '(?!again)(\w+)'[^}]*new-password", text):
            asked.append(path.name)
            assert f"f.strength('{name}'" in text, path
    assert sorted(asked) == [
        "joining.html", "password.html", "recover_code.html", "register.html", "sub_password.html"
    ]  # fmt: skip


def test_the_least_length_of_a_new_password_is_the_regions(world: World, sign_in: Any) -> None:
    make_policy(world.session, "password_min", 14)
    world.session.commit()
    clerk = world.accounts["clerk"].id
    for address in ("/password/", f"/sub-accounts/{clerk}/password"):
        page = sign_in(world.accounts["maintenance_head"]).get(address).get_data(as_text=True)
        assert 'data-strength="new_password" data-least="14"' in page


@pytest.mark.feature("ELV-02")
def test_a_printed_record_has_no_empty_card_of_deeds_and_no_form(world: World, sign_in: Any) -> None:
    """On paper stood a card 其他办理 without anything in it, and the label of a box that nobody could tick."""
    browser, key = sign_in(world.accounts["region_admin"]), world.own.id
    address = f"/talk/elevator/{key}/comment"
    for words in ("", "请核对门数"):
        if words:
            browser.post(address, data={"body": words, "csrf_token": csrf(browser, f"/elevators/{key}")})
        shown = browser.get(f"/elevators/{key}").text
        page = re.sub(r'<(section|form)[^>]*\bta-noprint\b.*?</\1>', "", shown, flags=re.S)
        assert "其他办理" not in page and "只给监管部门看" not in page and "经历" in page
        assert (">留言</h2>" in page) is bool(words) and words in page
