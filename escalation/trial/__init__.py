"""What is given: the trial, its expansion and safety rules, data of a running trial, and which doses are correct."""
