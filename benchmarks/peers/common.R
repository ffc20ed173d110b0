# What the scripts of the R packages share: the setting from the command line, the clock, and the answer as JSON.

given <- strsplit(commandArgs(trailingOnly = TRUE), "=", fixed = TRUE)
values <- lapply(given, function(pair) {
  parts <- strsplit(pair[2], ",", fixed = TRUE)[[1]]
  if (pair[1] == "design") parts else as.numeric(parts)
})
setting <- setNames(values, vapply(given, function(pair) pair[1], ""))
doses <- length(setting$rates)
cohorts <- setting$patients / setting$cohort

json <- function(value) {
  if (is.null(value)) return("null")
  numbers <- sprintf("%.17g", value)
  if (length(value) > 1 || isTRUE(attr(value, "by_dose"))) paste0("[", paste(numbers, collapse = ","), "]") else numbers
}

by_dose <- function(value) structure(as.numeric(value), by_dose = TRUE)

# Time `run`, whose printing is thrown away, and print what `read` makes of its result.
answer <- function(run, read, exact = FALSE) {
  set.seed(setting$seed)
  sink(nullfile())
  seconds <- system.time(found <- run())[["elapsed"]]
  sink()
  told <- c(list(seconds = seconds, trials = if (!exact) setting$trials), read(found))
  cat("{", paste0('"', names(told), '":', vapply(told, json, ""), collapse = ","), "}\n", sep = "")
}

# Means of trials that are told one by one: the recommended dose (not 1 to `doses` for none), and a row of counts each.
of_trials <- function(recommended, patients, dlts) {
  share <- tabulate(recommended, doses) / length(recommended)
  list(
    selection = by_dose(share),
    no_selection = 1 - sum(share),
    patients = by_dose(colMeans(patients)),
    dlts = by_dose(colMeans(dlts))
  )
}
