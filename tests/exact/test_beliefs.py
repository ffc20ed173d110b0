"""What stopping rules ask a model, against the models' own probabilities and against adaptive quadrature."""

import numpy as np
import pytest
from scipy import integrate, stats

from escalation import BLRM, BMACRM, BOIN, CRM, DesignError, Trial, next_dose
from escalation.plans.conduct import Belief
from escalation.plans.curves import CurvePlan, LaterPlan

SKELETONS = [[0.05, 0.12, 0.25, 0.4], [0.2, 0.3, 0.4, 0.5]]
DATA = [
    ([3, 0, 0, 0], [0, 0, 0, 0]),
    ([3, 3, 6, 0], [0, 1, 3, 0]),
    ([3, 3, 3, 9], [3, 0, 0, 0]),
    ([0, 9, 0, 3], [0, 9, 0, 3]),
]
INTERVAL = {"rule": "target_probability", "interval": [0.18, 0.33], "at_least": 0.5, "posterior": "model"}
LIMITS = {"rule": "within_limits", "limits": [0.0, 0.4], "probability": 0.9, "posterior": "model"}
BOTH = {"any": [INTERVAL, LIMITS]}


def trial(max_patients: int = 18, **options) -> Trial:
    return Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=max_patients, **options)


def believed(design, patients, dlts, max_patients: int = 18) -> dict[Belief, np.ndarray]:
    return dict(design.plan(trial(max_patients)).judge(tuple(patients), tuple(dlts)).believed)


@pytest.mark.parametrize(("patients", "dlts"), DATA)
def test_crms(patients, dlts):
    """P(low < rate <= high) of a power model, whose rate falls with b, and of an average of two."""
    sd = 1.2
    n, y = np.array(patients), np.array(dlts)

    def mass(skeleton: np.ndarray, low: float, high: float) -> float:
        def density(b: float) -> float:
            rates = skeleton ** np.exp(b)
            return stats.norm.pdf(b, scale=sd) * np.prod(rates**y * (1 - rates) ** (n - y))

        points = [0.0, -2.0, 2.0]
        inside = [point for point in points if low < point < high]
        return integrate.quad(density, low, high, points=inside or None, limit=400, epsabs=0, epsrel=1e-10)[0]

    def between(skeleton: list[float], dose: int, low: float, high: float) -> tuple[float, float]:
        s = np.array(skeleton)
        ends = [np.log(np.log(rate) / np.log(s[dose])) if rate > 0 else 9.0 for rate in (high, low)]
        return mass(s, *ends), mass(s, -9.0, 9.0)

    crm = believed(CRM(skeleton=SKELETONS[0], prior_sd=sd, stop_when=BOTH), patients, dlts)
    both = believed(BMACRM(skeletons=SKELETONS, prior_sd=sd, stop_when=BOTH), patients, dlts)
    assert len(crm) == len(both) == 3
    for belief in crm:
        for dose in range(4):
            if belief == Belief(0.0, 1.0, 0.95):
                assert crm[belief][dose] == pytest.approx(1, abs=1e-12)
                continue
            parts = [between(skeleton, dose, belief.low, belief.high) for skeleton in SKELETONS]
            assert crm[belief][dose] == pytest.approx(parts[0][0] / parts[0][1], abs=1e-7)
            inside, whole = (sum(part[place] for part in parts) for place in (0, 1))
            assert both[belief][dose] == pytest.approx(inside / whole, abs=1e-7)


@pytest.mark.parametrize(("patients", "dlts"), DATA)
def test_blrm(patients, dlts):
    """As its probabilities of intervals with these limits; the same with the curves and without."""
    asked = believed(BLRM(stop_when=BOTH), patients, dlts)
    finer = BLRM(intervals=(0.18, 0.33, 0.4)).interval_probabilities(trial(), patients, dlts)
    assert asked[Belief(0.18, 0.33, 0.5)] == pytest.approx(finer[:, 1], abs=1e-8)
    assert asked[Belief(0.0, 0.4, 0.95)] == pytest.approx(finer[:, :3].sum(axis=1), abs=1e-8)
    large = BLRM(stop_when=BOTH).plan(trial(300))
    assert isinstance(large, LaterPlan)
    assert isinstance(large.whole, CurvePlan)
    later, whole = (plan.judge(tuple(patients), tuple(dlts)).believed for plan in (large, large.whole))
    assert set(later) == set(whole) == set(asked)
    for belief, probabilities in asked.items():
        assert later[belief] == pytest.approx(probabilities, abs=1e-8)
        assert whole[belief] == pytest.approx(probabilities, abs=1e-8)


def test_a_design_without_a_posterior_is_refused():
    said = "rule 'target_probability': posterior: \"model\" needs a design with a model's posterior"
    mle = CRM(skeleton=SKELETONS[0], method="mle", stop_when=INTERVAL)
    for design in (BOIN(stop_when=INTERVAL), mle):
        with pytest.raises(DesignError) as error:
            design.plan(trial())
        assert said in str(error.value)


@pytest.mark.parametrize("dose", ["any", "lowest", 2])
def test_a_model_is_asked_about_the_next_dose(dose):
    problems = list(CRM(skeleton=SKELETONS[0], stop_when=INTERVAL | {"dose": dose}).problems(trial()))
    assert problems == [
        ("stop_when", "rule 'target_probability': dose: posterior = \"model\" is looked at for the next dose alone")
    ]


def test_a_prior_is_not_used_with_a_model():
    (caution,) = CRM(skeleton=SKELETONS[0], stop_when=INTERVAL | {"prior": [1, 2]}).cautions(trial())
    assert caution == "rule 'target_probability': prior is not used with posterior = \"model\""


def test_the_model_is_asked_of_an_untried_dose_too():
    """After no DLT in 3 at 50 the next dose is 150, of which only the model can say anything."""
    asked = believed(CRM(skeleton=SKELETONS[0], stop_when=INTERVAL), [3, 0, 0, 0], [0, 0, 0, 0])[
        Belief(0.18, 0.33, 0.5)
    ][1]
    for at_least, stops in ((asked - 1e-6, True), (asked + 1e-6, False)):
        design = CRM(skeleton=SKELETONS[0], stop_when=INTERVAL | {"at_least": float(at_least)})
        answer = next_dose(design, trial(), "1NNN")
        assert answer.stop == stops
        own = CRM(skeleton=SKELETONS[0], stop_when=INTERVAL | {"at_least": float(at_least), "posterior": "own"})
        assert not next_dose(own, trial(), "1NNN").stop
