"""A batch from upload to start: kept, matched to our columns, checked as a job, mended by its owner, started."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete, func, select, update

from app import scope
from app.collector import no_cycles
from app.errors import Finding, Refusal, raise_failing, refuse
from app.imports import matching, words
from app.imports.checking import Checker
from app.imports.columns import Kind, Spec, kinds
from app.imports.judging import MOST_WORDS, Row
from app.imports.matching import Match
from app.imports.parsing import MONTH_DAYS, ORDERS
from app.imports.reading import Sheet, read
from app.imports.references import Regions, UnitNames, parts
from app.models import Attachment, Elevator, ImportBatch, ImportMatch, ImportRow, Person
from app.models.batch import IMPORT_MODE
from app.permissions import Actor, Verb, require
from app.rules.identifiers import mask_numbers, normal_code
from app.transaction import AnySession, Block, blocks_of, lock, transaction, write_blocks
from app.wording import changed, say, together
from app.workflows.core import audit, jobs
from app.workflows.core.ahead import behind
from app.workflows.files import attachments

VERBS = {
    "units": Verb.UNIT_EDIT, "elevators": Verb.ELEVATOR_EDIT, "persons": Verb.PERSON_EDIT,
    "ledgers": Verb.LEDGER_EDIT, "orders": Verb.ORDER_EDIT, "contracts": Verb.CONTRACT_EDIT, "visits": Verb.TAKE_OVER,
    "inspections": Verb.INSPECTION_EDIT, "past_checks": Verb.TAKE_OVER, "past_rescues": Verb.TAKE_OVER,
    "past_repairs": Verb.TAKE_OVER, "past_complaints": Verb.TAKE_OVER,
    "components": Verb.COMPONENT_EDIT, "landing_doors": Verb.COMPONENT_EDIT,
    "invitations": Verb.PERSON_EDIT, "insurance": Verb.INSURANCE_EDIT, "accounts": Verb.SUBACCOUNT_EDIT,
}  # fmt: skip
# People, what they are insured by and the accounts are entered by their own unit only.
OF_UNITS = ("persons", "insurance", "accounts", "components", "landing_doors")
EXAMPLES = 3
MOST_SUMS = 5
COUNTED = ("new", "changed", "same", "bad")
Progress = Callable[[int, int, str], None]


def kinds_for(actor: Actor) -> dict[str, Kind]:
    """What this actor may import."""
    return {n: k for n, k in kinds().items() if actor.may(Verb.IMPORT) and _may(actor, n)}


def _may(actor: Actor, name: str) -> bool:
    if name == "invitations" and actor.unit_id is None:
        # 信息报备: the district invites the first clerks of its units.
        return actor.may(Verb.ACCOUNT_CREATE)
    if name == "accounts" and not actor.is_main:
        return False
    return actor.may(VERBS[name]) and (name not in OF_UNITS or actor.unit_id is not None)


def kind_of(actor: Actor, name: str) -> Kind:
    found = kinds().get(name)
    if found is None:
        raise refuse(
            "导入内容", say("没有“%(name)s”这种导入", name=name[:30]), "请从列表选择", field="kind", value=name[:30]
        )
    require(actor, Verb.IMPORT)
    if not _may(actor, name):
        require(actor, VERBS[name])
    if not _may(actor, name):
        raise refuse(
            "导入内容",
            say("%(label)s由所在单位的账号导入", label=found.label),
            "请由单位账号办理",
            field="kind",
            value=name,
        )
    return found


def open_batch(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    kind: str,
    stream: IO[bytes],
    file_name: str,
    *,
    mode: str = "both",
    queued: bool = True,
) -> ImportBatch:
    """Keep the uploaded file and have it checked as a job; not `queued`, the caller checks it himself (command)."""
    held = kind_of(actor, kind)
    _check_mode(mode)
    batch = ImportBatch(
        kind=held.name, state="checking", mode=mode, file_name=attachments.clean_name(file_name),
        unit_id=actor.unit_id, region_code=actor.region_code, created_by_id=actor.user_id, created_at=at,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    kept = attachments.store(
        session, actor, at, stream, file_name, "import", "import_batch", batch.id, actor.unit_id, actor.region_code
    )
    batch.attachment_id = kept.id
    if queued:
        _enqueue_check(session, actor, batch, at)
    audit.record(
        session, actor, at, "import.upload", "import_batch", batch.id,
        after={"kind": kind, "mode": mode, "file": file_name},
    )  # fmt: skip
    return batch


def _check_mode(mode: str) -> None:
    if mode not in IMPORT_MODE:
        raise refuse(
            "导入方式", say("没有“%(mode)s”这种方式", mode=mode[:20]), "请从列表选择", field="mode", value=mode[:20]
        )


def _enqueue_check(session: AnySession, actor: Actor, batch: ImportBatch, at: dt.datetime) -> None:
    title = say("校验 %(file_name)s", file_name=batch.file_name)
    batch.job_id = jobs.enqueue(session, actor, at, "import_check", title, {"batch": batch.id}).id


# --- checking


def check(
    session: AnySession, actor: Actor, batch_id: int, path: Path, at: dt.datetime, progress: Progress | None = None
) -> dict[str, int]:
    """Judge every row and keep the judgement, a part at a time; a second run (after a kill) begins anew."""
    batch = own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    if batch.state != "checking":
        raise refuse("校验", "这个文件不在待校验状态", "请刷新页面查看进度")
    mode, name, given = batch.mode, batch.file_name, batch.mapping
    try:
        sheet = read(path, name, held)
        match = _match(session, actor, held, sheet, given)
        checker = Checker(session, actor, held, at, match, mode)
        counts = _keep(session, batch_id, checker, sheet, progress)
    except Refusal as refusal:
        why = changed(str(refusal), mask_numbers)
        with transaction(session):
            session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
            session.execute(
                update(ImportBatch).where(ImportBatch.id == batch_id).values(state="failed", note=why)
            )
        return {"rows": 0} | dict.fromkeys(COUNTED, 0)
    unused = [mask_numbers(h) for h, c in zip(match.headings, match.columns, strict=True) if c is None and h]
    told = match.as_json() | {
        "unknown": unused, "asked": words.asked(checker), "dates": checker.survey.orders,
        "by_month": checker.survey.months,
        "commas": checker.survey.figures.with_comma(),
        "left": checker.left, "wrong": checker.wrong, "examples": examples(sheet),
        "odd_codes": [checker.odd_codes, checker.odd_examples],
        "unheard": {n: more - MOST_WORDS for n, more in checker.unexplained.items() if more > MOST_WORDS},
        "chosen": bool(given and given.get("chosen")), "hidden": sheet.hidden(),
        "places": sheet.places(),
        "sums": [len(checker.sums), checker.sums[:MOST_SUMS]],
        "likelier": matching.likelier(kinds_for(actor).values(), held, match),
    }  # fmt: skip
    with transaction(session):
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch_id)
            .values(
                state="checked", rows=sum(counts.values()), done_rows=0, mapping=told,
                note=say("没有用到的列：%(names)s", names=together(unused)) if unused else None,
                **{f"{state}_rows": counts[state] for state in COUNTED},
            )
        )  # fmt: skip
    return {"rows": sum(counts.values()), **counts}


def checked(session: AnySession, actor: Actor, batch_id: int) -> dict[str, int] | None:
    """The counts of a batch whose check ended, though its job did not live to say so; else None."""
    batch = own(session, actor, batch_id)
    if batch.state == "checking":
        return None
    return {"rows": batch.rows} | {state: getattr(batch, f"{state}_rows") for state in COUNTED}


def _keep(
    session: AnySession, batch_id: int, checker: Checker, sheet: Sheet, progress: Progress | None
) -> dict[str, int]:
    with transaction(session):
        session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
    counts = dict.fromkeys(COUNTED, 0)
    table = ImportRow.__table__
    with no_cycles(), behind(session) as do:
        # While a part is written, the one behind it is made ready and the next is read from the file.
        tell = None if progress is None else lambda done, total: do(partial(progress, done, total, "校验"))
        ready: list[Block] = []
        for rows in checker.check(sheet, tell, do.done):
            do(partial(_write, session, ready))
            ready = list(blocks_of(session, table, _KEPT, [_values(batch_id, r) for r in rows]))
            for row in rows:
                counts[row.verdict] += 1
        do(partial(_write, session, ready))
    return counts


def _write(session: AnySession, blocks: list[Block]) -> None:
    if blocks:
        with transaction(session):
            write_blocks(session, ImportRow.__table__, _KEPT, blocks)


_KEPT = ("batch_id", "number", "state", "raw", "data", "before", "errors", "reason", "entity_id", "applied")


def _values(batch_id: int, row: Row) -> tuple[Any, ...]:
    return (
        batch_id, row.number, row.verdict, row.raw, row.data or None, row.before, row.errors or None, row.reason,
        row.entity_id, False,
    )  # fmt: skip


def examples(sheet: Sheet) -> list[list[str]]:
    """Some different texts of each column, by which a person knows it; a person's numbers are masked."""
    found: list[list[str]] = [[] for _ in sheet.headings]
    for cells in sheet.samples:
        for at, cell in enumerate(cells):
            text = "" if cell is None else mask_numbers(" ".join(str(cell).split()))[:24]
            if text and len(found[at]) < EXAMPLES and text not in found[at]:
                found[at].append(text)
    return found


