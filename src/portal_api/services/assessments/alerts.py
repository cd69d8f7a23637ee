"""Safety alerts: seen by whoever treats the client, and open until somebody acknowledges them (F8.B1)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.assessments import SafetyAlert
from portal_api.models.clients import Client
from portal_api.models.forms import FormAssignment, FormTemplate, FormVersion
from portal_api.schemas.assessments import SafetyAlertFilters
from portal_api.services import audit
from portal_api.services.clients import reading
from portal_api.services.forms.rendering import filled
from portal_api.services.paging import Pager

COLUMNS = (
    SafetyAlert.id,
    SafetyAlert.state_now().label("state"),
    SafetyAlert.client_id,
    SafetyAlert.form_assignment_id,
    FormTemplate.key.label("form_key"),
    FormVersion.title.label("form_title"),
    FormAssignment.values,
    SafetyAlert.rule,
    SafetyAlert.item_key,
    SafetyAlert.score,
    SafetyAlert.raised_at,
    SafetyAlert.escalated_at,
    SafetyAlert.acknowledged_at,
    SafetyAlert.acknowledged_by,
    SafetyAlert.note,
    SafetyAlert.version,
)


async def page_alerts(reader: Reader, principal: Principal, filters: SafetyAlertFilters) -> dict[str, Any]:
    """The alerts of the clients whom the caller sees, newest first."""
    pager = Pager(reader, principal, "safety-alerts", filters, "id")
    read = _many(
        reading.sees_all(principal),
        filters.state,
        of_client=filters.client_id is not None,
        resumed=pager.position is not None,
    )
    rows = await reader.rows(
        read,
        staff_id=principal.staff_id,
        client_id=filters.client_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    answer = pager.envelope([_shaped(row) for row in rows])
    audit.viewed(reader, principal, "safety_alerts.listed", {row["client_id"] for row in answer["data"]})
    return answer


async def get_alert(source: Source, principal: Principal, alert_id: UUID) -> dict[str, Any]:
    """One alert of a client whom the caller sees. Raises NotFound."""
    read = _one(reading.sees_all(principal))
    row = await source.row(read, alert_id=alert_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "safety_alert.viewed", [row["client_id"]])
    return _shaped(row)


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """With the names in the form's title."""
    values = row.pop("values")
    return row | {"form_title": filled(row["form_title"], values)}


async def acknowledge(session: Session, principal: Principal, alert_id: UUID, note: str | None) -> dict[str, Any]:
    """Say that somebody has seen to it. Raises NotFound, InvalidState where somebody had."""
    await get_alert(session, principal, alert_id)
    alert = await _held(session, alert_id)
    if alert is None:
        raise NotFound
    alert.acknowledge(await clock.now(session), principal.account_id, note)
    await _record(session, principal, alert, "safety_alert.acknowledged")
    return await get_alert(session, principal, alert_id)


async def escalate(session: Session, alert_id: UUID) -> None:
    """Bring it before supervisors and owners, unless somebody has seen to it, or they know of it."""
    alert = await _held(session, alert_id)
    if alert is not None and alert.escalate(await clock.now(session)):
        program = Principal.program(session.binding.practice_id)
        await _record(session, program, alert, "safety_alert.escalated")


async def _held(session: Session, alert_id: UUID) -> SafetyAlert | None:
    held = select(SafetyAlert).where(SafetyAlert.id == alert_id).with_for_update()
    return (await session.execute(held)).scalar_one_or_none()


async def _record(session: Session, principal: Principal, alert: SafetyAlert, type: str) -> None:
    await session.flush()
    await audit.record(
        session, principal, type, resource=("safety_alert", alert.id), clients=[UUID(str(alert.client_id))]
    )


def _visible(everyone: bool) -> Rows:
    statement = (
        select(*COLUMNS)
        .join(Client, Client.id == SafetyAlert.client_id)
        .join(FormAssignment, FormAssignment.id == SafetyAlert.form_assignment_id)
        .join(FormTemplate, FormTemplate.id == FormAssignment.form_template_id)
        .join(FormVersion, FormVersion.id == FormAssignment.form_version_id)
    )
    return reading.visible(statement, everyone)


@cache
def _one(everyone: bool) -> Read:
    return Read(_visible(everyone).where(SafetyAlert.id == bindparam("alert_id")))


@cache
def _many(everyone: bool, state: str | None, *, of_client: bool, resumed: bool) -> Read:
    statement = _visible(everyone)
    if state == "open":
        statement = statement.where(SafetyAlert.acknowledged_at.is_(None))
    if state == "acknowledged":
        statement = statement.where(SafetyAlert.acknowledged_at.is_not(None))
    if of_client:
        statement = statement.where(SafetyAlert.client_id == bindparam("client_id"))
    if resumed:
        statement = statement.where(SafetyAlert.id < bindparam("after_id"))
    return Read(statement.order_by(SafetyAlert.id.desc()).limit(bindparam("limit")))
