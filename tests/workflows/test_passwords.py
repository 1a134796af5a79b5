"""Passwords that everybody tries are refused at every door where one is set (ACC-05)."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from app.errors import Refusal
from app.rules.identifiers import PASSWORD_MAX_LENGTH, is_guessable
from app.workflows.access import passwords

pytestmark = pytest.mark.feature("ACC-05")


@pytest.fixture
def own_list(tmp_path: Path) -> Iterator[Path]:
    """A site's list of 2,000 breached passwords, as the public ones are written."""
    words = [f"Breached-{n:05}".encode() for n in range(2000)]
    digests = sorted(hashlib.sha1(word, usedforsecurity=False).hexdigest().upper() for word in words)
    path = tmp_path / "breached.txt"
    path.write_text("".join(f"{digest}:{n + 1}\r\n" for n, digest in enumerate(digests)))
    passwords.use_list(str(path))
    yield path
    passwords.use_list("")


def test_whatever_is_tried_most_is_refused() -> None:
    packed = files("django.contrib.auth").joinpath("common-passwords.txt.gz").read_bytes()
    tried = [word.strip() for word in gzip.decompress(packed).decode(errors="ignore").splitlines()]
    long_enough = [word for word in tried if len(word) >= 8]
    assert len(long_enough) > 3000
    assert all(map(passwords.is_known, long_enough))
    assert not [word for word in ("Brand.new-2026", "澜水东流 9 月", "river.stone.47.lamp") if passwords.is_known(word)]


@pytest.mark.parametrize("text", ["woaini@1314", "1qaz2wsx3edc", "Q1w2e3r4t5y6", "zhang.123456", "password.2026"])
def test_the_refusal_names_the_rule_and_not_the_password(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        passwords.check(text, 10)
    assert {"常用密码", "容易猜的词"} & {f.rule for f in refused.value.findings}
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["weibao2026!", "Tian@123456", "dianti.dianti.1", "admin_admin_2026", "电梯维保 2026", "ceshi01-ceshi01-",
     "Elevator#99ab"],
)
def test_a_word_of_this_place_with_numbers_is_guessed(text: str) -> None:
    assert is_guessable(text, "ceshi01")
    with pytest.raises(Refusal, match="容易猜的词"):
        passwords.check(text, 10, "ceshi01")


@pytest.mark.parametrize(
    "text",
    ["Brand.new-2026", "1837-2291.77", "christian.blue-9", "my elevator sings 4", "电梯晨光里慢慢上行 7"],
)
def test_what_stands_by_itself_is_not(text: str) -> None:
    assert not is_guessable(text, "ceshi01")
    assert passwords.check(text, 10, "ceshi01") == text


def test_a_sentence_is_welcome_and_kept_as_typed() -> None:
    for text in ("  Two blanks in front, 1 behind ", "a" * 40 + "7" * 40, "密" * 63 + "1"):
        assert passwords.check(text, 10) == text
    assert PASSWORD_MAX_LENGTH >= 64


def test_a_sites_own_list_is_searched_to_its_first_and_last_line(own_list: Path) -> None:
    assert all(passwords.is_known(f"Breached-{n:05}") for n in range(2000))
    assert not any(passwords.is_known(f"Not-breached-{n:05}") for n in range(500))
    with pytest.raises(Refusal, match="常用密码"):
        passwords.check("Breached-00007", 10)


def test_eight_characters_at_least_whatever_the_policy() -> None:
    assert passwords.check("k7.wald9", 6) == "k7.wald9"
    with pytest.raises(Refusal, match="应为 8 至"):
        passwords.check("k7.wald", 6)


def test_an_empty_list_and_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    passwords.use_list(str(tmp_path / "empty"))
    assert not passwords.is_known("Brand.new-2026")
    with pytest.raises(RuntimeError, match="不存在"):
        passwords.use_list(str(tmp_path / "gone"))
    passwords.use_list("")
