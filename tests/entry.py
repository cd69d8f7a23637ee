"""Ways into a practice, for tests that need someone inside it."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core.db import Binding
from portal_api.models.invitations import Invitation
from tests.world import PASSWORD, Caller, Practice, World


def bound(world: World, practice: Practice) -> Any:
    """A session of the program itself in this practice, for what no endpoint can arrange."""
    return world.tools.database.session(Binding.system(UUID(practice.id)))


async def set_portal(practice: Practice, **values: Any) -> None:
    response = await practice.owner.patch("/v1/practice/portal", values)
    assert response.status_code == 200, response.text


async def open_practice(world: World) -> Practice:
    """A practice whose portal is on."""
    practice = await world.practice()
    response = await practice.owner.post("/v1/practice/portal/enable", {"slug": f"h-{practice.id[-12:]}"})
    assert response.status_code == 200, response.text
    return practice


async def add_staff(world: World, practice: Practice, *roles: str) -> tuple[str, str]:
    """An invited staff member: id and e-mail."""
    email = world.email("staff")
    body = {"email": email, "given_name": "Sam", "family_name": "Staff", "roles": list(roles)}
    response = await practice.owner.post("/v1/practice/staff", body)
    assert response.status_code == 201, response.text
    return response.json()["id"], email


async def staff(world: World, practice: Practice, *roles: str) -> tuple[str, Caller]:
    """A staff member who has accepted: id and caller."""
    staff_id, email = await add_staff(world, practice, *roles)
    return staff_id, await accept(world, await world.mailed_token(email))


async def supervise(practice: Practice, supervisor_id: str, supervised_id: str) -> None:
    response = await practice.owner.patch(f"/v1/practice/staff/{supervisor_id}", {"supervises": [supervised_id]})
    assert response.status_code == 200, response.text


async def accept(world: World, token: str, **fields: Any) -> Caller:
    """Accept an invitation; the caller it signs in."""
    body = {"token": token, "password": PASSWORD, **fields}
    response = await world.http.post("/v1/invitations/accept", json=body)
    assert response.status_code == 200, response.text
    answer = response.json()
    return Caller(world.http, answer["access_token"], answer["refresh_token"], answer["account"])


async def invite(world: World, by: Caller, client: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = await by.post(f"/v1/clients/{client['id']}/invitations", fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def invited(world: World, practice: Practice, **fields: Any) -> tuple[dict[str, Any], str]:
    """A client with an open invitation: the client and the mailed token."""
    client = await world.client(practice.owner, email=world.email("client"), **fields)
    await invite(world, practice.owner, client)
    return client, await world.mailed_token(client["email"])


async def client_login(world: World, practice: Practice) -> tuple[dict[str, Any], Caller]:
    """A client who has accepted an invitation."""
    client, token = await invited(world, practice)
    return client, await accept(world, token)


async def expire(world: World, practice: Practice, invitation_id: str) -> None:
    """Let an invitation's time be over."""
    async with bound(world, practice) as session:
        found = await session.execute(select(Invitation).where(Invitation.id == UUID(invitation_id)))
        found.scalar_one().expires_at = func.now()
