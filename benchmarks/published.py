"""Published truths, and every design as one would set it up for them."""

from dataclasses import dataclass
from pathlib import Path

from escalation import (
    BLRM,
    BMACRM,
    BOIN,
    CCD,
    CRM,
    MTPI,
    MTPI2,
    TPI,
    APlusB,
    DecisionTable,
    Design,
    I3Plus3,
    Keyboard,
    ThreePlusThree,
    TooToxic,
    Trial,
    skeleton,
)
from escalation.scenario.truths.sets import published_lists

FOLDER = Path(__file__).parent / "data"

CITATION = (
    "True DLT rates as transcribed in the vignette scenarios.Rmd of the R package PhIdesign (IDDI-BE, K. D'Hollander): "
    "16 for each target, five dose levels. The vignette takes those for targets of 0.15, 0.20 and 0.30 from Yuan Y, "
    "Hess KR, Hilsenbeck SG, Gilbert MR (2016) Bayesian optimal interval design: a simple and well-performing design "
    "for phase I oncology trials. Clin Cancer Res 22:4291-4301; it names no paper for those of 0.25."
)

LEVELS = 5
"""Dose levels of the published truths that are used here."""

PRIOR_MTD = 3
"""The middle one of five doses."""

HALF_WIDTH = 0.25
"""Half-width of the CRM's indifference interval, as a share of the target."""

HALF_WIDTHS = (0.15, 0.25, 0.35)
"""Those of the skeletons that BMA-CRM averages, steep to flat. With other prior MTDs they would be the same curves."""


@dataclass(frozen=True)
class TruthSet:
    """Published truths for one target.

    Attributes
    ----------
    target : float
    truths : tuple of tuple of float
    """

    target: float
    truths: tuple[tuple[float, ...], ...]

    @property
    def trial(self) -> Trial:
        """Five doses, each twice the last, and 30 patients in cohorts of 3."""
        return Trial(doses=[10, 20, 40, 80, 160], target=self.target, max_patients=30)


def truth_sets() -> list[TruthSet]:
    """16 truths for each target."""
    return [
        TruthSet(part.target, tuple(map(tuple, part.rates.tolist())))
        for part in published_lists()
        if part.rates.shape[1] == LEVELS
    ]


def designs_for(trial: Trial) -> dict[str, Design]:
    """Every design that has decisions for such a trial, by kind."""
    target = trial.target
    halves = [
        skeleton(half_width=share * target, target=target, prior_mtd=PRIOR_MTD, doses=trial.levels).tolist()
        for share in HALF_WIDTHS
    ]
    designs: list[Design] = [
        ThreePlusThree(),
        APlusB(a=2, b=4, c=1, d=1, e=1),
        I3Plus3(),
        TPI(),
        MTPI(),
        MTPI2(),
        Keyboard(),
        CCD(),
        BOIN(),
        CRM(half_width=HALF_WIDTH * target, prior_mtd=PRIOR_MTD, stop_if_too_toxic=TooToxic(threshold=0.95)),
        BMACRM(skeletons=halves),
        BLRM(intervals=(target - 0.05, target + 0.10), reference_dose=float(trial.doses[PRIOR_MTD - 1])),
    ]
    if target == 0.3:
        designs.append(DecisionTable.model_validate({"file": "boin_table.csv"}, context={"folder": FOLDER}))
    return {design.kind: design for design in designs}


SETTINGS = (
    "3+3: with de-escalation and six patients at the top dose. A+B: the 2+4 design (two patients, four more after one "
    "DLT; otherwise as 3+3). Both end when their rule is complete, mostly on far fewer than 30 patients.",
    "i3+3, mTPI, mTPI-2: equivalence interval of 0.05 to either side of the target. Keyboard: target key of the same "
    "width. TPI: k1 = 1, k2 = 1.5. CCD: the half-width that its authors recommend for the target. BOIN: its defaults. "
    "All eliminate a dose at P(rate > target) > 0.95, each as published, and recommend by isotonic regression.",
    "CRM: power model, skeleton by indifference intervals of a quarter of the target to either side, dose 3 as the "
    "prior MTD, prior variance 1.34, no escalation after a cohort whose DLT rate is not below the target, an end at "
    "P(rate at the lowest dose > target) > 0.95. BMA-CRM: three such skeletons, of 0.15, 0.25 and 0.35 times the "
    "target, otherwise its published defaults.",
    "BLRM: weak prior, dose 3 as the reference dose, target interval from 0.05 below to 0.10 above the target (that of "
    "Neuenschwander et al. 2008 about 0.25), overdose control at 0.25.",
    "Table: BOIN's decisions as printed by Yan et al. (2020) for a target of 0.30, as a table of one's own; none is "
    "printed for the other targets. Monitoring is for a single dose and has no place here.",
)
"""How the designs are set, in words."""
