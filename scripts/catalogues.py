"""Catalogues of the interface's languages; Chinese is the source and needs none.

`update` brings in what the source says now, drops what it no longer says, and leaves new entries empty.
`check` fails when an entry is missing, empty, fuzzy, or does not carry exactly the source's placeholders.
`compile` makes each .mo that is older than its .po; the .mo files are not kept in the repository.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Babel is imported where it is needed: `compile` runs at the start of every make and mostly finds nothing to do.

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("translations/*/LC_MESSAGES/messages.po"))
# The second tells apart what one Chinese word is in other languages: ("many", "电梯") heads a list.
_OF_MANY = ((1, "c"), 2)
KEYWORDS: dict[str, Any] = {"_": None, "_l": None, "pgettext": _OF_MANY, "_lp": _OF_MANY}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%")
# Words that follow a number (`app/plurals.py`): the value's name, then as many forms as the language has.
FORMS = re.compile(r"\{(\w*):([^{}|]*(?:\|[^{}|]*)+)\}")
# Chinese, its punctuation too: what parts the members of a list is translated as well.
WORDS = re.compile("[\u3001-\u303f\u3400-\u9fff，。：；（）！？“”—…]")
# Told to whoever runs the product, in Chinese; invented data; words as other registers have them; migrations; papers
# and published tables, which are Chinese for everybody.
SILENT = (
    "app/backup", "app/celery_app.py", "app/cli.py", "app/commands", "app/demo", "app/imports/synonyms.py",
    "app/imports/synonyms_past.py", "app/logs.py", "app/migrations", "app/ops", "app/reference",
    "app/reports/bulletin", "app/reports/open_data.py", "app/reports/sheets.py", "app/rules/addresses.py",
    "app/rules/licence_text.py", "app/supervisor.py", "app/vault.py",
)  # fmt: skip
# What these calls are given is kept in the database or in a file, in Chinese for everybody, or is seen by nobody.
SILENT_CALLS = {
    "LookupError", "RuntimeError", "add_worksheet", "compile", "error", "exception", "file_name", "fromkeys", "info",
    "log", "set_properties", "warning", "write_string",
}  # fmt: skip


def extract() -> Any:
    """Everything that the source shows through gettext, by the patterns of babel.cfg."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir
    from babel.messages.frontend import parse_mapping_cfg

    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        patterns, options = parse_mapping_cfg(file)
    found = Catalog()
    # Only the folder of the product is walked; patterns are told from the root.
    for _name, _line, words, _comments, context in extract_from_dir(
        ROOT, patterns, options, KEYWORDS, directory_filter=lambda path: _within_product(Path(path))
    ):
        found.add(words, context=context)
    for text in sorted({text for path in speaking() for text, _line in spoken(path)} | set(reference())):
        found.add(text)
    return found


