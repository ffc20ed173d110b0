"""Seconds and bytes for people: two or three digits and a unit."""


def duration(seconds: float) -> str:
    """Seconds in the unit that gives one to three digits before the point."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= 0.9995 * size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds / 1e-6)} µs"


def memory(size: float) -> str:
    """Bytes in MB or GB; what is below 1 MB cannot be told from a process's own ups and downs."""
    if size < 1e6:
        return "<1 MB"
    return f"{_short(size / 1e9)} GB" if size >= 0.9995e9 else f"{_short(size / 1e6)} MB"


def _short(number: float) -> str:
    """Two digits at least, and all before the point."""
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"
