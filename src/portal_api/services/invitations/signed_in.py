"""Accepting with the account that one is signed in to: a parent of a second child needs no second password."""

from typing import Any

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import Forbidden, NotFound
from portal_api.models.auth import Account
from portal_api.schemas.invitations import MyInvitationAccept
from portal_api.services import onboarding
from portal_api.services.guardians import joining
from portal_api.services.invitations import accepting


class InvitationForAnother(Forbidden):
    code, title = "invitation_for_another", "This invitation went to another address"


async def accept(session: Session, principal: Principal, data: MyInvitationAccept) -> dict[str, Any]:
    """Act for one more client, as a guardian; says for whom. Uses the link up.

    Raises InvitationUnknown, InvitationGone, PortalDisabled, TooMany, InvitationForAnother unless it went to the
    address of the caller's account, NotFound for an invitation that is no guardian's, EmailBelongsToGuardian,
    NoContactWith.
    """
    offer = await accepting.offer_of(session.tools, principal, data.token)
    if offer.secret.practice_id != principal.practice_id or offer.kind != "guardian":
        raise NotFound("Only an invitation to act for somebody else is accepted here.")
    # What is written down of guardians is for staff alone: the program itself looks it up.
    await session.rebind(Binding.system(principal.practice_id))
    holder = select(Account).where(Account.id == principal.account_id).with_for_update(key_share=True)
    account = (await session.execute(holder)).scalar_one()
    client = await accepting.held_client(session, offer)
    invitation = await accepting.locked(session, offer.secret)
    now = await clock.now(session)
    invitation.must_be_open(now)
    if account.email_norm != invitation.email_norm:
        raise InvitationForAnother("Sign in with the account of the address that the mail went to.")
    guardian = await joining.invited(session, offer.row["guardian_id"])
    account.verify_email(now)
    await joining.join(session, principal, guardian, client, account, invitation.created_by)
    await onboarding.begin(session, principal, client.id, "guardian")
    await accepting.finish(session, principal, invitation, account, now)
    return {"client_id": client.id, "relationship": guardian.relationship}
