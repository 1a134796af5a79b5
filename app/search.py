"""Finding rows by a piece of a word: which rows can hold it at all, by an index of what stands in them two by two.

"Contains" reads every row; Chinese is searched by two characters, which word indexes do not know. PostgreSQL keeps an
index over the pairs of characters of the searched columns (`tian_grams`, GIN), SQLite a table of their triples (FTS5,
each column ended by a mark, so that its last pair begins a triple, too) that triggers write. Both are kept by the
database itself: whoever writes a row, one at a time or by the thousand, they are true. They only narrow; every
condition is asked of the rows again, so the answer is that of "contains".

`flask search-index` makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy import column as sql_column

from app.models import Application, Elevator, Person, Unit

# The searched columns by model; a change here is a revision that makes the index anew.
SEARCHED: dict[Any, tuple[str, ...]] = {
    Elevator: ("code", "factory_no", "registration_code", "address", "estate"),
    Unit: ("name", "uscc", "licence_no"),
    Person: ("name", "certificate_no"),
    Application: ("number", "title"),
}
# Between columns, so that no pair spans two of them; no text holds it.
MARK = "\x1f"
# What `tian_grams` puts between the pairs while it cuts them apart.
BETWEEN = "\x1e"
LAST = chr(0x10FFFF)
# SAMPLE rows tell whether the index is worth asking: not for words that every COMMON-th row holds. Rows are found by
# key up to MOST_FOUND.
SAMPLE, COMMON, MOST_FOUND = 400, 3, 2_000


def contains(columns: Iterable[Any], word: str) -> ColumnElement[bool]:
    """A row's columns hold the word, in either case. Numbers are declared first; Chinese mostly stands in the last.

    A word without letters of two cases is looked for as it stands: ILIKE makes every text small first, which takes
    PostgreSQL several times as long as looking.
    """
    ordered = list(columns) if word.isascii() else list(columns)[::-1]
    if word.lower() == word.upper():
        return or_(*(column.contains(word, autoescape=True) for column in ordered))
    return or_(*(column.icontains(word, autoescape=True) for column in ordered))


def model_of(columns: Sequence[Any]) -> Any:
    """The model whose index covers all these columns, or None."""
    models = {getattr(column, "class_", None) for column in columns}
    if len(models) != 1:
        return None
    (model,) = models
    held = SEARCHED.get(model, ())
    return model if columns and all(column.key in held for column in columns) else None


@dataclass(frozen=True, slots=True)
class Found:
    """Keys of rows that hold the words: all of them, unless `many`; `narrowing` is the condition that found them.

    `common`: a sample of the newest rows says that the words stand in every third row. Reading on finds them sooner.
    """

    keys: list[Any]
    many: bool
    narrowing: ColumnElement[bool]
    common: bool = False


def find(
    session: Any, columns: Sequence[Any], words: Sequence[str], seen: ColumnElement[bool]
) -> Found | None:
    """Ask the index in one statement which of the `seen` rows hold all the words, up to MOST_FOUND.

    None where the columns have no index or the words are too short for it.
    """
    model = model_of(columns)
    narrowing = narrow(session, model, words) if model is not None else None
    if narrowing is None:
        return None
    key = model.__mapper__.primary_key[0]
    held = [contains(columns, word) for word in words]
    hit = case((and_(*held), 1), else_=0).label("hit")
    newest = select(key, hit).where(seen).order_by(key.desc()).limit(SAMPLE).cte("newest")
    share = func.coalesce(func.sum(newest.c.hit), 0) * COMMON
    rare = select(share < func.count()).select_from(newest).scalar_subquery()
    # SQLite would read the whole index first and ask the sample then.
    asked = narrow(session, model, words, rare)
    assert asked is not None
    found = select(key.label("key")).where(rare, asked, seen, *held).limit(MOST_FOUND + 1).subquery()
    # The sample's answer comes as a row of its own, so that nothing found and nothing asked differ.
    told = select(literal(0), cast(rare, Integer)).union_all(select(found.c.key, literal(None, Integer)))
    rows = session.execute(told.execution_options(skip_scope=True)).all()
    if not any(is_rare for _key, is_rare in rows):
        return Found([], True, true(), common=True)
    keys = [found_key for found_key, is_rare in rows if is_rare is None]
    return Found(keys[:MOST_FOUND], len(keys) > MOST_FOUND, narrowing)


def narrow(session: Any, model: Any, words: Iterable[str], when: Any = None) -> ColumnElement[bool] | None:
    """What all rows that hold the words fulfil and few others do, from the index; None where it can't tell.

    `when`: a condition without which no row need be found.
    """
    postgresql = session.get_bind().dialect.name == "postgresql"
    found = []
    for word in words:
        if len(word) < 2 or not _plain(word):
            continue
        found.append(_by_pairs(model, word) if postgresql else _by_triples(model, word, when))
    return and_(*found) if found else None


def _plain(word: str) -> bool:
    """Letters whose two cases differ in more than ASCII are told apart in one database and not in another."""
    plain = all(c.isascii() or c.lower() == c.upper() for c in word)
    return plain and MARK not in word and BETWEEN not in word


# --- PostgreSQL


def pairs_of(model: Any) -> str:
    """The indexed expression, as the revision wrote it; by bytes, for pairs have no order of a language."""
    name_of = model.__tablename__
    held = " || E'\\x1f' || ".join(f"coalesce({name_of}.{name}, '')" for name in SEARCHED[model])
    return f'(tian_grams(lower({held}))) COLLATE "C"'


def _by_pairs(model: Any, word: str) -> ColumnElement[bool]:
    indexed: Any = literal_column(pairs_of(model), ARRAY(Text()))
    found: ColumnElement[bool] = indexed.op("@>", is_comparison=True)(func.tian_grams(func.lower(word)))
    return found


# --- SQLite


def table_of(model: Any) -> str:
    return f"search_{model.__tablename__}"


def _by_triples(model: Any, word: str, when: Any = None) -> ColumnElement[bool]:
    word = word.lower()
    index = table_of(model)
    if len(word) > 2:
        wanted: Any = literal(" AND ".join(_quoted(word[n : n + 3]) for n in range(len(word) - 2)))
    else:
        # A pair is the beginning of triples, which the index lists in order.
        term: Any = literal_column("term")
        quoted = literal('"').concat(func.replace(term, '"', '""')).concat('"')
        triples = select(func.coalesce(func.group_concat(quoted, " OR "), '""')).select_from(table(f"{index}_terms"))
        wanted = triples.where(term >= word, term < word + LAST).scalar_subquery()
    if when is not None:
        wanted = case((when, wanted), else_='""')
    rows = table(index, sql_column("rowid"))
    keys = select(rows.c.rowid).where(literal_column(index).op("MATCH", is_comparison=True)(wanted))
    inside: ColumnElement[bool] = model.__mapper__.primary_key[0].in_(keys)
    return inside


def _quoted(term: str) -> str:
    doubled = term.replace('"', '""')
    return f'"{doubled}"'


def _words_of(model: Any, row: str) -> str:
    return " || ".join(f"coalesce({row}.{name}, '') || char(31)" for name in SEARCHED[model])


def triggers_of(model: Any) -> dict[str, str]:
    """The triggers by name that keep SQLite's index of a model."""
    held, index = model.__tablename__, table_of(model)
    columns = ", ".join(SEARCHED[model])
    old, new = _words_of(model, "old"), _words_of(model, "new")
    forget = f"INSERT INTO {index}({index}, rowid, words) VALUES ('delete', old.id, {old});"  # noqa: S608 - our names
    keep = f"INSERT INTO {index}(rowid, words) VALUES (new.id, {new});"  # noqa: S608
    return {
        f"{index}_made": f"AFTER INSERT ON {held} BEGIN {keep} END",
        f"{index}_gone": f"AFTER DELETE ON {held} BEGIN {forget} END",
        f"{index}_changed": f"AFTER UPDATE OF id, {columns} ON {held} WHEN old.id <> new.id OR {old} <> {new} "
        f"BEGIN {forget} {keep} END",
    }


