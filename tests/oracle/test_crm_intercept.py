"""The logistic CRM with other intercepts than 3, against what dfcrm recorded."""

import numpy as np
import pytest

from escalation import CRM, Trial, skeleton
from tests.support import levels, records


def test_skeletons():
    for record in records("crm_prior_intercept"):
        found = skeleton(
            half_width=record["halfwidth"],
            target=record["target"],
            prior_mtd=record["nu"],
            doses=record["nlevel"],
            model="logistic",
            intercept=record["intcpt"],
        )
        assert found == pytest.approx(record["prior"], abs=1e-10)


def test_posteriors():
    """The posterior mean by fine quadrature, and dfcrm's dose."""
    for record in records("crm_posterior_intercept"):
        size, target = len(record["prior"]), record["target"]
        given = np.array(record["level"]) - 1
        patients = np.bincount(given, minlength=size)
        dlts = np.bincount(given, record["tox"], minlength=size).astype(int)
        design = CRM(model="logistic", intercept=record["intcpt"], skeleton=record["prior"], prior_sd=record["scale"])
        plan = design.plan(Trial(doses=levels(size), target=target, max_patients=len(given), cohort_size=1))
        judged = plan.judge(tuple(patients.tolist()), tuple(dlts.tolist()))
        assert judged.means[0] == pytest.approx(record["ref_mean"], abs=1e-8)
        assert judged.choice + 1 == record["mtd"]


def test_what_is_refused():
    """What dfcrm refuses, and nothing else."""
    for record in records("crm_intercept_error"):
        options = {"model": "logistic", "intercept": record["intcpt"], "skeleton": record["prior"]}
        if record["error"] is None:
            assert CRM(**options).intercept == record["intcpt"]
        else:
            with pytest.raises(ValueError, match=r"intercept: .* should be above"):
                CRM(**options)
