"""How time and memory of both engines grow with the size of the problem."""

from benchmarks.section import Scale, Section


def section(scale: Scale) -> Section:
    """Growth along every axis, the exponents, and where the exact engine stops."""
    # The processes that are timed import this package too, and need neither figures nor pages.
    from benchmarks.growth.page import growth_section

    return growth_section(scale)
