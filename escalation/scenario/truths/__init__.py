"""Truths to judge designs by: of a scenario file, drawn, and published."""
