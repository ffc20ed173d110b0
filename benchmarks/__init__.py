"""Benchmarks: beside what a user would pick instead, against the limits of the machine, and against exact answers.

`python -m benchmarks COMMAND` prints one section, `python -m benchmarks all` writes all of them to RESULTS.md.
"""
