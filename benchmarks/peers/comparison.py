"""Times and answers, ours and the peers', side by side."""

from dataclasses import dataclass
from math import sqrt

from scipy import special

from benchmarks.measuring import Measurement
from benchmarks.peers.answers import Answer
from benchmarks.peers.contenders import ANSWERS, Contender, Rules, Setting
from benchmarks.peers.verdicts import Verdict
from escalation.characteristics.agreement import ALARM


@dataclass(frozen=True)
class Ours:
    """Our times under some rules.

    Attributes
    ----------
    exact : Measurement
        Of one exact answer.
    simulated : dict
        Measurements by the number of simulated trials: a part of the time does not grow with them.
    """

    exact: Measurement
    simulated: dict[int, Measurement]

    @property
    def most(self) -> int:
        """The most trials simulated."""
        return max(self.simulated)


@dataclass(frozen=True)
class Beside:
    """A contender's times and answer.

    Attributes
    ----------
    contender : Contender
    answer : Answer
        Of all its calls.
    trials : int
        Trials a call.
    measured : Measurement
        Of one call.
    verdict : Verdict
    """

    contender: Contender
    answer: Answer
    trials: int
    measured: Measurement
    verdict: Verdict

    @property
    def seconds_per_trial(self) -> float | None:
        """None when the answer is exact."""
        return None if self.answer.trials is None else self.measured.seconds / self.trials

    def times_exact(self, ours: Ours, trials: int) -> float:
        """How many times as long as our exact answer one with the accuracy of so many trials takes."""
        ratio = self.measured.ratio(ours.exact)
        return ratio if self.answer.trials is None else ratio * trials / self.trials

    def times_simulated(self, ours: Ours) -> float:
        """How many times as long as in our largest simulation one trial takes."""
        return self.measured.ratio(ours.simulated[ours.most]) * ours.most / self.trials

    @property
    def noticed(self) -> float | None:
        """How far a simulated selection probability of one half must be off to be seen to differ; None when exact."""
        if self.answer.trials is None:
            return None
        z = -float(special.ndtri(ALARM / (self.verdict.numbers * ANSWERS) / 2))
        return z * 0.5 / sqrt(self.answer.trials)


@dataclass(frozen=True)
class Comparison:
    """Everything about one setting.

    Attributes
    ----------
    setting : Setting
    rules : list of Rules
    ours : dict
        By the name of the rules.
    beside : list of Beside
    """

    setting: Setting
    rules: list[Rules]
    ours: dict[str, Ours]
    beside: list[Beside]
