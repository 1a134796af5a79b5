"""Whatever the description of the API allows to be sent, and much that it does not: no call ends in a 5xx."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from tests.factories import PASSWORD, World

# By place: a unit's clerk writes drafts, a worker makes visits, a regulator decides.
PERSONAS = ("clerk", "worker", "inspector")
EXAMPLES = 3


@pytest.mark.feature("INT-04")
@pytest.mark.parametrize("persona", PERSONAS)
def test_generated_calls_find_no_5xx(app: Any, world: World, client: Any, persona: str) -> None:
    login = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db", "refresh": False}
    token = client.post("/api/v1/security/login", json=login).json["access_token"]
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/_openapi", app, headers={"Authorization": f"Bearer {token}"}
    )  # fmt: skip
    failures, walked, seen = [], 0, set()
    for found in schema.get_all_operations():
        operation = found.ok()
        walked += 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case: Any) -> None:
                answer = case.call(headers={"Authorization": f"Bearer {token}"})
                seen.add(answer.status_code)
                if answer.status_code >= 500:
                    failures.append(f"{answer.status_code} {case.as_curl_command()}")

            send()
    # An empty walk, or one that nobody let in, would prove nothing.
    assert walked > 15 and {200, 422} <= seen and seen != {401}
    assert not failures, "\n".join(failures[:20])
