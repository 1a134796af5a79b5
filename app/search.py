"""Finding rows by a piece of a word: which rows can hold it at all, by an index of what stands in them two by two.

"Contains" reads every row; Chinese is searched by two characters, which word indexes do not know. PostgreSQL keeps an
index over the pairs of characters of the searched columns (`tian_grams`, GIN), SQLite a table of their triples (FTS5,
each column ended by a mark, so that its last pair begins a triple, too) that triggers write. Both are kept by the
database itself: whoever writes a row, one at a time or by the thousand, they are true. They only narrow; every
condition is asked of the rows again, so the answer is that of "contains".

Beside the pairs PostgreSQL keeps which filings of elevators are open (`open_filings`): as an index of the register it
would have each draft that is opened move the row in all its indexes, that over pairs among them.

`flask search-index` makes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.models import Application, Elevator, Person, Unit
from app.models.among import among
from app.rules.addresses import Numbered, numbered

# The searched columns by model; a change here is a revision that makes the index anew.
SEARCHED: dict[Any, tuple[str, ...]] = {
    Elevator: ("code", "factory_no", "registration_code", "job_no", "service_no", "address", "estate"),
    Unit: ("name", "uscc", "licence_no"),
    Person: ("name", "certificate_no"),
    Application: ("number", "title"),
}
# Between columns, so that no pair spans two of them; no text holds it.
MARK = "\x1f"
# What `tian_grams` puts between the pairs while it cuts them apart.
BETWEEN = "\x1e"
# SAMPLE rows tell whether the index is worth asking: not for words that every COMMON-th row holds. Rows are found by
# key up to MOST_FOUND.
SAMPLE, COMMON, MOST_FOUND = 400, 3, 2_000
# So many rows one statement brings into SQLite's index where it is made anew.
AT_ONCE = 10_000


class _Counted(FunctionElement[bool]):
    """A column holds a figure with what it counts: by a pattern, on SQLite only where some GLOB fits as well.

    Patterns are Python's there, a call a row: GLOB says no to most rows within the database.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, counted: Numbered) -> None:
        likely = or_(*(column.op("GLOB", is_comparison=True)(one) for one in counted.globs()))
        super().__init__(column.regexp_match(counted.pattern), likely.self_group())


@compiles(_Counted)
def _by_pattern(element: Any, compiler: Any, **more: Any) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **more)})"


@compiles(_Counted, "sqlite")
def _glob_first(element: Any, compiler: Any, **more: Any) -> str:
    pattern, likely = (compiler.process(part, **more) for part in element.clauses)
    # AND asks both where its value is wanted, as "= 1" does.
    return f"CASE WHEN {likely} THEN {pattern} ELSE 0 END"


class _Wanted(FunctionElement[str]):
    """What SQLite's index is asked: pieces of a question, and between them pairs, each for the triples that begin so.

    Triples stand in order; "" finds nothing. As SQL, for building it of a dozen subqueries took longer than asking.
    """

    type = Text()
    inherit_cache = True

    def __init__(self, index: str, pieces: Sequence[str]) -> None:
        super().__init__(literal_column(f"{index}_terms"), *(literal(piece) for piece in pieces))


@compiles(_Wanted)
def _question(element: Any, compiler: Any, **more: Any) -> str:
    terms, *pieces = (compiler.process(part, **more) for part in element.clauses)
    quoted = "'\"' || replace(term, '\"', '\"\"') || '\"'"
    for place in range(1, len(pieces), 2):
        pair = pieces[place]
        pieces[place] = (
            f"(SELECT coalesce(group_concat({quoted}, ' OR '), '\"\"') FROM {terms} "  # noqa: S608 - our names
            f"WHERE term >= {pair} AND term < {pair} || char(1114111))"
        )
    return f"({' || '.join(pieces)})"


class OfAnother:
    """A search column of a row to which the searched one leads: asked there, so that counts need no join."""

    def __init__(self, attribute: Any) -> None:
        self.attribute = attribute

    def led(self, holds: ColumnElement[bool]) -> ColumnElement[bool]:
        """The searched row leads to one that fulfils the condition: the same for all columns of a class."""
        raise NotImplementedError


