"""What the objects of events are like at this moment, as far as it decides who is told of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, cast, exists, func, select

from portal_api.core.db import Read, Reader, Row
from portal_api.core.db.base import UUIDS
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment
from portal_api.models.messages import Thread, ThreadParticipant
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.treatment_plans import TreatmentPlan, TreatmentPlanRevision
from portal_api.services.stream.log import Happening

_ids = bindparam("ids", type_=UUIDS)


_participants = (
    select(func.coalesce(func.array_agg(ThreadParticipant.account_id), cast([], UUIDS)))
    .where(ThreadParticipant.thread_id == Thread.id, ThreadParticipant.left_at.is_(None))
    .correlate(Thread)
    .scalar_subquery()
)


_shared = exists().where(
    TreatmentPlanRevision.plan_id == TreatmentPlan.id, TreatmentPlanRevision.shared_at.is_not(None)
)


def _of(model: Any, *columns: Any) -> Read:
    return Read(select(model.id, *columns).where(model.id == _ids.any_()))


SUBJECTS: Mapping[str, Read] = {
    "appointment": _of(Appointment, Appointment.practitioner_id, Appointment.confidential),
    "appointment_request": _of(
        AppointmentRequest,
        AppointmentRequest.practitioner_id,
        AppointmentRequest.requested_at,
        AppointmentRequest.confidential,
    ),
    "form_assignment": _of(FormAssignment, FormAssignment.account_id, FormAssignment.confidential),
    "thread": _of(
        Thread,
        Thread.audience,
        Thread.guardian_account_id,
        Thread.confidential,
        Thread.unattended_since,
        _participants.label("participants"),
    ),
    "treatment_plan": _of(TreatmentPlan, TreatmentPlan.confidential, _shared.label("shared")),
    "document": _of(Document, Document.uploaded_by, Document.shared_at, Document.withdrawn_at, Document.confidential),
}
"""By the resource type of the event. Of other types it is enough what the event itself says."""

Subjects = Mapping[UUID, Row]


async def look(reader: Reader, events: Iterable[Happening]) -> Subjects:
    """What is known of the events' objects, by their ids: one statement a type, however many there are.

    One that is not among them is gone.
    """
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        kind, identity = event.shown
        if kind in SUBJECTS and identity is not None:
            wanted[kind].add(identity)
    found: dict[UUID, Row] = {}
    for kind, ids in wanted.items():
        found |= {row["id"]: row for row in await reader.rows(SUBJECTS[kind], ids=list(ids))}
    return found
