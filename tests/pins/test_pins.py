"""Nothing changes for users unless it is meant to: outputs, names and decisions as they were recorded.

A change that users are meant to see is recorded with it, by python -m tests.pins.record.
"""

import gzip
import json
import math
import re

import pytest

import escalation
from tests.conformance.test_every_design import CASES
from tests.pins.commands import RECORDED, ROOT, WRITTEN, commands, output_of, written_by
from tests.pins.decisions import digests_of
from tests.pins.names import options
from tests.support import in_each_case

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
CLOSE = 1e-9
"""Mathematical functions differ in the last digit between processors; z values are small differences of them."""


def recorded(name: str):
    return json.loads((RECORDED / f"{name}.json").read_text())


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


def check(text: str, name: str) -> None:
    pinned = gzip.decompress((RECORDED / f"{name}.gz").read_bytes()).decode()
    if not same(text, pinned):
        assert text.splitlines() == pinned.splitlines()


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


def test_public_names():
    assert set(recorded("public")) <= set(escalation.__all__)


def test_commands_and_options():
    now = options()
    for command, names in recorded("options").items():
        assert set(names) <= set(now[command]), command


@in_each_case([pytest.param(*case.values, case.id, id=case.id) for case in CASES if case.id in DECISIONS])
def test_decisions_and_words(design, trial, name):
    assert digests_of(design, trial) == DECISIONS[name]


def test_every_pinned_design_is_still_tested():
    assert set(DECISIONS) <= {case.id for case in CASES}
