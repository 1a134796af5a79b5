"""A column for a sentence of ours, kept so that each reader is told it in his own language.

    title: Mapped[str] = col(_l("标题"), SaidText(160))

In Python the value is what was said (`app/wording.py`); what was never said, and every older row, is plain text. In the
database the Chinese stands first, so that SQL finds it by a part of it, and equal is what says the same.
"""

from typing import Any

from sqlalchemy import String, Text, not_, or_, type_coerce
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from app.wording import MARK, cut, read, written


class SaidText(TypeDecorator[str]):
    """A text that remembers how it came about. `most` characters of Chinese are kept, if it is given.

    SQLite measures no texts: there the column stays as it was first declared.
    """

    impl = Text
    cache_ok = True
    said = True  # COPY asks it (`transaction.insert_many`)

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.most = most

    def load_dialect_impl(self, dialect: Any) -> Any:
        measured = self.most is not None and dialect.name == "sqlite"
        return dialect.type_descriptor(String(self.most)) if measured else self.impl_instance

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        if value is None:
            return None
        return written(value if self.most is None else cut(value, self.most))

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else read(value)

    class Comparator(TypeDecorator.Comparator[str]):
        """Equal is what says the same in Chinese, however it came about."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            if op not in (operators.eq, operators.ne) or not other or not isinstance(other[0], str):
                return super().operate(op, *other, **kwargs)
            column = type_coerce(self.expr, Text)
            same = or_(column == other[0], column.startswith(f"{other[0]}{MARK}", autoescape=True))
            return same if op is operators.eq else not_(same)

    comparator_factory = Comparator
