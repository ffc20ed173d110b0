import csv
import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import special

from benchmarks.__main__ import main
from benchmarks.measuring import Measurement
from benchmarks.peers.answers import Answer, PeerError, ask, installed, last_message, pooled, why_not
from benchmarks.peers.comparison import Beside, Comparison, Ours
from benchmarks.peers.contenders import (
    ANSWERS,
    BOIN_R,
    BOIN_RULES,
    CLINTRIALS,
    CONTENDERS,
    CRM_RESTRICTED,
    PEERS,
    RULES,
    THREE_FILLED,
    THREE_PLAIN,
    settings,
)
from benchmarks.peers.csv_file import to_csv
from benchmarks.peers.page import HEADLINES, agreement, conclusions, headlines, speeds
from benchmarks.peers.timed import by_peer
from benchmarks.peers.verdicts import Verdict, verdict
from escalation import Trial, exact
from escalation.cross_check import ALARM
from escalation.laws import laws_of

LUCAR, SINGLE = settings()["LUCAR-DKS1"], settings()["a single dose"]


def outcomes(setting, rules=BOIN_RULES):
    return exact(rules.design(setting), setting.trial).outcomes(setting.rates)


def means(found, *names):
    laws = laws_of(found, ()).by_quantity()
    wanted = names or [name for name in laws if name.startswith(("selection", "no_sel", "patients", "dlts"))]
    return {name: laws[name].mean for name in wanted}


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


def contender(name):
    return next(one for one in CONTENDERS if one.name == name)


SIMFAST, GET_OC, SIMULATE_BOIN = (
    contender(name) for name in ("simFastBOIN sim_boin", "BOIN get.oc", "escalation simulate_trials (BOIN)")
)
CRMSIM = contender("dfcrm crmsim")
CRMPACK_THREE, EXACT_THREE = contender("crmPack simulate (3+3)"), contender("precautionary simulate_trials (exact 3+3)")


def beside(who, seconds, trials, z=1.0, agrees=True):
    """A contender that takes so many seconds a call of so many trials; None for an exact answer."""
    found = Verdict(4, None if trials is None else z, None if trials is None else 0.5, "selection.1", 0.3, 0.2, agrees)
    return Beside(who, Answer(9.0, trials and 4 * trials, {}), trials or 1, Measurement(((seconds,),), 0), found)


def ours(exactly, *simulated):
    sizes = (1_000, 10_000, 100_000)
    return Ours(
        Measurement(((exactly,),), 0),
        {size: Measurement(((each,),), 0) for size, each in zip(sizes, simulated, strict=True)},
    )


def made_up(setting=LUCAR):
    """BOIN: 0.01 s exact; simFastBOIN 10 s, BOIN 100 s for 10,000 trials; one quicker that disagrees."""
    return Comparison(
        setting,
        [BOIN_RULES, THREE_FILLED],
        {"BOIN": ours(0.01, 0.002, 0.005, 0.05), THREE_FILLED.name: ours(0.001, 0.002, 0.003, 0.004)},
        [
            beside(GET_OC, 1.0, 100, z=1.5),
            beside(SIMFAST, 1.0, 1_000, z=3.0),
            beside(SIMULATE_BOIN, 1.0, 5_000, z=2.0, agrees=False),
            beside(CRMPACK_THREE, 1.0, 1_000, z=0.5),
            beside(EXACT_THREE, 0.00045, None),
        ],
    )


def test_headlines_show_every_peer_that_agrees_and_where_an_exact_one_is_quicker():
    boin, three = headlines([made_up()])
    assert (boin.what, boin.figure) == ("LUCAR-DKS1, BOIN, exact operating characteristics", "10 ms")
    assert boin.beside == (
        "for the accuracy of 10,000 trials simFastBOIN sim_boin takes 1,000 times as long; "
        "BOIN get.oc takes 10,000 times as long"
    )
    assert three.beside == (
        "for the accuracy of 10,000 trials crmPack simulate (3+3) takes 10,000 times as long; "
        "exact peer: precautionary simulate_trials (exact 3+3) takes 0.45 times as long"
    )


def test_headlines_are_in_the_order_of_their_constant():
    def about(setting, rules):
        who = CRMSIM if rules is CRM_RESTRICTED else GET_OC
        return Comparison(setting, [rules], {rules.name: ours(1.0, 1, 2, 3)}, [beside(who, 0.5, 10_000)])

    six = settings()["six doses"]
    slower = about(six, BOIN_RULES)
    both = replace(
        slower,
        rules=[CRM_RESTRICTED, BOIN_RULES],
        ours=slower.ours | {CRM_RESTRICTED.name: ours(2.0, 1, 2, 3)},
        beside=[beside(CRMSIM, 3.0, 10_000), *slower.beside],
    )
    shown = headlines([both, made_up()])
    assert [row.what for row in shown] == [
        f"{name}, {rules.name}, exact operating characteristics"
        for name, rules in HEADLINES
        if (name, rules) != ("LUCAR-DKS1", CRM_RESTRICTED)
    ]
    assert [row.beside for row in shown[2:]] == [
        "for the accuracy of 10,000 trials BOIN get.oc takes 0.5 times as long",
        "for the accuracy of 10,000 trials dfcrm crmsim takes 1.5 times as long",
    ]
    assert [name for name, _ in HEADLINES] == ["LUCAR-DKS1"] * 3 + ["six doses"] * 2
    assert headlines([]) == headlines([made_up(SINGLE)]) == []


