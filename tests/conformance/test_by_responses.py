"""Designs that decide by responses, at every door: what every design must do, tables, paths, and what is refused."""

import csv
import io
import itertools
import json
import re
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from escalation import (
    BOIN12,
    Association,
    Expansion,
    PathwayError,
    StateSpaceError,
    Trial,
    decision_table,
    exact,
    joint_rates,
    next_dose,
    operating_characteristics,
    paths,
    simulate,
)
from escalation.characteristics.agreement import agreement
from escalation.cli import main
from escalation.engines.allowance import Allowance
from escalation.engines.joint import exact_outcomes
from escalation.errors import DesignError, OutcomesError
from escalation.kernels.codes import NO_DOSE, REASON_NAMES
from escalation.report.pages.paths import pathway_blocks, pathway_tree
from escalation.report.pages.table import table_blocks
from escalation.report.render.markdown import to_markdown
from escalation.running.start import start_of
from escalation.scenario.file import TrialDesigns
from escalation.studies.fingerprint import fingerprint
from escalation.trial.rates import correct_doses
from tests.conformance.test_every_design import BY_RESPONSES, EFFICACY, SETTINGS
from tests.naive.boin12 import Boin12
from tests.support import levels

NOT_ADDITIVE = {"utility": {"eff": 100, "none": 30, "both": 50, "tox": 0}}
TRIALS = [
    Trial(doses=levels(1), target=0.25, max_patients=8, cohort_size=3, efficacy=EFFICACY),
    Trial(doses=levels(3), target=0.25, max_patients=11, cohort_size=1, start_dose=2, efficacy=EFFICACY),
    Trial(doses=levels(3), target=0.25, max_patients=15, cohort_size=3, efficacy=EFFICACY),
    Trial(doses=levels(3), target=0.25, max_patients=9, cohort_size=[1, 2, 3], efficacy=EFFICACY | NOT_ADDITIVE),
    Trial(doses=levels(2), target=0.3, max_patients=12, cohort_size={"by_dose": [2, 3]}, efficacy=EFFICACY),
]
CASES = [
    pytest.param(design(**options), of, id=f"{kind}-{number}-{of.levels}x{of.max_patients}")
    for kind, design in BY_RESPONSES.items()
    for number, options in enumerate(SETTINGS[kind])
    for of in TRIALS
]


def joint(of: Trial, dlt=(0.08, 0.6), response=(0.2, 0.5)):
    return joint_rates(np.linspace(*dlt, of.levels), np.linspace(*response, of.levels), Association(odds_ratio=2.0))


@cache
def listed(design, of, dlt=(0.08, 0.6), response=(0.2, 0.5)):
    return exact_outcomes(start_of(design, of, None), [joint(of, dlt, response)], Allowance())[0]


