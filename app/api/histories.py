"""How a row came to be what it is, in answers: its versions with what each changed, and every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.api.base import iso
from app.extensions import db
from app.models import Version
from app.views.frame.filed import Line
from app.workflows.approval import submissions
from app.workflows.core import moves

# The words of what two contents hold otherwise, and of what they have alike.
Changed = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[list[Line], list[Line]]]


def history(
    entity: str, key: int, versions: Sequence[tuple[Version, Mapping[str, Any]]], changed: Changed
) -> dict[str, Any]:
    """Versions of a row with what was in force before each, and its steps, the newest first."""
    steps = moves.steps_of(db.session, entity, key)
    by = names([v.edited_by_id for v, _base in versions] + [s.actor_id for s in steps])
    return {
        "versions": [
            {"number": v.number, "state": v.state, "edited_at": iso(v.edited_at), "submitted_at": iso(v.submitted_at),
             "decided_at": iso(v.decided_at), "in_force_from": iso(v.in_force_from), "opinion": v.opinion,
             "by": by[v.edited_by_id],
             "changed": [
                 {"label": str(line.label), "old": str(line.old), "new": str(line.new)}
                 for line in changed(base, v.data)[0]
             ]}
            for v, base in versions
        ],
        "steps": [
            {"verb": s.verb, "old": s.old, "new": s.new, "at": iso(s.known_at), "by": by[s.actor_id],
             "reason": s.reason}
            for s in steps
        ],
    }  # fmt: skip


def names(accounts: Iterable[int | None]) -> dict[int | None, str]:
    """Whose deeds they were, in one statement; what no account did the system did."""
    return {None: submissions.name_of(db.session, None), **submissions.names_of(db.session, accounts)}
