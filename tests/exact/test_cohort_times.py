"""How long a cohort takes: against patient-by-patient integrals, simulated cohorts, and finer panels."""

import itertools

import numpy as np
import pytest

from escalation.engines import cohort_times as module
from escalation.engines.cohort_times import cohort_times
from escalation.plans.clock import Clock, Onset
from tests.naive.durations import moments

RATE = 0.3
ONSETS = {
    "uniform": Onset("uniform", 28.0),
    "weibull": Onset("weibull", 28.0, 0.7),
    "loglogistic": Onset("loglogistic", 28.0, 0.75),
    "quantiles": Onset("quantiles", 28.0, None, ((5.0, 0.2), (10.0, 0.2), (20.0, 0.9), (28.0, 1.0))),
}
ARRIVALS, WHILE_CLOSED = ("poisson", "fixed"), ("ready", "wait", "lost")
KINDS = list(itertools.product(ONSETS, ARRIVALS, WHILE_CLOSED))
SMALL = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]


def clock_of(onset, arrivals, while_closed, gap=10.0, review=7.0):
    return Clock(gap, arrivals, while_closed, 28.0, review, ONSETS[onset])


@pytest.mark.parametrize(("onset", "arrivals", "while_closed"), KINDS)
@pytest.mark.parametrize(("gap", "review"), [(10.0, 0.0), (3.0, 7.0), (28.0, 14.0)])
def test_small_cohorts(onset, arrivals, while_closed, gap, review):
    """The chance that all are complete, integrated patient after patient for every choice of those with a DLT."""
    clock = clock_of(onset, arrivals, while_closed, gap, review)
    times = cohort_times(clock, RATE, 3)
    sizes = [*SMALL, (3, 1), (3, 3)] if onset == "uniform" and gap == 10 else SMALL
    for (size, dlts), last in itertools.product(sizes, (False, True)):
        mean, variance = (times.completion if last else times.opening)[size, dlts]
        expected = moments(clock, RATE, size, dlts, last)
        assert (mean, variance + mean**2) == pytest.approx(expected, rel=1e-10), (size, dlts, last)


def simulated(clock, size, dlts, trials, random):
    """Days of cohorts: to the next cohort's opening, the completion and the last enrolment, and on hold."""
    gap = clock.mean_gap
    shape = trials, size
    gaps = random.exponential(gap, shape) if clock.arrivals == "poisson" else np.full(shape, gap)
    enrolled = np.concatenate([np.zeros((trials, 1)), np.cumsum(gaps[:, : size - 1], axis=1)], axis=1)
    has_dlt = np.argsort(random.random(shape), axis=1) < dlts
    days = np.where(has_dlt, clock.onset.quantile(random.random(shape), RATE), clock.window)
    complete, last = (enrolled + days).max(axis=1), enrolled[:, -1]
    opens = complete + clock.review
    if clock.while_closed == "ready":
        following = opens
    elif clock.while_closed == "wait":
        following = np.maximum(opens, last + gaps[:, -1])
    elif clock.arrivals == "poisson":
        following = opens + random.exponential(gap, trials)
    else:
        following = gap * np.ceil(opens / gap - 1e-9)
    return following, complete, last, opens - last


@pytest.mark.parametrize(("onset", "arrivals", "while_closed"), KINDS)
def test_simulated_cohorts(onset, arrivals, while_closed):
    random, trials = np.random.default_rng(KINDS.index((onset, arrivals, while_closed))), 20_000
    for gap, review in [(12.0, 0.0), (4.0, 10.0)]:
        clock = clock_of(onset, arrivals, while_closed, gap, review)
        times = cohort_times(clock, RATE, 6)
        for size, dlts in [(1, 1), (3, 0), (3, 2), (6, 1), (6, 4), (6, 6)]:
            drawn = simulated(clock, size, dlts, trials, random)
            for name, days in zip(times._fields, drawn, strict=True):
                mean, variance = getattr(times, name)[size, dlts]
                assert abs(days.mean() - mean) <= 5 * days.std() / trials**0.5 + 1e-9, (name, size, dlts)
                if name != "hold":
                    squares = (days - mean) ** 2
                    assert abs(squares.mean() - variance) <= 5 * squares.std() / trials**0.5 + 1e-9, (name, size, dlts)


@pytest.mark.parametrize("arrivals", ARRIVALS)
@pytest.mark.parametrize("gap", [1e-3, 0.05, 20.0, 5000.0])
@pytest.mark.parametrize("onset", [*ONSETS.values(), Onset("weibull", 28.0, 0.01), Onset("loglogistic", 28.0, 0.99)])
def test_large_cohorts_are_resolved(onset, gap, arrivals, monkeypatch):
    """With nearly twice the nodes nothing changes: cohorts of up to 100, short gaps and long, days of DLTs near 0."""
    clock = Clock(gap, arrivals, "wait", 28.0, 3.0, onset)
    coarse = module._times.__wrapped__(clock, 0.4, 100)
    monkeypatch.setattr(module, "NODES", 56)
    module._chebyshev.cache_clear()
    fine = module._times.__wrapped__(clock, 0.4, 100)
    module._chebyshev.cache_clear()
    for one, other in zip(coarse, fine, strict=True):
        scale = np.maximum(other[..., :1], 1e-9)
        assert (np.abs(one - other) <= 1e-11 * np.concatenate([scale, scale**2], axis=-1)).all()


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_what_is_known_of_cohorts(arrivals):
    clock = clock_of("uniform", arrivals, "ready", gap=10.0, review=7.0)
    times = cohort_times(clock, RATE, 5)
    spread = 100.0 if arrivals == "poisson" else 0.0
    # Without a DLT the last patient is the last to be complete.
    for size in range(1, 6):
        assert times.completion[size, 0] == pytest.approx([10 * (size - 1) + 28, spread * (size - 1)])
    assert times.completion[1, 1] == pytest.approx([14, 28**2 / 12])
    assert (times.opening - times.completion)[3, 1] == pytest.approx([7, 0])
    assert times.hold[3, 0] == pytest.approx([35, 0])
    # More DLTs, sooner complete; nothing where there are more DLTs than patients.
    assert (np.diff(times.completion[5, :, 0]) < 0).all()
    assert not times.completion[2, 3:].any()
    assert not times.opening[0].any()


def test_arrivals_on_the_day_of_opening():
    """A window and a review of four gaps: who arrives on that very day is enrolled, rounding or not."""
    for gap in (0.1, 0.7, 10.0):
        window = 3 * gap
        clock = Clock(gap, "fixed", "lost", window, gap, Onset("uniform", window))
        times = cohort_times(clock, RATE, 3)
        assert times.opening[3, 0] == pytest.approx([6 * gap, 0], abs=1e-12)


def test_review_is_no_part_of_a_completion():
    with_review, without = (
        cohort_times(clock_of("uniform", "poisson", "wait", review=days), RATE, 3) for days in (7.0, 0.0)
    )
    assert (with_review.completion == without.completion).all()
    assert (with_review.opening[3] != without.opening[3]).any()
