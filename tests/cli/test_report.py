"""`escalation report`: what the page says, that it says what the run says, and what it does with hostile names."""

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from escalation import EscalationError, Scenario, fingerprint, load_scenario, make_report, run, write_report
from escalation.characteristics import agreement as cross_check
from escalation.cli import main
from escalation.designs import REGISTRY
from escalation.report.document.facts import Request
from escalation.report.document.provenance import settings_digest
from escalation.report.document.report import report_document
from escalation.studies.compare import run_and_compare
from escalation.trial.calendar import DAYS_PER_MONTH, Calendar
from tests.conformance.test_every_design import SETTINGS, WAITING
from tests.page import Page

ROOT = Path(__file__).parents[2]
LUCAR = ROOT / "scenarios" / "lucar-dks1.toml"
TAK = ROOT / "scenarios" / "tak-007.toml"
FEW = ["--trials", "300", "--truth", "MTD at 300", "--truth", "all too toxic"]

HOSTILE = """
name = "<script>alert(1)</script>"
title = "</title><script>alert('t')</script> & quotes"
registry = "<img src=x onerror=alert(2)>"
[assumptions]
target = "</td><script>alert(3)</script>"
"<b>other</b>" = "why & wherefore"
[trial]
doses = ["<i>one</i>", "a dose with a rather long name", "three"]
target = 0.3
max_patients = 9
start_dose = 2
expansion = { patients = 3 }
[[design]]
kind = "boin"
label = "{{ 7 * 7 }} <script>alert(4)</script> ```"
titration = true
[[design]]
kind = "crm"
skeleton = [0.1, 0.2, 0.3]
label = "{% raw %}a|b"
stop_when = { any = [{ rule = "patients_at_dose", at_least = 9 }, { rule = "too_toxic", threshold = 0.9 }] }
[[truth]]
name = "--><script>alert(5)</script>"
dlt_rates = [0.3, 0.4, 0.5]
[[truth]]
name = "other"
dlt_rates = [0.6, 0.7, 0.8]
"""


