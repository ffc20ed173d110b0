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
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.kernels.codes import (
    DE_ESCALATE,
    EFFECTIVE,
    ELIMINATE,
    ESCALATE,
    IMPUTED,
    NO_DOSE,
    PREDICTED,
    ROLLED,
    SLACK,
    STAY,
    SUSPEND,
    UNDECIDED,
)
from escalation.kernels.layout import PendingArrays
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import Judgement

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

EXACT = 1e-12
"""Slack where counts are compared with a share of other counts: 3 DLTs in 15 patients are a rate of 0.2."""

SIX = 6
"""Patients at a dose under the rolling six."""

ROLLED_UP = frozenset({(3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (6, 0, 1), (6, 1, 0)})
"""Patients, DLTs and pending patients at which the rolling six escalates (Skolnik et al. 2008)."""


class Why(Enum):
    """Why a verdict is what it is."""

    COMPLETE = auto()  # nobody is pending: the design for complete data decides
    ELIMINATED = auto()  # the DLTs eliminate the dose, whatever the pending outcomes
    CERTAIN = auto()  # the DLTs are too many for the dose to be given again, whatever the pending outcomes
    WAITING = auto()  # every outcome is waited for
    MOST_PENDING = auto()  # too large a share of the patients is pending
    NOTHING_KNOWN = auto()  # no outcome is known at the dose
    FEW_COMPLETE = auto()  # too few outcomes are known to escalate
    SHORT_FOLLOW_UP = auto()  # a pending patient has not been followed for long enough to escalate
    FOLLOW_UP = auto()  # the follow-up of the pending patients, compared with the cuts
    STATES = auto()  # the numbers of patients, DLTs and pending patients
    PREDICTED = auto()  # the most probable decision once all outcomes are known
    IMPROBABLE = auto()  # it is to escalate, but not probable enough
    RISKY = auto()  # it is to stay, but de-escalation is too probable
    DISAGREEING = auto()  # pending outcomes can change the decision
    TOO_TOXIC_IF_KNOWN = auto()  # the known outcomes eliminate the lowest dose, pending patients without a DLT do not
    MODEL = auto()  # what the model prefers


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule for pending patients says, and what it rests on."""

    code: int  # ESCALATE, STAY, DE_ESCALATE, ELIMINATE or SUSPEND; UNDECIDED where it leaves that to the design's plan
    why: Why
    wanted: int  # ESCALATE, STAY or DE_ESCALATE before waiting and missing doses changed it, else as `code`
    follow_up: float = np.nan  # STFT, of `Effective` ESS
    escalate_from: float = inf  # the follow-up from which the dose is escalated; infinite for none
    de_escalate_to: float = -inf  # the follow-up up to which it is de-escalated; minus infinity for none
    # Probabilities of DE_ESCALATE, STAY and ESCALATE once all outcomes are known; of `Predicted` only.
    probabilities: tuple[float, float, float] | None = None
    choice: int | None = None  # index of the dose that a model prefers, or NO_DOSE; of `WeighedCurves` only
    judgement: Judgement | None = None  # what the model says


def verdict(code: int, why: Why) -> Verdict:
    """A verdict that rests on counts alone."""
    return Verdict(code=code, why=why, wanted=code)


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


def followed(patients: int, dlts: int, follow_up: Sequence[float] | Floats, most: int) -> Floats:
    """Shares of the window for which pending patients were followed, float64[c], unless they cannot be.

    Raises
    ------
    DesignError
        A ValueError: there can be no such counts, or who has been followed so long is not pending.
    """
    shares = np.asarray(follow_up, np.float64).reshape(-1)
    if not 1 <= patients <= most:
        raise DesignError(f"patients: {patients} should be from 1 to {most}")
    if not 0 <= dlts <= patients:
        raise DesignError(f"dlts: {dlts} should be from 0 to {patients}")
    if dlts + len(shares) > patients:
        raise DesignError(f"follow_up: {len(shares)} pending patients and {dlts} with a DLT are more than {patients}")
    for wrong in shares[~((shares >= 0) & (shares < 1))][:1]:
        raise DesignError(
            f"follow_up: {wrong:g} should be a share of the DLT window, at least 0 and below 1: after the whole window "
            "a patient is not pending"
        )
    return shares


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
