"""Ways out of the house: SMS by an HTTP gateway, e-mail, a robot of a group chat, webhooks; the provincial register.

Each sends one notice of the outbox. A sender raises when the other side did not take it; the outbox then waits and
tries again. The number of the notice goes along as the idempotency key, so that a gateway which took it before answers
the second time all the same.
"""

from __future__ import annotations

from typing import Any

from app.channels import dingtalk, face, mail, provincial, real_name, sms, webhook
from app.workflows.core import outbox
from app.workflows.partners import provincial_register
from app.workflows.people import real_names
from app.workflows.visits import face_checks


def install(settings: dict[str, Any]) -> None:
    """Offer the channels that this installation has an address for, and no others."""
    for name, channel in (("sms", sms), ("email", mail), ("dingtalk", dingtalk), ("webhook", webhook)):
        outbox.SENDERS.pop(name, None)
        sender = channel.sender(settings)
        if sender is not None:
            outbox.SENDERS[name] = sender
    real_names.use(real_name.asker(settings))
    face_checks.use(face.asker(settings))
    provincial_register.use(provincial.register(settings))
