"""Peers: their verdicts, and how they are called, without any that is installed."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import special

from benchmarks.__main__ import main
from benchmarks.measuring import Measurement
from benchmarks.peers.answers import Answer, PeerError, ask, installed, last_message, pooled, why_not
from benchmarks.peers.comparison import Beside, Ours
from benchmarks.peers.contenders import (
    ANSWERS,
    BOIN_R,
    CLINTRIALS,
    CONTENDERS,
    PEERS,
    RULES,
    THREE_FILLED,
    settings,
)
from benchmarks.peers.timed import by_peer
from benchmarks.peers.verdicts import verdict
from escalation.characteristics.agreement import ALARM
from tests.benchmarks.peer_answers import (
    EXACT_THREE,
    GET_OC,
    LUCAR,
    SINGLE,
    means,
    outcomes,
)


def test_an_honest_answer_agrees_and_has_z_zero():
    found = outcomes(LUCAR)
    seen = verdict(found, Answer(1.0, 100_000, means(found)))
    assert seen.agrees
    assert seen.max_abs_z == pytest.approx(0, abs=1e-9)
    assert seen.numbers == 13


@pytest.mark.parametrize(("standard_errors", "agrees"), [(2.0, True), (-4.2, True), (6.0, False)])
def test_z_is_the_distance_in_exact_standard_errors(standard_errors, agrees):
    found = outcomes(LUCAR)
    trials, answer = 10_000, means(found)
    at_three = found.patients[:, 2]
    sd = np.sqrt(found.probability @ (at_three - found.probability @ at_three) ** 2)
    answer["patients.3"] += standard_errors * sd / np.sqrt(trials)
    seen = verdict(found, Answer(1.0, trials, answer))
    assert seen.max_abs_z == pytest.approx(abs(standard_errors))
    assert seen.worst == "patients.3"
    assert seen.agrees is agrees


def test_what_is_rare_is_judged_by_its_binomial_distribution():
    found = outcomes(LUCAR)
    names = ("no_selection",)
    rare = means(found, *names)["no_selection"]
    assert 1000 * rare < 1
    assert verdict(found, Answer(1.0, 1000, {"no_selection": 0.0})).agrees
    much = verdict(found, Answer(1.0, 1000, {"no_selection": 0.01}))
    assert (much.agrees, much.max_abs_z) == (False, None)


def test_an_exact_answer_agrees_to_the_last_digits_only():
    found = outcomes(LUCAR, THREE_FILLED)
    answer = means(found, "sample_size", "total_dlts")
    assert verdict(found, Answer(1.0, None, answer)).agrees
    answer["total_dlts"] += 1e-6
    seen = verdict(found, Answer(1.0, None, answer))
    assert (seen.agrees, seen.worst) == (False, "total_dlts")


def test_answers_are_pooled_by_their_trials():
    one, other = Answer(1.0, 100, {"no_selection": 0.5}), Answer(2.0, 300, {"no_selection": 0.1})
    together = pooled([one, other])
    assert (together.trials, together.seconds) == (400, 3.0)
    assert together.means == {"no_selection": pytest.approx(0.2)}


def test_an_answer_is_read_by_dose():
    told = {"seconds": 2, "trials": 5, "selection": [0.25, 0.5], "no_selection": 0.25}
    assert Answer.read(told).means == {"selection.1": 0.25, "selection.2": 0.5, "no_selection": 0.25}


def test_the_last_message_is_the_message_of_an_error_in_r():
    said = "Error in f() : \n  no such dose\nCalls: answer -> f\nTiming stopped at: 0 0 0\nExecution halted\n"
    assert last_message(said) == "no such dose"


def test_ratios_are_scaled_to_the_same_trials():
    simulated = {10: Measurement(((0.5,), (0.5,)), 0), 1000: Measurement(((1.0,), (2.0,)), 0)}
    ours = Ours(Measurement(((0.01,), (0.02,)), 0), simulated)
    measured = Measurement(((2.0,), (4.0,)), 0)
    found = verdict(outcomes(SINGLE), Answer(1.0, 100, {"no_selection": 0.17}))
    row = Beside(CONTENDERS[0], Answer(1.0, 100, {}), 100, measured, found)
    assert row.seconds_per_trial == pytest.approx(0.03)
    assert row.times_exact(ours, 1000) == pytest.approx(2000)
    assert row.times_simulated(ours) == pytest.approx(20)
    exactly = Beside(CONTENDERS[0], Answer(1.0, None, {}), 1, measured, found)
    assert exactly.seconds_per_trial is None
    assert exactly.times_exact(ours, 1000) == pytest.approx(200)
    assert exactly.noticed is None


def test_how_far_off_is_noticed_shrinks_with_the_root_of_the_trials():
    once = Measurement(((1.0,),), 0)
    found = outcomes(SINGLE)

    def noticed(trials):
        answer = Answer(1.0, trials, {"selection.1": 0.83, "no_selection": 0.17})
        return Beside(CONTENDERS[0], answer, trials, once, verdict(found, answer)).noticed

    z = noticed(100) / 0.05
    assert 2 * ANSWERS * 2 * special.ndtr(-z) == pytest.approx(ALARM)
    assert noticed(10_000) == pytest.approx(noticed(100) / 10)


def test_contenders_have_names_of_their_own_and_rules_that_fit_their_settings():
    assert len({one.name for one in CONTENDERS}) == len(CONTENDERS)
    assert {one.peer for one in CONTENDERS} == set(PEERS)
    for name, setting in settings().items():
        for rules in RULES:
            if any(one.rules is rules and name in one.trials for one in CONTENDERS):
                assert list(rules.design(setting).problems(setting.trial)) == []


def fake_r(folder, answers):
    """An Rscript that knows these answers by script; a text is an error."""
    script = folder / "Rscript"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"told = json.loads({json.dumps(json.dumps(answers))})[sys.argv[1]]\n"
        "if isinstance(told, str):\n"
        "    print(told, file=sys.stderr)\n"
        "    sys.exit(1)\n"
        "print('Loading things')\n"
        "print(json.dumps(told))\n"
    )
    script.chmod(0o755)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def peers_said(*arguments):
    result = CliRunner().invoke(main, ["peers", "--smoke", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.stdout.split())


def test_without_r_every_package_is_named_with_the_line_that_installs_it(path, monkeypatch):
    once = Measurement(((1.0,),), 0)
    monkeypatch.setattr("benchmarks.peers.measure", lambda tasks, *_: {task.name: once for task in tasks})
    said = peers_said()
    for peer in PEERS:
        if peer.in_r:
            assert f"{peer.name}: skipped, there is no Rscript on the PATH; in R: {peer.install}" in said
    assert "this package, exact: BOIN" in said


def test_r_without_the_packages_is_told_from_no_r(path):
    fake_r(path, {"versions.R": {}})
    assert why_not(BOIN_R) == 'BOIN: skipped, not installed; in R: install.packages("BOIN")'
    assert BOIN_R.name not in installed()


def test_an_r_that_fails_is_told_from_no_r(path):
    (path / "Rscript").write_text(f"#!{sys.executable}\nimport sys\nsys.exit('Fatal error: cannot open R home')\n")
    (path / "Rscript").chmod(0o755)
    said = why_not(BOIN_R)
    assert said == 'BOIN: skipped, Rscript fails (Fatal error: cannot open R home); in R: install.packages("BOIN")'
    assert BOIN_R.name not in installed()


def test_a_python_package_is_named_with_its_line():
    assert why_not(CLINTRIALS) == "clintrials: skipped, not installed; in a shell: pip install clintrials"


def test_answers_that_agree_and_disagree_and_fail(path):
    flat = means(outcomes(SINGLE))
    honest = {
        "seconds": 0.5,
        "trials": 10,
        "selection": [0.8],
        "no_selection": 0.2,
        "patients": [flat["patients.1"]],
        "dlts": [flat["dlts.1"]],
    }
    fake_r(
        path,
        {
            "versions.R": {"BOIN": "1.0", "simFastBOIN": "2.0", "escalation": "3.0"},
            "BOIN.R": honest,
            "simFastBOIN.R": honest | {"selection": [0.0], "no_selection": 1.0},
            "escalation.R": "Error in f() :\n  no doses today\nExecution halted",
        },
    )
    said = peers_said()
    assert "BOIN 1.0, simFastBOIN 2.0, escalation 3.0" in said
    assert "it says: no doses today" in said
    assert "simFastBOIN sim_boin does not agree with the rules that it is beside" in said
    assert "1 of 2 answers by peers agree with the exact ones." in said
    assert "dfcrm: skipped, not installed" in said


def test_what_is_no_answer_is_said(path):
    fake_r(path, {"BOIN.R": "", "versions.R": {}})
    with pytest.raises(PeerError, match="exit code 1"):
        ask(CONTENDERS[0], SINGLE, 2, 1)
    (path / "Rscript").write_text(f"#!{sys.executable}\nprint('hello')\n")
    with pytest.raises(PeerError, match="what it printed is no answer: 'hello'"):
        ask(CONTENDERS[0], SINGLE, 2, 1)


def told_by_r(folder):
    """An Rscript that answers with its seed, and notes what it was asked for."""
    script = folder / "Rscript"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "given = dict(word.split('=', 1) for word in sys.argv[2:])\n"
        f"with pathlib.Path({json.dumps(str(folder))}, 'asked').open('a') as file:\n"
        "    print(given['seed'], given['trials'], file=file)\n"
        "print(json.dumps({'seconds': 0.5, 'trials': int(given['trials'])}))\n"
    )
    script.chmod(0o755)
    return lambda: [line.split() for line in (folder / "asked").read_text().splitlines()]


def test_rounds_have_seeds_of_their_own(path, tmp_path):
    asked = told_by_r(path)
    answers = tmp_path / "answers"
    answers.mkdir()
    for loops in (1, 2, 1):
        # Each round is a process of its own, which prepares the work anew.
        assert by_peer(GET_OC.name, SINGLE.name, 30, str(answers))(loops) == 0.5
    assert asked() == [["1", "30"], ["2", "60"], ["3", "30"]]


def test_an_exact_peer_is_asked_once_a_round(path, tmp_path):
    asked = told_by_r(path)
    answers = tmp_path / "answers"
    answers.mkdir()
    work = by_peer(EXACT_THREE.name, LUCAR.name, 1, str(answers))
    assert [work(loops) for loops in (1, 2, 64)] == [0.5, 1.0, 32.0]
    assert len(asked()) == 1
