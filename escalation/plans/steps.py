"""Late-onset trials to which a patient comes at each step, as tables: what is decided there, and what is known when.

Where arrivals are a fixed gap apart and those who come while accrual is held are lost, decisions are taken at the days
of arrivals only. How long a pending patient has been followed is then a number of steps, and no two have the same.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import ROLLED, SLACK, SUSPEND
from escalation.kernels.layout import StepArrays
from escalation.plans.clock import NODES, WEIGHTS, Clock
from escalation.plans.pending import PendingPlan

Floats = NDArray[np.float64]

SAME = 1e-12
"""Days of the window that differ by less, as a share of it, are the same."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What is decided, and known, at the steps of a late-onset trial of up to `most` patients at a dose.

    Under `clock` all gaps are `clock.mean_gap`. After s steps is known what a patient had by s gaps less the review.
    """

    rule: PendingPlan
    clock: Clock
    most: int

    @property
    def window(self) -> int:
        """Steps after which a patient without a DLT is known to have none, M."""
        clock = self.clock
        return max(ceil((clock.window * (1 - SLACK) + clock.review) / clock.mean_gap), 1)

    @property
    def entries(self) -> int:
        """Decisions that are looked up: by the lowest dose, the highest, patients, DLTs and who is pending."""
        patients = self.patients
        return 2 * (patients + 1) * (patients + 2) * 2 ** (self.window - 1)

    @property
    def bytes(self) -> int:
        """Memory that they take."""
        return 4 * (self.most + 1) ** 2 * 2 ** (self.window - 1)

    @property
    def patients(self) -> int:
        """The most patients at a dose of whom the rule is asked."""
        states = self._states
        return self.most if states is None else min(self.most, len(states) - 1)

    @property
    def _states(self) -> NDArray[np.int8] | None:
        arrays = self.rule.arrays
        return None if arrays is None or arrays.rule != ROLLED else arrays.states

    def told(self, step: int) -> float:
        """The day after treatment up to which a patient's outcome is known at a step."""
        return step * self.clock.mean_gap - self.clock.review

    def arrays(self, rates: Floats | None) -> StepArrays:
        """The steps as the kernels read them; true `rates`, float64[D], where the day of a DLT depends on them."""
        nodes, weights = self._panels()
        doses = np.zeros(1) if rates is None else rates
        shown = np.stack([self._shown(nodes, doses, past=past) for past in (False, True)])
        return StepArrays(
            decisions=self._decisions(),
            eliminates=self._eliminates(),
            everywhere=self._states is not None,
            gap=float(self.clock.mean_gap),
            review=float(self.clock.review),
            toxic=np.diff(self._known(doses), axis=1, prepend=0.0),
            nodes=nodes,
            weights=weights,
            shown=np.ascontiguousarray(shown),
            complete=np.array([self.clock.window - self.told(step) for step in range(self.window)]),
        )

    def _known(self, rates: Floats) -> Floats:
        """Share of DLTs that are known after 0, 1, ..., M steps, float64[B, M + 1]."""
        days = np.array([self.told(step) for step in range(self.window)])
        return np.hstack([self.clock.onset.cdf(days, rates[:, None]), np.ones((len(rates), 1))])

    def _decisions(self) -> NDArray[np.int8]:
        """int8[2, 2, N + 1, N + 1, 2 ** (M - 1)], by lowest, highest, patients, DLTs and who is pending.

        Bit s - 1 of the last says whether the patient is who was treated s steps ago.
        """
        size, ways = self.patients + 1, 2 ** (self.window - 1)
        shares = [max(self.told(step), 0.0) / self.clock.window for step in range(1, self.window)]
        found = np.full((2, 2, self.most + 1, self.most + 1, ways), SUSPEND, np.int8)
        for way in range(ways):
            follow_up = [share for bit, share in enumerate(shares) if (way >> bit) & 1]
            for patients in range(max(len(follow_up), 1), size):
                for dlts in range(patients - len(follow_up) + 1):
                    for lowest in (False, True):
                        for highest in (False, True):
                            said = self.rule.decide(patients, dlts, follow_up, lowest=lowest, highest=highest)
                            found[int(lowest), int(highest), patients, dlts, way] = said.code
        return found

    def _eliminates(self) -> NDArray[np.bool_]:
        """bool[2, N + 1, N + 1, M + 1], by lowest, patients, DLTs and pending patients."""
        found = np.zeros((2, self.most + 1, self.most + 1, self.window + 1), np.bool_)
        for patients in range(1, self.patients + 1):
            for dlts in range(patients + 1):
                for pending in range(min(patients - dlts, self.window) + 1):
                    for lowest in (False, True):
                        found[int(lowest), patients, dlts, pending] = self.rule.eliminates(
                            patients, dlts, pending, lowest=lowest
                        )
        return found

    def _panels(self) -> tuple[Floats, Floats]:
        """Nodes and weights of integrals over the days to the last completion, from when is known what is at a step."""
        clock, days = self.clock, {self.clock.mean_gap}
        for step in range(self.window):
            days |= {day - self.told(step) for day in (0.0, *clock.onset.kinks, clock.window)}
        last = clock.window + clock.review
        ends = [0.0]
        for day in sorted(days):
            if day - ends[-1] > SAME * clock.window and day <= last * (1 + SAME):
                ends.append(day)
        starts, lengths = np.array(ends[:-1]), np.diff(ends)
        return (starts[:, None] + lengths[:, None] * NODES).ravel(), (lengths[:, None] * WEIGHTS).ravel()

    def _shown(self, nodes: Floats, rates: Floats, *, past: bool) -> Floats:
        """Share of DLTs that have shown by days after a step, of those that are not known then, float64[B, M, Q].

        Under `past` of those that are known at the next.
        """
        known = self._known(rates)
        found = np.empty((len(rates), self.window, len(nodes)))
        for step in range(self.window):
            whole = (known[:, step + 1] if past else np.ones(len(rates))) - known[:, step]
            by_then = self.clock.onset.cdf(self.told(step) + nodes, rates[:, None]) - known[:, step, None]
            some = np.where(whole > 0, whole, 1.0)  # else nobody is asked for
            found[:, step] = np.clip(by_then / some[:, None], 0.0, 1.0)
        return found
