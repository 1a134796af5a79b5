"""Catalogues of the interface's languages; Chinese is the source and needs none.

`update` brings in what the source says now, drops what it no longer says, and leaves new entries empty.
`check` fails when an entry is missing, empty, fuzzy, or does not carry exactly the source's placeholders.
`compile` makes each .mo that is older than its .po; the .mo files are not kept in the repository.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

# Babel is imported where it is needed: `compile` runs at the start of every make and mostly finds nothing to do.

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("translations/*/LC_MESSAGES/messages.po"))
KEYWORDS = {"_": None, "_l": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%")


def extract() -> Any:
    """Everything that the source shows through gettext, by the patterns of babel.cfg."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir
    from babel.messages.frontend import parse_mapping_cfg

    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        patterns, options = parse_mapping_cfg(file)
    found = Catalog()
    # Only the folder of the product is walked; patterns are told from the root.
    for _name, _line, words, *_rest in extract_from_dir(
        ROOT, patterns, options, KEYWORDS, directory_filter=lambda path: _within_product(Path(path))
    ):
        found.add(words)
    return found


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
        kept = catalogue.get(entry.id)
        if kept is None:
            lines.append(f"缺少 / missing: {entry.id!r}")
        elif not kept.string:
            lines.append(f"未翻译 / not translated: {entry.id!r}")
        elif kept.fuzzy:
            lines.append(f"待确认 / fuzzy: {entry.id!r}")
        elif _placeholders(entry.id) != _placeholders(kept.string):
            lines.append(f"占位符不同 / placeholders differ: {entry.id!r} → {kept.string!r}")
        elif "%" in PLACEHOLDER.sub("", kept.string):
            # Templates always format, so a lone percent sign would end the page.
            lines.append(f"百分号须写成 %% / a percent sign is written %%: {kept.string!r}")
    return lines


def _placeholders(text: str) -> set[str]:
    return {name for name in PLACEHOLDER.findall(text) if name}


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
