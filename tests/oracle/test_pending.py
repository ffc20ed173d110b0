"""Rules for pending patients against simFastBOIN, the programs of PoD-TPI and of Lin & Yuan (2020), and dfcrm."""

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from escalation import BOIN, CRM, MTPI, MTPI2, Keyboard, ThreePlusThree, Trial
from escalation.designs.pending import Predict, Roll, Weigh
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, STAY, SUSPEND
from escalation.plans.weighed_curves import adaptive_weights
from tests.support import each, levels, records

LETTERS = {ESCALATE: "E", STAY: "S", DE_ESCALATE: "D", ELIMINATE: "DE", SUSPEND: "SUS"}


def trial(target: float, patients: int = 60) -> Trial:
    return Trial(doses=levels(3), target=target, max_patients=patients)


def disagreements(record: dict, share_of: Callable[[float], float] = float) -> list[tuple]:
    """States at which simFastBOIN decides otherwise, when each share of the window is changed."""
    rule = Weigh(
        method=record["method"], most_pending=record["max_pending_ratio"], fewest_complete=record["min_completed"]
    )
    plan = rule.plan(BOIN(), trial(record["target"], max(record["n"])))
    found = []
    columns = (record[name] for name in ("n", "dlts", "pending", "stft", "decision"))
    for n, y, c, stft, expected in zip(*columns, strict=True):
        shares = [share_of(stft / c)] * c if c else []
        said = LETTERS[plan.decide(n, y, shares).code]
        if said != expected:
            found.append((n, y, c, stft, said, expected))
    return found


DECIDED = records("tite_boin_decisions")


@each(DECIDED)
def test_tite_boin(record):
    """Imputed, and by effective sample size."""
    assert disagreements(record) == []


def test_a_window_a_day_off_is_noticed():
    """28 days taken for 29, and for 27."""
    for days in (29, 27):
        assert any(disagreements(record, lambda share, days=days: min(share * 28 / days, 0.999)) for record in DECIDED)


def pending_of(text: str, n: int, y: int) -> range:
    """The pending patients that a row of the printed table is for."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    low, high = numbers[0], numbers[-1]
    if text.startswith("<"):
        low, high = 0, high - 1
    if text.startswith(">"):
        low, high = low + 1, n
    return range(low, min(high, n - y) + 1)


def dlts_of(text: str, n: int) -> list[int]:
    return list(range(int(text[1:]) + 1, n + 1)) if text.startswith(">") else [int(part) for part in text.split(",")]


def printed_decision(row: list[str], ess: float) -> str | None:
    """What a row says of an effective sample size; None within the rounding of its thresholds."""
    up, stay, down = (text.strip() for text in row[3:])
    numbers = [float(number) for text in (up, stay, down) for number in re.findall(r"[\d.]+", text)]
    if any(abs(ess - number) < 0.006 for number in numbers):
        return None
    for text, letter in ((up, "E"), (stay, "S"), (down, "D")):
        if text == "Suspend":
            return "SUS"
        if text.startswith("Yes"):
            return "DE" if "Eliminate" in text else letter
        relation = re.match(r"ESS(>=|<=|>|<| in )", text)
        if relation is None:
            continue
        limits = [float(number) for number in re.findall(r"[\d.]+", text)]
        if (
            (">" in relation[1] and ess > limits[0])
            or ("<" in relation[1] and ess < limits[0])
            or ("in" in relation[1] and limits[0] < ess < limits[1])
        ):
            return letter
    raise AssertionError(row)


@each(records("tite_keyboard_mtpi_tables"))
def test_tables_of_tite_keyboard_and_tite_mtpi(record):
    """Every row; but the tables have two complete patients before an escalation at three patients only."""
    keyboard = record["design"] == "TITE-keyboard"
    design = Keyboard(half_width=record["half_width"]) if keyboard else MTPI(cutoff_eli=0.95)
    plan, unlimited = (Weigh(fewest_complete=fewest).plan(design, trial(record["target"], 15)) for fewest in (None, 0))
    asked = held = 0
    for row in record["rows"]:
        n = int(row[0])
        for y in dlts_of(row[1], n):
            for c in pending_of(row[2], n, y):
                for share in (0.01, 0.3, 0.5, 0.7, 0.97):
                    expected = printed_decision(row, n - c + share * c)
                    if expected is None:
                        continue
                    asked += 1
                    state = n, y, [share] * c
                    said = LETTERS[plan.decide(*state).code]
                    if said == "SUS" and expected == "E":
                        assert n - c < 2
                        assert n > 3
                        held += 1
                        said = LETTERS[unlimited.decide(*state).code]
                    assert said == expected, (n, y, c, share)
    assert asked > 500
    assert held


PREDICTED = records("pod_tpi_decisions")


def probabilities(record: dict, window: float) -> tuple[float, float, float]:
    """P(de-escalate), P(stay), P(escalate); no dose is the highest."""
    c = len(record["pending_followup"])
    shares = [days / window for days in record["pending_followup"]]
    plan = Predict(suspend="off", fewest_known=99).plan(MTPI2(), trial(record["target"]))
    n = record["dlts"] + record["no_dlt"] + c
    return plan.decide(n, record["dlts"], shares, lowest=record["current_dose"] == 1).probabilities


@each(PREDICTED)
def test_pod_tpi(record):
    """The probabilities by quadrature, and mTPI-2's decision for each number of DLTs."""
    n = record["dlts"] + record["no_dlt"] + len(record["pending_followup"])
    cuts = Predict().plan(MTPI2(), trial(record["target"])).cuts
    letters = record["complete_data_decisions_by_number_of_pending_dlts"]
    assert [LETTERS[cuts.move(n, record["dlts"] + k)] for k in range(len(letters))] == letters
    assert probabilities(record, record["window"]) == pytest.approx(record["prob_D_S_E_exact_joint"], abs=1e-8)


