"""Which verb a screen's FAB permission needs: filled when views are added, read at every access and by sync-roles."""

from __future__ import annotations

from app.permissions import Verb

READING = {"can_list", "can_show", "can_get", "can_info", "can_download", "menu_access", "can_this_form_get"}
_VERBS: dict[tuple[str, str], Verb] = {}


def declare(view_name: str, permission: str, verb: Verb) -> None:
    """Say that FAB's `permission` on the view needs `verb`."""
    _VERBS[(view_name, permission)] = verb


def verb_of(view_name: str, permission: str) -> Verb | None:
    """The verb needed, or None where nobody but FAB's own admin tools may go."""
    return _VERBS.get((view_name, permission))


def declared() -> dict[tuple[str, str], Verb]:
    """All declarations, for the command that writes them to FAB's roles."""
    return dict(_VERBS)
