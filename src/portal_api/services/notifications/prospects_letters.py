"""Tells a prospect that the practice has let them in."""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.prospects import Prospect
from portal_api.services.notifications.letters import Letter, app_link, letter

# Who asked for an appointment without an account has none.
_FIRST_PASSWORD: tuple[Template, str] = ("portal_associated_first_password", "/forgot-password")


@letter("prospect.associated", "prospect.converted")
async def associated(session: Session, event: Event) -> Letter | None:
    """Nothing to say when it was undone in the meantime, or to who has just let themselves in by an invitation."""
    if "invitation_id" in event.details:
        return None
    about = select(Prospect).options(joinedload(Prospect.account)).where(Prospect.id == event.resource_id)
    prospect = await session.scalar(about)
    if prospect is None or prospect.client_id is None:
        return None
    account = prospect.account
    template: Template
    template, path = ("portal_associated", "/sign-in") if account.password_hash else _FIRST_PASSWORD
    return Letter(template, account.email, prospect.id, account.id, {"link": await app_link(session, path)})
