from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import csrf
from tests.factories import World


@pytest.fixture
def browse(sign_in: Any, world: World) -> Any:
    """`browse(persona)` gives a client; `client.send(path, **data)` posts with the token."""

    def opened(persona: str) -> Any:
        client = sign_in(world.accounts[persona])
        client.send = lambda path, **data: client.post(path, data=data | {"csrf_token": csrf(client)})
        return client

    return opened
