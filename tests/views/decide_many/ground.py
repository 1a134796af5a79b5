"""What tests of 批量审批 need: a question put and answered, and what came of it."""

from __future__ import annotations

import io
import re
from typing import Any

from openpyxl import load_workbook
from sqlalchemy import select

from app.models import Application, Job
from app.tasks.jobs import JobContext, run
from tests.conftest import csrf

FEW = 4


def post(client: Any, data: dict[str, Any]) -> Any:
    return client.post("/applications/bulk", data=data | {"csrf_token": csrf(client)})


def fields(page: str) -> dict[str, Any]:
    """What the question's form sends."""
    form = page[page.index("data-sure") :]
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        found[name] = [*found.get(name, []), value] if name == "chosen" else value
    return found


def ticks(*rows: Application) -> list[str]:
    return [f"{row.id}:{row.row_version}" for row in rows]


def entered(session: Any, client: Any, data: dict[str, Any]) -> Job:
    """The job of a decision that was asked about and confirmed."""
    asked = post(client, data)
    assert asked.status_code == 200, asked.text
    answer = post(client, fields(asked.text) | {"opinion": data.get("opinion", "")})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide").order_by(Job.id.desc()))
    assert answer.status_code == 302 and answer.location == f"/jobs/{job.id}"
    return job


def killed(app: Any, session: Any, monkeypatch: Any, job_id: int, after: int = 2) -> None:
    """Run the job until so many are done: then its worker dies, and the job is one that failed."""

    def dies(_context: Any, done: int, *_: Any) -> None:
        if done == after:
            raise RuntimeError("killed")

    with monkeypatch.context() as while_it_runs:
        while_it_runs.setattr(JobContext, "progress", dies)
        session.rollback()
        with app.app_context():
            assert run(job_id) == "failed"


def sheet(client: Any, job: Job) -> list[tuple[Any, ...]]:
    found = client.get(f"/jobs/{job.id}.json").json
    answer = client.get(found["file"])
    assert answer.status_code == 200
    return list(load_workbook(io.BytesIO(answer.data)).worksheets[0].iter_rows(values_only=True))
