"""The shape of the house, held by checks; each check is shown to fail on a house that is out of shape."""

import ast
import json
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import escalation
from escalation import kernels as machine
from escalation.kernels import codes
from escalation.scenario.file import load_scenario
from escalation.studies.run import run

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "escalation"


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_contract():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout
    assert "1 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("plans/table.py", "import escalation.studies.run"),
        ("engines/exact.py", "import escalation.designs.boin"),
        ("designs/boin.py", "import escalation.engines.outcomes"),
        ("kernels/selection.py", "import escalation.errors"),
        ("another_room.py", "import escalation.trial.trial"),
    ],
)
def test_import_contract_can_fail(tmp_path, file, line):
    """Also by a module that has no floor."""
    for path in [*PACKAGE.rglob("*.py")]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    target = tmp_path / "escalation" / file
    target.write_text(f"{target.read_text() if target.exists() else ''}\n{line}\n")
    assert lint_imports(tmp_path).returncode == 1


def imported(source: str) -> set[str]:
    """Packages that a module imports."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in names}


def test_only_kernels_import_numba():
    found = {path for path in PACKAGE.rglob("*.py") if "numba" in imported(path.read_text())}
    assert {path.parent.name for path in found} == {"kernels"}
    assert imported("from numba import njit") == imported("import numba.core") == {"numba"}


def test_every_room_says_what_it_is_for():
    for room in PACKAGE.rglob("__init__.py"):
        words = ast.get_docstring(ast.parse(room.read_text()))
        assert words, room
        assert words.splitlines()[0].endswith("."), room


def bare_compilers(source: str) -> list[str]:
    """Names of numba's compilers that a module mentions."""
    tree = ast.parse(source)
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return sorted(names & {"njit", "jit", "vectorize", "guvectorize", "jitclass", "prange"})


def test_one_place_compiles():
    found = {path.name: bare_compilers(path.read_text()) for path in PACKAGE.rglob("*.py")}
    assert {name for name, compilers in found.items() if compilers} == {"jit.py"}
    assert bare_compilers("import numba\n@numba.njit\ndef f(): ...") == ["njit"]
    assert bare_compilers("from numba import prange\nfor i in prange(3): ...") == ["prange"]


def kernels() -> dict[str, object]:
    """Every compiled function, by its module and name."""
    modules = [import_module(f"{machine.__name__}.{found.name}") for found in pkgutil.iter_modules(machine.__path__)]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if hasattr(value, "signatures") and value.py_func.__module__ == module.__name__
    }


ENTRY_POINTS = {
    "distributions.tally",
    "endings.count_nodes",
    "endings.ending_probabilities",
    "endings.grow_tree",
    "exact_curves.settle_curves",
    "exact_joint.treat_cohorts",
    "exact_joint.unpack_endings",
    "exact_states.merge_children",
    "exact_states.next_sizes",
    "exact_states.unpack",
    "exact_steps.treat_one_more",
    "exact_tables.settle_table",
    "exact_times.follow_days",
    "exposure.choose_by_exposure",
    "joint.closest_of_each",
    "joint.run_joint_trials",
    "late_onset.run_late_onset_trials",
    "many_truths.expected_counts",
    "optimal.add_over_responses",
    "optimal.choose_by_scores",
    "optimal.choose_in_trials",
    "optimal.count_responses",
    "optimal.decide_on_responses",
    "optimal.follow_responses",
    "randomised.compare_doses",
    "selection.recommend_highest",
    "selection.recommend_isotonic",
    "simulated_expansions.run_expansions",
    "simulated_curves.run_curve_trials",
    "simulated_tables.run_table_trials",
}


KERNELS = 118
"""Compiled for the shipped scenarios under one truth and many, a clock, responses and exposures, for designs that do
not wait and for those that look at responses.

Those called by kernels are included.

Each more is a wait at the first run.
"""

TWICE = {"clock.day_of_event": 2}
"""It reads the clock of DLTs and that of responses, which are of two kinds."""

