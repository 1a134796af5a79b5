"""What an entry of the log changed, in people's words: names instead of numbers, words instead of stored keys."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from flask_babel import gettext as _

from app import clock
from app.imports.columns import kinds
from app.listing import LISTINGS
from app.models import AuditEntry
from app.models.base import Model
from app.models.choices import word
from app.permissions import ROLE_LABEL, VERB_LABEL, Role, Verb
from app.policy import PRESET_KEY, Key
from app.telling import told
from app.views.data.audit_names import NAMED, Object
from app.views.data.audit_names import Key as RowKey
from app.views.data.audit_words import columns, entity_word, field_word, filed_word
from app.workflows.approval import policies

# Numbers of rows under a name that is no column of the entity that the entry is about.
_REFERS = {
    "account": "account", "account_id": "account", "elevator_id": "elevator", "inspection": "inspection",
    "invitation": "invitation", "maintenance_unit_id": "unit", "person": "person", "person_id": "person",
    "poster": "invitation_poster", "successor_id": "person", "to": "account", "unit_id": "unit", "use_unit_id": "unit",
    "attachment": "attachment", "job": "job",
}  # fmt: skip
# Only where there are several: a number by itself counts them.
_REFERS_MANY = {
    "members": "person", "helpers": "person", "signals": "fraud_signal", "ledgers": "maintenance_ledger",
    "orders": "maintenance_order", "repairs": "repair_order", "elevators": "elevator", "patrols": "patrol_round",
    "officer": "elevator", "added": "elevator", "removed": "elevator",
    "switched": "elevator",
}  # fmt: skip
# Lists of what fields are called.
_FIELD_NAMES = {"fields", "unlike"}
_REGIONS = {"region", "region_code"}
_REGION = re.compile(r"\d{12}", re.ASCII)
_EVIDENCE = re.compile(r"([a-z_]+)-(\d{1,18})", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_ROLES = {role.value for role in Role}
_VERBS = {verb.value for verb in Verb}
_POLICY = {"policy", "policy_proposal"}
_APPLICATION = "application"


class Values:
    """Tells values of entries; `named` are the rows and `regions` the places that their numbers stand for."""

    def __init__(self, named: dict[RowKey, Object] | None = None, regions: dict[str, str] | None = None) -> None:
        self._named, self._regions = named or {}, regions or {}

    def changes(self, row: AuditEntry) -> list[tuple[str, Any, Any]]:
        """Each field that differs: what it is called, and what it was and is; None where there was or is nothing."""
        before, after = row.before or {}, row.after or {}
        about = str(after.get("key") or before.get("key") or "") if row.entity in _POLICY else ""
        about = str(after.get("kind") or "") if row.entity == _APPLICATION else about
        return [
            (self._field(row.entity, k), *(self._of(row.entity, k, side.get(k), about) for side in (before, after)))
            for k in sorted(set(before) | set(after))
            if before.get(k) != after.get(k)
        ]

    def _field(self, entity: str, field: str) -> str:
        if entity == "texts":
            # Whoever makes bulletins comes along with it.
            from app.reports.bulletin.document import parts_of_texts

            return str(parts_of_texts().get(field, field))
        return field_word(entity, field)

    def _of(self, entity: str, field: str, value: Any, about: str) -> Any:
        """`about`: the key of a policy, or the kind of an application."""
        if entity in _POLICY and value is not None and field in ("key", "value") and _is_policy(about):
            return told(policies.words(about) if field == "key" else policies.value_words(about, value))
        if entity == _APPLICATION and field == "fields" and isinstance(value, list):
            return _("、").join(filed_word(about, str(name)) for name in value)
        return self.word(entity, field, value)

    def word(self, entity: str, field: str, value: Any) -> Any:
        """A value as pages say it; one for which there is no other word as it is stored."""
        if value is None:
            return None
        if isinstance(value, dict):
            return self._pairs(entity, field, value)
        if isinstance(value, list):
            return _("、").join(str(self._one(entity, field, each, True)) for each in value if each is not None)
        return self._one(entity, field, value, False)

    def _one(self, entity: str, field: str, value: Any, many: bool) -> Any:
        if isinstance(value, list | dict):
            return self.word(entity, field, value)
        if isinstance(value, bool):
            if entity == "calendar":
                return _("上班") if value else _("放假")
            return _("是") if value else _("否")
        if isinstance(value, int):
            found = self._named.get((refers(entity, field, many) or "", value))
            return value if found is None or not found.text else found.text
        return self._text(entity, field, value) if isinstance(value, str) else value

    def _pairs(self, entity: str, field: str, value: dict[str, Any]) -> str:
        """A table within a value, a line of `name: value` each: parts that say nothing are left out."""
        inside = "texts" if field == "texts" else entity
        if entity == "import_batch" and field == "columns":
            shown = {heading: _import_column(name) for heading, name in value.items() if name}
        else:
            shown = {self._field(inside, k): self.word(entity, k, v) for k, v in value.items() if v not in (None, "")}
        return _("；").join(_("%(name)s：%(value)s", name=name, value=said) for name, said in shown.items())

    def _text(self, entity: str, field: str, value: str) -> str:
        choices = columns().get(entity, {}).get(field, {}).get("choices")
        if choices is not None:
            return word(choices, value)
        if field in ("role", "roles") and value in _ROLES:
            return str(ROLE_LABEL[Role(value)])
        if field == "rights" and value in _VERBS:
            return str(VERB_LABEL[Verb(value)])
        if field in _FIELD_NAMES:
            return field_word(entity, value)
        if field == "columns" and entity in LISTINGS:
            return next((str(c.label) for c in LISTINGS[entity].columns if c.name == value), value)
        if field in _REGIONS and _REGION.fullmatch(value):
            return self._regions.get(value, value)
        if _INSTANT.fullmatch(value):
            return clock.local(dt.datetime.fromisoformat(value)).strftime("%Y-%m-%d %H:%M:%S")
        if field in ("evidence", "about") and (key := _evidence(value)) is not None:
            found = self._named.get(key)
            return f"{entity_word(key[0])} {found.text if found and found.text else key[1]}"
        return value


def references(row: AuditEntry) -> Iterator[RowKey]:
    """The rows that an entry speaks of by their numbers: its own, and those in what it changed."""
    if row.entity_id is not None:
        yield row.entity, row.entity_id
    for field, value in (*(row.before or {}).items(), *(row.after or {}).items()):
        many = isinstance(value, list)
        entity = refers(row.entity, field, many)
        for each in value if many else [value]:
            if entity and isinstance(each, int) and not isinstance(each, bool):
                yield entity, each
            elif field in ("evidence", "about") and isinstance(each, str) and (key := _evidence(each)) is not None:
                yield key


def region_codes(row: AuditEntry) -> Iterator[str]:
    """The codes of the regions that an entry names."""
    for field, value in (*(row.before or {}).items(), *(row.after or {}).items()):
        if field in _REGIONS and isinstance(value, str) and _REGION.fullmatch(value):
            yield value


@cache
def refers(entity: str, field: str, many: bool) -> str | None:
    """The kind of row whose number a field holds, or whose numbers."""
    if many:
        return _REFERS_MANY.get(field)
    for mapper in Model.registry.mappers:
        table = mapper.local_table
        if str(table.name) == {"account": "ab_user"}.get(entity, entity) and field in table.columns:
            keys = [key.column.table.name for key in table.columns[field].foreign_keys]
            found = {"ab_user": "account"}.get(keys[0], str(keys[0])) if keys else None
            return found if found in NAMED else None
    return _REFERS.get(field)


def _evidence(text: str) -> RowKey | None:
    found = _EVIDENCE.fullmatch(text)
    return (found[1], int(found[2])) if found and found[1] in NAMED else None


def _is_policy(key: str) -> bool:
    return key == PRESET_KEY or key in set(Key)


@cache
def _import_labels() -> dict[str, Any]:
    return {spec.name: spec.label for kind in kinds().values() for spec in kind.columns}


def _import_column(name: str) -> str:
    return str(_import_labels().get(name, name))