# --- matching


def _match(session: AnySession, actor: Actor, held: Kind, sheet: Sheet, given: Mapping[str, Any] | None) -> Match:
    """As the owner chose for this file, or as was confirmed for the last one of its shape, or as it looks."""
    if given and given.get("chosen"):
        return Match.of_json(given)
    kept = session.scalar(
        select(ImportMatch.data).where(
            ImportMatch.owner == scope.rules.import_owner(actor), ImportMatch.kind == held.name,
            ImportMatch.digest == matching.shape(sheet.headings),
        )
    )  # fmt: skip
    if kept is not None:
        return matching.remembered(held, list(sheet.headings), kept)
    return matching.guess(held, sheet.headings, sheet.samples, _known(session, actor))


def _known(session: AnySession, actor: Actor) -> matching.Known:
    regions, units = Regions(session, actor), UnitNames(session, actor)

    def share(spec: Spec, cells: list[Any]) -> float:
        words = [str(cell) for cell in cells]
        if spec.kind == "region":
            return sum(regions.find(w) is not None for w in words) / len(words)
        if spec.kind == "unit":
            units.look_up(set(words))
            return sum(bool(units.find(w)) for w in words) / len(words)
        if spec.kind == "person":
            known = scope.apply(select(Person.name, Person.certificate_no), actor, Person)
            people = {word for pair in session.execute(known) for word in pair}
            return sum(w in people for w in words) / len(words)
        if spec.name != "code":
            return 0
        codes = {normal_code(w) for w in words}
        found: set[str] = set()
        for part in parts(sorted(codes)):
            statement = scope.apply(select(Elevator.code).where(Elevator.code.in_(part)), actor, Elevator)
            found |= set(session.scalars(statement))
        return len(found) / len(codes)

    return share


