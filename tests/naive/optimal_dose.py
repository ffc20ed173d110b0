"""The choice of an optimal dose in plain Python, from its description: fractions, and every path of a trial."""

from fractions import Fraction
from itertools import product
from math import factorial, prod

from scipy import special

from tests.naive.play import cohort
from tests.naive.rules import Stop


def isotonic(values, weights):
    """Weighted isotonic regression by the largest mean that begins at or before, of the smallest that ends after."""
    n = len(values)

    def mean(first, last):
        part = range(first, last + 1)
        return sum(values[i] * weights[i] for i in part) / sum(weights[i] for i in part)

    return [max(min(mean(first, last) for last in range(i, n)) for first in range(i + 1)) for i in range(n)]


def with_mode(values, mode):
    """Least-squares fit with a mode: of all blocks around it the one with which the fit is the closest."""
    fits = []
    for first, last in product(range(mode + 1), range(mode, len(values))):
        top = sum(values[first : last + 1], Fraction(0)) / (last + 1 - first)
        rising = isotonic(values[:first], [1] * first)
        falling = isotonic(values[last + 1 :][::-1], [1] * (len(values) - last - 1))[::-1]
        fit = [*rising, *[top] * (last + 1 - first), *falling]
        if all(value <= top for value in fit):
            fits.append((sum((a - b) ** 2 for a, b in zip(values, fit, strict=True)), fit))
    return min(fits, key=lambda one: one[0])[1]


def unimodal(patients, responses):
    rates = [Fraction(e, n) for n, e in zip(patients, responses, strict=True)]
    fits = [with_mode(rates, mode) for mode in range(len(rates))]
    weights = [
        prod(p**e * (1 - p) ** (n - e) for p, n, e in zip(fit, patients, responses, strict=True)) for fit in fits
    ]
    return [
        sum(weight * fit[i] for weight, fit in zip(weights, fits, strict=True)) / sum(weights)
        for i in range(len(rates))
    ]


def optimal_dose(choice, efficacy, cells, recommended):
    """Index of the optimal dose or why there is none; `cells` are patients with N, E, T and B at each dose."""
    if recommended is None:
        return "safety"
    patients, responses = [sum(cell) for cell in cells], [cell[1] + cell[3] for cell in cells]
    tried = [dose for dose, n in enumerate(patients) if n]
    n, e = [patients[dose] for dose in tried], [responses[dose] for dose in tried]
    if choice.by == "unimodal":
        scores = unimodal(n, e)
    elif choice.by == "plateau":
        scores = isotonic([Fraction(a, b) for a, b in zip(e, n, strict=True)], n)
    elif choice.by == "max_response":
        scores = [Fraction(a, b) for a, b in zip(e, n, strict=True)]
    else:
        worth = efficacy.utility.none, efficacy.utility.eff, efficacy.utility.tox, efficacy.utility.both
        sums = [sum(u * count for u, count in zip(worth, cells[dose], strict=True)) for dose in tried]
        scores = [Fraction(100 + x, 2 + count) for x, count in zip(sums, n, strict=True)]
    may_be = [place for place, dose in enumerate(tried) if dose <= recommended]
    if not may_be:
        return "nothing_acceptable"
    active = [
        place
        for place in may_be
        if special.betainc(1 + e[place], 1 + n[place] - e[place], efficacy.min_response) <= choice.futility
    ]
    if not active:
        return "futility"
    best = max(scores[place] for place in active)
    within = Fraction(str(choice.margin)) if choice.by == "plateau" else 0
    return tried[min(place for place in active if scores[place] >= best - within)]


def with_waiting(known, waiting, cells):
    """Every way in which responses that are pending turn out, with its probability.

    `known` are patients with N, E, T and B at each dose, `waiting` those without and with a DLT who may yet respond.
    """
    states = {tuple(map(tuple, known)): 1.0}
    for dose, kind in product(range(len(known)), range(2)):
        none, response = (0, 1) if kind == 0 else (2, 3)
        whole = cells[dose][none] + cells[dose][response]
        for _ in range(waiting[dose][kind]):
            grown = {}
            for state, probability in states.items():
                for outcome in (none, response):
                    cell = list(state[dose])
                    cell[outcome] += 1
                    after = (*state[:dose], tuple(cell), *state[dose + 1 :])
                    grown[after] = grown.get(after, 0.0) + probability * cells[dose][outcome] / whole
            states = grown
    return states


def every_path(rule, cells, history=(), states=None, begun=(0, 0)):
    """Probability of each (patients with N, E, T and B at each dose, index of the recommended dose or None).

    `cells` are the probabilities of N, E, T and B at each dose. Every sequence of cohorts is followed to its end, from
    the cohorts of a history and the patients that there were in them, or with a first cohort of whom some patients,
    and DLTs, have `begun`.
    """
    found = {}

    def follow(history, state, probability, begun=(0, 0)):
        decision = rule.next(history)
        if isinstance(decision, Stop):
            key = state, None if decision.recommended is None else decision.recommended - 1
            found[key] = found.get(key, 0.0) + probability
            return
        size = decision.size - begun[0]
        for counts in product(range(size + 1), repeat=4):
            if sum(counts) != size:
                continue
            chance = factorial(size) / prod(map(factorial, counts))
            chance *= prod(p**count for p, count in zip(cells[decision.dose - 1], counts, strict=True))
            after = list(state)
            after[decision.dose - 1] = tuple(map(sum, zip(state[decision.dose - 1], counts, strict=True)))
            if chance > 0:
                treated = cohort(decision, begun[1] + counts[2] + counts[3])
                follow([*history, treated], tuple(after), probability * chance)

    for state, probability in (states or {((0, 0, 0, 0),) * rule.doses: 1.0}).items():
        follow([*history], state, probability, begun)
    return found
