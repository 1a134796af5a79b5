"""Sentences that remember how they came about: Chinese to all who know no more, and made again in another language."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from pathlib import Path

import pytest

from app.errors import Finding, Refusal, refuse
from app.wording import Said, again, kept, say, speak, together
from scripts import catalogues


def test_what_is_said_is_an_ordinary_text() -> None:
    said = say("剩余 %(n)s 天，已用 100%%", n=3)
    assert said == "剩余 3 天，已用 100%" and hash(said) == hash("剩余 3 天，已用 100%")
    assert isinstance(said, Said) and said.msgid == "剩余 %(n)s 天，已用 100%%" and said.args == {"n": 3}
    assert {said: 1}["剩余 3 天，已用 100%"] == 1 and f"{said}" == said and len(said) == 14
    assert say("占 100%") == "占 100%", "without values nothing is formatted"


def test_str_json_copies_and_pickles_keep_it() -> None:
    said = say("%(who)s：%(what)s", who="甲", what=together(["乙", say("第 %(n)s 项", n=2)], "；"))
    for one in (str(said), copy.deepcopy(said), pickle.loads(pickle.dumps(said)), again(kept(said))):  # noqa: S301
        assert one == "甲：乙；第 2 项" and isinstance(one, Said)
        assert one.msgid == said.msgid and one.args["what"].args == said.args["what"].args  # type: ignore[attr-defined]
    assert json.loads(json.dumps({"found": said}))["found"] == "甲：乙；第 2 项"
    assert again(json.loads(json.dumps(kept(said)))).args == said.args  # type: ignore[attr-defined]
    assert kept("丙") == "丙" and again("丙") == "丙"


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (say("到 %(d)s", d=1), "，已过", "到 1，已过"),
        ("截止", say("，%(d)s", d=2), "截止，2"),
        (say("起"), say("止"), "起止"),
        (say("起"), "", "起"),
        ("", say("止"), "止"),
    ],
)
def test_texts_put_together_are_told_part_by_part(first: str, second: str, whole: str) -> None:
    assert first + second == whole and isinstance(first + second, Said)


def test_a_value_that_is_no_text_is_finished_at_once() -> None:
    said = say("%(on)s 起", on=dt.date(2026, 3, 1))
    assert said == "2026-03-01 起" and said.args == {"on": "2026-03-01"}  # type: ignore[attr-defined]


def test_a_refusal_remembers_all_of_its_texts() -> None:
    refusal = refuse("期限", say("已过 %(n)s 天", n=4), "请改期", field="ends_on")
    assert str(refusal) == "期限：已过 4 天。请改期" and isinstance(str(refusal), Said)
    finding = refusal.findings[0]
    assert [type(getattr(finding, name)) for name in ("rule", "found", "remedy")] == [Said] * 3
    assert finding.words == "已过 4 天。请改期" and finding.line == "期限：已过 4 天，请改期"
    assert str(Refusal([finding, Finding("甲", False, "乙")])) == "期限：已过 4 天。请改期；甲：乙"
    assert json.loads(json.dumps(finding.as_dict()))["found"] == "已过 4 天"


def test_constants_of_a_declaration_are_told_as_well() -> None:
    class Named:
        word, empty, number = "单位", "", 3

    one = Named()
    speak(one, "word", "empty", "number")
    assert isinstance(one.word, Said) and one.word == "单位" and one.empty == "" and one.number == 3


def test_the_catalogue_hears_constants_and_finds_what_cannot_be_translated(tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    path.write_text(
        '''"""说明不算。"""
LABELS = {"a": "标签"}
def rule(n):
    """这里也不算。"""
    log("写进日志的")
    return Finding("规则", n > 1, say("剩 %(n)s 天", n=n), f"{n or '无'} x", f"还有 {n} 天", field="ascii")
''',
        encoding="utf-8",
    )
    assert [text for text, _line in catalogues.spoken(path)] == ["标签", "规则", "剩 %(n)s 天", "无"]
    assert [(text, line) for text, line in catalogues.unspeakable(path)] == [("f'还有 {n} 天'", 6)]


def test_no_finished_sentence_is_made_where_somebody_reads_it() -> None:
    """An f-string cannot be translated any more."""
    wrong = [
        f"{path.relative_to(catalogues.ROOT)}:{line} {text}"
        for path in catalogues.speaking()
        for text, line in catalogues.unspeakable(path)
    ]
    assert not wrong, "write say(\"…%(name)s…\", name=…):\n" + "\n".join(wrong)
