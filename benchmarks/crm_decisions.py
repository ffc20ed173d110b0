"""The CRM's decisions beside those by adaptive quadrature, over every state of a trial."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context

import click
import numpy as np

from benchmarks.crm_states import NONE, TIE, Walk, curve_of, fitted_rates, walk
from benchmarks.quadrature import Floats
from benchmarks.section import Headline
from escalation import CRM, Trial, exact, operating_characteristics
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import Judgement
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.wording import count

Compared = Mapping[tuple[str, str], "Comparison"]
"""Comparisons by model and estimate."""


@dataclass(frozen=True)
class Difference:
    """A data set after which quadrature and package choose differently; doses are indices, NONE for no dose."""

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    quadrature: int
    package: int
    tied: bool

    def __str__(self) -> str:
        counts = " ".join(f"{y}/{n}" for n, y in zip(self.patients, self.dlts, strict=True))
        ours, theirs = ("none" if dose == NONE else f"dose {dose + 1}" for dose in (self.package, self.quadrature))
        return f"{counts}: {ours} by the package, {theirs} by quadrature, {'a tie' if self.tied else 'not a tie'}"


@dataclass(frozen=True)
class Comparison:
    """Quadrature beside the package, over every state of a trial.

    Attributes
    ----------
    data_sets : int
        After which a decision is made.
    quadrature_states, package_states : int
        States that either reaches.
    differences : tuple of Difference
    means : float
        The largest difference of a posterior mean that the design chooses by: of b, or of a rate.
    toxicity : float
        The largest difference of the probability that the lowest dose is too toxic.
    error : float
        The largest error of the quadrature, by its own estimate.
    closest : float
        The smallest difference between the distances from the target of the best two doses.
    selection : float
        The largest difference of a selection probability, over the truths.
    """

    data_sets: int
    quadrature_states: int
    package_states: int
    differences: tuple[Difference, ...]
    means: float
    toxicity: float
    error: float
    closest: float
    selection: float

    @property
    def wrong(self) -> tuple[Difference, ...]:
        """Differences that are not ties."""
        return tuple(difference for difference in self.differences if not difference.tied)

    @property
    def unexplained(self) -> bool:
        """Whether the package's exact engine finds other trials, though all decisions are the same."""
        same = self.quadrature_states == self.package_states and self.selection <= TIE
        return not self.differences and not same


def compare(design: CRM, trial: Trial, truths: list[tuple[float, ...]]) -> Comparison:
    """Compare every decision of a trial, and its selection probabilities under truths."""
    walked, plan, curve = walk(design, trial), design.plan(trial), curve_of(design, trial)
    assert isinstance(plan, CurvePlan)
    judgements = [
        plan.judge(tuple(n), tuple(y)) for n, y in zip(walked.patients.tolist(), walked.dlts.tolist(), strict=True)
    ]
    found = walked.posterior
    means = found.parameter[:, None] if design.estimate == "plugin" else found.rates
    ours, toxicity = (np.array([getattr(one, name) for one in judgements]) for name in ("means", "toxicity"))
    distances = np.abs(fitted_rates(design, curve, found) - trial.target)
    best = np.sort(distances, axis=1)
    enumeration = exact(design, trial)
    selections = [
        np.abs(walked.selection(rates) - operating_characteristics(enumeration.outcomes(rates)).selection).max()
        for rates in truths
    ]
    return Comparison(
        data_sets=len(judgements),
        quadrature_states=walked.states,
        package_states=enumeration.states,
        differences=tuple(differences(design, walked, judgements, distances)),
        means=float(np.abs(means - ours).max()),
        toxicity=float(np.abs(found.above - toxicity).max()),
        error=found.error,
        closest=float((best[:, 1] - best[:, 0]).min()),
        selection=float(max(selections)),
    )


def differences(design: CRM, walked: Walk, judgements: list[Judgement], distances: Floats) -> list[Difference]:
    """Data sets after which the package's reading of its posterior is another than the quadrature's."""
    stop = design.stop_if_too_toxic
    assert stop is not None
    found = []
    for row, (judgement, choice) in enumerate(zip(judgements, walked.choices.tolist(), strict=True)):
        ours = judgement.choice
        if ours == choice:
            continue
        tied = bool(abs(distances[row, ours] - distances[row, choice]) <= TIE)
        if NONE in (ours, choice):
            tied = bool(abs(walked.posterior.above[row] - stop.threshold) <= TIE)
        patients, dlts = (tuple(part[row].tolist()) for part in (walked.patients, walked.dlts))
        found.append(Difference(patients, dlts, quadrature=choice, package=ours, tied=tied))
    return found