def test_a_window_a_day_off_is_noticed_in_predictions():
    changed = [
        probabilities(record, record["window"] + 1) != pytest.approx(record["prob_D_S_E_exact_joint"], abs=1e-4)
        for record in PREDICTED
    ]
    assert sum(changed) > len(changed) / 2


def crm(record: dict) -> CRM:
    return CRM(
        model="power" if record["model"] == "empiric" else "logistic",
        skeleton=tuple(record["prior"]),
        prior_sd=record["scale"],
    )


def weighed(record: dict, weights: np.ndarray):
    """The compiled rule and its posterior after the record's outcomes, pending patients weighed so."""
    patients_trial = Trial(
        doses=levels(len(record["prior"])), target=record["target"], max_patients=len(record["tox"]), cohort_size=1
    )
    plan = Weigh().plan(crm(record), patients_trial)
    level, tox = np.array(record["level"]) - 1, np.array(record["tox"])
    patients, dlts = (np.bincount(level, weights=w, minlength=len(record["prior"])).astype(int) for w in (None, tox))
    pending = (tox == 0) & (weights < 1)
    return plan, plan.posterior(patients, dlts, level[pending], weights[pending])


def weights_of(record: dict, window: float | None = None) -> np.ndarray:
    """By the record's scheme, with the window or another."""
    tox = np.array(record["tox"])
    if record["scheme"] == "weights":
        return np.where(tox == 1, 1.0, record["weights_given"])
    shares = np.array(record["followup"]) / (window or record["obswin"])
    weights = np.minimum(shares, 1.0)
    if record["scheme"] == "adaptive":
        weights = np.where(shares < 1, adaptive_weights(np.minimum(shares, 1.0), shares[tox == 1]), 1.0)
    return np.where(tox == 1, 1.0, weights)


@each(records("titecrm"))
def test_tite_crm(record):
    """Weights, posterior, the plugged-in rates and the dose."""
    weights = weights_of(record)
    assert weights == pytest.approx(record["weights_used"], abs=1e-9)
    plan, posterior = weighed(record, weights)
    parameter = plan.plan.reading.parameter
    mean = posterior @ parameter
    assert mean == pytest.approx(record["ref_mean"], abs=1e-8)
    assert posterior @ (parameter - mean) ** 2 == pytest.approx(record["ref_var"], abs=1e-8)
    rates = np.abs(np.array(record["ref_ptox_plugin"]) - record["target"])
    assert plan.plan.judged_by(posterior).choice == rates.argmin() == record["mtd"] - 1