def _any(columns: Iterable[Any], ask: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """It is true of one of the columns; those of another row, next to each other, are asked in one look at it."""
    found: list[ColumnElement[bool]] = []
    for _kind, (first, *more) in groupby(columns, lambda column: isinstance(column, OfAnother) and type(column)):
        asked = [ask(one.attribute if isinstance(one, OfAnother) else one) for one in (first, *more)]
        found += [first.led(or_(*asked))] if isinstance(first, OfAnother) else asked
    return or_(*found)


def contains(columns: Iterable[Any], word: str) -> ColumnElement[bool]:
    """A row's columns hold the word, in either case. Numbers are declared first; Chinese mostly stands in the last.

    A figure with what it counts is found however an address writes it (`rules.addresses`). A word without letters of
    two cases is looked for as it stands: ILIKE makes every text small first, which takes PostgreSQL several times as
    long as looking.
    """
    ordered = list(columns) if word.isascii() else list(columns)[::-1]
    if (counted := numbered(word)) is not None:
        return _any(ordered, lambda held: _Counted(held, counted))
    if word.lower() == word.upper():
        return _any(ordered, lambda held: held.contains(word, autoescape=True))
    return _any(ordered, lambda held: held.icontains(word, autoescape=True))


def model_of(columns: Sequence[Any]) -> Any:
    """The model whose index covers all these columns, or None."""
    models = {getattr(column, "class_", None) for column in columns}
    if len(models) != 1:
        return None
    (model,) = models
    return model if columns and all(column.key in SEARCHED.get(model, ()) for column in columns) else None


@dataclass(frozen=True, slots=True)
class Beside:
    """What else holds a word: another model's row to which the searched one leads, as a condition by word.

    `wide` are words of more than MOST_FOUND such rows: they narrow nothing.
    """

    by_word: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)
    wide: frozenset[str] = frozenset()

    def either(self, word: str, held: ColumnElement[bool]) -> ColumnElement[bool]:
        led = self.by_word.get(word)
        return held if led is None else or_(held, led)


# The column that leads to another model's rows, and that model's columns that are looked in.
Through = tuple[Any, tuple[Any, ...]]


def beside(through: Through | None, words: Iterable[str]) -> Beside:
    """The same without asking the index: for rows that are read anyway."""
    if through is None:
        return Beside()
    key, columns = through
    return Beside({word: key.in_(select(columns[0].class_.id).where(contains(columns, word))) for word in words})


@dataclass(frozen=True, slots=True)
class Found:
    """Keys of rows that hold the words: all of them, unless `many`; `narrowing` is the condition that found them.

    `common`: a sample of the newest rows says that the words stand in every third row. Reading on finds them sooner.
    `also` is what else held them.
    """

    keys: list[Any]
    many: bool
    narrowing: ColumnElement[bool]
    common: bool = False
    also: Beside = field(default_factory=Beside)


def find(
    session: Any, columns: Sequence[Any], words: Sequence[str], seen: ColumnElement[bool],
    through: Through | None = None, *, reading: bool = True,
) -> Found | None:  # fmt: skip
    """Ask in one statement which of the `seen` rows hold all the words, up to MOST_FOUND: the index, or where words are
    too short for it each row (`reading`), until so many are found: a letter that nobody has is looked for once in all.

    None where nothing can be asked. `through`: a word may stand as well in the row to which a column leads; one more
    statement where thousands of those hold it, and short words are not asked for.
    """
    model = model_of(columns)
    if model is None or not (_able(words) or (reading and through is None)):
        return None
    if through is None:
        return _find(session, model, columns, words, seen, Beside(), [])[0]
    key, others = through
    led = [_led(session, others, word) for word in words]
    asked = Beside({word: _any_of(session, key, one) for word, one in zip(words, led, strict=True)})
    found, keys = _find(session, model, columns, words, seen, asked, led)
    wide = frozenset(word for word, some in zip(words, keys, strict=True) if len(some) > MOST_FOUND)
    told = {word: among(session, key, some) for word, some in zip(words, keys, strict=True) if some}
    also = Beside(told | dict(beside(through, wide).by_word), wide)
    if wide and not found.common:
        found = _find(session, model, columns, words, seen, also, [])[0]
    narrowing = narrow(session, model, words, also=also)
    if narrowing is None:
        return Found([], True, true(), common=True, also=also)
    return replace(found, narrowing=narrowing, also=also)


