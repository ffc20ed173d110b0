"""The sections of a report, in the order in which they are read."""

from collections.abc import Iterator

from escalation.report.document.document import Section
from escalation.report.document.facts import Request
from escalation.report.document.measures import definitions
from escalation.report.document.methods import methods
from escalation.report.document.protocol import protocol
from escalation.report.document.provenance import provenance
from escalation.report.document.results import contrasts, results
from escalation.report.document.settings import settings
from escalation.report.document.study import aims, estimands, mechanisms
from escalation.report.document.summary import summary
from escalation.studies.run import Run


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
