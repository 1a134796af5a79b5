"""One step of a table of states: what is said of a step that there is not."""

from __future__ import annotations

from enum import StrEnum

import pytest

from app.errors import Refusal
from app.rules.steps import LOOK_AGAIN, after


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Deed(StrEnum):
    CLOSE = "close"


MOVES = {(State.OPEN, Deed.CLOSE): State.CLOSED}


def test_a_step_of_the_table_leads_to_its_state() -> None:
    assert after(MOVES, State.OPEN, Deed.CLOSE, "案件", "案件现为“办理中”，不能结案") is State.CLOSED


def test_any_other_is_refused_with_what_the_case_is_now() -> None:
    with pytest.raises(Refusal) as refused:
        after(MOVES, State.CLOSED, Deed.CLOSE, "案件", "案件现为“已结案”，不能结案")
    (finding,) = refused.value.findings
    assert (finding.rule, finding.found, finding.remedy) == ("案件", "案件现为“已结案”，不能结案", LOOK_AGAIN)
    assert (finding.field, finding.value, finding.stops) == ("state", "close", True)


def test_the_way_out_and_the_field_may_be_its_own() -> None:
    with pytest.raises(Refusal) as refused:
        after(MOVES, State.CLOSED, Deed.CLOSE, "抽查", "抽查现为“已抽取”", "请新建抽查", field="verb")
    (finding,) = refused.value.findings
    assert (finding.remedy, finding.field) == ("请新建抽查", "verb")
