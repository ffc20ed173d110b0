"""Nothing changes for users unless it is meant to: outputs, names and decisions as they were recorded.

A change that users are meant to see is recorded with it, by python -m tests.pins.record.
"""

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Iterable, Iterator

import pytest

import escalation
from tests.conformance.test_every_design import CASES
from tests.pins.commands import RECORDED, ROOT, WRITTEN, commands, output_of, written_by
from tests.pins.decisions import digests_of
from tests.pins.names import options

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
CLOSE = 1e-9
"""Mathematical functions differ in the last digit between processors; z values are small differences of them."""


def recorded(name: str):
    return json.loads((RECORDED / f"{name}.json").read_text())


OLDER = {"share_above_target": "above_mtd", "patients_above_target": "patients_above_mtd"}
"""Numbers that have two names: the newer says what they are, the older was pinned."""


DECISIONS = recorded("decisions")


def same(text: str, pinned: str) -> bool:
    """Whether two texts are the same to the letter, but for the last digits of numbers."""
    if text == pinned:
        return True
    if NUMBER.sub("0", text) != NUMBER.sub("0", pinned):
        return False
    pairs = zip(NUMBER.findall(text), NUMBER.findall(pinned), strict=True)
    return all(
        one == other or math.isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=CLOSE) for one, other in pairs
    )


def under_one_name(names: Iterable[str], *, newer: bool) -> Iterator[tuple[int, str]]:
    """Places of some names, each number once, by its newer or its older name; and the names as they were pinned."""
    names = list(names)
    stems = {OLDER.get(name.partition(".")[0]) for name in names}
    for place, name in enumerate(names):
        stem, *rest = name.split(".")
        if stem in OLDER:
            if newer:
                yield place, ".".join([OLDER[stem], *rest])
        elif not (newer and stem in stems):
            yield place, name


def pinned_tree(part, *, newer: bool):
    if isinstance(part, dict):
        values = [pinned_tree(value, newer=newer) for value in part.values()]
        return {name: values[place] for place, name in under_one_name(part, newer=newer)}
    if isinstance(part, list):
        named = [value.get("quantity", "") if isinstance(value, dict) else "" for value in part]
        rows = [pinned_tree(value, newer=newer) for value in part]
        found = under_one_name(named, newer=newer)
        return [rows[place] | {"quantity": name} if name else rows[place] for place, name in found]
    return part


def pinned_table(text: str, *, newer: bool) -> str:
    header, *rows = csv.reader(io.StringIO(text))
    if "quantity" in header:
        column = header.index("quantity")
        named = under_one_name((row[column] for row in rows), newer=newer)
        rows = [[*rows[place][:column], name, *rows[place][column + 1 :]] for place, name in named]
    places, names = zip(*under_one_name(header, newer=newer), strict=True)
    found = io.StringIO()
    csv.writer(found, lineterminator="\n").writerows([names, *([row[place] for place in places] for row in rows)])
    return found.getvalue()


def as_pinned(text: str, name: str, *, newer: bool) -> str:
    """A text with every number under one name, as it was when it was pinned."""
    if name.endswith(".csv"):
        return pinned_table(text, newer=newer)
    end = text.removeprefix(text.rstrip())
    return json.dumps(pinned_tree(json.loads(text), newer=newer), indent=1) + end


def check(text: str, name: str) -> None:
    pinned = gzip.decompress((RECORDED / f"{name}.gz").read_bytes()).decode()
    for newer in (False, True):
        found = as_pinned(text, name, newer=newer)
        if not same(found, pinned):
            assert found.splitlines() == pinned.splitlines()


@pytest.mark.parametrize("name", commands())
def test_output(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    check(output_of(commands()[name]), name)


@pytest.mark.parametrize("name", WRITTEN)
def test_written(name, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    check(written_by(WRITTEN[name], tmp_path), name)


def test_a_change_of_output_is_seen():
    text = '{"pcs": 0.6034999999999, "trials": 1000, "design": "boin"}'
    assert same(text, text.replace("0.6034999999999", "0.6035"))
    assert not same(text, text.replace("0.6034999999999", "0.60351"))
    assert not same(text, text.replace("1000", "1001"))
    assert not same(text, text.replace("boin", "crm"))
    assert not same(text, text.replace('"pcs"', '"PCS"'))


def test_a_number_with_two_names_is_seen_under_both():
    tree = {"above_mtd": 0.25, "share_above_target": 0.25, "gains": {"patients_above_mtd": 2.0}}
    older = {"above_mtd": 0.25, "gains": {"patients_above_mtd": 2.0}}
    assert [pinned_tree(tree, newer=newer) for newer in (False, True)] == [older, older]
    assert pinned_tree(tree | {"share_above_target": 0.5}, newer=True) != older
    rows = ["above_mtd.mean,1", "share_above_target.mean,1", "pcs.mean,2"]
    for newer in (False, True):
        table = pinned_table("\n".join(["quantity,value", *rows]), newer=newer)
        assert table.splitlines() == ["quantity,value", rows[0], rows[2]]
    assert pinned_table("share_above_target,above_mtd\n1,2\n", newer=True) == "above_mtd\n1\n"


def test_public_names():
    assert set(recorded("public")) <= set(escalation.__all__)


def test_commands_and_options():
    now = options()
    for command, names in recorded("options").items():
        assert set(names) <= set(now[command]), command


@pytest.mark.parametrize(
    ("design", "trial", "name"), [(*case.values, case.id) for case in CASES if case.id in DECISIONS]
)
def test_decisions_and_words(design, trial, name):
    assert digests_of(design, trial) == DECISIONS[name]


def test_every_pinned_design_is_still_tested():
    assert set(DECISIONS) <= {case.id for case in CASES}
