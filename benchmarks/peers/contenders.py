"""Who is compared: the peers, the functions of theirs that are called, and our designs with the same rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.settings import LUCAR_RATES, SIX_RATES, lucar, six_doses, tak
from escalation import BOIN, CRM, Design, ThreePlusThree, Trial

HALF_WIDTH = 0.06
"""Of the indifference interval that every CRM's skeleton comes from, as in the LUCAR-DKS1 scenario."""


@dataclass(frozen=True)
class Setting:
    """A trial under one truth.

    Attributes
    ----------
    name : str
    trial : Trial
    rates : tuple of float
        True DLT rates.
    mtd : int
        The dose level, from 1, whose true rate is the target; the prior MTD of every CRM, too.
    """

    name: str
    trial: Trial
    rates: tuple[float, ...]
    mtd: int


def settings() -> dict[str, Setting]:
    """The settings, by name."""
    one = Trial(doses=tak().trial.doses, target=0.25, max_patients=20, cohort_size=4)
    found = [
        Setting("LUCAR-DKS1", lucar().trial, LUCAR_RATES, 3),
        Setting("six doses", six_doses(), SIX_RATES, 4),
        Setting("a single dose", one, (0.25,), 1),
    ]
    return {setting.name: setting for setting in found}


@dataclass(frozen=True)
class Rules:
    """Rules that one of our designs and one or more peers follow.

    Attributes
    ----------
    name : str
    words : str
        What is particular about them.
    design : callable
        Our design with these rules, for a setting.
    """

    name: str
    words: str
    design: Callable[[Setting], Design]


def _restricted(setting: Setting) -> CRM:
    return CRM(half_width=HALF_WIDTH, prior_mtd=setting.mtd, recommend_untried=True)


def _unrestricted(setting: Setting, estimate: Literal["plugin", "mean"]) -> CRM:
    return CRM(
        half_width=HALF_WIDTH,
        prior_mtd=setting.mtd,
        no_skip=False,
        coherent="off",
        recommend_untried=True,
        estimate=estimate,
    )


BOIN_RULES = Rules("BOIN", "elimination at 0.95, no early stop for precision", lambda _: BOIN())
CRM_RESTRICTED = Rules(
    "CRM, restricted",
    "power model, plug-in estimate; no dose skipped on the way up, and no escalation after a cohort whose DLT rate is "
    "at or above the target; the final choice is free of both",
    _restricted,
)
CRM_FREE = Rules(
    "CRM, unrestricted",
    "power model, plug-in estimate; the model's choice, whatever was given before",
    lambda setting: _unrestricted(setting, "plugin"),
)
CRM_MEAN = Rules(
    "CRM, posterior means",
    "as unrestricted, by posterior mean DLT rates; the peer, crmPack, finds its posteriors by MCMC, with the options "
    "that it has unless told otherwise",
    lambda setting: _unrestricted(setting, "mean"),
)
THREE_PLAIN = Rules(
    "3+3, plain",
    "cohorts of 3, whatever the setting's are; no de-escalation, three patients without a DLT suffice at the highest "
    "dose",
    lambda _: ThreePlusThree(de_escalate=False, six_at_top=False),
)
THREE_FILLED = Rules(
    "3+3, six at the MTD",
    "cohorts of 3, whatever the setting's are; after a dose too toxic the one below is filled up to six; six at the "
    "top, too",
    lambda _: ThreePlusThree(),
)

RULES = (BOIN_RULES, CRM_RESTRICTED, CRM_FREE, CRM_MEAN, THREE_PLAIN, THREE_FILLED)


@dataclass(frozen=True)
class Peer:
    """A package that a user would pick instead.

    Attributes
    ----------
    name : str
    install : str
        The line that installs it.
    in_r : bool
        Whether it is a package for R.
    """

    name: str
    install: str
    in_r: bool = True


def _on_cran(name: str) -> Peer:
    return Peer(name, f'install.packages("{name}")')


BOIN_R, DFCRM, UBCRM, ESCALATION, CRMPACK, PRECAUTIONARY = (
    _on_cran(name) for name in ("BOIN", "dfcrm", "UBCRM", "escalation", "crmPack", "precautionary")
)
SIMFASTBOIN = Peer("simFastBOIN", 'devtools::install_github("gosukehommaEX/simFastBOIN")')
CLINTRIALS = Peer("clintrials", "pip install clintrials", in_r=False)

PEERS = (BOIN_R, DFCRM, UBCRM, SIMFASTBOIN, ESCALATION, CRMPACK, PRECAUTIONARY, CLINTRIALS)


@dataclass(frozen=True)
class Contender:
    """A public function of a peer that gives operating characteristics.

    Attributes
    ----------
    peer : Peer
    function : str
    rules : Rules
    design : str
        What the peer's script is asked for.
    trials : dict
        Trials a value, by the name of the setting: a few seconds of work at most, but for crmPack's CRM. Settings
        that are left out are not run.
    exact : bool
        Whether it gives an exact answer.
    """

    peer: Peer
    function: str
    rules: Rules
    design: str
    trials: dict[str, int]
    exact: bool = False

    @property
    def name(self) -> str:
        """The peer and its function."""
        return f"{self.peer.name} {self.function}"


def _trials(lucar: int, six: int | None = None, single: int | None = None) -> dict[str, int]:
    by_name = {"LUCAR-DKS1": lucar, "six doses": six, "a single dose": single}
    return {name: trials for name, trials in by_name.items() if trials is not None}


CONTENDERS = (
    Contender(BOIN_R, "get.oc", BOIN_RULES, "boin", _trials(4000, 2400, 8000)),
    Contender(SIMFASTBOIN, "sim_boin", BOIN_RULES, "boin", _trials(40_000, 20_000, 40_000)),
    Contender(ESCALATION, "simulate_trials (BOIN)", BOIN_RULES, "boin", _trials(30, 20, 40)),
    Contender(DFCRM, "crmsim", CRM_RESTRICTED, "crm", _trials(150, 80)),
    Contender(UBCRM, "ssimCrm", CRM_FREE, "crm", _trials(100, 60)),
    Contender(ESCALATION, "simulate_trials (CRM)", CRM_FREE, "crm", _trials(40, 25)),
    Contender(CLINTRIALS, "simulate_dose_finding_trial (CRM)", CRM_FREE, "crm", _trials(20)),
    Contender(CRMPACK, "simulate (CRM)", CRM_MEAN, "crm", _trials(12)),
    Contender(UBCRM, "ssim3p3", THREE_PLAIN, "3+3", _trials(3000, 2500, 6000)),
    Contender(ESCALATION, "simulate_trials (3+3)", THREE_PLAIN, "3+3", _trials(60, single=100)),
    Contender(ESCALATION, "calculate_probabilities (exact 3+3)", THREE_PLAIN, "3+3 by paths", _trials(1), exact=True),
    Contender(CLINTRIALS, "simulate_dose_finding_trial (3+3)", THREE_PLAIN, "3+3", _trials(4000, single=8000)),
    Contender(CRMPACK, "simulate (3+3)", THREE_FILLED, "3+3", _trials(120, single=200)),
    Contender(PRECAUTIONARY, "simulate_trials (exact 3+3)", THREE_FILLED, "3+3", _trials(1, single=1), exact=True),
)

ANSWERS = sum(len(one.trials) for one in CONTENDERS)
"""How many there are when everything is installed."""
