"""The sections of a report, in the order in which they are read."""

from collections.abc import Iterator

from escalation.report.page.contrasts import contrasts
from escalation.report.page.document import Section
from escalation.report.page.facts import Request
from escalation.report.page.measures import definitions
from escalation.report.page.methods import methods
from escalation.report.page.protocol import protocol
from escalation.report.page.provenance import provenance
from escalation.report.page.results import results
from escalation.report.page.settings import settings
from escalation.report.page.study import aims, estimands, mechanisms
from escalation.report.page.summary import summary
from escalation.scenario_run import Run


def sections(finished: Run, request: Request) -> Iterator[Section]:
    """Each section of a report on a run."""
    yield Section("summary", "Summary", tuple(summary(finished)))
    yield Section("trial", "The trial and its assumptions", tuple(settings(finished)))
    yield Section("aims", "Aims", tuple(aims(finished)))
    yield Section("truths", "Data-generating mechanisms: the truths", tuple(mechanisms(finished)))
    yield Section("estimands", "Estimands", tuple(estimands(finished)))
    yield Section("designs", "Methods: the designs", tuple(methods(finished)))
    yield Section("measures", "Performance measures", tuple(definitions(finished)))
    yield Section("results", "Results", tuple(results(finished)))
    yield Section("comparison", "The designs compared", tuple(contrasts(request)))
    yield Section("protocol", "Text for a protocol", tuple(protocol(finished)))
    yield Section("reproducibility", "Reproducibility", tuple(provenance(finished, request)))
