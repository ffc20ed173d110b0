"""Operating characteristics of responses, and of the optimal dose where a design chooses one."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.distributions import Law, event
from escalation.characteristics.randomised import (
    RandomisedCharacteristics,
    randomised_characteristics,
    stage_laws,
)
from escalation.engines.optimal import ResponseLaws, summed
from escalation.engines.outcomes import OptimalDoses, Outcomes
from escalation.engines.randomised import Stage
from escalation.kernels.codes import NO_OPTIMAL_DOSE, SLACK
from escalation.numbers import cells_of, clopper_pearson_table
from escalation.trial.efficacy import Utility
from escalation.trial.joint import JointRates

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ResponseEstimate:
    """The observed response rate e/n at the optimal dose, given that one is chosen."""

    bias: float  # mean and root mean square of e/n minus the true rate
    rmse: float
    coverage: float  # probability that the 95 % Clopper-Pearson interval holds the true rate


@dataclass(frozen=True)
class ResponseCharacteristics:
    """What responses add to the operating characteristics under one truth.

    Attributes
    ----------
    responses : tuple of float
        Mean number at each dose.
    total_responses : float
        Mean per trial.
    response_rate : float
        E[responses] / E[patients].
    mean_utility : float
        Utility per patient, from 0 to 100: E[sum of utilities] / E[patients].
    patients_at_obd : float or None
        Mean number of patients at the truth's optimal dose; None when it has none.
    obd_selection : tuple of float or None
        Probability that each dose is chosen as the optimal one; None, with all that follows, where a design chooses
        none.
    no_obd : dict or None
        Probability that none is chosen: for `safety`, because no dose is recommended; for `futility`, because all that
        could be chosen have too few responses; and because there are none (`nothing_acceptable`).
    pcs_obd : float or None
        Probability that the truth's optimal dose is chosen, or none where it has none.
    response_estimate : ResponseEstimate or None
        None also when no dose is ever chosen.
    randomised : RandomisedCharacteristics or None
        None but in a trial that compares doses in randomised patients, when what is above is about dose escalation, but
        for the choice of the optimal dose.
    """

    responses: tuple[float, ...]
    total_responses: float
    response_rate: float
    mean_utility: float
    patients_at_obd: float | None
    obd_selection: tuple[float, ...] | None = None
    no_obd: dict[str, float] | None = None
    pcs_obd: float | None = None
    response_estimate: ResponseEstimate | None = None
    randomised: RandomisedCharacteristics | None = None

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and tuples of plain numbers, without what there is not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of outcomes under one truth, whichever engine made them."""

    outcomes: Outcomes
    joint: JointRates
    utility: Utility
    obd: int | None  # the truth's optimal dose, as an index from 0
    by_dose: Floats  # float64[D, N + 1], probability of every number of responses at each dose
    optimal: OptimalDoses | None = None
    chosen: NDArray[np.int16] | None = None  # of simulated trials with `optimal` the optimal dose of each
    stage: Stage | None = None  # of a trial that compares doses in randomised patients

    @property
    def pcs(self) -> float | None:
        """Probability of choosing the truth's optimal dose, or none; None where nothing is chosen."""
        if self.optimal is None:
            return None
        right = self.optimal.none.sum() if self.obd is None else self.optimal.selection[self.obd]
        return min(float(right), 1.0)

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Of simulated trials, whether each chooses so, bool[T]."""
        assert self.chosen is not None
        return self.chosen < 0 if self.obd is None else self.chosen == self.obd

    def by_quantity(self) -> dict[str, Law]:
        """The law of each quantity of single trials whose mean is an operating characteristic, by name."""
        counts = np.arange(self.by_dose.shape[1], dtype=np.float64)
        laws = {f"responses.{dose}": Law(counts, law) for dose, law in enumerate(self.by_dose, 1)}
        if self.optimal is not None and self.pcs is not None:
            laws |= {f"obd_selection.{dose}": event(share) for dose, share in enumerate(self.optimal.selection, 1)}
            none = zip(NO_OPTIMAL_DOSE.values(), self.optimal.none.tolist(), strict=True)
            laws |= {f"no_obd.{reason}": event(share) for reason, share in none}
            laws["pcs_obd"] = event(self.pcs)
        if self.stage is not None:
            laws |= stage_laws(self.stage)
        return laws


def exact_responses(
    outcomes: Outcomes, joint: JointRates, utility: Utility, obd: int | None, optimal: OptimalDoses | None
) -> Responses:
    """Those of exact outcomes; `obd` is the truth's optimal dose, 1-based."""
    index = None if obd is None else obd - 1
    if outcomes.response_sums is not None:
        sums = outcomes.response_sums
        return Responses(outcomes, joint, utility, index, sums.by_dose, sums.optimal)
    by_dose = np.zeros((outcomes.trial.levels, outcomes.trial.most_patients + 1))
    laws = ResponseLaws.of(joint, outcomes.after).pooled()
    for dose, law in enumerate(by_dose):
        n, y = outcomes.patients[:, dose].astype(np.int64), outcomes.dlts[:, dose].astype(np.int64)
        if laws.alike[dose]:
            y = np.zeros_like(y)
        weights = np.bincount(n * (n + 1) // 2 + y, weights=outcomes.probability)
        for cell in np.flatnonzero(weights):
            patients, dlts = cells_of(outcomes.trial.most_patients)[:, cell].tolist()
            law[: patients + 1] += weights[cell] * summed(laws.at(dose, patients, dlts))
    return Responses(outcomes, joint, utility, index, by_dose, optimal)


def simulated_responses(
    outcomes: Outcomes,
    joint: JointRates,
    utility: Utility,
    obd: int | None,
    optimal: tuple[NDArray[np.int16], OptimalDoses] | None,
) -> Responses:
    """Those of simulated outcomes, which have responses; `optimal` is chosen in each trial, and how often."""
    assert outcomes.responses is not None
    responses, most = outcomes.responses.sum(axis=2, dtype=np.int64), outcomes.trial.most_patients
    by_dose = np.stack([np.bincount(column, minlength=most + 1) / len(responses) for column in responses.T])
    chosen, found = (None, None) if optimal is None else optimal
    return Responses(outcomes, joint, utility, None if obd is None else obd - 1, by_dose, found, chosen)


def response_characteristics(found: Responses) -> tuple[ResponseCharacteristics, dict[str, Any]]:
    """The characteristics, and of at least two simulated trials their Monte Carlo standard errors."""
    outcomes = found.outcomes
    trials = None if outcomes.trials == 1 else outcomes.trials
    counts = np.arange(found.by_dose.shape[1])
    responses = found.by_dose @ counts
    size = float(outcomes.probability @ outcomes.patients.sum(axis=1))
    total, utility = float(responses.sum()), _utility(found)
    at_obd = None if found.obd is None else float(outcomes.probability @ outcomes.patients[:, found.obd])
    numbers: dict[str, Any] = {
        "responses": tuple(responses.tolist()),
        "total_responses": total,
        "response_rate": total / size,
        "mean_utility": utility,
        "patients_at_obd": at_obd,
    }
    errors = {} if trials is None else dict(_errors(found, numbers))
    if found.optimal is not None:
        chosen = {
            "obd_selection": tuple(found.optimal.selection.tolist()),
            "no_obd": dict(zip(NO_OPTIMAL_DOSE.values(), found.optimal.none.tolist(), strict=True)),
            "pcs_obd": found.pcs,
        }
        numbers |= chosen
        if trials is not None:
            errors |= {
                "obd_selection": tuple(_event_error(share, trials) for share in numbers["obd_selection"]),
                "no_obd": {reason: _event_error(share, trials) for reason, share in numbers["no_obd"].items()},
                "pcs_obd": _event_error(numbers["pcs_obd"], trials),
            }
        estimate, estimate_errors = _estimate(found.optimal, found.joint.response, trials)
        numbers["response_estimate"] = estimate
        if estimate_errors is not None:
            errors["response_estimate"] = estimate_errors
    if found.stage is not None:
        numbers["randomised"], stage_errors = randomised_characteristics(found.stage, outcomes)
        if stage_errors is not None:
            errors["randomised"] = stage_errors
    return ResponseCharacteristics(**numbers), errors


def _mean(outcomes: Outcomes, counts: NDArray[np.int16]) -> Floats:
    return np.asarray(outcomes.probability @ counts, np.float64)


def _utility(found: Responses) -> float:
    """Utility per patient, exactly by the DLTs that are expected, or by those and the responses that were simulated."""
    outcomes, size = found.outcomes, float(found.outcomes.probability @ found.outcomes.patients.sum(axis=1))
    if outcomes.responses is not None:
        return float(_trial_utilities(found).mean()) / size
    none, eff, tox, both = found.utility.of_outcomes
    laws, dlts = ResponseLaws.of(found.joint, outcomes.after), _mean(outcomes, outcomes.dlts)
    counts = np.stack([_mean(outcomes, outcomes.patients) - dlts, dlts])
    responses = laws.responses + (counts - laws.known) * laws.rates
    worth = np.array([[none, eff - none], [tox, both - tox]], np.float64)
    return float((worth[:, 0] @ counts + worth[:, 1] @ responses).sum()) / size


def _trial_utilities(found: Responses) -> NDArray[np.int64]:
    """Sum of utilities in each simulated trial, int64[T]."""
    assert found.outcomes.responses is not None
    none, eff, tox, both = found.utility.of_outcomes
    well, ill = found.outcomes.responses.sum(axis=1, dtype=np.int64).T
    size, dlts = (counts.sum(axis=1, dtype=np.int64) for counts in (found.outcomes.patients, found.outcomes.dlts))
    return np.asarray(eff * well + none * (size - dlts - well) + both * ill + tox * (dlts - ill), np.int64)


def _errors(found: Responses, numbers: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Standard errors of what does not ask for an optimal dose."""
    outcomes = found.outcomes
    assert outcomes.responses is not None
    root = math.sqrt(len(outcomes.patients))
    size = outcomes.patients.sum(axis=1, dtype=np.int64)
    total = outcomes.responses.sum(axis=(1, 2), dtype=np.int64)
    yield "responses", tuple((outcomes.responses.sum(axis=2, dtype=np.int64).std(axis=0) / root).tolist())
    yield "total_responses", float(total.std()) / root
    for name, sums in (("response_rate", total), ("mean_utility", _trial_utilities(found))):
        yield name, float((sums - numbers[name] * size).std()) / root / float(size.mean())
    if found.obd is not None:
        yield "patients_at_obd", float(outcomes.patients[:, found.obd].std()) / root


def _event_error(share: float, trials: int) -> float:
    return math.sqrt(max(share * (1 - share), 0.0) / trials)


def _estimate(
    optimal: OptimalDoses, rates: Floats, trials: int | None
) -> tuple[ResponseEstimate | None, dict[str, float] | None]:
    dose, cell = np.nonzero(optimal.at_chosen)
    most = optimal.most_patients
    if len(dose) == 0:
        return None, None
    law = optimal.at_chosen[dose, cell]
    patients, responses = cells_of(most)[:, cell]
    lower, upper = (limits[patients, responses] for limits in clopper_pearson_table(most))
    deviation = responses / patients - rates[dose]
    covered = (lower <= rates[dose] + SLACK) & (rates[dose] <= upper + SLACK)
    whole = float(law.sum())
    means, errors = [], []
    for values in (deviation, deviation**2, covered.astype(np.float64)):
        means.append(float(law @ values) / whole)
        errors.append(math.sqrt(float(law @ (values - means[-1]) ** 2) / (trials or 1)) / whole)
    rmse = math.sqrt(means[1])
    found = ResponseEstimate(bias=means[0], rmse=rmse, coverage=means[2])
    if trials is None:
        return found, None
    return found, {
        "bias": errors[0],
        "rmse": errors[1] / (2 * rmse) if rmse > 0 else 0.0,
        "coverage": errors[2],
    }
