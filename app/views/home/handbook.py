"""使用帮助: how each thing is done, of what the reader may do; open to those who cannot sign in, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import abort, g, render_template, request
from flask_appbuilder import BaseView, expose
from flask_babel import gettext as _

from app import handbook
from app.handbook import Chapter, Topic
from app.views.home.links import link


def index(root: str, phone: bool = False) -> Any:
    """All that the reader can do, what he searches for, or (`all=1`) every page of it, to be printed."""
    everyone = g.actor.user_id is not None and request.args.get("for") == "all"
    chapters = _chapters(everyone, phone)
    words = request.args.get("q", "").strip()[:60]
    return render_template(
        "ta/handbook/index.html", title=_("使用帮助"), **_frame(root, phone, "/m/me"), chapters=chapters, words=words,
        everyone=everyone,
        found=handbook.matching(chapters, words) if words else None, whole=request.args.get("all") == "1",
        near=() if words else _of_the_page_before(chapters), to=_address, said=handbook.parts_of,
    )  # fmt: skip


def page(root: str, key: str, phone: bool = False) -> Any:
    """One topic; whoever is signed in may read those of others as well, who ask him how."""
    for chapter in _chapters(g.actor.user_id is not None):
        for topic in chapter.topics:
            if topic.key == key:
                others = [one for one in chapter.topics if one is not topic and one.meant_for(g.actor.may)]
                return render_template(
                    "ta/handbook/topic.html", title=str(topic.title), **_frame(root, phone, root), chapter=chapter,
                    topic=topic, others=others, to=_address, said=handbook.parts_of,
                )  # fmt: skip
    abort(404)


class HandbookPages(BaseView):
    """For everybody: who cannot sign in finds how to, and what strangers do by the label."""

    route_base = "/help"
    default_view = "index"

    @expose("/")
    def index(self) -> Any:
        return index("/help/")

    @expose("/<string:key>")
    def page(self, key: str) -> Any:
        return page("/help/", key)


def _chapters(everyone: bool, phone: bool = False) -> list[Chapter]:
    return handbook.chapters_for((lambda _verb: True) if everyone else g.actor.may, phone)


def _frame(root: str, phone: bool, back: str) -> dict[str, Any]:
    """What stands around it: the desk's page or the phone's."""
    return {
        "base": "ta/field/base.html" if phone else "ta/base.html", "root": root, "phone": phone,
        "back": back if phone and g.actor.user_id is not None else "",
    }  # fmt: skip


def _address(topic: Topic, step: handbook.Step) -> str:
    """Where a step is done, for whoever may go there."""
    actor = g.actor
    if actor.user_id is None or (step.unit and actor.unit_id is None) or not topic.meant_for(actor.may):
        return ""
    return "" if not step.path or (step.verb is not None and not actor.may(step.verb)) else link(step.path)


def _of_the_page_before(chapters: Sequence[Chapter]) -> list[Topic]:
    """What explains the page on which 使用帮助 was pressed."""
    came = urlsplit(request.referrer or "")
    return handbook.about(chapters, came.path) if came.netloc == request.host and came.path != "/" else []


def register(appbuilder: Any) -> None:
    """Add these pages."""
    appbuilder.add_view_no_menu(HandbookPages)