MAIN_JOB = """
import json, sys
from escalation import InterimData, Scenario, Trial, load_scenario, run, scenario_truths, simulate, worst_cases
from escalation.engines.allowance import Allowance
from escalation.engines.durations import with_days
from escalation.engines.exact import enumerate_endings
from escalation import BOIN, BOIN12, CRM, MTPI2, Efficacy, Keyboard, Scenario, ThreePlusThree, Truth
from escalation.plans.clock import Clock, Onset
from escalation.running.start import start_of
from escalation.studies.work.pieces import exact_expectations
from escalation.trial.calendar import Calendar
from tests.test_architecture import kernels
for path in sys.argv[1:]:
    scenario = load_scenario(path)
    run(scenario, trials=1500)
    calendar = {"accrual_per_month": 2.0}
    timed_trial = scenario.trial.model_copy(update={"time": Calendar(**calendar), "dlt_window_days": 28.0})
    for design in scenario.design:
        simulate(design, timed_trial, scenario.truth[0].dlt_rates, trials=10)
    for design in scenario.design:
        if design.is_late_onset:
            continue
        exact_expectations(design, scenario.trial, scenario_truths(scenario))
        begun = InterimData.of("1N", scenario.trial)
        simulate(design, scenario.trial, scenario.truth[0].dlt_rates, trials=10, after=begun)
        for onset in (Onset("uniform", 28), Onset("weibull", 28, 0.5)):
            clock = Clock(10, "poisson", "wait", 28, 7, onset)
            start = start_of(design, scenario.trial, None)
            timed = with_days(enumerate_endings(start, Allowance()), start, Allowance(), clock)
            timed.duration(scenario_truths(scenario).rates[0])
    worst_cases(scenario)
asked = {"rule": "target_probability", "interval": (0.2, 0.3), "at_least": 0.9, "posterior": "model"}
weighed = CRM(half_width=0.05, prior_mtd=2, stop_when=asked, pending={"rule": "weigh", "weights": "adaptive"})
late = [
    BOIN(pending={"rule": "weigh"}),
    Keyboard(pending={"rule": "weigh"}),
    ThreePlusThree(pending={"rule": "roll"}),
    MTPI2(pending={"rule": "predict"}),
    weighed,
]
for design in late:
    for more in ({}, {"inevaluable": 0.2, "gap_days": [7], "while_closed": "lost"}):
        trial = Trial(
            doses=[1, 2, 3], target=0.25, max_patients=18, dlt_window_days=28, time={"accrual_per_month": 4, **more}
        )
        simulate(design, trial, [0.1, 0.2, 0.4], trials=200)
    for onset in ({}, {"kind": "weibull", "late_share": 0.6}):
        time = {"accrual_per_month": 2, "arrivals": "fixed", "while_closed": "lost", "onset": onset}
        trial = Trial(doses=[1, 2, 3], target=0.25, max_patients=18, dlt_window_days=28, time=time)
        truth = [{"name": "a", "dlt_rates": [0.1, 0.2, 0.4]}]
        run(Scenario(name="late", trial=trial, design=[design], truth=truth), trials=1500)
for time in (None, {"accrual_per_month": 4}):
    trial = Trial(
        doses=[1, 2, 3], target=0.25, max_patients=18, dlt_window_days=28, time=time, expansion={"patients": 6}
    )
    simulate(BOIN(), trial, [0.1, 0.2, 0.4], trials=200)
    trial = trial.model_copy(update={"efficacy": Efficacy(min_response=0.2, max_toxicity=0.4)})
    truth = Truth(name="one", dlt_rates=(0.1, 0.2, 0.4), response_rates=(0.2, 0.4, 0.5))
    choices = {"by": "utility"}, {"by": "unimodal"}, {"by": "plateau", "margin": 0.1}
    designs = [BOIN(optimal_dose=choice) for choice in choices] + [CRM(skeleton=(0.1, 0.25, 0.4))]
    run(Scenario(name="responses", trial=trial, design=designs, truth=[truth]), trials=200)
looks = {"after": [3], "dlt_limit": 0.3}
compared = {"rule": "merit", "max_dlts": 2, "min_responses": 2, "interim": looks}, {"rule": "utility"}
for given in compared:
    trial = Trial(
        doses=[1, 2, 3],
        target=0.25,
        max_patients=18,
        efficacy=Efficacy(min_response=0.2, max_toxicity=0.4),
        randomised={"patients_per_dose": 8, **given},
    )
    run(Scenario(name="compared", trial=trial, design=[BOIN()], truth=[truth]), trials=200)
for more in ({}, {"dlt_window_days": 28, "time": {"accrual_per_month": 4}}):
    windows = {"window_days": 84} if more else {}
    efficacy = Efficacy(min_response=0.2, max_toxicity=0.4, **windows)
    trial = Trial(doses=[1, 2, 3], target=0.25, max_patients=18, efficacy=efficacy, **more)
    designs = [BOIN12(), BOIN(optimal_dose={"by": "utility"}), BOIN12(stop_at="never", label="no stop")]
    run(Scenario(name="joint", trial=trial, design=designs, truth=[truth]), trials=200)
    for design in designs:
        simulate(design, trial, truth, trials=10, after=InterimData.of("1NNE 2NET", trial))
exposure = {"geometric_means": (100, 300, 320), "cv": 0.5}
truth = Truth(name="one", dlt_rates=(0.1, 0.2, 0.4), exposure=exposure, obd=2)
by_exposure = BOIN(optimal_dose={"by": "exposure", "ratio": 0.8})
run(Scenario(name="seen", trial=trial, design=[by_exposure], truth=[truth]), trials=200)
print(json.dumps({
    name: [str(found.signature.return_type) for found in kernel.overloads.values()]
    for name, kernel in kernels().items()
}))
"""


