"""How numbers are printed for people."""

ROUNDING = 1e-12
"""A sum of probabilities may be this far from 1."""


def percent(share: float, decimals: int = 1) -> str:
    """A probability in percent; one that is not 0 or 1 is not printed as if it were."""
    step = 10.0**-decimals
    if 0 < share <= step / 200:
        return f"<{step:.{decimals}f}"
    if 1 - step / 200 <= share < 1 - ROUNDING:
        return f">{100 - step:.{decimals}f}"
    return f"{100 * share:.{decimals}f}"


def mean(count: float, decimals: int = 1) -> str:
    """A mean count; one that is not 0 is not printed as if it were."""
    step = 10.0**-decimals
    return f"{count:.{decimals}f}" if count == 0 or count >= step / 2 else f"<{step:.{decimals}f}"


def count(number: int, noun: str) -> str:
    """A number of things, in words that agree: 1 patient, 2 patients."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def days(number: float) -> str:
    """A number of days, which need not be whole."""
    return f"{number:g} day" if number == 1 else f"{number:g} days"
