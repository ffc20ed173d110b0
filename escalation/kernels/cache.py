"""Compiled kernels on disk: which folder is safe to keep them in, and files that are whole or not used.

What is kept is unpickled and run. So nobody else may be able to put a file there: folder and files belong to the user
or to root, and others cannot write to them. A file begins with a digest of what follows, so that one cut short by a
full disk or damaged later is compiled anew, not run. Whatever goes wrong with a file, the kernel is compiled.
"""

import hashlib
import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

DIGEST = 32
"""Bytes at the beginning of a file: the SHA-256 of the others."""

ENDING = ".kernel"


def usable_folder(folders: Iterator[Path]) -> Path | None:
    """The first folder that is safe and can be written to, made where it is not there; one warning of unsafe ones."""
    dangers: list[str] = []
    found = next((folder for folder in folders if _is_usable(folder, dangers)), None)
    if dangers:
        instead = "so they are compiled in every run" if found is None else f"but in {found}"
        warnings.warn(
            f"compiled kernels are not kept where {' and '.join(dict.fromkeys(dangers))}, {instead}", stacklevel=2
        )
    return found


def _is_usable(folder: Path, dangers: list[str]) -> bool:
    """Whether kernels can be kept in a folder; what is unsafe about it is noted."""
    try:
        danger = _made(folder)
    except OSError:
        return False
    dangers += [danger] if danger is not None else []
    return danger is None


def _made(folder: Path) -> str | None:
    """Make a folder that nobody else can open; what is unsafe about it, its parent, or what they would be made in."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(there)
    danger = _danger(there, there.stat(), sticky=True)
    if danger is None:
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir(0o700, exist_ok=True)
        danger = _danger(folder.parent, folder.parent.stat()) or _danger(folder, folder.stat())
    if danger is None:
        with tempfile.TemporaryFile(dir=folder):
            pass
    return danger


def _danger(path: Path, found: os.stat_result, *, sticky: bool = False) -> str | None:
    """Why what lies at a path may not be the user's own; in a sticky folder others cannot touch what the user makes."""
    if os.name != "posix":  # there others cannot write to a user's folders, and modes do not say
        return None
    if found.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another user"
    if sticky and found.st_mode & stat.S_ISVTX:
        return None
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid)):
        return f"others can write to {path}"
    return None


def _is_private(group: int) -> bool:
    """Whether a group is the user's own and nobody else's, as many systems give each user one."""
    import grp

    try:
        return group == os.getegid() and not grp.getgrgid(group).gr_mem
    except KeyError:
        return False


class KernelFiles:
    """What numba asks for compiled code of a function, a file for each signature."""

    def __init__(self, folder: Path, name: str) -> None:
        self.cache_path = str(folder)
        self._folder, self._name = folder, name

    def load_overload(self, signature, target):
        """The compiled code, or None where there is none that can be used."""
        target.refresh()
        with suppress(Exception):
            key = self._key(signature, target.codegen())
            kept, content = pickle.loads(self._read(self._path(key)))
            if kept == key:
                return CompileResult._rebuild(target, *content)
        return None

    def save_overload(self, signature, compiled):
        """Keep compiled code, if that is possible."""
        if compiled.lifted or compiled.library.has_dynamic_globals:
            return
        with suppress(Exception):
            key = self._key(signature, compiled.codegen)
            self._write(self._path(key), dumps((key, compiled._reduce())))

    @staticmethod
    def _key(signature, codegen) -> tuple[object, ...]:
        """What compiled code depends on beside the sources: the types, and the processor with what it can do."""
        return signature, codegen.magic_tuple()

    def _path(self, key: tuple[object, ...]) -> Path:
        return self._folder / f"{self._name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}{ENDING}"

    @staticmethod
    def _read(path: Path) -> bytes:
        """What a file holds, if it is whole and nobody else can have written it; else an OSError."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or _danger(path, found) is not None:
                raise OSError(f"{path}: is not the user's own")
            digest, content = file.read(DIGEST), file.read()
        if hashlib.sha256(content).digest() != digest:
            raise OSError(f"{path}: is damaged")
        return content

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Write a file, whole or not at all."""
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")  # to others it is closed
        try:
            with open(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
