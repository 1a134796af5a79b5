"""Files: checked by their content, stored under their digest outside the web root, given out within scope only.

The name is only shown; it never becomes a path. What a file is, its first bytes say, not its extension
(`file_contents`); pictures are written anew (`pictures`), and nothing that waits for the scanner is given out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import bindparam, select

from app.direct_rows import columns_of, row_of
from app.errors import Finding, NotAllowed, NotFound, Refusal
from app.models import (
    Anomaly,
    Application,
    Attachment,
    Bulletin,
    Complaint,
    Contract,
    Declaration,
    Elevator,
    ElevatorAssignment,
    Enforcement,
    FraudCase,
    GradeCertificate,
    Inspection,
    InsuranceRecord,
    MaintenanceOrder,
    PatrolStop,
    PolicyProposal,
    RepairOrder,
    SafetyRecord,
    SpotCheck,
    Visit,
)
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Actor, Verb, require
from app.rules.files import CSV, JPEG, LIMITS, PDF, PICTURES, PNG, XLS, XLSX, ZIP, Limit, clean_name
from app.scope import visible
from app.transaction import AnySession, all_written, asked
from app.wording import say
from app.workflows.core import audit
from app.workflows.files import decided_upon, file_contents, file_room, infected, pictures, sealed_files
from app.workflows.files.file_contents import MEGABYTE, MOST_UNPACKED, bad
from app.workflows.files.places import DRAFT_LASTS, draft_file, file_of, forget_bytes, place_of, standing, use_folder

__all__ = [
    "CSV", "DRAFT_LASTS", "JPEG", "MOST_UNPACKED", "PDF", "PNG", "XLS", "XLSX", "ZIP", "clean_name", "draft_file",
    "file_of", "forget_bytes", "place_of", "use_folder",
]  # fmt: skip

# Made for one account's rights; the verb that it needs when it fetches the file.
PRIVATE = {"export": Verb.EXPORT, "import": Verb.IMPORT}
# Pictures of a person: by the file's address for himself alone, else with a reason and a trace (`revealing`).
OF_PERSONS = ("identity", "face", "selfie")
# What reading the row needs, its files need too; of other rows only the uploader has the file.
READING = {
    "elevator": Verb.ELEVATOR_READ, "visit": Verb.VISIT_READ, "contract": Verb.CONTRACT_READ, "unit": Verb.UNIT_READ,
    "application": Verb.APPLICATION_READ, "grade_certificate": Verb.PERSON_READ, "person": Verb.PERSON_READ,
    "maintenance_order": Verb.ORDER_READ, "patrol_stop": Verb.PATROL_READ, "policy_proposal": Verb.POLICY_READ,
    "invitation": Verb.PERSON_READ, "declaration": Verb.PERSON_READ,
    "safety_record": Verb.SAFETY_READ, "insurance_record": Verb.INSURANCE_READ,
    "complaint": Verb.COMPLAINT_READ, "inspection": Verb.INSPECTION_READ, "repair_order": Verb.REPAIR_READ, "anomaly":
    Verb.ANOMALY_READ, "enforcement": Verb.ENFORCEMENT_READ, "fraud_case": Verb.FRAUD_CASE, "spot_check":
    Verb.SPOT_READ, "bulletin": Verb.BULLETIN_READ,
}  # fmt: skip
_FOLLOWED: dict[str, Any] = {
    model.__tablename__: model
    for model in (
        Elevator, Visit, Contract, Application, GradeCertificate, MaintenanceOrder, PatrolStop, PolicyProposal,
        InsuranceRecord, Declaration, SafetyRecord, Complaint, Inspection, RepairOrder, Anomaly, Enforcement,
        FraudCase, SpotCheck, Bulletin,
    )
}
# What a page sends ahead of its form: nobody's but the sender's, until the form adopts it or a day has passed.
AHEAD = "upload"
# Made by the product itself.
_NOT_SCANNED = {"export", "bulletin"}


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was checked and lies on the disk, before the database knows of it."""

    name: str
    kind: str
    mime: str
    size: int
    sha256: str
    scan: str
    thumb: str | None = None
    # What was sent, where the picture was written anew.
    sent: str | None = None


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
    file_room.check(session, actor, at, kind, entity, entity_id)
    with infected.stopped_besides(session, at):
        received = receive(stream, name, kind)
    return record(session, actor, at, received, entity, entity_id, unit_id, region_code)


