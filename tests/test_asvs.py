"""docs/asvs.md against OWASP ASVS 5.0.0: each requirement of levels 1 and 2 has a row, and a row names what exists.

Beside the table's own tests stand those of requirements that no other file proves.
"""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

import config
from app import logs, vault
from app.workflows.access import sessions
from tests import hashing
from tests.databases import ROOT
from tests.factories import World

pytestmark = pytest.mark.feature("ACC-15")

TABLE = ROOT / "docs" / "asvs.md"
STATES = ("满足", "部分", "不适用", "未满足")


class Row(NamedTuple):
    ids: tuple[str, ...]
    levels: str
    what: str
    state: str
    where: tuple[str, ...]
    why: str

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`(tests/[^`]+::[^`]+)`", self.why)

    @property
    def words(self) -> str:
        """What is said beside the tests' names."""
        return re.sub(r"`[^`]*`|<br>|\s", "", self.why)


@cache
def levels() -> dict[str, str]:
    lines = (ROOT / "tests" / "reference" / "asvs_5_0_0.tsv").read_text(encoding="ascii").splitlines()
    return {line.split("\t")[0]: line.split("\t")[1] for line in lines}


@cache
def rows() -> list[Row]:
    found = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| V"):
            ids, level, what, state, where, why = (cell.strip() for cell in line.strip("| ").split(" | "))
            found.append(Row(tuple(ids.split()), level, what, state, tuple(re.findall(r"`([^`]+)`", where)), why))
    return found


def test_the_list_is_that_of_levels_one_and_two() -> None:
    assert Counter(levels().values()) == {"1": 70, "2": 183}
    assert {name.split(".")[0] for name in levels()} == {f"V{n}" for n in range(1, 18)}


def test_each_requirement_has_one_row_with_its_level() -> None:
    named = Counter(name for row in rows() for name in row.ids)
    assert not set(levels()) - set(named), "no row"
    assert not set(named) - set(levels()), "no such requirement"
    assert [name for name, times in named.items() if times > 1] == []
    for row in rows():
        assert row.levels == "/".join(sorted({levels()[name] for name in row.ids})), row.ids


def test_each_row_says_where_and_why() -> None:
    for row in rows():
        assert row.state in STATES and row.what, row.ids
        if row.state == "满足":
            assert row.where and (row.tests or row.words), row.ids
        else:
            assert row.words, f"{row.ids}: a reason is owed"
        assert len(row.ids) == 1 or row.state == "不适用", f"{row.ids}: a row each"


def test_each_named_module_exists() -> None:
    missing = [(row.ids, name) for row in rows() for name in row.where if not (ROOT / name).exists()]
    assert missing == []


def test_each_named_test_exists() -> None:
    missing = [(row.ids, name) for row in rows() for name in row.tests if name.split("::")[1] not in _tests_of(name)]
    assert missing == []
    assert sum(bool(row.tests) for row in rows()) > 120


@cache
def _tests_in(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def _tests_of(name: str) -> frozenset[str]:
    return _tests_in(ROOT / name.split("::")[0])


def test_the_totals_are_counted() -> None:
    counted = Counter(row.state for row in rows() for _ in row.ids)
    said = "，".join(f"{state} {counted[state]}" for state in ("满足", "部分", "未满足", "不适用"))
    assert f"合计 {len(levels())} 条：{said}。" in TABLE.read_text(encoding="utf-8")


def test_the_sections_that_rows_point_to_are_there() -> None:
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("security.md", "operators.md"))
    titles = set(re.findall(r"^## (.+)$", text, re.MULTILINE))
    for row in rows():
        quoted = re.findall(r"“([^”]+)”(?=“|(?:一|两)节)", row.why)
        assert set(quoted) <= titles, row.ids


# --- requirements that no other file proves


def test_password_fields_are_masked_and_take_what_is_pasted() -> None:
    templates = ROOT / "app" / "templates"
    for path in templates.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        fields = re.findall(r'<input[^>]*name="[^"]*(?:password|again)"[^>]*>', text)
        fields += re.findall(r"f\.text\(findings, '[^']*(?:password|again)'.*?\}\}", text, re.DOTALL)
        # Which application is applied for anew is no second password.
        for field in (one for one in fields if 'type="hidden" name="again"' not in one):
            assert re.search(r"""type=["']password["']""", field), f"{path}: {field}"
            assert re.search(r"""autocomplete=["'](current|new)-password["']""", field), f"{path}: {field}"
        assert "onpaste" not in text and '"paste"' not in text


def test_a_sessions_number_has_256_random_bits() -> None:
    numbers = {sessions.new_id() for _ in range(200)}
    assert len(numbers) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", number) for number in numbers), "32 bytes in base64"


def test_every_page_of_a_persona_offers_to_sign_out(world: World, sign_in: Any) -> None:
    for persona, path in (("region_admin", "/"), ("clerk", "/elevators/"), ("worker", "/m/me")):
        page = sign_in(world.accounts[persona]).get(path, follow_redirects=True).get_data(as_text=True)
        assert 'action="/logout/"' in page, persona


def test_cryptography_is_nobodys_own() -> None:
    """Ciphers by `cryptography` and in one place; SHA-1 for the format of public lists alone, MD5 for nothing."""
    used: dict[str, set[str]] = {}
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("Fernet", "AESGCM", "hashlib.md5", "hashlib.sha1", "modes.ECB", "PKCS1v15", "Crypto."):
            if word in text:
                used.setdefault(word, set()).add(path.name)
    assert not {"hashlib.md5", "modes.ECB", "PKCS1v15", "Crypto."} & set(used)
    assert used.get("hashlib.sha1") == {"passwords.py"}
    assert used.get("AESGCM") == used.get("Fernet") == {"vault.py"}


def test_keys_are_long_enough(monkeypatch: Any, tmp_path: Path) -> None:
    for name in ("SECRET_KEY", "DATA_KEYS", "INDEX_KEYS"):
        monkeypatch.delenv(name, raising=False)
    assert len(config.secret_key(tmp_path)) == 64, "48 random bytes"
    both = config.data_keys(tmp_path), config.index_keys(tmp_path)
    assert both[0] != both[1] and all(len(key) == 44 for keys in both for key in keys), "32 random bytes"
    n, r, p = map(int, hashing.PRODUCTS.removeprefix("scrypt:").split(":"))
    assert (n >= 2**17) or (n >= 2**16 and p >= 2) or (n >= 2**15 and p >= 3)
    assert r >= 8


def test_an_altered_secret_is_not_opened(app: Any) -> None:
    sealed = vault.seal("secret")
    assert vault.unseal(sealed) == "secret" and vault.seal("secret") != sealed
    for place in (5, len(sealed) // 2, -8):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(vault.Unreadable):
            vault.unseal(sealed[:place] + other + sealed[place + 1 :])
    token = vault.seal_text("13800000000", "person.phone")
    with pytest.raises(vault.Unreadable):
        vault.open_text(token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:], "person.phone")
    with pytest.raises(vault.Unreadable):
        vault.open_text(token, "account.phone")


def test_random_numbers_that_count_are_the_systems() -> None:
    """`random` makes the invented region and what is simulated only; whatever nobody may guess is by `secrets`."""
    pattern = re.compile(r"^\s*(import random|from random import)", re.MULTILINE)
    files = [path for path in (ROOT / "app").rglob("*.py") if pattern.search(path.read_text(encoding="utf-8"))]
    simulators = {ROOT / "app" / "commands" / name for name in ("iot.py", "provincial_simulator.py")}
    assert all(path.is_relative_to(ROOT / "app" / "demo") or path in simulators for path in files), files


def test_a_kept_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    first = config.kept_secret(path, "first")
    assert (first, config.kept_secret(path, "second")) == ("first", "first")
    assert path.stat().st_mode & 0o077 == 0


def test_no_debugger_runs(app: Any, client: Any, monkeypatch: Any) -> None:
    held = config.settings()
    assert not held.get("DEBUG") and held["FAB_API_SHOW_STACKTRACE"] is False
    for name in ("run.py", "deploy/compose.yaml", "deploy/Dockerfile", "deploy/gunicorn.conf.py"):
        assert "debug" not in (ROOT / name).read_text(encoding="utf-8").lower(), name
    broken = "select secret_column from a_table"

    def fail() -> Any:
        raise RuntimeError(broken)

    monkeypatch.setitem(app.view_functions, "health.show", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = client.get("/health")
    assert answer.status_code == 500 and broken not in answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True) and "RuntimeError" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/js/", "/static/css/", "/files/", "/static/../config.py", "/.git"]
)
def test_no_folder_is_listed(client: Any, path: str) -> None:
    answer = client.get(path)
    text = answer.get_data(as_text=True)
    assert answer.status_code in (302, 404, 405)
    assert not [name for name in ("filing.js", "calendar.css", "SECRET_KEY", "HEAD") if name in text]
    assert "autoindex" not in (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")


def _pinned(name: str) -> dict[str, str]:
    """Package → the lines of its digests."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "-"))]
    return {re.split(r"[=\[ ]", line)[0].lower(): line for line in entries}


def test_every_dependency_is_pinned_with_its_digest() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for package, line in _pinned(name).items():
            assert re.match(r"[\w.\[\]-]+==\S+", line) and "--hash=sha256:" in line, package
    assert "--require-hashes -r requirements.txt" in (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def test_the_product_needs_no_test_package() -> None:
    assert {"bench", "tests"} <= set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    assert not {"pytest", "playwright", "schemathesis", "hypothesis", "django"} & set(_pinned("requirements.txt"))
    imported = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    assert not imported & {"pytest", "playwright", "tests", "bench", "django", "hypothesis"}
    assert "flask" in imported and "json" in imported & set(sys.stdlib_module_names)


def test_a_line_of_the_log_is_json_with_its_instant_in_utc(app: Any) -> None:
    record = logging.LogRecord("app.x", logging.WARNING, __file__, 1, "bad\n{\"level\": \"forged\"}\u2028", None, None)
    line = logs.formatter().format(record)
    told = json.loads(line)
    assert "\n" not in line and told["level"] == "warning" and "forged" in told["event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", told["timestamp"])
    assert structlog.is_configured()
