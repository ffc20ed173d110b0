"""Every design on the published truths, side by side."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from benchmarks.measuring import Measurement, Task, measure
from benchmarks.performance import (
    EQUAL,
    QUANTITIES,
    Performance,
    alike,
    average,
    by_kind,
    complete,
    everything,
    wins,
)
from benchmarks.published import CITATION, SETTINGS, TruthSet, truth_sets
from benchmarks.section import Headline, Scale, Section
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.wording import percent

REFERENCE = "boin"

COLUMNS = (
    "PCS: probability of recommending the MTD, the dose whose true rate is the target. Too high: of recommending a "
    "dose above it. At MTD, above: share of the patients, E[patients there] / E[patients]. >60 %, >80 % above: "
    "probability that more than this share of a trial's patients were above the MTD. Poor allocation: probability of "
    "fewer than 6 patients at the MTD. Patients, DLTs: means."
)


def chosen_sets(small: bool) -> list[TruthSet]:
    """The truths, or two for one target."""
    sets = truth_sets()
    return [replace(sets[-1], truths=sets[-1].truths[:2])] if small else sets


def prepare(small: bool) -> Callable[[], Any]:
    """What is timed."""
    sets = chosen_sets(small)
    return lambda: everything(sets)


def section(scale: Scale) -> Section:
    """Every design on the published truths."""
    sets = chosen_sets(scale.small)
    found = everything(sets, scale.told)
    effort = scale.effort if scale.small else replace(scale.effort, rounds=3, values=1)
    name = "every design on the published truths"
    taken = measure([Task(name, "benchmarks.designs:prepare", {"small": scale.small})], effort, scale.told)[name]
    truths = sum(len(one.truths) for one in sets)
    kinds = len({one.kind for one in found})
    return Section(
        blocks=[*introduction(found, taken), *tables(found), *conclusions(found), *truth_tables(found)],
        headlines=[
            Headline(
                f"{len(found)} operating characteristics of {kinds} designs: {truths} published truths",
                f"{taken.seconds:.1f} s",
                f"{_engines(found)}, in one process",
            )
        ],
        files={"designs.csv": to_csv(found).encode()},
    )


def introduction(found: Sequence[Performance], taken: Measurement) -> Iterator[Block]:
    """What is compared, and how the designs are set."""
    yield Heading("Designs")
    yield Lines(
        "Every design of the package on published truths: five doses, 30 patients in cohorts of 3. That size is "
        "the usual one of such comparisons; no published averages are known that it could be held against. "
        f"All {len(found)} operating characteristics take {taken.seconds:.1f} s "
        f"in one process ({_engines(found)}).",
        CITATION,
    )
    yield Lines(*SETTINGS, listed=True)
    yield Lines(COLUMNS)


def _engines(found: Sequence[Performance]) -> str:
    simulated = sorted({one.kind for one in found if one.trials is not None})
    if not simulated:
        return "all exact"
    return f"exact but for {', '.join(simulated)}, simulated and marked ~"


def label(found: Sequence[Performance]) -> str:
    """A design's kind; a tilde says that some of its numbers are simulated."""
    return f"{found[0].kind} ~" if any(one.trials is not None for one in found) else found[0].kind


def tables(found: Sequence[Performance]) -> Iterator[Block]:
    """Averages over truths: for all targets together, of designs that have decisions for each, and target by target."""
    yield Heading("Averages", 3)
    targets = _by_target(found)
    if len(targets) > 1:
        common = complete(found)
        numbers = ", ".join(f"{target:.2f}" for target in targets)
        truths = len({(one.target, one.truth) for one in common})
        yield _averages(common, f"Average over {truths} truths, targets {numbers}", against=True)
    for target, part in targets.items():
        truths = max(one.truth for one in part)
        yield _averages(part, f"Average over {truths} truths, target {target:.2f}")


def _by_target(found: Sequence[Performance]) -> dict[float, list[Performance]]:
    return {target: list(part) for target, part in groupby(found, key=lambda one: one.target)}


def _averages(found: Sequence[Performance], caption: str, against: bool = False) -> TextTable:
    kinds = by_kind(found)
    rows = [
        [
            label(part),
            *(quantity.shown(average(part, quantity.name)) for quantity in QUANTITIES),
            *([] if not against else ["" if kind == REFERENCE else str(wins(part, kinds[REFERENCE]))]),
        ]
        for kind, part in kinds.items()
    ]
    header = ["design", *(quantity.head for quantity in QUANTITIES), *([f"beats {REFERENCE}"] if against else [])]
    return TextTable(header, [rows], caption=caption)


def conclusions(found: Sequence[Performance]) -> Iterator[Block]:
    """What the numbers say."""
    common = by_kind(complete(found))
    pcs = {kind: average(part, "pcs") for kind, part in common.items()}
    risk = {kind: average(part, "overdosing_60") for kind, part in common.items()}
    best, second = sorted(pcs, key=lambda kind: -pcs[kind])[:2]
    safest = min(risk, key=lambda kind: risk[kind])
    place = sum(other < risk[best] - EQUAL for other in risk.values()) + 1
    sentences = [
        f"On average over all truths {best} has the largest PCS, {percent(pcs[best])} %, "
        f"{100 * (pcs[best] - pcs[second]):.1f} points above {second}; {REFERENCE} has {percent(pcs[REFERENCE])} %. In "
        f"the risk of treating more than 60 % of the patients above the MTD {best} is number {place} of {len(risk)}, "
        f"counted from the lowest, with {percent(risk[best])} %.",
        f"The lowest such risk has {safest}, {percent(risk[safest])} %, with a PCS of {percent(pcs[safest])} %.",
    ]
    for target, part in _by_target(found).items():
        leading = {kind: average(one, "pcs") for kind, one in by_kind(part).items()}
        first = max(leading, key=lambda kind: leading[kind])
        last = min(leading, key=lambda kind: leading[kind])
        same = [
            f" The same numbers under every truth from {', '.join(kinds[:-1])} and {kinds[-1]}."
            for kinds in alike(part)
        ]
        sentences.append(
            f"Target {target:.2f}: PCS from {percent(leading[last])} % ({last}) to {percent(leading[first])} % "
            f"({first}).{''.join(same)}"
        )
    yield Lines(*sentences, listed=True)


def truth_tables(found: Sequence[Performance]) -> Iterator[Block]:
    """PCS under each truth, a table a target."""
    yield Heading("PCS under each truth", 3)
    for target, part in _by_target(found).items():
        kinds = by_kind(part)
        rows = [
            [f"{ones[0].truth}", " ".join(f"{rate:g}" for rate in ones[0].rates), *_shown(ones)]
            for ones in zip(*kinds.values(), strict=True)
        ]
        header = ["truth", "true DLT rates", *(label(ones) for ones in kinds.values())]
        yield TextTable(
            header, [rows], words=frozenset({1}), caption=f"PCS in percent, target {target:.2f}", detail=True
        )


def _shown(found: Sequence[Performance]) -> list[str]:
    return [percent(one.values["pcs"]) for one in found]


def to_csv(found: Sequence[Performance]) -> str:
    """A row for each number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["target", "truth", "dlt_rates", "design", "engine", "trials", "quantity", "value"])
    for one in found:
        engine = "exact" if one.trials is None else "simulated"
        rates = " ".join(f"{rate:g}" for rate in one.rates)
        for quantity, value in one.values.items():
            writer.writerow([one.target, one.truth, rates, one.kind, engine, one.trials or "", quantity, value])
    return text.getvalue()
