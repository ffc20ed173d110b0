source("common.R")
suppressPackageStartupMessages(library(precautionary))

# The package takes a distribution of the patients' own thresholds: dose levels are its quantiles at the true DLT rates.
thresholds <- mtdi_lognormal(CV = 1, median = 100, units = "mg")
options(
  dose_levels = thresholds@dist$quantile(setting$rates),
  ordinalizer = function(MTDi, r0 = 1.5) MTDi * r0^c(Gr1 = -2, Gr2 = -1, Gr3 = 0, Gr4 = 1, Gr5 = 2)
)

answer(
  run = function() {
    design <- exact(escalation::get_three_plus_three(num_doses = doses, allow_deescalate = TRUE))
    summary(simulate_trials(design, true_prob_tox = thresholds))
  },
  read = function(found) {
    expected <- found$safety
    dlts <- grepl("^Gr[345]$", colnames(expected))
    list(sample_size = sum(expected[, "Total"]), total_dlts = sum(expected[, dlts]))
  },
  exact = TRUE
)
