"""No page of any role shows Chinese to a reader of English, except what persons wrote.

The demo region is walked, for it has something on every screen: a page of each address that a menu or a link leads to.
What persons wrote is what the database holds in their columns; what is left over is either told in English or a fault.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import text

from app.reports.bulletin.document import parts_of_texts
from tests.conftest import csrf

CHINESE = re.compile("[\u3400-\u9fff]")
# Columns that persons fill, by table; whatever they hold may stand on an English page.
PERSONS = {
    "ab_user": "first_name last_name",
    "anomaly": "body handle_note place",
    "appeal": "grounds",
    "application": "reason opinion",
    "application_step": "opinion",
    "attachment": "name",
    "bulletin": "region_name title office mark correct_reason",
    "calendar_day": "name source",
    "comment": "body",
    "commitment": "note",
    "complaint": "name body place handle_note review_note end_note prod_note",
    "component": "name model note installed_by ended_by",
    "contract": "note number",
    "declaration": "note",
    "delegation": "reason",
    "elevator": "address estate model manufacturer installer certificate_no owner_name safety_officer note",
    "elevator_message": "body reply",
    "fraud_case": "question answer reason",
    "fraud_signal": "set_aside_note",
    "invitation": "name opinion",
    "insurance_record": "payer note withdrawn_note",
    "insured_person": "name",
    "landing_door": "note landing",
    "landing_door_check": "note by_name",
    "iot_device": "maker model end_reason",
    "iot_event": "standard code",
    "elevator_label": "note",
    "usual_parts": "rows",
    "enforcement": "facts demand legal_basis document_no reply sent_back_note close_note returned_note withdraw_reason",
    "item_set": "name basis opinion rows",
    "maintenance_team": "name",
    "patrol_round": "title note account_name",
    "patrol_stop": "finding handled",
    "person": "name work_kind note",
    "policy_proposal": "source reason opinion",
    "policy_value": "source",
    "region": "name",
    "repair_order": "fault note use_note action parts decision_reason end_note place",
    "rescue": "place caller scene end_note cause_note",
    "rescue_callback": "answered_by note name",
    "rescue_dispatch": "name worker_name",
    "rescue_step": "name note",
    "risk_item": "place risk measures responsible",
    "safety_record": "summary people made_by",
    "spot_avoidance": "reason",
    "spot_check": "name findings demand fix_note close_note",
    "spot_draw": "title seed_text cancel_reason",
    "status_change": "reason",
    "unit": "name address head_name safety_officer legal_person business_scope note",
    "version": "opinion reason",
    "visit": "problem advice note review_opinion signer decision_reason",
    "visit_note": "body",
}
# Left as they are on purpose: the switch to Chinese, the sticker in the car, the open data's licence as it is printed,
# and placeholders of a notice's words.
MEANT = re.compile(
    r"^(中文|可以自由使用、转载和加工，.*不得用于识别个人。|被困时立即扫码救援!|遇险时立即扫码求救!|"
    r".*\{(标题|内容|链接|时间|收件人|平台)\}.*)$",
    re.S,
)  # fmt: skip
# The switch to Chinese, and a single character: on each page, and nothing is said of them.
ON_EACH = re.compile("(<[^<>]*>)\\s*(?:中文|[\u3400-\u9fff])\\s*(?=<)")
# Attributes that nobody reads.
UNREAD = {"href", "src", "style", "class", "action", "id", "name", "for", "value", "data-text"}
LEFT_OUT = re.compile(r"^/(logout|lang|static|appbuilder/static|swaggerview-static|files)")


class Texts(HTMLParser):
    """What a page says: its texts, and the attributes that are read aloud or shown.

    What stands in an element that says of itself that it is Chinese (an official paper, published tables) is meant so.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent = ""
        # The tag of such an element, once for it and once for each of its like within.
        self._paper: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._paper:
            self._paper += [tag] * (tag == self._paper[0])
            return
        if ("lang", "zh-CN") in attrs and tag not in ("html", "a", "input"):
            self._paper = [tag]
            return
        if tag in ("script", "style", "textarea"):
            self._silent = tag
        self.said += [value for name, value in attrs if value and name not in UNREAD and CHINESE.search(value)]

    def handle_endtag(self, tag: str) -> None:
        if self._paper:
            self._paper = self._paper[: len(self._paper) - (tag == self._paper[0])]
            return
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._paper and CHINESE.search(data):
            self.said.append(data.strip())


