source("common.R")
suppressPackageStartupMessages(library(escalation))

design <- switch(
  setting$design,
  "boin" = get_boin(num_doses = doses, target = setting$target) %>% select_boin_mtd() %>% stop_at_n(setting$patients),
  "crm" = get_dfcrm(skeleton = setting$skeleton, target = setting$target, scale = setting$prior_sd) %>%
    stop_at_n(setting$patients),
  "3+3" = ,
  "3+3 by paths" = get_three_plus_three(num_doses = doses)
)

if (setting$design == "3+3 by paths") {
  of_paths <- function(cohorts) {
    design %>% get_dose_paths(cohort_sizes = rep(3, cohorts), next_dose = 1) %>% calculate_probabilities(setting$rates)
  }
  answer(
    run = function() of_paths(2 * doses), # no trial has more
    read = function(found) {
      recommended <- prob_recommend(found)
      list(
        selection = by_dose(recommended[-1]),
        no_selection = recommended[["NoDose"]],
        patients = by_dose(n_at_dose(found)),
        dlts = by_dose(tox_at_dose(found))
      )
    },
    exact = TRUE,
    warm = function() of_paths(2) # all of them take ten seconds for four doses
  )
} else {
  cohort <- if (setting$design == "3+3") 3 else setting$cohort
  answer(
    run = function() {
      simulate_trials(
        design, num_sims = setting$trials, true_prob_tox = setting$rates, next_dose = 1,
        sample_patient_arrivals = function(df) cohorts_of_n(n = cohort)
      )
    },
    read = function(found) of_trials(recommended_dose(found), n_at_dose(found), tox_at_dose(found))
  )
}
