"""Everything that can be wrong with what a user asks for, in words for that user."""

MOST_SHOWN = 60
"""Characters of what somebody wrote that a message repeats."""


def brief(given: object, most: int = MOST_SHOWN) -> str:
    """What somebody wrote, for a message: not more than its beginning, and nothing in it that a terminal would obey."""
    try:
        text = given if isinstance(given, str) else str(given)
    except ValueError:  # whole numbers of thousands of digits cannot be printed
        return "a number of thousands of digits"
    text = text if len(text) <= most else f"{text[:most]}..."
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text) or "''"


class EscalationError(Exception):
    """Base of this package's errors; trials, designs and scenarios made in Python also raise pydantic's."""


class DesignError(EscalationError, ValueError):
    """A design that does not fit its trial, or options that contradict each other."""


class ScenarioError(EscalationError, ValueError):
    """A scenario file that cannot be used.

    Attributes
    ----------
    problems : tuple of str
        Every problem found, each with its place in the file.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))

    def __reduce__(self) -> tuple[type["ScenarioError"], tuple[str, list[str]]]:
        return type(self), (self.source, list(self.problems))  # errors of other processes arrive pickled


class GridError(EscalationError, ValueError):
    """A grid of settings that cannot be run."""


class OutcomesError(EscalationError, ValueError):
    """Data of a running trial that cannot be read, or that leave open what a design needs to know."""


class PathwayError(EscalationError, ValueError):
    """Dose transition pathways that cannot be listed."""


class JournalError(EscalationError):
    """A journal of finished pieces of work that cannot be used, or belongs to another run."""


class ClusterError(EscalationError):
    """A cluster that does not answer, or cannot do the work."""


class InputError(EscalationError, ValueError):
    """A file that cannot be read, or not as what it should be; the message does not have its name."""


class OutputError(EscalationError):
    """A file that cannot be written."""


class MissingPackageError(EscalationError):
    """An optional package that is needed is not installed."""


class StateSpaceError(EscalationError):
    """The exact engine would need more states than it may use."""


class CostError(EscalationError):
    """Work that would take longer, or more memory, than it may."""
