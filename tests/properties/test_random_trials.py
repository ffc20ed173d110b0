"""Properties that hold for every design on every trial, on random ones."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from escalation import (
    BOIN,
    CCD,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    I3Plus3,
    Keyboard,
    Monitoring,
    ThreePlusThree,
    Trial,
    exact,
    operating_characteristics,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.kernels.codes import ELIMINATE, MAX_PATIENTS, NO_DOSE
from escalation.plans.table import TablePlan
from escalation.trial.rates import correct_doses
from tests.support import levels

# A design's compiled plan and its enumeration take milliseconds, but the first example compiles the kernels.
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

rate = st.floats(0, 1)
targets = st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5])


@st.composite
def trials(draw, most_levels=5):
    size = draw(st.integers(1, 5))
    doses = draw(st.integers(1, most_levels))
    cohorts = draw(st.integers(1, 6 if doses > 3 else 8))
    return Trial(
        doses=levels(doses),
        target=draw(targets),
        max_patients=size * cohorts + draw(st.integers(0, size - 1)),
        cohort_size=size,
        start_dose=draw(st.integers(1, doses)),
    )


three_plus_three = st.builds(ThreePlusThree, de_escalate=st.booleans(), six_at_top=st.booleans())
boin = st.builds(
    BOIN,
    cutoff_eli=st.sampled_from([0.7, 0.95]),
    extra_safe=st.booleans(),
    offset=st.sampled_from([0.05, 0.3]),
    stop_at=st.none() | st.integers(1, 12),
    bound_mtd=st.booleans(),
    titration=st.booleans(),
)
crm = st.builds(
    CRM,
    model=st.sampled_from(["power", "logistic"]),
    half_width=st.just(0.03),
    prior_mtd=st.just(1),
    prior_sd=st.sampled_from([0.3, 1.16, 2.0]),
    estimate=st.sampled_from(["plugin", "mean"]),
    no_skip=st.booleans(),
    coherent=st.sampled_from(["cohort", "dose", "recent", "off"]),
    stop_if_too_toxic=st.none() | st.just({"threshold": 0.8, "margin": 0.05}),
    stop_at=st.none() | st.integers(1, 12),
    recommend_untried=st.booleans(),
)
priors = st.tuples(st.just(0.5), st.floats(0.1, 3))
alphas = st.sampled_from([None, 0.001, 0.2, 0.6])
monitoring = st.one_of(
    st.builds(Monitoring, threshold=st.sampled_from([0.6, 0.9]), prior=priors),
    st.builds(
        Monitoring,
        rule=st.sampled_from(["pocock", "obrien-fleming"]),
        alpha=alphas,
        limit=st.floats(0.01, 0.99),
        min_patients=st.integers(1, 9),
    ),
    st.builds(Monitoring, rule=st.just("wang-tsiatis"), alpha=alphas, delta=st.floats(0, 0.5)),
    st.builds(Monitoring, rule=st.just("sprt"), alpha=alphas, p1=st.floats(0.51, 0.99)),
    st.builds(Monitoring, rule=st.just("beta-binomial"), alpha=alphas, prior=priors),
)
shared = {"cutoff_eli": st.sampled_from([0.7, 0.95]), "stop_at": st.none() | st.integers(1, 12)}
margins = {"epsilon1": st.sampled_from([0.02, 0.09]), "epsilon2": st.sampled_from([0.02, 0.2])}
intervals = st.one_of(
    *(st.builds(design, **margins, **shared) for design in (I3Plus3, MTPI, MTPI2)),
    *(st.builds(design, half_width=st.sampled_from([0.03, 0.09]), **shared) for design in (Keyboard, CCD)),
    st.builds(TPI, k1=st.sampled_from([0.5, 1.0]), k2=st.sampled_from([1.0, 2.0]), **shared),
)


@st.composite
def settled(draw):
    """A trial, a design that fits it, and a truth."""
    trial = draw(trials())
    designs = [three_plus_three, boin, crm, intervals] + ([monitoring] if trial.levels == 1 else [])
    design = draw(st.one_of(designs))
    rates = draw(st.lists(rate, min_size=trial.levels, max_size=trial.levels))
    return trial, design, sorted(rates) if draw(st.booleans()) else rates


@PROPERTY
@given(settled())
def test_probabilities_are_probabilities(case):
    trial, design, rates = case
    outcomes = exact(design, trial).outcomes(rates)
    assert abs(outcomes.probability.sum() - 1) <= 1e-12
    assert outcomes.probability.min() >= 0
    oc = operating_characteristics(outcomes)
    assert abs(sum(oc.selection) + oc.no_selection - 1) <= 1e-12
    assert abs(sum(oc.stop_reasons.values()) - 1) <= 1e-12
    assert abs(sum(oc.patients) - oc.sample_size.mean) <= 1e-9
    assert abs(sum(oc.dlts) - oc.total_dlts.mean) <= 1e-9
    assert oc.sample_size.q05 <= oc.sample_size.q50 <= oc.sample_size.q95 <= trial.max_patients
    assert oc.overdosing_80 <= oc.overdosing_60 + 1e-12
    assert 0 <= oc.above_mtd <= 1 + 1e-12


@PROPERTY
@given(settled())
def test_mean_dlts_are_rate_times_patients(case):
    """Wald's identity: whatever the rule, E[y_d] = p_d E[n_d]."""
    trial, design, rates = case
    oc = operating_characteristics(exact(design, trial).outcomes(rates))
    for patients, dlts, true in zip(oc.patients, oc.dlts, rates, strict=True):
        assert abs(dlts - true * patients) <= 1e-9


