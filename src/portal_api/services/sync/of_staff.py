"""What a device of staff keeps a copy of, in the order in which a first copy is sent."""

from typing import Any

from sqlalchemy import Boolean, bindparam, or_, select

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Rows
from portal_api.models.clients import Client
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment
from portal_api.models.messages import Thread, ThreadParticipant
from portal_api.models.notifications import Notification
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.treatment_plans import TreatmentPlan
from portal_api.services.clients import reading as clients
from portal_api.services.documents import reading as documents
from portal_api.services.forms import reading as forms
from portal_api.services.messages import reading as messages
from portal_api.services.notifications import inbox
from portal_api.services.scheduling.appointments import reading
from portal_api.services.scheduling.requests import reading as requests
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync.reaching import (
    account,
    charts,
    its_clients,
    its_notifications,
    listed,
    nothing,
    of_inbox,
    reach,
)
from portal_api.services.sync.tables import Table, Units, unit, whole
from portal_api.services.treatment_plans import reading as plans

P = Permission


def _clients(whose: Any) -> Rows:
    """As their list: without those that are nobody."""
    real = select(Client.id).where(Client.is_test.is_(False))
    return real if whose is None else real.where(Client.id == whose.any_())


def _of_charts(model: Any) -> Any:
    def seen(whose: Any) -> Rows:
        statement = select(model.id)
        return statement if whose is None else statement.where(model.client_id == whose.any_())

    return seen


def _calendars(model: Any, *conditions: Any) -> Any:
    def seen(whose: Any) -> Rows:
        statement = select(model.id).where(*conditions)
        return statement if whose is None else statement.where(model.practitioner_id == whose.any_())

    return seen


def _threads(whose: Any) -> Rows:
    """Those of the caseload, those one takes part in, and who sees everybody those that are not clinical."""
    theirs = messages.for_staff(select(Thread.id), whose is None)
    return theirs.outerjoin(ThreadParticipant, ThreadParticipant.thread_id == Thread.id)


def _thread_values(principal: Principal, _units: Units) -> dict[str, Any]:
    return messages.who_asks(principal)


def _thread_units(viewer: Viewer) -> Units:
    """With the audiences of one's roles: with other roles one sees other threads of the same clients."""
    if not viewer.may(P.MESSAGES_READ):
        return frozenset()
    audiences = messages.who_asks(viewer.principal)["audiences"]
    everyones = charts(P.MESSAGES_READ)(viewer) if viewer.may(P.CLIENTS_READ_ALL) else frozenset[str]()
    return everyones | frozenset(map(unit, viewer.clients)) | {whole(":".join(("audiences", *sorted(audiences))))}


def _inbox_units(viewer: Viewer) -> Units:
    """One's inbox is one's own; whose initials it shows goes by the clients whom one sees."""
    account_id = viewer.principal.account_id
    own = {unit(account_id)} if account_id else set[str]()
    return reach(viewer, P.CLIENTS_READ, P.CLIENTS_READ_ALL, viewer.clients) | own


OF_STAFF: tuple[Table, ...] = (
    Table(
        type="client",
        rows=select(*clients.COLUMNS),
        id=Client.id,
        created_at=Client.created_at,
        seen=_clients,
        units=lambda viewer: reach(viewer, P.CLIENTS_READ, P.CLIENTS_READ_ALL, viewer.clients),
        values=nothing,
        everyones=True,
        types=frozenset(
            {
                "clients.reassigned",
                "contact_consent.set",
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
        also=its_clients,
        record=listed("clients.listed", "id"),
    ),
    Table(
        type="appointment",
        rows=select(*reading.COLUMNS),
        id=Appointment.id,
        created_at=Appointment.created_at,
        seen=_calendars(Appointment),
        units=lambda viewer: reach(viewer, P.APPOINTMENTS_READ, P.APPOINTMENTS_READ_ALL, viewer.calendars),
        values=nothing,
        everyones=True,
        shape=reading.with_policy,
        record=listed("appointments.listed", "client_ids"),
    ),
    Table(
        type="appointment_request",
        rows=requests.for_staff(),
        id=AppointmentRequest.id,
        created_at=AppointmentRequest.created_at,
        seen=_calendars(AppointmentRequest, requests.PUT_FORWARD),
        units=lambda viewer: reach(viewer, P.APPOINTMENTS_READ, P.APPOINTMENTS_WRITE_ALL, viewer.calendars),
        values=nothing,
        everyones=True,
        shape=requests.shaped_for_staff,
        shows=(AppointmentRequest.client_id,),
        types=frozenset({"client.updated"}),
        record=listed("appointment_requests.listed", "client_id"),
    ),
    Table(
        type="form_assignment",
        rows=forms.for_staff(),
        id=FormAssignment.id,
        created_at=FormAssignment.created_at,
        seen=_of_charts(FormAssignment),
        units=charts(P.FORMS_READ),
        values=account,
        everyones=True,
        shape=forms.listed,
        record=listed("forms.listed", "client_id"),
    ),
    Table(
        type="treatment_plan",
        rows=plans.newest_of_plan(*plans.STAFFS),
        id=TreatmentPlan.id,
        created_at=TreatmentPlan.created_at,
        seen=_of_charts(TreatmentPlan),
        units=charts(P.TREATMENT_PLANS_READ),
        values=nothing,
        everyones=True,
        shape=plans.shaped,
        record=listed("treatment_plans.listed", "client_id"),
    ),
    Table(
        type="thread",
        rows=select(*messages.STAFFS).select_from(Thread).join(Client, Client.id == Thread.client_id),
        id=Thread.id,
        created_at=Thread.created_at,
        seen=_threads,
        units=_thread_units,
        values=_thread_values,
        of_units=lambda whose: select(Thread.id).where(Thread.client_id == whose.any_(), messages.is_of_audience()),
        everyones=True,
        shows=(Thread.client_id, ThreadParticipant.staff_id, ThreadParticipant.account_id),
        types=frozenset(
            {
                "account.updated",
                "client.updated",
                "message.edited",
                "message.retracted",
                "message.sent",
                "staff.updated",
            }
        ),
        hiding=frozenset({"thread.attended", "thread.left"}),
        record=listed("threads.listed", "client_id"),
    ),
    Table(
        type="document",
        rows=documents.joined(*documents.STAFF_COLUMNS),
        id=Document.id,
        created_at=Document.created_at,
        seen=_of_charts(Document),
        units=charts(P.DOCUMENTS_READ),
        values=account,
        everyones=True,
        shows=(Document.practice_id,),
        types=frozenset({"document_settings.updated"}),
        hiding=frozenset({"document.deleted", "document.disposed"}),
        record=listed("documents.listed", "client_id"),
    ),
    Table(
        type="notification",
        rows=inbox.rows_of(or_(bindparam("sees_all", type_=Boolean()), clients.caseload())),
        id=Notification.id,
        created_at=Notification.created_at,
        seen=lambda _whose: inbox.ids(),
        units=_inbox_units,
        values=of_inbox,
        of_units=lambda whose: inbox.ids().where(Notification.about_client_id == whose.any_()),
        everyones=True,
        shape=inbox.shown,
        shows=(Notification.about_client_id,),
        names_units=True,
        types=frozenset({"client.updated", "clients.reassigned", "notification.created", "notification.read"}),
        also=its_notifications,
    ),
)
