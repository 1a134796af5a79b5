"""Where faces are compared: a service, a worker who consented, and a check-in as both doors make it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.transaction import transaction
from app.workflows.people import consents
from tests.faces import Service, face_service
from tests.factories import World, make_policy, picture
from tests.workflows.visit_world import START


@pytest.fixture
def service() -> Iterator[Service]:
    with face_service() as held:
        yield held


@pytest.fixture
def town(session: Any, world: World, folder: Path) -> World:
    """Where faces are compared, and a worker who consented to it."""
    make_policy(session, "preset", "huzhou")
    make_policy(session, "person_proof", "face")
    session.commit()
    with transaction(session):
        consents.give_face(
            session, world.actor("worker"), io.BytesIO(picture("JPEG", colour="#112233")), "本人.jpg", True, START
        )
        consents.agree_to_compare(session, world.actor("worker"), True, START)
    return world
