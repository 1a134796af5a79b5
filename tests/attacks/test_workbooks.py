"""Attacks by workbooks that are proved: one cell far out, a small file without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import Refusal
from app.reports import proof
from tests.imports.test_hostile_files import BOMBS, packed


@pytest.mark.feature("RPR-01")
@pytest.mark.parametrize("name", [*BOMBS, "beyond"])
def test_a_cell_far_out_ends_no_process_that_serves_pages(tmp_path: Path, name: str) -> None:
    """A file of 600 bytes, given to 核对导出文件 by whoever may export, ended the process with all that it was at."""
    path = tmp_path / "far.xlsx"
    path.write_bytes(BOMBS.get(name) or packed('<row r="1"><c r="ZZZZ1"/><c r="A99999999"><v>1</v></c></row>'))
    with pytest.raises(Refusal, match="导出文件"):
        proof.read(path)


@pytest.mark.feature("RPR-01")
def test_a_small_file_is_not_read_without_end(tmp_path: Path, monkeypatch: Any) -> None:
    """A few kilobytes that say gigabytes once they are unpacked."""
    path = tmp_path / "long.xlsx"
    path.write_bytes(packed("".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 5000))))
    monkeypatch.setattr(proof, "LEAST_LINES", 1000)
    monkeypatch.setattr(proof, "LINES_A_BYTE", 0)
    with pytest.raises(Refusal, match="不是能打开的工作簿"):
        proof.read(path)
