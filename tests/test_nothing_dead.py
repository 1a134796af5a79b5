"""What only tests call is not kept: whoever changed such a rule would see tests go red, and the product not move."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.test_architecture import APP, ROOT, name_of, python_files

JUDGED = ("rules", "policy", "models", "scope", "workflows", "listing", "listings", "reports", "imports")
CALLERS = ("app", "scripts", "bench", "deploy")


@cache
def trees() -> dict[Path, ast.Module]:
    found = (path for folder in CALLERS for path in python_files(ROOT / folder) if "migrations" not in path.parts)
    files = [*found, ROOT / "config.py", ROOT / "run.py"]
    return {path: ast.parse(path.read_text(encoding="utf-8"), name_of(path)) for path in files}


def named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that a module takes from another, with the last word of what it is taken from."""
    aliases: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        for one in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if one.asname:
                # In several functions one word may stand for several modules.
                aliases.setdefault(one.asname, set()).add(one.name.rpartition(".")[2])
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module.rpartition(".")[2], one.name) for one in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            whose = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            yield from ((module, node.attr) for module in aliases.get(whose, {whose}))


def unused(all_trees: dict[Path, ast.Module], judged: list[Path]) -> list[str]:
    """Public functions and classes of these modules that no module names; what a package hands on is its own."""
    taken = {pair for tree in all_trees.values() for pair in named(tree)}
    handed_on = {name for path, tree in all_trees.items() if path.name == "__init__.py" for _of, name in named(tree)}
    # A module that hands a name on under its own (`filing.base_of`) is asked for it there.
    asked = {name for _of, name in taken}
    found = []
    for path in judged:
        tree = all_trees[path]
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        exported = {
            value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(value := node.value, str)
        }
        module = path.parent.name if path.name == "__init__.py" else path.stem
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.decorator_list or node.name[0] == "_":
                continue
            used = node.name in own | handed_on or (module, node.name) in taken
            if not used and not (node.name in exported and node.name in asked):
                found.append(f"{name_of(path)}:{node.lineno} {node.name}")
    return found


def test_what_the_product_does_not_use_is_not_kept() -> None:
    judged = [path for path in trees() if path.is_relative_to(APP) and path.relative_to(APP).parts[0] in JUDGED]
    assert len(judged) > 300
    assert not unused(trees(), judged)


def test_what_is_not_used_is_found() -> None:
    rule, caller = ROOT / "app/rules/made_up.py", ROOT / "app/views/made_up.py"
    of_rule = ast.parse("def called(): pass\ndef by_tests(): pass\ndef _own(): pass")
    of_caller = ast.parse("from app.rules import made_up as rules\nrules.called()\nother.by_tests()")
    assert unused({rule: of_rule, caller: of_caller}, [rule]) == ["app/rules/made_up.py:2 by_tests"]
