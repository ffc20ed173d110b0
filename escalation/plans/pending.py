"""What is decided while patients are pending: the rules of late-onset designs, compiled to small arrays and numbers.

At a dose n patients are enrolled, y DLTs have been seen and c patients are pending: neither have they had a DLT nor has
their DLT window passed. r = n - c outcomes are known; a DLT completes a patient. A pending patient has been followed
for a share u < 1 of the window. STFT is the sum of these shares, ESS = r + STFT the effective sample size.

Each rule answers `decide` from counts and shares alone: no clock, no arrivals. Whoever has these asks

1. at every dose, whenever anything has become known, `eliminates`. Except under `Predicted` that is the design's own
   ELIMINATE on (n, y), with all who are enrolled, pending patients counting as without a DLT. No pending outcome can
   lift such an elimination, since DLTs only add to it.
2. at the current dose `decide`, which asks that first, and says ELIMINATE where it holds.

With nobody pending each says what the design for complete data says. ESCALATE and DE_ESCALATE are not said where there
is no such dose (`highest`, `lowest`): there is then nothing to wait for before the same dose is given again.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import (
    DE_ESCALATE,
    EFFECTIVE,
    ELIMINATE,
    ESCALATE,
    IMPUTED,
    PREDICTED,
    ROLLED,
    SLACK,
    STAY,
    SUSPEND,
    UNDECIDED,
)
from escalation.kernels.layout import PendingArrays
from escalation.plans.verdict import EXACT, Verdict, Why, followed, verdict

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

SIX = 6
"""Patients at a dose under the rolling six."""

ROLLED_UP = frozenset({(3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (6, 0, 1), (6, 1, 0)})
"""Patients, DLTs and pending patients at which the rolling six escalates (Skolnik et al. 2008)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CountCuts:
    """A design's table for complete data in which more DLTs never lead higher: the fewest DLTs for each decision.

    int64[N + 1] by patients, N the most patients in the trial; one more than there are patients where none suffice.
    """

    stay_from: Counts  # no longer escalate
    fall_from: Counts  # de-escalate
    eliminate_from: Counts  # int64[2, N + 1]: eliminate the lowest dose; any other

    @property
    def most(self) -> int:
        """Patients that the table has room for."""
        return len(self.stay_from) - 1

    def move(self, patients: int, dlts: int) -> int:
        """ESCALATE, STAY or DE_ESCALATE, whether or not the counts eliminate the dose."""
        return self.moves(patients, np.array([dlts])).tolist()[0]

    def moves(self, patients: int, dlts: Counts) -> NDArray[np.int8]:
        """The same for several numbers of DLTs."""
        down, up = dlts >= self.fall_from[patients], dlts < self.stay_from[patients]
        return np.where(down, DE_ESCALATE, np.where(up, ESCALATE, STAY)).astype(np.int8)

    def eliminates(self, patients: int, dlts: int, *, lowest: bool) -> bool:
        """Whether the counts eliminate the dose."""
        return bool(dlts >= self.eliminate_from[0 if lowest else 1, patients])


def within(code: int, *, lowest: bool, highest: bool) -> int:
    """A move, or STAY where there is no dose to move to."""
    return STAY if (code == ESCALATE and highest) or (code == DE_ESCALATE and lowest) else code


NOTHING = PendingArrays(
    rule=IMPUTED,
    most_pending=1.0,
    fewest_known=0,
    least_follow_up=0.0,
    target=0.0,
    lambda_e=0.0,
    lambda_d=0.0,
    escalate_from=np.empty(0),
    de_escalate_to=np.empty(0),
    states=np.empty((0, 0, 0), np.int8),
    stay_from=np.empty(0, np.int64),
    fall_from=np.empty(0, np.int64),
    agrees=False,
    escalate_if=0.0,
    stay_if=1.0,
)
"""What the kernels receive of a rule, but for what is its own."""


