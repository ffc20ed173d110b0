"""What peers answer: their scripts are run in processes of their own and print JSON."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.contenders import PEERS, Contender, Peer, Setting
from escalation import CRM
from escalation.errors import EscalationError

HERE = Path(__file__).parent

AFTERWARDS = ("Calls:", "Timing stopped at:", "Execution halted")
"""How lines begin that R prints below the message of an error."""


class PeerError(EscalationError):
    """A peer did not answer; with what it said last."""


@dataclass(frozen=True)
class Answer:
    """Operating characteristics by a peer.

    Attributes
    ----------
    seconds : float
        By the peer's own clock, around the call.
    trials : int or None
        Simulated trials; None when the answer is exact.
    means : dict
        By the names of `escalation.laws.Laws.by_quantity`: "selection.1", "no_selection", "patients.1", "dlts.1".
    """

    seconds: float
    trials: int | None
    means: dict[str, float]

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """The answer that a script told: a number for each quantity, or one for each dose."""
        means: dict[str, float] = {}
        for name, value in told.items():
            if name in ("seconds", "trials"):
                continue
            if isinstance(value, list):
                means |= {f"{name}.{dose}": mean for dose, mean in enumerate(value, 1)}
            else:
                means[name] = value
        return cls(told["seconds"], None if told["trials"] is None else int(told["trials"]), means)


def pooled(answers: Sequence[Answer]) -> Answer:
    """One answer of several with different trials; of exact ones the first."""
    if answers[0].trials is None:
        return answers[0]
    counts = [answer.trials or 0 for answer in answers]
    total = sum(counts)
    means = {
        name: sum(answer.means[name] * count for answer, count in zip(answers, counts, strict=True)) / total
        for name in answers[0].means
    }
    return Answer(sum(answer.seconds for answer in answers), total, means)


def installed() -> dict[str, str]:
    """Versions of the peers that are there, by name."""
    found: dict[str, str] = {}
    in_r = [peer.name for peer in PEERS if peer.in_r]
    if not why_no_r():
        found |= told_by(["Rscript", "versions.R", *in_r])
    for peer in PEERS:
        if not peer.in_r:
            try:
                found[peer.name] = importlib.metadata.version(peer.name)
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def why_no_r() -> str:
    """Why no script for R can run; empty if it can."""
    if shutil.which("Rscript") is None:
        return "there is no Rscript on the PATH"
    try:
        told_by(["Rscript", "versions.R"])
    except PeerError as error:
        return f"Rscript fails ({error})"
    return ""


def why_not(peer: Peer) -> str:
    """Why a peer that is not there is skipped, and what would change that."""
    reason = (why_no_r() if peer.in_r else "") or "not installed"
    return f"{peer.name}: skipped, {reason}; in {'R' if peer.in_r else 'a shell'}: {peer.install}"


def ask(contender: Contender, setting: Setting, trials: int, seed: int) -> Answer:
    """Let a contender answer.

    Raises
    ------
    PeerError
        It failed.
    """
    trial = setting.trial
    design = contender.rules.design(setting)
    given: dict[str, Sequence[object]] = {
        "design": [contender.design],
        "trials": [trials],
        "seed": [seed],
        "target": [trial.target],
        "patients": [trial.max_patients],
        "cohort": [trial.cohort_size],
        "rates": setting.rates,
    }
    if isinstance(design, CRM):
        given |= {"skeleton": design.prior_rates(trial).tolist(), "prior_sd": [design.prior_sd]}
    words = [f"{name}={','.join(map(str, values))}" for name, values in given.items()]
    program = ["Rscript", f"{contender.peer.name}.R"] if contender.peer.in_r else [sys.executable, "with_clintrials.py"]
    return Answer.read(told_by([*program, *words]))


def told_by(command: Sequence[str]) -> dict[str, Any]:
    """What a script tells in the last line it prints.

    Raises
    ------
    PeerError
        It failed, or told nothing; with the last line of what it said.
    """
    said = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if said.returncode:
        raise PeerError(last_message(said.stderr) or f"{command[0]} ended with exit code {said.returncode}")
    try:
        told: dict[str, Any] = json.loads(last_message(said.stdout))
    except json.JSONDecodeError:
        raise PeerError(f"what it printed is no answer: {last_message(said.stdout)!r}") from None
    return told


def last_message(text: str) -> str:
    """The last line that says what happened; after an error R only says where, when and that it stopped."""
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith(AFTERWARDS)), "")
