"""Rows written by columns: what stands in the database is what was given, however much the rows have in common."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.models import StatusChange, Version
from app.models.by_columns import copy_lines, json_texts
from app.transaction import insert_rows

AT = dt.datetime(2026, 11, 20, 1, 2, 3, tzinfo=dt.UTC)
# Few values, so that rows agree in many; among them what JSON, COPY and the form that rows fill give a meaning to.
VALUES = st.sampled_from([None, "", "甲", "%s", "100%", 'a"b', "a\\b", "a\tb\nc", "\\N", 1, 1.0, True, 0, False, 2.5])
CONTENTS = st.dictionaries(st.sampled_from(["code", "年%", "phone", "x"]), VALUES, max_size=4)
NESTED = st.one_of(CONTENTS, st.lists(st.one_of(VALUES, CONTENTS), max_size=3), VALUES)
CASES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("change", [None, lambda _name, values: values])
@pytest.mark.parametrize("values", [
    [{"a": {"b": one}} for one in (1, True, 1.0, 1)], [[[one]] for one in (1, 1.0, True, 1)],
    [{"a": one} for one in (0.0, -0.0, 0.0, -0.0)], [{"a": {}}] * 4, [{"a": one} for one in ([], [], [0], [False])],
])  # fmt: skip
def test_what_is_equal_is_written_as_each_is(values: list[Any], change: Any) -> None:
    """In a content's parts too, which may be a setting in one and a number in another."""
    assert json_texts(values, frozenset(), change) == [json.dumps(value) for value in values]


@pytest.mark.feature("IMP-01")
@CASES
@given(st.lists(NESTED, max_size=12))
def test_the_json_of_many_is_that_of_each(values: list[Any]) -> None:
    found = json_texts(values)
    assert [text is None for text in found] == [value is None for value in values]
    for text, value in zip(found, values, strict=True):
        # Written out: 1, 1.0 and true are equal in Python.
        assert text is None or text == json.dumps(value, ensure_ascii=False)


@pytest.mark.feature("IMP-01")
def test_a_change_is_asked_for_its_names_and_for_what_may_hold_them() -> None:
    asked: list[tuple[str, Any]] = []

    def change(name: str, values: Sequence[Any]) -> list[Any]:
        asked.extend((name, value) for value in values)
        return ["~" if name == "phone" and value else value for value in values]

    rows = [{"phone": "139", "note": "甲", "held": {"a": n}} for n in range(5)] + [{"phone": None}]
    found = [json.loads(text or "") for text in json_texts(rows, {"phone"}, change)]
    assert found[0] == {"phone": "~", "note": "甲", "held": {"a": 0}}
    # What stands alone is handed over whole.
    assert ("phone", "139") in asked and ("held", {"a": 4}) in asked and ("", {"phone": None}) in asked
    assert all(name != "note" for name, _ in asked)


@pytest.mark.feature("IMP-01")
def test_lines_are_left_to_the_driver_where_a_kind_is_strange() -> None:
    assert copy_lines([["a", None], [1, 2], [dt.date(2026, 1, 5), None]]) == "a\t1\t2026-01-05\n\\N\t2\t\\N\n"
    assert copy_lines([["a\tb\\", "c\n"], [True, False]]) == "a\\tb\\\\\tt\nc\\n\tf\n"
    assert copy_lines([[[1], [2]]]) is None
    assert copy_lines([[1, "a"]]) is None


@pytest.mark.feature("IMP-01")
def test_rows_come_back_as_they_were_given(session: Any) -> None:
    texts = ["甲%s", "a\\b\tc\nd\re", "\\N", "\\.", "", None]
    rows = [("elevator", 1000 + n, 1, "draft", {"note": text, "n": n % 2}, AT) for n, text in enumerate(texts)]
    insert_rows(session, Version.__table__, ("entity", "entity_id", "number", "state", "data", "edited_at"), rows)
    stored = session.execute(
        select(Version.entity_id, Version.data, Version.edited_at, Version.base_number).order_by(Version.entity_id)
    )
    assert [tuple(row) for row in stored] == [(row[1], row[4], AT, 0) for row in rows]
    # Told apart although they are equal, and empty is not nothing.
    steps = [
        ("elevator", 5 + n, "status", text, "x", "verb%", dt.date(2026, 1, 5 + n).isoformat(), AT)
        for n, text in enumerate(["", None, "\\N"])
    ]
    names = ("entity", "entity_id", "field", "old", "new", "verb", "effective_on", "known_at")
    insert_rows(session, StatusChange.__table__, names, steps)
    held = select(StatusChange.old, StatusChange.verb, StatusChange.effective_on).order_by(StatusChange.entity_id)
    assert [tuple(row) for row in session.execute(held)] == [
        ("", "verb%", dt.date(2026, 1, 5)), (None, "verb%", dt.date(2026, 1, 6)), ("\\N", "verb%", dt.date(2026, 1, 7)),
    ]  # fmt: skip


@pytest.mark.feature("PER-10")
def test_numbers_of_persons_are_sealed_each_by_itself(session: Any) -> None:
    rows = [("elevator", 1000 + n, 1, "draft", {"safety_phone": "13900000001"}, AT) for n in range(6)]
    insert_rows(session, Version.__table__, ("entity", "entity_id", "number", "state", "data", "edited_at"), rows)
    raw = session.connection().exec_driver_sql("SELECT data FROM version WHERE entity_id >= 1000").scalars()
    tokens = {json.loads(one)["safety_phone"] if isinstance(one, str) else one["safety_phone"] for one in raw}
    # Each under a nonce of its own, though all say the same.
    assert len(tokens) == 6 and not any("13900000001" in token for token in tokens)
    assert {held["safety_phone"] for held in session.scalars(select(Version.data))} == {"13900000001"}
