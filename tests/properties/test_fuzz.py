"""Scenario files near valid ones: whatever is wrong with them, a message and exit code 2, never a traceback."""

import os

from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation.cli import main

# A few hundred in the ordinary run; ESCALATION_FUZZ=10000 for a long one.
EXAMPLES = int(os.environ.get("ESCALATION_FUZZ", "300"))

scalars = st.one_of(
    st.integers(-3, 40),
    st.integers(10**9, 10**20),
    st.floats(),
    st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0, -0.1, 1e-300, 0.999999]),
    st.booleans(),
    st.sampled_from(["", " ", "none", "boin", "3+3", "power", "dose", "é", "a\nb", "[x]", "2020-01-01"]),
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "rule": st.sampled_from(["patients", "precise", "too_toxic", "max_step", "never_skip", "bayes", "sprt", ""]),
        "any": st.lists(st.builds(dict), max_size=2),
        "at_least": scalars,
        "dose": scalars,
        "levels": scalars,
        "patients": scalars,
        "monitoring": scalars,
    },
)
values = st.recursive(scalars | rules, lambda inner: st.lists(inner, max_size=4), max_leaves=6)

TRIAL = {"doses": [1, 2, 3], "target": 0.25, "max_patients": 12, "cohort_size": 3, "start_dose": 1, "dose_unit": "mg"}
DESIGNS = [
    {"kind": "3+3", "de_escalate": True, "six_at_top": False},
    {"kind": "boin", "p_saf": 0.1, "p_tox": 0.4, "cutoff_eli": 0.9, "extra_safe": True, "offset": 0.1, "stop_at": 9,
     "bound_mtd": True, "titration": True, "label": "b"},
    {"kind": "crm", "model": "logistic", "half_width": 0.05, "prior_mtd": 2, "prior_sd": 1.0, "intercept": 1.0,
     "estimate": "mean", "no_skip": False, "coherent": "dose",
     "stop_if_too_toxic": {"threshold": 0.9, "margin": 0.05}, "stop_at": 9},
    {"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "recommend_untried": True},
    {"kind": "monitoring", "limit": 0.3, "threshold": 0.9, "prior": [0.5, 0.5], "min_patients": 3},
    {"kind": "monitoring", "rule": "wang-tsiatis", "alpha": 0.1, "delta": 0.25},
    {"kind": "monitoring", "rule": "sprt", "p1": 0.5},
    {"kind": "i3+3", "epsilon1": 0.05, "epsilon2": 0.1, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "tpi", "k1": 1.0, "k2": 1.5, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "mtpi", "epsilon1": 0.05, "epsilon2": 0.1, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "mtpi2", "epsilon1": 0.05, "epsilon2": 0.1, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "keyboard", "half_width": 0.05, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "ccd", "half_width": 0.1, "cutoff_eli": 0.9, "stop_at": 9},
    {"kind": "table", "recommend": "highest_cleared", "cap": 6, "rows": [
        {"patients": "1-12", "dlts": 0, "decision": "E"},
        {"dose": ">=1", "patients": "1-12", "dlts": 1, "decision": "S"},
        {"patients": ">=1", "dlts": ">=2", "decision": "DU"}]},
    {"kind": "table", "file": "no-table.csv"},
    {"kind": "a+b", "a": 2, "b": 3, "c": 1, "d": 1, "e": 2, "de_escalate": False, "full_at_top": False,
     "titration": True},
    {"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "method": "mle", "expansion": {"patients": 4, "cohort_size": 2,
     "monitoring": {"rule": "pocock", "alpha": 0.2}}},
    {"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "prior": "gamma", "prior_shape": 2.0, "prior_rate": 1.5},
    {"kind": "blrm", "prior_mean": [-1.0, 0.0], "prior_sd": [1.5, 0.7], "prior_correlation": 0.2, "reference_dose": 2.0,
     "intervals": [0.2, 0.35, 0.6], "ewoc": 0.5, "choose": "highest"},
    {"kind": "bma-crm", "skeletons": [[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]], "weights": [1.0, 2.0]},
    {"kind": "boin", "restrict": [{"rule": "max_step", "factor": 1.5}, {"rule": "no_escalation", "dlts": 2}],
     "stop_when": {"any": [{"rule": "too_toxic", "dose": "any", "threshold": 0.9}, {"all": [
         {"rule": "patients", "at_least": 6}, {"rule": "precise", "width": 0.5, "dose": 2}]}]}},
    {"kind": "boin12", "p_saf": 0.2, "p_tox": 0.5, "cutoff_eli": 0.9, "dlts_to_eliminate": 2, "futility": 0.95,
     "confine_from": 3, "explore_from": 6, "stop_at": "never", "ties": "highest"},
]  # fmt: skip
TRUTH = {"name": "t", "dlt_rates": [0.1, 0.2, 0.3], "rp2d": 2}
EFFICACY = {"min_response": 0.25, "max_toxicity": 0.35, "utility": {"eff": 100, "none": 40, "both": 50, "tox": 0}}
RESPONSES = {"response_rates": [0.2, 0.4, 0.4], "association": {"odds_ratio": 2.0}, "obd": 2}


def by_responses(designs):
    """Whether one of them decides by responses, which the trial and truths then need."""
    return any(design.get("kind") == "boin12" for design in designs)


@st.composite
def changed(draw, table):
    """The table with up to three entries replaced, left out or added."""
    table = dict(table)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*table, "extra", "Target", ""]))
        if draw(st.booleans()) and name in table:
            del table[name]
        else:
            table[name] = draw(values)
    return table


