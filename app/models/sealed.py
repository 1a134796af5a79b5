"""Column types whose values the database keeps sealed (`app/vault.py`): numbers of persons and what holds them.

    phone: Mapped[str | None] = col(_l("手机"), Sealed("person.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True)

In Python the value is what it was; whoever writes by the thousand (`insert_many`) writes it sealed as well. The index
beside it is worked out by the database from the token itself, so neither can be without the other. It is asked by
`holding` and `ending`; comparing or sorting the column itself is an error, for tokens of equal values differ.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import JSON, ColumnElement, Computed, String, Text, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from app import vault
from app.models.by_columns import json_texts, write
from app.rules.identifiers import masked
from app.wording import read, written

Kind = Literal["mobile", "id", "mail"]
# The place of the index within a token, counted from 1 as SQL does: the index key's name goes with it.
INDEX_SQL = "substr({0}, 7, 26)"
TAIL_SQL = "substr({0}, 7, 4) || substr({0}, 33, 10)"


def normal(text: str) -> str:
    """The spelling by which a number is looked for: no blanks, hyphens or country code, one width, capital X.

    Of an address of mail a hyphen is a part, and small letters are the spelling.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    if "@" in plain:
        return plain.lower()
    plain = plain.replace("-", "").upper()
    return re.sub(r"^(\+86|0086)(?=1\d{10}$)", "", plain)


