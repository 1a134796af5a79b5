"""The question against machines on pages without sign-in: its picture, and reading the answer off a form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Response, abort, request
from flask_appbuilder import BaseView, expose

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.transaction import transaction
from app.workflows.access import captchas

WIDTH, HEIGHT = 150, 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the form shows it: a picture, or `words` for those who do not see it."""

    key: str
    words: str

    @property
    def picture(self) -> str:
        return "" if self.words else f"/captcha/{self.key}.png"


def new_question() -> Asked:
    """A fresh question; `?words=1` in the address, or the form's button, asks for one in words."""
    in_words = request.values.get("words", "") in ("1", "true")
    with transaction(db.session) as session:
        return Asked(*captchas.ask(session, clock.now(), in_words=in_words))


def words_wanted() -> bool:
    """Whether the form was sent by its button that asks for words: no try, and nothing is refused."""
    return request.method == "POST" and bool(request.form.get("words"))


def answered() -> Refusal | None:
    """Whether the form's answer is right; the question is used up either way."""
    refusal: Refusal | None = None
    with transaction(db.session) as session:
        try:
            captchas.check(
                session, request.form.get("captcha_key", ""), request.form.get("captcha", "")[:20], clock.now()
            )
        except captchas.CaptchaWrong as wrong:
            refusal = wrong
    return refusal


class CaptchaPictures(BaseView):
    """The picture of a question; drawn here, asked of no other host."""

    route_base = "/captcha"
    default_view = "picture"

    @expose("/<string:key>.png")
    def picture(self, key: str) -> Any:
        letters = captchas.letters_of(db.session, key, clock.now())
        if letters is None:
            abort(404)
        answer = Response(_pen().generate(letters).getvalue(), mimetype="image/png")
        answer.headers["Cache-Control"] = "no-store"
        return answer


@cache
def _pen() -> Any:
    # Imported with the first picture: it brings an imaging library that starting up need not wait for.
    from captcha.image import ImageCaptcha

    return ImageCaptcha(WIDTH, HEIGHT, font_sizes=(34, 38, 42))


def register(appbuilder: Any) -> None:
    """Public: whoever signs in is nobody yet."""
    appbuilder.add_view_no_menu(CaptchaPictures)
