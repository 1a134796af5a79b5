"""收件箱: one's own notices, newest first; opening one marks it read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select, update

from app import clock
from app.extensions import db
from app.models import Notification
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens

PAGE = 30


class Inbox(BaseView):
    """Notices are their recipient's alone."""

    route_base = "/inbox"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        given = request.args.get("page", "1")[:6]
        page = max(1, int(given)) if given.isascii() and given.isdigit() else 1
        rows = db.session.scalars(
            select(Notification)
            .where(
                Notification.recipient_id == g.actor.user_id,
                Notification.channel == "inbox",
                Notification.state == "sent",
            )
            # By when they were written: what is written of an earlier hour stands where it belongs.
            .order_by(Notification.read_at.is_not(None), Notification.created_at.desc(), Notification.id.desc())
            .limit(PAGE + 1)
            .offset((page - 1) * PAGE)
        ).all()
        return render_template(
            "ta/inbox.html", title=_("收件箱"), groups=grouped(rows[:PAGE]), page=page, more=len(rows) > PAGE,
            local=clock.local,
        )  # fmt: skip

    @expose("/<int:pk>", methods=["POST"])
    @has_access
    @permission_name("read")
    def open(self, pk: int) -> Any:
        notice = db.session.scalar(
            select(Notification).where(Notification.id == pk, Notification.recipient_id == g.actor.user_id)
        )
        if notice is None:
            abort(404)
        target = notice.link
        _read(Notification.id == pk)
        # Links are made by the product and lead inside it.
        return redirect(target if target and target.startswith("/") and not target.startswith("//") else self._index())

    @expose("/read-all", methods=["POST"])
    @has_access
    @permission_name("read")
    def read_all(self) -> Any:
        _read()
        return redirect(self._index())

    def _index(self) -> str:
        return url_for("Inbox.index")


def seen(topic: str, link: str) -> None:
    """Whoever looks at what a notice of his tells of need not open it in the inbox as well: it counts as read."""
    told = (Notification.topic == topic) & (Notification.link == link)
    if db.session.scalar(select(Notification.id).where(_unread(), told).limit(1)) is not None:
        _read(told)


def _read(*conditions: Any) -> None:
    with transaction(db.session) as session:
        session.execute(update(Notification).where(_unread(), *conditions).values(read_at=clock.now()))


def _unread() -> Any:
    return (Notification.recipient_id == g.actor.user_id) & Notification.read_at.is_(None)


# So many like notices in a row are folded behind the newest.
FOLD_FROM = 3


def _deed(notice: Notification) -> str:
    """What was decided, as the title of a decision begins: a refusal never lies folded among approvals."""
    return notice.title.partition("：")[0] if notice.topic in ("decision", "party") else ""


def grouped(rows: Sequence[Notification]) -> list[tuple[Notification, list[Notification]]]:
    """Notices as shown: one by one, or the newest of a row of like ones with the others behind it."""
    shown: list[tuple[Notification, list[Notification]]] = []
    for _key, like in groupby(rows, key=lambda n: (n.topic, _deed(n), n.read_at is None)):
        run = list(like)
        shown += [(run[0], run[1:])] if len(run) >= FOLD_FROM else [(one, []) for one in run]
    return shown


def register(appbuilder: Any) -> None:
    screens.declare("Inbox", "can_read", Verb.INBOX)
    appbuilder.add_view_no_menu(Inbox)
