"""People who sign up themselves, and what a practice needs for that."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update

from portal_api.core import clock
from portal_api.core.db import Binding
from portal_api.models.auth import Account
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import PracticeLink
from tests.world import PASSWORD, Caller, Practice, World


@dataclass
class Portal:
    """A practice whose portal is open for signup."""

    practice: Practice
    slug: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner


async def open_portal(world: World, **fields: Any) -> Portal:
    practice = await world.practice(**fields)
    slug = f"harbor-{token_hex(6)}"
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        session.add(PracticeLink(slug=slug, practice_id=UUID(practice.id)))
        settings = (await session.execute(select(PortalSettings))).scalar_one()
        settings.enable(slug, await clock.now(session))
        settings.allow_client_signup = True
    return Portal(practice, slug)


async def change_settings(world: World, portal: Portal, **values: Any) -> None:
    async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
        await session.execute(update(PortalSettings).values(**values))


def newcomer(email: str, **fields: Any) -> dict[str, Any]:
    person = {"email": email, "password": PASSWORD, "given_name": "Nina", "family_name": "Newcomer"}
    return person | fields


async def sign_up(world: World, portal: Portal, email: str | None = None, **fields: Any) -> httpx.Response:
    body = newcomer(email or world.email("newcomer"), **fields)
    return await world.http.post(f"/v1/portals/{portal.slug}/signup", json=body)


async def prospect(world: World, portal: Portal, *, verified: bool = True, **fields: Any) -> dict[str, Any]:
    """Someone who signed up, as the owner sees them; by default they have verified their address."""
    email = fields.pop("email", None) or world.email("newcomer")
    assert (await sign_up(world, portal, email, **fields)).status_code == 202
    if verified:
        await verify_as_holder(world, portal, email)
    newest = (await portal.owner.get("/v1/prospects", params={"limit": 1})).json()["data"][0]
    assert newest["email"] == email
    found: dict[str, Any] = newest
    return found


async def verify_as_holder(world: World, portal: Portal, email: str) -> None:
    async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
        account = (await session.execute(select(Account).where(Account.email_norm == email))).scalar_one()
        account.verify_email(await clock.now(session))


async def profiles(caller: Caller) -> list[str]:
    """The clients that the caller may act for at this moment."""
    response = await caller.get("/v1/me")
    assert response.status_code == 200, response.text
    return [profile["client_id"] for profile in response.json()["profiles"]]
