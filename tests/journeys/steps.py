"""What people do again and again on these pages, in their words: sign in, read a table, download a workbook."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from app.rules.identifiers import uscc_check_char

PASSWORD = "Lanzhou.2026"
BLANK_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def resident_id(serial: int) -> str:
    """An invented 身份证号 with a right check digit, of a range that the demo region does not use."""
    first = f"98040319900307{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(c) * w for c, w in zip(first, weights, strict=True)) % 11]


def picture(name: str) -> dict[str, Any]:
    """A photo for an upload field."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((480, 360), 60).convert("RGB").save(out, "JPEG", quality=60)
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def code_in(text: str) -> str:
    """The six digits of a message."""
    found = re.search(r"\b\d{6}\b", text) or re.search(r"\d{6}", text)
    assert found, f"no code in {text!r}"
    return found.group()


def pdf(name: str) -> dict[str, Any]:
    """A file for an upload field."""
    return {"name": name, "mimeType": "application/pdf", "buffer": BLANK_PDF}


def uscc(serial: int) -> str:
    """A valid invented 统一社会信用代码, of a range that the demo region does not use."""
    first = f"91980403{serial:09d}"
    return first + uscc_check_char(first)


# A click returns while the old page still stands, and whoever reads then reads that one. So each page says, from the
# moment something leads away from it, that it is on its way out. What a browser keeps may come back: then it is not.
LEAVING = """(() => {
    const mark = gone => document.documentElement.toggleAttribute('data-leaving', gone);
    const elsewhere = e => (e.submitter?.formTarget || e.target.target) === '_blank';
    addEventListener('submit', e => { if (!e.defaultPrevented && !elsewhere(e)) mark(true); });
    addEventListener('pageshow', () => mark(false));
    navigation.addEventListener('navigate', e => { if (!e.hashChange) mark(true); });
    navigation.addEventListener('navigateerror', () => mark(false));
})()"""


def profile(browser: Any, **options: Any) -> Any:
    """A fresh browser profile, as another person would have; its pages say when they are on their way out."""
    context = browser.new_context(**options)
    context.add_init_script(LEAVING)
    return context


# Pressed while a file is under way, or the phone looks for its place, a form goes by itself a moment later.
ON_THE_WAY = "html[data-leaving], .ta-up__wait, [data-locating]:not([hidden])"


def arrive(page: Any) -> None:
    """Wait for the page that follows, where one does: a dialog or a refused form has none."""
    expect(page.locator(ON_THE_WAY)).to_have_count(0, timeout=30_000)
    page.wait_for_load_state()


def go(target: Any) -> None:
    """Click a link or a button, and be where it leads."""
    target.click()
    arrive(target.page)


def sheet_stands(page: Any) -> None:
    """The page of a visit has taken up what the phone kept of its sheet: written before, it would be written over.

    The server's page says so when it has kept it once more, the phone's own by its button, which is the last to come.
    """
    if page.locator("#offline").count():
        expect(page.get_by_role("button", name="签退，存在手机")).to_be_visible()
    else:
        expect(page.locator("[data-draft-state]")).to_have_text("已存在手机")


def sign_in(page: Any, login: str, password: str) -> Any:
    """Through the login page to the first page after it."""
    page.goto("/login/")
    page.get_by_label("用户名或已绑定手机号").fill(login)
    page.get_by_label("密码").fill(password)
    go(page.get_by_role("button", name="登录"))
    return page


def read_picture(page: Any, product: Any) -> None:
    """Answer the question against machines as a person reads its picture."""
    from app import vault
    from app.models import Captcha

    key = page.locator('input[name="captcha_key"]').input_value()
    with product.session() as session:
        answer = vault.unseal(session.get(Captcha, key).answer)
    page.get_by_label("图形验证码").fill(answer)


def answer_question(page: Any, product: Any, password: str) -> None:
    """Answer the question where one is asked after wrong tries, and sign in again."""
    if not page.locator('input[name="captcha_key"]').count() or not page.get_by_text("没有填写").count():
        return
    read_picture(page, product)
    page.get_by_label("密码").fill(password)
    go(page.get_by_role("button", name="登录"))


def change_first_password(page: Any, old: str, new: str = PASSWORD) -> None:
    """What a first sign-in asks for, before anything else is shown."""
    expect(page.get_by_role("heading", name="修改密码")).to_be_visible()
    page.get_by_label("原密码").fill(old)
    page.get_by_label("新密码").fill(new)
    page.get_by_label("再输入一次").fill(new)
    go(page.get_by_role("button", name="修改密码"))


