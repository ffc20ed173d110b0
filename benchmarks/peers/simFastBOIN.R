source("common.R")
suppressPackageStartupMessages(library(simFastBOIN))

answer(
  run = function() {
    sim_boin(
      n_trials = setting$trials, target = setting$target, p_true = setting$rates, n_cohort = cohorts,
      cohort_size = setting$cohort, n_earlystop = setting$patients + 1, seed = setting$seed
    )
  },
  read = function(found) {
    share <- found$summary$mtd_selection_percent / 100
    list(
      selection = by_dose(share[seq_len(doses)]),
      no_selection = share[doses + 1],
      patients = by_dose(found$summary$avg_n_pts),
      dlts = by_dose(found$summary$avg_n_tox)
    )
  }
)
