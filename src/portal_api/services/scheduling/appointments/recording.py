"""What is recorded of appointments that were changed: an event for each."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.scheduling import Appointment
from portal_api.services import audit


async def record(
    session: Session,
    principal: Principal,
    type: str,
    chosen: Sequence[Appointment],
    *,
    changed: Iterable[str] = (),
    former: Iterable[UUID] = (),
) -> None:
    """Write the changes and their events; one that overlaps on purpose says so (F10.M6).

    former: clients who came to it before. It concerns them as well.
    """
    await session.flush()
    for appointment in chosen:
        await audit.record(
            session,
            principal,
            type,
            resource=("appointment", appointment.id),
            clients={*appointment.client_ids, *former},
            changed=changed,
            details={"state": appointment.state} | ({"overlaps": True} if appointment.allow_overlap else {}),
        )
