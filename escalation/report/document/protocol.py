"""Prose for a protocol: how the trial is designed and how its operating characteristics were found.

The items are those that dose-finding protocols should contain: Yap C et al. (2023) SPIRIT-DEFINE, BMJ 383:e076386.
"""

from collections.abc import Iterator

from escalation.report.blocks import Block, Heading, Lines
from escalation.report.document.facts import by_responses, run_designs
from escalation.report.pages.run import by_truth, label
from escalation.report.wording import count, days, dose_list, dose_name, mean, percent, rates_text, span
from escalation.studies.run import Run
from escalation.version import __version__


def protocol(run: Run) -> Iterator[Block]:
    """The trial's design, the evaluation of its operating characteristics, and references."""
    yield Heading("Trial design", level=3)
    yield Lines(*_trial(run))
    yield Heading("Dose escalation and stopping rules", level=3)
    trial = run.scenario.trial
    for name, design in run_designs(run).items():
        first, *others = design.description(trial).split("\n\n")
        yield Lines(f"{name}: {first}", *others)
    yield Heading("Evaluation of operating characteristics", level=3)
    yield Lines(*_evaluation(run))
    yield Heading("Sample size", level=3)
    yield Lines(*_sample_size(run))
    yield Heading("References", level=3)
    yield Lines(*references(run), listed=True)


def _trial(run: Run) -> Iterator[str]:
    trial = run.scenario.trial
    lower = trial.start_dose > 1 and any(design.titration for design in run_designs(run).values())
    titrated = ", or with titration at the lowest dose" if lower else ""
    yield (
        f"The trial studies {count(trial.levels, 'dose level')} ({dose_list(run.scenario.trial)}) and starts at "
        f"{dose_name(trial, trial.start_dose)}{titrated}. Patients are treated in "
        f"{trial.cohorts_in_words}, unless a design states its own; the last cohort is smaller when fewer remain. "
        f"At most {count(trial.max_patients, 'patient')} are treated in dose escalation."
    )
    window = "[the DLT window is not stated in the settings]"
    if trial.dlt_window_days is not None:
        window = f"within {days(trial.dlt_window_days)}"
    late = [name for name, design in run_designs(run).items() if design.is_late_onset]
    waiting = "No cohort begins before the DLTs of the one before are known"
    if joint := by_responses(run):
        waiting += f", under {', '.join(joint)} their responses as well"
    if late:
        waiting += f", but under {', '.join(late)}, where doses are decided on while outcomes are pending"
    responding = [name for name, design in run_designs(run).items() if design.looks_at_responses]
    if responding:
        waiting += f"; under {', '.join(responding)} its responses have to be known, too"
    yield (
        f"A dose-limiting toxicity (DLT) counts {window}. The target DLT rate is {percent(trial.target)} %. {waiting}."
    )
    yield (
        "[To be added: the toxicities that count as DLTs and how they are graded; who can be evaluated for DLTs and "
        "who is replaced; whether a patient's own dose may be raised; who decides on the next dose, and on which data; "
        "the analysis at the end of the trial.]"
    )
    for name, design in run_designs(run).items():
        expansion = design.applied_to(trial).expansion
        if expansion is not None:
            yield (
                f"{name}: dose escalation is followed by an expansion cohort of {count(expansion.patients, 'patient')} "
                "at the recommended dose."
            )

    if trial.randomised is not None:
        most = trial.randomised.doses * trial.randomised.patients_per_dose
        yield (
            f"After dose escalation doses are compared in at most {count(most, 'new patient')}, who come on top of "
            "those in dose escalation. [To be added: how patients are randomised, and within which strata.]"
        )