class PendingPlan(ABC):
    """A rule for pending patients, compiled for a design and a trial."""

    @property
    def one_at_a_time(self) -> bool:
        """Whether each patient is a cohort, whatever the trial's or the design's."""
        return False

    @property
    @abstractmethod
    def arrays(self) -> PendingArrays | None:
        """The rule as the kernels read it; None where it waits for complete data."""

    @abstractmethod
    def eliminates(self, patients: int, dlts: int, pending: int, *, lowest: bool) -> bool:
        """Whether the counts at a dose, the current or another, eliminate it and all above."""

    @abstractmethod
    def decide(
        self,
        patients: int,
        dlts: int,
        follow_up: Sequence[float] | Floats,
        *,
        lowest: bool = False,
        highest: bool = False,
    ) -> Verdict:
        """What follows at the current dose.

        Parameters
        ----------
        patients, dlts : int
            Enrolled at the dose, pending ones included; and DLTs seen there.
        follow_up : sequence of float
            Of each pending patient at the dose: the share of the DLT window that has passed, from 0 to below 1.
        lowest : bool, default False
            Whether there is no lower dose.
        highest : bool, default False
            Whether there is no higher dose, or it is eliminated.

        Raises
        ------
        DesignError
            A ValueError: there can be no such counts, or no such follow-up.
        """


@dataclass(frozen=True, eq=False, kw_only=True)
class Waited(PendingPlan):
    """Nothing is decided while anybody is pending."""

    most: int  # patients in the trial

    @property
    def arrays(self) -> None:
        """Kernels of designs that wait need none."""

    def eliminates(self, patients: int, dlts: int, pending: int, *, lowest: bool) -> bool:  # noqa: ARG002
        """Never: it is the design's own plan that does, when nobody is pending."""
        return False

    def decide(
        self,
        patients: int,
        dlts: int,
        follow_up: Sequence[float] | Floats,
        *,
        lowest: bool = False,  # noqa: ARG002
        highest: bool = False,  # noqa: ARG002
    ) -> Verdict:
        """SUSPEND while anybody is pending; UNDECIDED, for the design's own plan, when nobody is."""
        if len(followed(patients, dlts, follow_up, self.most)):
            return verdict(SUSPEND, Why.WAITING)
        return verdict(UNDECIDED, Why.COMPLETE)


class Limits(NamedTuple):
    """When enrolment waits although the follow-up says where to go."""

    most_pending: float  # while a larger share of the patients is pending, unless de-escalation is certain
    fewest_complete: int  # while fewer outcomes are known, before an escalation
    least_follow_up: float  # while a pending patient has been followed for less of the window, before an escalation


@dataclass(frozen=True, eq=False)
class Weighed(PendingPlan):
    """The follow-up of the pending patients at a dose is compared with cuts between the decisions."""

    cuts: CountCuts
    limits: Limits

    def _limits(self) -> PendingArrays:
        most_pending, fewest, least = self.limits
        return NOTHING._replace(
            most_pending=float(most_pending), fewest_known=int(fewest), least_follow_up=float(least)
        )

    @abstractmethod
    def seen(self, patients: int, follow_up: Floats) -> float:
        """The follow-up that the cuts are for."""

    def eliminates(self, patients: int, dlts: int, pending: int, *, lowest: bool) -> bool:  # noqa: ARG002
        """As the design's table with all who are enrolled: pending patients count as without a DLT."""
        return self.cuts.eliminates(patients, dlts, lowest=lowest)

    @abstractmethod
    def cell(self, patients: int, dlts: int, pending: int) -> tuple[float, float]:
        """The follow-up from which to escalate, and that up to which to de-escalate, both included."""

    def decide(
        self,
        patients: int,
        dlts: int,
        follow_up: Sequence[float] | Floats,
        *,
        lowest: bool = False,
        highest: bool = False,
    ) -> Verdict:
        """What follows, in this order: elimination, de-escalation for certain, the most pending, the cuts, escalation.

        De-escalation is certain where the table says so with all pending patients counted as without a DLT.
        """
        shares = followed(patients, dlts, follow_up, self.cuts.most)
        if self.cuts.eliminates(patients, dlts, lowest=lowest):
            return verdict(ELIMINATE, Why.ELIMINATED)
        wanted, pending = self.cuts.move(patients, dlts), len(shares)
        if not pending or wanted == DE_ESCALATE:
            code = within(wanted, lowest=lowest, highest=highest)
            return Verdict(code=code, why=Why.CERTAIN if pending else Why.COMPLETE, wanted=wanted)
        up, down = self.cell(patients, dlts, pending)
        seen = self.seen(patients, shares)
        wanted = DE_ESCALATE if seen <= down else ESCALATE if seen >= up else STAY
        code, why = within(wanted, lowest=lowest, highest=highest), Why.FOLLOW_UP
        if pending > self.limits.most_pending * patients + EXACT:
            code, why = SUSPEND, Why.MOST_PENDING
        elif seen <= SLACK and self.weighs_nothing:
            code, why = SUSPEND, Why.NOTHING_KNOWN
        elif code == ESCALATE and patients - pending < self.limits.fewest_complete:
            code, why = SUSPEND, Why.FEW_COMPLETE
        elif code == ESCALATE and np.any(shares < self.limits.least_follow_up - EXACT):
            code, why = SUSPEND, Why.SHORT_FOLLOW_UP
        return Verdict(code=code, why=why, wanted=wanted, follow_up=seen, escalate_from=up, de_escalate_to=down)

    weighs_nothing: ClassVar[bool] = False
    """Whether a follow-up of zero is no information at all."""


