"""Distance from the bounds: what is timed, the shares of a profile, and a small run."""

import sys
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import limits
from benchmarks.__main__ import main
from benchmarks.measuring import ONCE, Measurement, Task, measure
from benchmarks.profiling import REST, Part, profile
from escalation import exact


@pytest.mark.long
def test_small_run():
    done = CliRunner().invoke(main, ["limits", "--smoke"], catch_exceptions=False, env={"COLUMNS": "300"})
    assert done.exit_code == 0
    for name in (*limits.DESIGNS, *limits.LATE):
        assert f"simulated trials, {name}" in done.stdout
        assert f"Simulating trials, {name}" in done.stdout
    assert "a multiply-add for each of 15,888 endings" in done.stdout
    assert "applying the rules" in done.stdout


def test_bytes_of_states():
    """BOIN on LUCAR-DKS1 visits 34,333 states after the first, each of a word, a weight and three bytes."""
    assert limits.bytes_of_states("boin") == 34_333 * (8 + 8 + 2 + 1)


def test_the_bare_loop_is_a_mean():
    """Of what it adds up the package has the mean number of sequences."""
    design, trial, rates = limits.setting("boin")
    endings = exact(design, trial)
    probability = endings.outcomes(rates).probability
    for reordered in (False, True):
        found = limits.multiply_add("boin", reordered)()
        assert found == pytest.approx(np.sum(endings.sequences * probability), rel=1e-12)


def test_further_truths_are_those_of_the_package():
    design, trial, rates = limits.setting("crm")
    assert np.array_equal(limits.further_truth("crm")().probability, exact(design, trial).outcomes(rates).probability)


def slow():
    time.sleep(0.05)


def quick():
    pass


def test_profile():
    """Half of the time in one part; parts are put back."""
    module = sys.modules[__name__]
    before = module.slow

    def work():
        module.slow()
        module.quick()
        time.sleep(0.05)

    shares = profile(work, [Part(__name__, "slow", "sleeping"), Part(__name__, "quick", "nothing")], repeats=4)
    assert shares["sleeping"] == pytest.approx(0.5, abs=0.2)
    assert shares["nothing"] < 0.1
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares) == ["sleeping", "nothing", REST]
    assert module.slow is before


@pytest.mark.parametrize("part", [*limits.SIMULATION, *limits.ENUMERATION])
def test_profiled_functions_are_called_by_these_names(part):
    assert callable(getattr(__import__(part.module, fromlist=["_"]), part.function))


def test_measurements():
    mine = Measurement(((2.0, 4.0), (3.0, 3.0), (9.0, 9.0)), peak_bytes=0)
    other = Measurement(((1.0, 1.0), (2.0, 2.0), (3.0, 3.0)), peak_bytes=0)
    assert mine.seconds == 3.5
    assert mine.spread == pytest.approx((9 - 3) / 2 / 3.5)
    assert mine.ratio(other) == 3.0, "the median of 3, 1.5 and 3"


def test_a_failing_task_is_named():
    with pytest.raises(click.ClickException, match=r"^broken: KeyError: 'nothing'$"):
        measure([Task("broken", "benchmarks.limits:setting", {"name": "nothing"})], ONCE)
