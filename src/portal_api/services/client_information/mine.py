"""The chart in the hands of its client, or of who acts for them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import GrantPermission, Principal, Profile
from portal_api.core.db import Session, Source
from portal_api.core.errors import PreconditionFailed
from portal_api.models.clients import Client
from portal_api.schemas.client_information import ProfileUpdate
from portal_api.services.client_information import rules
from portal_api.services.client_information.charts import Seen, seen
from portal_api.services.client_information.proposals import propose
from portal_api.services.client_information.rules import GROUP_OF, Rules


async def get(source: Source, principal: Principal, client_id: UUID | None) -> dict[str, Any]:
    """The chart with the caller's own open changes. Raises NotFound, Forbidden, Invalid where it is unclear whose."""
    profile = principal.profile(client_id, GrantPermission.DEMOGRAPHICS_EDIT)
    return _view(profile, await seen(source, profile, principal.account_id), await rules.read(source))


async def update(
    session: Session, principal: Principal, client_id: UUID | None, data: ProfileUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given, or ask for it. Raises what `get` raises, PreconditionFailed, Invalid."""
    profile = principal.profile(client_id, GrantPermission.DEMOGRAPHICS_EDIT)
    client = await held(session, profile)
    asked, before = await rules.read(session), await seen(session, profile, principal.account_id)
    if if_match is not None and before.version != if_match:
        raise PreconditionFailed(current=_view(profile, before, asked))
    await propose(
        session, principal, profile, client,
        given=data, asked=asked.of_profile, rules=asked, seen=before, pointer="",
    )  # fmt: skip
    return _view(profile, await seen(session, profile, principal.account_id), asked)


async def held(session: Session, profile: Profile) -> Client:
    """The client of a profile, held for a change."""
    this = select(Client).where(Client.id == profile.client_id).with_for_update()
    return (await session.execute(this)).scalar_one()


def _view(profile: Profile, chart: Seen, asked: Rules) -> dict[str, Any]:
    fields = [
        {
            "name": name,
            "group": GROUP_OF[name],
            "required": asked.of(name)["required"],
            "review": asked.of(name)["review"] or name in chart.hidden,
        }
        for name in asked.of_profile
    ]
    whose = {"client_id": profile.client_id, "relationship": profile.relationship}
    return whose | chart.values | {"fields": fields, "pending": chart.pending, "version": chart.version}
