"""How numbers are printed for people."""

ROUNDING = 1e-12
"""A sum of probabilities may be this far from 1."""


def percent(share: float) -> str:
    """A probability in percent; one that is not 0 or 1 is not printed as if it were."""
    if 0 < share < 0.0005:
        return "<0.1"
    if 0.9995 <= share < 1 - ROUNDING:
        return ">99.9"
    return f"{100 * share:.1f}"


def whole_percent(share: float) -> str:
    """As `percent`, without decimals: for where there is little room."""
    if 0 < share <= 0.005:
        return "<1"
    if 0.995 <= share < 1 - ROUNDING:
        return ">99"
    return f"{100 * share:.0f}"


def mean(count: float) -> str:
    """A mean count with one decimal; one that is not 0 is not printed as if it were."""
    return f"{count:.1f}" if count == 0 or count >= 0.05 else "<0.1"


def count(number: int, noun: str) -> str:
    """A number of things, in words that agree: 1 patient, 2 patients."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