@dataclass(frozen=True, eq=False)
class Imputed(Weighed):
    """TITE-BOIN: the DLTs of pending patients are imputed by their expected number.

    With p = (y + t/2) / (r + 1), the posterior mean of the DLT rate under a Beta(t/2, 1 - t/2) prior for a target t, a
    pending patient counts as (1 - u) p / (1 - p) DLTs, and the rate that is compared with lambda_e and lambda_d is

        p_hat = (y + (c - STFT) p / (1 - p)) / n

    Below the target p_hat <= lambda_e is STFT >= S_e, and at or above it p_hat >= lambda_d is STFT <= S_d, with

        S = c - (n lambda - y) (1 - p) / p

    At y/n = t de-escalation is possible, as in the tables of the paper; its equation (5) asks for y/n > t.

    Source: Yuan Y, Lin R, Li D, Nie L, Warren KE (2018) Clin Cancer Res 24:4921-4930.
    """

    target: float
    lambda_e: float
    lambda_d: float

    @property
    def arrays(self) -> PendingArrays:
        """The rule as the kernels read it."""
        return self._limits()._replace(
            rule=IMPUTED,
            target=float(self.target),
            lambda_e=float(self.lambda_e),
            lambda_d=float(self.lambda_d),
        )

    def seen(self, patients: int, follow_up: Floats) -> float:  # noqa: ARG002
        """STFT."""
        return float(follow_up.sum())

    def cell(self, patients: int, dlts: int, pending: int) -> tuple[float, float]:
        """S_e below the target, S_d at or above it."""
        p = (dlts + self.target / 2) / (patients - pending + 1)
        odds = (1 - p) / p
        if dlts < self.target * patients - EXACT:
            return pending - odds * (patients * self.lambda_e - dlts) - SLACK, -inf
        return inf, pending - odds * (patients * self.lambda_d - dlts) + SLACK


@dataclass(frozen=True, eq=False)
class Effective(Weighed):
    """TITE-Keyboard, TITE-mTPI and others: the design decides on y DLTs in ESS patients, who need not be whole.

    A weighted patient without a DLT has the likelihood (1 - p)^u. At any number of DLTs the decision rises with the
    patients, so that two cuts of ESS say it all.

    Nobody at the dose has any follow-up: there is nothing to decide on, and the rule waits. The papers do not say.

    Source: Lin R, Yuan Y (2020) Biostatistics 21:807-824.
    """

    escalate_from: Floats  # float64[N + 1] by DLTs, the least ESS at which the design escalates; infinite for none
    de_escalate_to: Floats  # float64[N + 1] by DLTs, the largest ESS at which it de-escalates; minus infinity for none

    weighs_nothing: ClassVar[bool] = True

    @property
    def arrays(self) -> PendingArrays:
        """The rule as the kernels read it."""
        return self._limits()._replace(
            rule=EFFECTIVE,
            escalate_from=np.ascontiguousarray(self.escalate_from, np.float64),
            de_escalate_to=np.ascontiguousarray(self.de_escalate_to, np.float64),
        )

    def seen(self, patients: int, follow_up: Floats) -> float:
        """ESS."""
        return patients - len(follow_up) + float(follow_up.sum())

    def cell(self, patients: int, dlts: int, pending: int) -> tuple[float, float]:  # noqa: ARG002
        """Of the number of DLTs alone."""
        return float(self.escalate_from[dlts]), float(self.de_escalate_to[dlts])


