"""Why no dose is recommended, in words."""

from escalation.kernels.codes import DOSE_TOO_TOXIC, TOO_TOXIC
from escalation.plans.decision import Decision, State
from escalation.running.decider import Decider


def why_none(decider: Decider, state: State, decision: Decision) -> str | None:
    """Why no dose would be recommended if the trial ended now; None where one would.

    The first that applies: nobody was treated; the rule of the expansion stopped the dose; a stopping rule, the table
    or the model finds the trial too toxic; a stopping rule finds a dose too toxic, and none below will do; no dose that
    was tried is low enough for the model, or what the table asks for.
    """
    if decider.recommended(state) is not None:
        return None
    if state.treated == 0:
        return "nobody has been treated"
    if state.expanding is not None:
        return f"{decider.trial.at_level(state.expanding.dose)} is too toxic by the rule of its expansion"
    for reason, said in (
        (TOO_TOXIC, "too toxic"),
        (DOSE_TOO_TOXIC, "no dose below the one that is too toxic can be recommended"),
    ):
        stops = [stop.words for stop in decision.stops if stop.reason == reason]
        if stops:
            return f"{said}: {'; '.join(stops)}"
    closed, table = decider.closed(state), decider.plan.table
    if all(closed):
        return _too_toxic(decision)
    if table is None:
        eliminated = decider.plan.lowest_eliminated(state)
        if not any(state.patients[:eliminated]):
            return "every dose that was tried is eliminated"
        return "the model's choice is below every dose that was tried"
    open_ones = [patients for patients, shut in zip(state.patients, closed, strict=True) if not shut]
    return table.selection.nothing if any(open_ones) else "every dose that was tried is eliminated"


def _too_toxic(decision: Decision) -> str:
    judgement = decision.judgement
    if decision.code is not None:
        return "too toxic: the lowest dose is eliminated"
    if judgement is None:  # during titration the model is not asked
        return "too toxic by the model"
    if judgement.highest_open < 0 <= judgement.highest_by_model:
        return "too toxic: the lowest dose is eliminated"
    if judgement.highest_open < 0:
        return f"too toxic: every dose is an overdose with a probability above {judgement.reading.most_overdosing:g}"
    found = f"{judgement.toxicity:.3f}, exceeds {judgement.too_toxic_threshold:g}"
    return f"too toxic: the probability that the lowest dose is, {found}"
