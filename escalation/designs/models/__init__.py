"""Dose-toxicity curves and the priors over them."""
