"""Sweeps: exact means of designs at every setting of a grid, under many truths, in one file.

Settings are worked out one by one, under all truths, by whatever executor there is; what is sent is the design, its
trial and how to come by the truths, and what comes back are the numbers. A journal keeps what is finished.
"""

import json
import math
import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from escalation.characteristics.many_responses import response_means, response_names
from escalation.characteristics.many_truths import Expectations, expectations
from escalation.defaults import EXACT_SECONDS, SWEEP_STATES
from escalation.designs import REGISTRY, Design
from escalation.engines.allowance import Allowance
from escalation.engines.optimal import exact_choice
from escalation.engines.outcomes import DURATION
from escalation.errors import GridError, JournalError, MissingPackageError, OutputError, StateSpaceError, brief
from escalation.files import check_writable, whole_file
from escalation.names import MOST_LISTED, suggestion
from escalation.numbers import quantile
from escalation.scenario.grid import Grid, Setting
from escalation.scenario.truths.sets import DRAWN, SOURCES, TruthSet, TruthSource
from escalation.studies.evaluate import as_answered
from escalation.studies.one_design import endings_within
from escalation.studies.sweep_table import SUMMARIES, Floats, Found, columns_of, from_bytes, part_of, to_bytes
from escalation.studies.work.journal import Journal, journal
from escalation.studies.work.options import Progress, silent
from escalation.studies.work.pieces import BY_EXPOSURE, EVALUATION, by_responses
from escalation.studies.work.refusal import Refused
from escalation.tidy import CsvFile, ParquetFile
from escalation.trial.calendar import Calendar
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial
from escalation.version import __version__

MOST_OF_A_SETTING = 10_000_000
"""Numbers that a setting may have: the 80 MB that are sent back at once."""

MOST_NUMBERS = 1_000_000_000
"""Numbers that a sweep may have: 8 GB in its journal, and as much again in its file."""

TABLES: dict[str, type[CsvFile | ParquetFile]] = {".csv": CsvFile, ".parquet": ParquetFile}
"""By the ending of a file."""

OF_THE_FILE = TruthSource()
"""All truths of the scenario."""


