"""The results that the project shows, and how they are written."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks import results
from benchmarks.__main__ import COMMANDS, main
from benchmarks.section import Headline, Section
from escalation.report.blocks import Heading

ROOT = Path(__file__).parents[2]
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_shows_the_headline_figures():
    shown = results.headline_of(README)
    assert shown == results.headline_of(RESULTS)
    assert shown.count("\n") > 5


@pytest.mark.parametrize("heading", ["Peers", "Growth", "Start-up", "Limits", "Accuracy", "Designs"])
def test_results_have_all_sections(heading):
    assert f"\n## {heading}\n" in RESULTS
    for fact in ("Machine: ", "Versions: Python ", "Date: 20"):
        assert f"- {fact}" in RESULTS


def test_files_of_the_results_are_there():
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", RESULTS):
        assert (ROOT / "benchmarks" / name).is_file()


SECTIONS = [
    Section([Heading("One")], [Headline("a", "1 s", "2 times")], {"one.csv": b"1\n"}, {"one.svg": "a picture"}),
    Section([Heading("Two")]),
]


def test_written(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{results.BEGIN}old\n{results.END}\nafter\n")
    results.write_results(SECTIONS, tmp_path, readme)
    table = "| measured | figure | beside it |\n|---|---:|---|\n| a | 1 s | 2 times |\n"
    assert readme.read_text() == f"before\n\n{results.BEGIN}{table}{results.END}\nafter\n"
    page = (tmp_path / "RESULTS.md").read_text()
    assert results.headline_of(page) == table
    assert "\n## One\n" in page
    assert "![a picture](one.svg)" in page
    assert (tmp_path / "one.csv").read_bytes() == b"1\n"


def test_a_page_without_a_place_for_them_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing\n")
    with pytest.raises(click.ClickException, match="has no lines"):
        results.write_results(SECTIONS, tmp_path, readme)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert readme.read_text() == "nothing\n"


@pytest.mark.parametrize("named", [[], ["--to", "."]])
def test_small_sizes_do_not_become_the_results(named):
    before = RESULTS, README
    said = CliRunner().invoke(main, ["all", "--smoke", *named])
    assert said.exit_code == 2
    assert "measures nothing" in said.stderr
    assert before == ((ROOT / "benchmarks" / "RESULTS.md").read_text(), (ROOT / "README.md").read_text())


@pytest.mark.parametrize(
    "command", [["designs", "--smoke"], ["all", "--smoke", "--readme", str(ROOT / "CHANGELOG.md")]]
)
def test_a_folder_that_cannot_be_written_to_is_refused_at_once(command):
    said = CliRunner().invoke(main, [*command, "--to", "/proc"])
    assert said.exit_code == 1
    assert said.stdout == ""
    assert said.stderr.startswith("Error: /proc/RESULTS.md: cannot be written")


def test_a_page_without_a_place_is_refused_at_once(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    said = CliRunner().invoke(main, ["all", "--smoke", "--to", str(tmp_path), "--readme", str(page)])
    assert said.exit_code == 1
    assert "has no lines" in said.stderr
    assert said.stderr.count("\n") == 1


def test_help_names_every_command():
    said = CliRunner().invoke(main, ["--help"]).stdout
    for name in [*COMMANDS, "all"]:
        assert re.search(rf"^  {name} ", said, re.MULTILINE)


def test_a_missing_package_is_named():
    script = (
        "import sys; sys.modules['pyperf'] = None\nfrom benchmarks.__main__ import main; main(['limits', '--smoke'])"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "pip install '.[bench]'" in ended.stderr
    assert "Traceback" not in ended.stderr
