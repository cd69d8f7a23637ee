"""An answer that somebody must look at raises an alert, in the transaction that hands it in (F8.B1)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.ids import new_id
from portal_api.models.assessments import SafetyAlert
from portal_api.models.forms import FormAssignment
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services import audit
from portal_api.services.forms import scoring

ESCALATION = "safety_alerts.escalate"
"""The job that looks whether somebody has seen to an alert in time."""

_PRACTICE = Read(select(Practice.country, Practice.phone).where(Practice.id == bindparam("practice_id")))
_LINES = {
    "AU": "call Lifeline on 13 11 14",
    "CA": "call or text 988",
    "DE": "call the TelefonSeelsorge on 0800 111 0 111",
    "GB": "call Samaritans on 116 123",
    "IE": "call Samaritans on 116 123",
    "NZ": "call or text 1737",
    "US": "call or text 988, the Suicide & Crisis Lifeline",
}
"""Lines that answer at any hour and cost nothing, by the country of the practice."""


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


async def help_for(source: Source, version: scoring.Version, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the person who gave such answers is told: where help is now. None for all other answers."""
    if not any(True for _ in scoring.alarms(version, answers)):
        return None
    practice = await source.row(_PRACTICE)
    assert practice is not None  # noqa: S101 - it is the caller's
    line = _LINES.get(practice["country"])
    where = f"call your local emergency number, or {line}" if line else "call your local emergency number"
    return {
        "text": f"If you may hurt yourself, or are in danger, {where}. Do not wait for the practice: it has been told"
        " to look at your answers, but may not see them at once.",
        "practice_phone": practice["phone"],
    }


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
