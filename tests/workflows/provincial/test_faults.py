"""The provincial register down, slow, wrong or too busy: told plainly and tried again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.models import Job
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.partners import provincial
from app.workflows.partners.provincial_register import CursorLost, Rejected, Unavailable
from tests.factories import World
from tests.workflows.provincial.ground import DISTRICT, item, outcomes, run_job, simulator, worked_off

pytestmark = pytest.mark.feature("INT-01")


def test_a_register_that_is_down_ends_the_job_plainly_and_it_can_be_tried_again(
    app: Any, world: World, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with simulator(tmp_path, [item(world)], "--errors", "1") as register:
        use(register)
        with transaction(world.session) as session:
            run = provincial.begin(session, world.actor("clerk"), world.own.code, clock.now())
            key, job = run.id, run.job_id
        assert job is not None and run_job(job) == "failed"
        assert len(register.slept) == 4  # type: ignore[attr-defined]
    world.session.rollback()
    world.session.expire_all()
    held = world.session.get(Job, job)
    assert held is not None and "HTTP 50" in str(held.error) and "从中断处继续" in str(held.error)
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        with transaction(world.session) as session:
            jobs.retry(session, world.actor("clerk"), job, clock.now())
        worked_off(world, key, job)
    assert outcomes(world, key) == {world.own.code: "matched"}


def test_after_several_failures_nobody_is_asked_for_a_while(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--errors", "1", timeout=2.0) as register:
        for _ in range(3):
            with pytest.raises(Unavailable, match="HTTP 50"):
                register.by_codes(["A"])
        began = time.monotonic()
        with pytest.raises(Unavailable, match="暂停片刻"):
            register.by_codes(["A"])
        assert time.monotonic() - began < 0.1


def test_a_slow_register_is_not_waited_for(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--slow", "3", timeout=0.2) as register:
        with pytest.raises(Unavailable, match="连接省平台失败"):
            register.by_codes(["A"])
        assert len(register.slept) == 4  # type: ignore[attr-defined]


def test_a_wrong_signature_is_no_fault_that_passes(tmp_path: Path) -> None:
    with simulator(tmp_path, [], secret="other") as register:
        with pytest.raises(Rejected, match="bad_signature"):
            register.by_codes(["A"])
        assert register.slept == []  # type: ignore[attr-defined]


def test_too_many_calls_wait_as_long_as_they_are_told(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--limit", "1") as register:
        assert register.by_codes(["A"]).not_found == ["A"]
        with pytest.raises(Unavailable, match="429"):
            register.by_codes(["A"])
        assert min(register.slept) >= 1.0  # type: ignore[attr-defined]


def test_a_lost_place_is_told_as_such(tmp_path: Path) -> None:
    with simulator(tmp_path, []) as register, pytest.raises(CursorLost):
        register.by_region(DISTRICT, "OTk6VEM=")


def test_answers_are_bounded_in_size(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.channels.provincial.MOST_BYTES", 1000)
    with simulator(tmp_path, [{"code": "A", "address": "x" * 2000}]) as register, pytest.raises(
        Unavailable, match="太大"
    ):
        register.by_codes(["A"])


def test_only_tls_or_this_machine_is_spoken_to() -> None:
    from app.channels import provincial as channel

    with pytest.raises(RuntimeError, match="PROVINCIAL_URL"):
        channel.register({"PROVINCIAL_URL": "http://province.example.com"})
    assert channel.register({"PROVINCIAL_URL": ""}) is None
