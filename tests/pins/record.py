"""Record the pins anew: python -m tests.pins.record, after a change that users are meant to see."""

import gzip
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import escalation
from tests.pins.commands import RECORDED, ROOT, WRITTEN, commands, output_of, written_by
from tests.pins.decisions import digests
from tests.pins.names import options


def record() -> None:
    os.chdir(ROOT)
    RECORDED.mkdir(exist_ok=True)
    for name, arguments in commands().items():
        _write(f"{name}.gz", output_of(arguments))
    with TemporaryDirectory() as folder:
        for name, arguments in WRITTEN.items():
            _write(f"{name}.gz", written_by(arguments, Path(folder)))
    for name, content in (("public", escalation.__all__), ("options", options()), ("decisions", digests())):
        (RECORDED / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def _write(name: str, text: str) -> None:
    (RECORDED / name).write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    record()
