"""使用帮助 on the phone: what is done on site stands first."""

from __future__ import annotations

from typing import Any

from app.field.pages import field
from app.views.home import handbook


@field.get("/help/")
def help_index() -> Any:
    return handbook.index("/m/help/", phone=True)


@field.get("/help/<string:key>")
def help_page(key: str) -> Any:
    return handbook.page("/m/help/", key, phone=True)
