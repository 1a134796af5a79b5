"""What the database and the file store keep sealed, with keys from the environment.

The first key seals, every key opens: a new one is put in front, `flask seal-anew` re-seals, then the old one may go.
Three forms:

- `seal`/`unseal`: secrets that nobody looks for (second factors, answers under way), as Fernet tokens;
- `seal_text`/`open_text`: numbers of persons, about two millionths of a second each. The token carries which keys made
  it and two keyed digests, of the whole value and of its last four characters, so that equal values are found without
  being opened (a blind index, HMAC-SHA-256 under INDEX_KEYS). Nothing of the value itself stands open;
- `seal_stream`/`SealedReader`: files, in blocks that can neither be changed, left out nor swapped.

Both of the latter are AES-256-GCM and bound to the place they were written for (`context`): a token copied into another
column does not open there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# A token: MARK, the data key's name (4), the index key's (4), digest of the value (22) and of its end (10), the rest
# nonce and ciphertext. Fixed places, so that the database itself can tell index from token (`models/sealed.py`).
MARK = "~1"
KEY_NAME, INDEX_NAME, INDEX, TAIL = slice(2, 6), slice(6, 10), slice(10, 32), slice(32, 42)
START = 42
TAIL_LENGTH = 4
FILE_MARK = b"TIAN-SEALED-1\n"
BLOCK = 64 * 1024
_NONCE, _TAG = 12, 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_box: MultiFernet | None = None
_data: dict[str, AESGCM] = {}
_index: dict[str, bytes] = {}
_current = ("", "")


class Unreadable(ValueError):
    """Sealed under a key that is not configured, or altered."""


def use_keys(keys: Sequence[str], index_keys: Sequence[str] | None = None) -> None:
    """Take these keys (32 bytes each, URL-safe base64), the current one first; index keys stay unless given."""
    global _box, _current
    try:
        _box = MultiFernet([Fernet(key) for key in keys])
        data = {name: AESGCM(derived) for name, derived in (_derived(key, b"tian text 1") for key in keys)}
    except ValueError as error:
        raise RuntimeError("DATA_KEYS 应为逗号隔开的 Fernet 密钥（32 字节的 URL-safe base64）") from error
    if index_keys is not None:
        try:
            index = dict(_derived(key, b"tian index 1") for key in index_keys)
        except ValueError as error:
            raise RuntimeError("INDEX_KEYS 应为逗号隔开的密钥（32 字节的 URL-safe base64）") from error
        _index.clear()
        _index.update(index)
    _data.clear()
    _data.update(data)
    _current = (next(iter(_data), ""), next(iter(_index), ""))


def _derived(key: str, purpose: bytes) -> tuple[str, bytes]:
    """A key of its own for each purpose, and the short name under which tokens know it."""
    raw = base64.urlsafe_b64decode(key)
    if len(raw) != 32:
        raise ValueError("not 32 bytes")
    made = HKDF(SHA256(), 32, salt=None, info=purpose).derive(raw)
    return hashlib.sha256(made).hexdigest()[:4], made


def new_key() -> str:
    return Fernet.generate_key().decode()


# --- secrets


def seal(text: str) -> str:
    """The text as it may be stored; other each time, so equal texts do not show."""
    return _opened().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text, or Unreadable."""
    try:
        return _opened().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise _unreadable() from error


def renewed(sealed: str) -> str:
    """The same text under the current key, or Unreadable."""
    try:
        return _opened().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise _unreadable() from error


def _opened() -> MultiFernet:
    if _box is None:
        raise RuntimeError("no keys: create_app calls use_keys")
    return _box


def _unreadable(name: str = "DATA_KEYS") -> Unreadable:
    return Unreadable(f"密文不能用现有的密钥打开，请检查 {name}")


# --- numbers of persons


def seal_text(text: str, context: str, normal: str | None = None) -> str:
    """The token of a text for a place; `normal` is the spelling by which it is looked for (default: as it is)."""
    key_name, index_name = _current_keys()
    looked_for = text if normal is None else normal
    digests = _digests if looked_for else _digests_of_nothing
    nonce = os.urandom(_NONCE)
    sealed = nonce + _data[key_name].encrypt(nonce, text.encode(), context.encode())
    return f"{MARK}{key_name}{index_name}{digests(_index[index_name], context, looked_for)}{_text(sealed)}"


def seal_texts(texts: Sequence[str], context: str, normal: Callable[[str], str] | None = None) -> list[str]:
    """Tokens of many texts for one place, that nobody looks for unless `normal` gives the spelling of each for it.

    What tokens share is made once: of equal texts the digests.
    """
    key_name, index_name = _current_keys()
    encrypt, place, random = _data[key_name].encrypt, context.encode(), os.urandom(_NONCE * len(texts))
    nonces = (random[at : at + _NONCE] for at in range(0, len(random), _NONCE))
    key, begin = _index[index_name], f"{MARK}{key_name}{index_name}"
    spelt = {} if normal is None else {text: normal(text) for text in set(texts)}
    begins = {text: begin + _digests(key, context, one) for text, one in spelt.items() if one}
    of_nothing = begin + _digests_of_nothing(key, context, "")
    return [
        begins.get(text, of_nothing) + _text(nonce + encrypt(nonce, text.encode(), place))
        for nonce, text in zip(nonces, texts, strict=True)
    ]


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and len(value) > START and value.startswith(MARK)


