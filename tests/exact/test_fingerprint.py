"""Fingerprints: the same for the same rule, another for any that ends a possible trial differently."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from escalation import BLRM, BOIN, CRM, DecisionTable, Expansion, ThreePlusThree, Trial, exact
from escalation.fingerprints import SHOWN, fingerprint
from tests.support import levels, table_rows

TRIAL = Trial(doses=levels(3), target=0.25, max_patients=12)


def of(design, trial=TRIAL) -> str:
    return fingerprint(exact(design, trial))


@pytest.mark.parametrize("titration", [False, True])
def test_one_rule_written_twice(titration):
    table = DecisionTable(rows=table_rows(BOIN().plan(TRIAL).codes[0]), titration=titration)
    assert of(table) == of(BOIN(titration=titration))


def test_options_without_effect_and_names_do_not_matter():
    assert of(BOIN()) == of(BOIN(label="another", p_saf=0.6 * 0.25)) == of(BOIN(stop_at=99))
    amounts = TRIAL.model_copy(update={"doses": (10, 20, 40), "dose_unit": "mg"})
    assert of(BOIN(), amounts) == of(BOIN())


def test_whatever_changes_a_trial_changes_it():
    designs = [
        *[BOIN(), BOIN(cutoff_eli=0.9), BOIN(p_tox=0.45), BOIN(titration=True), BOIN(stop_at=6), BOIN(bound_mtd=True)],
        *[BOIN(stop_when={"rule": "patients", "at_least": 9}), BOIN(restrict={"rule": "no_escalation", "dlts": 2})],
        *[ThreePlusThree(), ThreePlusThree(de_escalate=False), ThreePlusThree(six_at_top=False)],
        *[CRM(skeleton=[0.1, 0.25, 0.4]), CRM(skeleton=[0.05, 0.1, 0.2]), BLRM()],
        *[BOIN(expansion=Expansion(patients=3)), BOIN(expansion=Expansion(patients=3, monitoring={"threshold": 0.8}))],
    ]
    assert len({of(design) for design in designs}) == len(designs)
    assert len({of(design)[:SHOWN] for design in designs}) == len(designs)


@pytest.mark.parametrize("part", ["cells", "reason", "recommended", "sequences"])
def test_one_ending_of_many(part):
    """A change to a single ending is seen; the order of the endings is not."""
    endings = exact(BOIN(), TRIAL)
    whole = getattr(endings, part)
    changed = whole.copy()
    changed[(7, 0) if whole.ndim == 2 else 7] += 1
    assert fingerprint(replace(endings, **{part: changed})) != fingerprint(endings)
    order = np.random.default_rng(1).permutation(len(endings.reason))
    names = ("cells", "patients", "dlts", "reason", "recommended", "sequences")
    assert fingerprint(replace(endings, **{name: getattr(endings, name)[order] for name in names})) == fingerprint(
        endings
    )


def test_what_escalation_declared():
    """Two expansions that reject differently may leave the same counts."""
    endings = exact(BOIN(expansion=Expansion(patients=3, monitoring={"threshold": 0.8})), TRIAL)
    assert (endings.declared != endings.recommended).any()
    assert fingerprint(replace(endings, declared=endings.recommended)) != fingerprint(endings)


def test_the_same_in_another_process():
    script = (
        "from escalation import BOIN, Trial, exact; from escalation.fingerprints import fingerprint;"
        "print(fingerprint(exact(BOIN(), Trial(doses=[1, 2, 3], target=0.25, max_patients=12))))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == of(BOIN())
