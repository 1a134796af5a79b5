"""What is kept on a phone and how it is sent (js/kept.js), in a browser with nothing else of the product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[2] / "app" / "static"


def kept_page(browser: Any, answer: Any) -> Any:
    """A page with nothing of the product but what keeps and sends; `answer` stands for the system."""
    page = browser.new_context().new_page()
    page.route("**/*", answer)
    page.goto("http://localhost:9/m/x")
    page.add_script_tag(content=(STATIC / "js" / "kept.js").read_text(encoding="utf-8"))
    return page


@pytest.mark.feature("MNT-05")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 502, "lost", "strange", "line"])
def test_what_an_answer_says_of_one_entry_and_of_the_line(browser: Any, status: int | str) -> None:
    """A login that has run out, too many calls and a line that carries nothing end a round; all else is one entry's."""
    tried: list[str] = []
    asked: list[str] = []

    def answer(route: Any) -> None:
        if "outbox.json" in route.request.url:
            asked.append(route.request.url)
            # Such a line is there as a round begins, and then no more.
            if status == "line" and len(asked) % 2 == 0:
                return route.abort()
            route.fulfill(json={"account": 1, "csrf": "x"})
        elif "/offline" not in route.request.url:
            route.fulfill(content_type="text/html", body="")
        else:
            key = route.request.post_data_json["entries"][0]["key"]
            tried.append(key)
            if status == "line" or (status == "lost" and key == "bad-entry"):
                route.abort()
            elif key != "bad-entry":
                route.fulfill(json={"entries": [{"key": key, "ok": True, "visit": {"id": 5, "state": "valid"}}]})
            elif status == "strange":
                route.fulfill(json={"not": "ours"})
            else:
                route.fulfill(status=status, content_type="text/html", body="<p>no words of ours</p>")

    page = kept_page(browser, answer)
    try:
        told, rows = page.evaluate("""async () => { const K = taKept, told = []; await K.setMe(1);
            for (const [n, key] of ["bad-entry", "good-two", "good-three"].entries()) await K.put("entries", {
                key: key, account: 1, made: n, lift: {}, state: "waiting", errors: null,
                began: { at: "x" }, ended: { at: "x" } });
            for (let n = 0; n < 3; n++) told.push((await K.sendAll(null, true, n === 2)).state);
            const minutes = e => Math.round((e.later - Date.now()) / 60000);
            return [told, (await K.entries(1)).map(e => [e.state, e.errors, minutes(e)])];
        }""")
    finally:
        page.context.close()
    if status in (401, 429):
        word = "signin" if status == 401 else "broken"
        assert (told, tried) == ([word] * 3, ["bad-entry"] * 3) and [r[0] for r in rows] == ["waiting"] * 3
    elif status == "line":
        assert (told, tried) == (["broken"] * 3, ["bad-entry"] * 3)
        assert [row[:2] for row in rows] == [["waiting", None]] * 3, "none of them is to blame"
    elif status == 400:
        # Once more with the token of the session that is now; then it is the entry's own.
        assert (told, tried) == (["done", "nothing", "nothing"], ["bad-entry"] * 2 + ["good-two", "good-three"])
        assert rows[0][:2] == ["refused", [{"status": 400}]] and [r[0] for r in rows[1:]] == ["sent"] * 2
    elif status in ("lost", "strange") or int(status) >= 500:
        # The second round finds its pause not over; the third was pressed, and the pause has grown.
        assert (told, tried) == (["later", "nothing", "later"], ["bad-entry", "good-two", "good-three", "bad-entry"])
        assert rows[0] == ["waiting", None, 2] and [r[0] for r in rows[1:]] == ["sent"] * 2
    else:
        assert (told, tried) == (["done", "nothing", "nothing"], ["bad-entry", "good-two", "good-three"])
        assert rows[0][:2] == ["refused", [{"status": status}]] and [r[0] for r in rows[1:]] == ["sent"] * 2


