source("common.R")
suppressPackageStartupMessages(library(BOIN))

answer(
  run = function() {
    get.oc(
      target = setting$target, p.true = setting$rates, ncohort = cohorts, cohortsize = setting$cohort,
      n.earlystop = setting$patients + 1, ntrial = setting$trials, seed = setting$seed
    )
  },
  read = function(found) {
    list(
      selection = by_dose(found$selpercent / 100),
      no_selection = found$percentstop / 100,
      patients = by_dose(found$npatients),
      dlts = by_dose(found$ntox)
    )
  }
)
