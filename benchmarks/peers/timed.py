"""What is timed, as the processes that time it prepare it."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from benchmarks.peers.answers import Answer, ask
from benchmarks.peers.contenders import CONTENDERS, RULES, Rules, settings
from escalation import exact, operating_characteristics, simulate


def exactly(rules: str, setting: str) -> Callable[[], object]:
    """Exact operating characteristics, from the design to the figures."""
    case = settings()[setting]
    design = _rules(rules).design(case)
    return lambda: operating_characteristics(exact(design, case.trial).outcomes(case.rates))


def simulated(rules: str, setting: str, trials: int) -> Callable[[], object]:
    """Simulated operating characteristics on one core, as the peers' are."""
    case = settings()[setting]
    design = _rules(rules).design(case)
    return lambda: operating_characteristics(simulate(design, case.trial, case.rates, trials=trials, threads=1))


def by_peer(contender: str, setting: str, trials: int, folder: str) -> Callable[[int], float]:
    """A contender's call, by its own clock; its answers are left in a folder, each from a seed of its own.

    The script of an exact answer repeats the call itself and tells the mean: then it is asked once.
    """
    who = next(one for one in CONTENDERS if one.name == contender)
    case = settings()[setting]

    def asked(count: int) -> float:
        answer = ask(who, case, count, seed=1 + len(answers_in(Path(folder))))
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False, encoding="utf-8") as file:
            json.dump(asdict(answer), file)
        return answer.seconds

    if who.exact:
        once = cache(asked)
        return lambda loops: once(trials) * loops
    return lambda loops: asked(trials * loops)


def answers_in(folder: Path) -> list[Answer]:
    """The answers that a contender left in a folder."""
    return [Answer(**json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.json"))]


def _rules(name: str) -> Rules:
    return next(rules for rules in RULES if rules.name == name)
