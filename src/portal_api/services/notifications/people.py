"""Whom an event concerns: by role, by assignment, by supervision, by grant (F14.M3).

A resolver returns everybody who may be told; who did it, who is only a test client's staff and who does not want to
hear of it are left out afterwards, for all of them alike (telling.py).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from portal_api.core.access import SELF, GrantPermission, Role
from portal_api.core.db import Base, Session
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import Client, ClientAssignment, ClientGrant
from portal_api.models.forms import FormAssignment
from portal_api.models.guardians import Guardian
from portal_api.models.insurance import InsurancePolicy
from portal_api.models.messages import Thread
from portal_api.models.prospects import Prospect
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.signatures import Signature, SignatureRequest
from portal_api.models.staff import StaffMember, Supervision
from portal_api.services.auth.authority import HIDDEN_PORTAL_STATES
from portal_api.services.messages import recipients


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to tell. `account_id` is None for a client without a login, whom the chart's address reaches.

    `about`: the client whose matter it is.
    """

    account_id: UUID | None
    about: UUID | None = None
    of_staff: bool = False

    @property
    def id(self) -> UUID:
        found = self.account_id or self.about
        assert found is not None  # noqa: S101 - made below, with one of them
        return found


Resolver = Callable[[Session, Event], Awaitable[list[Person]]]


async def holder(session: Session, event: Event) -> list[Person]:
    """The account that the event is about."""
    account_id = event.resource_id if event.resource_type == "account" else UUID(event.details["account_id"])
    account = await session.scalar(select(Account).where(Account.id == account_id))
    return [Person(account.id, of_staff=account.kind == "staff")] if account is not None else []


async def reviewers(session: Session, event: Event) -> list[Person]:
    """Owners and admins."""
    return await _staff(session, _holds(Role.OWNER, Role.ADMIN), about=_first(event.client_ids))


async def reviewers_of_signup(session: Session, event: Event) -> list[Person]:
    """Owners and admins, where the account is that of somebody who signed up and waits to be taken in."""
    waiting = select(Prospect.id).where(Prospect.account_id == event.resource_id, Prospect.outcome == "open")
    return await reviewers(session, event) if await session.scalar(waiting) else []


async def assigned(session: Session, event: Event) -> list[Person]:
    """Who works with the client; where nobody does, the owners and admins, so that nothing is overlooked."""
    about = _first(event.client_ids)
    mine = select(ClientAssignment.practitioner_id).where(ClientAssignment.client_id.in_(event.client_ids))
    return await _staff(session, StaffMember.id.in_(mine), about=about) or await reviewers(session, event)


async def assigned_and_supervisors(session: Session, event: Event) -> list[Person]:
    """Who works with the client, and who supervises them (F20.M3)."""
    mine = select(ClientAssignment.practitioner_id).where(ClientAssignment.client_id.in_(event.client_ids))
    over = select(Supervision.supervisor_id).where(Supervision.supervised_id.in_(mine))
    either = or_(StaffMember.id.in_(mine), StaffMember.id.in_(over))
    return await _staff(session, either, about=_first(event.client_ids)) or await reviewers(session, event)


async def assigned_and_reviewers(session: Session, event: Event) -> list[Person]:
    """Who works with the client, and who keeps the practice's books of them."""
    both = {person.id: person for person in [*await assigned(session, event), *await reviewers(session, event)]}
    return list(both.values())


async def alerted(session: Session, event: Event) -> list[Person]:
    """Who treats the client, else the owners; once escalated, supervisors and owners too (F8.B1)."""
    about = _first(event.client_ids)
    mine = select(ClientAssignment.practitioner_id).where(ClientAssignment.client_id.in_(event.client_ids))
    treats, owns = StaffMember.id.in_(mine), _holds(Role.OWNER)
    over = select(Supervision.supervisor_id).where(Supervision.supervised_id.in_(mine))
    escalated = event.type == "safety_alert.escalated"
    wanted = or_(treats, StaffMember.id.in_(over), owns) if escalated else treats
    return await _staff(session, wanted, about=about) or await _staff(session, owns, about=about)


async def taking_part(session: Session, event: Event) -> list[Person]:
    """Those in the message's thread, but for its author and who has read it already."""
    addressees = await recipients.accounts_of(session, event.resource_id) if event.resource_id else []
    about = _first(event.client_ids)
    return [Person(each.account_id, about, of_staff=each.is_staff) for each in addressees if not each.has_read]


