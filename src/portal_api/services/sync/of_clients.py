"""What a device of those who act for clients keeps a copy of, in the order in which a first copy is sent."""

from typing import Any

from sqlalchemy import bindparam, false, select

from portal_api.core.access import Feature, GrantPermission, Principal
from portal_api.core.db import Rows
from portal_api.models.clients import Client
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment
from portal_api.models.messages import Thread, ThreadParticipant
from portal_api.models.notifications import Notification
from portal_api.models.scheduling import Appointment, AppointmentAttendee, AppointmentRequest
from portal_api.models.staff import StaffMember
from portal_api.models.treatment_plans import TreatmentPlan
from portal_api.services.documents import reading as documents
from portal_api.services.forms import reading as forms
from portal_api.services.messages import reading as messages
from portal_api.services.notifications import inbox
from portal_api.services.scheduling.appointments import mine
from portal_api.services.scheduling.requests import reading as requests
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync.profiles import Profiles
from portal_api.services.sync.reaching import account, acting, its_notifications, listed, of_inbox
from portal_api.services.sync.tables import ALSO_SHARED, OWN, Table, Units, ids_of, unit
from portal_api.services.treatment_plans import reading as plans

G = GrantPermission
_UUID = Client.id.type


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
    return acting(viewer, looking, ALSO_SHARED) | acting(viewer, uploading)


def _my_threads(whose: Any) -> Rows:
    """With those who take part, whose names it shows."""
    theirs = messages.for_client(select(Thread.id)).where(Thread.client_id == whose.any_())
    return theirs.outerjoin(ThreadParticipant, ThreadParticipant.thread_id == Thread.id)


def _thread_values(principal: Principal, units: Units) -> dict[str, Any]:
    return messages.who_asks(principal) | account(principal, units) | {"own": ids_of(units, OWN)}


def _my_forms(whose: Any) -> Rows:
    theirs = FormAssignment.client_id == whose.any_()
    return select(FormAssignment.id).where(theirs, forms.addressed_to(bindparam("account_id", type_=_UUID)))


def _form_units(viewer: Viewer) -> Units:
    return acting(viewer, viewer.acting(G.FORMS_COMPLETE) | viewer.acting(G.FORMS_SIGN))


def _my_plans(whose: Any) -> Rows:
    theirs = plans.newest_for_clients().where(TreatmentPlan.client_id == whose.any_())
    return theirs.with_only_columns(TreatmentPlan.id)


def _plan_units(viewer: Viewer) -> Units:
    return acting(viewer, viewer.acting(G.DOCUMENTS_VIEW) | viewer.acting(G.FORMS_SIGN))


def _inbox_units(viewer: Viewer) -> Units:
    """What is about the account itself stays, whoever it acts for."""
    principal = viewer.principal
    own = {unit(principal.account_id)} if principal.account_id else set[str]()
    return acting(viewer, principal.client_ids) | own


OF_CLIENTS: tuple[Table | Profiles, ...] = (
    Profiles(),
    Table(
        type="appointment",
        rows=mine.rows(),
        id=Appointment.id,
        created_at=Appointment.created_at,
        seen=_my_appointments,
        units=lambda viewer: acting(viewer, viewer.acting(G.APPOINTMENTS_VIEW)),
        values=account,
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
        units=lambda viewer: acting(viewer, viewer.acting(feature=Feature.APPOINTMENT_REQUESTS)),
        values=account,
        shape=requests.shaped,
    ),
    Table(
        type="form_assignment",
        rows=forms.rows_of(),
        id=FormAssignment.id,
        created_at=FormAssignment.created_at,
        seen=_my_forms,
        units=_form_units,
        values=account,
        shape=forms.listed,
    ),
    Table(
        type="thread",
        rows=select(*messages.SHARED).select_from(Thread),
        id=Thread.id,
        created_at=Thread.created_at,
        seen=_my_threads,
        units=lambda viewer: acting(viewer, viewer.acting(feature=Feature.SECURE_MESSAGING)),
        values=_thread_values,
        shows=(ThreadParticipant.staff_id, ThreadParticipant.account_id),
        types=frozenset({"account.updated", "message.edited", "message.retracted", "message.sent", "staff.updated"}),
        record=listed("threads.listed", "client_id"),
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
        record=listed("documents.listed", "client_id"),
    ),
    Table(
        type="treatment_plan",
        rows=plans.newest_for_clients(),
        id=TreatmentPlan.id,
        created_at=TreatmentPlan.created_at,
        seen=_my_plans,
        units=_plan_units,
        values=account,
        shape=plans.shaped_for_client,
        record=listed("treatment_plans.listed", "client_id"),
    ),
    Table(
        type="notification",
        rows=inbox.rows_of(false()),
        id=Notification.id,
        created_at=Notification.created_at,
        seen=lambda _whose: inbox.ids(),
        units=_inbox_units,
        values=of_inbox,
        of_units=lambda whose: inbox.ids().where(Notification.about_client_id == whose.any_()),
        shape=inbox.shown,
        shows=(Notification.about_client_id,),
        types=frozenset({"client.updated", "notification.created", "notification.read"}),
        also=its_notifications,
    ),
)
