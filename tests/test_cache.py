"""Compiled kernels: where they are kept, and what happens when they cannot be."""

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SMALL_JOB = """
import numba
from escalation.kernels import jit
from escalation.kernels.exact_states import cell
print(jit._CACHE)
print(numba.config.CACHE_DIR)
print(cell(3, 1))
"""


def run(**environment: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", SMALL_JOB],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_folder_of_the_users_choice_still_follows_the_sources(tmp_path):
    folder, setting, answer = run(NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert Path(folder).parent == tmp_path / "mine"
    assert Path(folder).name.startswith("kernels-")
    assert list(Path(folder).glob("exact_states-cell.*.kernel")), "the compiled kernel is there"
    assert setting == str(tmp_path / "mine"), "other packages keep their folder"
    assert answer == "7"


def test_home_is_used_where_the_first_choice_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(tmp_path))
    assert Path(folder).parent == tmp_path / ".cache" / "escalation"
    assert answer == "7"


def test_no_folder_at_all(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(blocked))
    assert folder == "None"
    assert answer == "7"


def test_two_processes_on_an_empty_cache(tmp_path):
    command = [sys.executable, "-c", SMALL_JOB]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]


@pytest.mark.long
def test_first_runs_that_are_killed(tmp_path):
    """Killed as soon as there is one compiled kernel, then when there are four: the next run works all the same."""
    command = [sys.executable, "-m", "escalation", "run", "scenarios/tak-007.toml", "--design", "boin"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for kernels in (1, 4):
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and len(list(tmp_path.rglob("*.kernel"))) < kernels:
            time.sleep(0.005)
        assert process.poll() is None, "it was killed on the way"
        process.kill()
        process.communicate()
    after = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    usual = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert after.stdout == usual.stdout
    assert after.stderr == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="to root nothing is read-only")
