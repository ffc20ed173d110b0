"""Dose-escalation rules written out from their papers, slowly, for comparison with the compiled ones."""