def open_text(token: str, context: str) -> str:
    """The text of a token that was made for this place, or Unreadable."""
    if token[INDEX_NAME] not in _index:
        raise _unreadable("INDEX_KEYS")
    cipher = _data.get(token[KEY_NAME])
    if cipher is None:
        raise _unreadable()
    try:
        sealed = base64.urlsafe_b64decode(token[START:] + "=" * (-len(token[START:]) % 4))
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise _unreadable() from error


def is_current(token: str) -> bool:
    """Whether both current keys made it."""
    return (token[KEY_NAME], token[INDEX_NAME]) == _current_keys()


def current_names() -> str:
    """The names of both current keys, as they stand in a token."""
    return "".join(_current_keys())


def key_names() -> tuple[set[str], set[str]]:
    """The names of the data keys and of the index keys that are open."""
    return set(_data), set(_index)


def indexes_of(normal: str, context: str) -> list[str]:
    """Under what a value may be found, with each open index key: what `models.sealed` keeps beside the column."""
    _current_keys()
    return [name + _digest(key, context, normal, 16) for name, key in _index.items()]


def tails_of(end: str, context: str) -> list[str]:
    """The same for its last four characters."""
    _current_keys()
    return [name + _digest(key, context, end, 7, "/tail") for name, key in _index.items()]


def _current_keys() -> tuple[str, str]:
    if not all(_current):
        raise RuntimeError("no keys: create_app calls use_keys")
    return _current


def _digests(key: bytes, context: str, normal: str) -> str:
    end = normal[-TAIL_LENGTH:]
    return _digest(key, context, normal, 16) + _digest(key, context, end, 7, "/tail")


# Of what is not looked for they are always the same.
_digests_of_nothing = lru_cache(maxsize=128)(_digests)


def _digest(key: bytes, context: str, text: str, size: int, purpose: str = "") -> str:
    return _text(hmac.digest(key, f"{context}{purpose}\0{text}".encode(), "sha256")[:size])


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_URL_SAFE).decode()


# --- files


def seal_stream(source: IO[bytes], out: IO[bytes], context: str) -> int:
    """Write the source sealed; gives its own size. In blocks, so any size takes the memory of one."""
    name = _current_keys()[0]
    prefix = os.urandom(8)
    out.write(FILE_MARK + name.encode() + prefix)
    size, number = 0, 0
    block = source.read(BLOCK)
    while True:
        ahead = source.read(BLOCK) if len(block) == BLOCK else b""
        out.write(_data[name].encrypt(_nonce(prefix, number), block, _place(context, number, not ahead)))
        size, number = size + len(block), number + 1
        if not ahead:
            return size
        block = ahead


def is_sealed_file(head: bytes) -> bool:
    return head.startswith(FILE_MARK)


def file_key_name(head: bytes) -> str:
    """Which key sealed a file."""
    return head[len(FILE_MARK) : len(FILE_MARK) + 4].decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class _Head:
    name: str
    prefix: bytes


class SealedReader(io.RawIOBase):
    """A sealed file as the file that it was, read from front to back or from any place."""

    def __init__(self, file: IO[bytes], context: str) -> None:
        self._file, self._context = file, context
        head = file.read(len(FILE_MARK) + 12)
        self._start = len(head)
        if not is_sealed_file(head) or len(head) < len(FILE_MARK) + 12:
            raise _unreadable()
        self._head = _Head(file_key_name(head), head[-8:])
        if self._head.name not in _data:
            raise _unreadable()
        whole = file.seek(0, os.SEEK_END) - self._start
        self._blocks = max(1, -(-whole // (BLOCK + _TAG)))
        self.size = whole - self._blocks * _TAG
        self._at, self._held, self._plain = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence] + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._at >= self.size:
            if not self.size:
                self._block(0)  # an empty one is proved, too
            return 0
        part = self._block(self._at // BLOCK)[self._at % BLOCK :][: len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _block(self, number: int) -> bytes:
        if self._held != number:
            self._file.seek(self._start + number * (BLOCK + _TAG))
            sealed, last = self._file.read(BLOCK + _TAG), number == self._blocks - 1
            try:
                self._plain = _data[self._head.name].decrypt(
                    _nonce(self._head.prefix, number), sealed, _place(self._context, number, last)
                )
            except (InvalidTag, ValueError) as error:
                raise _unreadable() from error
            self._held = number
        return self._plain

    def close(self) -> None:
        self._file.close()
        super().close()


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + struct.pack(">I", number)


def _place(context: str, number: int, last: bool) -> bytes:
    return f"{context}\0{number}\0{'last' if last else 'more'}".encode()
