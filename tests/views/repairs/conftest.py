"""Pages of repairs, looked at by whoever it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import csrf
from tests.factories import World


@pytest.fixture
def at(world: World, sign_in: Any) -> Any:
    """Go to a page as somebody, or send it a form: the status and the page."""
    browsers: dict[str, Any] = {}

    def go(who: str, path: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
        world.session.commit()
        if who not in browsers:
            browsers[who] = sign_in(world.accounts[who])
        browser = browsers[who]
        if form is None:
            answer = browser.get(path)
        else:
            sent = form | {"csrf_token": csrf(browser)}
            answer = browser.post(path, data=sent, content_type="multipart/form-data")
        world.session.rollback()
        world.session.expire_all()
        return answer.status_code, answer.text

    return go
