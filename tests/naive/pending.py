"""Rules for pending patients, written from the formulas of the papers, in plain Python and adaptive quadrature.

At a dose: n patients, y DLTs, and the shares of the DLT window for which the pending ones have been followed. Decisions
are letters: E escalate, S stay, D de-escalate, DE eliminate, SUS wait.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from math import comb, exp, log, prod

from scipy.integrate import quad


@cache
def above(target: float, n: int, y: int) -> float:
    """P(rate > target) after y DLTs in n patients, under a uniform prior."""
    return sum(comb(n + 1, k) * target**k * (1 - target) ** (n + 1 - k) for k in range(y + 1))


def eliminated(target: float, n: int, y: int, fewest: int) -> bool:
    return n >= fewest and above(target, n, y) > 0.95


@cache
def lambdas(target: float) -> tuple[float, float]:
    """Those of BOIN for rates of 0.6 and 1.4 times the target."""
    low, high = 0.6 * target, 1.4 * target
    up = log((1 - low) / (1 - target)) / log(target * (1 - low) / (low * (1 - target)))
    down = log((1 - target) / (1 - high)) / log(high * (1 - target) / (target * (1 - high)))
    return up, down


def boin(target: float, n: int, y: int) -> str:
    up, down = lambdas(target)
    return "D" if y / n >= down else "E" if y / n <= up else "S"


def exactly(number: float) -> Fraction:
    """The decimal fraction that somebody wrote."""
    return Fraction(str(number))


def tite_boin(
    target: float, n: int, y: int, shares: Sequence[float], most_pending: float = 0.5, least: float = 0.0
) -> str:
    """Yuan et al. 2018, by the imputed rate itself."""
    up, down = lambdas(target)
    c = len(shares)
    if eliminated(target, n, y, 3):
        return "DE"
    if c == 0 or y / n >= down:
        return boin(target, n, y)
    if Fraction(c, n) > exactly(most_pending):
        return "SUS"
    p = (y + target / 2) / (n - c + 1)
    imputed = (y + sum((1 - u) * p / (1 - p) for u in shares)) / n
    if Fraction(y, n) < exactly(target):
        if imputed > up:
            return "S"
        return "SUS" if any(u < least for u in shares) else "E"
    return "D" if imputed >= down else "S"


def mass(n: float, y: int, low: float, high: float) -> float:
    """Of a dose's posterior between two rates, to a constant factor; n patients, who need not be whole."""
    return quad(lambda p: p**y * (1 - p) ** (n - y), low, high, epsabs=0, epsrel=1e-10)[0]


def keyboard(target: float, n: float, y: int) -> str:
    """The strongest of all keys 0.1 wide, the shorter ones at the ends by their mean density."""
    edges = [target - 0.05, target + 0.05]
    while edges[0] > 1e-12:
        edges.insert(0, max(edges[0] - 0.1, 0.0))
    while edges[-1] < 1 - 1e-12:
        edges.append(min(edges[-1] + 0.1, 1.0))
    keys = list(pairwise(edges))
    strengths = [mass(n, y, low, high) / (high - low) for low, high in keys]
    best = max(strengths)
    # At a tie the higher key counts.
    low, _ = [key for key, strength in zip(keys, strengths, strict=True) if strength >= best * (1 - 1e-7)][-1]
    return "E" if low < target - 0.06 else "D" if low > target else "S"


def mtpi(target: float, n: float, y: int) -> str:
    """The largest of three unit probability masses."""
    edges = [0.0, target - 0.05, target + 0.05, 1.0]
    strengths = [mass(n, y, low, high) / (high - low) for low, high in pairwise(edges)]
    best = max(strengths)
    place = max(k for k, strength in enumerate(strengths) if strength >= best * (1 - 1e-7))
    return "ESD"[place]


def boin_ess(target: float, n: float, y: int) -> str:
    up, down = lambdas(target)
    return "E" if y / n <= up else "D" if y / n >= down else "S"


def i3plus3(target: float, n: float, y: int) -> str:
    """Liu et al. 2020, by exact fractions."""
    low, high = exactly(target) - exactly(0.05), exactly(target) + exactly(0.05)
    rate, fewer = Fraction(y, int(n)), Fraction(y - 1, int(n))
    return "E" if rate < low else "S" if rate <= high or fewer < low else "D"


Rule = Callable[[float, float, int], str]


