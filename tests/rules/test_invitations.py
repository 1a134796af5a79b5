"""The states of an invitation and when a link opens (PER-01)."""

from __future__ import annotations

import datetime as dt

import pytest

from app.errors import Refusal
from app.rules.invitations import (
    MOVES,
    InvitationState,
    InvitationVerb,
    invitation_move,
    kind_finding,
    kinds_for,
    link_finding,
    poster_finding,
)

AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)
S, V = InvitationState, InvitationVerb


@pytest.mark.feature("PER-01")
@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("verb", list(V))
def test_every_step_is_legal_or_refused(state: S, verb: V) -> None:
    if (state, verb) in MOVES:
        assert invitation_move(state, verb) is MOVES[state, verb]
    else:
        with pytest.raises(Refusal):
            invitation_move(state, verb)


@pytest.mark.feature("PER-01")
def test_the_five_states_in_their_order() -> None:
    state = S.INVITED
    for verb in (V.ACCEPT, V.SUBMIT, V.REJECT, V.SUBMIT, V.END):
        state = invitation_move(state, verb)
    assert state is S.ENDED
    # Nothing leads out of the end, and nothing back to 邀请中.
    assert not [verb for verb in V if (S.ENDED, verb) in MOVES or (S.CANCELLED, verb) in MOVES]
    assert S.INVITED not in MOVES.values()


@pytest.mark.feature("PER-01")
@pytest.mark.parametrize(
    ("state", "approved", "left", "ok"),
    [
        (S.INVITED, True, 1, True), (S.INVITED, False, 1, False), (S.INVITED, True, 0, False),
        (S.REJECTED, True, 1, True), (S.DRAFT, True, 1, True), (S.REVIEW, True, 1, True), (S.CANCELLED, True, 1, False),
        (S.ENDED, True, 1, False), (S.INVITED, True, -1, False),
    ],
)  # fmt: skip
def test_a_link_opens_only_in_its_time(state: S, approved: bool, left: int, ok: bool) -> None:
    assert link_finding(state, approved, AT + dt.timedelta(seconds=left), AT).ok is ok
    assert not link_finding(state, approved, None, AT).ok


@pytest.mark.feature("PER-01")
@pytest.mark.parametrize(("used", "left", "ok"), [(0, 1, True), (1, 1, True), (2, 1, False), (0, 0, False)])
def test_a_picture_holds_so_many_for_so_long(used: int, left: int, ok: bool) -> None:
    assert poster_finding(used, 2, AT + dt.timedelta(seconds=left), AT).ok is ok


@pytest.mark.feature("PER-01")
def test_each_unit_has_its_kinds() -> None:
    both = kinds_for(is_maintenance=True, is_use=True)
    assert "worker" in both and "safety_officer" in both
    assert kinds_for(is_maintenance=False, is_use=False) == ()
    assert kind_finding("worker", both).ok and not kind_finding("worker", ()).ok
    assert kind_finding("", both).found == "没有选择"