def rematch(
    session: AnySession,
    actor: Actor,
    batch_id: int,
    at: dt.datetime,
    *,
    columns: Sequence[str | None],
    mode: str | None = None,
    orders: Mapping[str, str] | None = None,
    months: Mapping[str, str] | None = None,
    words: Mapping[str, Mapping[str, Any]] | None = None,
    measures: Mapping[str, str] | None = None,
    lenient: Sequence[str] = (),
    queued: bool = True,
) -> ImportBatch:
    """Take the owner's word for columns, dates, units of measure and words, remember it, and check again."""
    batch = own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    lock(session, ImportBatch, batch_id)
    session.refresh(batch)
    if batch.state != "checked" or batch.mapping is None:
        raise refuse("列的对应", "这个文件不在可以调整的状态", "请刷新页面查看进度")
    _check_mode(mode or batch.mode)
    before = Match.of_json(batch.mapping)
    raise_failing(_column_findings(held, before, columns))
    how = [
        old if new == was else matching.CHOSEN if new else matching.NONE
        for new, was, old in zip(columns, before.columns, before.how, strict=True)
    ]
    how = [matching.CHOSEN if h in matching.TO_CONFIRM else h for h in how]
    match = Match(
        before.headings, list(columns), how, _orders(orders), {k: dict(v) for k, v in (words or {}).items()},
        matching.known_measures(held, measures), [s.name for s in held.columns if s.name in lenient and not s.required],
        {name: day for name, day in (months or {}).items() if day in MONTH_DAYS},
    )  # fmt: skip
    batch.mapping = match.as_json() | {"chosen": True}
    batch.mode = mode or batch.mode
    batch.state = "checking"
    remember(session, actor, held, match, at)
    if queued:
        _enqueue_check(session, actor, batch, at)
    audit.record(
        session, actor, at, "import.match", "import_batch", batch.id,
        after={"columns": dict(zip(match.headings, match.columns, strict=True)), "mode": batch.mode},
    )  # fmt: skip
    return batch


