"""Settings from the environment: a wrong one is told at the start, by name; each is in the document of settings."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import config
from tests.test_deploy import ROOT, read_by_product

# gunicorn's own, of the machine and not of the product.
UNTOLD = {"PROMETHEUS_MULTIPROC_DIR"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))


@pytest.mark.parametrize(("name", "value"), [
    ("PROXIES", "two"), ("PROXIES", "-1"), ("PROXIES", "²"), ("SESSION_HOURS", "0"), ("SESSION_IDLE_MINUTES", "1.5"),
    ("MAP_MOST_ZOOM", "25"), ("FACE_THRESHOLD", "nan"), ("MENU_NUMBERS_SECONDS", "-1"), ("FACE_TIMEOUT", "1e9"),
    ("HTTPS", "ja"), ("SELF_REGISTRATION", "2"), ("SCANNER_WHEN_DOWN", "maybe"), ("MAP_TILES_DATUM", "mercator"),
    ("SECOND_FACTOR_FOR", "everybody"),
])  # fmt: skip
def test_a_wrong_value_is_told_by_name_with_what_it_has_to_be(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match=f"环境变量 {name} 应为.+现为“{value}”；不设时为"):
        config.settings()


def test_empty_is_as_good_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in read_by_product() - {"DATA_DIR"}:
        monkeypatch.delenv(name, raising=False)
    absent = config.settings()
    for name in read_by_product() - {"DATA_DIR"}:
        monkeypatch.setenv(name, "")
    assert config.settings() == absent


@pytest.mark.parametrize(("name", "value", "held"), [
    ("HTTPS", "TRUE", ("SESSION_COOKIE_SECURE", True)), ("HTTPS", "no", ("SESSION_COOKIE_SECURE", False)),
    ("WEBHOOKS", "0", ("WEBHOOKS", False)), ("SESSION_HOURS", "8", ("PERMANENT_SESSION_LIFETIME", 8 * 3600)),
    ("PROVINCIAL_REGIONS", " 980400000000, ,980500000000 ", ("PROVINCIAL_REGIONS", ["980400000000", "980500000000"])),
    ("MAP_TILES_DATUM", "GCJ02", ("MAP_TILES_DATUM", "gcj02")), ("FACE_THRESHOLD", "0.85", ("FACE_THRESHOLD", 0.85)),
])  # fmt: skip
def test_a_right_value_is_taken(
    name: str, value: str, held: tuple[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert config.settings()[held[0]] == held[1]


def test_the_document_of_settings_names_each_variable_and_no_other() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(_?[A-Z][A-Z_]+)`", row)}
    assert read_by_product() - UNTOLD <= told
    starting = (ROOT / "app" / "supervisor.py").read_text(encoding="utf-8")
    assert {name for name in told if not name.startswith("_") and name not in read_by_product()} <= set(
        re.findall(r'environ\.get\("([A-Z_]+)"\)', starting)
    )


def test_a_data_folder_that_is_made_is_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys were shut and the database beside them was not: everybody on the machine read digests of passwords."""
    made = tmp_path / "new" / "data"
    monkeypatch.setenv("DATA_DIR", str(made))
    before = os.umask(0o022)
    try:
        config.settings()
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o700
    tmp_path.chmod(0o755)
    config.kept_secret(tmp_path / "key", "x")
    assert tmp_path.stat().st_mode & 0o777 == 0o755, "what the operator made stays as he made it"
