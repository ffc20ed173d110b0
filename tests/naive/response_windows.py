"""Trials with a window of responses, event by event: of designs that choose an optimal dose in the end, and of BOIN12.

Written from what the options of `[trial.efficacy]` say, on the clock of `tests.naive.clock` and the rule of
`tests.naive.boin12`.
"""

from dataclasses import dataclass

from escalation.trial.joint import JointRates
from escalation.trial.onset import Onset
from escalation.trial.trial import Trial
from tests.naive.boin12 import Boin12
from tests.naive.clock import Cohort, Patient, Played, day_within, hashed

LOT = 1 << 32


@dataclass
class Responding(Played):
    """A trial whose patients have responses."""

    joint: JointRates | None = None
    response_key: int = 0
    waits: bool = False  # whether its cohorts do, and not its end alone

    @property
    def window(self) -> float:
        assert self.trial.efficacy is not None
        assert self.trial.dlt_window_days is not None
        return self.trial.efficacy.window_days or self.trial.dlt_window_days

    def respond(self, dose: int, patient: Patient) -> None:
        """Say whether the patient who is treated now does, and until when that is not known."""
        assert self.joint is not None
        efficacy, random = self.trial.efficacy, hashed(self.response_key, self.enrolled)
        if not patient.evaluable:
            return
        # Bayes: P(response | DLT) from the probabilities of the four outcomes.
        _, eff, tox, both = self.joint.cells[dose].tolist()
        none = 1 - eff - tox - both
        rate = both / (tox + both) if patient.dlt else eff / (none + eff)
        patient.responds = random < rate
        answered = self.now + self.window
        if patient.responds and efficacy.response_seen == "when_it_occurs":
            onset = efficacy.onset or Onset()
            answered = self.now + day_within(self.window, onset, float(self.joint.response[dose]), random / rate)
        self.end = max(self.end, answered)
        if self.waits:
            patient.until = max(patient.until, answered)


def play_boin12(rule: Boin12, trial: Trial, played: Responding) -> tuple[list[tuple[int, ...]], str]:
    """One trial of BOIN12: the patients with N, E, T and B at each dose, and why it ended."""
    time, size, most = trial.time, trial.cohort_size, trial.max_patients
    cells, dose, lots = [(0, 0, 0, 0)] * trial.levels, 0, 0
    played.arrivals, played.waits = 1, True
    while True:
        room = (time.max_enrolled or 10**9) - played.enrolled
        room = room if time.replace else min(room, most - played.enrolled)
        wanted = min(size, most - sum(map(sum, cells)))
        wanted = wanted if time.replace else min(wanted, room)
        last = played.enrolled + room
        cohort = Cohort(played, dose, wanted, sum(cells[dose]), played.opening, last, size == 1)
        cohort.observe()
        evaluable = [one for one in cohort.members if one.evaluable]
        counted = evaluable if time.replace else cohort.members
        played.opening = max([one.until for one in counted], default=played.now) + time.review_days
        for one in evaluable:
            place = 2 * one.dlt + one.responds
            cells[dose] = tuple(n + (at == place) for at, n in enumerate(cells[dose]))
        full = played.enrolled >= (time.max_enrolled or 10**9)
        full = full or (sum(map(sum, cells)) if time.replace else played.enrolled) >= most
        if not evaluable and not full:
            continue
        if not sum(cells[dose]):
            return cells, "max_patients"
        reason = rule.ends(cells, dose, 0 if full else 10**9)
        if reason is not None:
            return cells, reason
        doses = sorted(rule.next_doses(cells, dose))
        dose = doses[0]
        if len(doses) > 1:
            dose = doses[int(hashed(played.response_key, LOT + lots) * len(doses))]
            lots += 1
