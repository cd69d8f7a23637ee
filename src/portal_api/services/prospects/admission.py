"""Letting a prospect in: as a new client, or as one who is known already; and undoing it."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, invalid
from portal_api.models.clients import Client
from portal_api.models.prospects import Prospect
from portal_api.schemas.clients import ClientCreate
from portal_api.schemas.prospects import ProspectAssociation, ProspectClient, ProspectDecision
from portal_api.services import audit, clients, onboarding
from portal_api.services.auth import step_up
from portal_api.services.clients import logins, portal_access
from portal_api.services.clients.logins import AlreadyLinked
from portal_api.services.prospects import reading, review
from portal_api.services.scheduling.requests import of_prospects

SOURCE = "association"
NOT_NULL = ("given_name", "family_name", "practitioner_ids", "external_ids")


class NotVerified(Conflict):
    code, title = "not_verified", "The e-mail address of this prospect is not verified"


async def create_client(
    session: Session, principal: Principal, prospect_id: UUID, data: ProspectClient | None
) -> dict[str, Any]:
    """Make a client of what the person entered, save what is given otherwise, and let them act for it.

    Raises NotFound, InvalidState, NotVerified, PortalNotEnabled, Invalid, ExternalIdTaken.
    """
    prospect = await _admissible(session, prospect_id)
    created = await clients.create(session, principal, _filled_in(prospect, data))
    client = await clients.locked(session, principal, created["id"])
    await _admit(session, principal, prospect, client, "converted")
    return await clients.get(session, principal, client.id)


async def associate(
    session: Session, principal: Principal, prospect_id: UUID, data: ProspectAssociation
) -> dict[str, Any]:
    """Let the person act for a client who is known already (F5.M4). Returns the prospect.

    Raises ReauthenticationRequired for who has not signed in lately (A07), NotFound for either, InvalidState,
    NotVerified, AlreadyLinked, PortalNotEnabled.
    """
    step_up.require_recent(principal)
    prospect = await _admissible(session, prospect_id)
    client = await clients.locked(session, principal, data.client_id)
    await portal_access.end_invitations(session, client, by=principal.account_id)
    return await _admit(session, principal, prospect, client, "associated")


async def accept_invitation(
    session: Session, visitor: Principal, prospect: Prospect, client_id: UUID, invitation_id: UUID, by: UUID
) -> None:
    """Who signed up and was invited too is a prospect no longer. `by`: who invited them."""
    if prospect.accept_invitation(client_id, await clock.now(session), by):
        await session.flush()
        await of_prospects.hand_over(session, prospect.id, client_id)
        await audit.record(
            session, visitor, "prospect.associated", resource=("prospect", prospect.id), clients=[client_id],
            details={"invitation_id": str(invitation_id)},
        )  # fmt: skip


async def dissociate(
    session: Session, principal: Principal, prospect_id: UUID, decision: ProspectDecision | None
) -> dict[str, Any]:
    """Undo within 24 hours (A07): the access and the account's sessions end, the client's record stays.

    Raises NotFound, InvalidState.
    """
    prospect = await reading.locked(session, prospect_id)
    client_id = prospect.client_id
    prospect.dissociate(await clock.now(session))
    client = (await session.execute(select(Client).where(Client.id == client_id).with_for_update())).scalar_one()
    await logins.revoke_self(session, client, prospect.account, "dissociated", by=principal.account_id)
    await of_prospects.take_back(session, prospect.id)
    return await review.recorded(session, principal, prospect, "prospect.dissociated", decision, client_id=client.id)


async def _admissible(session: Session, prospect_id: UUID) -> Prospect:
    prospect = await reading.locked(session, prospect_id)
    if prospect.state == "new":
        raise NotVerified(
            "Wait until the person has opened the mailed link, or verify the address for them.", state="new"
        )
    prospect.must_be("verified")
    return prospect


async def _admit(
    session: Session, principal: Principal, prospect: Prospect, client: Client, outcome: str
) -> dict[str, Any]:
    _, own = await logins.prepare(session, client)
    if own is not None:
        raise AlreadyLinked(
            "Choose another client, make a new one, or revoke this client's portal access first.",
            choices=["associate_other", "create_client", "revoke_portal_access"],
        )
    await logins.grant_self(session, client, prospect.account, SOURCE, by=principal.account_id)
    prospect.become_client(outcome, client.id, await clock.now(session), by=review.acting(principal))
    await of_prospects.hand_over(session, prospect.id, client.id)
    await onboarding.begin(session, principal, client.id, SOURCE)
    return await review.recorded(session, principal, prospect, f"prospect.{outcome}", client_id=client.id)


def _filled_in(prospect: Prospect, data: ProspectClient | None) -> ClientCreate:
    entered: dict[str, Any] = {
        "given_name": prospect.given_name,
        "family_name": prospect.family_name,
        "date_of_birth": prospect.date_of_birth,
        "email": prospect.account.email,
        "phone": prospect.phone,
    }
    given = data.given() if data else {}
    for name in NOT_NULL:
        if name in given and given[name] is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    if "external_ids" in given:
        given["external_ids"] = {system: value for system, value in given["external_ids"].items() if value is not None}
    return ClientCreate(**entered | given)
