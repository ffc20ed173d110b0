"""How long a user waits before anything is computed: import, --help, the first run ever and the next."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import ONCE, Effort, Measurement, Task, measure
from benchmarks.programs import modules_loaded
from benchmarks.section import Headline, Scale, Section
from benchmarks.units import duration
from escalation.defaults import TRIALS
from escalation.report.blocks import Block, Heading, Lines, TextTable

HEAVY = ("numpy", "scipy", "numba", "pydantic", "rich", "matplotlib", "jinja2")
"""Packages that take long to import."""

OFTEN = Effort(rounds=5, values=1, shortest=0.0)
SELDOM = Effort(rounds=3, values=1, shortest=0.0)
"""For the first run ever, which compiles for many seconds."""

BARE, NUMBA, HELP = "bare Python", "import numba", "escalation --help"
FIRST, NEXT, WORK = "first run ever", "next run", "its work alone"

PROGRAMS = {
    BARE: ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    NUMBA: ["-c", "import numba"],
    "import escalation": ["-c", "import escalation"],
    "import its engines": ["-c", "from escalation import exact, simulate"],
    HELP: ["-m", "escalation", "--help"],
}

SMALL_PROGRAMS = (BARE, NUMBA, HELP)


@dataclass(frozen=True)
class Job:
    """A run of a scenario.

    Attributes
    ----------
    scenario : str
        File name.
    designs : tuple of str
        All if empty.
    trials : int
    exact : bool
    """

    scenario: str
    designs: tuple[str, ...] = ()
    trials: int = TRIALS
    exact: bool = True

    @property
    def program(self) -> list[str]:
        """What Python is called with."""
        chosen = [part for design in self.designs for part in ("--design", design)]
        if self.trials != TRIALS:
            chosen += ["--trials", str(self.trials)]
        if not self.exact:
            chosen.append("--no-exact")
        return ["-m", "escalation", "run", f"scenarios/{self.scenario}", *chosen]

    @property
    def command(self) -> str:
        """What a user types."""
        return " ".join(["escalation", *self.program[2:]])


USUAL = Job("lucar-dks1.toml")
SMALL = Job("tak-007.toml", ("monitoring",), trials=100, exact=False)
"""Few kernels are compiled for it."""


@dataclass(frozen=True)
class Kernels:
    """What is in a folder of compiled kernels.

    Attributes
    ----------
    functions, signatures : int
        Compiled functions, and versions of them for different types of arguments: each is a compilation.
    """

    functions: int
    signatures: int


def section(scale: Scale) -> Section:
    """Start-up in seconds, and in counts that do not depend on the machine."""
    job = SMALL if scale.small else USUAL
    often, seldom = (ONCE, ONCE) if scale.small else (OFTEN, SELDOM)
    with tempfile.TemporaryDirectory() as folder:
        first = Task(FIRST, "benchmarks.programs:prepare", {"program": job.program, "fresh_in": folder}, own_clock=True)
        measured = measure([first], seldom, scale.told)
        # The next run finds what a first run has left.
        kernels = str(min(Path(folder).iterdir()))
        programs = {name: PROGRAMS[name] for name in (SMALL_PROGRAMS if scale.small else PROGRAMS)} | {
            NEXT: job.program
        }
        tasks = [
            Task(name, "benchmarks.programs:prepare", {"program": program, "kernels": kernels}, own_clock=True)
            for name, program in programs.items()
        ]
        tasks.append(Task(WORK, "benchmarks.startup:scenario_work", asdict(job)))
        measured |= measure(tasks, often, scale.told)
        scale.told("what is imported")
        modules = {name: modules_loaded(program, kernels) for name, program in programs.items()}
        compiled = compiled_in(Path(kernels))
    blocks: list[Block] = [
        Heading("Start-up"),
        Lines(_introduction(job)),
        _table(measured, modules),
        Lines(*in_words(measured, modules, compiled), listed=True),
    ]
    return Section(blocks, tuple(_headlines(job, measured)))


def scenario_work(**job: Any) -> Callable[[], object]:
    """The work of a job, in a process that has loaded everything."""
    from benchmarks.settings import SCENARIOS
    from escalation import load_scenario
    from escalation.studies.run import run

    scenario = load_scenario(SCENARIOS / job.pop("scenario"))
    return lambda: run(scenario, **job)


def compiled_in(folder: Path) -> Kernels:
    """Count what is kept, a file for each signature of a function."""
    kept = [path.name for path in folder.rglob("*.kernel")]
    return Kernels(len({name.partition(".")[0] for name in kept}), len(kept))


def heavy(modules: set[str]) -> list[str]:
    """The heavy packages among modules."""
    packages = {module.partition(".")[0] for module in modules}
    return [package for package in HEAVY if package in packages]


def _introduction(job: Job) -> str:
    return (
        "Programs from their start to their end, each as a process of its own; medians. The first run ever finds no "
        f"compiled kernels, the next one those of the first; both are “{job.command}”. Its work alone is the same "
        "scenario, run in a process that has loaded everything. Modules are those that are imported, Python's own "
        "included."
    )


def _table(measured: dict[str, Measurement], modules: dict[str, set[str]]) -> TextTable:
    header = ["program", "time", "±", "times bare Python", "modules", "heavy packages"]
    rows = []
    for name in [name for name in (*PROGRAMS, FIRST, NEXT, WORK) if name in measured]:
        one, loaded = measured[name], modules.get(name)
        spread = f"{100 * one.spread:.0f} %" if len(one.rounds) > 1 else ""
        counts = ("", "") if loaded is None else (f"{len(loaded):,}", ", ".join(heavy(loaded)) or "none")
        rows.append([name, duration(one.seconds), spread, f"{one.seconds / measured[BARE].seconds:.1f}", *counts])
    return TextTable(header, [rows], words=frozenset({5}), caption="Start-up; ± is half of the range over the rounds.")


def in_words(measured: dict[str, Measurement], modules: dict[str, set[str]], compiled: Kernels) -> Iterator[str]:
    """What the numbers say."""
    first, following, work = (measured[name].seconds for name in (FIRST, NEXT, WORK))
    loaded = heavy(modules[HELP])
    yield (
        f"{HELP} imports {len(modules[HELP])} modules, {len(modules[HELP] - modules[BARE])} more than bare Python; "
        + (f"of the heavy packages it waits for {', '.join(loaded)}." if loaded else "it waits for no heavy package.")
    )
    yield (
        f"The first run ever compiles {compiled.functions} kernels for {compiled.signatures} signatures"
        + ("" if compiled.functions == compiled.signatures else ": some of them more than once")
        + f". It takes {duration(max(first - following, 0))} longer than the next."
    )
    yield (
        f"Of the next run's {duration(following)}, {duration(work)} are work ({100 * work / following:.0f} %); the "
        f"import of numba alone takes {duration(measured[NUMBA].seconds)}."
    )


def _headlines(job: Job, measured: dict[str, Measurement]) -> Iterator[Headline]:
    bare = duration(measured[BARE].seconds)
    yield Headline(HELP, duration(measured[HELP].seconds), f"{bare} for Python that does nothing")
    yield Headline(
        f"{job.command}: all designs and truths, exact and simulated",
        duration(measured[NEXT].seconds),
        f"{duration(measured[FIRST].seconds)} the first time ever, when it compiles",
    )
