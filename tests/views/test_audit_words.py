"""What the audit log is told, people can read: each deed, entity and field that the code records has a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from app.models.base import Model
from app.views.data import audit_words
from tests.databases import ROOT


def recorded() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `audit.record` with its file's name."""
    for file in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                yield file.name, node


TABLES = {mapper.class_.__name__: mapper.local_table.name for mapper in Model.registry.mappers}


def constant(node: ast.Call, place: int) -> str | None:
    """A text, or the name of a model's table."""
    found = node.args[place] if len(node.args) > place else None
    if isinstance(found, ast.Attribute) and found.attr == "__tablename__":
        return TABLES.get(ast.unparse(found.value))
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def unions(value: ast.expr) -> Iterator[ast.expr]:
    """What `a | b` puts together, or the thing itself."""
    if isinstance(value, ast.BinOp):
        yield from unions(value.left)
        yield from unions(value.right)
    else:
        yield value


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
        told = [part for value in (*node.args[5:], *(k.value for k in node.keywords)) for part in unions(value)]
        for key in (key for each in told if isinstance(each, ast.Dict) for key in each.keys):
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
        ("nowhere", "n", [3, 4], "3、4"), ("nowhere", "n", [], ""), ("elevator", "status", ["in_use"], "在用"),
        ("account", "roles", ["use_head", "clerk"], "使用单位负责人、维保文员"), ("account", "roles", ["gone"], "gone"),
        ("nowhere", "n", "2026-11-27T03:54:16.916533+00:00", "2026-11-27 11:54:16"),
        ("nowhere", "n", "2026-11-27", "2026-11-27"), ("nowhere", "n", "2026-11-27T03:54", "2026-11-27T03:54"),
    ],
)  # fmt: skip
def test_a_choice_is_said_in_its_word_and_everything_else_as_it_is(
    app: object, entity: str, field: str, value: object, said: object
) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert audit_words.value_word(entity, field, value) == said


def test_a_bulletin_is_checked_and_signed_not_patrolled(app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert [audit_words.action_word(f"bulletin.{deed}") for deed in ("check", "issue")] == ["核对无误", "签发"]
        assert audit_words.action_word("enforcement.issue") == "下达"


@pytest.mark.feature("AUD-01")
def test_a_word_is_offered_once_and_stands_for_all_that_it_names(app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        for choices, table in (
            (audit_words.action_choices()[1:], audit_words.DEED), (audit_words.entity_choices(), audit_words.ENTITY)
        ):  # fmt: skip
            said = [word for _names, word in choices]
            assert len(said) == len(set(said))
            assert sorted(name for names, _word in choices for name in names.split(",")) == sorted(table)
            assert max(len(names) for names, _word in choices) <= 80  # what the page reads of a choice