@st.composite
def documents(draw):
    content = {"name": "fuzzed", "trial": draw(changed(TRIAL))}
    content["design"] = [draw(changed(draw(st.sampled_from(DESIGNS)))) for _ in range(draw(st.integers(0, 3)))]
    responses = {}
    if by_responses(content["design"]):
        content["trial"]["efficacy"], responses = draw(changed(EFFICACY)), RESPONSES
    for design in content["design"]:
        if isinstance(design.get("rows"), list) and draw(st.booleans()):
            design["rows"] = [draw(changed(row)) if isinstance(row, dict) else row for row in design["rows"]]
    content["truth"] = [draw(changed(TRUTH | responses)) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        content = draw(changed(content))
    text = "\n".join(toml(content))
    if draw(st.integers(0, 9)) == 0:  # and some that are not even TOML
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["\x00", '"', "]", "=", "\n", "é", "\ud800", "#", "1e"])) + text[at:]
    return text


def toml(content, path=()):
    """Lines of a TOML document."""
    tables = {name: value for name, value in content.items() if is_table(value)}
    for name, value in content.items():
        if name not in tables:
            yield f"{quoted(name)} = {inline(value)}"
    for name, value in tables.items():
        for part in value if isinstance(value, list) else [value]:
            where = ".".join(map(quoted, (*path, name)))
            yield f"[[{where}]]" if isinstance(value, list) else f"[{where}]"
            yield from toml(part, (*path, name))


def is_table(value) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and value != [] and all(type(v) is dict for v in value))


def quoted(text: str) -> str:
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text) + '"'


def inline(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(name)} = {inline(part)}" for name, part in value.items()) + "}"
    return repr(value)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=documents())
def test_no_file_ends_in_a_traceback(tmp_path, text):
    file = tmp_path / "fuzzed.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "20", "--format", "json"])
    assert result.exit_code in (0, 2), text
    assert result.exception is None or isinstance(result.exception, SystemExit), text
    if result.exit_code == 2:
        assert result.stdout == ""
        assert all(line.startswith(("error: ", "warning: ")) for line in result.stderr.splitlines())
        assert f"error: {file}: " in result.stderr


CSV = ["patients,dlts,decision\n", "dlts,3,6\n", "1-12,0,E\n", "1-12,>=1,DU\n", "3,1,S\n", "0,E,E\n", "1,,S\n", "dose,",
       "9" * 7, ",", "\n", '"', "#", "-1", ">=", "\x00", "\r", "é", "\u2028", "DU", "\ufeff", ";", "\x1b"]  # fmt: skip


@settings(
    max_examples=EXAMPLES // 3,
    deadline=None,
    derandomize=EXAMPLES == 300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(parts=st.lists(st.sampled_from(CSV) | st.text(max_size=3), max_size=9))
def test_no_table_ends_in_a_traceback(tmp_path, parts):
    (tmp_path / "table.csv").write_bytes("".join(parts).encode("utf-8", "surrogatepass"))
    file = tmp_path / "fuzzed.toml"
    design = {"kind": "table", "file": "table.csv"}
    file.write_text("\n".join(toml({"name": "fuzzed", "trial": TRIAL, "design": [design], "truth": [TRUTH]})))
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "20", "--format", "json"])
    assert result.exit_code in (0, 2), parts
    assert result.exception is None or isinstance(result.exception, SystemExit), parts
    if result.exit_code == 2:
        assert all(line.startswith((f"error: {file}: design[1]", "warning: ")) for line in result.stderr.splitlines())