class Sealed(TypeDecorator[str]):
    """A text that is sealed in the database. `context` names its place; `kind` says that it is a person's number.

    What nobody looks for (`sought=False`) carries no digest of itself; it may be `said` (`app/wording.py`). `length` is
    that of a column not of our making.
    """

    impl = Text
    cache_ok = True
    seals = True

    def __init__(
        self, context: str, kind: Kind | None = None, *, sought: bool = True, said: bool = False,
        length: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.context, self.kind, self.sought, self.said, self.length = context, kind, sought, said, length

    def load_dialect_impl(self, dialect: Any) -> Any:
        return self.impl_instance if self.length is None else String(self.length)

    def spelt(self, text: str) -> str:
        """What its index is made of."""
        return normal(text) if self.sought else ""

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        if value is None:
            return None
        return vault.seal_text(written(value) if self.said else value, self.context, self.spelt(value))

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        opened = vault.open_text(value, self.context) if value is not None and vault.is_sealed(value) else value
        return read(opened) if self.said and opened is not None else opened

    class Comparator(TypeDecorator.Comparator[str]):
        """Whether there is one; nothing else can be asked of a token."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            nothing = bool(other) and other[0] is None
            if op in (operators.is_, operators.is_not) or (op in (operators.eq, operators.ne) and nothing):
                return super().operate(op, *other, **kwargs)
            raise TypeError("a sealed column is asked by `holding` or `ending`")

    comparator_factory = Comparator


def index_of(name: str, **kwargs: Any) -> MappedColumn[Any]:
    """The blind index of a sealed column of the same table, kept by the database."""
    return mapped_column(String(26), Computed(INDEX_SQL.format(name)), deferred=True, **kwargs)


def tail_of(name: str, **kwargs: Any) -> MappedColumn[Any]:
    """The same over the last four characters."""
    return mapped_column(String(14), Computed(TAIL_SQL.format(name)), deferred=True, **kwargs)


def holding(column: Any, *values: str) -> ColumnElement[bool]:
    """The sealed column holds one of the values, however they are spelt."""
    kind = column.property.columns[0].type
    index: Any = getattr(column.class_, f"{column.key}_index")
    found = [one for value in values if value for one in vault.indexes_of(normal(value), kind.context)]
    return index.in_(found) if found else false()  # type: ignore[no-any-return]


def ending(column: Any, *ends: str) -> ColumnElement[bool]:
    """The sealed column's value ends with these four characters, or with one of these."""
    kind = column.property.columns[0].type
    tail: Any = getattr(column.class_, f"{column.key}_tail")
    tokens = [token for end in ends for token in vault.tails_of(normal(end), kind.context)]
    return tail.in_(tokens)  # type: ignore[no-any-return]


def whole_or_end(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """A list's filter: the whole number, or its last four; parts elsewhere find nothing, so nobody feels his way."""
    return lambda typed: ending(column, typed) if len(normal(typed)) == vault.TAIL_LENGTH else holding(column, typed)


class SealedJson(TypeDecorator[Any]):
    """JSON in which the numbers of persons are sealed under whatever key of it they stand; or, `whole`, all of it."""

    impl = JSON
    cache_ok = True
    seals = True

    def __init__(self, context: str, whole: bool = False) -> None:
        super().__init__()
        self.context, self.whole = context, whole

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self.impl_instance.coerce_compared_value(op, value)

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return self.sealed(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return self.opened(value)

    def sealed(self, value: Any) -> Any:
        if value is None:
            return None
        if self.whole:
            return vault.seal_text(write(value), self.context, "")
        return walk(value, self._seal)

    def texts(self, values: Sequence[Any]) -> list[str | None]:
        """What is written for many values, as JSON."""
        if not self.whole:
            return json_texts(values, numbers().keys(), self._sealed_column)
        # A token holds nothing that JSON would write otherwise.
        plain = json_texts(values)
        tokens = iter(vault.seal_texts([one for one in plain if one is not None], self.context))
        return [None if one is None else f'"{next(tokens)}"' for one in plain]

    def of_texts(self, texts: Sequence[str | None]) -> list[Any]:
        """The values of many that were read as text: one reading for all, opened only where there is a token."""
        whole = f"[{','.join(['null' if text is None else text for text in texts])}]"
        values: list[Any] = json.loads(whole)
        return list(map(self.opened, values)) if f'"{vault.MARK}' in whole else values

    def opened(self, value: Any) -> Any:
        if self.whole:
            return json.loads(vault.open_text(value, self.context)) if vault.is_sealed(value) else value
        return walk(value, self._open)

    def _sealed_column(self, name: str, values: Sequence[Any]) -> list[Any]:
        """`sealed` of many values that stand under one name; one number under it often stands in many rows."""
        if name not in numbers() or not {*map(type, values)} <= _TEXTS:
            return [walk(value, self._seal, name) for value in values]
        tokens = iter(vault.seal_texts([text for text in values if text], f"{self.context}.{name}", normal))
        return [next(tokens) if text else text for text in values]

    def _seal(self, name: str, text: str) -> str:
        return vault.seal_text(text, f"{self.context}.{name}", normal(text))

    def _open(self, name: str, text: str) -> str:
        return vault.open_text(text, f"{self.context}.{name}") if vault.is_sealed(text) else text


_TEXTS = {str, type(None)}
_NESTED = (dict, list)
_FLAT = frozenset({str, int, float, bool, type(None)})


def walk(
    value: Any, change: Callable[[str, str], str], name: str = "", among: Set[str] | None = None
) -> Any:  # fmt: skip
    """A copy of a JSON value with every person's number changed: what stands under a field that is declared so."""
    among = numbers().keys() if among is None else among
    if isinstance(value, dict):
        # Nearly every cell is neither a number of a person nor holds one: those are not gone into.
        found = [] if among.isdisjoint(value) else [key for key in among if key in value]
        if not _FLAT.issuperset(map(type, value.values())):
            found += [key for key, held in value.items() if held.__class__ in _NESTED and key not in among]
        if not found:
            return value
        return value | {key: walk(value[key], change, key, among) for key in found}
    if isinstance(value, list):
        return [walk(held, change, name, among) for held in value]
    return change(name, value) if isinstance(value, str) and value and name in among else value


@lru_cache(maxsize=1)
def numbers() -> dict[str, str]:
    """All fields that are declared as numbers of persons, each with its kind."""
    from app.models.base import Model

    return {
        column.key: column.type.kind
        for table in Model.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Sealed) and column.type.kind is not None
    }


def as_held(sent: Mapping[str, Any], stands: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, with each number that comes back masked, just as it was shown, as it stands: it was not changed.

    Any other mask stays what it is, and no field of a number takes one.
    """
    kinds = numbers()
    return {
        name: stands[name] if name in kinds and stands.get(name) and isinstance(value, str)
        and value.strip() == masked(kinds[name], str(stands[name])) else value
        for name, value in sent.items()
    }  # fmt: skip
