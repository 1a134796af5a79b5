"""Another system that calls the interface: by a personal token with all that its owner may tick."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import clock
from app.transaction import transaction
from app.workflows.access import api_tokens
from tests.factories import World

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


class Caller:
    """`caller.get("/contracts")`, `caller.post("/contracts", {…})`: the answer, as the other system gets it."""

    def __init__(self, app: Any, world: World, persona: str, verbs: list[str] | None = None) -> None:
        actor, today = world.actor(persona), clock.today()
        mine = [verb.value for _name, group in api_tokens.offered(actor) for verb in group]
        with transaction(world.session) as session:
            _row, text = api_tokens.make(
                session, actor, persona, verbs or mine, today + dt.timedelta(days=30), clock.now()
            )
        self.client, self.headers = app.test_client(), {"Authorization": f"Bearer {text}"}
        self.world = world

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        headers = self.headers | more.pop("headers", {})
        self.world.session.rollback()  # what the test's own session read must not hold the database
        answer = self.client.open(f"/api/v1{path}", method=method, json=json, headers=headers, **more)
        assert answer.status_code < 500, answer.text
        self.world.session.expire_all()
        return answer

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.call("POST", path, json, **more)

    def send_file(self, path: str = "/files", name: str = "材料.pdf", data: bytes = PDF) -> Any:
        import io

        return self.call("POST", path, data={"file": (io.BytesIO(data), name)})


def rules_of(answer: Any, status: int = 422) -> set[str]:
    """Which rules refused it."""
    assert answer.status_code == status, answer.text
    return {error["rule"] for error in answer.json["errors"]}
