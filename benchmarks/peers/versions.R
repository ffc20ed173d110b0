# Which of the packages named on the command line are installed, and in which version, as JSON.
wanted <- commandArgs(trailingOnly = TRUE)
found <- wanted[vapply(wanted, function(name) nzchar(system.file(package = name)), TRUE)]
versions <- vapply(found, function(name) packageDescription(name)$Version, "")
cat("{", paste0('"', found, '":"', versions, '"', recycle0 = TRUE, collapse = ","), "}\n", sep = "")