def rolled_states() -> NDArray[np.int8]:
    """The rolling six's decisions by patients, DLTs and pending patients, int8[7, 7, 7]; UNDECIDED where impossible."""
    codes = np.full((SIX + 1, SIX + 1, SIX + 1), UNDECIDED, np.int8)
    for patients in range(SIX + 1):
        for dlts in range(patients + 1):
            codes[patients, dlts, : patients - dlts + 1] = (
                ELIMINATE if dlts >= 2 else SUSPEND if patients == SIX else STAY
            )
    for state in ROLLED_UP:
        codes[state] = ESCALATE
    return codes


@dataclass(frozen=True, eq=False, kw_only=True)
class Rolled(PendingPlan):
    """The rolling six: up to six patients at a dose are enrolled while others are pending.

    Two DLTs exclude the dose. At the highest dose that may be given, six patients are enrolled and waited for.

    Source: Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC (2008) J Clin Oncol 26:190-195.
    """

    codes: NDArray[np.int8] = field(default_factory=rolled_states)  # int8[7, 7, 7], by patients, DLTs and pending

    @property
    def one_at_a_time(self) -> bool:
        """Each patient is."""
        return True

    @property
    def arrays(self) -> PendingArrays:
        """The rule as the kernels read it."""
        return NOTHING._replace(rule=ROLLED, states=np.ascontiguousarray(self.codes))

    def eliminates(self, patients: int, dlts: int, pending: int, *, lowest: bool) -> bool:  # noqa: ARG002
        """Two DLTs do."""
        return bool(self.codes[patients, dlts, pending] == ELIMINATE)

    def decide(
        self,
        patients: int,
        dlts: int,
        follow_up: Sequence[float] | Floats,
        *,
        lowest: bool = False,  # noqa: ARG002
        highest: bool = False,
    ) -> Verdict:
        """The state's. STAY enrols here; after six complete patients at the highest dose nobody is left to enrol."""
        pending = len(followed(patients, dlts, follow_up, SIX))
        wanted = int(self.codes[patients, dlts, pending])
        code = wanted
        if wanted == ESCALATE and highest:
            code = SUSPEND if patients == SIX and pending else STAY
        return Verdict(code=code, why=Why.STATES, wanted=wanted)


