"""A script for clintrials: simulates the trials that the command line describes, as the R scripts beside it do."""

import collections
import importlib
import json
import sys
import time
import warnings
from collections.abc import Iterable
from operator import methodcaller
from typing import Any

import numpy as np
import scipy.integrate

WARM_TRIALS = 2


def main() -> None:
    """Time the call and print the answer as JSON."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rates = [float(rate) for rate in given["rates"].split(",")]
    trials, cohort = int(given["trials"]), int(given["cohort"])
    # Version 0.1.4 is older than the Python 3.10, numpy 1.23 and scipy 1.14 that dropped these names.
    for module, name, value in (
        (collections, "Iterable", Iterable),
        (np, "asscalar", methodcaller("item")),
        (scipy.integrate, "trapz", scipy.integrate.trapezoid),
    ):
        setattr(module, name, value)
    warnings.simplefilter("ignore", RuntimeWarning)  # exp overflows far out on the adaptive quadrature's line
    dosefinding = importlib.import_module("clintrials.dosefinding")
    if given["design"] == "crm":
        norm = importlib.import_module("scipy.stats").norm
        skeleton = [float(rate) for rate in given["skeleton"].split(",")]
        design = importlib.import_module("clintrials.dosefinding.crm").CRM(
            skeleton, float(given["target"]), 1, int(given["patients"]), beta_prior=norm(0, float(given["prior_sd"]))
        )
    else:
        design, cohort = dosefinding.ThreePlusThree(len(rates)), 3

    def simulated(count: int) -> list[dict[str, Any]]:
        return [
            dosefinding.simulate_dose_finding_trial(design, rates, cohort_size=cohort, calculate_optimal_decision=False)
            for _ in range(count)
        ]

    simulated(WARM_TRIALS)
    np.random.seed(int(given["seed"]))  # noqa: NPY002 (the package draws from the global generator)
    start = time.perf_counter()
    found = simulated(trials)
    seconds = time.perf_counter() - start

    doses = range(1, len(rates) + 1)
    given_at = [[sum(dose == level for dose in trial["Doses"]) for level in doses] for trial in found]
    dlts_at = [
        [
            sum(dlt for dose, dlt in zip(trial["Doses"], trial["Toxicities"], strict=True) if dose == level)
            for level in doses
        ]
        for trial in found
    ]
    recommended = [trial["RecommendedDose"] for trial in found]
    answer = {
        "seconds": seconds,
        "trials": trials,
        "selection": [recommended.count(level) / trials for level in doses],
        "no_selection": recommended.count(0) / trials,
        "patients": np.mean(given_at, axis=0).tolist(),
        "dlts": np.mean(dlts_at, axis=0).tolist(),
    }
    print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main()
