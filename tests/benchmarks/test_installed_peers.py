"""The answers of the peers that are installed, beside exact ones."""

from dataclasses import replace

import pytest

from benchmarks.peers.answers import ask, installed
from benchmarks.peers.contenders import THREE_PLAIN
from benchmarks.peers.verdicts import verdict
from escalation import Trial
from tests.benchmarks.peer_answers import (
    CRMPACK_THREE,
    CRMSIM,
    EXACT_THREE,
    GET_OC,
    LUCAR,
    SIMFAST,
    SIMULATE_BOIN,
    contender,
    means,
    outcomes,
)


@pytest.fixture(scope="module")
def versions():
    return installed()


@pytest.fixture
def require(versions):
    """Skips a test whose peer is not installed: peers are no dependencies of the project."""

    def skip_unless_there(who):
        if who.peer.name not in versions:
            pytest.skip(f"{who.peer.name} is not installed")

    return skip_unless_there


@pytest.mark.parametrize(
    "who", [SIMULATE_BOIN, contender("escalation simulate_trials (3+3)"), CRMPACK_THREE], ids=lambda who: who.name
)
def test_a_slow_peer_that_is_installed_answers(who, require):
    require(who)
    answer = ask(who, LUCAR, trials=2, seed=1)
    assert answer.seconds > 0
    assert set(answer.means) == set(means(outcomes(LUCAR)))
    chosen = sum(mean for name, mean in answer.means.items() if "selection" in name)
    assert chosen == pytest.approx(1)


QUICK = {
    GET_OC.name: 800,
    SIMFAST.name: 5000,
    CRMSIM.name: 150,
    "UBCRM ssimCrm": 150,
    "UBCRM ssim3p3": 1000,
    "clintrials simulate_dose_finding_trial (3+3)": 1000,
    EXACT_THREE.name: 1,
}
"""Trials that take two seconds at most."""


@pytest.mark.parametrize("who", [contender(name) for name in QUICK], ids=lambda who: who.name)
def test_a_peer_that_is_installed_agrees(who, require):
    require(who)
    answer = ask(who, LUCAR, trials=QUICK[who.name], seed=1)
    assert answer.trials == (None if who.exact else QUICK[who.name])
    seen = verdict(outcomes(LUCAR, who.rules), answer)
    assert seen.agrees, seen
    # An answer in which little could differ would agree, too.
    assert seen.numbers == (2 if who.exact else 13)


def test_exact_paths_agree_to_the_last_digits(require):
    who = contender("escalation calculate_probabilities (exact 3+3)")
    require(who)
    # Two doses: four take ten seconds.
    two = replace(
        LUCAR, trial=Trial(doses=("low", "high"), target=0.25, max_patients=12, cohort_size=3), rates=(0.1, 0.3)
    )
    answer = ask(who, two, trials=1, seed=1)
    seen = verdict(outcomes(two, THREE_PLAIN), answer)
    assert (answer.trials, seen.numbers, seen.agrees) == (None, 7, True)
