"""The kinds of plan."""

from escalation.plans.curves import CurvePlan
from escalation.plans.table import TablePlan

Plan = TablePlan | CurvePlan