@dataclass(frozen=True, eq=False, kw_only=True)
class Predicted(PendingPlan):
    """PoD-TPI: how probable each decision is once the pending outcomes are known.

    Under a uniform prior of the DLT rate p and a uniform time to DLT a pending patient has a DLT with probability
    (1 - u) p / (1 - u p), and the posterior of p is proportional to p^y (1 - p)^(r - y) times the (1 - u p) of all
    pending patients. The product of these with the probability of k DLTs among them is a polynomial in p, so that its
    integral has a closed form: k of the c have a DLT with a probability proportional to

        e_k(1 - u_1, ..., 1 - u_c) B(y + k + 1, n - y - k + 1)

    where e_k is the elementary symmetric polynomial and B the beta function. A decision is as probable as the numbers
    of DLTs that lead to it; at a tie the lower one counts.

    Source: Zhou T, Guo W, Ji Y (2020) Stat Biosci 12:124-145.
    """

    cuts: CountCuts
    fewest_known: int  # known outcomes before they eliminate the dose
    halves: bool = False  # no decision while more than half of the patients are pending
    agrees: bool = False  # no decision while pending outcomes can change it
    escalate_if: float = 0.0  # least probability of escalation to escalate
    stay_if: float = 1.0  # largest probability of de-escalation to stay

    @property
    def arrays(self) -> PendingArrays:
        """The rule as the kernels read it."""
        return NOTHING._replace(
            rule=PREDICTED,
            most_pending=0.5 if self.halves else 1.0,
            fewest_known=int(self.fewest_known),
            stay_from=np.ascontiguousarray(self.cuts.stay_from, np.int64),
            fall_from=np.ascontiguousarray(self.cuts.fall_from, np.int64),
            agrees=bool(self.agrees),
            escalate_if=float(self.escalate_if),
            stay_if=float(self.stay_if),
        )

    def eliminates(self, patients: int, dlts: int, pending: int, *, lowest: bool) -> bool:
        """By known outcomes alone; the lowest dose, which ends the trial, also with pending patients as without a DLT.

        With nobody pending as the design's table.
        """
        known = patients - pending
        if pending and (known < self.fewest_known or not self.cuts.eliminates(known, dlts, lowest=lowest)):
            return False
        return bool(pending and not lowest) or self.cuts.eliminates(patients, dlts, lowest=lowest)

    def probabilities(self, patients: int, dlts: int, follow_up: Sequence[float] | Floats) -> Floats:
        """Probabilities of 0, 1, ..., c DLTs among the pending patients, float64[c + 1]."""
        left = 1 - followed(patients, dlts, follow_up, self.cuts.most)
        symmetric = np.zeros(len(left) + 1)
        symmetric[0] = 1
        for share in left:
            symmetric[1:] += share * symmetric[:-1].copy()
        more = np.arange(len(left))
        log = np.log(symmetric)
        log[1:] += np.cumsum(np.log((dlts + more + 1) / (patients - dlts - more)))
        found: Floats = np.exp(log - log.max())
        return found / found.sum()

    def decide(
        self,
        patients: int,
        dlts: int,
        follow_up: Sequence[float] | Floats,
        *,
        lowest: bool = False,
        highest: bool = False,
    ) -> Verdict:
        """What follows, in this order: elimination by known outcomes alone, what is waited for, the probabilities.

        Known outcomes that eliminate the lowest dose suspend it instead, unless they do so with all pending patients
        counted as without a DLT.
        """
        shares = followed(patients, dlts, follow_up, self.cuts.most)
        known = patients - len(shares)
        if self.eliminates(patients, dlts, len(shares), lowest=lowest):
            return verdict(ELIMINATE, Why.ELIMINATED)
        if not len(shares):
            wanted = self.cuts.move(patients, dlts)
            return Verdict(code=within(wanted, lowest=lowest, highest=highest), why=Why.COMPLETE, wanted=wanted)
        if known >= self.fewest_known and self.cuts.eliminates(known, dlts, lowest=lowest):
            return verdict(SUSPEND, Why.TOO_TOXIC_IF_KNOWN)
        if not known:
            return verdict(SUSPEND, Why.NOTHING_KNOWN)
        if self.halves and 2 * len(shares) > patients:
            return verdict(SUSPEND, Why.MOST_PENDING)
        return self._predicted(patients, dlts, shares, lowest=lowest, highest=highest)

    def _predicted(self, patients: int, dlts: int, shares: Floats, *, lowest: bool, highest: bool) -> Verdict:
        moves = self.cuts.moves(patients, dlts + np.arange(len(shares) + 1))
        if highest:
            moves[moves == ESCALATE] = STAY
        if lowest:
            moves[moves == DE_ESCALATE] = STAY
        law = self.probabilities(patients, dlts, shares)
        down, stay, up = (float(law[moves == move].sum()) for move in (DE_ESCALATE, STAY, ESCALATE))
        wanted = DE_ESCALATE if down >= max(stay, up) - SLACK else STAY if stay >= up - SLACK else ESCALATE
        code, why = wanted, Why.PREDICTED
        if self.agrees and len(set(moves.tolist())) > 1:
            code, why = SUSPEND, Why.DISAGREEING
        elif wanted == ESCALATE and up < self.escalate_if - SLACK:
            code, why = SUSPEND, Why.IMPROBABLE
        elif wanted == STAY and down > self.stay_if + SLACK:
            code, why = SUSPEND, Why.RISKY
        return Verdict(code=code, why=why, wanted=wanted, follow_up=float(shares.sum()), probabilities=(down, stay, up))
