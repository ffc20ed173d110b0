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

WARM_TRIALS <- 2 # dfcrm tells of a single trial in another form
ENOUGH <- 0.5 # seconds: what takes much less is repeated for the clock

# Time `run`, whose printing is thrown away, and print what `read` makes of its result. Before that `warm` is called,
# which R compiles and loads things for; where trials are simulated it has few of them. What simulates has as many
# trials as the clock needs; an exact answer is found again and again, and its time is the mean.
answer <- function(run, read, exact = FALSE, warm = run) {
  trials <- setting$trials
  sink(nullfile())
  if (!exact) setting$trials <<- WARM_TRIALS
  warm()
  setting$trials <<- trials
  set.seed(setting$seed)
  calls <- 0
  seconds <- system.time({
    start <- proc.time()[["elapsed"]]
    repeat {
      found <- run()
      calls <- calls + 1
      if (!exact || proc.time()[["elapsed"]] - start >= ENOUGH) break
    }
  })[["elapsed"]] / calls
  sink()
  told <- c(list(seconds = seconds, trials = if (!exact) trials), read(found))
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