async def correspondents(session: Session, event: Event) -> list[Person]:
    """Of those, the client or guardian."""
    return [person for person in await taking_part(session, event) if not person.of_staff]


async def who_may_take_over(session: Session, event: Event) -> list[Person]:
    """Staff of the roles of a thread that waits for one of them."""
    thread = await session.scalar(select(Thread).where(Thread.id == event.resource_id))
    if thread is None or thread.unattended_since is None:
        return []
    about = _first(event.client_ids)
    return [Person(each, about, of_staff=True) for each in await recipients.staff_of(session, thread)]


async def colleagues(session: Session, event: Event) -> list[Person]:
    """Of those, the staff."""
    return [person for person in await taking_part(session, event) if person.of_staff]


async def guardian(session: Session, event: Event) -> list[Person]:
    """The guardian whose access the event is about; who never accepted, or was dissolved meanwhile, hears nothing.

    It is about their own account: they may not act for the client any more.
    """
    theirs = select(Guardian.account_id).where(Guardian.id == event.resource_id, Guardian.revoked_at.is_(None))
    account_id = await session.scalar(theirs.where(Guardian.account_id.is_not(None)))
    return [Person(UUID(str(account_id)))] if account_id else []


async def own_login(session: Session, event: Event) -> list[Person]:
    """The client's own login."""
    own = select(ClientGrant.account_id).where(
        ClientGrant.client_id.in_(event.client_ids), ClientGrant.relationship == SELF, ClientGrant.is_live()
    )
    return [Person(UUID(str(id)), _first(event.client_ids)) for id in await session.scalars(own)]


async def filling_in(session: Session, event: Event) -> list[Person]:
    """The one person whom a form is for, or whoever may complete it for the client."""
    found = await _families(session, event.client_ids, GrantPermission.FORMS_COMPLETE, event=event)
    meant = select(FormAssignment.account_id).where(FormAssignment.id == event.resource_id)
    account_id = await session.scalar(meant)
    return [person for person in found if account_id in (None, person.account_id)]


async def asked_to_sign(session: Session, event: Event) -> list[Person]:
    """Who may sign for the client, as what is asked for, and has not; a document must be theirs to read as well."""
    needed = [GrantPermission.FORMS_SIGN]
    if event.resource_type == "document":
        needed.append(GrantPermission.DOCUMENTS_VIEW)
    found = await _families(session, event.client_ids, *needed, event=event)
    own = {person.account_id for person in await own_login(session, event)}
    meant = await session.scalar(select(FormAssignment.account_id).where(FormAssignment.id == event.resource_id))
    of_it = select(Signature.account_id).join(SignatureRequest, SignatureRequest.id == Signature.request_id)
    signed = set(await session.scalars(of_it.where(SignatureRequest.subject_id == event.resource_id)))
    party = event.details.get("party")
    return [
        person
        for person in found
        if person.account_id not in signed
        and meant in (None, person.account_id)
        and party in (None, "client" if person.account_id in own else "guardian")
    ]


async def proposer(session: Session, event: Event) -> list[Person]:
    """Who wanted the chart changed, and nobody else who acts for the client (F6.M3)."""
    found = await _families(session, event.client_ids, GrantPermission.DEMOGRAPHICS_EDIT, event=event)
    wanted = await session.scalar(select(ClientChange.account_id).where(ClientChange.id == event.resource_id))
    return [person for person in found if person.account_id == wanted]


async def policyholders(session: Session, event: Event) -> list[Person]:
    """The client, and the guardian who entered the policy: it names its subscriber to nobody else (F6.M3)."""
    found = await _families(session, event.client_ids, GrantPermission.INSURANCE_ADD, event=event)
    added_by = await session.scalar(select(InsurancePolicy.added_by).where(InsurancePolicy.id == event.resource_id))
    theirs = {added_by, *(person.account_id for person in await own_login(session, event))}
    return [person for person in found if person.account_id in theirs]


async def requested(session: Session, event: Event) -> list[Person]:
    """Whose time was asked for, and whoever keeps the calendars."""
    request = await _request(session, event)
    if request is None:
        return []
    asked = or_(StaffMember.id == request.practitioner_id, _holds(Role.SCHEDULER))
    return await _staff(session, asked, about=request.client_id)


