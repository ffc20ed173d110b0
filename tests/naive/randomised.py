"""A randomised comparison of doses in plain Python, from its description: every outcome of every patient, fractions."""

from fractions import Fraction
from itertools import product
from math import factorial, prod

from scipy import stats

from tests.naive.optimal_dose import isotonic


def arms_of(patients, recommended, most):
    """Indices of the arms: the recommended dose and the next lower ones, of those that have been given."""
    if recommended is None:
        return []
    return [dose for dose in range(recommended, -1, -1) if patients[dose]][:most][::-1]


def counted(size, cells):
    """Every way that so many patients' outcomes N, E, T and B can fall, and its probability."""
    for counts in product(range(size + 1), repeat=4):
        if sum(counts) == size:
            ways = factorial(size) // prod(map(factorial, counts))
            yield counts, ways * prod(p**count for p, count in zip(cells, counts, strict=True))


def closed_at(interim, counts):
    """Whether an arm's counts close it for DLTs, and whether they do for responses."""
    n, dlts, responses = sum(counts), counts[2] + counts[3], counts[1] + counts[3]
    a, b = interim.prior
    toxic = interim.dlt_limit is not None and (
        stats.beta.sf(interim.dlt_limit, a + dlts, b + n - dlts) > interim.dlt_threshold
    )
    dull = interim.response_limit is not None and (
        stats.beta.cdf(interim.response_limit, a + responses, b + n - responses) > interim.response_threshold
    )
    return toxic, dull


def look(interim, arms, counts, state):
    """What has become of the arms after a look; the lowest arm with many DLTs closes all above it as well."""
    after, found = dict(state), {arm: closed_at(interim, counts[arm]) for arm in arms if state[arm] == "open"}
    worst = min((arm for arm, (toxic, _) in found.items() if toxic), default=None)
    for arm, (_, dull) in found.items():
        if worst is not None and arm >= worst:
            after[arm] = "dlts"
        elif dull:
            after[arm] = "responses"
    return after


def choose(given, efficacy, kept):
    """The chosen arm of some, or None; `kept` are their counts of N, E, T and B by the dose."""
    doses = sorted(kept)
    responses = {dose: kept[dose][1] + kept[dose][3] for dose in doses}
    if given.rule == "merit":
        most, fewest = given.margins
        toxic = isotonic([Fraction(kept[dose][2] + kept[dose][3]) for dose in doses], [1] * len(doses))
        active = isotonic([Fraction(responses[dose]) for dose in doses], [1] * len(doses))
        good = [dose for dose, t, e in zip(doses, toxic, active, strict=True) if t <= most and e >= fewest]
        return min(good, default=None)
    found, best = None, Fraction(0)
    for dose in doses:
        if given.rule == "difference":
            score, margin = Fraction(responses[dose], sum(kept[dose])), Fraction(str(given.margin))
        else:
            worth = efficacy.utility.none, efficacy.utility.eff, efficacy.utility.tox, efficacy.utility.both
            total = sum(u * count for u, count in zip(worth, kept[dose], strict=True))
            score, margin = Fraction(total, sum(kept[dose])), 0
        if found is None or score > best + margin:
            found, best = dose, score
    return found


def comparisons(given, cells, arms):
    """Every way the arms can end: (counts of N, E, T, B by arm, what has become of each arm), and its probability."""
    looks = () if given.interim is None else given.interim.after
    ends, treated = {(((0, 0, 0, 0),) * len(arms), ("open",) * len(arms)): Fraction(1)}, 0
    for until in (*looks, given.patients_per_dose):
        reached = {}
        for (counts, state), probability in ends.items():
            more = [
                counted(until - treated, cells[arm]) if is_open == "open" else [((0,) * 4, 1)]
                for arm, is_open in zip(arms, state, strict=True)
            ]
            for outcome in product(*map(list, more)):
                after = tuple(
                    tuple(map(sum, zip(*pair, strict=True)))
                    for pair in zip(counts, (one for one, _ in outcome), strict=True)
                )
                key, chance = (after, state), probability * prod(share for _, share in outcome)
                if chance:
                    reached[key] = reached.get(key, 0) + chance
        ends, treated = reached, until
        if until in looks:
            ends = {}
            for (counts, state), probability in reached.items():
                then = look(
                    given.interim, arms, dict(zip(arms, counts, strict=True)), dict(zip(arms, state, strict=True))
                )
                key = counts, tuple(then[arm] for arm in arms)
                ends[key] = ends.get(key, 0) + probability
    return ends


def decided(given, efficacy, arms, counts, state, before):
    """The chosen dose of an end of a comparison, or None; `before` are the patients of dose escalation by dose."""
    kept = {arm: count for arm, count, is_open in zip(arms, counts, state, strict=True) if is_open == "open"}
    if given.pool_escalation:
        kept = {arm: tuple(map(sum, zip(count, before[arm], strict=True))) for arm, count in kept.items()}
    return choose(given, efficacy, kept)