@PROPERTY
@given(settled(), st.integers(0, 2**32))
def test_simulated_agrees_with_exact(case, seed):
    """Sixty comparisons at a familywise level of 1e-6 each."""
    trial, design, rates = case
    correct = correct_doses(rates, trial.target)
    expected = exact(design, trial).outcomes(rates)
    simulated = simulate(design, trial, rates, trials=2000, seed=seed)
    assert agreement(expected, simulated, correct).p_value > 1e-6


@PROPERTY
@given(settled())
def test_eliminated_doses_keep_the_counts_they_fell_with(case):
    """No cohort is given at a dose after it was eliminated, and neither it nor a dose above is recommended."""
    trial, design, _ = case
    plan = design.plan(trial)
    assume(isinstance(plan, TablePlan))
    endings = exact(design, trial)
    size = plan.conduct.sizes.max()
    for patients, dlts, recommended in zip(
        endings.patients.tolist(), endings.dlts.tolist(), endings.recommended.tolist(), strict=True
    ):
        for dose, (n, y) in enumerate(zip(patients, dlts, strict=True)):
            if plan.codes[dose, n, y] != ELIMINATE:
                continue
            # The dose was not eliminated before its last cohort: with one cohort less, and at most as many DLTs less.
            earlier = [plan.codes[dose, n - k, y - j] for k in range(1, min(size, n) + 1) for j in range(min(k, y) + 1)]
            assert any(code != ELIMINATE for code in earlier)
            assert recommended < dose
            break


@PROPERTY
@given(settled())
def test_no_dose_is_skipped(case):
    trial, design, _ = case
    assume(getattr(design, "no_skip", True))
    endings = exact(design, trial)
    start = design.plan(trial).conduct.start
    for tried in (endings.patients > 0)[:, start:].tolist():
        assert sorted(tried, reverse=True) == tried


@PROPERTY
@given(settled())
def test_recommended_doses_were_tried(case):
    trial, design, _ = case
    assume(not getattr(design, "recommend_untried", False))
    endings = exact(design, trial)
    chosen = endings.recommended != NO_DOSE
    assert np.all(endings.patients[chosen, endings.recommended[chosen]] > 0)


@PROPERTY
@given(settled())
def test_simulated_trials_are_possible(case):
    trial, design, rates = case
    simulated = simulate(design, trial, rates, trials=300, seed=1)
    total = simulated.patients.sum(axis=1)
    assert np.all(simulated.dlts <= simulated.patients)
    assert np.all((total > 0) & (total <= trial.max_patients))
    assert np.all((simulated.reason != MAX_PATIENTS) | (total == trial.max_patients))