def speaking() -> list[Path]:
    return [
        path
        for path in sorted((ROOT / "app").rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(SILENT)
    ]


def reference() -> Iterator[str]:
    """What is said by files of data: the maintenance items, and where the presets' numbers come from."""
    items = json.loads((ROOT / "app/reference/maintenance_items.json").read_text(encoding="utf-8"))["items"]
    for item in items:
        yield from (item["item"], item["requirement"])
    codes = json.loads((ROOT / "app/reference/iot_codes.json").read_text(encoding="utf-8"))["standards"]
    yield from (code["name"] for standard in codes for code in standard["codes"])
    for path in sorted((ROOT / "app/policy/presets").glob("*.toml")):
        preset = tomllib.loads(path.read_text(encoding="utf-8"))
        yield from (preset["label"], preset["source"])


def spoken(path: Path) -> Iterator[tuple[str, int]]:
    """The Chinese constants of a file, with their lines: texts of rules and workflows, and labels, carry no mark.

    Left out are docstrings, what is given to calls that keep it, and parts of f-strings: these cannot be translated,
    and `unspeakable` finds them.
    """
    for node in _told(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORDS.search(node.value):
            yield node.value, node.lineno


def unspeakable(path: Path) -> Iterator[tuple[str, int]]:
    """Chinese f-strings: they are finished before anybody can translate them; `say` keeps the sentence."""
    for node in _told(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            pieces = [part.value for part in node.values if isinstance(part, ast.Constant)]
            if any(isinstance(piece, str) and WORDS.search(piece) for piece in pieces):
                yield ast.unparse(node), node.lineno


def _told(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that somebody may get to read."""
    yield node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SILENT_CALLS:
            return
    if isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _told(part.value)
        return
    for child in ast.iter_child_nodes(node):
        yield from _told(child)


def _within_product(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] == "app" and path.name != "__pycache__"


def read(path: Path) -> Any:
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def write(path: Path, catalogue: Any) -> None:
    """Sorted by the source text and without line numbers: a change of code elsewhere changes nothing here."""
    from babel.messages.pofile import write_po

    catalogue.fuzzy = False
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, sort_output=True, no_location=True, ignore_obsolete=True)


def update() -> int:
    found = extract()
    for path in SOURCES:
        catalogue = read(path)
        catalogue.update(found, no_fuzzy_matching=True, update_creation_date=False)
        write(path, catalogue)
        empty = sum(1 for entry in catalogue if entry.id and not entry.string)
        print(f"· {path.relative_to(ROOT)}：{len(catalogue)} 条，未翻译 {empty} 条 / entries, not yet translated")
    return 0


def problems(path: Path, found: Any) -> list[str]:
    """One line for each entry that would be shown in Chinese, wrongly, or not at all."""
    catalogue = read(path)
    lines = []
    for entry in found:
        if not entry.id:
            continue
        kept = catalogue.get(entry.id, entry.context)
        if kept is None:
            lines.append(f"缺少 / missing: {entry.id!r}")
        elif not kept.string:
            lines.append(f"未翻译 / not translated: {entry.id!r}")
        elif kept.fuzzy:
            lines.append(f"待确认 / fuzzy: {entry.id!r}")
        elif _placeholders(entry.id) != _placeholders(kept.string):
            lines.append(f"占位符不同 / placeholders differ: {entry.id!r} → {kept.string!r}")
        elif wrong := _wrong_forms(entry.id, kept.string, catalogue.num_plurals):
            lines.append(f"数词不对 / words of a number: {wrong!r} in {kept.string!r}")
        elif "%" in PLACEHOLDER.sub("", kept.string) and "%" not in PLACEHOLDER.sub("", entry.id):
            # Templates always format, so a lone percent sign would end the page; a text that has one is no template's.
            lines.append(f"百分号须写成 %% / a percent sign is written %%: {kept.string!r}")
    return lines


def _placeholders(text: str) -> set[str]:
    return {name for name in PLACEHOLDER.findall(text) if name}


def _wrong_forms(source: str, text: str, count: int) -> list[str]:
    """Forms of a value that the sentence has not, of another number than the language has, or braces left over."""
    wrong = [
        found[0]
        for found in FORMS.finditer(text)
        if len(found[2].split("|")) != count
        or (found[1] not in _placeholders(source) if found[1] else found[0] != text)
    ]
    return wrong + re.findall(r"\{\w*:[^}]*\|[^}]*\}?", FORMS.sub("", text))


def check() -> int:
    found = extract()
    status = 0
    for path in SOURCES:
        lines = problems(path, found)
        if lines:
            status = 1
            print(f"{path.relative_to(ROOT)}：{len(lines)} 处须处理 / entries to mend", file=sys.stderr)
            print(*(f"  {line}" for line in lines), sep="\n", file=sys.stderr)
    if status:
        print("先执行 make catalogues，再填写译文 / run `make catalogues`, then translate", file=sys.stderr)
    return status


def compile_stale() -> int:
    """Each .mo appears whole: whoever reads it meanwhile sees the old one or the new one."""
    for path in SOURCES:
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        from babel.messages.mofile import write_mo

        half = target.with_suffix(f".{os.getpid()}.mo")
        with half.open("wb") as file:
            write_mo(file, read(path))
        half.replace(target)
    return 0


MODES = {"update": update, "check": check, "compile": compile_stale}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in MODES:
        sys.exit(f"usage: catalogues.py {'|'.join(MODES)}")
    sys.exit(MODES[sys.argv[1]]())
