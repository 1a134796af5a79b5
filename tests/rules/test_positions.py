"""ELV-08: many readings of a phone are one place, and what speaks against it."""

from __future__ import annotations

import random

import pytest

from app.rules.checkin import Place, distance_metres
from app.rules.positions import (
    BEST_METRES,
    FAR_METRES,
    LEAST_SAMPLES,
    MOST_SAMPLES,
    WORST_METRES,
    Reading,
    Sample,
    findings,
    looks_right,
    network_of,
    samples_of,
    together,
)

pytestmark = pytest.mark.feature("ELV-08")
HERE = Place(30.6, 119.9)
METRE = 1 / 111_320


def sample(north: float = 0, east: float = 0, accuracy: float = 8) -> Sample:
    return Sample(HERE.latitude + north * METRE, HERE.longitude + east * METRE / 0.86, accuracy)


def test_none_is_none_and_one_is_itself() -> None:
    assert together([]) is None
    unsound = [Sample(float("nan"), 1, 1), Sample(91, 0, 1), Sample(0, 0, -1), Sample(0, float("inf"), 1)]
    assert together(unsound) is None
    # No number is too large to be told: it is no reading.
    assert together([sample(accuracy=metres) for metres in (1e308, 1e155, WORST_METRES + 1)]) is None
    assert together([sample(accuracy=WORST_METRES)] * 3) is not None
    found = together([sample(accuracy=12)])
    assert found == Reading(30.6, 119.9, 12.0, 1)


def test_better_readings_weigh_more() -> None:
    found = together([sample(north=0, accuracy=5), sample(north=20, accuracy=20), sample(north=0, accuracy=5)])
    assert found is not None and distance_metres(found.place, HERE) < 1.0


def test_a_mast_far_off_is_left_out() -> None:
    good = [sample(north=n, east=-n, accuracy=8) for n in (-2, -1, 0, 1, 2)]
    found = together([sample(north=900, accuracy=30), *good])
    assert found is not None and found.samples == 5 and distance_metres(found.place, HERE) < 2


def test_many_are_never_called_better_than_they_lie_apart() -> None:
    rng = random.Random(3)
    apart = [sample(rng.gauss(0, 20), rng.gauss(0, 20), accuracy=1) for _ in range(40)]
    found = together(apart)
    assert found is not None and found.accuracy > 8
    same = together([sample(accuracy=0)] * 500)
    assert same is not None and same.accuracy == BEST_METRES and same.samples == MOST_SAMPLES


@pytest.mark.parametrize(
    ("samples", "accuracy", "fails"),
    [(LEAST_SAMPLES, 50.0, set()), (LEAST_SAMPLES - 1, 50.0, {"定位次数"}), (LEAST_SAMPLES, 50.1, {"定位精度"}),
     (1, 900.0, {"定位次数", "定位精度"})],
)  # fmt: skip
def test_how_many_and_how_sharp(samples: int, accuracy: float, fails: set[str]) -> None:
    found = findings(Reading(30, 119, accuracy, samples), 50)
    assert {f.rule for f in found if f.stops} == fails
    assert [f.rule for f in findings(None, 50)] == ["手机位置"]


def test_far_from_its_house_it_does_not_look_right() -> None:
    assert looks_right(HERE, [])
    at = sample(north=FAR_METRES - 1).place
    assert looks_right(HERE, [at, sample(north=9000).place])
    assert not looks_right(HERE, [sample(north=FAR_METRES + 2).place])


@pytest.mark.parametrize(
    ("ticked", "kept"),
    [((), None), (("none",), "none"), (("mobile",), "mobile"), (("telecom", "unicom"), "unicom_telecom"),
     (("telecom", "mobile", "unicom"), "all"), (("none", "mobile"), ""), (("wifi",), "")],
)  # fmt: skip
def test_ticked_networks(ticked: tuple[str, ...], kept: str | None) -> None:
    assert network_of(ticked) == kept


def test_what_a_form_carries() -> None:
    found = samples_of("30.6,119.9,8;x;1,2;30.7,119.8,9.5;")
    assert found == [Sample(30.6, 119.9, 8.0), Sample(30.7, 119.8, 9.5)]
    assert samples_of("") == [] and len(samples_of("1,2,3;" * 500)) == MOST_SAMPLES
