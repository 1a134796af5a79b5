"""What came of a deed: how it was refused, and who was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import Notification
from tests.factories import World


def refused(deed: Callable[[], Any]) -> str:
    """All that a refusal says."""
    with pytest.raises(Refusal) as caught:
        deed()
    return str(caught.value)


def told(world: World, topic: str) -> set[int | None]:
    """The accounts that were told of a topic."""
    return set(world.session.scalars(select(Notification.recipient_id).where(Notification.topic == topic)))
