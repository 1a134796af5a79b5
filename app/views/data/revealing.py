"""查看完整信息: the one door to a person's whole number or picture; what for is asked and kept in the log (PER-03)."""

from __future__ import annotations

from typing import Any

from flask import current_app, g, jsonify, request, send_file
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, NotFound
from app.extensions import db
from app.models import Attachment
from app.models.base import label_of
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.account_forms import text
from app.views.frame.errors import wants_json
from app.wording import say
from app.workflows.files import attachments, sealed_files
from app.workflows.privacy import revealing


class Reveals(BaseView):
    """`POST /reveal/<entity>/<id>` with `what` and `reason`."""

    route_base = "/reveal"
    default_view = "whole"

    @expose("/rescue/<int:pk>/contact", methods=["POST"])
    @has_access
    @permission_name("whole")
    @no_cache
    def contact(self, pk: int) -> Any:
        """The telephone of somebody whom one calls about a rescue."""
        with transaction(db.session) as session:
            found = revealing.contact(session, g.actor, pk, text("what", 40), text("reason"), clock.now())
        name = " ".join(word for word in (found.firm, str(found.role), found.name) if word)
        return self._number(name, _("电话"), found.number, True)

    @expose("/<string:entity>/<int:pk>", methods=["POST"])
    @has_access
    @permission_name("whole")
    @no_cache
    def whole(self, entity: str, pk: int) -> Any:
        """A picture as its bytes, a number as JSON or on a page of its own; a reload asks for the reason again."""
        what = text("what", 20)
        with transaction(db.session) as session:
            found = revealing.reveal(session, g.actor, entity, pk, what, text("reason"), clock.now())
            name = str(session.get(revealing.SHOWN[entity], pk))
        if isinstance(found, Attachment):
            return _picture(found)
        return self._number(name, label_of(revealing.SHOWN[entity], what), found, "phone" in what)

    def _number(self, name: str, label: Any, number: str, call: bool) -> Any:
        if wants_json():
            return jsonify(text=number)
        back = request.referrer if (request.referrer or "").startswith(request.host_url) else "/"
        return self.render_template(
            "ta/accounts/whole.html", title=_("完整号码"), name=name, label=label, number=number, back=back, call=call
        )


def _picture(found: Attachment) -> Any:
    place = attachments.path(current_app.config["UPLOAD_DIR"], found)
    if not place.is_file():
        raise NotFound(
            Finding("附件", False, say("“%(name)s”的内容已不在服务器上", name=found.name), "请联系管理员从备份恢复")
        )
    sent = send_file(sealed_files.opened(place, found.kind), mimetype=found.mime, max_age=0)
    sent.content_length = found.size
    sent.headers["X-Content-Type-Options"] = "nosniff"
    sent.headers["Cache-Control"] = "private, no-store"
    return sent


def register(appbuilder: Any) -> None:
    """Add this door. Which right each thing needs, the workflow knows."""
    screens.declare("Reveals", "can_whole", Verb.HOME)
    appbuilder.add_view_no_menu(Reveals)