def take_as(
    session: AnySession, actor: Actor, batch_id: int, kind: str, at: dt.datetime, *, queued: bool = True
) -> ImportBatch:
    """Check a file anew as of another kind, where the first was chosen by mistake; nothing of it was imported yet."""
    batch = own(session, actor, batch_id)
    held = kind_of(actor, kind)
    lock(session, ImportBatch, batch_id)
    session.refresh(batch)
    if batch.state != "checked":
        raise refuse("导入内容", "这个文件不在可以调整的状态", "请刷新页面查看进度")
    before, batch.kind, batch.mapping, batch.state = batch.kind, held.name, None, "checking"
    if queued:
        _enqueue_check(session, actor, batch, at)
    audit.record(
        session, actor, at, "import.kind", "import_batch", batch.id, before={"kind": before}, after={"kind": held.name}
    )  # fmt: skip
    return batch


def _column_findings(held: Kind, before: Match, columns: Sequence[str | None]) -> list[Finding]:
    findings = []
    if len(columns) != len(before.headings):
        found = say("文件有 %(count)s 列，收到 %(count2)s 列", count=len(before.headings), count2=len(columns))
        findings.append(Finding("列的对应", False, found, "请刷新页面后重新选择"))
    for name in dict.fromkeys(c for c in columns if c):
        spec = held.spec(name)
        if spec is None:
            findings.append(Finding("列的对应", False, say("没有“%(name)s”这个字段", name=name[:30]), "请从列表选择"))
        elif list(columns).count(name) > 1 and not spec.joins:
            found = say("“%(label)s”对应了 %(count)s 列", label=spec.label, count=list(columns).count(name))
            findings.append(Finding("列的对应", False, found, "只有地址、备注等文字可以由几列合成，多余的请选“不导入”"))
    return findings


def _orders(orders: Mapping[str, str] | None) -> dict[str, str]:
    return {name: order for name, order in (orders or {}).items() if order in ORDERS}


def remember(session: AnySession, actor: Actor, held: Kind, match: Match, at: dt.datetime) -> None:
    """Keep what was confirmed for the next file with these headings."""
    owner = scope.rules.import_owner(actor)
    where = (ImportMatch.owner == owner, ImportMatch.kind == held.name, ImportMatch.digest == match.digest)
    kept = session.scalar(select(ImportMatch).where(*where).with_for_update())
    if kept is None:
        kept = ImportMatch(owner=owner, kind=held.name, digest=match.digest)
    kept.data = matching.to_remember(match)
    kept.updated_at, kept.updated_by_id = at, actor.user_id
    session.add(kept)
    session.flush()


# --- starting


def start(
    session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, *, queued: bool = True
) -> ImportBatch:
    """Have the good rows imported. Only once, and only what was checked."""
    batch = own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    lock(session, ImportBatch, batch_id)
    session.refresh(batch)
    if batch.state != "checked":
        raise refuse("导入", "这个文件不在待导入状态", "请刷新页面查看进度")
    if batch.new_rows + batch.changed_rows == 0:
        raise refuse("导入", "没有可以导入的行", "请改正错误后重新上传")
    if batch.mapping:
        remember(session, actor, held, Match.of_json(batch.mapping), at)
    job_id = batch.job_id
    if queued:
        job_id = jobs.enqueue(
            session, actor, at, "import", say("导入 %(file_name)s", file_name=batch.file_name), {"batch": batch.id}
        ).id
    session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(state="importing", job_id=job_id))
    return batch


def counts_of(session: AnySession, batch_id: int) -> dict[str, int]:
    """Rows by state as they are now; together they are all rows of the file."""
    found = dict.fromkeys(COUNTED, 0)
    statement = select(ImportRow.state, func.count()).where(ImportRow.batch_id == batch_id).group_by(ImportRow.state)
    found.update((state, count) for state, count in session.execute(statement))
    return found


def file_of(session: AnySession, actor: Actor, batch_id: int) -> Path:
    """Where the batch's file lies."""
    batch = own(session, actor, batch_id)
    kept = session.get(Attachment, batch.attachment_id) if batch.attachment_id else None
    if kept is None:
        raise refuse("文件", "上传的文件已不在", "请重新上传")
    return attachments.path(None, kept)


def own(session: AnySession, actor: Actor, batch_id: int) -> ImportBatch:
    """A batch of the actor's own; a regulator sees those of the region, but only looks at them and undoes them."""
    found: ImportBatch = scope.visible(session, actor, ImportBatch, batch_id, "导入批次")
    if not actor.system and found.created_by_id != actor.user_id:
        raise refuse("导入批次", "只能处理自己上传的文件", "请由上传人办理")
    return found