@pytest.mark.long
def test_each_kernel_has_one_signature(tmp_path):
    """In a process of its own: other tests call kernels in other ways. A second signature is a second compilation.

    A kernel that borrows its arrays returns none: nobody would know that it is still held.
    With an empty cache: what is read from a cache does not count the kernels that it calls.
    """
    scenarios = sorted(str(path) for path in (ROOT / "scenarios").glob("*.toml"))
    result = subprocess.run(
        [sys.executable, "-c", MAIN_JOB, *scenarios],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    returned = {name.removeprefix("escalation.kernels."): found for name, found in json.loads(result.stdout).items()}
    called = {name for name, found in returned.items() if found}
    assert called >= ENTRY_POINTS
    assert {name: len(returned[name]) for name in called} == dict.fromkeys(called, 1) | TWICE
    assert len(called) == KERNELS
    borrowing = {name for name in called if not kernels()[f"escalation.kernels.{name}"].targetoptions["_nrt"]}
    assert not {name: returned[name] for name in borrowing if "array" in returned[name][0].lower()}
    assert borrowing < called


def test_designs_can_be_read_without_numba():
    script = "import sys, escalation; escalation.BOIN(); escalation.CRM; print('numba' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_public_names():
    for name in escalation.__all__:
        assert getattr(escalation, name) is not None
    assert callable(escalation.exact)
    assert callable(escalation.simulate)
    assert set(escalation.__all__) <= set(dir(escalation))
    with pytest.raises(AttributeError, match="no attribute 'simulation_'"):
        _ = escalation.simulation_


def test_reasons_are_numbered_from_one():
    """The exact engine keeps a column for each."""
    in_engines = codes.FULL_AND_TOO_TOXIC, codes.FULL_AND_DOSE_TOO_TOXIC, codes.NOT_DECIDED
    assert sorted([*codes.REASON_NAMES, *in_engines]) == list(range(1, codes.REASONS + 1))


def test_main_job_enumerates_as_many_states_as_ever():
    """Counts that do not depend on the machine: a change means that a rule or the merging changed."""
    scenario = load_scenario(ROOT / "scenarios" / "lucar-dks1.toml")
    waiting = {label: design for label, design in scenario.designs.items() if not design.is_late_onset}
    states = {label: escalation.exact(design, scenario.trial).states for label, design in waiting.items()}
    assert states == {"3+3": 384, "boin": 34334, "crm": 29191}
    assert run(scenario, trials=0, truths=["all safe"]).results[0].exact is not None


def test_no_public_name_is_a_module():
    """Importing the module would put it in the name's place."""
    modules = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert not modules & set(escalation.__all__)