def test_a_window_a_day_off_is_noticed_in_weighed_curves():
    found = [record for record in records("titecrm") if record["scheme"] == "linear" and min(record["tox"]) == 0]
    changed = 0
    for record in found[:20]:
        plan, posterior = weighed(record, weights_of(record, record["obswin"] + 1))
        changed += abs(posterior @ plan.plan.reading.parameter - record["ref_mean"]) > 1e-5
    assert changed > 10


def test_a_weight_off_by_a_step_is_noticed():
    """Adaptive weights that leave out the first DLT."""
    changed = 0
    for record in records("titecrm"):
        tox = np.array(record["tox"])
        if record["scheme"] != "adaptive" or tox.sum() < 2:
            continue
        shares = np.minimum(np.array(record["followup"]) / record["obswin"], 1.0)
        off = np.where((shares < 1) & (tox == 0), adaptive_weights(shares, np.sort(shares[tox == 1])[1:]), 1.0)
        plan, posterior = weighed(record, off)
        changed += abs(posterior @ plan.plan.reading.parameter - record["ref_mean"]) > 1e-5
    assert changed > 10


Dose = tuple[int, int, tuple[int, ...]]  # patients, DLTs, and the steps for which each pending one has been followed
Trials = dict[tuple[int, tuple[Dose, ...]], float]  # by the current dose and the doses: their probability


def outcomes_known(doses: tuple[Dose, ...], rates: list[float], steps: list[float]) -> dict[tuple[Dose, ...], float]:
    """What the doses become by one step, with probabilities; a DLT comes after so many steps with these."""
    found = {(): 1.0}
    for (n, y, ages), rate in zip(doses, rates, strict=True):
        ways = {(y, ()): 1.0}
        for age in ages:
            chance = rate * steps[age] / (1 - rate * sum(steps[:age]))
            after = {}
            for (toxic, pending), mass in ways.items():
                further = (*pending, age + 1) if age + 1 < len(steps) else pending
                after[toxic + 1, pending] = after.get((toxic + 1, pending), 0.0) + mass * chance
                after[toxic, further] = after.get((toxic, further), 0.0) + mass * (1 - chance)
            ways = after
        found = {(*before, (n, *way)): m * mass for before, m in found.items() for way, mass in ways.items()}
    return found


@cache
def rolling_six(n: int, y: int, c: int, lowest: bool, highest: bool) -> int:
    return Roll().plan(ThreePlusThree(), trial(0.3)).decide(n, y, [0.5] * c, lowest=lowest, highest=highest).code


def rolled(dose: int, doses: tuple[Dose, ...]) -> tuple[str, int]:
    """What an arriving patient meets: "none" or a "final" dose, "enrolled" there, or "away"."""
    codes = [rolling_six(n, y, len(ages), not level, False) if n else STAY for level, (n, y, ages) in enumerate(doses)]
    top = codes.index(ELIMINATE) - 1 if ELIMINATE in codes else len(doses) - 1
    if top < 0:
        return "none", 0
    dose = min(dose, top)
    while doses[dose][0]:
        n, y, ages = doses[dose]
        code = rolling_six(n, y, len(ages), not dose, dose == top)
        if code == SUSPEND:
            return "away", dose
        if code == STAY:
            return ("final" if n == 6 else "enrolled"), dose
        assert code == ESCALATE
        dose += 1
    return "enrolled", dose


