"""Late-onset designs by their names: a design with the rule for pending patients of its paper.

Each is its `waits_as` with another default of `pending`, whose rule cannot be another. With every outcome known it is
that design.
"""

from typing import ClassVar, Literal

from escalation.designs.base import Design
from escalation.designs.boin import BOIN
from escalation.designs.crm import CRM
from escalation.designs.keyboard import Keyboard
from escalation.designs.mtpi import MTPI
from escalation.designs.mtpi2 import MTPI2
from escalation.designs.pending.predict import Predict
from escalation.designs.pending.roll import Roll
from escalation.designs.pending.weigh import SOURCES, Weigh
from escalation.designs.three_plus_three import ThreePlusThree


class TITEBOIN(BOIN):
    """TITE-BOIN: BOIN, with the DLTs of pending patients imputed by their follow-up (Yuan et al. 2018).

    Parameters
    ----------
    pending : Weigh, default { rule = "weigh" }
        Options of the rule for pending patients, such as { most_pending = 0.49 }; the rule cannot be another.
    """

    kind: Literal["tite-boin"] = "tite-boin"  # type: ignore[assignment]
    pending: Weigh = Weigh()

    waits_as: ClassVar[type[Design] | None] = BOIN
    sources: ClassVar[tuple[str, ...]] = (*BOIN.sources, SOURCES["imputation"], SOURCES["ess"])


class TITEKeyboard(Keyboard):
    """TITE-Keyboard: the Keyboard design on an effective sample size (Lin & Yuan 2020).

    Parameters
    ----------
    pending : Weigh, default { rule = "weigh" }
        Options of the rule for pending patients, such as { fewest_complete = 3 }; the rule cannot be another.
    """

    kind: Literal["tite-keyboard"] = "tite-keyboard"  # type: ignore[assignment]
    pending: Weigh = Weigh()

    waits_as: ClassVar[type[Design] | None] = Keyboard
    sources: ClassVar[tuple[str, ...]] = (*Keyboard.sources, SOURCES["ess"])


class TITEMTPI2(MTPI2):
    """TITE-mTPI-2: mTPI-2 on an effective sample size (Lin & Yuan 2020).

    Parameters
    ----------
    pending : Weigh, default { rule = "weigh" }
        Options of the rule for pending patients, such as { fewest_complete = 3 }; the rule cannot be another.
    """

    kind: Literal["tite-mtpi2"] = "tite-mtpi2"  # type: ignore[assignment]
    pending: Weigh = Weigh()

    waits_as: ClassVar[type[Design] | None] = MTPI2
    sources: ClassVar[tuple[str, ...]] = (*MTPI2.sources, SOURCES["ess"])


class TITEMTPI(MTPI):
    """TITE-mTPI: mTPI on an effective sample size (Lin & Yuan 2020).

    Parameters
    ----------
    pending : Weigh, default { rule = "weigh" }
        Options of the rule for pending patients, such as { fewest_complete = 3 }; the rule cannot be another.
    """

    kind: Literal["tite-mtpi"] = "tite-mtpi"  # type: ignore[assignment]
    pending: Weigh = Weigh()

    waits_as: ClassVar[type[Design] | None] = MTPI
    sources: ClassVar[tuple[str, ...]] = (*MTPI.sources, SOURCES["ess"])


class TITECRM(CRM):
    """TITE-CRM: the CRM, with the likelihood of pending patients weighed by their follow-up (Cheung & Chappell 2000).

    Parameters
    ----------
    pending : Weigh, default { rule = "weigh" }
        Options of the rule for pending patients, such as { weights = "adaptive" }; the rule cannot be another.
    """

    kind: Literal["tite-crm"] = "tite-crm"  # type: ignore[assignment]
    pending: Weigh = Weigh()

    waits_as: ClassVar[type[Design] | None] = CRM
    sources: ClassVar[tuple[str, ...]] = (*CRM.sources, SOURCES["likelihood"])


class RollingSix(ThreePlusThree):
    """The rolling six: 3+3 with up to six patients at a dose enrolled while others are pending (Skolnik et al. 2008).

    Parameters
    ----------
    pending : Roll, default { rule = "roll" }
        The rule for pending patients, which has no options and cannot be another.
    """

    kind: Literal["rolling-six"] = "rolling-six"  # type: ignore[assignment]
    pending: Roll = Roll()

    waits_as: ClassVar[type[Design] | None] = ThreePlusThree
    sources: ClassVar[tuple[str, ...]] = (*ThreePlusThree.sources, *Roll.sources)


class PoDTPI(MTPI2):
    """PoD-TPI: the most probable decision of mTPI-2 once the pending outcomes are known (Zhou et al. 2020).

    Parameters
    ----------
    pending : Predict, default { rule = "predict" }
        Options of the rule for pending patients, such as { least_escalation = 0.9 }; the rule cannot be another.
    """

    kind: Literal["pod-tpi"] = "pod-tpi"  # type: ignore[assignment]
    pending: Predict = Predict()

    waits_as: ClassVar[type[Design] | None] = MTPI2
    sources: ClassVar[tuple[str, ...]] = (*MTPI2.sources, *Predict.sources)
