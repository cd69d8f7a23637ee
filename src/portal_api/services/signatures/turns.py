"""Whether it is a caller's turn to sign, for many papers at once: as the paper itself says it, one by one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from portal_api.core.access import Principal
from portal_api.core.db import Reader
from portal_api.models.signatures import Party, Signature, SignatureRequest
from portal_api.services.signatures import custody
from portal_api.services.signatures.parties import Given, Wanted, standing
from portal_api.services.signatures.people import client_as
from portal_api.services.signatures.reading import GUARDIANS

_given = func.jsonb_build_object(
    *("account_id", Signature.account_id, "party", Signature.party, "capacity", Signature.capacity)
)
_signatures = (
    select(func.jsonb_agg(aggregate_order_by(_given, Signature.signed_at, Signature.id)))
    .where(Signature.request_id == SignatureRequest.id)
    .correlate(SignatureRequest)
    .scalar_subquery()
)


def asked(confidential: Any) -> Any:
    """The column that `of` reads. confidential: whether the paper is kept from guardians."""
    return func.jsonb_build_object(
        *("signers", SignatureRequest.signers, "in_order", SignatureRequest.in_order),
        *("given", _signatures, "confidential", confidential),
    )


async def of(reader: Reader, principal: Principal, papers: Sequence[dict[str, Any]]) -> list[bool]:
    """For each of the papers, a `client_id` and what is `asked`, whether the caller is to sign it now."""
    if not papers:
        return []
    client_ids = sorted({paper["client_id"] for paper in papers})
    every = await custody.where_all_guardians_sign(reader, client_ids)
    guardians: dict[UUID, list[UUID]] = {client_id: [] for client_id in client_ids}
    for row in await reader.rows(GUARDIANS, whose=client_ids):
        guardians[row["client_id"]].append(row["account_id"])
    return [
        _is_turn(principal, paper, guardians[paper["client_id"]], every=paper["client_id"] in every) for paper in papers
    ]


def _is_turn(principal: Principal, paper: dict[str, Any], guardians: Sequence[UUID], *, every: bool) -> bool:
    asked = paper["asked"]
    given = [Given(UUID(one["account_id"]), Party(one["party"]), one["capacity"]) for one in asked["given"] or ()]
    found = standing(
        [Wanted.of(signer) for signer in asked["signers"]],
        [] if asked["confidential"] else guardians,
        given,
        all_guardians=bool(guardians) and every,
        in_order=asked["in_order"],
    )
    return not isinstance(found.place_of(client_as(principal, paper["client_id"])), str)