def check(compared: Compared) -> None:
    """Fail where a decision is wrong, or the exact engine does not follow the decisions.

    Raises
    ------
    click.ClickException
    """
    wrong = [
        f"{model}, {estimate}: {difference}"
        for (model, estimate), found in compared.items()
        for difference in found.wrong
    ]
    if wrong:
        shown = "\n".join(wrong[:10])
        raise click.ClickException(f"the CRM decides otherwise than quadrature after {len(wrong)} data sets:\n{shown}")
    for (model, estimate), found in compared.items():
        if found.unexplained:
            raise click.ClickException(
                f"{model}, {estimate}: the same decisions, but {found.package_states:,} states in the exact engine and "
                f"{found.quadrature_states:,} by quadrature; selection probabilities differ by {found.selection:.1e}"
            )


def decision_blocks(compared: Compared, patients: int) -> Iterator[Block]:
    """The CRM's decisions against adaptive quadrature."""
    yield Heading("CRM decisions beside adaptive quadrature", 3)
    yield Lines(
        "After every data set that the trial can reach, the CRM's decision (the preferred dose, or to stop for "
        "toxicity) is made once more from integrals that scipy's adaptive quadrature finds, with formulas written "
        f"apart from the package; and the trial, here of {patients} patients, is followed by these decisions "
        f"through all its states. Decisions may differ only where two doses tie within {TIE:.0e}.",
        "Closest: the smallest difference between the distances of the best two doses from the target. Posterior "
        "mean: of b, or of a rate where the estimate is the mean. Too toxic: the probability that the lowest dose "
        "is. Own error: of the quadrature, by its own estimate. Selection: selection probabilities under the "
        "scenario's truths.",
    )
    header = [
        *("model", "estimate", "data sets", "differ", "of these ties"),
        *("closest", "posterior mean", "too toxic", "own error", "states", "by quadrature", "selection"),
    ]
    rows = [
        [
            *(model, estimate, f"{found.data_sets:,}", f"{len(found.differences)}"),
            f"{len(found.differences) - len(found.wrong)}",
            *(f"{part:.1e}" for part in (found.closest, found.means, found.toxicity, found.error)),
            *(f"{found.package_states:,}", f"{found.quadrature_states:,}", f"{found.selection:.1e}"),
        ]
        for (model, estimate), found in compared.items()
    ]
    yield TextTable(
        header, [rows], words=frozenset({1}), caption="Largest differences between the package and quadrature"
    )
    ties = [f"{', '.join(names)}: {one}" for names, found in compared.items() for one in found.differences]
    if ties:
        yield Lines(*ties, listed=True)
    data_sets, largest = sum(found.data_sets for found in compared.values()), largest_of(compared)
    differing = f"{len(ties)}, each a tie," if ties else "none"
    yield Lines(
        f"Of {data_sets:,} decisions {differing} differ. No posterior mean is off by more than "
        f"{largest['means']}, no probability of a too toxic dose by more than {largest['toxicity']}, and no "
        f"selection probability by more than {largest['selection']}."
    )


def headline(compared: Compared) -> Headline:
    """The row for the README."""
    data_sets, largest = sum(found.data_sets for found in compared.values()), largest_of(compared)
    ties = sum(len(found.differences) for found in compared.values())
    return Headline(
        f"CRM decisions after {data_sets:,} data sets",
        f"none differs but for {count(ties, 'tie')}" if ties else "none differs",
        f"from those by adaptive quadrature; posterior means within {largest['means']}, probabilities of toxicity "
        f"within {largest['toxicity']}",
    )


def largest_of(compared: Compared) -> dict[str, str]:
    """The largest differences of all comparisons, by their names in `Comparison`; rounded up."""
    upwards = Context(prec=2, rounding=ROUND_CEILING)
    largest = {
        name: max(getattr(found, name) for found in compared.values()) for name in ("means", "toxicity", "selection")
    }
    return {name: f"{upwards.create_decimal_from_float(value):.1e}" for name, value in largest.items()}
