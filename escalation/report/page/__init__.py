"""The parts of a report on a trial's designs: sections made of blocks and drawings, and the page that shows them.

The sections follow ADEMP (aims, data-generating mechanisms, estimands, methods, performance measures): Morris TP, White
IR, Crowther MJ (2019) Stat Med 38:2074-2102.
"""
