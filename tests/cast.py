"""People and things of a practice, planted through the models: what hostile tests are played with.

They do not come through the API, so that a route can be tried before, and without, the routes that make
its objects.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_bytes, token_hex
from uuid import UUID

import httpx
from fastapi import FastAPI

from portal_api.core.access import Role
from portal_api.core.db import Binding, Session
from portal_api.core.ids import new_id
from portal_api.core.tools import Tools
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import Client, ClientAssignment, ClientGrant
from portal_api.models.invitations import Invitation
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice, PracticeLink
from portal_api.models.prospects import Prospect
from portal_api.models.staff import StaffMember
from tests.world import PASSWORD, Caller, hash_of_password, let_in

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class House:
    """One practice with an open portal, and how to put people and things into it."""

    app: FastAPI
    http: httpx.AsyncClient
    id: UUID

    @property
    def tools(self) -> Tools:
        return self.app.state.tools

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self.tools.database.session(Binding.system(self.id)) as session:
            yield session

    async def account(self, kind: str) -> Account:
        email = f"{kind}-{token_hex(6)}@harbor.example"
        account = Account(kind=kind, email=email, email_norm=email, given_name="Ada", family_name="Harbor")
        account.verify_email(datetime.now(UTC))
        account.set_password(await hash_of_password(self.tools), datetime.now(UTC))
        async with self.session() as session:
            session.add(account)
        return account

    async def staff(self, *roles: Role) -> tuple[UUID, Caller]:
        """A staff member with these roles, signed in."""
        account = await self.account("staff")
        return await self.member(account, *roles), await let_in(self.app, self.http, self.id, account.id)

    async def member(self, account: Account, *roles: Role) -> UUID:
        """The staff record of an account; its id is the practitioner's."""
        member = StaffMember(
            account_id=account.id,
            email=account.email,
            given_name="Ada",
            family_name="Harbor",
            roles=list(roles or [Role.PRACTITIONER]),
            state="active",
        )
        async with self.session() as session:
            session.add(member)
        return member.id

    async def client(self, practitioner_id: UUID | None = None) -> UUID:
        client = Client(id=new_id(), given_name="Grace", family_name="Client", email="grace@harbor.example")
        async with self.session() as session:
            session.add(client)
            await session.flush()
            if practitioner_id is not None:
                session.add(ClientAssignment(client_id=client.id, practitioner_id=practitioner_id))
        return client.id

    async def client_login(self) -> tuple[UUID, Caller]:
        """A client with a login of their own, signed in."""
        account, client_id = await self.account("client"), await self.client()
        grant = ClientGrant(account_id=account.id, client_id=client_id, permissions=[], source="invitation")
        async with self.session() as session:
            session.add(grant)
        return client_id, await let_in(self.app, self.http, self.id, account.id)

    async def invitation(self) -> UUID:
        invitation = Invitation(
            client_id=await self.client(),
            email="grace@harbor.example",
            email_norm="grace@harbor.example",
            secret_hash=token_bytes(32),
            expires_at=datetime.now(UTC) + timedelta(days=1),
            created_by=new_id(),
        )
        async with self.session() as session:
            session.add(invitation)
        return invitation.id

    async def prospect(self) -> UUID:
        account = await self.account("client")
        prospect = Prospect(
            account_id=account.id,
            given_name="Vera",
            family_name="New",
        )
        async with self.session() as session:
            session.add(prospect)
        return prospect.id

    async def device(self, account_id: UUID) -> UUID:
        """A session of an account."""
        opened = AuthSession(
            account_id=account_id,
            delivery="body",
            methods=["pwd"],
            authenticated_at=datetime.now(UTC),
            idle_expires_at=NEVER,
            expires_at=NEVER,
        )
        async with self.session() as session:
            session.add(opened)
        return opened.id

    async def sign_in(self, account: Account) -> Caller:
        body = {"practice": str(self.id), "email": account.email, "password": PASSWORD}
        response = await self.http.post("/v1/auth/login", json=body)
        assert response.status_code == 200, response.text
        answer = response.json()
        return Caller(self.http, answer["access_token"], answer["refresh_token"], answer["account"])


async def build(app: FastAPI, http: httpx.AsyncClient) -> House:
    """A practice whose portal is on."""
    house = House(app, http, new_id())
    async with house.session() as session:
        session.add(Practice(id=house.id, name="Harbor", time_zone="Europe/Berlin", country="DE"))
        await session.flush()
        slug = f"harbor-{token_hex(6)}"
        session.add(PracticeLink(slug=slug, practice_id=house.id))
        session.add(PortalSettings(enabled=True, slug=slug))
    return house
