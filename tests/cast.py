"""People and things of a practice, planted through the models: what hostile tests are played with.

They do not come through the API, so that a route can be tried before, and without, the routes that make
its objects.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_bytes, token_hex
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import select, update

from portal_api.core.access import Feature, GrantPermission, Role
from portal_api.core.db import Binding, Session
from portal_api.core.ids import new_id
from portal_api.core.tools import Tools
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import Client, ClientAssignment, ClientGrant
from portal_api.models.documents import PracticeDocument
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice, PracticeLink
from portal_api.models.prospects import Prospect
from portal_api.models.scheduling import (
    Appointment,
    AppointmentAttendee,
    AppointmentRequest,
    AppointmentSeries,
    BusyCalendar,
    BusyTime,
    Location,
    Room,
    Service,
    TimeOff,
)
from portal_api.models.staff import StaffMember
from portal_api.services import documents
from portal_api.services.documents import adding, intake
from portal_api.services.scheduling import busy_calendars, claims, practitioners
from portal_api.services.scheduling.claims import Span
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

    async def guardian(self, client_id: UUID | None = None, *permissions: GrantPermission) -> tuple[UUID, Caller]:
        """The account of a parent, signed in; without permissions given, with all of them."""
        account = await self.account("client")
        await self.entrust(account.id, client_id or await self.client(), *permissions)
        return account.id, await let_in(self.app, self.http, self.id, account.id)

    async def guardian_record(self, client_id: UUID) -> UUID:
        """A guardian of the client as staff wrote them down, who has accepted nothing yet."""
        email = f"guardian-{token_hex(6)}@harbor.example"
        row = Guardian(
            id=new_id(),
            client_id=client_id,
            given_name="Ruth",
            family_name="Client",
            email=email,
            email_norm=email,
            relationship="mother",
            permissions=["appointments.view"],
        )
        return await self._added(row)

    async def guardian_of_somebody(self) -> UUID:
        return await self.guardian_record(await self.client())

    async def entrust(self, account_id: UUID, client_id: UUID, *permissions: GrantPermission) -> UUID:
        """One more child for an account; returns the grant."""
        grant = ClientGrant(
            account_id=account_id,
            client_id=client_id,
            relationship="parent",
            permissions=sorted(permissions or GrantPermission),
            source="guardian",
        )
        return await self._added(grant)

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

    async def location(self) -> UUID:
        return await self._added(Location(id=new_id(), name=f"Office {token_hex(4)}"))

    async def room(self) -> UUID:
        location_id = await self.location()
        return await self._added(Room(id=new_id(), location_id=location_id, name=f"Room {token_hex(4)}"))

    async def service(self, **fields: Any) -> UUID:
        rules = {"duration_minutes": 50, "modes": ["in_person", "video"], "slot_interval_minutes": 15}
        return await self._added(Service(id=new_id(), **{"name": f"Session {token_hex(4)}"} | rules | fields))

    async def time_off(self) -> UUID:
        practitioner_id = await self.member(await self.account("staff"))
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        span = {"starts_at": now, "ends_at": now + timedelta(hours=1)}
        return await self._added(TimeOff(id=new_id(), practitioner_id=practitioner_id, **span))

    async def appointment(
        self, practitioner_id: UUID, service_id: UUID, client_id: UUID, starts_at: datetime, **options: Any
    ) -> UUID:
        """An appointment that holds its time as any other does; options are those of taking it. Raises SlotTaken."""
        async with self.session() as session:
            await practitioners.locked(session, [practitioner_id])
            service = (await session.execute(select(Service).where(Service.id == service_id))).scalar_one()
            room_id = options.pop("room_id", None)
            span = Span.of(service, practitioner_id, starts_at, room_id)
            appointment = Appointment(
                id=new_id(),
                practitioner_id=practitioner_id,
                service_id=service_id,
                room_id=room_id,
                client_ids=[client_id],
                mode="video",
                starts_at=span.starts_at,
                ends_at=span.ends_at,
                time_zone="Europe/Berlin",
                late_within_minutes=1440,
                closed_within_minutes=60,
                uid=str(new_id()),
            )
            session.add(appointment)
            await session.flush()
            who = {"client_id": client_id, "appointment_id": appointment.id, "starts_at": starts_at}
            session.add(AppointmentAttendee(is_primary=True, **who))
            appointment.allow_overlap = await claims.take_for_appointment(session, appointment.id, span, **options)
        return appointment.id

    async def release(self, holder_id: UUID) -> None:
        async with self.session() as session:
            await claims.release(session, holder_id)

    async def busy(self, practitioner_id: UUID, starts_at: datetime, ends_at: datetime) -> UUID:
        """What an outside calendar says."""
        span = {"starts_at": starts_at, "ends_at": ends_at}
        source_id = await self.busy_calendar(practitioner_id)
        return await self._added(BusyTime(id=new_id(), practitioner_id=practitioner_id, source_id=source_id, **span))

    async def busy_calendar(self, practitioner_id: UUID | None = None) -> UUID:
        """An outside calendar that nobody has read yet, and that no server answers for."""
        owner = practitioner_id or await self.member(await self.account("staff"))
        id, vault, purpose = new_id(), self.tools.vault, busy_calendars.PURPOSE
        sealed = vault.seal(b"http://127.0.0.1:9/own.ics", purpose=purpose, aad=(self.id.hex, id.hex))
        known = {"host": "127.0.0.1:9", "sealed_address": sealed, "address_mac": token_bytes(32)}
        return await self._added(BusyCalendar(id=id, practitioner_id=owner, name="Own", next_poll_at=NEVER, **known))

    async def some_appointment(self) -> UUID:
        """Of some client with some practitioner, a year from now."""
        return await self.appointment(*await self.some(), _later())

    async def series(self) -> UUID:
        """A series of one appointment."""
        practitioner_id, service_id, client_id = await self.some()
        start = _later()
        rule = {
            "time_zone": "Europe/Berlin",
            "first_date": start.date(),
            "start_minute": 600,
            "rrule": "FREQ=DAILY;COUNT=1",
        }
        made = AppointmentSeries(id=new_id(), practitioner_id=practitioner_id, service_id=service_id, **rule)
        series_id = await self._added(made)
        appointment_id = await self.appointment(practitioner_id, service_id, client_id, start)
        async with self.session() as session:
            this = update(Appointment).where(Appointment.id == appointment_id)
            await session.execute(this.values(series_id=series_id))
        return series_id

    async def some(self) -> tuple[UUID, UUID, UUID]:
        practitioner_id = await self.member(await self.account("staff"))
        return practitioner_id, await self.service(), await self.client()

    async def request(
        self,
        practitioner_id: UUID,
        service_id: UUID,
        client_id: UUID,
        starts_at: datetime,
        *,
        expires_in: timedelta = timedelta(hours=72),
    ) -> UUID:
        """A pending request that holds its time. Raises SlotTaken."""
        async with self.session() as session:
            await practitioners.locked(session, [practitioner_id])
            service = (await session.execute(select(Service).where(Service.id == service_id))).scalar_one()
            span = Span.of(service, practitioner_id, starts_at)
            request = AppointmentRequest(
                id=new_id(),
                client_id=client_id,
                practitioner_id=practitioner_id,
                service_id=service_id,
                mode="video",
                starts_at=span.starts_at,
                ends_at=span.ends_at,
                requested_at=datetime.now(UTC),
                expires_at=datetime.now(UTC) + expires_in,
            )
            session.add(request)
            await session.flush()
            await claims.take_for_request(session, request.id, span, request.expires_at)
        return request.id

    async def document(self, client_id: UUID | None = None) -> UUID:
        """A document that is shared with some client."""
        whose = client_id or await self.client()
        async with self.session() as session:
            made = await documents.store_paper(session, whose, "Letter", b"%PDF-1.4", "application/pdf", "shared")
        return made.id

    async def practice_document(self) -> UUID:
        """A document of the practice itself, shared with all clients."""
        practice = await intake.practice(self.tools, self.id)
        file = await intake.receive(self.tools, practice, "directions.pdf", _pieces(b"%PDF-1.4"))
        async with self.session() as session:
            stored = await adding.keep(session, file)
            made = PracticeDocument(
                id=new_id(), file_id=stored.id, title="Directions", file_name=file.name, shared_at=datetime.now(UTC)
            )
            session.add(made)
        return made.id

    async def newest_client(self) -> UUID:
        """Whom the last call of `client` made."""
        async with self.session() as session:
            return (await session.scalars(select(Client.id).order_by(Client.id.desc()).limit(1))).one()

    async def _added(self, row: Any) -> UUID:
        async with self.session() as session:
            session.add(row)
        return row.id

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

    async def client_device(self, client_id: UUID) -> UUID:
        """A session of the client's own login, which is made too."""
        account = await self.account("client")
        grant = ClientGrant(account_id=account.id, client_id=client_id, permissions=[], source="invitation")
        async with self.session() as session:
            session.add(grant)
        return await self.device(account.id)

    async def sign_in(self, account: Account) -> Caller:
        body = {"practice": str(self.id), "email": account.email, "password": PASSWORD}
        response = await self.http.post("/v1/auth/login", json=body)
        assert response.status_code == 200, response.text
        answer = response.json()
        return Caller(self.http, answer["access_token"], answer["refresh_token"], answer["account"])


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _later() -> datetime:
    return (datetime.now(UTC) + timedelta(days=365)).replace(second=0, microsecond=0)


async def build(app: FastAPI, http: httpx.AsyncClient) -> House:
    """A practice whose portal is on, with every feature."""
    house = House(app, http, new_id())
    async with house.session() as session:
        session.add(Practice(id=house.id, name="Harbor", time_zone="Europe/Berlin", country="DE"))
        await session.flush()
        slug = f"harbor-{token_hex(6)}"
        session.add(PracticeLink(slug=slug, practice_id=house.id))
        session.add(PortalSettings(enabled=True, slug=slug))
        for feature in Feature:
            session.add(FeatureSetting(scope=Scope.PRACTICE, subject_id=house.id, feature=feature, enabled=True))
    return house