def menu(page: Any, name: str) -> None:
    """Go where the menu leads."""
    go(page.get_by_role("navigation", name="主菜单").get_by_role("link", name=re.compile(rf"^{name}(\s|$|\d)")))


def look_for(page: Any, words: str, field: str = "搜索") -> None:
    """Look for words by the page's own search, and wait for what it finds."""
    page.get_by_role("textbox", name=field, exact=True).fill(words)
    go(page.get_by_role("button", name="查找", exact=True))


def search(page: Any, title: str, words: str) -> list[dict[str, str]]:
    """Search a list; gives what it found."""
    box = page.get_by_role("searchbox", name=f"搜索 {title}")
    box.fill(words)
    box.press("Enter")
    arrive(page)
    return rows(page) if page.get_by_role("main").locator("tbody tr").count() else []


def press(page: Any, name: str) -> None:
    """Press a button and wait for the page that follows, where one does."""
    go(page.get_by_role("button", name=name, exact=True))


def follow(page: Any, name: str) -> None:
    """Go where the page's first link of that name leads."""
    go(page.get_by_role("main").get_by_role("link", name=name, exact=True).first)


def path_of(page: Any) -> str:
    return urlsplit(page.url).path


def number_in(text: str) -> int:
    """The first number that a text says."""
    found = re.search(r"\d[\d,]*", text)
    assert found, f"no number in {text!r}"
    return int(found.group().replace(",", ""))


def fact(page: Any, label: str) -> str:
    """What stands beside a label in a list of facts."""
    text: str = page.locator("dl div", has=page.locator("dt", has_text=re.compile(f"^{re.escape(label)}$"))).locator(
        "dd"
    ).first.inner_text()
    return text.strip()


def rows(page: Any, table: Any = None) -> list[dict[str, str]]:
    """A table as its headings and cells say it; the first on the page unless given."""
    found = table or page.get_by_role("main").locator("table").first
    script = """t => { const clean = e => e.innerText.replace(/\\s+/g, ' ').trim();
        const heads = [...t.querySelectorAll('thead th')].map(clean);
        return [...t.querySelectorAll('tbody tr')].map(r =>
            [...r.children].map((c, i) => [heads[i] ?? '', clean(c)])); }"""
    return [dict(cells) for cells in found.evaluate(script)]


def total(page: Any) -> int:
    """How many rows a list says that it holds."""
    return number_in(page.get_by_text(re.compile(r"^共 [\d,]+\+? 条$")).first.inner_text())


def tab_count(page: Any, group: str, label: str) -> int:
    text = page.get_by_role("navigation", name=group, exact=True).get_by_role(
        "link", name=re.compile(rf"^{label} [\d,]+")
    ).inner_text()
    return number_in(text.removeprefix(label))


def download(page: Any, press_it: Any) -> Path:
    """The file that a press brings."""
    with page.expect_download() as caught:
        press_it()
    kept = Path(caught.value.path())
    named = kept.with_name(f"{kept.name}-{caught.value.suggested_filename}")
    caught.value.save_as(named)
    return named


def read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def read_sheets(path: Path) -> dict[str, list[list[Any]]]:
    """Every sheet of a workbook, row by row."""
    from openpyxl import load_workbook

    book = load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def job_over(page: Any, seconds: int = 90) -> None:
    """Wait on a page that follows a job until that has ended: then the page comes once more, by itself."""
    expect(page.locator("[data-job]")).to_have_count(0, timeout=seconds * 1000)
    arrive(page)


def job_done(page: Any, seconds: int = 90) -> None:
    """Wait on a job's page until that is done."""
    job_over(page, seconds)
    expect(page.get_by_role("main").get_by_text("完成", exact=True).first).to_be_visible()


def comes_to(page: Any, read: Callable[[], int], wanted: int, seconds: int = 60) -> None:
    """Look at a page until it gives this number: one beside a menu may be some seconds behind what others did."""
    end = time.monotonic() + seconds
    while (found := read()) != wanted:
        assert time.monotonic() < end, f"{found} on {page.url}, not {wanted}"
        page.wait_for_timeout(500)
        page.reload()


def appears(page: Any, text: str, seconds: int = 90) -> None:
    """Look at a page again and again until it says this: what a task in the background brings."""
    end = time.monotonic() + seconds
    while text not in page.get_by_role("main").inner_text():
        assert time.monotonic() < end, f"{text!r} did not appear on {page.url}"
        page.wait_for_timeout(500)
        page.reload()
