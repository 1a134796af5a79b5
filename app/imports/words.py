"""The words of a file that are not our own: which there are, what each may mean, and what a person says it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.imports.columns import Kind, Spec
from app.imports.judging import Judging
from app.imports.references import Option, Regions, UnitNames
from app.permissions import Actor
from app.transaction import AnySession

# "not decided" and "leave the cell blank" beside the values of a field.
LEAVE = "-"


def asked(checker: Judging) -> dict[str, list[dict[str, Any]]]:
    """By field its words, what they are taken for, and what units they may have meant; undecided ones first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, heard in checker.heard.items():
        spec = checker.kind.spec(name)
        decided = checker.match.words.get(name, {})
        near = {}
        if spec is not None and spec.kind == "unit":
            near = checker.units.near([w for w in heard if w not in decided])
        lines = [
            {"word": word, "count": count, "value": decided.get(word, value), "chosen": word in decided}
            | ({"near": near[word]} if word in near else {})
            for word, (count, value) in heard.items()
        ]
        found[name] = sorted(lines, key=lambda line: (line["value"] is not None, -line["count"], line["word"]))
    return found


def options(session: AnySession, actor: Actor, spec: Spec, line: Mapping[str, Any]) -> list[Option]:
    """What a word of this field can be said to mean."""
    if spec.kind == "region":
        return Regions(session, actor).options()
    if spec.kind == "unit":
        found = list(line.get("near") or [])
        if isinstance(line["value"], int) and all(o["value"] != line["value"] for o in found):
            name = UnitNames(session, actor).may_name(line["value"])
            found += [{"value": line["value"], "label": name}] if name else []
        return found
    if spec.kind == "bool":
        return [{"value": "1", "label": "是"}, {"value": "0", "label": "否"}]
    return [{"value": value, "label": str(label)} for value, label in (spec.choices or {}).items()]


def likeliest_first(options: list[Option], word: str) -> list[Option]:
    """Of many names those that hold the word before the others, else in their order: 明水街道 of hundreds."""
    return sorted(options, key=lambda option: word not in str(option["label"])) if word else options


def decided(
    session: AnySession, actor: Actor, kind: Kind, mapping: Mapping[str, Any], typed: Mapping[tuple[str, int], str]
) -> dict[str, dict[str, Any]]:
    """What a person chose for the words asked about, beside what was remembered of words that this file lacks.

    What is no possible meaning of a field is left undecided.
    """
    lines: Mapping[str, Any] = mapping.get("asked") or {}
    here = {name: {line["word"] for line in told} for name, told in lines.items()}
    found: dict[str, dict[str, Any]] = {
        name: {w: v for w, v in kept.items() if w not in here.get(name, ())}
        for name, kept in (mapping.get("words") or {}).items()
    }
    regions: Regions | None = None
    for (name, at), value in typed.items():
        spec, asked_here = kind.spec(name), lines.get(name) or []
        if spec is None or not 0 <= at < len(asked_here) or not value:
            continue
        line = asked_here[at]
        meant: Any = None
        if value == LEAVE:
            meant = ""
        elif spec.kind == "region" and value.isdigit():
            regions = regions or Regions(session, actor)
            meant = int(value) if int(value) in regions.names else None
        elif spec.kind == "unit" and value.isdigit():
            meant = int(value) if UnitNames(session, actor).may_name(int(value)) else None
        elif spec.kind == "bool":
            meant = {"1": True, "0": False}.get(value)
        elif spec.kind in ("choice", "choices") and value in (spec.choices or {}):
            meant = value
        taken = line["value"] if not line.get("chosen") else None
        if meant is not None and meant != taken:
            found.setdefault(name, {})[line["word"]] = meant
    return found
