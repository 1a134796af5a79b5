"""Words that follow numbers: 1 day, 2 days; a catalogue says them, the sentences of the product need no mark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from flask import render_template_string
from flask_babel import force_locale, gettext

from app.plurals import Counting, beside, chosen, prepare
from app.telling import told
from app.views.frame import texts
from app.views.frame.filing_words import due_days
from app.views.frame.texts import beside as beside_here
from app.wording import say
from scripts import catalogues


def english(number: int) -> int:
    return int(number != 1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 days left"), (1, "1 day left"), (2, "2 days left"), ("1", "1 day left"), ("1,001", "1,001 days left"),
        (1.0, "1.0 day left"), (1.5, "1.5 days left"), (-1, "-1 day left"), ("一", "一 days left"), ("", " days left"),
    ],
)  # fmt: skip
def test_the_word_follows_its_number(value: Any, said: str) -> None:
    sentence = Counting("%(n)s {n:day|days} left", english)
    assert sentence % {"n": value} == said and str(sentence) is sentence
    assert chosen(sentence, {"n": value}) % {"n": value} == said


def test_each_word_follows_its_own_number_and_languages_have_their_own_rules() -> None:
    both = Counting("%(a)s {a:row|rows} %(b)s {b:is|are} 100%%", english)
    assert both % {"a": 1, "b": 2} == "1 row 2 are 100%"
    assert both % {"a": 2, "b": 1} == "2 rows 1 is 100%"
    slavic = lambda n: 0 if n == 1 else 1 if 2 <= n <= 4 else 2  # noqa: E731
    assert [Counting("%(n)s {n:a|b|c}", slavic) % {"n": n} for n in (1, 3, 7)] == ["1 a", "3 b", "7 c"]
    assert chosen("%(n)s {n:day|days}", {"n": 1}) == "%(n)s {n:day|days}", "only a catalogue's text is one"


def test_a_catalogue_is_made_ready_and_all_else_stays() -> None:
    held = {"": "head", "a": "%(n)s {n:day|days}", "b": "{:day|days}", "c": "{x: 1}", ("d", 0): "{:row|rows}"}
    words = prepare(held, english)
    assert held["b"] == "days" and held["c"] == "{x: 1}" and isinstance(held["a"], Counting)
    assert words == {"days": ["day", "days"], "rows": ["row", "rows"]}
    assert [beside("days", n, words, english) for n in (1, 2, "1", None)] == ["day", "days", "day", "days"]
    assert beside("km", 1, words, english) == "km"


@pytest.fixture
def in_english(app: Any) -> Any:
    """The product's own catalogue with three texts of this test in it."""
    with app.test_request_context(), force_locale("en"):
        held = gettext.__globals__["get_domain"]().get_translations()
        kept, words = dict(held._catalog), held.words
        held._catalog |= {"剩 %(n)s 天": "%(n)s {n:day|days} left", "剩余 %(left)s 天": "%(left)s {left:day|days} left"}
        held._catalog["天"] = "{:day|days}"
        held.words = prepare(held._catalog, english)
        yield held
        held._catalog, held.words = kept, words


def test_pages_rules_and_python_say_it_alike(in_english: Any) -> None:
    page = "{{ _('剩 %(n)s 天', n=n) }}|{{ beside(_('天'), n) }}|{{ said }}"
    for n, word in ((1, "day"), (2, "days")):
        said = say("剩余 %(left)s 天", left=n)
        assert render_template_string(page, n=n, said=said) == f"{n} {word} left|{word}|{n} {word} left"
        assert gettext("剩 %(n)s 天", n=n) == told(said) == f"{n} {word} left"
    assert render_template_string("{{ _('剩 %(n)s 天', n='<b>1</b>') }}") == "&lt;b&gt;1&lt;/b&gt; days left"
    assert gettext("天") == "days"


def test_a_countdown_says_one_day(in_english: Any) -> None:
    import datetime as dt

    day = dt.date(2026, 3, 1)
    for left, word in ((1, "day"), (2, "days"), (-1, "day"), (-2, "days")):
        due = due_days(day + dt.timedelta(days=left), day, 3, 15)
        assert due is not None and (due.number, due.after) == (abs(left), word)


def test_chinese_and_outside_an_application_nothing_changes(app: Any) -> None:
    assert beside_here("天", 1) == "天"
    with app.test_request_context():
        assert beside_here(gettext("天"), 1) == "天" and isinstance(texts.beside("x", 1), str)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("%(n)s {n:day|days}", False), ("{n:day|days}: %(n)s", False), ("%(n)s {m:day|days}", True),
        ("%(n)s {n:day}", False), ("%(n)s {n:a|b|c}", True), ("%(n)s {:day|days}", True), ("%(n)s {n:day|days", True),
    ],
)  # fmt: skip
def test_the_check_of_catalogues_finds_what_would_be_shown_as_braces(
    text: str, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Catalog(locale="en")
    kept.add("%(n)s 天", text)
    monkeypatch.setattr(catalogues, "read", lambda path: kept)
    found = [SimpleNamespace(id="%(n)s 天", context=None)]
    assert bool(catalogues.problems(catalogues.SOURCES[0], found)) is wrong