async def asker(session: Session, event: Event) -> list[Person]:
    """Who asked, while they may act for the client; nobody where the practice was never told of the request."""
    request = await _request(session, event)
    if request is None or (request.requested_at is None and event.type != "appointment_request.lapsed"):
        return []
    found = select(Account.id).where(Account.id == request.account_id)
    if request.client_id is not None:
        mine = [ClientGrant.account_id == Account.id, ClientGrant.client_id == request.client_id, ClientGrant.is_live()]
        if request.confidential:
            mine.append(ClientGrant.relationship == SELF)
        found = found.where(select(ClientGrant.id).where(*mine).exists())
    account_id = await session.scalar(found)
    return [Person(UUID(str(account_id)), request.client_id)] if account_id else []


async def practitioner(session: Session, event: Event) -> list[Person]:
    """On whose calendar the appointment is, while it lies ahead."""
    appointment = await _to_come(session, event)
    if appointment is None:
        return []
    return await _staff(session, StaffMember.id == appointment.practitioner_id, about=_first(appointment.client_ids))


async def coming(session: Session, event: Event) -> list[Person]:
    """The clients who come to an appointment that lies ahead, and guardians who may see it.

    A client without a login is reached by the chart's address.
    """
    appointment = await _to_come(session, event)
    if appointment is None:
        return []
    people = await _families(session, appointment.client_ids, GrantPermission.APPOINTMENTS_VIEW, event=event)
    with_login = {person.about for person in people if person.account_id}
    charts = select(Client.id).where(
        Client.id.in_(set(appointment.client_ids) - with_login),
        Client.archived_at.is_(None),
        Client.portal_state.not_in(HIDDEN_PORTAL_STATES),
        Client.id.not_in(select(ClientGrant.client_id).where(ClientGrant.relationship == SELF, ClientGrant.is_live())),
    )
    return [*people, *(Person(None, UUID(str(client_id))) for client_id in await session.scalars(charts))]


def family(permission: GrantPermission) -> Resolver:
    """The client, and guardians who hold the permission, unless it is confidential from them (F6.M1, F6.B3)."""

    async def resolve(session: Session, event: Event) -> list[Person]:
        return await _families(session, event.client_ids, permission, event=event)

    return resolve


async def _families(
    session: Session, client_ids: Collection[UUID], *needed: GrantPermission, event: Event
) -> list[Person]:
    """Accounts that act for the clients and may do all of this; who acts for several is there once, for the first."""
    alone = await confidential(session, event)
    statement = (
        select(ClientGrant.account_id, ClientGrant.client_id)
        .join(Client, Client.id == ClientGrant.client_id)
        .where(
            ClientGrant.client_id.in_(client_ids),
            ClientGrant.is_live(),
            *([ClientGrant.relationship == SELF] if alone else map(ClientGrant.allows, needed)),
            Client.archived_at.is_(None),
            Client.portal_state.not_in(HIDDEN_PORTAL_STATES),
        )
        .order_by(ClientGrant.id)
    )
    found: dict[UUID, Person] = {}
    for account_id, client_id in (await session.execute(statement)).all():
        found.setdefault(UUID(str(account_id)), Person(UUID(str(account_id)), UUID(str(client_id))))
    return list(found.values())


async def confidential(session: Session, event: Event) -> bool:
    """Whether what the event is about is kept from guardians; so is what is not there (any more)."""
    model = _by_table().get(event.resource_type or "")
    if model is None or not hasattr(model, "confidential"):
        return False
    kept = await session.scalar(select(model.confidential).where(model.id == event.resource_id))
    return kept is not False


def _by_table() -> dict[str, Any]:
    """Every model by its table: an event names its resource so."""
    return {str(mapper.class_.__tablename__): mapper.class_ for mapper in Base.registry.mappers}


async def _staff(session: Session, who: ColumnElement[bool], *, about: UUID | None) -> list[Person]:
    """Active staff, in the order in which they came."""
    found = select(StaffMember.account_id).where(who, StaffMember.state == "active").order_by(StaffMember.id)
    return [Person(UUID(str(id)), about, of_staff=True) for id in await session.scalars(found)]


async def _request(session: Session, event: Event) -> AppointmentRequest | None:
    return await session.scalar(select(AppointmentRequest).where(AppointmentRequest.id == event.resource_id))


async def _to_come(session: Session, event: Event) -> Appointment | None:
    """Nobody is told of what lies behind."""
    ahead = select(Appointment).where(Appointment.id == event.resource_id, Appointment.starts_at > func.now())
    return await session.scalar(ahead)


def _holds(*roles: Role) -> ColumnElement[bool]:
    return StaffMember.roles.overlap([role.value for role in roles])


def _first(ids: Iterable[UUID]) -> UUID | None:
    return next(iter(ids), None)
