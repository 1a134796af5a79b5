"""Files: checked by their content, stored under their digest outside the web root, given out within scope only.

The name is only shown; it never becomes a path. What a file is, its first bytes say, not its extension.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, select

from app.errors import Finding, NotAllowed, refuse
from app.models import (
    Application,
    Attachment,
    Contract,
    Elevator,
    ElevatorAssignment,
    GradeCertificate,
    MaintenanceOrder,
    PatrolStop,
    PolicyProposal,
    Visit,
)
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Actor, Verb, require
from app.scope import visible
from app.transaction import AnySession, after_commit
from app.workflows import audit

MEGABYTE = 1024 * 1024
_folder: Path | None = None

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS, CSV, ZIP = "application/vnd.ms-excel", "text/csv", "application/zip"
EXTENSIONS = {
    PDF: (".pdf",), PNG: (".png",), JPEG: (".jpg", ".jpeg"), XLSX: (".xlsx",), XLS: (".xls",), CSV: (".csv",),
    ZIP: (".zip",),
}  # fmt: skip
WORDS = {
    PDF: "PDF",
    PNG: "PNG 图片",
    JPEG: "JPG 图片",
    XLSX: "Excel（.xlsx）",
    XLS: "Excel（.xls）",
    CSV: "CSV",
    ZIP: "ZIP",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """What a kind of attachment may be."""

    types: tuple[str, ...]
    megabytes: int = 10
    files: int = 20


_PAPER = Limit((PDF, PNG, JPEG))
_PICTURE = Limit((PNG, JPEG))
LIMITS = {
    "licence": _PAPER, "qualification": _PAPER, "contract": _PAPER, "document": _PAPER, "grade": _PAPER,
    "identity": Limit((PNG, JPEG), files=2), "face": Limit((PNG, JPEG), files=2), "operator": _PAPER,
    "sheet": _PAPER, "photo": _PICTURE, "avatar": Limit((JPEG,), megabytes=1, files=1),
    "signature": Limit((PNG,), megabytes=1, files=4),
    "import": Limit((XLSX, XLS, CSV), files=1), "export": Limit((XLSX, CSV, PDF, ZIP), megabytes=2048, files=10),
}  # fmt: skip
# Made for one account's rights; the verb that it needs when it fetches the file.
PRIVATE = {"export": Verb.EXPORT, "import": Verb.IMPORT}
# Pictures of a person: shown with a reason and a trace only (`people.reveal`), never by the file's address.
OF_PERSONS = ("identity", "face")
# What reading the row needs, its files need too; of other rows only the uploader has the file.
READING = {
    "elevator": Verb.ELEVATOR_READ, "visit": Verb.VISIT_READ, "contract": Verb.CONTRACT_READ, "unit": Verb.UNIT_READ,
    "application": Verb.APPLICATION_READ, "grade_certificate": Verb.PERSON_READ, "person": Verb.PERSON_READ,
    "maintenance_order": Verb.ORDER_READ, "patrol_stop": Verb.PATROL_READ, "policy_proposal": Verb.POLICY_READ,
    "invitation": Verb.PERSON_READ,
}  # fmt: skip
_FOLLOWED: dict[str, Any] = {
    model.__tablename__: model
    for model in (
        Elevator, Visit, Contract, Application, GradeCertificate, MaintenanceOrder, PatrolStop, PolicyProposal,
    )
}
# A workbook that unpacks to more than this is a bomb, not a register.
MOST_UNPACKED = 400 * MEGABYTE
MOST_PARTS = 2000


def use_folder(folder: str | Path) -> None:
    """Say where files are kept; called once by whatever starts the product."""
    global _folder
    _folder = Path(folder)


def store(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    stream: IO[bytes],
    name: str,
    kind: str,
    entity: str,
    entity_id: int | None,
    unit_id: int | None,
    region_code: str | None,
) -> Attachment:
    """Check and keep a file. Refuses by size, number, content, and where name and content contradict each other.

    The bytes are on disk before the row is in the database: a row never points at nothing.
    """
    limit = LIMITS[kind]
    shown = clean_name(name)
    _check_number(session, kind, entity, entity_id, limit)
    draft, size, digest = _take(stream, shown, limit)
    try:
        mime = content_type(draft, shown)
        if mime not in limit.types:
            words = "、".join(WORDS[t] for t in limit.types)
            found = WORDS.get(mime, "无法识别的格式") if mime else "无法识别的格式"
            raise _bad(
                shown, f"内容是{found}，{ATTACHMENT_KIND[kind]}只接受 {words}", "请换用允许的格式；改扩展名没有用"
            )
        if Path(shown).suffix.lower() not in EXTENSIONS[mime]:
            raise _bad(
                shown, f"扩展名与内容不符，内容是{WORDS[mime]}", f"请把扩展名改为 {EXTENSIONS[mime][0]} 后重新上传"
            )
        _keep(draft, digest)
    finally:
        draft.unlink(missing_ok=True)
    row = Attachment(
        entity=entity,
        entity_id=entity_id,
        kind=kind,
        name=shown,
        mime=mime,
        size=size,
        sha256=digest,
        unit_id=unit_id,
        region_code=region_code,
        uploaded_by_id=actor.user_id,
        uploaded_at=at,
        rights=rights_of(session, actor) if kind == "export" else None,
    )
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "attachment.store", entity, entity_id,
        after={"attachment": row.id, "kind": kind, "name": shown, "size": size, "sha256": digest},
    )  # fmt: skip
    return row


def adopt(session: AnySession, actor: Actor, ids: Iterable[int], entity: str, entity_id: int) -> list[Attachment]:
    """Give the actor's own files, uploaded before their row existed, to that row. Others' files are NotFound."""
    rows = [visible(session, actor, Attachment, key, "附件") for key in ids]
    for row in rows:
        if row.uploaded_by_id != actor.user_id or row.entity_id not in (None, entity_id):
            raise _bad(row.name, "这个附件不是您为这条记录上传的", "请重新上传")
        row.entity, row.entity_id = entity, entity_id
    return rows


def remove(session: AnySession, actor: Actor, row: Attachment, at: dt.datetime) -> None:
    """Take a file away; its bytes go after the commit, unless another row has the same. The caller has the right."""
    digest, place = row.sha256, path(None, row)
    same = select(func.count()).where(Attachment.sha256 == digest, Attachment.id != row.id)
    others = session.scalar(same.execution_options(skip_scope=True))
    after = {"attachment": row.id, "kind": row.kind, "sha256": digest}
    audit.record(session, actor, at, "attachment.remove", row.entity, row.entity_id, before=after)
    session.delete(row)
    session.flush()
    if not others:
        after_commit(session, lambda: place.unlink(missing_ok=True))


def for_download(session: AnySession, actor: Actor, attachment_id: int) -> Attachment:
    """The file, if the actor may have it now; else NotFound. Results and workbooks go to their owner alone.

    A file of a visit, elevator, contract or application is seen by whoever sees that row: the use unit reads the
    sheet that the maintenance unit uploaded, and nobody the papers of an elevator that is hidden from him.
    """
    parent = session.execute(
        select(Attachment.entity, Attachment.entity_id, Attachment.kind)
        .where(Attachment.id == attachment_id)
        .execution_options(skip_scope=True)
    ).one_or_none()
    followed = _FOLLOWED.get(parent.entity) if parent and parent.kind not in PRIVATE else None
    if parent is None or followed is None or parent.entity_id is None:
        row: Attachment = visible(session, actor, Attachment, attachment_id, "附件")
    else:
        held = visible(session, actor, followed, parent.entity_id, "附件")
        if followed is PatrolStop and held.round.account_id != actor.user_id:
            visible(session, actor, Elevator, held.elevator_id, "附件")
        whole = select(Attachment).where(Attachment.id == attachment_id).execution_options(skip_scope=True)
        row = session.scalars(whole).one()
    if row.kind in PRIVATE:
        require(actor, PRIVATE[row.kind])
        if row.uploaded_by_id != actor.user_id:
            raise NotAllowed(Finding("附件", False, "这个文件是按另一账号的权限生成的", "请用自己的账号重新导出"))
        if row.kind == "export" and row.rights != rights_of(session, actor):
            raise NotAllowed(Finding("附件", False, "这个文件生成后，您的权限已变", "权限已变，请重新导出"))
    elif row.kind in OF_PERSONS:
        found = f"{ATTACHMENT_KIND[row.kind]}不能直接下载"
        raise NotAllowed(Finding("附件", False, found, "请在人员页面填写原因后查看，查看会被记录"))
    elif row.uploaded_by_id != actor.user_id:
        _may_read(actor, row)
    return row


def application_of(session: AnySession, attachment_id: int) -> int | None:
    """The application that a file belongs to, whoever asks; None for every other file."""
    statement = select(Attachment.entity_id).where(
        Attachment.id == attachment_id, Attachment.entity == "application", Attachment.kind.not_in(PRIVATE)
    )
    found: int | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def _may_read(actor: Actor, row: Attachment) -> None:
    verb = READING.get(row.entity)
    if verb is None:
        raise NotAllowed(Finding("附件", False, "这个文件只有上传人可以打开", "请向上传人索取"))
    require(actor, verb)


def rights_of(session: AnySession, actor: Actor) -> str:
    """A digest of what the actor may see: roles, place, and the elevators assigned to him where these are not all."""
    assigned: list[int] = []
    if not actor.sees_all_elevators:
        statement = select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == actor.user_id)
        assigned = sorted(session.scalars(statement))
    told = [
        sorted(r.value for r in actor.roles), actor.unit_id, actor.region_code, actor.person_id,
        actor.sees_all_elevators, assigned,
    ]  # fmt: skip
    if actor.withheld:
        told.append(sorted(v.value for v in actor.withheld))
    if actor.ticked is not None:
        # What was made with all rights of the account is not for a token that has some of them.
        told.append(sorted(verb.value for verb in actor.ticked))
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def forget(session: AnySession, row: Attachment) -> None:
    """Drop a file that nobody may keep any more: its row, and after the commit its bytes if no other row has them."""
    digest = row.sha256
    session.delete(row)
    session.flush()
    others = select(Attachment.id).where(Attachment.sha256 == digest).limit(1).execution_options(skip_scope=True)
    if session.scalar(others) is None:
        place = place_of(_root(), digest)
        after_commit(session, lambda: place.unlink(missing_ok=True))


def of(session: AnySession, entity: str, entity_id: int) -> list[Attachment]:
    """A row's files, oldest first. The caller has the row through scope; its files follow it."""
    statement = select(Attachment).where(Attachment.entity == entity, Attachment.entity_id == entity_id)
    return list(session.scalars(statement.order_by(Attachment.id).execution_options(skip_scope=True)))


