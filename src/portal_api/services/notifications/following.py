"""What follows from one event."""

from dataclasses import dataclass, field
from uuid import UUID

from portal_api.core.db import Session
from portal_api.integrations.mail import Mail
from portal_api.models.audit import Event
from portal_api.services.notifications import delivery, gathering, telling


@dataclass(frozen=True, slots=True)
class Following:
    """What is to be sent now. letter: its row in the delivery log, and the mail; notices: rows of that log."""

    letter: tuple[UUID, Mail] | None = None
    notices: list[UUID] = field(default_factory=list)


async def follow(session: Session, event: Event) -> Following:
    """Tell those whom the event concerns, and say what is to be sent at once; a second time only what was not."""
    await telling.tell(session, event)
    notices = await gathering.open_mails(session, event)
    return Following(await delivery.prepare(session, event), notices)