@pytest.mark.parametrize(("design", "of"), CASES)
class TestEveryDesign:
    def test_endings(self, design, of):
        found = listed(design, of)
        assert found.probability.sum() == pytest.approx(1, abs=1e-12)
        assert np.all((found.patients >= found.dlts) & (found.dlts >= 0))
        assert np.all((found.patients.sum(axis=1) >= 1) & (found.patients.sum(axis=1) <= of.max_patients))
        assert set(found.reason.tolist()) <= set(REASON_NAMES)
        assert np.all((found.recommended >= NO_DOSE) & (found.recommended < of.levels))

    def test_simulated_trials_agree(self, design, of):
        truth = joint(of)
        simulated = simulate(design, of, truth, trials=4000, seed=11)
        assert agreement(listed(design, of), simulated, correct_doses(truth.dlt, of.target)).p_value > 1e-4

    def test_certain_dlts_and_none(self, design, of):
        for rates, dlts in (((1, 1), 1), ((0, 0), 0)):
            oc = operating_characteristics(listed(design, of, rates, (1, 1)))
            assert oc.total_dlts.mean == pytest.approx(dlts * oc.sample_size.mean, abs=1e-12)
            simulated = operating_characteristics(simulate(design, of, joint(of, rates, (1, 1)), trials=50))
            if design.ties != "random":  # nothing is left to chance
                assert simulated.patients == pytest.approx(oc.patients, abs=1e-12)
            assert dlts == 0 or not any(oc.patients[of.start_dose :])

    def test_prose(self, design, of):
        first, second = design.description(of).split("\n\n")
        for paragraph in (first, second):
            assert re.fullmatch(r"[A-Z].*\.", paragraph)
            assert not re.search(r"  |\bNone\b|\bnan\b|\binf\b|\{|\}|[a-z]_[a-z]+\(|\.\.", paragraph), paragraph

    def test_table(self, design, of):
        """Each row against the rule in plain Python; where counts lead, against the doses that are asked for."""
        twin, partial, plan = twin_of(design, of), twin_of(design, of, Partial), design.plan(of).joint
        rows = decision_table(design, of).desirability
        assert {row.patients for row in rows} == set(range(len(plan.moves)))
        for row in rows:
            ill = row.with_dlt if row.with_dlt is not None else max(row.dlts + row.responses - row.patients, 0)
            well = row.responses - ill
            cell = (row.patients - row.dlts - well, well, row.dlts - ill, ill)
            assert row.desirability == pytest.approx(twin.desirability(cell), abs=1e-11)
            assert (row.eliminated, row.futile) == (twin.too_toxic(cell), twin.futile(cell))
            assert (row.rank is None) == (row.eliminated or row.futile or not row.occurs)
            if row.patients and not (row.eliminated or row.futile):
                assert led(row) == led_by(partial, cell), row
        ranked = sorted((row.rank, row.desirability) for row in rows if row.rank is not None)
        assert all(low[1] <= high[1] * (1 + 1e-11) for low, high in itertools.pairwise(ranked))

    def test_numbers_of_patients(self, design, of):
        """Those of the table are all that occur; of equal cohorts no others."""
        rows = decision_table(design, of).desirability
        shown = {row.patients for row in rows if row.occurs}
        occurring = set(np.unique(listed(design, of).patients).tolist())
        assert occurring | {0} <= shown
        if of.equal_cohorts == 3 and of.max_patients % 3 == 0:
            assert all(number % 3 == 0 for number in shown)

    def test_paths(self, design, of):
        truth = joint(of)
        found = paths(design, of, cohorts=2, truths={"t": truth})
        assert sum(leaf.probability[0] for leaf in found.root.leaves) == pytest.approx(1, abs=1e-12)
        twin, begun = twin_of(design, of), of.start_dose - 1
        assert found.root.next_dose == begun + 1
        for point in points(found.root):
            cells, last = cells_of(point.cohorts, of.levels)
            if last is None:
                continue
            reason = twin.ends(cells, last, of.max_patients)
            assert point.reason == reason, point
            if reason is None:
                doses = {dose + 1 for dose in twin.next_doses(cells, last)}
                assert set(point.tied or (point.next_dose,)) == doses or (point.seen == () and point.next_dose in doses)
            else:
                obd = None if reason == "futility" else twin.obd(cells)
                mtd = twin.mtd(cells)
                assert (point.recommended, point.optimal) == (
                    None if mtd is None else mtd + 1,
                    obd + 1 if isinstance(obd, int) else None,
                )
        assert list(pathway_blocks("label", found))
        json.dumps(pathway_tree(found), allow_nan=False)


def twin_of(design, of, rule=Boin12):
    """The rule in plain Python with a design's options."""
    own, never = design.boundaries(of.efficacy.max_toxicity), {"never": None}

    class Twin(rule):
        edges = property(lambda _: own)

    return Twin(
        phi_t=of.efficacy.max_toxicity,
        phi_e=of.efficacy.min_response,
        utilities=of.efficacy.utility.of_outcomes,
        c_t=design.cutoff_eli,
        c_e=design.futility,
        least_dlts=design.dlts_to_eliminate,
        n_star=design.confine_from,
        explore=never.get(design.explore_from, design.explore_from),
        stop=never.get(design.stop_at, design.stop_at),
        ties=design.ties,
    )


class Best(tuple):
    """Counts that are more desirable than all others."""


class Partial(Boin12):
    def desirability(self, cell):
        return float(isinstance(cell, Best))


def led(row):
    """Which of three doses, of which the row's is the second, may follow, where the third is untried and where not."""
    among = {"down": {0}, "not up": {0, 1}, "any": {0, 1, 2}, "end": set()}[row.leads]
    return ({2} if row.explores else among), among