def path(folder: str | Path | None, attachment: Attachment) -> Path:
    """Where the bytes are; `folder` defaults to the one in use."""
    return place_of(Path(folder) if folder is not None else _root(), attachment.sha256)


# --- content


def clean_name(name: str) -> str:
    """The name as shown: the last part of any path, Chinese kept, invisible characters gone, 120 at most."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    text = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")).strip(" .")
    stem, suffix = Path(text).stem, Path(text).suffix[:10]
    return (stem[: 120 - len(suffix)] or "未命名") + suffix


def content_type(file: Path, name: str) -> str | None:
    """What the bytes are, or None. Text is CSV only by elimination: it has no mark of its own."""
    with file.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return XLS
    if head.startswith(b"PK\x03\x04"):
        return _archive_type(file, name)
    if name.lower().endswith(".csv") and b"\x00" not in head and not head.lstrip().startswith((b"<", b"%!")):
        return CSV
    return None


def _archive_type(file: Path, name: str) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise _bad(name, "压缩包已损坏，无法打开", "请用表格软件重新保存后上传") from error
    if len(parts) > MOST_PARTS or sum(p.file_size for p in parts) > MOST_UNPACKED:
        raise _bad(name, f"解压后超过 {MOST_UNPACKED // MEGABYTE} MB 或 {MOST_PARTS} 个文件", "请拆成几个文件上传")
    names = {p.filename for p in parts}
    if "xl/vbaProject.bin" in names:
        raise _bad(name, "含有宏", "请另存为不含宏的 .xlsx 后上传")
    return XLSX if {"[Content_Types].xml", "xl/workbook.xml"} <= names else ZIP


# --- disk


def _root() -> Path:
    if _folder is None:
        raise RuntimeError("attachments.use_folder was not called")
    return _folder


def place_of(root: Path, digest: str) -> Path:
    """Where in a folder of files the bytes with this digest are."""
    return root / digest[:2] / digest[2:4] / digest


def _take(stream: IO[bytes], name: str, limit: Limit) -> tuple[Path, int, str]:
    """Copy to a draft on the same disk, counting and hashing; stops as soon as it is too large."""
    root = _root()
    root.mkdir(parents=True, exist_ok=True)
    size, hashed = 0, hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=root, prefix="draft-")
    draft = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as out:
            while block := stream.read(MEGABYTE):
                size += len(block)
                if size > limit.megabytes * MEGABYTE:
                    raise _bad(name, f"超过 {limit.megabytes} MB", "请压缩或拆分后上传")
                hashed.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise _bad(name, "是空文件", "请检查文件后重新选择")
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft, size, hashed.hexdigest()


def _keep(draft: Path, digest: str) -> None:
    place = place_of(_root(), digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft.chmod(0o640)
    draft.replace(place)  # the same content twice is one file


def _check_number(session: AnySession, kind: str, entity: str, entity_id: int | None, limit: Limit) -> None:
    if entity_id is None:
        return
    held = session.scalar(
        select(func.count())
        .select_from(Attachment)
        .where(Attachment.entity == entity, Attachment.entity_id == entity_id, Attachment.kind == kind)
    )
    if (held or 0) >= limit.files:
        raise refuse("附件数量", f"已有 {held} 个{ATTACHMENT_KIND[kind]}，最多 {limit.files} 个", "请先删去不需要的")


def _bad(name: str, found: str, remedy: str) -> Exception:
    return refuse("附件", f"“{name}”{found}", remedy, field="file", value=name)
