"""What tests of the peers share: their contenders by name, and exact answers to hold theirs against."""

from benchmarks.peers.contenders import BOIN_RULES, CONTENDERS, settings
from escalation import exact
from escalation.characteristics.distributions import laws_of

LUCAR, SINGLE = settings()["LUCAR-DKS1"], settings()["a single dose"]


def outcomes(setting, rules=BOIN_RULES):
    return exact(rules.design(setting), setting.trial).outcomes(setting.rates)


def means(found, *names):
    laws = laws_of(found, ()).by_quantity()
    wanted = names or [name for name in laws if name.startswith(("selection", "no_sel", "patients", "dlts"))]
    return {name: laws[name].mean for name in wanted}


def contender(name):
    return next(one for one in CONTENDERS if one.name == name)


SIMFAST, GET_OC, SIMULATE_BOIN = (
    contender(name) for name in ("simFastBOIN sim_boin", "BOIN get.oc", "escalation simulate_trials (BOIN)")
)
CRMSIM = contender("dfcrm crmsim")
CRMPACK_THREE, EXACT_THREE = contender("crmPack simulate (3+3)"), contender("precautionary simulate_trials (exact 3+3)")