def test_speeds_are_ours_as_timed_and_theirs_in_proportion():
    grid = speeds(made_up())
    assert grid.header[4:] == ["/ our exact", "/ our simulated, by trial", "agrees"]
    boin, three = grid.groups
    assert boin == [
        ["this package, exact: BOIN", "0.01", "0.01", "0.01", "1", "", ""],
        ["this package, simulated", "0.002", "0.005", "0.05", "", "1", ""],
        ["BOIN get.oc", "10", "100", "1,000", "1,000", "20,000", "yes"],
        ["simFastBOIN sim_boin", "1", "10", "100", "100", "2,000", "yes"],
        ["escalation simulate_trials (BOIN)", "0.2", "2", "20", "", "", "NO"],
    ]
    assert three[-1] == [EXACT_THREE.name, "0.00045", "0.00045", "0.00045", "0.45", "", "yes"]
    assert "to its rate with 100,000 trials" in grid.caption


def test_conclusions_name_the_quickest_that_agrees_and_the_largest_z():
    said = conclusions(made_up())
    assert said[0] == (
        "BOIN: an exact answer takes 0.01 s. The quickest peer that agrees, simFastBOIN sim_boin, takes 100 times that "
        "for 1,000 trials, 10,000 times that for the accuracy of 100,000, and 2,000 times what this package takes for "
        "a simulated trial."
    )
    assert f"{THREE_FILLED.name}: {EXACT_THREE.name} is exact, too, and takes 0.45 times the time." in said
    (wrong,) = [line for line in said if "does not agree" in line]
    assert wrong.startswith("escalation simulate_trials (BOIN) does not agree")
    (fewest,) = [line for line in said if line.startswith("The fewest")]
    assert "are 400, by BOIN get.oc" in fewest
    (largest,) = [line for line in said if line.startswith("The largest |z|")]
    p_value = ANSWERS * 4 * 2 * special.ndtr(-3.0)
    assert f"is 3.00, by simFastBOIN sim_boin; over all numbers of all answers its p is {p_value:.2g}." in largest
    assert said[-1] == "4 of 5 answers by peers agree with the exact ones."


def test_agreement_says_what_would_be_noticed():
    grid = agreement(made_up())
    at = grid.header.index("would be noticed")
    (rows,) = grid.groups
    z = -special.ndtri(ALARM / ANSWERS / 4 / 2)
    noticed = [f"{z * 0.5 / np.sqrt(trials):.2g}" for trials in (400, 4_000, 20_000, 4_000)]
    assert [row[at] for row in rows] == [*noticed, ""]
    assert [row[-1] for row in rows] == ["yes", "yes", "NO", "yes", "yes"]
    assert all(len(row) == len(grid.header) for row in rows)


def test_the_csv_has_every_time_and_no_ratio_of_what_disagrees():
    lines = {
        (line["rules"], line["who"], line["trials timed"]): line
        for line in csv.DictReader(io.StringIO(to_csv([made_up()]).decode()))
    }
    assert len(lines) == 2 * 4 + 5
    simfast = lines["BOIN", SIMFAST.name, "1000"]
    assert [
        simfast[name] for name in ("setting", "kind", "seconds", "seconds per 1,000 trials", "trials compared")
    ] == [
        "LUCAR-DKS1",
        "simulated",
        "1",
        "1",
        "4000",
    ]
    assert (simfast["ratio to exact at 1,000"], simfast["ratio of rates"]) == ("100", "2000")
    wrong = lines["BOIN", SIMULATE_BOIN.name, "5000"]
    assert (wrong["agrees"], wrong["ratio to exact at 1,000"], wrong["ratio of rates"]) == ("NO", "", "")
    precise = lines[THREE_FILLED.name, EXACT_THREE.name, ""]
    assert (precise["kind"], precise["ratio to exact at 1,000"], precise["ratio of rates"]) == ("exact", "0.45", "")
    small = lines["BOIN", "this package", "1000"]
    assert (small["ratio to exact at 1,000"], small["ratio of rates"]) == ("0.2", "4")


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


@pytest.fixture(scope="module")
def here():
    return installed()


@pytest.mark.parametrize(
    "who", [SIMULATE_BOIN, contender("escalation simulate_trials (3+3)"), CRMPACK_THREE], ids=lambda who: who.name
)
def test_a_slow_peer_that_is_installed_answers(who, here):
    if who.peer.name not in here:
        pytest.skip(f"{who.peer.name} is not installed")
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
def test_a_peer_that_is_installed_agrees(who, here):
    if who.peer.name not in here:
        pytest.skip(f"{who.peer.name} is not installed")
    answer = ask(who, LUCAR, trials=QUICK[who.name], seed=1)
    assert answer.trials == (None if who.exact else QUICK[who.name])
    seen = verdict(outcomes(LUCAR, who.rules), answer)
    assert seen.agrees, seen
    # An answer in which little could differ would agree, too.
    assert seen.numbers == (2 if who.exact else 13)


def test_exact_paths_agree_to_the_last_digits(here):
    who = contender("escalation calculate_probabilities (exact 3+3)")
    if who.peer.name not in here:
        pytest.skip(f"{who.peer.name} is not installed")
    # Two doses: four take ten seconds.
    two = replace(
        LUCAR, trial=Trial(doses=("low", "high"), target=0.25, max_patients=12, cohort_size=3), rates=(0.1, 0.3)
    )
    answer = ask(who, two, trials=1, seed=1)
    seen = verdict(outcomes(two, THREE_PLAIN), answer)
    assert (answer.trials, seen.numbers, seen.agrees) == (None, 7, True)