def led_by(twin, cell):
    """The same by the rule, when each dose in turn is the most desirable."""
    if twin.stop is not None and sum(cell) >= twin.stop:
        return set(), set()
    below = (0, 1, 0, 0)
    return tuple(
        set().union(
            *(
                twin.next_doses([Best(one) if place == best else one for place, one in enumerate(cells)], 1)
                for best in range(3)
            )
        )
        for cells in ([below, cell, (0, 0, 0, 0)], [below, cell, below])
    )


def points(node):
    yield node
    for branch in node.branches:
        yield from points(branch)


def cells_of(cohorts, count):
    cells, last = [(0, 0, 0, 0)] * count, None
    for one in cohorts:
        last = one.dose - 1
        well, ill = one.responses
        added = (one.patients - one.dlts - well, well, one.dlts - ill, ill)
        cells[last] = tuple(a + b for a, b in zip(cells[last], added, strict=True))
    return cells, last


def invoke(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], env={"COLUMNS": "250"})


FILE = """
name = "optimal"
[trial]
doses = [10, 20, 40]
target = 0.35
max_patients = 12
[trial.efficacy]
min_response = 0.25
max_toxicity = 0.35
[[design]]
kind = "boin12"
[[design]]
kind = "boin"
optimal_dose = {by = "utility"}
[[truth]]
name = "rising"
dlt_rates = [0.05, 0.15, 0.4]
response_rates = [0.1, 0.4, 0.5]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "optimal.toml"
    path.write_text(FILE)
    return path


ONLY, BOTH = ["--design", "boin12"], ["--design", "boin12", "--design", "boin"]
ANSWERED = {
    "run": ["--trials", "100", *BOTH],
    "run --from": ["--trials", "100", "--from", "1NNE 2NET", *ONLY],
    "exact": ["--trials", "0", *BOTH],
    "compare": ["--trials", "100"],
    "next": ["1NNE", *ONLY],
    "paths": ["--cohorts", "2", "--truth", "rising", *ONLY],
    "paths --from": ["--from", "1NNE 2NE", *ONLY],
    "table": BOTH,
    "report": ["--trials", "100", "--output", "report.html"],
    "plot selection": ["--trials", "100", "--output", "drawn.svg"],
    "plot paths": ["--cohorts", "1", "--output", "drawn.svg", *ONLY],
    "robust": ["--count", "5", *ONLY],
    "worst": [],
    "size": ["--pcs", "0.3", "--objective", "mean-pcs-obd", *ONLY],
    "calibrate": ["--grid", "cutoff_eli=0.9,0.95", "--objective", "mean-pcs-obd", *ONLY],
    "sweep": ["--quantity", "pcs", "--output", "swept.csv"],
}
WHAT = {"plot selection": ["--what", "selection"], "plot paths": ["--what", "paths"], "exact": []}


@pytest.mark.parametrize("asked", ANSWERED)
def test_commands_that_answer(asked, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = "run" if asked == "exact" else asked.split()[0]
    result = invoke(command, file, *WHAT.get(asked, []), *ANSWERED[asked])
    assert result.exit_code == 0, result.stderr


REFUSED = {
    "worst": ([], "decisions look at responses"),
    "plot": (["--what", "surface", "--output", "drawn.svg"], "decisions look at responses"),
    "paths": (["--from", "1NN?"], "1 patient has an outcome that is pending"),
    "run": (["--from", "1NNP 2NPP"], "3 patients have an outcome that is pending"),
}


@pytest.mark.parametrize("command", REFUSED)
def test_commands_that_refuse(command, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, why = REFUSED[command]
    result = invoke(command, file, *arguments, *ONLY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1


HAS_OWN = "is not taken by the design 'boin12', which has rules of its own"
NO_NUMBER = "should be a whole number from 1 to 100,000, or 'never'"
BAD = [
    ('kind = "boin12"', "titration = true", f"design[1].titration: {HAS_OWN}"),
    ('kind = "boin12"', 'stop_when = {rule = "patients", at_least = 9}', f"design[1].stop_when: {HAS_OWN}"),
    ('kind = "boin12"', 'restrict = {rule = "no_escalation", dlts = 2}', f"design[1].restrict: {HAS_OWN}"),
    ('kind = "boin12"', "expansion = {patients = 3}", f"design[1].expansion: {HAS_OWN}"),
    ('kind = "boin12"', 'optimal_dose = {by = "utility"}', f"design[1].optimal_dose: {HAS_OWN}"),
    ('kind = "boin12"', "extra_safe = true", "design[1].extra_safe: unknown key"),
    ('kind = "boin12"', "stop_at = 0", f"design[1].stop_at: {NO_NUMBER}"),
    ('kind = "boin12"', "stop_at = 2.5", f"design[1].stop_at: {NO_NUMBER}"),
    ('kind = "boin12"', "stop_at = true", f"design[1].stop_at: {NO_NUMBER}"),
    ('kind = "boin12"', 'explore_from = "no"', f"design[1].explore_from: {NO_NUMBER}"),
    ('kind = "boin12"', "explore_from = 1000000", f"design[1].explore_from: {NO_NUMBER}"),
    ('kind = "boin12"', 'ties = "low"', "design[1].ties: should be 'random', 'lowest' or 'highest'"),
    ('kind = "boin12"', "futility = 1.1", "design[1].futility: should be less than or equal to 1"),
    ('kind = "boin12"', "p_saf = 0.4", "design[1].p_saf: 0.4 should be below max_toxicity = 0.35"),
    ('kind = "boin12"', "p_tox = 0.3", "design[1].p_tox: 0.3 should be above max_toxicity = 0.35"),
    ("max_patients = 12", "[trial.expansion]\npatients = 3", "design[1].kind: is not followed by an expansion"),
    (
        "max_toxicity = 0.35",
        "utility = {none = 110}",
        "trial.efficacy.utility.none: should be less than or equal to 100",
    ),
    ("max_toxicity = 0.35", "utility = {tox = 0.5}", "trial.efficacy.utility.tox: should be a whole number"),
    (
        "max_toxicity = 0.35",
        "utility = {eff = 30}",
        "trial.efficacy.utility.none: 40 should be from tox = 0 to eff = 30",
    ),
]


@pytest.mark.parametrize(("below", "line", "message"), BAD, ids=[line for _, line, _ in BAD])
def test_bad_input(file, below, line, message):
    file.write_text(FILE.replace(below, f"{below}\n{line}"))
    result = invoke("run", file, "--trials", "10")
    assert (result.exit_code, result.stdout) == (2, "")
    (told,) = result.stderr.splitlines()
    assert told.startswith(f"error: {file}: {message}")


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("max_toxicity = 0.35\n", "design[1].kind: needs max_toxicity in [trial.efficacy]"),
        ("min_response = 0.25\n", "trial.efficacy.min_response: needed"),
        ("response_rates = [0.1, 0.4, 0.5]\n", "truth[1].response_rates: needed"),
        (
            "[trial.efficacy]\nmin_response = 0.25\nmax_toxicity = 0.35\n",
            "design[1].kind: needs [trial.efficacy], with min_response and max_toxicity",
        ),
    ],
)
def test_what_is_missing(file, without, message):
    file.write_text(FILE.replace(without, ""))
    result = invoke("run", file, "--trials", "10")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {file}: {message}" in result.stderr


OF = TRIALS[2]


def test_what_python_refuses():
    with pytest.raises(StateSpaceError, match="exact only under truths that have them"):
        exact(BOIN12(), OF)
    with pytest.raises(DesignError, match="the truth should have response_rates"):
        simulate(BOIN12(), OF, [0.1, 0.2, 0.3], trials=10)
    with pytest.raises(DesignError, match="the truth should have response_rates"):
        paths(BOIN12(), OF, truths={"t": [0.1, 0.2, 0.3]})
    bare = OF.model_copy(update={"efficacy": None})
    for ask in (decision_table, fingerprint, lambda design, of: next_dose(design, of, "1NNN"), paths, exact):
        with pytest.raises(DesignError, match=r"needs \[trial.efficacy\]"):
            ask(BOIN12(), bare)


def page(form, every=False, **options):
    scenario = TrialDesigns(name="n", trial=OF, design=[BOIN12(**options)])
    tables = {"boin12": decision_table(BOIN12(**options), OF)}
    return form(table_blocks(scenario, tables, every=every))


def test_the_page_of_a_table():
    """What the grid says of some counts, read as a person does."""
    text = page(to_markdown)
    assert "A dose that nobody was given: rank 107, desirability 29.5 %." in text  # of 0, 3, 6, 9 and 12 patients
    for number, dlts, leads, first in (
        (3, 1, "any", "47"),
        (6, 2, "not up", "20"),
        (9, 3, "up if untried, else not up", "F"),
    ):
        grid = text.partition(f"*{number} patients at the dose: rank by desirability")[2].partition("*")[2]
        row = next(line for line in grid.splitlines() if line.startswith(f"| {dlts} |"))
        assert [one.strip() for one in row.split("|")[2:4]] == [leads, first]
    assert re.search(r"\| 7-12 \| end \|( E \|){13}", text)
    for said in ("F: too few responses", "E: the dose is eliminated", "exceeds 70.5", "Numbers of patients that"):
        assert said in text
    assert "4 patients at the dose" not in text
    assert "4 patients at the dose: desirability in %" in page(to_markdown, every=True)
    never = page(to_markdown, futility=1, explore_from="never")
    assert "up if untried" not in never
    assert "F: too few" not in never


def test_the_table_in_other_formats(file):
    tree = json.loads(invoke("table", file, "--format", "json").stdout)
    boin12, boin = tree["designs"]
    assert "desirability" not in boin
    assert boin12["table"] is None
    assert boin12["reason"] is None
    header, *rows = csv.reader(io.StringIO(invoke("table", file, "--format", "csv").stdout))
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert {row["part"] for row in told if row["design"] == "boin"} == {"doses"}
    found = [row for row in told if row["part"] == "desirability"]
    assert len(found) == len(boin12["desirability"])
    for row, one in zip(found, boin12["desirability"], strict=True):
        assert row["patients"] == str(one["patients"])
        assert float(row["desirability"]) == one["desirability"]
        assert row["rank"] == ("" if one["rank"] is None else str(one["rank"]))
    assert "responses" not in invoke("table", file, "--design", "boin", "--format", "csv").stdout


def test_many_patients_at_a_dose():
    of = OF.model_copy(update={"max_patients": 60})
    printed = decision_table(BOIN12(stop_at="never"), of)
    assert max(row.patients for row in printed.desirability) == 30
    scenario = TrialDesigns(name="n", trial=of, design=[BOIN12(stop_at="never")])
    assert "With more than 30 patients at a dose" in to_markdown(table_blocks(scenario, {"boin12": printed}))


def lots(design, of, after=""):
    found = paths(design, of, cohorts=3, after=after, truths={"t": joint(of)})
    return found, [point for point in points(found.root) if point.tied]


def test_paths_branch_by_lot():
    """Dose levels 1 and 2 are alike after the same outcomes at both."""
    design, of = BOIN12(confine_from=3), OF.model_copy(update={"max_patients": 24})
    found, tied = lots(design, of, "1NNE 2N")
    assert tied
    for point in tied:
        assert (point.next_dose, point.reason) == (None, None)
        if point.branches:
            assert [branch.next_dose for branch in point.branches] == list(point.tied)
            assert all(branch.seen == () for branch in point.branches)
            shares = [branch.probability[0] for branch in point.branches]
            assert shares == pytest.approx([point.probability[0] / len(shares)] * len(shares))
    text = to_markdown(pathway_blocks("boin12", found))
    assert re.search(r"by lot → dose \d, 3 patients", text)
    assert sum(leaf.probability[0] for leaf in found.root.leaves) == pytest.approx(1, abs=1e-12)
    lowest = BOIN12(confine_from=3, ties="lowest")
    assert not lots(lowest, of, "1NNE 2N")[1]


def test_paths_begin_by_lot():
    design, of = BOIN12(confine_from=3, ties="random"), OF
    tied = next(point for point in lots(design, of, "1NNE")[1])
    words = " ".join(["1NNE", *(cohort.written() for cohort in tied.cohorts)])
    root = paths(design, of, cohorts=1, after=words).root
    assert root.tied == tied.tied
    assert [branch.next_dose for branch in root.branches] == list(tied.tied)


def test_paths_fill_up_the_last_cohort():
    root = paths(BOIN12(), OF, cohorts=1, after="1NNE 2N").root
    assert (root.next_dose, root.size) == (2, 2)
    assert len(root.branches) == 9


def test_paths_of_too_many_cohorts():
    with pytest.raises(PathwayError, match=r"cohorts: 5 have (more than )?[\d,]+ paths; .* 3 would do"):
        paths(BOIN12(), OF, cohorts=5)


def test_paths_and_next():
    """The written outcomes of a path, given to `next`, have what the path says of its end."""
    design, of = BOIN12(), OF
    for leaf in list(paths(design, of, cohorts=2, after="1NNE").root.leaves)[::7]:
        words = " ".join(["1NNE", *(cohort.written() for cohort in leaf.cohorts)])
        answer = next_dose(design, of, words)
        assert (answer.next_dose, answer.stop_reason, answer.tied) == (leaf.next_dose, leaf.reason, leaf.tied), words
        if leaf.reason:
            assert (answer.recommended_dose, answer.optimal_dose.dose) == (leaf.recommended, leaf.optimal)


def test_pending_outcomes_have_no_paths():
    with pytest.raises(OutcomesError, match="1 patient has an outcome that is pending"):
        paths(BOIN12(), OF, after="1NN?")


SAME = [
    {"p_saf": 0.21},
    {"p_tox": 0.49},
    {"cutoff_eli": 0.951},
    {"futility": 0.899},
    {"explore_from": 8},
    {"stop_at": 11},
]
OTHER = [
    {"p_saf": 0.1},
    {"p_tox": 0.7},
    {"cutoff_eli": 0.9},
    {"dlts_to_eliminate": 4},
    {"futility": 0.95},
    {"confine_from": 9},
    {"explore_from": 6},
    {"explore_from": "never"},
    {"stop_at": 9},
    {"stop_at": "never"},
    {"ties": "lowest"},
    {"ties": "highest"},
]


def test_fingerprints():
    of = OF.model_copy(update={"max_patients": 24})
    own = fingerprint(BOIN12(), of)
    for options in SAME:
        assert fingerprint(BOIN12(**options), of) == own, options
    others = [fingerprint(BOIN12(**options), of) for options in OTHER]
    changed = ({"max_patients": 27}, {"cohort_size": 2}, {"start_dose": 2}, {"doses": (1, 2)})
    others += [fingerprint(BOIN12(), of.model_copy(update=update)) for update in changed]
    limits = (EFFICACY | NOT_ADDITIVE, EFFICACY | {"min_response": 0.4}, EFFICACY | {"max_toxicity": 0.3})
    others += [fingerprint(BOIN12(), Trial(**of.model_dump() | {"efficacy": efficacy})) for efficacy in limits]
    assert len({own, *others}) == 1 + len(others)
    amounts = of.model_copy(update={"doses": (10, 20, 40), "dose_unit": "mg"})
    assert fingerprint(BOIN12(label="another"), amounts) == own
    one = of.model_copy(update={"doses": (1,)})
    assert fingerprint(BOIN12(), one) == fingerprint(BOIN12(ties="lowest", explore_from=3), one), "there is no choice"


def test_an_expansion_of_the_trial_is_not_followed():
    with pytest.raises(DesignError, match="is not followed by an expansion"):
        BOIN12().plan(OF.model_copy(update={"expansion": Expansion(patients=3)}))


def test_a_target_that_is_not_the_limit_is_pointed_out():
    (caution,) = BOIN12().cautions(OF)
    assert "closest to max_toxicity = 0.35" in caution
    assert "go by target = 0.25" in caution
    assert not list(BOIN12().cautions(OF.model_copy(update={"target": 0.35})))


UNTRUE = (
    "A cohort's DLTs are all known before the next cohort is treated;",
    "They do not change how a trial goes.",
    "No cohort begins before the DLTs of the one before are known.",
    "numbers of patients and DLTs at each dose, every possible",
    "every ending with its recommendation. It changes with any of them.\n",
)
"""What a report says of designs that look at DLTs alone."""


def test_the_report_says_what_such_a_design_does(file, tmp_path):
    def report(*arguments):
        assert invoke("report", file, "--format", "md", "--output", tmp_path / "r.md", *arguments).exit_code == 0
        return (tmp_path / "r.md").read_text()

    text, other = report(*ONLY, "--trials", "100"), report("--design", "boin", "--trials", "100")
    for sentence in UNTRUE:
        assert sentence in other
        assert sentence not in text
    assert "under boin12 their responses as well" in text
    assert "Decision table of boin12, 3 patients at the dose: rank by desirability (RDS)" in text
    assert "boin12: pathways of the first cohort" in text
    options = text.partition("Options of boin12")[2]
    assert all(f"| {name} |" in options.replace("\\", "") for name in set(BOIN12.model_fields) - {"kind", "label"})
