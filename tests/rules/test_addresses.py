"""Words of an address as people type them, and what such a word finds."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.addresses import MOST_WORDS, numbered, words_of

pytestmark = pytest.mark.feature("ELV-02")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("澜江路6号5幢", ["澜江路", "6号", "5幢"]),
        ("澜江路 6 号 5 幢", ["澜江路", "6号", "5幢"]),
        ("云樾里小区5幢1单元", ["云樾里小区", "5幢", "1单元"]),
        ("云樾里二期12号楼三单元", ["云樾里", "二期", "12号楼", "三单元"]),
        ("澜江路6号院5#楼", ["澜江路", "6号院", "5#楼"]),
        ("明澜公馆A座", ["明澜公馆", "A座"]),
        ("三门峡路8号", ["三门峡路", "8号"]),
        # Codes, certificates and words stay what they are.
        ("200012", ["200012"]), ("200012 号楼", ["200012", "号楼"]), ("3-2", ["3-2"]),
        ("梯11澜L00012(11)", ["梯11澜L00012(11)"]), ("DT-2026-000001", ["DT-2026-000001"]),
        ("粤A1234号", ["粤A1234号"]), ("新禾物业", ["新禾物业"]), ("", []), ("  ", []),
    ],
)  # fmt: skip
def test_what_is_typed_is_cut_before_what_is_counted(typed: str, words: list[str]) -> None:
    assert words_of(typed) == words


@pytest.mark.parametrize(
    ("word", "held", "found"),
    [
        ("5幢", "澜江路 6 号 5 幢 1 单元", True), ("5幢", "澜江路6号5幢", True), ("5幢", "澜江路 6 号 15 幢", False),
        ("5幢", "澜江路 6 号 5 栋", True), ("5栋", "云樾里五号楼", True), ("五幢", "5#楼", True), ("5#", "5 幢", True),
        ("5号楼", "5 号", False), ("6号", "6 号楼", True), ("十五号", "15 号", True), ("5号", "十五号", False),
        ("二十一层", "21层", True), ("A座", "3A座", False), ("a座", "A座", True), ("6号院", "6 号院", True),
        # Zeros before a figure and letters that name a row of houses or an elevator; another figure never.
        ("5幢", "云樾里05幢", True), ("5号楼", "05号楼", True), ("1单元", "01 单元", True), ("101室", "0101室", True),
        ("1号", "D01号", True), ("2#", "DT2#", True), ("3号梯", "K3号梯", True), ("5幢", "a5幢", True),
        ("5幢", "005栋", True),
        ("05幢", "5 幢", True), ("05幢", "五号楼", True), ("05幢", "005幢", True), ("五幢", "05幢", True),
        ("0005幢", "5幢", True),
        ("A5幢", "A5幢", True), ("a5幢", "B5幢", False), ("A5幢", "5幢", False), ("5A座", "05a座", True),
        ("A座", "0A座", False),
        ("5幢", "105幢", False), ("5幢", "A15幢", False), ("5幢", "50幢", False), ("05幢", "15幢", False),
        ("0幢", "10幢", False),
        ("0幢", "00 幢", True), ("0A座", "A座", False), ("100号", "0100号", True), ("100号", "1100号", False),
        ("05栋", "05栋", True), ("100号", "100 号", True), ("6号（北）", "6 号（北）", True), ("6号.", "6 号x", False),
    ],
)  # fmt: skip
def test_a_figure_is_found_as_a_whole_however_it_is_written(word: str, held: str, found: bool) -> None:
    what = numbered(word)
    assert what is not None
    assert (re.search(what.pattern, held) is not None) == found


@given(st.text("06十Aa# 号楼幢单元路.*[", max_size=12), st.text("06十Aa# 号楼幢", max_size=8))
def test_a_pattern_finds_only_what_holds_one_of_the_spellings(typed: str, other: str) -> None:
    """The index is asked for spellings or pairs, SQLite for the globs first: none may be missing there."""
    words = words_of(typed)
    assert len(words) <= MOST_WORDS and all(words)
    for word in words:
        what = numbered(word)
        if what is None:
            continue
        assert re.search(what.pattern, word)
        for held in (*what.spellings(), typed, other, other + word, typed.swapcase()):
            if re.search(what.pattern, held):
                assert any(one.lower() in held.lower() for one in what.spellings())
                assert any(fnmatchcase(held, one) for one in what.globs())
                assert all(any(one.lower() in held.lower() for one in group) for group in what.pairs())


@pytest.mark.parametrize(
    ("word", "groups"),
    [
        ("1205号", [["5 ", "5号"], ["12"], ["20"], ["05"]]), ("6号院", [["6 ", "6号", "六 ", "六号"], ["号院"]]),
        ("12单元", [["2 ", "2单", "二 ", "二单"], ["12", "十二"], ["单元"]]), ("10层", [["0 ", "0层", "十 ", "十层"]]),
        ("A座", [["A ", "A座"]]),
    ],
)  # fmt: skip
def test_of_each_group_of_pairs_one_stands_in_every_spelling(word: str, groups: list[list[str]]) -> None:
    what = numbered(word)
    assert what is not None
    assert list(what.pairs()) == groups
    assert all(any(one in spelt for one in group) for group in groups for spelt in what.spellings())


def test_no_more_words_than_a_statement_bears() -> None:
    assert len(words_of("云 " * 50)) == MOST_WORDS
    assert numbered("云樾里") is None
    assert numbered("5") is None
