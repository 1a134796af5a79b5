"""Folders for what is being written: closed to others, gone with the block, swept where a process was killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.scratch import LASTS, scratch, sweep

pytestmark = pytest.mark.feature("PER-03")


def test_a_folder_is_its_owners_alone_and_goes_however_the_block_ends(app: Any) -> None:
    with app.app_context():
        with pytest.raises(RuntimeError), scratch("export") as folder:
            (folder / "export.csv").write_text("有号码")
            assert folder.stat().st_mode & 0o077 == 0
            assert folder.parent.stat().st_mode & 0o077 == 0
            assert folder.is_relative_to(app.config["DATA_DIR"])
            raise RuntimeError
        assert not folder.exists()


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_stays(app: Any) -> None:
    now = clock.now()
    with app.app_context():
        sweep(now + 2 * LASTS)  # what other tests left here is not counted
        with scratch("export") as busy:
            left = busy.with_name("export-left")
            left.mkdir()
            long_ago = (now - LASTS).timestamp() - 1
            for folder, text, written in ((busy, "正在写", now.timestamp()), (left, "有号码", long_ago)):
                (folder / "export.csv").write_text(text)
                os.utime(folder / "export.csv", (written, written))
                os.utime(folder, (long_ago, long_ago))
            assert sweep(now) == 1
            assert (left.exists(), (busy / "export.csv").exists()) == (False, True)


def test_nothing_of_the_product_writes_where_the_whole_machine_writes() -> None:
    root = Path(__file__).parents[1] / "app"
    makers = [p.name for p in root.rglob("*.py") if "TemporaryDirectory(" in p.read_text(encoding="utf-8")]
    assert makers == ["scratch.py"]
