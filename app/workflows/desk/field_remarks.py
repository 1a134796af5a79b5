"""What an officer says of single fields and papers when a filing is sent back (UNT-05): kept with the application."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from app.errors import Finding, raise_failing
from app.models import Application, Person, Unit
from app.models.attachment import ATTACHMENT_KIND
from app.rules.approval import ApplicationState, ApplicationVerb
from app.rules.identifiers import mask_numbers
from app.transaction import AnySession
from app.wording import cut, say, together
from app.workflows.approval import filing_fields
from app.workflows.approval.filing_versions import MODEL
from app.workflows.approval.submissions import FILING_KINDS
from app.workflows.files import record_files
from app.workflows.filing import unit_papers
from app.workflows.people import person_filing, person_versions

LONGEST = 200
KINDS = FILING_KINDS | {person_filing.KIND}
Remarks = Mapping[str, str]


def may_have(application: Application) -> bool:
    """Whether single parts of it can be remarked on."""
    return application.kind in KINDS


def label(entity: str, name: str) -> str:
    """How the form calls a field or a paper."""
    if entity == Person.__tablename__:
        scans = {unit_papers.field(kind): str(ATTACHMENT_KIND[kind]) for kind in record_files.DECIDED_WITH}
        return scans[name] if name in scans else person_filing.label(name)
    papers = {unit_papers.field(kind): word for kind, word in unit_papers.FILED.items()}
    return papers[name] if name in papers else filing_fields.label(MODEL[entity], name)


def parts(entity: str) -> tuple[str, ...]:
    """What can be remarked on: the filed fields, and of a unit or a person the scans."""
    if entity == Person.__tablename__:
        return (*person_versions.FIELDS, *(unit_papers.field(kind) for kind in record_files.DECIDED_WITH))
    scans = tuple(unit_papers.field(kind) for kind in unit_papers.FILED) if entity == Unit.__tablename__ else ()
    return (*filing_fields.fields_of(MODEL[entity]), *scans)


def checked(application: Application, given: Remarks, verb: ApplicationVerb) -> dict[str, str]:
    """The remarks as they are kept, in the order of the form; Refusal where they can't be.

    Whole numbers of persons are masked: remarks go into opinions, notices and the log, which nobody seals.
    """
    told = {name: " ".join(text.split()) for name, text in given.items()}
    told = {name: text for name, text in told.items() if text}
    if not told:
        return {}
    known = parts(application.entity) if may_have(application) else ()
    odd = [name for name in told if name not in known]
    long = [name for name, text in told.items() if len(text) > LONGEST]
    sent_back = verb in (ApplicationVerb.REJECT, ApplicationVerb.RETURN_)
    raise_failing([
        Finding("指出有误的项", not odd, say("没有“%(name)s”这一项", name=odd[0][:40] if odd else ""),
            "请在备案内容的各项下面填写", field="remarks"),
        Finding("指出有误的项", not long, say("有 %(count)s 项写得太长", count=len(long)),
            say("每项最多 %(n)s 个字", n=LONGEST), field="remarks"),
        Finding("指出有误的项", sent_back, say("已指出 %(count)s 项有误，却没有选“不通过”", count=len(told)),
            "请选“不通过”，或清空各项下面写的话", field="remarks"),
    ])  # fmt: skip
    return {name: mask_numbers(told[name]) for name in known if name in told}


def as_opinion(application: Application, told: Remarks, longest: int) -> str:
    """The remarks in one text: the opinion where the officer wrote none."""
    lines = [say("%(name)s：%(text)s", name=label(application.entity, n), text=text) for n, text in told.items()]
    return str(cut(together(lines, "；"), longest))


def of_application(application: Application) -> dict[str, str]:
    """What was said when it was sent back; masked for what was kept before remarks were."""
    return {name: mask_numbers(text) for name, text in (application.data.get("remarks") or {}).items()}


def refused_before(session: AnySession, application: Application) -> Application | None:
    """The filing of the same unit, elevator or person that was turned down and that this one follows; None where what
    was decided before was approved, or nothing was. One that was withdrawn decided nothing."""
    statement = select(Application).where(
        Application.entity == application.entity, Application.entity_id == application.entity_id,
        Application.kind == application.kind, Application.id < application.id,
        Application.state.in_((ApplicationState.APPROVED, ApplicationState.REJECTED)),
    )  # fmt: skip
    last = session.scalar(statement.order_by(Application.id.desc()).limit(1))
    return last if last is not None and last.state == ApplicationState.REJECTED else None


def of_row(session: AnySession, entity: str, entity_id: int) -> dict[str, str]:
    """What was said of the filing of a unit, elevator or person that was sent back last and not handed in again.

    One that was handed in and withdrawn answered nothing.
    """
    statement = select(Application).where(
        Application.entity == entity, Application.entity_id == entity_id, Application.kind.in_(KINDS),
        Application.state != ApplicationState.WITHDRAWN,
    )  # fmt: skip
    ordered = statement.order_by(Application.id.desc()).limit(1).execution_options(skip_scope=True)
    last = session.scalar(ordered)
    if last is None or last.state != ApplicationState.REJECTED:
        return {}
    return of_application(last)
