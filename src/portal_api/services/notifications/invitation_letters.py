"""The mails of invitations: a link, and nothing about the person."""

from datetime import timedelta

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.invitations import OPEN_STATES, Invitation
from portal_api.services.invitations.issuing import secret_of
from portal_api.services.notifications.letters import Letter, app_link, letter

HOUR = timedelta(hours=1)


@letter("invitation.created", "invitation.resent")
async def invite(session: Session, event: Event) -> Letter | None:
    """Unless the invitation is over by the time that the mail is written."""
    found = await session.execute(select(Invitation).where(Invitation.id == event.resource_id))
    invitation = found.scalar_one_or_none()
    now = await clock.now(session)
    if invitation is None or invitation.state(now) not in OPEN_STATES:
        return None
    token = secret_of(session.tools, invitation).text
    template: Template = "client_invitation" if invitation.client_id else "staff_invitation"
    return Letter(
        "guardian_invitation" if invitation.guardian_id else template,
        invitation.email,
        invitation.id,
        values={
            "link": await app_link(session, f"/accept-invitation#token={token}"),
            "valid_for": max(1, round((invitation.expires_at - now) / HOUR)) * HOUR,
        },
    )
