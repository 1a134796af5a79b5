"""First paint on a slow line: what a page fetches is small, compressed, and fetched once."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.views.frame import assets, light

# What is fetched only where a page has files (`data-files`) is none of it.
FOUND = re.compile(r' (?:href|src)="(/static/[^"]+)"')


@pytest.mark.parametrize("path", ["/login/", "/", "/elevators/"])
def test_what_a_page_fetches_is_small_and_fetched_once(world: Any, sign_in: Any, path: str) -> None:
    browser = sign_in(world.accounts["region_admin"])
    if path == "/login/":
        browser.get("/logout/")
    fetched = set(FOUND.findall(browser.get(path, follow_redirects=True).text))
    assert len(fetched) == 3 and all("?v=" in address for address in fetched), "icon, one sheet of style, one script"
    total = 0
    for address in fetched:
        answer = browser.get(address, headers={"Accept-Encoding": "gzip, br"})
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == assets.FOREVER
        assert "Set-Cookie" not in answer.headers and answer.vary.as_set() == {"accept-encoding"}, "one for everybody"
        total += len(answer.data)
    assert total < 22_000, f"{total} bytes beside the page"


def test_a_page_that_names_no_icon_has_one(client: Any) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302 and "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert client.get(answer.location).mimetype == "image/svg+xml"


def test_compressed_it_is_the_same_file(client: Any) -> None:
    plain = client.get("/static/css/components.css")
    assert "Content-Encoding" not in plain.headers and plain.headers["Cache-Control"] == "no-cache"
    small = client.get("/static/css/components.css", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(small.data) == plain.data and "Accept-Encoding" in small.headers["Vary"]
    assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data) / 3
    again = client.get("/static/css/components.css", headers={"If-None-Match": small.headers["ETag"]})
    assert again.status_code == 304
    part = client.get("/static/css/components.css", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-99"})
    assert part.status_code == 206 and part.data == plain.data[:100]
    assert client.get("/static/icon.svg?v=old").headers["Cache-Control"] == "no-cache"


def test_the_sheet_of_every_page_is_its_parts_in_their_order(client: Any, app: Any) -> None:
    whole = client.get("/static/css/all.css")
    folder = Path(app.static_folder) / "css"
    parts = "".join((folder / f"{name}.css").read_text("utf-8") for name in assets.TOGETHER)
    words = re.compile(r"[^{}]+\{")
    written = re.sub(r"/\*.*?\*/\n?", "", parts, flags=re.S)
    assert [w.strip(" {\n") for w in words.findall(whole.text)] == [w.strip(" {\n") for w in words.findall(written)]
    assert "/*" not in whole.text and whole.text.count("{") == whole.text.count("}") > 300
    assert whole.mimetype == "text/css" and whole.headers["Cache-Control"] == "no-cache"
    small = client.get("/static/css/all.css", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(small.data) == whole.data
    assert client.get("/static/css/all.css", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    part = client.get("/static/css/all.css", headers={"Range": "bytes=0-99"})
    assert part.status_code == 206 and part.data == whole.data[:100]
    assert client.head("/static/css/all.css").status_code == 200
    assert b".panel" not in whole.data, "what dresses Flask-AppBuilder's own pages is theirs alone"


def test_scripts_go_without_remarks_and_keep_their_lines(client: Any, app: Any) -> None:
    folder = Path(app.static_folder) / "js"
    for path in sorted(folder.glob("*.js")):
        whole, written = client.get(f"/static/js/{path.name}"), path.read_text("utf-8").splitlines()
        assert whole.mimetype == "text/javascript" and whole.headers["Cache-Control"] == "no-cache"
        sent = whole.text.splitlines()
        assert len(sent) == len(written)
        assert "`" not in whole.text, "a text of several lines may have one that looks like a remark"
        assert all(a == b or (a == "" and b.lstrip().startswith("//")) for a, b in zip(sent, written, strict=True))
    assert client.get("/static/js/none.js").status_code == 404


def test_a_changed_file_changes_every_address(tmp_path: Path) -> None:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("a{}")
    before = assets.digest_of(tmp_path)
    assert before == assets.digest_of(tmp_path)
    (tmp_path / "css" / "a.css").write_text("b{}")
    assert before != assets.digest_of(tmp_path)


@pytest.mark.parametrize("path", ["/", "/elevators/"])
def test_a_page_is_compressed_where_no_proxy_does_it(world: Any, sign_in: Any, path: str) -> None:
    browser = sign_in(world.accounts["region_admin"])
    plain = browser.get(path)
    assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"]
    small = browser.get(path, headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in small.headers["Vary"]
    assert small.headers["Cache-Control"] == "no-store, private"
    assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data) / 3
    assert gzip.decompress(small.data).decode().partition("<body")[2][:2000] in plain.text


def test_an_answer_to_a_form_or_too_short_to_gain_stays_as_it_is(world: Any, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    wanted = {"Accept-Encoding": "gzip"}
    assert "Content-Encoding" not in browser.post("/password/", headers=wanted, data={"old": "x"}).headers
    assert "Content-Encoding" not in browser.get("/health", headers=wanted).headers
    assert "Content-Encoding" not in browser.get("/nowhere", headers=wanted).headers


def test_the_size_of_a_compressed_page_says_little_about_it() -> None:
    page = b"<p>abc</p>" * 500
    sizes = {len(light.squeezed(page)) for _ in range(60)}
    assert len(sizes) > 10 and {gzip.decompress(light.squeezed(page)) for _ in range(5)} == {page}


def test_behind_a_proxy_the_proxy_compresses() -> None:
    app = Flask(__name__)
    app.config["PROXIES"] = 1
    light.install(app)
    assert not app.after_request_funcs


def test_no_text_of_a_sheet_has_a_sign_that_spaces_are_taken_away_around() -> None:
    folder = Path(assets.__file__).parents[2] / "static" / "css"
    for name in {*assets.TOGETHER, *assets.LIGHT}:
        sheet = re.sub(r"/\*.*?\*/", "", (folder / f"{name}.css").read_text(encoding="utf-8"), flags=re.S)
        texts = re.findall(r'"[^"\n]*"|\'[^\'\n]*\'|url\([^)]*\)', sheet)
        assert not [text for text in texts if re.search("[{};]", text)], name
