"""A journal of finished pieces of work: what a long run has done so far, safe from whatever stops it.

A SQLite database beside the output. A piece is in it, whole, as soon as `keep` returns, so that a process that is
killed loses the pieces in work and no other. After a power failure the last ones may be missing; none is damaged.

It is trusted as a run trusts itself: whoever can write to it can write other numbers, with their digests. What is
looked at is that it is whole, a journal of this run and nothing else, and no link to elsewhere.
"""

import hashlib
import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from escalation.errors import JournalError

TABLES = (
    "CREATE TABLE part (name TEXT PRIMARY KEY, digest TEXT NOT NULL)",
    "CREATE TABLE piece (number INTEGER PRIMARY KEY, content BLOB NOT NULL, digest TEXT NOT NULL)",
)

SCHEMA = {
    ("table", "part", TABLES[0]),
    ("table", "piece", TABLES[1]),
    ("index", "sqlite_autoindex_part_1", None),
}
"""All that is in the database: what else there may be, such as triggers, would be run."""

BESIDE = ("", "-wal", "-shm", "-journal")
"""Endings of the files that SQLite opens."""

# A write-ahead log takes some 20 microseconds a piece where a rollback journal waits for the disk twice. One process at
# a time, which also spares the shared memory that a network's file system may not have.
MODES = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
CAREFUL = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"


IN_USE = "another process is at work on it"

PATIENCE = 1.0
"""Seconds in which one of several processes that begin at the same moment has the journal for itself."""


class Journal:
    """The finished pieces of a run; see `journal`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def numbers(self, is_right: Callable[[int, bytes], bool]) -> set[int]:
        """The numbers of the finished pieces; a JournalError if one of them is not as it was kept, or not right."""
        found = set()
        for number, content, digest in self._connection.execute("SELECT number, content, digest FROM piece"):
            if not isinstance(content, bytes) or _digest(number, content) != digest or not is_right(number, content):
                raise JournalError(f"{self.path}: is damaged; without the file the run starts over")
            found.add(number)
        return found

    def keep(self, number: int, content: bytes) -> None:
        """Note a finished piece.

        A JournalError if it cannot be written, for a full disk as a rule; what was kept before stays.
        """
        try:
            self._connection.execute("INSERT INTO piece VALUES (?, ?, ?)", (number, content, _digest(number, content)))
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: cannot be written: {error}; what it holds is kept") from None

    def contents(self) -> Iterator[tuple[int, bytes]]:
        """What was kept of the finished pieces, in the order of their numbers."""
        yield from self._connection.execute("SELECT number, content FROM piece ORDER BY number")


@contextmanager
def journal(path: Path, parts: Mapping[str, str], *, resume: bool) -> Iterator[Journal]:
    """Open the journal of a run to go on with it, or begin one.

    The parts are all that determines what the pieces hold, by name. A JournalError says that there is a journal and it
    is not to be resumed; that it is of another run, in use, or no journal; or that it cannot be written.
    """
    _check_files(path)
    if not _created(path) and not resume:
        _check_idle(path)
        raise JournalError(
            f"{path}: holds what an earlier run has finished; --resume (in Python resume=True) goes on with it, and "
            "without the file the run starts over"
        )
    try:
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}
        with closing(_locked(path, digests)) as connection:
            yield Journal(path, connection)
    except sqlite3.Error as error:
        reason = {
            sqlite3.SQLITE_BUSY: IN_USE,
            sqlite3.SQLITE_NOTADB: "it is no journal",
        }.get(_code(error), str(error))
        raise JournalError(f"{path}: cannot be used: {reason}") from None


def _check_files(path: Path) -> None:
    """Refuse links, which would lead the database elsewhere, and what is no ordinary file."""
    for ending in BESIDE:
        file = path.with_name(path.name + ending)
        try:
            mode = file.lstat().st_mode
        except OSError:  # it is not there
            continue
        if not stat.S_ISREG(mode):
            what = "a link" if stat.S_ISLNK(mode) else "no ordinary file"
            raise JournalError(f"{file}: cannot be used: it is {what}")


def _created(path: Path) -> bool:
    """Make an empty file, unless there is one; of two processes that begin at the same time one makes it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    except OSError as error:
        raise JournalError(f"{path}: cannot be written: {error.strerror or error}") from None
    return True


def _locked(path: Path, digests: dict[str, str]) -> sqlite3.Connection:
    """The database for this process alone. Processes that ask at the same moment may all be told that it is in use."""
    until = time.monotonic() + PATIENCE
    while True:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            connection.executescript(CAREFUL + MODES)
            _begin(path, connection, digests)
        except BaseException as error:
            connection.close()
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        else:
            return connection
        time.sleep(random.uniform(0, PATIENCE / 10))


def _check_idle(path: Path) -> None:
    """Refuse a journal that another process is at work on, or is about to be; the file is left as it is."""
    for _ in range(10):
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0)) as connection:
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                raise JournalError(f"{path}: cannot be used: {IN_USE}") from None
        time.sleep(PATIENCE / 20)


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def finished_in(path: Path) -> int:
    """How many finished pieces a journal holds that no run has open; 0 where none was begun."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            return int(connection.execute("SELECT COUNT(*) FROM piece").fetchone()[0])
    except sqlite3.Error:
        return 0


def _begin(path: Path, connection: sqlite3.Connection, digests: dict[str, str]) -> None:
    """Write down what run it is; or check it, where that is written down."""
    connection.execute("BEGIN EXCLUSIVE")
    schema = set(connection.execute("SELECT type, name, sql FROM sqlite_master"))
    if not schema:
        for table in TABLES:
            connection.execute(table)
        connection.executemany("INSERT INTO part VALUES (?, ?)", digests.items())
    elif schema == SCHEMA:
        known = dict(connection.execute("SELECT name, digest FROM part"))
        differ = [name for name in digests if known.get(name) != digests[name]]
        differ += ["what it depends on"] if known.keys() - digests.keys() else []
        if differ:
            raise JournalError(
                f"{path}: is of another run, which differs in {', '.join(differ)}; what it holds is kept"
            )
    else:
        raise JournalError(f"{path}: cannot be used: it is no journal")
    connection.execute("COMMIT")


def _digest(number: int, content: bytes) -> str:
    return hashlib.sha256(b"%d\n%b" % (number, content)).hexdigest()