def report(file: Path, output: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["report", str(file), "--output", str(output), *arguments])
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return output.read_text(encoding="utf-8")


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Figures stay empty, for tests of the rest: to draw them is most of the work."""

    def blank(figure: Figure, file: io.StringIO, **options: object) -> None:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" />')

    monkeypatch.setattr(Figure, "savefig", blank)


@pytest.fixture(scope="module")
def lucar(tmp_path_factory) -> str:
    return report(LUCAR, tmp_path_factory.mktemp("report") / "lucar.html", *FEW)


def test_sections(lucar):
    page = Page(lucar)
    titles = [text for level, text in page.headings if level == 2]
    assert titles == [
        "1. Summary",
        "2. The trial and its assumptions",
        "3. Aims",
        "4. Data-generating mechanisms: the truths",
        "5. Estimands",
        "6. Methods: the designs",
        "7. Performance measures",
        "8. Results",
        "9. The designs compared",
        "10. Text for a protocol",
        "11. Reproducibility",
    ]
    assert page.headings[0] == (1, "LUCAR-DKS1 CAR-NK cells, relapsed or refractory autoimmune disease")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert len(links) == len(titles) + sum(level == 3 for level, _ in page.headings)
    assert ("html", {"lang": "en"}) in page.elements


def test_a_page_alone(lucar):
    """No script, and nothing is fetched from anywhere."""
    page = Page(lucar)
    assert not {"script", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        assert attributes.get("href", "#").startswith(("#", "data:"))
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in lucar
    assert set(re.findall(r"url\((.)", lucar)) == {"#"}, "within the page"
    assert "http" not in re.sub("http-equiv|http://www.w3.org/", "", lucar)


def test_assumptions_with_their_reasons(lucar):
    scenario = load_scenario(LUCAR)
    rows = {row[0]: row[1:] for row in Page(lucar).table("what they rest on")}
    assert rows["target DLT rate"] == ["25.0 %", "assumed", scenario.assumptions["target"]]
    assert rows["dose levels"] == ["50, 150, 300, 600 million cells/kg", "as stated", ""]
    assert rows["DLT window"] == ["28 days", "assumed", scenario.assumptions["dlt_window_days"]]
    assert rows["most patients in dose escalation"] == ["36 patients", "as stated", ""]
    assert rows["expansion at the RP2D"][:2] == ["none", "default of the software"]
    assert rows["truths"][2] == scenario.assumptions["truths"]
    assert rows["calendar: accrual_per_month"] == ["2", "assumed", scenario.assumptions["accrual_per_month"]]
    assert rows["calendar: arrivals"] == ['"poisson"', "as stated", ""]
    assert rows["calendar: gap_days"] == ["[28]", "assumed", scenario.assumptions["gap_days"]]
    assert rows["calendar: onset"] == ['"uniform"', "assumed", scenario.assumptions["onset"]]
    assert rows["calendar: max_enrolled"] == ["none", "default of the software", ""]
    assert {name for name in rows if name.startswith("calendar: ")} == {
        f"calendar: {key}" for key in Calendar.model_fields
    }
    assert all(value for value, *_ in rows.values()), "each assumption is of a setting that is shown"


def test_truths_with_their_correct_doses(lucar):
    header, *rows = Page(lucar).table("(doses in million cells/kg); * correct dose")
    assert header == ["truth", "50", "150", "300", "600", "correct", "why"]
    assert rows == [
        ["MTD at 300", "5.0", "12.0", "25.0*", "40.0", "300", "rate closest to the target"],
        [
            *["all too toxic", "45.0", "55.0", "65.0", "75.0", "none"],
            "even the lowest rate exceeds the target by more than 10 points",
        ],
    ]


# What the rows of the full tables are, written apart from the page.
SHARES = {
    "no dose recommended": lambda oc: oc["no_selection"],
    "correct selection (PCS)": lambda oc: oc["pcs"],
    "efficiency": lambda oc: oc["efficiency"],
    "no dose declared": lambda oc: oc["expansion"]["none_declared"],
    "RP2D kept": lambda oc: oc["expansion"]["survival"],
    "DLT rate: ratio of means": lambda oc: oc["dlt_rate"]["rate_of_means"],
    "DLT rate: mean of rates": lambda oc: oc["dlt_rate"]["mean_of_rates"],
    "patients above the target": lambda oc: oc["above_mtd"],
    "overdosing (60 %)": lambda oc: oc["overdosing_60"],
    "overdosing (80 %)": lambda oc: oc["overdosing_80"],
    "poor allocation": lambda oc: oc.get("poor_allocation"),
    "early stop": lambda oc: oc["early_stop"],
    "toxic stop": lambda oc: oc["stop_toxic"],
    "stop with enough": lambda oc: oc["stop_enough"],
    "ended: too toxic": lambda oc: oc["stop_reasons"]["too_toxic"],
    "ended: dose too toxic": lambda oc: oc["stop_reasons"]["dose_too_toxic"],
    "ended: rule complete": lambda oc: oc["stop_reasons"]["rule_complete"],
    "ended: full": lambda oc: oc["stop_reasons"]["max_patients"],
    "ended: enough at a dose": lambda oc: oc["stop_reasons"]["enough_at_dose"],
    "ended: stopping rule": lambda oc: oc["stop_reasons"]["stopping_rule"],
    "ended: expansion stopped": lambda oc: oc["stop_reasons"]["expansion_stopped"],
    "estimate: bias": lambda oc: oc["estimate"]["bias"],
    "estimate: RMSE": lambda oc: oc["estimate"]["rmse"],
    "estimate: coverage": lambda oc: oc["estimate"]["coverage"],
}
COUNTS = {"sample size": "sample_size", "DLTs in all": "total_dlts", "patients above the target": "patients_above_mtd"}
MEANS = {
    f"{name}: {row}": lambda oc, key=key, field=field: oc[key].get(field)
    for name, key in COUNTS.items()
    for row, field in [("mean", "mean"), ("sd", "sd"), *((f"{q} % quantile", f"q{q:02d}") for q in (5, 50, 95))]
}
TIMES = {
    **{f"duration: {row}": ("duration", field) for row, field in [("mean", "mean"), ("sd", "sd")]},
    **{f"duration: {q} % quantile": ("duration", f"q{q:02d}") for q in (5, 50, 95)},
    "accrual held": ("hold_days",),
}


def days(name: str, tree: dict) -> float | None:
    """The number of a row on the calendar, or its standard error; None where there is none."""
    found = tree["time"]
    for key in TIMES[name]:
        found = found.get(key) if isinstance(found, dict) else found
    return found


def expected(name: str, doses: list[str], oc: dict) -> tuple[float | None, float]:
    """A row's number, and by what it is multiplied on the page."""
    if name in SHARES:
        return SHARES[name](oc), 100
    if name in MEANS:
        return MEANS[name](oc), 1
    kind, dose = name.removesuffix("*").split(": ")
    place = doses.index(dose)
    if kind == "declared after escalation":
        return oc["expansion"]["declared"][place], 100
    key = {"recommended": "selection", "patients": "patients", "DLTs": "dlts"}[kind]
    return oc[key][place], 100 if key == "selection" else 1