def tite_ess(
    rule: Rule, target: float, n: int, y: int, shares: Sequence[float], fewest: int, fewest_complete: int = 2
) -> str:
    """Lin & Yuan 2020: the rule on the effective sample size."""
    c = len(shares)
    if eliminated(target, n, y, fewest):
        return "DE"
    whole = rule(target, n, y)
    if c == 0 or whole == "D":
        return whole
    weighed = rule(target, n - c + sum(shares), y)
    return "SUS" if weighed == "E" and n - c < fewest_complete else weighed


def outcome_law(n: int, y: int, shares: Sequence[float]) -> list[float]:
    """Probabilities of 0, 1, ... DLTs among the pending patients, from every single outcome of them all.

    A pending patient had no DLT for a share u of the window: with probability 1 - p none follows, with (1 - u) p one.
    """
    c = len(shares)
    weights = [0.0] * (c + 1)
    for outcome in product((0, 1), repeat=c):
        toxic = sum(outcome)
        chance = prod(1 - u for u, has in zip(shares, outcome, strict=True) if has)
        weights[toxic] += chance * mass(n, y + toxic, 0.0, 1.0)
    return [weight / sum(weights) for weight in weights]


def decision_law(rule: Rule, target: float, n: int, y: int, shares: Sequence[float]) -> dict[str, float]:
    found = dict.fromkeys("DSE", 0.0)
    for toxic, chance in enumerate(outcome_law(n, y, shares)):
        found[rule(target, n, y + toxic)] += chance
    return found


def pod_tpi(
    rule: Rule, target: float, n: int, y: int, shares: Sequence[float], suspend: str, fewest: int, at_end: str = ""
) -> str:
    """Zhou et al. 2020; `at_end` is "lowest" or "highest" where there is no dose below or above."""
    c, known = len(shares), n - len(shares)

    def moved(target: float, n: float, y: int) -> str:
        letter = rule(target, n, y)
        return "S" if (letter, at_end) in (("E", "highest"), ("D", "lowest")) else letter

    if c == 0:
        return "DE" if eliminated(target, n, y, fewest) else moved(target, n, y)
    if known >= 3 and above(target, known, y) > 0.95:
        return "SUS" if at_end == "lowest" and above(target, n, y) <= 0.95 else "DE"
    if known == 0 or (suspend == "half" and c / n > 0.5):
        return "SUS"
    if suspend == "disagreement":
        letters = {moved(target, n, y + toxic) for toxic in range(c + 1)}
        return letters.pop() if len(letters) == 1 else "SUS"
    law = decision_law(moved, target, n, y, shares)
    best = max(law.values())
    letter = next(letter for letter in "DSE" if law[letter] >= best - 1e-9)
    if suspend == "probability" and (
        (letter == "E" and law["E"] < 1 - 1e-9) or (letter == "S" and law["D"] > 0.15 + 1e-9)
    ):
        return "SUS"
    return letter


def rolling_six(n: int, y: int, c: int) -> str:
    """Skolnik et al. 2008, in the words of the paper: what becomes of the next patient."""
    complete_without = n - y - c
    if y >= 2:
        return "DE"
    if y == 0 and c == 0 and n >= 3:
        return "E"
    if n == 6 and ((complete_without == 5 and c == 1) or (y == 1 and c == 0)):
        return "E"
    return "SUS" if n == 6 else "S"


def adaptive(u: float, times: Sequence[float]) -> float:
    """Cheung & Chappell 2000, from the times of the DLTs; all as shares of the window."""
    times, z = sorted(times), len(times)
    earlier = sum(time <= u for time in times)
    if z == 0:
        return u
    if earlier == 0:
        return u / times[0] / (z + 1)
    start, end = times[earlier - 1], times[earlier] if earlier < z else 1.0
    return (earlier + (u - start) / (end - start)) / (z + 1)


def tite_crm_mean(
    skeleton: Sequence[float], sd: float, dlts: Sequence[int], others: Sequence[tuple[int, float]]
) -> float:
    """Posterior mean of b in rates skeleton^exp(b): the doses of DLTs, and of other patients with their weights."""

    def density(b: float) -> float:
        rates = [rate ** exp(b) for rate in skeleton]
        found = exp(-((b / sd) ** 2) / 2)
        return found * prod(rates[dose] for dose in dlts) * prod(1 - weight * rates[dose] for dose, weight in others)

    def integral(function: Callable[[float], float], least: float) -> float:
        return quad(function, -10 * sd, 10 * sd, epsabs=least, limit=400, points=[-3.0, -1.0, 0.0, 1.0, 3.0])[0]

    whole = integral(density, 0.0)
    return integral(lambda b: b * density(b), 1e-12 * whole) / whole
