"""What a client wants changed in the chart: at once where the practice lets it through, else once staff accept it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal, Profile
from portal_api.core.db import Session
from portal_api.core.errors import invalid
from portal_api.core.ids import new_id
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import Client
from portal_api.schemas.client_information import ProfileUpdate
from portal_api.services import audit, clients
from portal_api.services.client_information.charts import Seen, restored, stored
from portal_api.services.client_information.rules import Rules

NOT_NULL = ("given_name", "family_name", "other_phones")


async def propose(
    session: Session,
    principal: Principal,
    profile: Profile,
    client: Client,
    *,
    given: ProfileUpdate,
    asked: Collection[str],
    rules: Rules,
    seen: Seen,
    pointer: str,
) -> None:
    """Take over what is given, of a client who is held for a change.

    What the chart says and the caller does not see is never written over at once: any value waits for staff, also the
    one that is there already, so that guessing tells nothing; none is what was shown, and asks for nothing (F6.M3).
    asked: the fields that may be given here. Raises Invalid for any other, and for what cannot be left empty.
    """
    wanted = {name: _whole(name, value, asked, rules, seen, pointer) for name, value in given.given().items()}
    now, chart = await clock.now(session), {name: stored(getattr(client, name)) for name in wanted}
    unseen = {name: value for name, value in wanted.items() if name in seen.hidden and value not in (None, [])}
    differing = {name: value for name, value in wanted.items() if name not in seen.hidden and value != chart[name]}
    reviewed = {name: value for name, value in differing.items() if rules.of(name)["review"]} | unseen
    direct = {name: restored(name, value) for name, value in differing.items() if name not in reviewed}
    change = await _open_change(session, principal, profile, make=bool(reviewed))
    if change is not None:
        await _put(session, principal, change, wanted, reviewed, chart, now)
    if direct:
        await clients.write(session, client, direct)
        about = {"resource": ("client", client.id), "clients": [client.id]}
        await audit.record(session, principal, "client.updated", changed=direct, **about)


def _whole(name: str, value: Any, asked: Collection[str], rules: Rules, seen: Seen, pointer: str) -> Any:
    at = f"{pointer}/{name}"
    if name not in asked:
        raise invalid(at, "not_asked", "The practice does not ask for this here.")
    if value is None and (name in NOT_NULL or rules.of(name)["required"]):
        raise invalid(at, "null_not_allowed", "This cannot be cleared.")
    return stored(clients.whole(name, value, seen.values[name], at))


async def _open_change(session: Session, principal: Principal, profile: Profile, *, make: bool) -> ClientChange | None:
    mine = select(ClientChange).where(
        ClientChange.client_id == profile.client_id,
        ClientChange.account_id == principal.account_id,
        ClientChange.state == "pending",
    )
    change = (await session.execute(mine.with_for_update())).scalar_one_or_none()
    if change is None and make:
        change = ClientChange(
            id=new_id(),
            client_id=profile.client_id,
            account_id=principal.account_id,
            relationship=profile.relationship,
            fields={},
        )
        session.add(change)
    return change


async def _put(
    session: Session,
    principal: Principal,
    change: ClientChange,
    wanted: dict[str, Any],
    reviewed: dict[str, Any],
    chart: dict[str, Any],
    now: datetime,
) -> None:
    for name in wanted:
        if name in reviewed:
            change.propose(name, chart[name], reviewed[name])
        elif name in change.open_fields:
            change.withdraw(name)
    if not change.fields:
        await session.delete(change)
    else:
        change.close_if_decided(now)
    await session.flush()
    if reviewed:
        about = {"resource": ("client_change", change.id), "clients": [change.client_id]}
        await audit.record(session, principal, "client_change.proposed", changed=reviewed, **about)
