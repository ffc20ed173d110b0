"""A sweep from its settings to its file, with a journal of what is finished in between."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from escalation.errors import MissingPackageError, OutputError
from escalation.files import check_writable, whole_file
from escalation.studies.sweep import Cell, Sweep, cell
from escalation.studies.sweep_table import columns_of, part_of
from escalation.studies.work.journal import Journal, journal
from escalation.studies.work.pieces import finished
from escalation.tidy import CsvFile, ParquetFile, TableFile
from escalation.version import __version__

TABLES: dict[str, type[TableFile]] = {".csv": CsvFile, ".parquet": ParquetFile}
"""By the ending of a file."""


@dataclass(frozen=True)
class Swept:
    """What became of a sweep.

    Attributes
    ----------
    settings : int
    resumed : int
        Settings that an earlier run had finished.
    refused : int
        Settings that the exact engine refuses.
    refusal : str or None
        The first of them, and why.
    """

    settings: int
    resumed: int
    refused: int
    refusal: str | None


def journal_of(output: Path) -> Path:
    """Where the finished settings of a sweep are kept until its file is written."""
    return output.with_name(f"{output.name}.partial")


def check_output(output: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises
    ------
    OutputError, MissingPackageError
    """
    if output.suffix not in TABLES:
        raise OutputError(f"{output}: the name should end in {' or '.join(TABLES)}")
    check_writable(output)
    if output.exists() and not output.is_file():
        raise OutputError(f"{output}: cannot be written: it is no ordinary file")
    if output.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError as missing:
            raise MissingPackageError(f"{output}: needs {missing.name}: pip install 'escalation[sweep]'") from None
        except ImportError as broken:
            raise MissingPackageError(f"{output}: pyarrow cannot be imported: {broken}") from None


def write_sweep(
    sweep: Sweep,
    output: str | Path,
    *,
    executor: Executor | None = None,
    resume: bool = False,
    step: Callable[[], None] = lambda: None,
) -> Swept:
    """Work out a sweep and write it to a file.

    Each setting that is finished is kept in a file beside the output, with `.partial` after its name, until the output
    is there, whole.

    Parameters
    ----------
    sweep : Sweep
    output : path
        Ends in .csv or .parquet.
    executor : concurrent.futures.Executor, optional
        What works out the settings: threads of this process by default. The file is the same whatever does.
    resume : bool
        Whether to go on with what an interrupted run has finished; where there is nothing, all is worked out.
    step : function, optional
        Called for each finished setting.

    Raises
    ------
    ScenarioError
        A ValueError: a setting is not possible.
    GridError
        A ValueError: a quantity is unknown, a setting has no truths, or there are too many numbers.
    JournalError
        What is kept is of another sweep, or not to be gone on with.
    OutputError, MissingPackageError
        The file cannot be written; what is finished is kept.

    Examples
    --------
    >>> import tempfile
    >>> from escalation import Sweep, grid
    >>> from escalation.scenario.file import parse_scenario
    >>> scenario = parse_scenario({
    ...     "name": "example", "trial": {"doses": [1, 2], "target": 0.25, "max_patients": 12},
    ...     "design": [{"kind": "boin"}], "truth": [{"name": "t", "dlt_rates": [0.1, 0.3]}]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "sweep.csv"
    ...     found = write_sweep(Sweep(grid(scenario, {"trial.max_patients": [12, 18]}), quantities=("pcs",)), file)
    ...     rows = file.read_text().splitlines()
    >>> found.settings, len(rows)
    (2, 3)
    >>> rows[0]
    'design,trial.max_patients,truth,quantity,value'
    """
    output = Path(output)
    check_output(output)
    sweep.check()
    parts = {"the version of the package": __version__, **sweep.digested}
    with journal(journal_of(output), parts, resume=resume) as kept:
        before = kept.numbers()
        for _ in before:
            step()
        numbers = [number for number in range(len(sweep.grid)) if number not in before]
        for place, content in finished(cell, sweep.pieces(numbers), executor):
            kept.keep(numbers[place], content)
            step()
        refused, refusal = _write(sweep, kept, output)
    journal_of(output).unlink()
    return Swept(len(sweep.grid), len(before), refused, refusal)


def _write(sweep: Sweep, kept: Journal, output: Path) -> tuple[int, str | None]:
    """Write the file; how many settings were refused, and the first of them."""
    refused, refusal = 0, None
    with whole_file(output) as file:
        columns = columns_of(sweep)
        table = TABLES[output.suffix](file, columns)
        for number, content in kept.cells():
            setting, found = sweep.grid[number], Cell.from_bytes(content)
            if found.refusal is not None:
                refused += 1
                refusal = refusal or f"{setting.name}: {found.refusal}"
            table.add(part_of(sweep, columns, setting, found))
        table.end()
    return refused, refusal
