"""A design given by a decision table.

The user's own table says for each number of patients and DLTs at the dose just given whether the next cohort gets a
higher dose, the same or a lower one, as the decision tables that protocols print.

Source: the letters E, S, D, DU are those of Ji Y, Liu P, Li Y, Bekele BN (2010) Clin Trials 7:653-663.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, model_validator

from escalation.designs.base import Design, never_reached, patients_reach
from escalation.designs.isotonic import closest_isotonic, isotonic_in_words
from escalation.designs.tables.check import Checked, doubtful_findings, fatal_findings
from escalation.designs.tables.file import read_table
from escalation.designs.tables.rows import LETTERS, MOST_ROWS, WORDS, Row, contradictions, decisions_of
from escalation.designs.words import observed
from escalation.fields import Count, Text
from escalation.kernels.codes import ESCALATE, NEXT_DOSE, RULE_COMPLETE
from escalation.plans.conduct import NO_LIMIT, Conduct
from escalation.plans.table import HighestCleared, TablePlan
from escalation.trial.trial import Trial

MOST_NAMED = 40
"""A description holds so many rows; longer tables are printed apart."""


def _rows_of(file: str, context: dict[str, Any]) -> tuple[Row, ...]:
    """The rows of a file, which the designs of a scenario read once."""
    path = context.get("folder", Path()) / file
    tables = context.get("tables", {})
    if path not in tables:
        tables[path] = tuple(read_table(path))
    return tables[path]


class DecisionTable(Design):
    """A decision table of one's own.

    Elimination closes the dose and all above. Rows that decide differently on the same numbers are an error, and so is
    a cell that a trial can reach and no row decides.

    Parameters
    ----------
    file : str, optional
        CSV file with the table; a relative path starts at the folder of the scenario file.
    rows : sequence of {"patients": ..., "dlts": ..., "decision": ...}
        Instead of a file: the rows, each perhaps with a "dose".
    recommend : {"isotonic", "highest_cleared"}
        The dose whose isotonic estimate is closest to the target, as BOIN; or the highest below eliminated ones whose
        numbers say escalate, as 3+3.
    cap : int, optional
        End the trial when the next cohort would go to a dose with this many patients.
    """

    kind: Literal["table"] = "table"
    file: Text | None = None
    rows: tuple[Row, ...] = Field(default=(), max_length=MOST_ROWS)
    recommend: Literal["isotonic", "highest_cleared"] = "isotonic"
    cap: Count | None = None

    sources: ClassVar[tuple[str, ...]] = (
        "Ji Y, Liu P, Li Y, Bekele BN (2010). A modified toxicity probability interval method for dose-finding trials. "
        "Clin Trials 7:653-663.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, content: Any, info: ValidationInfo) -> Any:
        if not isinstance(content, dict) or content.get("file") is None:
            return content
        if content.get("rows"):
            raise ValueError("file: give either a file or rows, not both")
        try:
            file = TypeAdapter(Text).validate_python(content["file"])
        except ValidationError:
            return content  # the field itself says what is wrong
        try:
            rows = _rows_of(file, info.context or {})
        except ValueError as error:
            raise ValueError("\n".join(f"file: {file}: {line}" for line in str(error).splitlines())) from None
        return content | {"file": None, "rows": rows}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.rows:
            raise ValueError("rows: needed, or else a file")
        problems = [f"rows: {problem}" for problem in contradictions(self.rows, lambda index: f"row {index + 1}")]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from (("rows", problem) for problem in fatal_findings(self._on(trial)))
        if self.recommend == "highest_cleared":
            codes, decided = decisions_of(self.rows, trial)
            escalates = codes == ESCALATE
            differs = escalates.any(axis=0) & (decided & ~escalates).any(axis=0)
            for patients, dlts in np.argwhere(differs)[:1]:
                yield "recommend", f"highest_cleared needs one answer at all doses; {dlts} of {patients} has several"

    def _cautions(self, trial: Trial) -> Iterator[str]:
        yield from never_reached("cap", self.cap, trial)
        yield from doubtful_findings(self._on(trial))

    def _on(self, trial: Trial) -> Checked:
        return Checked(self.rows, trial, NO_LIMIT if self.cap is None else self.cap, self.titration)

    def _references(self) -> tuple[str, ...]:
        return ()  # the letters have a source; the table is the user's own

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:  # noqa: ARG002
        return f"{observed(patients, dlts)}: the table says {LETTERS[code]}"

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        yield f"Dose escalation follows a decision table, made for a target DLT rate of {trial.target:g}."
        yield "After each cohort it is looked up with the patients treated at the current dose and their DLTs."
        if len(self.rows) <= MOST_NAMED:
            words = {letter: word for word, letter in WORDS.items()}
            yield f"It says: {'; '.join(f'{row}, {words[row.decision]}' for row in self.rows)}."
        else:
            yield f"Its {len(self.rows)} rows are given apart."
        yield (
            "To eliminate is to give the dose below, and this dose and all above never again; elimination of the "
            "lowest dose ends the trial, and no dose is recommended."
        )

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        if self.recommend == "isotonic":
            yield isotonic_in_words()
        else:
            yield (
                "At the end the recommended dose is the highest below all eliminated ones whose own patients and "
                "DLTs say escalate; without such a dose none is recommended."
            )

    def _plan(self, trial: Trial) -> TablePlan:
        codes, _ = decisions_of(self.rows, trial)
        isotonic = closest_isotonic(trial.target, trial.max_patients)
        cleared = HighestCleared((codes == ESCALATE).any(axis=0))
        return TablePlan(
            codes=codes,
            selection=isotonic if self.recommend == "isotonic" else cleared,
            conduct=Conduct.of(trial, stops=patients_reach(self.cap, NEXT_DOSE, RULE_COMPLETE, trial)),
        )
