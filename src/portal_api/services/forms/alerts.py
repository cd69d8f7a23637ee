"""An answer that somebody must look at raises an alert, in the transaction that hands it in (F8.B1)."""

from datetime import timedelta

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.assessments import SafetyAlert
from portal_api.models.forms import FormAssignment
from portal_api.models.portal import PortalSettings
from portal_api.services import audit
from portal_api.services.forms import scoring

ESCALATION = "safety_alerts.escalate"
"""The job that looks whether somebody has seen to an alert in time."""


async def raise_for(
    session: Session, principal: Principal, assignment: FormAssignment, version: scoring.Version
) -> None:
    """Raise what the answers that were just handed in call for; the assignment is held for the change.

    Handed in again, the same answer raises nothing twice and takes nothing back: an open alert stays open with the
    highest score, and after an acknowledged one only a higher score raises another.
    """
    for rule, item_key, score in scoring.alarms(version, assignment.answers):
        known = await _known(session, assignment, rule)
        waiting = next((alert for alert in known if alert.acknowledged_at is None), None)
        if waiting is not None:
            waiting.score = max(waiting.score, score)
        elif all(alert.score < score for alert in known):
            await _raise(session, principal, assignment, rule, item_key, score)


async def _known(session: Session, assignment: FormAssignment, rule: str) -> list[SafetyAlert]:
    of_it = SafetyAlert.form_assignment_id == assignment.id, SafetyAlert.rule == rule
    return list(await session.scalars(select(SafetyAlert).where(*of_it).with_for_update()))


async def _raise(
    session: Session, principal: Principal, assignment: FormAssignment, rule: str, item_key: str, score: int
) -> None:
    alert = SafetyAlert(
        id=new_id(),
        client_id=assignment.client_id,
        form_assignment_id=assignment.id,
        rule=rule,
        item_key=item_key,
        score=score,
    )
    session.add(alert)
    await session.flush()
    await audit.record(
        session,
        principal,
        "safety_alert.raised",
        resource=("safety_alert", alert.id),
        clients=[assignment.client_id],
    )
    hours = (await session.execute(select(PortalSettings.assessment_escalation_hours))).scalar_one()
    at = await clock.now(session) + timedelta(hours=hours)
    await session.tools.queue.defer(session, ESCALATION, session.binding.practice_id, at=at, alert_id=alert.id)
