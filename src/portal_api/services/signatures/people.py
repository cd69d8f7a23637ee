"""As what a caller may sign for a client."""

from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import GrantPermission, Principal, Role
from portal_api.core.db import Read, Source
from portal_api.models.clients import ClientAssignment
from portal_api.models.signatures import Party
from portal_api.models.staff import Supervision
from portal_api.services.signatures.parties import INTERN, Signer

TREATING = Read(
    select(ClientAssignment.practitioner_id, Supervision.supervisor_id)
    .outerjoin(
        Supervision,
        (Supervision.supervised_id == ClientAssignment.practitioner_id)
        & (Supervision.supervisor_id == bindparam("staff_id")),
    )
    .where(ClientAssignment.client_id == bindparam("client_id"))
)


def client_as(principal: Principal, client_id: UUID) -> list[Signer]:
    """As the client or in their place, where the caller may sign for them."""
    assert principal.account_id is not None  # noqa: S101 - the routes ask for an account
    return [
        Signer.acting(principal.account_id, profile)
        for profile in principal.permitted(GrantPermission.FORMS_SIGN)
        if profile.client_id == client_id
    ]


async def staff_as(source: Source, principal: Principal, client_id: UUID) -> list[Signer]:
    """As who treats the client, and as who supervises the treatment: only who does so, whatever else they may see."""
    account_id = principal.account_id
    assert account_id is not None  # noqa: S101 - the routes ask for an account
    treating = await source.rows(TREATING, client_id=client_id, staff_id=principal.staff_id)
    signers = []
    if any(row["practitioner_id"] == principal.staff_id for row in treating):
        trained = principal.roles & {Role.PRACTITIONER, Role.SUPERVISOR}
        if trained or Role.INTERN in principal.roles:
            signers.append(Signer(account_id, Party.PRACTITIONER, "practitioner" if trained else INTERN))
    if any(row["supervisor_id"] is not None for row in treating):
        signers.append(Signer(account_id, Party.SUPERVISOR, "supervisor"))
    return signers