def _find(
    session: Any, model: Any, columns: Sequence[Any], words: Sequence[str], seen: ColumnElement[bool], also: Beside,
    led: Sequence[Any],
) -> tuple[Found, list[list[int]]]:  # fmt: skip
    """What was found, and of each of `led` the keys."""
    key = model.__mapper__.primary_key[0]
    held = [also.either(word, contains(columns, word)) for word in words]
    hit = case((and_(*held), 1), else_=0).label("hit")
    newest = select(key, hit).where(seen).order_by(key.desc()).limit(SAMPLE).cte("newest")
    share = func.coalesce(func.sum(newest.c.hit), 0) * COMMON
    rare = select(share < func.count()).select_from(newest).scalar_subquery()
    # SQLite would read the whole index first and ask the sample then.
    narrowing = narrow(session, model, words, rare, also)
    if narrowing is None and also.wide:
        return Found([], True, true(), common=True), []
    asked = true() if narrowing is None else narrowing
    found = select(key.label("key")).where(rare, asked, seen, *held).limit(MOST_FOUND + 1).subquery()
    # The sample's answer comes as a row of its own, so that nothing found and nothing asked differ.
    told = select(literal(0), cast(rare, Integer), literal(-1)).union_all(
        select(found.c.key, literal(None, Integer), literal(-1)),
        *(select(one.c.key, literal(None, Integer), literal(place)) for place, one in enumerate(led)),
    )
    rows = session.execute(told.execution_options(skip_scope=True)).all()
    by_place = [[led_to for led_to, _is_rare, at in rows if at == place] for place in range(len(led))]
    if not any(is_rare for _key, is_rare, place in rows):
        return Found([], True, true(), common=True), by_place
    keys = [found_key for found_key, is_rare, place in rows if is_rare is None and place < 0]
    many = len(keys) > MOST_FOUND
    return Found(keys[:MOST_FOUND], many, asked, common=many and narrowing is None), by_place


def _led(session: Any, columns: Sequence[Any], word: str) -> Any:
    """Keys of the rows that hold a word, one more than MOST_FOUND at most."""
    model: Any = model_of(columns)
    narrowing = narrow(session, model, [word])
    held = [contains(columns, word), *([] if narrowing is None else [narrowing])]
    return select(model.id.label("key")).where(*held).limit(MOST_FOUND + 1).cte()


def _any_of(session: Any, key: Any, keys: Any) -> ColumnElement[bool]:
    """As a value that the key's index can be asked for; a subquery beside an OR cannot."""
    inside: ColumnElement[bool] = key.in_(select(keys.c.key))
    if session.get_bind().dialect.name == "postgresql":
        inside = key == func.any(cast(select(func.array_agg(keys.c.key)).scalar_subquery(), ARRAY(BigInteger)))
    return inside


def narrow(
    session: Any, model: Any, words: Iterable[str], when: Any = None, also: Beside = Beside()
) -> ColumnElement[bool] | None:
    """What all rows that hold the words fulfil and few others do, from the index; None where it can't tell.

    `when`: a condition without which no row need be found.
    """
    # Figures last: other words narrow more, and SQLite begins with the first.
    able = sorted(_able(words, also), key=lambda word: numbered(word) is not None)
    if session.get_bind().dialect.name == "postgresql":
        found = [also.either(word, _by_pairs(model, word)) for word in able]
    else:
        # In one question, where the index steps through what the rarest of them leaves.
        alone = [word for word in able if word not in also.by_word]
        found = [_by_triples(model, alone, when)] if alone else []
        found += [also.either(word, _by_triples(model, [word], when)) for word in able if word in also.by_word]
    return and_(*found) if found else None