def receive(stream: IO[bytes], name: str, kind: str) -> Received:
    """Check a file and put its bytes in their place. Asks no database: a slow scanner holds nobody else up."""
    limit, shown = LIMITS[kind], clean_name(name)
    draft, size, digest = take(stream, shown, limit)
    try:
        mime = file_contents.check(draft, shown, str(ATTACHMENT_KIND[kind]), limit)
        scan = "off" if kind in _NOT_SCANNED else file_contents.scanned(draft, shown, digest)
        if mime not in PICTURES:
            return Received(shown, kind, mime, size, keep(draft, digest, kind), scan)
        made = pictures.prepare(draft, shown, mime, limit.edge)
    finally:
        draft.unlink(missing_ok=True)
    kept, thumb = _keep_bytes(made.content, kind), _keep_bytes(made.thumb, kind)
    # Of what lies sealed not even a digest stands open.
    sent = None if kind in sealed_files.KINDS else digest
    return Received(shown, kind, mime, len(made.content), kept, scan, thumb, sent)


def record(
    session: AnySession, actor: Actor, at: dt.datetime, file: Received, entity: str, entity_id: int | None,
    unit_id: int | None, region_code: str | None,
) -> Attachment:  # fmt: skip
    """The row of a received file; refused where its bytes are there no more."""
    if not all(standing(digest) for digest in (file.sha256, file.thumb) if digest is not None):
        raise bad(file.name, "没有存下来", "请重新上传")
    row = Attachment(
        entity=entity, entity_id=entity_id, kind=file.kind, name=file.name, mime=file.mime, size=file.size,
        sha256=file.sha256, thumb_sha256=file.thumb, scan=file.scan, unit_id=unit_id, region_code=region_code,
        uploaded_by_id=actor.user_id, uploaded_at=at,
        rights=rights_of(session, actor) if file.kind == "export" else None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = {"attachment": row.id, "kind": row.kind, "name": row.name, "size": row.size, "sha256": row.sha256}
    audit.record(
        session, actor, at, "attachment.store", entity, entity_id,
        after=told | ({"sent": file.sent} if file.sent not in (None, file.sha256) else {}),
    )  # fmt: skip
    return row


def copied(
    session: AnySession, actor: Actor, at: dt.datetime, file: Attachment, entity: str, unit_id: int | None,
    region_code: str | None,
) -> Attachment:  # fmt: skip
    """The same file for one record more, which is about to be made: a row of its own over the same bytes.

    Raise for one that the scanner closed; what waits for the scanner waits as a copy, too. What lies sealed is one
    row's alone and never copied: it is erased at once when its row goes (`places.forget_bytes`).
    """
    if file.kind in sealed_files.KINDS:
        raise ValueError(f"a sealed file is one row's: {file.kind}")
    infected.alone(session, file.sha256)
    session.refresh(file, ["scan"])
    not_infected(file)
    same = Received(file.name, file.kind, file.mime, file.size, file.sha256, file.scan, file.thumb_sha256)
    return record(session, actor, at, same, entity, None, unit_id, region_code)


# --- taken away


def remove(session: AnySession, actor: Actor, attachment_id: int, at: dt.datetime) -> Attachment:
    """Take away a file that the actor sent ahead. What a record holds is taken away by the record's own workflow."""
    row: Attachment = visible(session, actor, Attachment, attachment_id, "附件")
    # By the interface papers come as an application's that has no number yet.
    ahead = row.entity in (AHEAD, "application") and row.entity_id is None and row.kind not in PRIVATE
    if row.uploaded_by_id != actor.user_id or not ahead:
        raise NotAllowed(Finding("附件", False, say("“%(name)s”已属于一条记录", name=row.name), "请在那条记录里处理"))
    row.removed_at = at
    session.flush()
    return row


def adopt(session: AnySession, actor: Actor, ids: Iterable[int], entity: str, entity_id: int) -> list[Attachment]:
    """Give the actor's own files, uploaded before their row existed, to that row. Others' files are NotFound.

    One that another record holds stays there, though the two should have the same number.
    """
    rows = [visible(session, actor, Attachment, key, "附件") for key in ids]
    for row in rows:
        free = row.entity_id is None or (row.entity, row.entity_id) == (entity, entity_id)
        if row.uploaded_by_id != actor.user_id or not free or row.removed_at is not None:
            raise bad(row.name, "这个附件不是您为这条记录上传的", "请重新上传")
        row.entity, row.entity_id = entity, entity_id
    return rows


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
    elif row.kind == "selfie" and row.uploaded_by_id == actor.user_id:
        # Whoever checked in took it of himself.
        pass
    elif row.kind in OF_PERSONS and not _of_oneself(actor, row):
        found = say("%(kind)s不能直接下载", kind=ATTACHMENT_KIND[row.kind])
        raise NotAllowed(Finding("附件", False, found, "请在人员或维保记录页面填写原因后查看，查看会被记录"))
    elif row.uploaded_by_id != actor.user_id and not _of_oneself(actor, row):
        if row.entity_id is None:
            # Sent for what is filed next: until then it is the sender's alone, and to all others not there.
            found = say("没有找到%(label)s（编号 %(key)s），或不在您的管辖范围内", label="附件", key=row.id)
            raise NotFound(Finding("附件", False, found))
        _may_read(actor, row)
    _check_open(session, actor, row)
    return row


def _check_open(session: AnySession, actor: Actor, row: Attachment) -> None:
    """Raise for what was taken away, unless it was decided upon, and for what the scanner has not let through."""
    if row.removed_at is not None and not decided_upon.opens(session, actor, row):
        raise NotFound(Finding("附件", False, say("“%(name)s”已移除", name=row.name), "请刷新页面"))
    not_infected(row)
    if row.scan == "waiting":
        raise Refusal(Finding("查毒", False, say("“%(name)s”还在等待查毒", name=row.name),
            "查毒服务恢复后会自动查，请稍后再打开"))


def not_infected(row: Attachment) -> None:
    """Raise for what the scanner closed."""
    if row.scan == "infected":
        raise NotAllowed(Finding("查毒", False, say("“%(name)s”含有病毒或恶意代码，已封存", name=row.name),
            "请上传人换一份干净的文件"))


def _of_oneself(actor: Actor, row: Attachment) -> bool:
    return row.entity == "person" and row.entity_id is not None and row.entity_id == actor.person_id


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
    digests = [row.sha256, row.thumb_sha256]
    session.delete(row)
    session.flush()
    forget_bytes(session, *digests)


def of(session: AnySession, entity: str, entity_id: int) -> list[Attachment]:
    """A row's files, oldest first. The caller has the row through scope; its files follow it."""
    all_written(session)
    found = asked(session, _OF, {"entity": entity, "key": entity_id}).rows
    return [row_of(session, Attachment, columns) for columns in found]


_file: Any = Attachment.__table__.c
_OF = (
    select(*columns_of(Attachment))
    .where(_file.entity == bindparam("entity"), _file.entity_id == bindparam("key"), _file.removed_at.is_(None))
    .order_by(_file.id)
)


def path(folder: str | Path | None, attachment: Attachment, *, small: bool = False) -> Path:
    """Where the bytes are, sealed or not; `folder` defaults to the one in use. `small`: of the picture's small one."""
    digest = (small and attachment.thumb_sha256) or attachment.sha256
    return file_of(digest) if folder is None else place_of(Path(folder), digest)


# --- disk


def take(stream: IO[bytes], name: str, limit: Limit) -> tuple[Path, int, str]:
    """Copy to a draft on the same disk, counting and hashing; stops as soon as it is too large."""
    size, hashed = 0, hashlib.sha256()
    handle, draft = draft_file()
    try:
        with os.fdopen(handle, "wb") as out:
            while block := stream.read(MEGABYTE):
                size += len(block)
                if size > limit.megabytes * MEGABYTE:
                    raise bad(name, say("超过 %(megabytes)s MB", megabytes=limit.megabytes), "请压缩或拆分后上传")
                hashed.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise bad(name, "是空文件", "请检查文件后重新选择")
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft, size, hashed.hexdigest()


def keep(draft: Path, digest: str, kind: str) -> str:
    """Put a draft in its place, sealed where its kind is; the digest under which it lies."""
    if kind in sealed_files.KINDS:
        draft, digest = sealed_files.seal(draft, kind)
    place = file_of(digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft.chmod(0o640)
    draft.replace(place)  # the same content twice is one file
    return digest


def _keep_bytes(content: bytes, kind: str) -> str:
    """Put bytes of our own making in their place; their digest."""
    handle, temporary = draft_file()
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return keep(temporary, hashlib.sha256(content).hexdigest(), kind)