@dataclass(frozen=True)
class Sweep:
    """What is to be worked out; nothing is until `write_sweep`.

    Parameters
    ----------
    grid : Grid
    truths : TruthSource
    quantities : tuple of str
        Names, without the number of a dose for those of all doses; all when empty.
    summary : bool
        Whether quantities are summed up over truths, instead of one number for each.
    max_states, max_seconds : int, float
        The exact engine refuses a setting that may have more states, or would take longer by estimate.
    max_memory : float, optional
        GB that all settings which are worked out at once may take, by estimate; by default half of what there is.

    Raises
    ------
    GridError
        A ValueError: an unknown quantity or source of truths.
    """

    grid: Grid
    truths: TruthSource = OF_THE_FILE
    quantities: tuple[str, ...] = ()
    summary: bool = False
    max_states: int = SWEEP_STATES
    max_seconds: float = EXACT_SECONDS
    max_memory: float | None = None

    def __post_init__(self) -> None:
        if self.truths.source not in SOURCES:
            raise GridError(f"truths: {self.truths.source!r} should be one of {', '.join(SOURCES)}")

    @property
    def allowance(self) -> Allowance:
        """What a setting may take."""
        return Allowance(self.max_states, self.max_seconds, self.max_memory, at_once=os.cpu_count() or 1)

    @property
    def digested(self) -> dict[str, str]:
        """All that determines the numbers, but for the package itself; by name."""
        grid = self.grid
        return {
            "the scenario": grid.scenario.model_dump_json(),
            "the grid": json.dumps([list(grid.values.items()), grid.labels], default=str),
            "the truths": json.dumps(vars(self.truths)),
            "the quantities": json.dumps([self.quantities, self.summary]),
            "the states and seconds allowed": json.dumps([self.max_states, self.max_seconds]),
        }

    def check(self) -> None:
        """Look at every setting before any is worked out, some 20 microseconds each, and refuse what is wrong."""
        if self.truths.source in DRAWN:
            replace(self.truths, count=min(self.truths.count, 1)).made(self.grid.scenario.trial)
        numbers = 0
        size: dict[tuple[Any, ...], int] = {}
        known: dict[str, None] = {}
        for setting in self.grid:
            trial = setting.trial
            chooses = setting.design.chooses_optimal_dose
            key = trial.levels, trial.target, trial.time is not None, trial.efficacy, chooses
            if key not in size:
                truths, every = len(self.names(setting)), self.quantities_of(setting)
                wanted = sum(is_wanted(name, self.quantities) for name in every)
                size[key] = wanted * (len(SUMMARIES) if self.summary else truths)
                known |= dict.fromkeys(every)
            numbers += size[key]
        stems = dict.fromkeys(map(_stem, known))
        of_responses = dict.fromkeys(response_names(1, chooses=True))
        for name in self.quantities:
            if name not in known and name not in stems:
                if name in of_responses or _stem(name) in map(_stem, of_responses):
                    raise GridError(
                        f"quantity '{brief(name)}': no setting has it: its truths have no responses, or no design "
                        "chooses an optimal dose"
                    )
                near = suggestion(name, [*stems, *known])
                raise GridError(f"quantity '{brief(name)}': unknown{near}; there are {', '.join(stems)}")
        for found, limit, what in (
            (max(size.values()), MOST_OF_A_SETTING, "in a setting"),
            (numbers, MOST_NUMBERS, "in all"),
        ):
            if found > limit:
                raise GridError(
                    f"{found:,} numbers {what}; at most {limit:,} are possible: --summary (in Python summary=True) has "
                    "five of a quantity instead of one for each truth, and fewer quantities or truths have fewer"
                )

    def questions(self, numbers: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        """What `find` needs for some settings, one at a time."""
        sent: dict[tuple[float, Efficacy | None], TruthSet] = {}
        for number in numbers:
            setting = self.grid[number]
            truths: TruthSource | TruthSet = self.truths
            if self.truths.source == "scenario":
                judged = setting.trial.target, setting.trial.efficacy  # which doses are correct, and optimal
                if judged not in sent:
                    sent = {judged: self.truths.of(self.grid.scenario, setting.trial)}
                truths = sent[judged]
            yield setting.design, setting.trial, truths, self.quantities, self.summary, self.allowance

    def names(self, setting: Setting) -> tuple[str, ...]:
        """The names of the truths of a setting."""
        return self.truths.names_for(self.grid.scenario, setting.trial)

    def quantities_of(self, setting: Setting) -> tuple[str, ...]:
        """The names of all quantities of a setting: with responses where its truths have them."""
        trial = setting.trial
        names = names_of(trial.levels, trial.time is not None)
        if not self.truths.has_responses(self.grid.scenario, trial):
            return names
        return (*names, *response_names(trial.levels, chooses=setting.design.chooses_optimal_dose))


def is_wanted(name: str, quantities: Collection[str]) -> bool:
    """Whether a quantity is among those asked for."""
    return not quantities or name in quantities or _stem(name) in quantities


def _stem(name: str) -> str:
    """The name of a quantity without the number of a dose."""
    return name.partition(".")[0]


@lru_cache(maxsize=64)
def names_of(levels: int, timed: bool) -> tuple[str, ...]:
    """The quantities of a trial with so many dose levels, with or without a calendar, but for those of responses."""
    time = {"dlt_window_days": 1, "time": Calendar(accrual_per_month=1)} if timed else {}
    trial = Trial(doses=range(1, levels + 1), target=0.5, max_patients=1, cohort_size=1, **time)
    truth, dose = np.ones(0), np.ones((0, levels))
    over, stops = (truth, truth), (truth, truth, truth)
    nothing = Expectations(trial, dose, dose > 1, dose, truth, dose, dose, *over, *stops, truth, truth)
    return tuple(nothing.by_quantity())


def find(
    design: Design,
    trial: Trial,
    truths: TruthSource | TruthSet,
    quantities: Collection[str],
    summary: bool,
    allowance: Allowance,
) -> Found:
    """Work out a setting, wherever this runs."""
    if design.chooses_by_exposure:
        raise StateSpaceError(BY_EXPOSURE)
    judged = truths.made(trial) if isinstance(truths, TruthSource) else truths
    # Nothing is kept for another setting, which has other trials.
    allowed = replace(allowance, evaluation=len(judged) * EVALUATION)
    if design.looks_at_responses:
        means = by_responses(design, trial, judged, replace(allowance, designs=allowance.designs * len(judged)))
        return _found(means, judged, quantities, summary)
    timed = is_wanted(DURATION, quantities)  # it takes another enumeration
    endings = endings_within(design, trial, None, allowed)
    means = expectations(endings, judged.rates, judged.correct, timed=timed)
    names = response_names(trial.levels, chooses=design.chooses_optimal_dose)
    asked = {name for name in names if is_wanted(name, quantities)}
    if asked and judged.joint is not None and judged.obd is not None:
        of_choice = asked.difference(response_names(trial.levels, chooses=False))
        plan = design.choice_plan(trial) if of_choice else None
        choice = None if plan is None else exact_choice(endings, plan, allowed.seconds_each, len(judged))
        told = judged.joint, judged.obd, judged.correct, (means.patients, means.dlts)
        means = replace(means, responses=response_means(endings, *told, choice))
    return _found(means, judged, quantities, summary)


def _found(means: Expectations, judged: TruthSet, quantities: Collection[str], summary: bool) -> Found:
    """What is asked for of a setting's means."""
    wanted = {name: value for name, value in means.by_quantity().items() if is_wanted(name, quantities)}
    values = np.array(list(wanted.values())).reshape(len(wanted), len(judged))  # of a dose that another trial has: none
    return Found(tuple(wanted), summed_up(values) if summary else values)


def summed_up(values: Floats) -> Floats:
    """The SUMMARIES of each row, float64[Q, 5], over the truths that have a number; NaN where none has."""
    return np.array([_summed_up(row[~np.isnan(row)]) for row in values]).reshape(len(values), len(SUMMARIES))


def _summed_up(row: Floats) -> list[float]:
    if len(row) == 0:
        return [math.nan] * len(SUMMARIES)
    low, high = quantile(row, 0.05), quantile(row, 0.95)
    return [float(number) for number in (row.mean(), row.min(), low, high, row.max())]


@dataclass(frozen=True)
class Swept:
    """What became of a sweep, by numbers of settings."""

    settings: int
    resumed: int  # that an earlier run had finished
    refused: int  # by the exact engine
    refusals: tuple[str, ...]  # the first MOST_LISTED of these, and why

    @property
    def refusal(self) -> str | None:
        """The first of them."""
        return next(iter(self.refusals), None)


def journal_of(output: Path) -> Path:
    """Where the finished settings of a sweep are kept until its file is written."""
    return output.with_name(f"{output.name}.partial")


def check_output(output: Path) -> None:
    """Refuse a file that could not be written, before any work is done."""
    if output.suffix not in TABLES:
        raise OutputError(f"{output}: the name should end in {' or '.join(TABLES)}")
    check_writable(output)
    if output.exists() and not output.is_file():
        raise OutputError(f"{output}: cannot be written: it is no ordinary file")
    if output.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError as missing:
            raise MissingPackageError(f"{output}: needs {missing.name}: pip install 'escalation[sweep]'") from None
        except ImportError as broken:
            raise MissingPackageError(f"{output}: pyarrow cannot be imported: {broken}") from None


def write_sweep(
    sweep: Sweep,
    output: str | Path,
    *,
    executor: Executor | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> Swept:
    """Work out a sweep and write it to a file.

    Each setting that is finished is kept in a file beside the output, with `.partial` after its name, until the output
    is there, whole.

    Parameters
    ----------
    sweep : Sweep
    output : path
        Ends in .csv or .parquet.
    executor : concurrent.futures.Executor, optional
        What works out the settings: threads of this process by default. The file is the same whatever does.
    resume : bool
        Whether to go on with what an interrupted run has finished; where there is nothing, all is worked out.
    progress : function, optional
        Shows it; see `studies.work.options.silent`. A step is a setting.

    Raises
    ------
    ScenarioError
        A ValueError: a setting is not possible.
    GridError
        A ValueError: a quantity is unknown, a setting has no truths, or there are too many numbers.
    JournalError
        What is kept is of another sweep, damaged, in use, or not to be gone on with.
    OutputError, MissingPackageError
        The file cannot be written; what is finished is kept.

    Examples
    --------
    >>> import tempfile
    >>> from escalation import Sweep, grid
    >>> from escalation.scenario.file import parse_scenario
    >>> scenario = parse_scenario({
    ...     "name": "example", "trial": {"doses": [1, 2], "target": 0.25, "max_patients": 12},
    ...     "design": [{"kind": "boin"}], "truth": [{"name": "t", "dlt_rates": [0.1, 0.3]}]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "sweep.csv"
    ...     found = write_sweep(Sweep(grid(scenario, {"trial.max_patients": [12, 18]}), quantities=("pcs",)), file)
    ...     rows = file.read_text().splitlines()
    >>> found.settings, len(rows)
    (2, 3)
    >>> rows[0]
    'design,trial.max_patients,truth,quantity,value'
    """
    output = Path(output)
    check_output(output)
    sweep.check()
    own = [label for label in sweep.grid.labels if type(sweep.grid.scenario.designs[label]) not in REGISTRY.values()]
    if resume and own:
        raise JournalError(
            f"{journal_of(output)}: cannot be gone on with: the rule of '{own[0]}' may be another now; delete it to "
            "begin anew"
        )
    parts = {"the version of the package": __version__, **sweep.digested}
    with journal(journal_of(output), parts, resume=resume) as kept, progress(len(sweep.grid), "settings") as step:
        before = kept.numbers(partial(_is_right, sweep))
        for _ in before:
            step()
        numbers = [number for number in range(len(sweep.grid)) if number not in before]
        for place, found in as_answered(find, sweep.questions(numbers), executor):
            kept.keep(numbers[place], to_bytes(found))
            step()
        refused, refusals = _write(sweep, kept, output)
    journal_of(output).unlink(missing_ok=True)  # a run that went on with it just now has removed it
    return Swept(len(sweep.grid), len(before), refused, refusals)


def _is_right(sweep: Sweep, number: int, content: bytes) -> bool:
    """Whether what is kept of a setting has the quantities and truths that the sweep asks for."""
    try:
        setting, found = sweep.grid[number], from_bytes(content)
    except (IndexError, ValueError, TypeError, RecursionError):
        return False
    if isinstance(found, Refused):
        return True
    wanted = tuple(name for name in sweep.quantities_of(setting) if is_wanted(name, sweep.quantities))
    columns = len(SUMMARIES) if sweep.summary else len(sweep.names(setting))
    return found.quantities == wanted and found.values.shape == (len(wanted), columns if wanted else 0)


def _write(sweep: Sweep, kept: Journal, output: Path) -> tuple[int, tuple[str, ...]]:
    """Write the file; how many settings were refused, and the first of them."""
    refused, refusals = 0, list[str]()
    with whole_file(output) as file:
        columns = columns_of(sweep.grid, summary=sweep.summary)
        table = TABLES[output.suffix](file, columns)
        for number, content in kept.contents():
            setting, found = sweep.grid[number], from_bytes(content)
            if isinstance(found, Refused):
                refused += 1
                refusals += [f"{setting.name}: {found.reason}"] * (refused <= MOST_LISTED)
            table.add(part_of(columns, setting, sweep.names(setting), found, summary=sweep.summary))
        table.end()
    return refused, tuple(refusals)
