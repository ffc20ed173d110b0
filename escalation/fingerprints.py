"""A fingerprint of how a design ends its trials.

Every ending of a design's trials goes into it: the patients and DLTs at each dose, the reason, the recommendation (with
an expansion also the dose that escalation declared) and the number of patient sequences that lead there. Operating
characteristics depend on these and on nothing else of a design. So two designs with the same fingerprint have the same
operating characteristics under every truth, however differently they are written. The fingerprint does not see names,
amounts of doses, options without effect, nor the order in which trials came by their counts: a design that gives doses
1, 2, 1 whatever happens ends like one that gives 1, 1, 2.
"""

import hashlib

import numpy as np

from escalation.enumeration import Enumeration

SHOWN = 16
"""Hexadecimal digits that are enough for people to compare."""


def fingerprint(enumeration: Enumeration) -> str:
    """SHA-256 of all endings, in an order that does not depend on how they were found.

    Endings that differ only in the number of cohorts (titration) are added up. Numbers of sequences are exact up to
    2^53; larger ones are rounded, in the same way at each run.

    Parameters
    ----------
    enumeration : Enumeration

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from escalation import BOIN, Trial, exact
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> fingerprint(exact(BOIN(), trial)) == fingerprint(exact(BOIN(p_saf=0.15), trial))
    True
    >>> fingerprint(exact(BOIN(), trial)) == fingerprint(exact(BOIN(cutoff_eli=0.9), trial))
    False
    """
    recommended = enumeration.recommended
    declared = recommended if enumeration.declared is None else enumeration.declared
    keys = np.column_stack([enumeration.cells, enumeration.reason, recommended, declared]).astype("<i4")
    order = np.lexsort(keys.T[::-1])
    keys = keys[order]
    first = np.flatnonzero(np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)]))
    sequences = np.add.reduceat(enumeration.sequences[order], first).astype("<f8")
    digest = hashlib.sha256(np.array(keys[first].shape, "<i8").tobytes())
    digest.update(keys[first].tobytes())
    digest.update(sequences.tobytes())
    return digest.hexdigest()