def _evaluation(run: Run) -> Iterator[str]:
    truths, designs = by_truth(run.results), run_designs(run)
    rates = (f"{results[0].truth.name}: {rates_text(results[0].truth.dlt_rates)} %" for results in truths)
    yield (
        f"Operating characteristics of {count(len(designs), 'design')} ({', '.join(designs)}) were evaluated under "
        f"{count(len(truths), 'vector')} of true DLT rates ({'; '.join(rates)}). The evaluation is reported by "
        "aims, data-generating mechanisms, estimands, methods and performance measures (Morris et al. 2019)."
    )
    exact = [result.design for result in truths[0] if result.exact is not None]
    simulated = [result.design for result in truths[0] if result.exact is None]
    if exact:
        late = [name for name in exact if run_designs(run)[name].is_late_onset]
        followed = f" (under {', '.join(late)} also how long pending patients have been followed)" if late else ""
        joint = by_responses(run, exact)
        followed += f" (under {', '.join(joint)} also of responses)" if joint else ""
        yield (
            f"Since decisions depend on the data through the numbers of patients and DLTs at each dose{followed}, "
            f"every possible ending of a trial was enumerated with its probability. The values of {', '.join(exact)} "
            "are exact and have no Monte Carlo error."
        )
    if simulated:
        yield (
            f"The values of {', '.join(simulated)} are means of {count(run.trials, 'simulated trial')}, reported with "
            "Monte Carlo standard errors (of a probability, at most "
            f"{_largest_error(run.trials)} percentage points)."
        )
    if run.trials:
        yield (
            f"{count(run.trials, 'trial')} were simulated for each design and truth (seed {run.seed}), with the same "
            "virtual patients for all, by an engine that follows each trial from cohort to cohort"
            f"{' and shares no more than the rules of the designs with the enumeration' if exact else ''}"
            f". With this number the standard error of a simulated probability is at most {_largest_error(run.trials)} "
            f"percentage points. {_agreement(run)}".rstrip()
        )
    exposed = [name for name, design in designs.items() if design.chooses_by_exposure]
    if exposed and run.trials:
        yield (
            f"Exposures are continuous: the optimal dose of {', '.join(exposed)} is from simulated trials, in which a "
            "patient's exposure is log-normal and independent of the DLT and the response."
        )
    measured = run.results[0].benchmark is not None
    share = " (also relative to the non-parametric optimal benchmark; O'Quigley et al. 2002)" if measured else ""
    yield (
        f"Performance measures: the probability of recommending each dose and of correct selection{share}; patients "
        "and DLTs at each dose; the distributions of the sample size and of the number of DLTs; patients at doses "
        "above the target; early stops and their reasons; bias, root mean squared error and interval coverage of the "
        "estimated DLT rate at the recommended dose."
    )
    yield f"Software: escalation {__version__}."


def _largest_error(trials: int) -> str:
    """Of a probability of one half, in percentage points."""
    return f"{50 / trials**0.5:.2g}"


def _agreement(run: Run) -> str:
    agreement = run.agreement
    if agreement is None:
        return ""
    if not agreement.agrees:
        return f"They DISAGREE with the exact values (p = {agreement.p_value:.2g}): do not use these results."
    if agreement.max_abs_z is None:
        return "They are too few for a comparison with the exact values."
    return (
        f"They agree with the exact values: the largest standardised difference is {agreement.max_abs_z:.2f}, p = "
        f"{agreement.p_value:.2g} for all comparisons together (Bonferroni)."
    )


def _sample_size(run: Run) -> Iterator[str]:
    yield (
        "No hypothesis is tested; the number of patients is judged by what the designs achieve with it under the "
        "truths above."
    )
    truths = by_truth(run.results)
    for place, first in enumerate(truths[0]):
        ocs = [group[place].best for group in truths]
        largest = max(size for oc in ocs for size, _ in oc.sample_size.distribution)
        sizes = span([oc.sample_size.mean for oc in ocs], mean)
        within = span([oc.pcs for oc in ocs], percent)
        yield (
            f"{label(first)}: at most {count(largest, 'patient')}; mean sample size {sizes} patients; probability of "
            f"correct selection {within} %."
        )
    for place, first in enumerate(truths[0]) if run.scenario.trial.randomised is not None else ():
        compared = [found.randomised for group in truths if (found := group[place].best.response) is not None]
        sizes = span([one.patients_in_all for one in compared if one is not None], mean)
        yield f"{label(first)}: with the randomised comparison, mean sample size {sizes} patients."
    if any(result.exact is None for result in run.results):
        yield "~ not exact but from simulated trials, in which a larger sample size may not have come up."


def references(run: Run) -> Iterator[str]:
    """What the report cites: on the evaluation first, then on the designs."""
    yield (
        "Clopper CJ, Pearson ES (1934) The use of confidence or fiducial limits illustrated in the case of the "
        "binomial. Biometrika 26:404-413."
    )
    if run.trials and any(result.exact is None for result in run.results):
        yield "Hanley JA, Lippman-Hand A (1983) If nothing goes wrong, is everything all right? JAMA 249:1743-1745."
    yield (
        "Morris TP, White IR, Crowther MJ (2019) Using simulation studies to evaluate statistical methods. Stat Med "
        "38:2074-2102."
    )
    if run.results[0].benchmark is not None:
        yield (
            "O'Quigley J, Paoletti X, Maccario J (2002) Non-parametric optimal design in dose finding studies. "
            "Biostatistics 3:51-56."
        )
    if run.trials:
        yield (
            "Salmon JK, Moraes MA, Dror RO, Shaw DE (2011) Parallel random numbers: as easy as 1, 2, 3. Proceedings "
            "of SC11, article 16."
        )
    yield (
        "Yap C, Rekowski J, Ursino M, et al. (2023) Enhancing quality and impact of early phase dose-finding "
        "clinical trial protocols: SPIRIT Dose-finding Extension (SPIRIT-DEFINE) guidance. BMJ 383:e076386."
    )
    designs = run_designs(run).values()
    yield from dict.fromkeys(source for design in designs for source in design.references(run.scenario.trial))
