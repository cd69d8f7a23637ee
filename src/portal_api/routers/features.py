"""Feature switches of the practice, its practitioners and its clients; what a caller may do."""

from typing import Any
from uuid import UUID

from portal_api.routers.deps import (
    CanManageFeatures,
    CanReadFeatures,
    CanWriteFeatures,
    IfMatch,
    ReaderDep,
    SessionDep,
    SignedIn,
)
from portal_api.schemas.features import Capabilities, Explanation, Features, FeaturesUpdate
from portal_api.services import features
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="features")


@router.get("/practice/features", response_model=Features)
async def get_practice_features(reader: ReaderDep, principal: CanReadFeatures) -> Any:
    """What the practice lets its clients do in the portal."""
    return _with_etag(await features.of_practice(reader))


@router.patch("/practice/features", response_model=Features)
async def update_practice_features(
    data: FeaturesUpdate, session: SessionDep, principal: CanManageFeatures, if_match: IfMatch
) -> Any:
    """Switch features on or off for the whole practice. Off hides at once and loses nothing."""
    return _with_etag(await features.turn_practice(session, principal, data, if_match))


@router.get("/practitioners/{practitioner_id}/features", response_model=Features)
async def get_practitioner_features(practitioner_id: UUID, reader: ReaderDep, principal: CanReadFeatures) -> Any:
    """What a practitioner offers their clients, within what the practice allows."""
    return _with_etag(await features.of_practitioner(reader, practitioner_id))


@router.patch("/practitioners/{practitioner_id}/features", response_model=Features)
async def update_practitioner_features(
    practitioner_id: UUID, data: FeaturesUpdate, session: SessionDep, principal: CanWriteFeatures, if_match: IfMatch
) -> Any:
    """Narrow what a practitioner offers. Null takes a choice back."""
    return _with_etag(await features.turn_practitioner(session, principal, practitioner_id, data, if_match))


@router.get("/clients/{client_id}/features", response_model=Features)
async def get_client_features(client_id: UUID, reader: ReaderDep, principal: CanReadFeatures) -> Any:
    """What one client can do in the portal, when practice and practitioners have been asked."""
    return _with_etag(await features.of_client(reader, principal, client_id))


@router.patch("/clients/{client_id}/features", response_model=Features)
async def update_client_features(
    client_id: UUID, data: FeaturesUpdate, session: SessionDep, principal: CanWriteFeatures, if_match: IfMatch
) -> Any:
    """Narrow what one client can do. Null takes a choice back."""
    return _with_etag(await features.turn_client(session, principal, client_id, data, if_match))


@router.get("/clients/{client_id}/features/explain", response_model=Explanation)
async def explain_client_features(client_id: UUID, reader: ReaderDep, principal: CanReadFeatures) -> Any:
    """Why a client has each feature or has it not: every gate, who set it, and when."""
    return await features.explain(reader, principal, client_id)


@router.get("/me/capabilities", response_model=Capabilities)
async def get_my_capabilities(reader: ReaderDep, principal: SignedIn) -> Any:
    """What the caller may do, exactly as the endpoints enforce it."""
    return await features.capabilities(reader, principal)


def _with_etag(switches: features.Switches) -> Reply:
    """The version goes into the header alone: the body is booleans and nothing else."""
    return Reply(switches.features, {"ETag": f'"v{switches.version}"'})
