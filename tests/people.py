"""Logins of clients, guardians and colleagues, made in the database: these tests are not about how they come to be."""

from typing import Any
from uuid import UUID, uuid4

from portal_api.core.access import GrantPermission, Role
from portal_api.core.db import Binding
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, ClientGrant
from portal_api.models.staff import StaffMember
from tests.world import Caller, Practice, World, hash_of_password, let_in


async def client_login(
    world: World, practice: Practice, client_id: str, relationship: str = SELF, permissions: tuple[str, ...] = ()
) -> Caller:
    """Someone signed in who may act for the client; the portal must be on."""
    person = await _account(world, practice, "client")
    await grant(world, practice, person.id, client_id, relationship, permissions)
    return await let_in(world.app, world.http, practice.id, person.id)


async def guardian(world: World, practice: Practice, client_id: str, *permissions: str) -> Caller:
    """A parent of the client, signed in; without permissions given, with all of them."""
    held = permissions or tuple(sorted(GrantPermission))
    return await client_login(world, practice, client_id, "parent", held)


async def grant(
    world: World,
    practice: Practice,
    account_id: UUID | str,
    client_id: str,
    relationship: str = SELF,
    permissions: tuple[str, ...] = (),
) -> None:
    row = ClientGrant(
        account_id=UUID(str(account_id)),
        client_id=UUID(client_id),
        relationship=relationship,
        permissions=list(permissions),
        source="guardian",
    )
    await _add(world, practice, row)


async def colleague(world: World, practice: Practice, *roles: Role) -> tuple[Caller, str]:
    """A staff member signed in, and their staff id."""
    person = await _account(world, practice, "staff")
    staff = StaffMember(
        id=new_id(),
        account_id=person.id,
        email=person.email,
        given_name=person.given_name,
        family_name=person.family_name,
        roles=list(roles),
        state="active",
    )
    await _add(world, practice, staff)
    return await let_in(world.app, world.http, practice.id, person.id), str(staff.id)


async def _account(world: World, practice: Practice, kind: str) -> Account:
    email = world.email(kind)
    account = Account(
        id=uuid4(),
        kind=kind,
        email=email,
        email_norm=email,
        given_name="Pat",
        family_name="Person",
        must_change_password=False,
    )
    account.password_hash = await hash_of_password(world.tools)
    await _add(world, practice, account)
    return account


async def _add(world: World, practice: Practice, row: Any) -> None:
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        session.add(row)
