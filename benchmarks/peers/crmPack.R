source("common.R")
suppressPackageStartupMessages(library(crmPack))

levels <- seq_len(doses)
design <- switch(
  setting$design,
  "crm" = Design(
    model = OneParLogNormalPrior(skel_probs = setting$skeleton, dose_grid = levels, sigma2 = setting$prior_sd^2),
    nextBest = NextBestMinDist(target = setting$target),
    stopping = StoppingMinPatients(nPatients = setting$patients),
    increments = IncrementsDoseLevels(levels = doses), # any step
    cohort_size = CohortSizeConst(setting$cohort),
    data = Data(doseGrid = levels),
    startingDose = 1
  ),
  "3+3" = ThreePlusThreeDesign(doseGrid = levels)
)

counts <- function(trials, counted) {
  by_trial <- lapply(trials, function(trial) vapply(levels, function(dose) sum(counted(trial)[trial@x == dose]), 0))
  do.call(rbind, by_trial)
}

answer(
  run = function() {
    simulate(design, nsim = setting$trials, seed = setting$seed, truth = function(dose) setting$rates[dose])
  },
  read = function(found) {
    of_trials(found@doses, counts(found@data, function(trial) trial@y >= 0), counts(found@data, function(trial) trial@y))
  }
)
