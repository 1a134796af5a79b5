"""A person's filed content in words, and two versions side by side; numbers masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from app.models.choices import PERSON_KIND, SEX, word
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.views.frame.filed import Line
from app.workflows.approval.filing_fields import differences
from app.workflows.people.person_filing import label
from app.workflows.people.person_versions import FIELDS, SENSITIVE

_CHOICES = {"sex": SEX, "kind": PERSON_KIND}
_MASKS = {"phone": mask_mobile, "resident_id": mask_resident_id}


def comparison(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[Line], list[Line]]:
    """Field by field: those that differ, and those that do not and hold something."""
    changed = {d.field for d in differences(old, {n: new.get(n) for n in FIELDS})}
    lines: tuple[list[Line], list[Line]] = ([], [])
    for name in FIELDS:
        before, after = said(name, old.get(name)), said(name, new.get(name))
        if name in changed and before == after and name in SENSITIVE:
            # Masked alike: say that they are not.
            after += _("（中间几位不同）")
        line = Line(label(name), before if old else "", after, name in changed, name)
        if name in changed:
            lines[0].append(line)
        elif new.get(name):
            lines[1].append(line)
    return lines


def said(name: str, value: Any) -> str:
    """One field as people read it."""
    if value is None or value == "":
        return "—"
    if name in _CHOICES:
        return word(_CHOICES[name], str(value))
    return _MASKS[name](str(value)) if name in _MASKS else str(value)
