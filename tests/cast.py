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
from portal_api.models.assessments import SafetyAlert
from portal_api.models.audit import Event
from portal_api.models.auth import Account, AuthSession
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import Client, ClientAssignment, ClientGrant
from portal_api.models.documents import PracticeDocument
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.forms import FormAssignment, FormTemplate, FormVersion
from portal_api.models.guardians import Guardian
from portal_api.models.insurance import InsurancePolicy
from portal_api.models.invitations import Invitation
from portal_api.models.messages import Message, MessageAttachment, Thread, ThreadAudience, ThreadParticipant
from portal_api.models.notifications import Notification, PushSubscription
from portal_api.models.onboarding import ClientOnboarding, OnboardingStep
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
from portal_api.models.treatment_plans import TreatmentPlan, TreatmentPlanRevision
from portal_api.services import documents
from portal_api.services.documents import adding, intake
from portal_api.services.forms import versions
from portal_api.services.scheduling import busy_calendars, claims, practitioners
from portal_api.services.scheduling.claims import Span
from tests.world import PASSWORD, Caller, hash_of_password, let_in

NEVER = datetime(2100, 1, 1, tzinfo=UTC)
GOAL = {"description": "Feel safe in public places again."}
FORM: dict[str, Any] = {
    "sections": [{"key": "s", "title": "S", "items": [{"key": "q1", "type": "text", "text": "?", "required": True}]}]
}


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
            await _onboard(session, client.id)
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

    async def client_change(self) -> UUID:
        """A name that some client wants changed."""
        account = await self.account("client")
        wanted = {"given_name": {"before": "Grace", "proposed": "Gracia", "state": "pending"}}
        whose = {"client_id": await self.client(), "account_id": account.id, "relationship": "self"}
        return await self._added(ClientChange(id=new_id(), **whose, fields=wanted))

    async def policy(self) -> UUID:
        """An insurance policy that some client has entered."""
        card = {"payer": "Harbor Health", "member_id": token_hex(6)}
        whose = {"client_id": await self.client(), "added_by": new_id(), "added_by_kind": "client"}
        return await self._added(InsurancePolicy(id=new_id(), **whose, **card))

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

    async def form_template(self) -> UUID:
        """A published form with one question and a draft of its next version."""
        content = {"title": "Before we meet", "description": None, "definition": FORM, "signers": []}
        template = FormTemplate(
            id=new_id(), kind="intake", title="Before we meet", state="published", published_number=1, draft=content
        )
        async with self.session() as session:
            session.add(template)
            await session.flush()
            session.add(versions.made(template.id, 1, content, by=None))
        return template.id

    async def form_assignment(self, client_id: UUID | None = None, **fields: Any) -> UUID:
        """A form that somebody has begun to fill in."""
        template_id, client_id = await self.form_template(), client_id or await self.client()
        async with self.session() as session:
            version = (
                await session.scalars(select(FormVersion).where(FormVersion.form_template_id == template_id))
            ).one()
            given = {"state": "in_progress", "answers": {"q1": "Sleep"}} | fields
            assignment = FormAssignment(
                id=new_id(), client_id=client_id, form_template_id=template_id, form_version_id=version.id, **given
            )
            session.add(assignment)
        return assignment.id

    async def safety_alert(self) -> UUID:
        """An open one, of some client."""
        client_id = await self.client()
        assignment_id = await self.form_assignment(client_id, state="submitted")
        about = {"client_id": client_id, "form_assignment_id": assignment_id}
        return await self._added(SafetyAlert(id=new_id(), rule="phq-9-item-9", item_key="q9", score=1, **about))

    async def treatment_plan(self) -> UUID:
        """A draft, by some practitioner for some client."""
        author_id, _, client_id = await self.some()
        plan = TreatmentPlan(id=new_id(), client_id=client_id, author_id=author_id)
        async with self.session() as session:
            session.add(plan)
            await session.flush()
            content = {"title": "Plan", "summary": None, "goals": [GOAL], "diagnoses": [], "review_on": None}
            revision = TreatmentPlanRevision(
                client_id=client_id, plan_id=plan.id, number=1, content=content, signers=[{"role": "client"}]
            )
            session.add(revision)
        return plan.id

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

    async def thread(self) -> UUID:
        """Of some client, with one message of the client's."""
        return (await self._written())[0]

    async def message(self) -> UUID:
        """In a thread of its own."""
        return (await self._written())[1]

    async def participant(self, thread_id: UUID) -> UUID:
        """One of two colleagues in the thread."""
        async with self.session() as session:
            thread = (await session.scalars(select(Thread).where(Thread.id == thread_id))).one_or_none()
        if thread is None:  # one of another house
            return await self.participant(await self.thread())
        whose = {"thread_id": thread_id, "client_id": thread.client_id, "confidential": True}
        accounts = [await self.account("staff") for _ in range(2)]
        members = [await self.member(account) for account in accounts]
        async with self.session() as session:
            for account, member in zip(accounts, members, strict=True):
                session.add(ThreadParticipant(account_id=account.id, staff_id=member, **whose))
        return members[0]

    async def own_message(self, account_id: UUID) -> UUID:
        """Of this account, in a thread of its own."""
        return (await self._written(account_id))[1]

    async def _written(self, account_id: UUID | None = None) -> tuple[UUID, UUID]:
        """A thread and the message in it."""
        client_id, author_id = await self.client(), account_id or (await self.account("client")).id
        whose = {"client_id": client_id, "confidential": True}
        thread = Thread(id=new_id(), subject="Tuesday", audience=ThreadAudience.ADMINISTRATIVE, last_seq=1, **whose)
        async with self.session() as session:
            session.add(thread)
            await session.flush()
            message = Message(
                id=new_id(), thread_id=thread.id, seq=1, author_kind="client", author_id=author_id, **whose
            )
            message.body = "May I come later?"
            session.add(message)
        return thread.id, message.id

    async def attachment(self, thread_id: UUID) -> UUID:
        """A document that goes with the first message of the thread."""
        async with self.session() as session:
            found = await session.scalars(select(Message).where(Message.thread_id == thread_id))
            message = found.one_or_none()
        if message is None:  # a thread of another house
            return await self.attachment(await self.thread())
        document_id = await self.document(message.client_id)
        whose = {"client_id": message.client_id, "confidential": True}
        async with self.session() as session:
            session.add(MessageAttachment(message_id=message.id, document_id=document_id, thread_id=thread_id, **whose))
        return document_id

    async def _added(self, row: Any) -> UUID:
        async with self.session() as session:
            session.add(row)
        return row.id

    async def notification(self, account_id: UUID, **fields: Any) -> UUID:
        """Something in the inbox of an account."""
        event_id = await self._added(Event(id=new_id(), type="password.changed", actor_kind="system"))
        told = {"event_type": "password.changed", "kind": "security", "in_app": True, "email": "off", "push": False}
        who = {"event_id": event_id, "recipient_id": account_id, "account_id": account_id}
        return await self._added(Notification(id=new_id(), occurred_at=datetime.now(UTC), **who, **told | fields))

    async def push_subscription(self, account_id: UUID) -> UUID:
        """A device of an account that is woken."""
        row = PushSubscription(
            id=new_id(),
            account_id=account_id,
            session_id=await self.device(account_id),
            endpoint_hash=token_bytes(32),
            sealed=token_bytes(32),
        )
        return await self._added(row)

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


async def _onboard(session: Session, client_id: UUID) -> None:
    """The client is asked for their name."""
    session.add(ClientOnboarding(client_id=client_id, source="staff", audience=["adult", "new"], flow_version=0))
    await session.flush()
    asked = {"position": 0, "title": "Your name", "required": True, "skippable": False}
    fields = [{"name": name, "required": False} for name in ("given_name", "preferred_name")]
    session.add(OnboardingStep(client_id=client_id, key="profile", kind="profile", fields=fields, **asked))


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
