"""Dose-escalation rules as a statistician would say them.

A trial's history is a list of cohorts in order of treatment. Each cohort is a pair ``(dose, outcomes)``:
the 1-based dose level and a tuple with 1 for every patient who had a DLT and 0 for every patient who had
none. A rule answers one question, ``next(history)``, with ``Treat`` (whom to treat next) or ``Stop`` (what
to recommend and why the trial is over). It keeps no memory of earlier questions: everything is worked out
from the history.

After each cohort every rule asks, in this order: is the lowest dose too toxic? is the rule complete? are
all the planned patients treated? does the current dose have enough patients? Only then does it choose the
next dose.

Comparisons of computed numbers have a slack: "greater" means greater by more than 1e-9, "at least" means
not less by more than 1e-9, and numbers within 1e-9 of each other are tied.
"""

from tests.naive.rules.a_plus_b import APlusB
from tests.naive.rules.blrm import Blrm
from tests.naive.rules.boin import Boin
from tests.naive.rules.composed import Composed
from tests.naive.rules.crm import Crm
from tests.naive.rules.expanded import Expanded
from tests.naive.rules.history import History, Stop, Treat, totals
from tests.naive.rules.intervals import CumulativeCohorts, I3Plus3, IntervalRule, Keyboard, Mtpi, MtpiTwo, Tpi
from tests.naive.rules.monitoring import Monitoring
from tests.naive.rules.three_plus_three import ThreePlusThree

__all__ = [
    "APlusB",
    "Blrm",
    "Boin",
    "Composed",
    "Crm",
    "CumulativeCohorts",
    "Expanded",
    "History",
    "I3Plus3",
    "IntervalRule",
    "Keyboard",
    "Monitoring",
    "Mtpi",
    "MtpiTwo",
    "Stop",
    "ThreePlusThree",
    "Tpi",
    "Treat",
    "totals",
]
