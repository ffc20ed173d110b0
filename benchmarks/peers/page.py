"""What the section on peers says."""

from collections.abc import Mapping, Sequence

from benchmarks.peers.comparison import Beside, Comparison, Ours
from benchmarks.peers.contenders import BOIN_RULES, CRM_RESTRICTED, THREE_FILLED, Rules, Setting
from benchmarks.peers.verdicts import familywise, p_of
from benchmarks.section import Headline
from benchmarks.units import duration
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.wording import count

ACCURACIES = (1_000, 10_000, 100_000)
"""Simulated trials whose accuracy an answer is to have."""

HEADLINES = (
    ("LUCAR-DKS1", BOIN_RULES),
    ("LUCAR-DKS1", CRM_RESTRICTED),
    ("LUCAR-DKS1", THREE_FILLED),
    ("six doses", BOIN_RULES),
    ("six doses", CRM_RESTRICTED),
)
"""The settings, by name, and rules that the headlines show, whoever is quicker there."""

INTRODUCTION = (
    "The same trial under the same truth by the same rules, in turns on the same machine: by this package and by each "
    "peer that is installed here, called through its public functions on one core and timed by its own clock; "
    "start-up, loading and a first call are left out. An exact answer has every accuracy; the time of a simulated one "
    "grows with its trials, and a peer's is taken to be in proportion to them. "
    "All trials that the peers simulated are also compared with the exact operating characteristics (selection "
    "probabilities, mean patients and mean DLTs at each dose). A speed without an agreeing answer gets no ratio.",
    "That an answer agrees means that it was not seen to differ. Slow peers have few trials, which show large errors "
    "only: the tables say how far a selection probability near one half must be off to be noticed. What a peer does "
    "not tell is not compared: precautionary tells the expected numbers of patients and DLTs of the trial only.",
)


def blocks(
    compared: Sequence[Comparison], versions: Mapping[str, str], skipped: Sequence[str], failures: Sequence[str]
) -> list[Block]:
    """The section's blocks."""
    found: list[Block] = [Heading("Peers"), Lines(*INTRODUCTION)]
    if versions:
        found.append(Lines(f"Here: {', '.join(f'{name} {version}' for name, version in versions.items())}."))
    if skipped:
        found.append(Lines(*skipped, listed=True))
    if failures:
        found.append(Lines(*failures, listed=True))
    for one in compared:
        found += [Heading(title(one.setting), 3), speeds(one)]
        if one.beside:
            found += [agreement(one), Lines(*conclusions(one), listed=True)]
    rules = {rule.name: rule for one in compared for rule in one.rules}
    found += [
        Heading("The rules", 3),
        Lines(*(f"{rule.name}: {rule.words}." for rule in rules.values()), listed=True),
    ]
    return found


def title(setting: Setting) -> str:
    """A setting in a line."""
    trial = setting.trial
    size = f"{count(trial.levels, 'dose')}, {trial.max_patients} patients in {trial.cohorts_in_words}"
    rates = ", ".join(f"{rate:g}" for rate in setting.rates)
    return f"{setting.name}: {size}, target {trial.target:g}, true DLT rates {rates}"


def speeds(one: Comparison) -> TextTable:
    """Seconds, and ratios to ours."""
    header = [
        "accuracy of",
        *(f"{trials:,} trials" for trials in ACCURACIES),
        "/ our exact",
        "/ our simulated, by trial",
        "agrees",
    ]
    groups = []
    for rules in one.rules:
        ours = one.ours[rules.name]
        alone = seconds(ours.exact.seconds)
        own = [seconds(ours.simulated[trials].seconds) if trials in ours.simulated else "" for trials in ACCURACIES]
        rows = [
            [f"this package, exact: {rules.name}", *(alone for _ in ACCURACIES), "1", "", ""],
            ["this package, simulated", *own, "", "1", ""],
        ]
        for row in one.beside:
            if row.contender.rules is not rules:
                continue
            each_trial = row.seconds_per_trial
            alone = seconds(row.measured.seconds)
            times = [alone for _ in ACCURACIES] if each_trial is None else _by_accuracy(each_trial)
            ratios = ["", ""]
            if row.verdict.agrees:
                same_kind = each_trial is not None
                ratios = [
                    times_as_long(row.times_exact(ours, 1_000)),
                    times_as_long(row.times_simulated(ours)) if same_kind else "",
                ]
            rows.append([row.contender.name, *times, *ratios, "yes" if row.verdict.agrees else "NO"])
        groups.append(rows)
    most = max(ours.most for ours in one.ours.values())
    caption = (
        f"{one.setting.name}: seconds for an answer with the accuracy of so many trials, and how many times as long as "
        "this package the peer takes: to the accuracy of 1,000 trials, and for each simulated trial; this package's "
        f"simulations are timed at each size, and the last ratio is to its rate with {most:,} trials"
    )
    return TextTable(header, groups, words=frozenset({len(header) - 1}), caption=caption)


def _by_accuracy(each: float) -> list[str]:
    return [seconds(trials * each) for trials in ACCURACIES]


