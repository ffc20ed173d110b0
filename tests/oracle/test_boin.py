"""BOIN against the R package BOIN 2.7.2: boundaries, MTD selection and operating characteristics."""

import numpy as np
import pytest

from escalation import BOIN, Trial, decision_table
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE
from escalation.kernels.selection import pool_adjacent_violators
from tests.support import each, exact_characteristics, levels, records

OFF = 100  # BOIN's own value for n.earlystop that is never reached


def boin(record: dict, **options) -> BOIN:
    return BOIN(
        p_saf=record.get("p_saf"),
        p_tox=record["p_tox"],
        cutoff_eli=record["cutoff_eli"],
        extra_safe=record["extrasafe"],
        offset=record["offset"],
        **options,
    )


@each(records("boin_boundaries"))
def test_boundaries(record):
    design = boin(record)
    assert design.boundaries(record["target"]) == pytest.approx((record["lambda_e"], record["lambda_d"]), abs=1e-12)
    patients = record["ncohort"] * record["cohortsize"]
    codes = design.plan(Trial(doses=levels(2), target=record["target"], max_patients=patients)).codes
    for n, up, down, out in zip(
        record["n"],
        record["escalate_if_le"],
        record["deescalate_if_ge"],
        record["eliminate_if_ge"],
        strict=True,
    ):
        for y in range(n + 1):
            expected = ELIMINATE if out is not None and y >= out else DE_ESCALATE if y >= down else None
            expected = ESCALATE if expected is None and y <= up else expected or 0
            assert codes[1, n, y] == expected, (n, y)


@each([r for r in records("boin_boundaries") if "lowest_dose_stop_if_ge" in r])
def test_extra_safe_boundary(record):
    patients = record["ncohort"] * record["cohortsize"]
    codes = boin(record).plan(Trial(doses=levels(2), target=record["target"], max_patients=patients)).codes
    for n, fewest in zip(record["lowest_dose_n"], record["lowest_dose_stop_if_ge"], strict=True):
        for y in range(n + 1):
            assert (codes[0, n, y] == ELIMINATE) == (fewest is not None and y >= fewest), (n, y)


@each(records("boin_select_mtd"))
def test_selected_dose(record):
    design = boin(record, bound_mtd=record["boundMTD"])
    patients = np.array([record["npts"]], np.int16)
    dlts = np.array([record["ntox"]], np.int16)
    trial = Trial(doses=levels(patients.size), target=record["target"], max_patients=int(patients.max()), cohort_size=1)
    selected = design.plan(trial).recommend(patients, dlts)[0] + 1
    assert selected == (0 if record["MTD"] == 99 else record["MTD"])


@each(records("boin_select_mtd"))
def test_isotonic_estimates(record):
    estimates = record["phat_isotonic_admissible"]
    admissible = [i for i, estimate in enumerate(estimates) if estimate is not None]
    if not admissible:
        assert record["MTD"] == 99
        return
    n, y = (np.array(record[key], float)[admissible] for key in ("npts", "ntox"))
    values = (y + 0.05) / (n + 0.1)
    weights = (n + 0.1) ** 2 * (n + 1.1) / ((y + 0.05) * (n - y + 0.05))
    fitted, scratch, sizes = np.empty(len(n)), np.empty(len(n)), np.empty(len(n), np.int64)
    pool_adjacent_violators(values, weights, len(n), fitted, scratch, sizes)
    assert fitted == pytest.approx([estimates[i] for i in admissible], abs=1e-9)


def settings(record: dict) -> tuple[BOIN, Trial]:
    design = boin(
        record,
        bound_mtd=record["boundMTD"],
        titration=record["titration"],
        stop_at=None if record["n_earlystop"] == OFF else record["n_earlystop"],
    )
    trial = Trial(
        doses=levels(len(record["p_true"])),
        target=record["target"],
        max_patients=record["ncohort"] * record["cohortsize"],
        cohort_size=record["cohortsize"],
        start_dose=record["startdose"],
    )
    return design, trial


@pytest.mark.parametrize("record", records("boin_oc_exact"))
def test_exact_operating_characteristics(record):
    oc = exact_characteristics(*settings(record), record["p_true"])
    assert oc.selection == pytest.approx(record["selprob"], abs=1e-9)
    assert oc.no_selection == pytest.approx(record["prob_no_dose"], abs=1e-9)
    assert oc.patients == pytest.approx(record["expected_patients"], abs=1e-9)
    assert oc.dlts == pytest.approx(record["expected_tox"], abs=1e-9)
    assert oc.sample_size.mean == pytest.approx(record["expected_n"], abs=1e-9)
    distribution = {int(n): p for n, p in record["n_distribution"].items()}
    assert dict(oc.sample_size.distribution) == pytest.approx(distribution, abs=1e-9)


@pytest.mark.parametrize("record", records("boin_oc"))
def test_get_oc(record):
    """Within four Monte Carlo standard errors of the R package's own 20,000 trials.

    For probabilities the error is that of the exact value; one trial more or less is allowed for, as for the patients
    and DLTs of a dose that hardly any of its trials reached.
    """
    oc = exact_characteristics(*settings(record), record["p_true"])
    trials = record["ntrial"]
    shares = [*zip(oc.selection, record["selpercent"], strict=True), (oc.no_selection, record["percentstop"])]
    for ours, percent in shares:
        error = (ours * (1 - ours) / trials) ** 0.5
        assert abs(ours - percent / 100) <= 4 * error + 1 / trials
    for name, ours, spread in (("npatients", oc.patients, "se_npatients"), ("ntox", oc.dlts, "se_ntox")):
        for value, theirs, error in zip(ours, record[name], record[spread], strict=True):
            assert abs(value - theirs) <= 4 * error + 6 / trials, name


@each(records("boin_boundaries"))
def test_printed_decision_table(record):
    """Every boundary that `get.boundary` prints; with extrasafe the lowest dose has a table of its own."""
    patients = record["ncohort"] * record["cohortsize"]
    trial = Trial(doses=levels(3), target=record["target"], max_patients=patients, cohort_size=record["cohortsize"])
    printed = decision_table(boin(record), trial)
    assert printed.parameters == pytest.approx(
        {"lambda_e": record["lambda_e"], "lambda_d": record["lambda_d"]}, abs=1e-12
    )
    above = next(part for part in printed.table if 3 in part.doses)
    rows = above.rows[: record["n"][-1]]  # get.boundary ends with n.earlystop
    assert [row.patients for row in rows] == record["n"]
    assert [row.escalate_if_at_most for row in rows] == record["escalate_if_le"]
    assert [row.de_escalate_if_at_least for row in rows] == record["deescalate_if_ge"]
    assert [row.eliminate_if_at_least for row in rows] == record["eliminate_if_ge"]
    lowest = next(part for part in printed.table if 1 in part.doses)
    if "lowest_dose_stop_if_ge" in record:
        stops = {row.patients: row.eliminate_if_at_least for row in lowest.rows}
        expected = zip(record["lowest_dose_n"], record["lowest_dose_stop_if_ge"], strict=True)
        assert all(stops[n] == fewest for n, fewest in expected)
    if not record["extrasafe"]:
        assert lowest is above
