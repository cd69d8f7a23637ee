"""The ages at which a practice changes what guardians may do, and what comes of them (F6.B1).

Access itself needs nothing of this: each grant carries its moments (services/clients/grants). Here the rules are set,
what is ahead is listed, and what has come is written down, so that people are told and the client is invited.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, exists, func, select, tuple_

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source, instant
from portal_api.core.errors import PreconditionFailed
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.schemas.guardians import AgeTransitionsPut, UpcomingQuery
from portal_api.services import audit
from portal_api.services.clients import ages, grants
from portal_api.services.clients.reading import sees_all, visible
from portal_api.services.guardians.ending import record
from portal_api.services.paging import Pager
from portal_api.services.portal import settings

REALIGN = "guardians.realign"
AT_ONCE = 100
AHEAD = timedelta(days=30)
"""So long before staff are told: time to extend, and to ask the client for an address of their own."""
RULES = Read(
    select(
        PortalSettings.age_transitions.label("transitions"),
        PortalSettings.updated_at,
        PortalSettings.version,
    )
)
DUE = select(Guardian.id).where(Guardian.revoked_at.is_(None), Guardian.transition_at <= func.now())


async def get(source: Source) -> dict[str, Any]:
    """The practice's rules; none at first."""
    row = await source.row(RULES)
    assert row is not None  # noqa: S101 - made with the practice
    return row


async def put(session: Session, principal: Principal, data: AgeTransitionsPut, if_match: int | None) -> dict[str, Any]:
    """Replace the rules; every guardian's access follows within moments. Raises PreconditionFailed."""
    row = await settings.locked(session)
    if if_match is not None and row.version != if_match:
        raise PreconditionFailed(current=await get(session))
    before, practice_id = row.age_transitions, session.binding.practice_id
    row.age_transitions = [
        {
            "age": given.age,
            "action": given.action,
            "permissions": given.permissions,
            "invite": given.action == "end" if given.invite is None else given.invite,
        }
        for given in sorted(data.transitions, key=lambda given: given.age)
    ]
    await session.flush()
    moved = {"age_transitions": {"from": before, "to": row.age_transitions}}
    resource = ("practice", practice_id)
    await audit.record(session, principal, "age_transitions.updated", resource=resource, changed=moved, details=moved)
    await session.tools.queue.defer(session, REALIGN, practice_id)
    return await get(session)


async def page(reader: Reader, principal: Principal, query: UpcomingQuery) -> dict[str, Any]:
    """The clients of the caller's whose guardians' access is about to change, the next first."""
    pager = Pager(reader, principal, "age-transitions", query, "at", "client_id")
    at, after = pager.position or (None, None)
    rows = await reader.rows(
        _upcoming(sees_all(principal), resumed=pager.position is not None),
        staff_id=principal.staff_id,
        days=query.within_days,
        after_at=at and datetime.fromisoformat(at),
        after_id=after and UUID(after),
        limit=pager.limit + 1,
    )
    for row in rows:
        row["age"] = ages.age_on(row["date_of_birth"], row["at"].astimezone(ZoneInfo(row.pop("time_zone"))).date())
    answer = pager.envelope(rows)
    audit.viewed(reader, principal, "age_transitions.listed", [row["client_id"] for row in answer["data"]])
    return answer


async def realign(session: Session, after: UUID | None) -> UUID | None:
    """Give up to AT_ONCE guardians what the rules say now; returns where to go on, None after the last."""
    statement = select(Guardian, Client).join(Client, Client.id == Guardian.client_id)
    statement = statement.where(Guardian.revoked_at.is_(None), Client.date_of_birth.is_not(None))
    if after is not None:
        statement = statement.where(Guardian.id > after)
    held = statement.order_by(Guardian.id).limit(AT_ONCE).with_for_update(of=Guardian)
    pairs = [(row.Guardian, row.Client) for row in (await session.execute(held)).all()]
    await grants.realign(session, pairs, await grants.rules(session))
    return pairs[-1][0].id if len(pairs) == AT_ONCE else None


async def is_any_due(session: Session) -> bool:
    """Whether a moment has come that nobody was told of."""
    return await session.scalar(DUE.limit(1)) is not None


