"""Beside the packages that a user would pick instead: seconds, and whether the answers are the same.

Peers are not dependencies of the project. What is installed is timed, in turns with this package on the same machine;
what is not is named, with the line that installs it.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measuring import ONCE, Task, measure
from benchmarks.peers.answers import PeerError, ask, installed, pooled, why_not
from benchmarks.peers.comparison import Beside, Comparison, Ours
from benchmarks.peers.contenders import BOIN_RULES, CONTENDERS, PEERS, RULES, Contender, Rules, Setting, settings
from benchmarks.peers.csv_file import to_csv
from benchmarks.peers.page import ACCURACIES, blocks, headlines
from benchmarks.peers.timed import answers_in
from benchmarks.peers.verdicts import verdict
from benchmarks.section import Scale, Section
from escalation import exact
from escalation.report.blocks import Lines

ROUNDS = 3

FEWEST_TRIALS = 2
"""dfcrm tells of a single trial in another form."""

SMALL_SETTING, SMALL_RULES, SMALL_TRIALS = "a single dose", BOIN_RULES, 10

CSV = "peers.csv"


def section(scale: Scale) -> Section:
    """What the command `peers` finds."""
    scale.told("which peers are installed")
    versions = installed()
    skipped = [why_not(peer) for peer in PEERS if peer.name not in versions]
    failures: list[str] = []
    compared = []
    for setting in settings().values():
        fitting = [one for one in CONTENDERS if setting.name in one.trials]
        if scale.small:
            fitting = [one for one in fitting if setting.name == SMALL_SETTING and one.rules is SMALL_RULES]
        rules = [one for one in RULES if any(contender.rules is one for contender in fitting)]
        answering, silent = _first_calls([one for one in fitting if one.peer.name in versions], setting, scale)
        failures += silent
        if rules:
            compared.append(_compared(setting, rules, answering, scale))
    page = [*blocks(compared, versions, skipped, failures), Lines(f"File: {CSV} (the numbers).")]
    return Section(page, headlines(compared), files={CSV: to_csv(compared)})


def _first_calls(contenders: Sequence[Contender], setting: Setting, scale: Scale) -> tuple[list[Contender], list[str]]:
    """Those that answer in a setting, and what the others say."""
    answering, silent = [], []
    for contender in contenders:
        scale.told(f"{contender.name}, {setting.name}, a first call")
        try:
            ask(contender, setting, trials=FEWEST_TRIALS, seed=1)
        except PeerError as error:
            silent.append(f"{contender.name} gives no answer for {setting.name}; it says: {error}")
        else:
            answering.append(contender)
    return answering, silent


def _compared(setting: Setting, rules: Sequence[Rules], contenders: Sequence[Contender], scale: Scale) -> Comparison:
    """Time ours and the peers in turns, and compare the answers."""
    trials = {one.name: SMALL_TRIALS if scale.small else one.trials[setting.name] for one in contenders}
    own_trials = (SMALL_TRIALS,) if scale.small else ACCURACIES
    effort = scale.effort if scale.effort is ONCE else replace(scale.effort, rounds=ROUNDS, values=1)
    with tempfile.TemporaryDirectory() as root:
        folders = {one.name: Path(tempfile.mkdtemp(dir=root)) for one in contenders}
        tasks = [
            *(_exact_task(one, setting) for one in rules),
            *(_simulated_task(one, setting, size) for one in rules for size in own_trials),
            *(_peer_task(one, setting, trials[one.name], folders[one.name]) for one in contenders),
        ]
        measured = measure(tasks, effort, scale.told)
        answers = {one.name: pooled(answers_in(folders[one.name])) for one in contenders}
    ours, outcomes = {}, {}
    for one in rules:
        simulated = {size: measured[_simulated_task(one, setting, size).name] for size in own_trials}
        ours[one.name] = Ours(measured[_exact_task(one, setting).name], simulated)
        outcomes[one.name] = exact(one.design(setting), setting.trial).outcomes(setting.rates)
    beside = [
        Beside(
            one,
            answers[one.name],
            trials[one.name],
            measured[_peer_task(one, setting, 0, Path()).name],
            verdict(outcomes[one.rules.name], answers[one.name]),
        )
        for one in contenders
    ]
    return Comparison(setting, list(rules), ours, beside)


def _exact_task(rules: Rules, setting: Setting) -> Task:
    return Task(
        f"{rules.name}, exact, {setting.name}",
        "benchmarks.peers.timed:exactly",
        {"rules": rules.name, "setting": setting.name},
    )


def _simulated_task(rules: Rules, setting: Setting, trials: int) -> Task:
    return Task(
        f"{rules.name}, {trials:,} trials, {setting.name}",
        "benchmarks.peers.timed:simulated",
        {"rules": rules.name, "setting": setting.name, "trials": trials},
    )


def _peer_task(contender: Contender, setting: Setting, trials: int, folder: Path) -> Task:
    return Task(
        f"{contender.name}, {setting.name}",
        "benchmarks.peers.timed:by_peer",
        {"contender": contender.name, "setting": setting.name, "trials": trials, "folder": str(folder)},
        own_clock=True,
    )
