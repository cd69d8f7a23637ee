"""What the objects of events are like at this moment, as far as it decides who is told of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.db import Read, Reader, Row
from portal_api.core.db.base import UUIDS
from portal_api.models.documents import Document
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.services.stream.log import Happening

_ids = bindparam("ids", type_=UUIDS)


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
        if event.resource_type in SUBJECTS and event.resource_id is not None:
            wanted[event.resource_type].add(event.resource_id)
    found: dict[UUID, Row] = {}
    for kind, ids in wanted.items():
        found |= {row["id"]: row for row in await reader.rows(SUBJECTS[kind], ids=list(ids))}
    return found
