"""Keeping what guardians may do in step with what staff gave, the client's age and the practice's rules (F6.B1, A09).

The moments are stored with each grant and compared with the database's clock on every request: nobody waits for a job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal_api.core.access import GrantPermission
from portal_api.core.db import Session
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services.clients.ages import Outlook, Rule, outlook


@dataclass(frozen=True, slots=True)
class Rules:
    """The practice's age rules, its zone, and the database's now."""

    rules: tuple[Rule, ...]
    zone: ZoneInfo
    now: datetime


async def rules(session: Session) -> Rules:
    facts = select(PortalSettings.age_transitions, Practice.time_zone, func.now())
    facts = facts.join(Practice, Practice.id == session.binding.practice_id)
    stored, zone, now = (await session.execute(facts)).one()
    return Rules(tuple(map(Rule.of, stored)), ZoneInfo(zone), now)


async def realign_client(session: Session, client: Client) -> None:
    """After the client's date of birth has changed."""
    of_client = select(Guardian).where(Guardian.client_id == client.id, Guardian.revoked_at.is_(None))
    guardians = (await session.scalars(of_client.order_by(Guardian.id).with_for_update())).all()
    if guardians:
        await realign(session, [(guardian, client) for guardian in guardians], await rules(session))


async def realign(session: Session, pairs: Sequence[tuple[Guardian, Client]], practice: Rules) -> None:
    """Write the rules' moments into guardians, whom the caller holds, and into their grants."""
    ids = [guardian.grant_id for guardian, _ in pairs if guardian.grant_id]
    held = select(ClientGrant).where(ClientGrant.id.in_(ids)).order_by(ClientGrant.id).with_for_update()
    grants = {grant.id: grant for grant in await session.scalars(held)} if ids else {}
    for guardian, client in pairs:
        seen = outlook_of(guardian, client, practice)
        guardian.narrows_at, guardian.ends_at = seen.narrows_at, seen.ends_at
        guardian.narrowed_permissions = None if seen.narrowed is None else listed(seen.narrowed)
        guardian.transition_at = seen.next_after(guardian.told_until)
        grant = grants.get(guardian.grant_id) if guardian.grant_id else None
        if grant is not None:
            _write(grant, guardian, seen)
    await session.flush()


def outlook_of(guardian: Guardian, client: Client, practice: Rules) -> Outlook:
    return outlook(
        guardian.permissions,
        client.date_of_birth,
        practice.rules,
        practice.zone,
        practice.now,
        guardian.extended_to,
    )


def listed(permissions: frozenset[str]) -> list[str]:
    """In the order in which they are declared."""
    return [permission.value for permission in GrantPermission if permission in permissions]


def _write(grant: ClientGrant, guardian: Guardian, seen: Outlook) -> None:
    grant.relationship = guardian.relationship
    grant.permissions = listed(seen.permissions)
    grant.narrows_at = seen.narrows_at
    grant.narrowed_permissions = guardian.narrowed_permissions
    grant.valid_from = guardian.valid_from
    ends = [end for end in (guardian.valid_to, seen.ends_at) if end is not None]
    grant.valid_to = min(ends, default=None)
