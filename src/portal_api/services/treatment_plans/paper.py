"""A treatment plan as it is read and signed. Pure."""

from typing import Any
from uuid import UUID

from portal_api.integrations.papers import Fact, Item, Paper, Section, lines
from portal_api.schemas.treatment_plans import Goal, Intervention, Objective, TreatmentPlanCreate


def paper_of(content: dict[str, Any], number: int, reference: UUID, names: dict[str, str], size: str) -> Paper:
    """reference: of the revision, so that no two papers are the same bytes. names: of practice, client and author."""
    plan = TreatmentPlanCreate.model_validate(content, strict=False)
    facts = [
        Fact("Client", names["client"]),
        Fact("Written by", names["author"]),
        Fact("Revision", str(number)),
        Fact("Reference", str(reference)),
    ]
    if plan.review_on:
        facts.append(Fact("To be reviewed on", plan.review_on.isoformat()))
    sections = [_goal(place, goal) for place, goal in enumerate(plan.goals, 1)]
    if plan.diagnoses:
        named = tuple(Item((f"{one.code} {one.description}",)) for one in plan.diagnoses)
        sections.insert(0, Section("Diagnoses", items=named))
    if plan.summary:
        sections.insert(0, Section("Summary", text=lines(plan.summary)))
    return Paper(title=plan.title, issuer=names["practice"], facts=tuple(facts), sections=tuple(sections), size=size)


def _goal(place: int, goal: Goal) -> Section:
    text = lines(goal.description)
    if goal.target_date:
        text += (f"To be reached by {goal.target_date.isoformat()}.",)
    items = [*map(_objective, goal.objectives), *map(_intervention, goal.interventions)]
    return Section(f"Goal {place}", text=text, items=tuple(items))


def _objective(one: Objective) -> Item:
    parts = [*lines(one.description)]
    if one.measure:
        parts.append(f"Measured by: {one.measure}")
    if one.target_date:
        parts.append(f"By {one.target_date.isoformat()}")
    if one.achieved_on:
        parts.append(f"Achieved on {one.achieved_on.isoformat()}")
    return Item(("Objective",), tuple(parts))


def _intervention(one: Intervention) -> Item:
    parts = [*lines(one.description)]
    if one.frequency:
        parts.append(one.frequency)
    return Item(("Intervention",), tuple(parts))
