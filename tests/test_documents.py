"""What the documents say of the code is there: files by their paths, functions and constants by module and name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AREAS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "areas").glob("*.md"))
DOCUMENTS = ("ARCHITECTURE.md", "docs/security.md", *AREAS)
CODE = ("app", "tests", "scripts", "bench", "deploy", "docs", "translations")
# Put together while the product runs.
MADE = {"css/all.css"}
QUOTED = re.compile(r"`([^`\n]+)`")
# Not an address, which begins with its stroke.
FILE = re.compile(r"(?<![\w./-])(?:[\w.-]+/)*[\w.-]+\.(?:py|js|css|html|toml|sh|tsv)\b")
NAMED = re.compile(r"(?<![\w./-])((?:[a-z_][a-z0-9_]*[./])+)([A-Za-z_]\w*)(?![\w./-])")


@cache
def files() -> list[str]:
    inside = (path for folder in CODE for path in (ROOT / folder).rglob("*") if path.is_file())
    return [str(path.relative_to(ROOT)) for path in (*inside, *ROOT.glob("*.*"))]


@cache
def modules() -> dict[str, list[Path]]:
    """Every Python file by the last part of its dotted name."""
    found: dict[str, list[Path]] = {}
    for file in files():
        path = ROOT / file
        if path.suffix == ".py":
            found.setdefault(path.parent.name if path.name == "__init__.py" else path.stem, []).append(path)
    return found


@cache
def words(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", path.read_text(encoding="utf-8")))


def of_module(parts: tuple[str, ...]) -> list[Path]:
    """The modules that a dotted name may mean, however much of the way to them it tells."""
    way = [part for part in parts if part != "app"]
    if not way:
        return []
    return [
        path for path in modules().get(way[-1], [])
        if path.relative_to(ROOT).with_suffix("").parts[-len(way) :] == tuple(way)
        or path.parent.relative_to(ROOT).parts[-len(way) :] == tuple(way)
    ]  # fmt: skip


def missing(text: str) -> list[str]:
    """What is named in backticks and is not there. A dotted name whose first part is no module is somebody else's."""
    found = []
    for quoted in QUOTED.findall(text):
        for match in FILE.findall(quoted):
            if match not in MADE and not any(file == match or file.endswith("/" + match) for file in files()):
                found.append(match)
        for way, name in NAMED.findall(FILE.sub("", quoted)):
            parts = tuple(part for part in re.split(r"[./]", way) if part)
            held = of_module(parts)
            ours = held or (len(parts) > 1 and (ROOT / "app" / parts[0]).is_dir())
            if ours and not of_module((*parts, name)) and not any(name in words(path) for path in held):
                found.append(f"{way}{name}")
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document: str) -> None:
    assert not missing((ROOT / document).read_text(encoding="utf-8"))


def test_each_area_is_named_where_one_looks_for_it() -> None:
    told = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert AREAS and not [area for area in AREAS if f"]({area})" not in told]


def test_what_is_not_there_is_found() -> None:
    assert missing("`workflows/core/moves.py` and `moves.move`, `workflows.core.moves.steps_of`") == []
    assert missing("`workflows/core/gone.py`") == ["workflows/core/gone.py"]
    assert missing("`moves.gone_by`, `core.moves.gone_by`") == ["moves.gone_by", "core.moves.gone_by"]
    assert missing("`views/moves.move`") == ["views/moves.move"]
    assert missing("`gunicorn.conf`, `row.name`") == []