def assert_shows(text: str, value: float | None, factor: float) -> None:
    """A printed number is the rounded one, and never a 0 or 100 % that is none."""
    if value is None:
        assert text == "undefined"
    elif text == "<0.01":
        assert 0 < factor * value < 0.00501
    elif text == ">99.99":
        assert 99.99499 < factor * value < 100
    else:
        assert abs(float(text) - factor * value) <= 0.005 + 1e-9
        assert (float(text) == 0) <= (abs(factor * value) < 1e-12) or value < 0 or text == "0.00"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("file", [LUCAR, TAK], ids=lambda file: file.stem)
@pytest.mark.parametrize("limit", [None, 1], ids=["exact", "simulated"])
def test_every_number_is_the_runs(file, limit):
    scenario = load_scenario(file)
    names = [scenario.truth[3].name, scenario.truth[-1].name]
    finished = run(scenario, truths=names, trials=300, max_states=limit)
    page = Page(make_report(finished, max_states=limit))
    doses = list(scenario.trial.dose_names)
    for name in names:
        header, *rows = page.table(f"{name}: every performance measure (* correct dose)")
        results = [result for result in finished.results if result.truth.name == name]
        for result in results:
            assert (result.exact is None) == (limit is not None or scenario.designs[result.design].is_late_onset)
        kinds = ["simulated" if result.exact is None else "exact" for result in results]
        assert header == [
            "measure",
            *(f"{result.design} ({kind})" for result, kind in zip(results, kinds, strict=True)),
        ]
        expanded = any((result.exact or result.simulated).expansion for result in results)
        single = scenario.trial.levels == 1
        rest = len(SHARES) - (0 if expanded else 2) - (1 if single else 0) + len(MEANS) + len(TIMES)
        assert len(rows) == rest + (4 if expanded else 3) * len(doses)
        for title, *cells in rows:
            row = re.sub("(, %|, points|, months)$", "", title)
            for cell, result in zip(cells, results, strict=True):
                oc = result.best
                if row in TIMES:
                    assert cell.startswith("~ ") == (result.exact is not None), "with gap_days days are simulated"
                    text, _, error = cell.removeprefix("~ ").partition(" ± ")
                    timed = result.simulated if result.exact else oc
                    assert_shows(text, days(row, result.numbers(timed)) / DAYS_PER_MONTH, 1)
                    if "quantile" in row:
                        assert error == ""
                    else:
                        assert_shows(error, days(row, result.standard_errors(timed)) / DAYS_PER_MONTH, 1)
                    continue
                if (("declared" in row or "kept" in row) and oc.expansion is None) or (
                    "estimate" in row and oc.estimate is None
                ):
                    assert cell == "undefined"
                    continue
                value, factor = expected(row, doses, result.numbers(oc))
                text, _, error = cell.partition(" ± ")
                assert_shows(text, value, factor)
                if result.exact is not None or value is None or "quantile" in row:
                    assert error == ""
                else:
                    assert_shows(error, expected(row, doses, result.standard_errors(oc))[0], factor)


def test_the_test_of_numbers_can_fail():
    for text, value in [("60.36", 0.6035), ("0.00", 0.001), ("<0.01", 0.001), (">99.99", 1.0), ("undefined", 0.5)]:
        with pytest.raises((AssertionError, ValueError)):
            assert_shows(text, value, 100)