def _able(words: Iterable[str], also: Beside = Beside()) -> list[str]:
    """The words that the index can be asked for."""
    return [word for word in words if len(word) > 1 and _plain(word) and word not in also.wide]


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
    counted = numbered(word)
    if counted is None:
        found: ColumnElement[bool] = indexed.op("@>", is_comparison=True)(func.tian_grams(func.lower(word)))
        return found
    # All within one scan: an OR over the spellings would be one for each.
    groups = (cast([pair.lower() for pair in group], ARRAY(Text())) for group in counted.pairs())
    return and_(*(indexed.op("&&", is_comparison=True)(group) for group in groups))


# Kept by triggers (revision 0075): the elevators whose filing is not approved as it stands.
_OPEN = table("search_elevator_filing", *map(sql_column, ("elevator_id", "filing_state", "region_code")))


def open_filings(session: Any, states: Iterable[str], span: tuple[str, str] | None = None) -> ColumnElement[bool]:
    """Elevators whose filing is in one of these states; `span`: the region codes beyond which none is looked for.

    PostgreSQL starts at the table of open filings, SQLite at its index. The row itself is asked all the same.
    """
    wanted = tuple(states)
    held = Elevator.filing_state.in_(wanted)
    if session.get_bind().dialect.name != "postgresql" or "approved" in wanted:
        return held
    found = select(_OPEN.c.elevator_id).where(_OPEN.c.filing_state.in_(wanted))
    if span is not None:
        found = found.where(_OPEN.c.region_code >= span[0], _OPEN.c.region_code < span[1])
    return and_(held, Elevator.id.in_(found))


# --- SQLite


def table_of(model: Any) -> str:
    return f"search_{model.__tablename__}"


def _by_triples(model: Any, words: Sequence[str], when: Any = None) -> ColumnElement[bool]:
    index = table_of(model)
    pieces = [""]
    for place, word in enumerate(words):
        counted = numbered(word)
        pieces[-1] += " AND (" if place else "("
        for nth, one in enumerate([word] if counted is None else counted.spellings()):
            pieces[-1] += " OR (" if nth else "("
            if len(one) > 2:
                held = one.lower()
                pieces[-1] += " AND ".join(_quoted(held[n : n + 3]) for n in range(len(held) - 2)) + ")"
            else:
                pieces += [one.lower(), ")"]
        pieces[-1] += ")"
    wanted: Any = _Wanted(index, pieces)
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


def make_again(connection: Any, models: Iterable[Any] = tuple(SEARCHED)) -> None:
    """Make the indexes of these models, or every index, anew from what the rows hold."""
    if connection.dialect.name == "postgresql":
        # Whoever opens a filing meanwhile waits: his trigger and this would write the same row.
        connection.execute(text("LOCK TABLE elevator IN SHARE ROW EXCLUSIVE MODE"))
        register: Any = Elevator.__table__.c
        held = select(register.id, register.filing_state, register.region_code)
        held = held.where(register.filing_state != "approved")
        connection.execute(_OPEN.delete())
        connection.execute(_OPEN.insert().from_select(list(_OPEN.c.keys()), held))
    for model in models:
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
        # In steps: one statement over millions of rows would tell nobody that it goes on, and end only as a whole.
        low, high = connection.execute(text(f"SELECT min(id), max(id) FROM {held}")).one()  # noqa: S608
        some = text(
            f"INSERT INTO {index}(rowid, words) SELECT id, {words} FROM {held} "  # noqa: S608
            "WHERE id >= :low AND id < :high"
        )
        for first in range(low or 0, (high or -1) + 1, AT_ONCE):
            connection.execute(some, {"low": first, "high": first + AT_ONCE})
        for name, made in triggers_of(model).items():
            connection.execute(text(f"CREATE TRIGGER {name} {made}"))


def keep(connection: Any) -> None:
    """On SQLite, where a revision that rebuilds a table takes its triggers away: make again what is not whole."""
    if connection.dialect.name != "sqlite":
        return
    found = text("SELECT name FROM sqlite_master WHERE type = 'trigger' OR name LIKE 'search\\_%' ESCAPE '\\'")
    there = set(connection.scalars(found))
    broken = [model for model in SEARCHED if not {*triggers_of(model), table_of(model)} <= there]
    if broken:
        make_again(connection, broken)
