"""The answer to what is next in a running trial."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DoseEstimate:
    """What is known of a dose.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients, dlts : int
        Patients whose outcome is known, and their DLTs.
    pending, inevaluable : int
        Patients whose outcome is not known yet, and who cannot be evaluated; `patients` counts neither.
    observed : float or None
        The observed DLT rate; None where no outcome is known.
    estimate : float or None
        Of the DLT rate, as the design estimates it: the isotonic estimate, which pools neighbouring doses where the
        observed rates do not increase; the model's fitted rate; or, for designs that estimate none, the observed rate.
        None where nothing is known.
    lower, upper : float or None
        A model's 95 % credible interval (by maximum likelihood: likelihood-ratio interval); for other designs the
        Clopper-Pearson interval of the dose's own patients.
    above_target : float or None
        P(rate > target | data): under the model; for other designs from the dose's own patients under the Beta prior of
        their elimination rule, in an expansion that of its monitoring, or else a uniform one.
    eliminated : bool
        Eliminated, excluded as a probable overdose, or closed by those who conduct the trial.
    """

    dose: int
    patients: int
    dlts: int
    pending: int
    inevaluable: int
    observed: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    above_target: float | None
    eliminated: bool


@dataclass(frozen=True)
class DoseResponses:
    """What is known of the responses at a dose.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients, responses : int
        Patients whose DLT outcome and response are both known, and their responses.
    with_dlt : int
        Of the responses, those of patients with a DLT.
    pending, responded : int
        Patients whose response is not known yet, and who have responded while their DLT outcome is not known yet;
        `patients` counts neither.
    observed : float or None
        The observed response rate; None where nothing is known.
    utility : float or None
        Posterior mean utility 100 (1 + x) / (2 + n), where 100 x is the sum of the utilities of the n patients'
        outcomes; None where nothing is known.
    below_min : float or None
        P(response rate < min_response | data) under a uniform prior; None where nothing is known.
    futile : bool or None
        Whether that is too likely for an optimal dose; None where the design chooses none.
    """

    dose: int
    patients: int
    responses: int
    with_dlt: int
    pending: int
    responded: int
    observed: float | None
    utility: float | None
    below_min: float | None
    futile: bool | None


@dataclass(frozen=True)
class OptimalDose:
    """The optimal dose (OBD) if the trial ended now.

    Attributes
    ----------
    dose : int or None
        Dose level, from 1; None when there is none, or it is not decided.
    decided : bool
        Whether every way in which outcomes that are pending can turn out gives the same.
    reason : str
        Why it is this dose, or none, or not decided, in words.
    possible : tuple of int or None
        What it can be, None for no dose; empty where that was not found out.
    decisive : tuple of int
        Dose levels at which pending outcomes can change it, whatever those at the others; empty where it is decided, or
        that was not found out.
    """

    dose: int | None
    decided: bool
    reason: str
    possible: tuple[int | None, ...]
    decisive: tuple[int, ...]


@dataclass(frozen=True)
class Completion:
    """What follows one way in which outcomes that are not known can turn out.

    Attributes
    ----------
    dlts : tuple of int
        DLTs at each dose level then.
    next_dose : int or None
        Dose level of the next cohort, from 1; None when the trial stops, or nothing is decided.
    stop : bool
    reason : str
        The rule that decides, in words.
    responses : tuple of (int, int), or None
        Of a design that decides by responses: those at each dose level then, of patients without and with a DLT.
    """

    dlts: tuple[int, ...]
    next_dose: int | None
    stop: bool
    reason: str
    responses: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Hold:
    """That accrual is held: nobody is enrolled before more is known.

    Attributes
    ----------
    days : float or None
        The soonest day from now on which it may be lifted, or in a full trial all is known, if no DLT comes; None where
        the follow-up of those who are pending, or the window, is not known.
    why : str
        What is waited for, in words.
    """

    days: float | None
    why: str


@dataclass(frozen=True)
class WhilePending:
    """What a decision rests on that a late-onset design takes while patients are pending at the current dose.

    Attributes
    ----------
    measure : {"STFT", "ESS"} or None
        What the follow-up is: the sum of the shares of the DLT window for which pending patients have been followed, or
        that and the known outcomes, the effective sample size.
    follow_up : float or None
        In windows; of "ESS" in patients.
    escalate_from, de_escalate_to : float or None
        The follow-up from which the dose is escalated, and that up to which it is de-escalated; None where none does.
    de_escalation, stay, escalation : float or None
        Probabilities of the decisions once all outcomes are known, of designs that predict.
    """

    measure: str | None = None
    follow_up: float | None = None
    escalate_from: float | None = None
    de_escalate_to: float | None = None
    de_escalation: float | None = None
    stay: float | None = None
    escalation: float | None = None


@dataclass(frozen=True)
class NextDose:
    """What a design says of a running trial.

    Attributes
    ----------
    next_dose : int or None
        Dose level of the next cohort, from 1; None when the trial stops, or nothing is decided.
    cohort_size : int
        Patients of the next cohort, or who fill up the last; 0 without a next dose.
    stop : bool
    stop_reason : str or None
        A key of the operating characteristics' `stop_reasons`.
    expansion : bool
        Whether the next cohort is one of the expansion, or the trial stops in it.
    reason : str
        The rule that decided, in words.
    recommended_dose : int or None
        The RP2D if the trial ended now; None when there is none, or it depends on outcomes that are not known.
    estimates : tuple of DoseEstimate
    prior : (float, float) or None
        Parameters of the Beta prior of `above_target`; None under a model.
    warnings : tuple of str
        Where the data are not what the design would have done.
    pending : int
        Patients whose outcome is not known yet.
    decided : bool
        Whether there is an answer: false while it depends on patients who are pending, and where a table of the user's
        own does not say what comes next.
    completions : tuple of Completion
        What follows each way in which the pending outcomes can turn out; empty when none is pending.
    missing : int
        Patients that the last cohort lacks, 0 when it is full.
    filled : tuple of Completion
        What follows when they have been treated, by the DLTs among them; empty while patients are pending.
    not_recommended : str or None
        Why no dose would be recommended, in words; None where one would, or it depends on the pending outcomes.
    hold : Hold or None
        That nobody may be enrolled now, until when, and why; there is then no next dose, and the trial does not stop.
    while_pending : WhilePending or None
        The numbers that a late-onset design has compared; None where it has compared none.
    responses : tuple of DoseResponses or None
        None in a trial without [trial.efficacy], and where the data say nothing of responses.
    optimal_dose : OptimalDose or None
        The OBD; None where the design chooses none.
    tied : tuple of int
        Dose levels of which the design gives one at random, because they are equally desirable; there is then no
        `next_dose` before it is drawn.
    toxicity_limit : float or None
        Of a design that decides by responses: the highest acceptable DLT rate, which `above_target` is about there in
        place of the target.
    """

    next_dose: int | None
    cohort_size: int
    stop: bool
    stop_reason: str | None
    expansion: bool
    reason: str
    recommended_dose: int | None
    estimates: tuple[DoseEstimate, ...]
    prior: tuple[float, float] | None
    warnings: tuple[str, ...]
    pending: int
    decided: bool
    completions: tuple[Completion, ...]
    missing: int
    filled: tuple[Completion, ...]
    not_recommended: str | None = None
    hold: Hold | None = None
    while_pending: WhilePending | None = None
    responses: tuple[DoseResponses, ...] | None = None
    optimal_dose: OptimalDose | None = None
    tied: tuple[int, ...] = ()
    toxicity_limit: float | None = None
