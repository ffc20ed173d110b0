source("common.R")
suppressPackageStartupMessages(library(dfcrm))

answer(
  run = function() {
    crmsim(
      PI = setting$rates, prior = setting$skeleton, target = setting$target, n = setting$patients, x0 = 1,
      nsim = setting$trials, mcohort = setting$cohort, restrict = TRUE, count = FALSE, scale = setting$prior_sd,
      seed = setting$seed
    )
  },
  read = function(found) {
    list(
      selection = by_dose(found$MTD),
      no_selection = 1 - sum(found$MTD),
      patients = by_dose(found$level),
      dlts = by_dose(found$tox)
    )
  }
)
