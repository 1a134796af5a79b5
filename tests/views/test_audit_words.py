"""What the audit log is told, people can read: each deed, entity and field that the code records has a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from app.views.data import audit_words
from tests.databases import ROOT


def recorded() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `audit.record` with its file's name."""
    for file in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                yield file.name, node


def constant(node: ast.Call, place: int) -> str | None:
    found = node.args[place] if len(node.args) > place else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


@pytest.mark.feature("AUD-01")
def test_every_deed_entity_and_field_of_the_log_has_a_word() -> None:
    silent, calls = set(), 0
    for file, node in recorded():
        calls += 1
        action, entity = constant(node, 3), constant(node, 4)
        if action and action.rpartition(".")[2] not in audit_words.DEED:
            silent.add(f"{file}: {action}")
        if entity and entity not in audit_words.ENTITY:
            silent.add(f"{file}: {entity}")
        told = [value for value in (*node.args[5:], *(k.value for k in node.keywords)) if isinstance(value, ast.Dict)]
        for key in (key for each in told for key in each.keys):
            if entity and isinstance(key, ast.Constant) and audit_words.field_word(entity, key.value) == key.value:
                silent.add(f"{file}: {entity}.{key.value}")
    assert calls > 100
    assert not silent, "\n".join(sorted(silent))


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize(
    ("entity", "field", "value", "said"),
    [
        ("application", "state", "submitted", "待受理"), ("elevator", "status", "in_use", "在用"),
        ("elevator", "is_secret", True, "是"), ("application", "internal", False, "否"),
        ("elevator", "address", "in_use", "in_use"), ("elevator", "status", None, None), ("nowhere", "n", 3, 3),
    ],
)  # fmt: skip
def test_a_choice_is_said_in_its_word_and_everything_else_as_it_is(
    app: object, entity: str, field: str, value: object, said: object
) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert audit_words.value_word(entity, field, value) == said