@pytest.mark.feature("MNT-05")
def test_a_visit_waits_for_the_end_of_the_one_before(browser: Any) -> None:
    """The system holds the first open: the next, though whole, would overlap it, be refused and wait for its owner."""
    well: list[bool] = []

    def answer(route: Any) -> None:
        if "/offline" not in route.request.url:
            return route.fulfill(json={"account": 1, "csrf": "x"})
        key = route.request.post_data_json["entries"][0]["key"]
        if well:
            return route.fulfill(json={"entries": [{"key": key, "ok": True, "visit": {"id": 7, "state": "valid"}}]})
        overlaps = {"ok": False, "status": 422, "errors": [{"rule": "与另一次维保时间重叠", "found": "", "remedy": ""}]}
        fault = {"ok": False, "status": 500, "errors": [{"rule": "内部错误", "found": "", "remedy": ""}]}
        route.fulfill(json={"entries": [{"key": key} | (fault if key == "first" else overlaps)]})

    page = kept_page(browser, answer)
    send = """async () => [
        (await taKept.sendAll(null, true, true)).state, (await taKept.entries(1)).map(e => e.state)]"""
    try:
        page.evaluate("""async () => { const K = taKept; await K.setMe(1);
            const visit = (key, made, more) => K.put("entries", Object.assign({ key: key, account: 1, made: made,
                lift: {}, state: "waiting", errors: null, began: null, ended: { at: "x" } }, more));
            await visit("first", 1, { visit_id: 7 }); await visit("second", 2, { began: { at: "x" } });
        }""")
        assert page.evaluate(send) == ["later", ["waiting", "waiting"]]
        well.append(True)
        assert page.evaluate(send) == ["done", ["sent", "sent"]]
    finally:
        page.context.close()


@pytest.mark.feature("MNT-05")
@pytest.mark.parametrize("lost", [True, False])
def test_what_became_of_an_entry_meanwhile_stands(browser: Any, lost: bool) -> None:
    """Another tab ends the visit while its beginning is on its way: its end is never written over, and goes next."""
    sent: list[Any] = []

    def answer(route: Any) -> None:
        if "/offline" not in route.request.url:
            return route.fulfill(json={"account": 1, "csrf": "x"})
        sent.append(route.request.post_data_json["entries"][0])
        if len(sent) == 1:
            ended = page.evaluate("""async () => { const row = await taKept.get("entries", "one");
                Object.assign(row, { state: "waiting", ended: { at: "y" } });
                await taKept.put("entries", row); return true; }""")
            assert ended
            if lost:
                return route.abort()
        key = sent[-1]["key"]
        route.fulfill(json={"entries": [{"key": key, "ok": True, "visit": {"id": 7, "state": "valid"}}]})

    page = kept_page(browser, answer)
    try:
        states = page.evaluate("""async () => { const K = taKept, states = []; await K.setMe(1);
            await K.put("entries", { key: "one", account: 1, made: 1, lift: {}, state: "running", errors: null,
                began: { at: "x" }, ended: null });
            for (let n = 0; n < 2; n++) {
                await K.sendAll(null, true, true); states.push((await K.entries(1))[0].state);
            }
            return states;
        }""")
    finally:
        page.context.close()
    assert states == ["waiting", "sent"] and sent[0]["check_out"] is None and sent[1]["check_out"] == {"at": "y"} | {
        name: [] for name in sent[1]["check_out"] if name != "at"
    }


@pytest.mark.feature("MNT-05")
def test_a_token_of_a_session_that_is_over_is_asked_for_anew(browser: Any) -> None:
    tokens: list[str] = []

    def answer(route: Any) -> None:
        if "/offline" not in route.request.url:
            return route.fulfill(json={"account": 1, "csrf": f"token-{len(tokens)}"})
        tokens.append(route.request.headers["x-csrftoken"])
        if len(tokens) == 1:
            return route.fulfill(status=400, json={"errors": ["登录状态已变"]})
        key = route.request.post_data_json["entries"][0]["key"]
        route.fulfill(json={"entries": [{"key": key, "ok": True, "visit": {"id": 7, "state": "valid"}}]})

    page = kept_page(browser, answer)
    try:
        told = page.evaluate("""async () => { const K = taKept; await K.setMe(1);
            for (const key of ["first", "second"]) await K.put("entries", { key: key, account: 1, made: 1, lift: {},
                state: "waiting", errors: null, began: { at: "x" }, ended: { at: "x" } });
            return [(await K.sendAll(null, true)).state, (await K.entries(1)).map(e => e.state)];
        }""")
    finally:
        page.context.close()
    assert told == ["done", ["sent", "sent"]] and tokens == ["token-0", "token-1", "token-1"]
