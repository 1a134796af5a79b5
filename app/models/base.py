"""Column types and mixins that every model shares; a column's label, help, unit and sensitivity are said once here."""

import datetime as dt
from typing import Any

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, BigInteger, DateTime, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, MappedColumn, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

from app import clock

__all__ = ["ONCE", "BigId", "Instant", "Json", "Model", "Stamped", "Versioned", "col", "label_of", "pk"]

# SQLite counts rows only in INTEGER keys; PostgreSQL needs 64 bits for visits and audit rows of a nation.
BigId = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")

# In `__table_args__` of a table that may lose its last row, where something names rows by number that no foreign key
# holds (the log, files, notices, scores): SQLite would give the number again to another row. PostgreSQL never does.
ONCE = {"sqlite_autoincrement": True}


class Instant(TypeDecorator[dt.datetime]):
    """An aware instant, UTC in the database and in Python; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: instants carry a zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def col(
    label: Any,
    *args: Any,
    help: Any = None,
    unit: Any = None,
    sensitive: str | None = None,
    choices: dict[str, Any] | None = None,
    **kwargs: Any,
) -> MappedColumn[Any]:
    """A column with its declaration: `label`, `help`, `unit` of the figure, `sensitive` (mobile, id, mail), `choices`.

    Every screen, workbook and API reads these from `column.info`; none repeats them.
    """
    info = {"label": label, "help": help, "unit": unit, "sensitive": sensitive, "choices": choices}
    return mapped_column(*args, info={k: v for k, v in info.items() if v is not None}, **kwargs)


def pk() -> MappedColumn[Any]:
    return mapped_column(BigId, primary_key=True, autoincrement=True)


def label_of(model: type[Any], name: str) -> str:
    """The declared Chinese label of a mapped attribute (a relationship takes its key column's)."""
    attr = model.__mapper__.attrs.get(name)
    columns = list(getattr(attr, "columns", []) or getattr(attr, "local_columns", []) or [])
    for column in columns:
        if "label" in column.info:
            return str(column.info["label"])
    return name


class Stamped:
    """When and by whom a row was made; no foreign key default, so tasks and commands write it too."""

    created_at: Mapped[dt.datetime] = mapped_column(
        Instant, default=clock.now, index=False, info={"label": _l("创建时间")}, sort_order=900
    )
    updated_at: Mapped[dt.datetime] = mapped_column(
        Instant, default=clock.now, onupdate=clock.now, info={"label": _l("更新时间")}, sort_order=901
    )

    # No foreign key: accounts point at units and persons, and a row outlives the account that made it.
    created_by_id: Mapped[int | None] = mapped_column(Integer, info={"label": _l("创建人")}, sort_order=902)


class Versioned:
    """Optimistic lock: forms send the version that they showed, and saving compares it."""

    row_version: Mapped[int] = mapped_column(
        Integer, default=1, server_default="1", info={"label": _l("行版本")}, sort_order=910
    )

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version}
