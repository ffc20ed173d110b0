"""Operating characteristics of an optimal dose that is chosen by exposure.

They are simulated, but for the patients at the truth's optimal dose.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import FUTILE, NO_OPTIMAL_DOSE


@dataclass(frozen=True)
class ExposureCharacteristics:
    """What exposures add to the operating characteristics under one truth.

    Attributes
    ----------
    patients_at_obd : float or None
        Mean number of patients at the truth's optimal dose; None when it has none.
    obd_selection : tuple of float or None
        Probability that each dose is chosen as the optimal one; None, with all that follows, of exact outcomes, and
        where a design does not choose by exposure.
    no_obd : dict or None
        Probability that none is chosen: for `safety`, because no dose is recommended, and because no dose up to the
        recommended one was given (`nothing_acceptable`).
    pcs_obd : float or None
        Probability that the truth's optimal dose is chosen, or none where it has none.
    exposure_ratio : float or None
        Observed over true geometric mean exposure at the chosen dose, as exp(E[difference of the logs]), given that one
        is chosen; 1 is no bias. None also when no dose is ever chosen.
    mcse : dict
        For outcomes of at least two simulated trials: the Monte Carlo standard errors, under the same names.
    """

    patients_at_obd: float | None
    obd_selection: tuple[float, ...] | None = None
    no_obd: dict[str, float] | None = None
    pcs_obd: float | None = None
    exposure_ratio: float | None = None
    mcse: dict[str, Any] = field(default_factory=dict, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and tuples of plain numbers, without what there is not, and the standard errors."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "mcse"}


@dataclass(frozen=True, eq=False)
class Exposures:
    """Outcomes under a truth with exposures, whichever engine made them."""

    outcomes: Outcomes
    obd: int | None  # the truth's optimal dose, as an index from 0

    @property
    def pcs(self) -> float | None:
        """Probability of choosing the truth's optimal dose, or none; None where nothing is chosen by exposure."""
        return None if self.outcomes.by_exposure is None else float(self.is_correct.mean())

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Of simulated trials, whether each chooses so, bool[T]."""
        assert self.outcomes.by_exposure is not None
        chosen = self.outcomes.by_exposure.chosen
        return chosen < 0 if self.obd is None else chosen == self.obd


def exposure_characteristics(found: Exposures) -> ExposureCharacteristics:
    """The characteristics, with the standard errors of simulated ones."""
    outcomes, obd = found.outcomes, found.obd
    trials = None if outcomes.trials == 1 else outcomes.trials
    numbers: dict[str, Any] = {"patients_at_obd": None}
    errors: dict[str, Any] = {}
    if obd is not None:
        numbers["patients_at_obd"] = float(outcomes.probability @ outcomes.patients[:, obd])
        if trials is not None:
            errors["patients_at_obd"] = float(outcomes.patients[:, obd].std()) / math.sqrt(trials)
    if outcomes.by_exposure is not None:
        chosen = outcomes.by_exposure.chosen
        reasons = {name: key for key, name in NO_OPTIMAL_DOSE.items() if key != FUTILE}
        numbers["obd_selection"] = tuple(float((chosen == dose).mean()) for dose in range(outcomes.trial.levels))
        numbers["no_obd"] = {name: float((chosen == key).mean()) for name, key in reasons.items()}
        numbers["pcs_obd"] = found.pcs
        if trials is not None:
            errors["obd_selection"] = tuple(_event_error(share, trials) for share in numbers["obd_selection"])
            errors["no_obd"] = {name: _event_error(share, trials) for name, share in numbers["no_obd"].items()}
            errors["pcs_obd"] = _event_error(numbers["pcs_obd"], trials)
        deviation = outcomes.by_exposure.deviation[chosen >= 0]
        if len(deviation):
            numbers["exposure_ratio"] = math.exp(float(deviation.mean()))
        if len(deviation) and trials is not None:
            errors["exposure_ratio"] = numbers["exposure_ratio"] * float(deviation.std()) / math.sqrt(len(deviation))
    return ExposureCharacteristics(**numbers, mcse=errors)


def _event_error(share: float, trials: int) -> float:
    return math.sqrt(share * (1 - share) / trials)
