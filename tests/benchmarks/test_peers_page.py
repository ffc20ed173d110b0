"""What the section on peers says, of made-up times and answers."""

import csv
import io
from dataclasses import replace

import numpy as np
from scipy import special

from benchmarks.measuring import Measurement
from benchmarks.peers.answers import Answer
from benchmarks.peers.comparison import Beside, Comparison, Ours
from benchmarks.peers.contenders import (
    ANSWERS,
    BOIN_RULES,
    CRM_RESTRICTED,
    THREE_FILLED,
    settings,
)
from benchmarks.peers.csv_file import to_csv
from benchmarks.peers.page import HEADLINES, agreement, conclusions, headlines, speeds
from benchmarks.peers.verdicts import Verdict
from escalation.characteristics.agreement import ALARM
from tests.benchmarks.peer_answers import (
    CRMPACK_THREE,
    CRMSIM,
    EXACT_THREE,
    GET_OC,
    LUCAR,
    SIMFAST,
    SIMULATE_BOIN,
    SINGLE,
)


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
