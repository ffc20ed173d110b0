"""What a model with weighed pending patients decides: TITE-CRM."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import ELIMINATE, LIKELIHOOD, NO_DOSE, SUSPEND
from escalation.kernels.layout import PendingArrays, WeighedArrays
from escalation.plans.curves import CurvePlan
from escalation.plans.pending import NOTHING
from escalation.plans.verdict import EXACT, Verdict, Why, followed

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def linear_weights(follow_up: Floats) -> Floats:
    """Weights of pending patients, float64[c]: the shares of the window for which they were followed."""
    return np.minimum(follow_up, 1.0)


def adaptive_weights(follow_up: Floats, dlt_times: Floats) -> Floats:
    """Weights of pending patients, float64[c], from the times of all z DLTs in the trial, as shares of the window.

    The times divide the window into z + 1 pieces of equal weight, within which the weight rises with time; without DLTs
    it is linear. Times that are equal, or the whole window, divide nothing by zero.

    Source: Cheung YK, Chappell R (2000) Biometrics 56:1177-1182.
    """
    edges = np.concatenate([[0.0], np.sort(np.minimum(dlt_times, 1.0)), [1.0]])
    piece = np.minimum(np.searchsorted(edges, follow_up, side="right") - 1, len(edges) - 2)
    width = edges[piece + 1] - edges[piece]
    inside = np.divide(follow_up - edges[piece], width, out=np.zeros_like(width), where=width > 0)
    return (piece + inside) / (len(edges) - 1)


@dataclass(frozen=True, eq=False)
class WeighedCurves:
    """TITE-CRM: a pending patient has the likelihood 1 - w p under a curve with rate p at the dose, with a weight w.

    A DLT has the weight 1, whenever it came. With nobody pending it is the CRM.

    Source: Cheung YK, Chappell R (2000) Biometrics 56:1177-1182.
    """

    plan: CurvePlan
    adaptive: bool  # whether weights depend on the times of DLTs
    most_pending: float  # no decision while a larger share of the patients at the current dose is pending

    @property
    def arrays(self) -> PendingArrays:
        """The rule as the kernels read it."""
        return NOTHING._replace(rule=LIKELIHOOD, most_pending=float(self.most_pending))

    @property
    def model(self) -> WeighedArrays:
        """The curves as the kernels read them."""
        plan = self.plan.arrays()
        functions, nothing = plan.reading.functions, np.zeros_like(plan.weight)
        rates = plan.log_no_dlt, plan.log_dlt
        ordered = np.all(np.diff(plan.log_dlt, axis=1) <= 0) and np.all(np.diff(plan.log_no_dlt, axis=1) >= 0)
        return WeighedArrays(
            book=np.vstack([plan.weight, nothing, plan.log_weight, functions, *map(np.exp, rates), *rates]),
            reading=plan.reading._replace(functions=np.eye(len(functions))),
            target=plan.target,
            coherent=plan.coherent,
            recommend_untried=plan.recommend_untried,
            beliefs=plan.beliefs,
            adaptive=self.adaptive,
            ordered=bool(ordered),
        )

    def weights(self, follow_up: Sequence[float] | Floats, dlt_times: Sequence[float] | Floats = ()) -> Floats:
        """Weights of pending patients, float64[c], by their shares of the window and those at which DLTs came."""
        shares = np.asarray(follow_up, np.float64)
        return adaptive_weights(shares, np.asarray(dlt_times, np.float64)) if self.adaptive else linear_weights(shares)

    def posterior(self, patients: Counts, dlts: Counts, doses: Counts, weights: Floats) -> Floats:
        """Posterior probability of each curve, float64[G].

        Parameters
        ----------
        patients, dlts : int64[D]
            At each dose, pending patients included.
        doses : int64[c]
            Index of each pending patient's dose.
        weights : float64[c]
        """
        known = patients - np.bincount(doses, minlength=len(patients))
        further = np.log1p(-weights[:, None] * np.exp(self.plan.log_dlt[doses])).sum(axis=0)
        return self.plan.posterior(known, dlts, further)

    def decide(
        self,
        patients: Sequence[int] | Counts,
        dlts: Sequence[int] | Counts,
        pending: Sequence[tuple[int, float]],
        dose: int,
        dlt_times: Sequence[float] | Floats = (),
    ) -> Verdict:
        """What follows; `choice` is the dose that the model prefers, before `no_skip`, `coherent` and other limits.

        Parameters
        ----------
        patients, dlts : sequence of int
            At each dose, pending patients included.
        pending : sequence of (int, float)
            Of each pending patient in the trial the index of the dose, and the share of the window that has passed.
        dose : int
            Index of the current dose.
        dlt_times : sequence of float
            Shares of the window after which the DLTs came, in any order; adaptive weights need them all.

        Raises
        ------
        DesignError
            A ValueError: there can be no such counts, or no such follow-up.
        """
        n, y = np.asarray(patients, np.int64), np.asarray(dlts, np.int64)
        shares = {level: [share for at, share in pending if at == level] for level in range(self.plan.levels)}
        if len(n) != self.plan.levels or len(y) != self.plan.levels or sum(map(len, shares.values())) < len(pending):
            raise DesignError(f"patients, dlts, pending: should be for {self.plan.levels} dose levels")
        for level, told in shares.items():
            if n[level] or y[level] or told:
                followed(int(n[level]), int(y[level]), told, int(n.sum()))
        if self.adaptive and len(dlt_times) != y.sum():
            raise DesignError(f"dlt_times: {len(dlt_times)} times for {y.sum()} DLTs")
        weights = self.weights([share for _, share in pending], dlt_times)
        posterior = self.plan.posterior(n, y)
        if pending:
            posterior = self.posterior(n, y, np.array([level for level, _ in pending]), weights)
        counts = tuple(n.tolist()), tuple(y.tolist())
        judgement = replace(
            self.plan.judged_by(posterior), eliminated_from=self.plan.conduct.lowest_eliminated(*counts)
        )
        choice = judgement.choice
        wanted = ELIMINATE if choice == NO_DOSE else int(np.sign(choice - dose))
        code, why = wanted, Why.MODEL if pending else Why.COMPLETE
        if choice != NO_DOSE and len(shares[dose]) > self.most_pending * n[dose] + EXACT:
            code, why = SUSPEND, Why.MOST_PENDING
        return Verdict(
            code=code,
            why=why,
            wanted=wanted,
            follow_up=float(sum(shares[dose])),
            choice=choice,
            judgement=judgement,
        )