def test_summary_and_brief_tables_are_those_of_the_command_line(lucar):
    printed = CliRunner().invoke(main, ["run", str(LUCAR), *FEW, "--format", "markdown"]).stdout
    page = Page(lucar)
    for end in ("recommendations, patients and DLTs at each dose", "the designs in brief"):
        for row in page.table(f"MTD at 300: {end}"):
            line = re.sub(r"([*<>~])", r"\\\1", f"| {' | '.join(row)} |")
            assert line in printed
    pcs = {row[0]: row[1:] for row in page.table("Probability of correct selection (PCS), %")}
    assert pcs["MTD at 300"] == ["300", "34.7", "60.3", "65.9", "60.9", "72.0"]
    assert pcs["all too toxic"] == ["none", "83.1", "86.6", "86.8", "86.3", ""]


def test_reproducibility(lucar):
    import hashlib

    scenario = load_scenario(LUCAR)
    page = Page(lucar)
    rows = dict(page.table("Software, seed and digests"))
    assert rows["SHA-256 of lucar-dks1.toml"] == hashlib.sha256(LUCAR.read_bytes()).hexdigest()
    assert rows["seed of the simulated patients"] == "20260901"
    prints = dict(page.table("Fingerprints of the designs")[1:])
    assert prints == {
        label: "none: its decisions depend on days"
        if design.is_late_onset
        else fingerprint(design, scenario.trial)[:16]
        for label, design in scenario.designs.items()
    }
    command = (
        "escalation report lucar-dks1.toml --output report.html --format html --trials 300 --seed 20260901 "
        "--truth 'MTD at 300' --truth 'all too toxic'"
    )
    assert command in page.text
    assert str(ROOT) not in lucar


def test_digest_of_the_settings():
    """It does not depend on defaults being written out; every setting changes it."""
    settings = {
        "name": "n",
        "trial": {"doses": [1, 2], "target": 0.25, "max_patients": 6},
        "design": [{"kind": "boin"}],
        "truth": [{"name": "t", "dlt_rates": [0.1, 0.3]}],
    }
    first = settings_digest(Scenario(**settings))
    assert settings_digest(Scenario(**settings | {"design": [{"kind": "boin", "cutoff_eli": 0.95}]})) == first
    for other in (
        {"design": [{"kind": "boin", "cutoff_eli": 0.94}]},
        {"truth": [{"name": "t", "dlt_rates": [0.1, 0.31]}]},
        {"trial": settings["trial"] | {"target": 0.26}},
        {"assumptions": {"target": "a reason"}},
    ):
        assert settings_digest(Scenario(**settings | other)) != first


def test_hostile_names(tmp_path):
    file = tmp_path / "hostile.toml"
    file.write_text(HOSTILE)
    for limit in ((), ("--max-states", "1")):
        page = Page(report(file, tmp_path / "hostile.html", "--trials", "50", *limit))
        assert not {"script", "img", "i", "b"} & {tag for tag, _ in page.elements}
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
        text = "".join(page.text)
        for name in (
            "alert('t')",
            "onerror=alert(2)",
            "alert(3)",
            "{{ 7 * 7 }}",
            "alert(5)",
            "{% raw %}a|b",
        ):
            assert name in text
        assert page.headings[0][1] == "</title><script>alert('t')</script> & quotes"


def test_markdown_has_the_same_tables(tmp_path, lucar):
    text = report(LUCAR, tmp_path / "lucar.md", *FEW, "--format", "md")
    page = Page(lucar)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        f"{'#' * level} {name}" for level, name in page.headings
    ]
    plain = re.sub(r"\\([\\`*_\[\]<>|#~])", r"\1", text)
    for caption in page.tables:
        assert f"*{caption}*" in plain
        for row in page.table(caption):
            assert f"| {' | '.join(row)} |" in plain