def agreement(one: Comparison) -> TextTable:
    """How far the peers' answers are from the exact ones."""
    header = ["peer", "trials", "numbers compared", "largest |z|", "p, all answers", "would be noticed"]
    header += ["furthest apart", "agrees"]
    rows = []
    for row in one.beside:
        found = row.verdict
        rows.append(
            [
                row.contender.name,
                "exact" if row.answer.trials is None else f"{row.answer.trials:,}",
                str(found.numbers),
                "" if found.max_abs_z is None else f"{found.max_abs_z:.2f}",
                "" if found.p_value is None else f"{found.p_value:.2g}",
                "" if row.noticed is None else f"{row.noticed:.2g}",
                f"{found.worst}: {found.theirs:.4g}, exactly {found.exact:.4g}",
                "yes" if found.agrees else "NO",
            ]
        )
    caption = (
        f"{one.setting.name}: the peers' answers beside exact ones under the same rules; how large an error of a "
        "selection probability near one half would be noticed"
    )
    return TextTable(header, [rows], words=frozenset({6, 7}), caption=caption)


def conclusions(one: Comparison) -> list[str]:
    """What the numbers say."""
    said = []
    for rules in one.rules:
        ours = one.ours[rules.name]
        fair = _fair(one, rules)
        simulating = [row for row in fair if row.answer.trials is not None]
        if simulating:
            quickest = min(simulating, key=lambda row: row.seconds_per_trial or 0.0)
            said.append(
                f"{rules.name}: an exact answer takes {seconds(ours.exact.seconds)} s. The quickest peer that agrees, "
                f"{quickest.contender.name}, takes {_longer(quickest.times_exact(ours, 1_000))} that for 1,000 trials, "
                f"{_longer(quickest.times_exact(ours, 100_000))} that for the accuracy of 100,000, and "
                f"{_longer(quickest.times_simulated(ours))} what this package takes for a simulated trial."
            )
        said += [
            f"{rules.name}: {row.contender.name} is exact, too, and takes {_longer(row.times_exact(ours, 1))} the time."
            for row in fair
            if row.answer.trials is None
        ]
    for row in one.beside:
        if not row.verdict.agrees:
            found = row.verdict
            said.append(
                f"{row.contender.name} does not agree with the rules that it is beside: {found.worst} is "
                f"{found.theirs:.4g} by it and {found.exact:.4g} exactly. Its speed does not count."
            )
    simulating = [row for row in one.beside if row.answer.trials is not None]
    if simulating:
        fewest = min(simulating, key=lambda row: row.answer.trials or 0)
        said.append(
            f"The fewest trials compared are {fewest.answer.trials:,}, by {fewest.contender.name}: there a selection "
            f"probability near one half is seen to differ when it is off by {fewest.noticed:.2f} or more."
        )
    with_z = [(row.verdict.max_abs_z, row) for row in one.beside if row.verdict.max_abs_z is not None]
    if with_z:
        z, row = max(with_z, key=lambda pair: pair[0])
        said.append(
            f"The largest |z| of this setting is {z:.2f}, by {row.contender.name}; over all numbers of all answers its "
            f"p is {familywise(p_of(z), row.verdict.numbers):.2g}."
        )
    agreeing = sum(row.verdict.agrees for row in one.beside)
    said.append(f"{agreeing} of {count(len(one.beside), 'answer')} by peers agree with the exact ones.")
    return said


def headlines(compared: Sequence[Comparison]) -> list[Headline]:
    """An exact answer beside the peers that agree, where `HEADLINES` says."""
    found = []
    by_setting = {one.setting.name: one for one in compared}
    for name, rules in HEADLINES:
        one = by_setting.get(name)
        fair = [] if one is None else _fair(one, rules)
        if one is not None and fair:
            ours = one.ours[rules.name]
            found.append(
                Headline(
                    f"{name}, {rules.name}, exact operating characteristics",
                    duration(ours.exact.seconds),
                    _beside(fair, ours),
                )
            )
    return found


def _fair(one: Comparison, rules: Rules) -> list[Beside]:
    """The peers that follow some rules and agree."""
    return [row for row in one.beside if row.contender.rules is rules and row.verdict.agrees]


def _beside(fair: Sequence[Beside], ours: Ours) -> str:
    """How many times as long as our exact answer each peer takes, the quickest first; exact ones last."""
    rows = sorted(fair, key=lambda row: row.times_exact(ours, 10_000))
    told = {
        row.contender.name: f"{row.contender.name} takes {_longer(row.times_exact(ours, 10_000))} as long"
        for row in rows
    }
    simulating = "; ".join(told[row.contender.name] for row in rows if row.answer.trials is not None)
    return "; ".join(
        [
            *([f"for the accuracy of 10,000 trials {simulating}"] if simulating else []),
            *(f"exact peer: {told[row.contender.name]}" for row in rows if row.answer.trials is None),
        ]
    )


def seconds(time: float) -> str:
    """Seconds with three digits."""
    return f"{time:,.0f}" if time >= 99.95 else f"{time:.3g}"


def times_as_long(ratio: float) -> str:
    """A ratio with two digits."""
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.2g}"


def _longer(ratio: float) -> str:
    return f"{times_as_long(ratio)} times"