def test_read_only_home(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    tmp_path.chmod(0o500)
    try:
        folder, _, answer = run(NUMBA_CACHE_DIR=str(blocked / "below"), HOME=str(tmp_path))
    finally:
        tmp_path.chmod(0o700)
    assert folder == "None"
    assert answer == "7"


COMPILED = """
from escalation.kernels.exact_states import cell
print(cell(3, 1), len(cell._cache_hits), len(cell._cache_misses))
"""


def compiled(folder: Path, **how) -> subprocess.CompletedProcess:
    """A process that needs one kernel: it prints its answer, whether it found the kernel, whether it compiled it."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "HOME": os.devnull}
    return subprocess.run(
        [sys.executable, "-c", COMPILED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, **how
    )


AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
from escalation.kernels.cache import usable_folder
user, *folders = sys.argv[1:]
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
for folder in folders:
    print(usable_folder(iter([Path(folder) / "kernels"])))
"""

FOUND, NOT_FOUND = "7 1 0\n", "7 0 1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with one compiled kernel."""
    folder = tmp_path_factory.mktemp("made")
    assert compiled(folder).stdout == NOT_FOUND
    return folder


@pytest.fixture
def kernel_file(tmp_path, made):
    """A compiled kernel in a folder that has no other."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (file,) = tmp_path.rglob("*.kernel")
    return file


def test_a_kernel_is_found_again(tmp_path, kernel_file):
    before = kernel_file.stat().st_mtime_ns, kernel_file.stat().st_ino
    assert (compiled(tmp_path).stdout, compiled(tmp_path).stderr) == (FOUND, "")
    assert (kernel_file.stat().st_mtime_ns, kernel_file.stat().st_ino) == before
    assert [path.name for path in kernel_file.parent.iterdir()] == [kernel_file.name]


DAMAGE = {
    "empty": lambda content: b"",
    "short": lambda content: content[:20],
    "cut": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "another byte": lambda content: content[:3000] + bytes([content[3000] ^ 1]) + content[3001:],
    "zeros": lambda content: bytes(len(content)),
    "another digest": lambda content: bytes(32) + content[32:],
    "no code": lambda content: hashlib.sha256(b"text").digest() + b"text",
    "another kernel's": lambda content: _with_digest(pickle.dumps(("key", ()))),
    "parts": lambda content: _with_digest(pickle.dumps((_key_of(content), (None, None)))),
}


def _with_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def _key_of(content: bytes):
    return pickle.loads(content[32:])[0]


IN_EACH_FOLDER = """
import sys
from pathlib import Path
from escalation.kernels import jit
from escalation.kernels.exact_states import cell
for folder in sys.argv[1:]:
    jit._CACHE = Path(folder)
    again = jit.kernel(cell.py_func)
    print(again(3, 1), len(again._cache_hits), len(again._cache_misses))
"""


def compiled_in_each(folders: list[Path]) -> list[str]:
    """A process that needs the kernel once from each folder: what `compiled` prints, and that nothing is said."""
    run = subprocess.run(
        [sys.executable, "-c", IN_EACH_FOLDER, *map(str, folders)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    return run.stdout.splitlines(keepends=True)


def test_a_damaged_kernel_is_compiled_again(tmp_path, kernel_file):
    whole = kernel_file.read_bytes()
    folders = [tmp_path / name for name in (*DAMAGE, "whole", "a folder in its place")]
    for folder in folders:
        folder.mkdir(0o700)
        if folder.name in DAMAGE:
            (folder / kernel_file.name).write_bytes(DAMAGE[folder.name](whole))
    (tmp_path / "whole" / kernel_file.name).write_bytes(whole)
    (tmp_path / "a folder in its place" / kernel_file.name).mkdir()
    for path in tmp_path.rglob("*.kernel"):
        path.chmod(0o600 if path.is_file() else 0o700)
    first = dict(zip(folders, compiled_in_each(folders), strict=True))
    assert first == dict.fromkeys(folders, NOT_FOUND) | {tmp_path / "whole": FOUND}
    again = dict(zip(folders, compiled_in_each(folders), strict=True))
    assert again == dict.fromkeys(folders, FOUND) | {tmp_path / "a folder in its place": NOT_FOUND}


def test_folders_are_the_users_own(tmp_path):
    compiled(tmp_path / "made" / "below")
    made = [tmp_path / "made", tmp_path / "made" / "below", *(tmp_path / "made" / "below").iterdir()]
    assert len(made) == 3
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}
    (file,) = tmp_path.rglob("*.kernel")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703, 0o702])
def test_where_others_can_write(tmp_path, mode):
    """Neither in a folder for everybody's temporary files, nor in one of its own that others can change."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    after = compiled(shared)
    assert after.stdout == NOT_FOUND
    assert after.stderr.count("Warning") == 1
    assert f"compiled kernels are not kept where others can write to {shared}, so they" in after.stderr
    assert not list(shared.rglob("*.kernel"))


def test_its_own_folder_that_others_can_write_to(tmp_path, kernel_file):
    kernel_file.parent.chmod(0o777)
    after = compiled(tmp_path)
    assert (after.stdout, after.stderr.count("Warning")) == (NOT_FOUND, 1)
    kernel_file.parent.chmod(0o700)
    assert compiled(tmp_path).stdout == FOUND


def test_a_file_that_others_can_write_to(tmp_path, kernel_file):
    kernel_file.chmod(0o666)
    assert compiled(tmp_path).stdout == NOT_FOUND
    assert kernel_file.stat().st_mode & 0o777 == 0o600


def test_the_command_line_says_it_in_a_line(tmp_path):
    tmp_path.chmod(0o777)
    command = [sys.executable, "-m", "escalation", "next", "scenarios/tak-007.toml", "1NNN", "--design", "3+3"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "HOME": os.devnull}
    after = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert after.stderr == (
        f"warning: compiled kernels are not kept where others can write to {tmp_path}, so they are compiled in every "
        "run\n"
    )


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
class TestOtherUsers:
    NOBODY = 65534

    @pytest.mark.parametrize("given", ["folder", "parent", "file"])
    def test_what_belongs_to_another_user_is_not_run(self, tmp_path, kernel_file, given):
        """A kernel's file is a program; nobody else's is run by root, as by a `sudo` that keeps the home folder."""
        path = {"folder": kernel_file.parent, "parent": tmp_path, "file": kernel_file}[given]
        os.chown(path, self.NOBODY, self.NOBODY)
        after = compiled(tmp_path)
        assert after.stdout == NOT_FOUND
        assert ("belongs to another user" in after.stderr) == (given != "file")

    def test_another_user(self):
        """Has a folder of that user's own; in root's, which cannot be written to, nothing is kept, and nothing said."""
        with tempfile.TemporaryDirectory() as shared:
            own, roots, open_to_all = (Path(shared) / name for name in ("own", "roots", "open"))
            Path(shared).chmod(0o755)
            for folder in (own, roots, open_to_all):
                folder.mkdir()
            roots.chmod(0o755)
            open_to_all.chmod(0o777)
            os.chown(own, self.NOBODY, self.NOBODY)
            command = [sys.executable, "-c", AS_ANOTHER_USER, str(self.NOBODY), *map(str, (own, roots, open_to_all))]
            after = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            assert after.stdout.splitlines() == [f"{own}/kernels", "None", "None"]
            assert after.stderr.count("Warning") == 1
            assert f"others can write to {open_to_all}" in after.stderr
            assert (own / "kernels").stat().st_uid == self.NOBODY
            assert (own / "kernels").stat().st_mode & 0o777 == 0o700
            assert not [*roots.iterdir(), *open_to_all.iterdir()]


@pytest.mark.skipif(os.name != "posix", reason="limits of processes")
def test_a_full_disk_is_no_reason_to_stop(tmp_path):
    """No file can have a byte; those that were begun are taken away again."""

    def nothing_can_be_written():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    after = compiled(tmp_path, preexec_fn=nothing_can_be_written)
    assert (after.stdout, after.stderr) == (NOT_FOUND, "")
    assert [path.name[:8] for path in tmp_path.rglob("*")] == ["kernels-"]