def make_again(connection: Any) -> None:
    """Make every index anew from what the rows hold."""
    for model in SEARCHED:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"REINDEX INDEX ix_{model.__tablename__}_grams"))
            continue
        index, held = table_of(model), model.__tablename__
        for name in triggers_of(model):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        connection.execute(text(f"DROP TABLE IF EXISTS {index}_terms"))
        connection.execute(text(f"DROP TABLE IF EXISTS {index}"))
        connection.execute(text(
            f"CREATE VIRTUAL TABLE {index} USING fts5(words, content='', tokenize='trigram', detail=none, columnsize=0)"
        ))  # fmt: skip
        connection.execute(text(f"CREATE VIRTUAL TABLE {index}_terms USING fts5vocab('{index}', 'row')"))
        words = _words_of(model, held)
        connection.execute(text(f"INSERT INTO {index}(rowid, words) SELECT id, {words} FROM {held}"))  # noqa: S608
        for name, made in triggers_of(model).items():
            connection.execute(text(f"CREATE TRIGGER {name} {made}"))


def keep(connection: Any) -> None:
    """On SQLite, where a revision that rebuilds a table takes its triggers away: make again what is not whole."""
    if connection.dialect.name != "sqlite":
        return
    found = text("SELECT name FROM sqlite_master WHERE type = 'trigger' OR name LIKE 'search\\_%' ESCAPE '\\'")
    there = set(connection.scalars(found))
    wanted = {name for model in SEARCHED for name in (*triggers_of(model), table_of(model))}
    if not wanted <= there:
        make_again(connection)