async def foretell(session: Session) -> bool:
    """Write down what is ahead, of up to AT_ONCE guardians, so that staff are told once of each client and moment.

    Returns whether there may be more.
    """
    near = Guardian.transition_at > func.now(), Guardian.transition_at <= func.now() + AHEAD
    statement = select(Guardian).join(Client, Client.id == Guardian.client_id)
    statement = statement.where(
        Guardian.revoked_at.is_(None),
        Client.archived_at.is_(None),
        *near,
        Guardian.foretold_at.is_distinct_from(Guardian.transition_at),
    )
    held = statement.order_by(Guardian.client_id, Guardian.id).limit(AT_ONCE).with_for_update(of=Guardian)
    guardians = (await session.scalars(held)).all()
    told = {(guardian.client_id, at) for guardian in guardians if (at := guardian.transition_at)}
    known = select(Guardian.client_id, Guardian.foretold_at).where(
        tuple_(Guardian.client_id, Guardian.foretold_at).in_(told)
    )
    told -= {(row.client_id, row.foretold_at) for row in await session.execute(known)} if told else set()
    for guardian in guardians:
        guardian.foretold_at = guardian.transition_at
    await session.flush()
    program = Principal.program(session.binding.practice_id)
    for client_id, at in sorted(told, key=str):
        about: dict[str, Any] = {"resource": ("client", client_id), "clients": [client_id]}
        await audit.record(session, program, "guardian.change_ahead", details={"at": at.isoformat()}, **about)
    return len(guardians) == AT_ONCE


async def announce(session: Session) -> tuple[int, list[tuple[UUID, UUID | None]]]:
    """Write down what has come, of up to AT_ONCE guardians, once each.

    Returns how many there were, and the clients to be invited, each with the account of who added the guardian.
    """
    statement = select(Guardian, Client).join(Client, Client.id == Guardian.client_id).where(Guardian.id.in_(DUE))
    held = statement.order_by(Guardian.id).limit(AT_ONCE).with_for_update(of=Guardian, skip_locked=True)
    pairs: Sequence[tuple[Guardian, Client]] = [(row[0], row[1]) for row in (await session.execute(held)).all()]
    practice = await grants.rules(session)
    program = Principal.program(session.binding.practice_id)
    invited: dict[UUID, UUID | None] = {}
    told: set[tuple[UUID, bool]] = set()
    for guardian, client in pairs:
        moments = grants.outlook_of(guardian, client, practice).moments
        come = [rule for at, rule in moments if guardian.told_until < at <= practice.now]
        guardian.told_until = practice.now
        if not come:
            continue  # the date of birth, or the rules, are others now
        over = any(rule.ends for rule in come)
        details = {"age": come[-1].age}
        if over:
            await record(session, program, "guardian.access_ended", guardian, details=details)
        else:
            await record(session, program, "guardian.access_narrowed", guardian, details=details)
        told.add((client.id, over))
        if any(rule.invite for rule in come):
            invited.setdefault(client.id, guardian.created_by)
    await grants.realign(session, pairs, practice)
    for client_id, over in sorted(told):
        about: dict[str, Any] = {"resource": ("client", client_id), "clients": [client_id]}
        if over:
            await audit.record(session, program, "client.came_of_age", **about)
        else:
            await audit.record(session, program, "client.grew_older", **about)
    return len(pairs), sorted(invited.items())


@cache
def _upcoming(everyone: bool, *, resumed: bool) -> Read:
    own = exists().where(
        ClientGrant.client_id == Client.id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    at = Guardian.transition_at
    ends = func.bool_or(Guardian.ends_at == at)
    guardians = func.jsonb_agg(
        func.jsonb_build_object(
            "id",
            Guardian.id,
            "given_name",
            Guardian.given_name,
            "family_name",
            Guardian.family_name,
            "extended_to",
            instant(Guardian.extended_to),
        )
    )
    statement = (
        select(
            Client.id.label("client_id"),
            Client.given_name,
            Client.family_name,
            Client.preferred_name,
            Client.date_of_birth,
            Practice.time_zone,
            at.label("at"),
            case((ends, "end"), else_="narrow").label("action"),
            guardians.label("guardians"),
            Client.email.is_not(None).label("email_known"),
            own.label("has_login"),
        )
        .select_from(Guardian)
        .join(Client, Client.id == Guardian.client_id)
        .join(Practice, Practice.id == bindparam("practice_id"))
        .where(
            Guardian.revoked_at.is_(None),
            Client.archived_at.is_(None),
            at > func.now(),
            at <= func.now() + func.make_interval(0, 0, 0, bindparam("days")),
        )
        .group_by(Client.practice_id, Client.id, Practice.id, at)
    )
    if resumed:
        statement = statement.where(tuple_(at, Client.id) > tuple_(bindparam("after_at"), bindparam("after_id")))
    return Read(visible(statement, everyone).order_by(at, Client.id).limit(bindparam("limit")))
