"""The 3+3 of the R package crmPack (`NextBestThreePlusThree`), which decides by the rate at the last dose.

Its rule, by all patients at the last dose, also where that was revisited: below 1/3 one dose up, or the same where
there is none or the next was tried; above 1/3 one dose down; at 1/3 the same after three patients, one down after more.
The trial ends below the lowest dose, with none, and when the next dose has more than three patients, with that.
"""

from collections import Counter
from fractions import Fraction
from math import comb

import pytest

from escalation import ThreePlusThree, Trial, exact
from escalation.kernels.codes import NO_DOSE
from tests.support import levels

THIRD = Fraction(1, 3)


def following(patients, dlts, last: int) -> int:
    """Index of the dose that crmPack gives next; -1 below the lowest."""
    rate = Fraction(dlts[last], patients[last])
    if rate < THIRD:
        return last if last + 1 == len(patients) or patients[last + 1] else last + 1
    return last if rate == THIRD and patients[last] == 3 else last - 1


def endings(doses: int, start: int) -> Counter:
    """Patient sequences by the counts at the end and the recommended dose."""
    found = Counter()

    def walk(patients, dlts, dose: int, ways: int) -> None:
        for toxic in range(4):
            n, y = list(patients), list(dlts)
            n[dose] += 3
            y[dose] += toxic
            after, number = following(n, y, dose), ways * comb(3, toxic)
            if after < 0 or n[after] > 3:
                found[tuple(n), tuple(y), NO_DOSE if after < 0 else after] += number
            else:
                walk(n, y, after, number)

    walk([0] * doses, [0] * doses, start - 1, 1)
    return found


@pytest.mark.parametrize(("doses", "start"), [(1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (4, 3)])
def test_the_same_trials(doses, start):
    """Ours fills the dose below one that is too toxic, and the highest, up to six patients, by default."""
    trial = Trial(doses=levels(doses), target=0.25, max_patients=6 * doses, start_dose=start)
    ours = exact(ThreePlusThree(), trial)
    found = Counter()
    counts = zip(ours.patients.tolist(), ours.dlts.tolist(), ours.recommended.tolist(), ours.sequences, strict=True)
    for patients, dlts, recommended, sequences in counts:
        found[tuple(patients), tuple(dlts), recommended] += int(sequences)
    assert found == endings(doses, start)
