"""The real-name service by HTTP (ACC-06): a signed POST of name and number, `match` true or false comes back.

There is no open national interface; whoever has access to one puts this small adapter's other side before it.
"""

from __future__ import annotations

from typing import Any

from app import clock
from app.channels.sms import signature
from app.channels.web import NotTaken, body_of, post, secured
from app.workflows.people.real_names import Asker


def asker(settings: dict[str, Any]) -> Asker | None:
    url, secret = settings.get("REAL_NAME_URL"), settings.get("REAL_NAME_SECRET") or ""
    if not url:
        return None
    secured("REAL_NAME_URL", url)

    def ask(key: str, name: str, number: str) -> bool:
        body = body_of({"id": key, "name": name, "id_number": number})
        stamp = str(int(clock.now().timestamp()))
        answer = post(url, body, {"X-Timestamp": stamp, "X-Signature": signature(secret, stamp, body),
                                  "Idempotency-Key": key})  # fmt: skip
        found = answer.get("match")
        if not isinstance(found, bool):
            # Neither yes nor no is no answer: nobody is called somebody else because a service is broken.
            raise NotTaken("答复里没有 match")
        return found

    return ask
