"""Texts that the database keeps sealed (secrets of second factors, codes under way), with keys from the environment.

The first key seals, every key opens: a new one is put in front, `flask seal-anew` re-seals, then the old one may go.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_box: MultiFernet | None = None


class Unreadable(ValueError):
    """Sealed under a key that is not configured, or altered."""


def use_keys(keys: Sequence[str]) -> None:
    """Take these keys (32 bytes each, URL-safe base64), the current one first."""
    global _box
    try:
        _box = MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise RuntimeError("DATA_KEYS 应为逗号隔开的 Fernet 密钥（32 字节的 URL-safe base64）") from error


def new_key() -> str:
    return Fernet.generate_key().decode()


def seal(text: str) -> str:
    """The text as it may be stored; other each time, so equal texts do not show."""
    return _opened().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text, or Unreadable."""
    try:
        return _opened().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("密文不能用现有的密钥打开，请检查 DATA_KEYS") from error


def renewed(sealed: str) -> str:
    """The same text under the current key, or Unreadable."""
    try:
        return _opened().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("密文不能用现有的密钥打开，请检查 DATA_KEYS") from error


def _opened() -> MultiFernet:
    if _box is None:
        raise RuntimeError("no keys: create_app calls use_keys")
    return _box
