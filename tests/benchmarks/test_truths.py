"""Thousands of truths: a small run, and that its rows do what they say."""

import pytest
from click.testing import CliRunner

from benchmarks import truths
from benchmarks.__main__ import main
from benchmarks.measuring import Measurement


@pytest.mark.long
def test_small_run():
    done = CliRunner().invoke(main, ["truths", "--smoke"], catch_exceptions=False)
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    for name in (truths.MEANS, truths.ALL, truths.SIX, truths.DRAWN, truths.OPTIMAL, truths.DESIGNS):
        assert name in said
    assert "Means alone take" in said


def test_rows_agree():
    """The same truths, in means and one by one."""
    means = truths.truth_work(truths.MEANS, 5)()
    singly = [oc.pcs for oc in truths.truth_work(truths.ALL, 5)()]
    assert means.pcs.tolist() == pytest.approx(singly, abs=1e-12)
    found = truths.truth_work(truths.DESIGNS, 5)()
    assert found.expectations["boin"].pcs.tolist() == means.pcs.tolist()
    assert truths.truth_work(truths.SIX, 5)().rates.shape == (5, 6)
    assert len(truths.truth_work(truths.DRAWN, 5)()) == 5
    assert truths.truth_work(truths.OPTIMAL, 5)().shape == (5, 4)


def test_words():
    measured = {truths.MEANS: Measurement(((2.0,),), 1), truths.ALL: Measurement(((1.0,),), 1)}
    assert truths.in_words(measured, {truths.MEANS: 1000, truths.ALL: 100}).startswith("Means alone take 0.20 of")