def test_markdown_of_hostile_names(tmp_path):
    file = tmp_path / "hostile.toml"
    file.write_text(HOSTILE)
    label = "{{ 7 * 7 }} <script>alert(4)</script> ```"
    text = report(file, tmp_path / "hostile.md", "--format", "md", "--trials", "50", "--design", label)
    prose, _, command = text.partition("````text")
    assert "<script>" not in prose.replace(r"\<", "")
    assert command.endswith("\n````\n"), "no name ends the block"


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_missing_package(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(main, ["report", "missing.toml", "--output", str(tmp_path / "report.html")])
    assert result.exit_code == 2
    assert result.stderr == "error: report needs jinja2 and matplotlib: pip install 'escalation[report]'\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    with pytest.raises(EscalationError, match="it is a folder"):
        write_report(None, tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_disagreement_is_an_alarm(tmp_path, monkeypatch):
    monkeypatch.setattr(cross_check, "ALARM", 2.0)
    output = tmp_path / "report.html"
    few = ["--trials", "200", "--design", "boin", "--truth", "DLT rate 0.30"]
    result = CliRunner().invoke(main, ["report", str(TAK), *few, "--output", str(output)])
    assert result.exit_code == 1
    assert "DISAGREE" in result.stderr
    page = Page(output.read_text())
    assert ("p", {"class": "alarm"}) in page.elements
    assert "do not use these results" in "".join(page.text)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("trials", [0, 1])
def test_every_design(trials):
    """All kinds in one report, with their options."""
    designs = [{"kind": kind, **SETTINGS[kind][0]} for kind in WAITING]
    trial = {"doses": [1], "target": 0.25, "max_patients": 9}
    truth = {"name": "t", "dlt_rates": [0.3], "rp2d": "none"}
    page = Page(make_report(run(Scenario(name="n", trial=trial, design=designs, truth=[truth]), trials=trials)))
    for design in designs:
        options = {row[0] for row in page.table(f"(kind “{design['kind']}”)")}
        assert set(REGISTRY[design["kind"]].model_fields) - {"kind", "label"} <= options


@pytest.mark.usefixtures("undrawn")
def test_sections_have_names_for_links():
    document = report_document(
        run(load_scenario(TAK), trials=0, designs=["boin"], truths=["DLT rate 0.30"]), Request("html", None, {}, None)
    )
    assert all(re.fullmatch("[a-z][a-z0-9-]*", section.identifier) for section in document.sections)
    assert all(section.parts for section in document.sections)


@pytest.mark.usefixtures("undrawn")
def test_python_call_where_there_is_no_file():
    finished = run(load_scenario(TAK), trials=100, designs=["boin"])
    call = (
        'escalation.write_report(scenario, "report.md", '
        "form='md', trials=100, seed=20260901, designs=['boin'], max_states=9000)"
    )
    text = make_report(finished, form="md", max_states=9000)
    assert call in text
    assert "SHA-256 of all settings" in text
    assert text.count("SHA-256 of") == 2, "no file: its digest is not given"


def test_a_report_is_on_a_trial_that_has_not_begun():
    with pytest.raises(EscalationError, match="before its first patient"):
        make_report(run(load_scenario(LUCAR), trials=0, after="1NNN", designs=["boin"]))
    with pytest.raises(EscalationError, match="needs exact values"):
        make_report(run(load_scenario(TAK), exact=False, trials=10, designs=["boin"]))


@pytest.mark.usefixtures("undrawn")
def test_sample_size_is_what_can_be_reached():
    """The 3+3 lead-in stops at six patients and 14 follow; the 3+3 of four doses has 24 at most."""
    chosen = {"designs": ["3+3", "3+3 lead-in"], "truths": ["DLT rate 0.10"]}
    text = make_report(run(load_scenario(TAK), trials=0, **chosen), form="md")
    assert "3+3: at most 6 patients" in text
    assert "3+3 lead-in: at most 20 patients" in text
    chosen = {"designs": ["3+3"], "truths": ["MTD at 300"]}
    assert "3+3: at most 24 patients" in make_report(run(load_scenario(LUCAR), trials=0, **chosen), form="md")


@pytest.mark.usefixtures("undrawn")
def test_a_comparison_that_disagrees_is_an_error(tmp_path, monkeypatch):
    """Even where all results agree by themselves."""
    from escalation.report.document import report as trial_report

    def wrong(*arguments, **options):
        finished, found = run_and_compare(*arguments, **options)
        first = replace(found.differences[0], p_value=1e-12)
        return finished, replace(found, differences=(first, *found.differences[1:]))

    monkeypatch.setattr(trial_report, "run_and_compare", wrong)
    options = ["--trials", "500", "--truth", "MTD at 300", "--output", str(tmp_path / "r.html")]
    result = CliRunner().invoke(main, ["report", str(LUCAR), *options])
    assert result.exit_code == 1
    assert "DISAGREE" in result.stderr