def on_a_grid(record: dict) -> dict[str, list[float] | float]:
    """Characteristics of the rolling six, every trial followed step by step until next to none goes on."""
    levels_, arrival = len(record["p"]), record["arrival_prob_per_step"]
    selection, patients, away = [0.0] * (levels_ + 1), [0.0] * levels_, 0.0
    living: Trials = {(0, ((0, 0, ()),) * levels_): 1.0}
    while sum(living.values()) > 1e-11:
        after: Trials = {}
        for (dose, doses), mass in living.items():
            for known, chance in outcomes_known(doses, record["p"], record["dlt_step_probs"]).items():
                reached, (what, at) = mass * chance, rolled(dose, known)
                if what in ("none", "final"):
                    selection[0 if what == "none" else at + 1] += reached
                    for level, (n, *_) in enumerate(known):
                        patients[level] += reached * n
                    continue
                away += reached * arrival * (what == "away")
                joined = known
                if what == "enrolled":
                    n, y, ages = known[at]
                    joined = (*known[:at], (n + 1, y, (*ages, 0)), *known[at + 1 :])
                for state, share in (((at, joined), arrival), ((dose, known), 1 - arrival)):
                    if share:
                        after[state] = after.get(state, 0.0) + reached * share
        living = after
    return {"selection_none_then_doses": selection, "patients": patients, "turned_away": away}


SMALL = [r for r in records("rolling_six") if len(r["p"]) < 3 or (r["arrival_prob_per_step"] == 1 and r["p"][0] == 0.2)]


@each(SMALL)
def test_rolling_six_on_a_grid(record):
    """Selection, patients and arrivals turned away, exactly."""
    for name, found in on_a_grid(record).items():
        assert found == pytest.approx(record[name], abs=1e-9), name


def decided(plan, state: tuple[int, tuple[Dose, ...]], window: int) -> tuple[str, int]:
    """What TITE-BOIN decides before a cohort: "none", "wait", or "enrol" at a dose."""
    dose, doses = state
    out = [bool(n) and plan.eliminates(n, y, len(ages), lowest=not d) for d, (n, y, ages) in enumerate(doses)]
    top = out.index(True) - 1 if any(out) else len(doses) - 1
    if top < dose:
        return ("none", 0) if top < 0 else ("enrol", top)
    n, y, ages = doses[dose]
    shares = [age / window for age in ages]
    code = plan.decide(n, y, shares, lowest=not dose, highest=dose == top).code
    return ("wait", dose) if code == SUSPEND else ("enrol", dose + code)


def tite_boin_on_a_grid(record: dict) -> dict[str, list[float] | float]:
    """Characteristics of TITE-BOIN, every trial followed step by step."""
    levels_, window, size = len(record["p"]), record["window_steps"], record["cohort_size"]
    whole = record["cohorts"] * size
    given = Trial(doses=levels(levels_), target=record["target"], max_patients=whole, cohort_size=size)
    plan, complete = Weigh().plan(BOIN(), given), BOIN().plan(given)
    steps = [1 / window] * window
    selection, patients, waited = [0.0] * (levels_ + 1), [0.0] * levels_, 0.0
    living = {(0, ((0, 0, ()),) * levels_): 1.0}

    def end(doses: tuple[Dose, ...], mass: float, recommended: int | None) -> None:
        if recommended is None:
            counts = (np.array([[dose[k] for dose in doses]], np.int16) for k in (0, 1))
            recommended = int(complete.recommend(*counts)[0])
        selection[recommended + 1] += mass
        for level, (n, *_) in enumerate(doses):
            patients[level] += mass * n

    while living:
        after: dict = {}
        for (dose, doses), mass in living.items():
            treated = sum(n for n, *_ in doses)
            for known, chance in outcomes_known(doses, record["p"], steps).items():
                reached, what, at = mass * chance, "enrol", dose
                if treated == whole:
                    if not any(ages for *_, ages in known):
                        end(known, reached, None)
                        continue
                    what = "finish"
                elif treated and treated % size == 0:
                    what, at = decided(plan, (dose, known), window)
                if what == "none":
                    end(known, reached, -1)
                    continue
                waited += reached * (what == "wait")
                n, y, ages = known[at]
                joined = (*known[:at], (n + 1, y, (*ages, 0)), *known[at + 1 :]) if what == "enrol" else known
                after[at, joined] = after.get((at, joined), 0.0) + reached
        living = after
    return {"selection_none_then_doses": selection, "patients": patients, "suspended_steps": waited}


@each(records("tite_boin_grid"))
def test_tite_boin_on_a_grid(record):
    """Selection, patients and steps without enrolment, exactly."""
    for name, found in tite_boin_on_a_grid(record).items():
        assert found == pytest.approx(record[name], abs=1e-9), name
