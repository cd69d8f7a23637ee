"""What a device keeps a copy of. A collection plugs in with one entry, in the order in which a first copy is sent."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import Feature, GrantPermission, Permission, Principal
from portal_api.core.db import Reader, Row, Rows
from portal_api.models.clients import Client
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment
from portal_api.models.messages import Thread, ThreadParticipant
from portal_api.models.scheduling import Appointment, AppointmentAttendee, AppointmentRequest
from portal_api.models.staff import StaffMember
from portal_api.services import audit
from portal_api.services.clients import reading as clients
from portal_api.services.documents import reading as documents
from portal_api.services.forms import reading as forms
from portal_api.services.messages import reading as messages
from portal_api.services.scheduling.appointments import mine, reading
from portal_api.services.scheduling.requests import reading as requests
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync.profiles import Profiles
from portal_api.services.sync.tables import ALSO_SHARED, EVERYTHING, OWN, Table, Units, ids_of, unit

P, G = Permission, GrantPermission
_UUID = Client.id.type
Kept = Table | Profiles


def _acting(viewer: Viewer, client_ids: Iterable[UUID], *marks: str) -> Units:
    own = viewer.principal.own_client_ids
    return frozenset(unit(each, *((OWN,) if each in own else ()), *marks) for each in client_ids)


def _reach(viewer: Viewer, permission: Permission, everyones: Permission, some: Iterable[UUID]) -> Units:
    """Everything of the practice, some of it, or nothing."""
    if not viewer.may(permission):
        return frozenset()
    return frozenset({EVERYTHING}) if viewer.may(everyones) else frozenset(map(unit, some))


def _account(principal: Principal, units: Units) -> dict[str, Any]:
    return {"account_id": principal.account_id, "mine": ids_of(units)}


def _nothing(_principal: Principal, _units: Units) -> dict[str, Any]:
    return {}


def _its_clients(event: Happening) -> list[UUID]:
    return event.client_ids


def _listed(type: str, column: str) -> Any:
    def record(reader: Reader, principal: Principal, rows: Sequence[Row]) -> None:
        found = (row[column] for row in rows)
        seen = {each for one in found if one for each in (one if isinstance(one, list) else [one])}
        audit.viewed(reader, principal, type, seen)

    return record


def _my_appointments(whose: Any) -> Rows:
    attendee = AppointmentAttendee
    theirs = select(attendee.appointment_id.label("id")).join(Appointment, Appointment.id == attendee.appointment_id)
    theirs = theirs.join(StaffMember, StaffMember.id == Appointment.practitioner_id)
    return theirs.where(attendee.client_id == whose.any_(), attendee.account_id.is_(None))


def _my_requests(whose: Any) -> Rows:
    theirs = AppointmentRequest.client_id == whose.any_()
    return select(AppointmentRequest.id).where(theirs, requests.PUT_FORWARD)


def _my_documents(whose: Any) -> Rows:
    """As documents.reading.for_client: what one has uploaded, and what is shared with those one looks at them for."""
    return documents.for_client(select(Document.id)).where(Document.client_id == whose.any_())


def _looking(principal: Principal, units: Units) -> dict[str, Any]:
    return {"account_id": principal.account_id, "viewing": ids_of(units, ALSO_SHARED)}


def _document_units(viewer: Viewer) -> Units:
    looking = viewer.acting(G.DOCUMENTS_VIEW)
    uploading = viewer.acting(G.DOCUMENTS_UPLOAD) - looking
    return _acting(viewer, looking, ALSO_SHARED) | _acting(viewer, uploading)


def _my_threads(whose: Any) -> Rows:
    """With those who take part, whose names it shows."""
    theirs = messages.for_client(select(Thread.id)).where(Thread.client_id == whose.any_())
    return theirs.outerjoin(ThreadParticipant, ThreadParticipant.thread_id == Thread.id)


def _thread_values(principal: Principal, units: Units) -> dict[str, Any]:
    return _account(principal, units) | {"own": ids_of(units, OWN)}


def _my_forms(whose: Any) -> Rows:
    theirs = FormAssignment.client_id == whose.any_()
    return select(FormAssignment.id).where(theirs, forms.addressed_to(bindparam("account_id", type_=_UUID)))


def _form_units(viewer: Viewer) -> Units:
    return _acting(viewer, viewer.acting(G.FORMS_COMPLETE) | viewer.acting(G.FORMS_SIGN))


def _clients(whose: Any) -> Rows:
    return select(Client.id) if whose is None else select(Client.id).where(Client.id == whose.any_())


def _calendars(model: Any, *conditions: Any) -> Any:
    def seen(whose: Any) -> Rows:
        statement = select(model.id).where(*conditions)
        return statement if whose is None else statement.where(model.practitioner_id == whose.any_())

    return seen


OF_CLIENTS: tuple[Kept, ...] = (
    Profiles(),
    Table(
        type="appointment",
        rows=mine.rows(),
        id=Appointment.id,
        created_at=Appointment.created_at,
        seen=_my_appointments,
        units=lambda viewer: _acting(viewer, viewer.acting(G.APPOINTMENTS_VIEW)),
        values=_account,
        shape=mine.shown,
        names_units=True,
        shows=(
            Appointment.practitioner_id,
            Appointment.service_id,
            Appointment.location_id,
            StaffMember.account_id,
        ),
        types=frozenset({"account.updated", "location.updated", "service.updated", "staff.updated"}),
    ),
    Table(
        type="appointment_request",
        rows=select(*requests.EVERYBODYS, *requests.MINE),
        id=AppointmentRequest.id,
        created_at=AppointmentRequest.created_at,
        seen=_my_requests,
        units=lambda viewer: _acting(viewer, viewer.acting(feature=Feature.APPOINTMENT_REQUESTS)),
        values=_account,
        shape=requests.shaped,
    ),
    Table(
        type="form_assignment",
        rows=forms.rows_of(),
        id=FormAssignment.id,
        created_at=FormAssignment.created_at,
        seen=_my_forms,
        units=_form_units,
        values=_account,
        shape=forms.listed,
    ),
    Table(
        type="thread",
        rows=select(*messages.SHARED).select_from(Thread),
        id=Thread.id,
        created_at=Thread.created_at,
        seen=_my_threads,
        units=lambda viewer: _acting(viewer, viewer.acting(feature=Feature.SECURE_MESSAGING)),
        values=_thread_values,
        shows=(ThreadParticipant.staff_id, ThreadParticipant.account_id),
        types=frozenset({"account.updated", "message.retracted", "message.sent", "staff.updated"}),
        record=_listed("threads.listed", "client_id"),
    ),
    Table(
        type="document",
        rows=documents.joined(*documents.CLIENT_COLUMNS),
        id=Document.id,
        created_at=Document.created_at,
        seen=_my_documents,
        units=_document_units,
        values=_looking,
        hiding=frozenset({"document.deleted", "document.disposed", "document.unshared", "document.withdrawn"}),
        record=_listed("documents.listed", "client_id"),
    ),
)
OF_STAFF: tuple[Kept, ...] = (
    Table(
        type="client",
        rows=select(*clients.COLUMNS),
        id=Client.id,
        created_at=Client.created_at,
        seen=_clients,
        units=lambda viewer: _reach(viewer, P.CLIENTS_READ, P.CLIENTS_READ_ALL, viewer.clients),
        values=_nothing,
        everyones=True,
        types=frozenset(
            {
                "clients.reassigned",
                "credentials.set",
                "invitation.accepted",
                "invitation.created",
                "invitation.resent",
                "invitation.revoked",
                "prospect.associated",
                "prospect.dissociated",
                "staff.removed",
            }
        ),
        also=_its_clients,
        record=_listed("clients.listed", "id"),
    ),
    Table(
        type="appointment",
        rows=select(*reading.COLUMNS),
        id=Appointment.id,
        created_at=Appointment.created_at,
        seen=_calendars(Appointment),
        units=lambda viewer: _reach(viewer, P.APPOINTMENTS_READ, P.APPOINTMENTS_READ_ALL, viewer.calendars),
        values=_nothing,
        everyones=True,
        shape=reading.with_policy,
        record=_listed("appointments.listed", "client_ids"),
    ),
    Table(
        type="appointment_request",
        rows=requests.for_staff(),
        id=AppointmentRequest.id,
        created_at=AppointmentRequest.created_at,
        seen=_calendars(AppointmentRequest, requests.PUT_FORWARD),
        units=lambda viewer: _reach(viewer, P.APPOINTMENTS_READ, P.APPOINTMENTS_WRITE_ALL, viewer.calendars),
        values=_nothing,
        everyones=True,
        shape=requests.shaped_for_staff,
        shows=(AppointmentRequest.client_id,),
        types=frozenset({"client.updated"}),
        record=_listed("appointment_requests.listed", "client_id"),
    ),
)