def left_in_chinese(page: str, known: re.Pattern[str]) -> Iterator[str]:
    # Most pages hold nothing but names: to see that costs a tenth of taking them apart.
    if not CHINESE.search(known.sub("", ON_EACH.sub(r"\1", page))):
        return
    parser = Texts()
    parser.feed(page)
    for said in parser.said:
        rest = known.sub("", said)
        # One character is the initial of a name in its circle.
        if CHINESE.search(rest) and not MEANT.match(said) and len(said) > 1:
            yield said


def texts_in(rows: list[dict[str, Any]]) -> set[str]:
    return {value for row in rows for value in row.values() if isinstance(value, str)}


def written_by_persons(session: Any) -> re.Pattern[str]:
    found: set[str] = set()
    for table, columns in PERSONS.items():
        there = session.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()
        for column in set(columns.split()) & set(there):
            rows = session.execute(text(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"))
            texts = {value.partition("\x1e")[0] for (value,) in rows if isinstance(value, str)}
            # Lists are kept as JSON: what persons wrote are the texts in it.
            texts |= {said for whole in texts if whole.startswith("[{") for said in texts_in(json.loads(whole))}
            # What was added to a text later stands in lines of its own; a notice from before has the first.
            found |= texts | {line for whole in texts for line in whole.splitlines()}
    for (kept,) in session.execute(text("SELECT data FROM version")):
        held = json.loads(kept) if isinstance(kept, str) else kept
        found |= {value for value in held.values() if isinstance(value, str)}
    # A bulletin is a Chinese paper: its texts, the titles of its parts and its number are told as they are printed.
    found |= {f"〔{year}〕{serial}号" for year, serial in session.execute(text("SELECT year, serial FROM bulletin"))}
    found |= set(parts_of_texts().values())
    for (kept,) in session.execute(text("SELECT texts FROM bulletin")):
        held = json.loads(kept) if isinstance(kept, str) else kept
        found |= {line for whole in held.values() for line in (whole, *whole.splitlines())}
    for (kept,) in session.execute(text("SELECT theirs FROM provincial_difference")):
        held = json.loads(kept) if isinstance(kept, str) else kept
        found |= {value for value in held.values() if isinstance(value, str)}
        found |= {unit["name"] for unit in held.values() if isinstance(unit, dict)}
    words = {w for whole in found for w in (whole, whole.removesuffix("有限公司")) if CHINESE.search(w)}
    # Snapshots, worked items and checks of a visit hold names and remarks of their day.
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


def walk(browser: Any, start: Iterable[str], most: int) -> Iterator[tuple[str, str]]:
    """A page of each address that the pages lead to, numbers and words in it left out."""
    links, seen = list(start), Counter[str]()
    for link in links:
        if not most:
            return
        answer = browser.get(link, follow_redirects=True)
        if answer.status_code >= 400 or "html" not in (answer.content_type or ""):
            continue
        most -= 1
        yield link, answer.text
        for found in re.findall(r'<a [^>]*href="(/[^"#]*)"', answer.text):
            target = html.unescape(found)
            shape = re.sub(r"/[^/]*\d[^/]*|(?<=/help)/[a-z-]+", "/N", target.split("?")[0])
            if not LEFT_OUT.match(target) and not seen[shape]:
                seen[shape] += 1
                links.append(target)


@pytest.mark.parametrize("db_kind", ["sqlite"], scope="session")  # the pages are the same, and the walk is long
def test_no_page_of_any_role_is_left_in_chinese(app: Any, session: Any, menu_once: None) -> None:
    made = app.test_cli_runner().invoke(args=["demo", "--elevators", "30", "--days", "30", "--json"])
    logins = json.loads(made.output.strip().splitlines()[-1])["logins"]
    known = written_by_persons(session)
    wrong: dict[str, str] = {}
    walked = 0
    for name, password in logins:
        browser = app.test_client()
        browser.get("/lang/en")
        form = {"username": name, "password": password, "csrf_token": csrf(browser)}
        assert browser.post("/login/", data=form).status_code == 302
        for link, page in walk(browser, ["/", "/m/", "/profile/"], 120):
            walked += 1
            for said in left_in_chinese(page, known):
                wrong.setdefault(said, f"{name} {link}")
    assert walked > 400
    assert not wrong, "\n".join(f"{said!r} at {where}" for said, where in wrong.items())
