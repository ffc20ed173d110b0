source("common.R")
suppressPackageStartupMessages(library(UBCRM))

DIGITS <- 12 # the package rounds its means, to two decimals unless told

answer(
  run = switch(
    setting$design,
    "crm" = function() {
      ssimCrm(
        prior = setting$skeleton, n = setting$trials, firstdose = 1, truerate = setting$rates,
        cohortsize = setting$cohort, target = setting$target, nptmax = setting$patients, sd = setting$prior_sd,
        r = DIGITS, seed = setting$seed
      )
    },
    "3+3" = function() ssim3p3(setting$rates, setting$trials, r = DIGITS, seed = setting$seed)
  ),
  read = function(found) {
    list(
      selection = by_dose(found$data$recommendation / 100),
      no_selection = found$norecommendation / 100,
      patients = by_dose(found$data$npt),
      dlts = by_dose(found$data$ndlt)
    )
  }
)
