"""Papers that an application is about: 等级证书, 维保承诺书, 自我声明承诺书. Their own state goes along with its."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.errors import Finding, refuse
from app.models import Application, Attachment
from app.permissions import Actor, Verb
from app.rules.approval import ApplicationState, ApplicationVerb, application_move
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval.submissions import Handlers, Mend, Values
from app.workflows.core import moves


@dataclass(frozen=True, slots=True)
class Following:
    """A model with `state` and `in_force_from`, its name, and how one of it is called: 这份证书."""

    model: Any
    name: str
    words: str

    def row(self, session: AnySession, application: Application) -> Any:
        """The paper of the application, held until the transaction ends; Refusal outside scope."""
        found = lock(session, self.model, application.entity_id)
        if found is None:
            raise refuse(
                self.name, say("没有找到%(words)s，或不在您的管辖范围内", words=self.words), "请从列表重新打开"
            )
        return found

    def waiting(self, session: AnySession, *whose: Any) -> Any:
        """Number and id of an application about such a paper that is still open, whoever may read it; None if none."""
        about = (Application.entity == self.model.__tablename__) & (Application.entity_id == self.model.id)
        statement = select(Application.number, Application.id).join(self.model, about)
        statement = statement.where(*whose, Application.is_open.is_(True)).limit(1)
        return session.execute(statement.execution_options(skip_scope=True)).first()

    def follow(
        self, session: AnySession, actor: Actor, row: Any, verb: ApplicationVerb, at: dt.datetime,
        application: Application,
    ) -> None:  # fmt: skip
        """Move the paper as its application moved; accepted twice is accepted."""
        if verb is ApplicationVerb.ACCEPT and row.state == ApplicationState.ACCEPTED:
            return
        new = application_move(ApplicationState(row.state), verb)
        moves.move(session, actor, row, "state", new.value, verb=verb.value, at=at, application=application)

    def handlers(
        self, findings: Callable[[AnySession, Application, dt.datetime], list[Finding]], mends: Sequence[Mend] = (),
        put_right: Callable[[AnySession, Actor, Application, Any, Values, dt.datetime], None] | None = None,
        mends_by: Verb | None = None,
    ) -> Handlers:  # fmt: skip
        """What such a kind of application means: in force from its approval.

        `put_right` writes the values of `mends` into a paper that was returned, once it has checked them.
        """

        def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
            row = self.row(session, application)
            self.follow(session, actor, row, ApplicationVerb.ACCEPT, at, application)
            self.follow(session, actor, row, ApplicationVerb.APPROVE, at, application)
            row.in_force_from = at
            session.flush()

        def turned_down(
            session: AnySession, actor: Actor, application: Application, verb: ApplicationVerb, at: dt.datetime
        ) -> None:
            row = self.row(session, application)
            if verb is ApplicationVerb.REJECT:
                self.follow(session, actor, row, ApplicationVerb.ACCEPT, at, application)
            self.follow(session, actor, row, verb, at, application)

        def resubmitted(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
            row = self.row(session, application)
            self.follow(session, actor, row, ApplicationVerb.RESUBMIT, at, application)

        def mended(
            session: AnySession, actor: Actor, application: Application, values: Values, at: dt.datetime
        ) -> None:
            assert put_right is not None
            put_right(session, actor, application, self.row(session, application), values, at)
            session.flush()

        def filed(session: AnySession, application: Application) -> Values:
            row = session.get(self.model, application.entity_id)
            return {} if row is None else {one.name: getattr(row, one.name) for one in mends}

        return Handlers(
            findings=findings, approved=approved, turned_down=turned_down, resubmitted=resubmitted, mends=mends,
            mended=mended if put_right is not None else None, filed=filed if mends else None, mends_by=mends_by,
        )  # fmt: skip


def scans_of(session: AnySession, application: Application) -> tuple[list[str], Finding]:
    """The kinds of the files that came with an application, and whether each of them may be opened."""
    ids = application.data.get("attachments", [])
    kept = session.execute(
        select(Attachment.kind, Attachment.scan).where(Attachment.id.in_(ids)).execution_options(skip_scope=True)
    ).all()
    closed = sum(scan in ("waiting", "infected") for _kind, scan in kept)
    found = say("%(closed)s 份还不能打开", closed=closed) if closed else "都能打开"
    return [kind for kind, _scan in kept], Finding("附件查毒", not closed, found, "请等查毒后再批准" if closed else "")
