"""What generated requests are made of: a body that each operation accepts, and an object for each path id.

Keys of BODIES are operations with `{}` for every path parameter; a body may be a function of the house whose
owner sends it. An operation that takes a body and has no entry gets the `examples` of its schema.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

from tests.cast import FORM, GOAL, House
from tests.world import PASSWORD

Body = dict[str, Any]
NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Maker:
    """How to make the object that a path parameter names. `of_client`: it belongs to one client's chart.

    `personal`: it belongs to the caller's own account, whose id `make` is given. `below`: it hangs from the
    object that the path names before it, whose id `make` is given.
    """

    make: Callable[[House], Awaitable[UUID]] | None = None
    of_client: bool = False
    personal: Callable[[House, UUID], Awaitable[UUID]] | None = None
    below: Callable[[House, UUID], Awaitable[UUID]] | None = None


async def _staff(house: House) -> UUID:
    account = await house.account("staff")
    return await house.member(account)


async def _request(house: House) -> UUID:
    """A request for a time of somebody's, by a client."""
    return await house.request(*await house.some(), NOON)


MAKERS: dict[str, Maker] = {
    "busy_calendar_id": Maker(House.busy_calendar),
    "appointment_id": Maker(House.some_appointment, of_client=True),
    "series_id": Maker(House.series, of_client=True),
    "change_id": Maker(House.client_change, of_client=True),
    "client_id": Maker(House.client, of_client=True),
    "safety_alert_id": Maker(House.safety_alert, of_client=True),
    "form_assignment_id": Maker(House.form_assignment, of_client=True),
    "form_template_id": Maker(House.form_template),
    "guardian_id": Maker(House.guardian_of_somebody, of_client=True, below=House.guardian_record),
    "document_id": Maker(House.document, of_client=True),
    "invitation_id": Maker(House.invitation, of_client=True),
    "notification_id": Maker(personal=House.notification),
    "practice_document_id": Maker(House.practice_document),
    "attachment_id": Maker(below=House.attachment, of_client=True),
    "participant_id": Maker(below=House.participant),
    "own_message_id": Maker(personal=House.own_message),
    "message_id": Maker(House.message, of_client=True),
    "practitioner_id": Maker(_staff),
    "staff_id": Maker(_staff),
    "location_id": Maker(House.location),
    "policy_id": Maker(House.policy, of_client=True),
    "prospect_id": Maker(House.prospect),
    "request_id": Maker(_request, of_client=True),
    "room_id": Maker(House.room),
    "service_id": Maker(House.service),
    "subscription_id": Maker(personal=House.push_subscription),
    "thread_id": Maker(House.thread, of_client=True),
    "time_off_id": Maker(House.time_off),
    "treatment_plan_id": Maker(House.treatment_plan, of_client=True),
    "session_id": Maker(personal=House.device),
    "client_session_id": Maker(below=House.client_device, of_client=True),
}
"""By the name of the path parameter."""

VALUES: dict[str, str] = {
    "key": "profile",
    "number": "1",
    "secret": "no-such-secret",
    "slug": "no-such-practice",
    "ticket": "no-such-ticket",
}
"""Path parameters that are no ids: any well-formed value."""


def _email() -> str:
    return f"example-{token_hex(6)}@harbor.example"


def _registration(_house: House) -> Body:
    owner = {"email": _email(), "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
    return {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}


def _login(house: House) -> Body:
    return {"practice": str(house.id), "email": _email(), "password": PASSWORD}


async def _association(house: House) -> Body:
    return {"client_id": str(await house.client())}


def _name(_house: House) -> Body:
    return {"name": f"Harbor {token_hex(4)}"}


async def _wished(house: House) -> Body:
    practitioner_id, service_id, _ = await house.some()
    named = {"practitioner_id": str(practitioner_id), "service_id": str(service_id)}
    return {**named, "starts_at": "2031-03-03T12:00:00Z", "mode": "video"}


async def _wished_by_newcomer(house: House) -> Body:
    return await _wished(house) | {"email": _email(), "given_name": "Vera", "family_name": "New"}


async def _booking(house: House) -> Body:
    practitioner_id, service_id, client_id = await house.some()
    ids = {"practitioner_id": practitioner_id, "service_id": service_id, "client_id": client_id}
    named = {name: str(value) for name, value in ids.items()}
    return {**named, "starts_at": "2030-01-01T09:00Z", "mode": "video"}


async def _booked_series(house: House) -> Body:
    return await _booking(house) | {"rrule": "FREQ=WEEKLY;COUNT=2"}


async def _written(house: House) -> Body:
    return {"client_id": str(await house.client()), "subject": "Tuesday", "body": "Come at ten."}


async def _participant(house: House) -> Body:
    return {"staff_id": str(await _staff(house))}


async def _form_given(house: House) -> Body:
    return {"form_template_id": str(await house.form_template())}


def _questionnaire(_house: House) -> Body:
    item = {"linkId": "q1", "text": "What brings you here?", "type": "text"}
    return {"resourceType": "Questionnaire", "status": "draft", "title": "Before we meet", "item": [item]}


DECLARED: Body = {
    "file_name": "letter.pdf",
    "media_type": "application/pdf",
    "size_bytes": 8,
    "sha256": "fb6d7d3e16a6bb14c8c0e4a0eb9dfe0e5ea9cbc5ee2fc1e3dd9ecb5d5c8b0b43",
}
SIGNED: Body = {"printed_name": "Grace Client", "agree": True}
BODIES: dict[str, Body | Callable[[House], Body | Awaitable[Body]]] = {
    "POST /v1/practices": _registration,
    "POST /v1/form-templates": {"kind": "intake", "title": "Before we meet", "definition": FORM},
    "PATCH /v1/form-templates/{}": {"title": "Welcome"},
    "POST /v1/form-templates/{}/versions": {"title": "Welcome"},
    "POST /v1/form-templates/{}/copy": {},
    "POST /v1/clients/{}/form-assignments": _form_given,
    "PATCH /v1/form-assignments/{}": {"due_on": None},
    "PATCH /v1/form-assignments/{}/answers": {"answers": {"q1": "Sleep"}},
    "POST /v1/form-assignments/{}/reopen": {},
    "POST /v1/form-assignments/{}/sign": SIGNED,
    "POST /v1/form-assignments/{}/withdraw": {},
    "PATCH /v1/me/forms/{}": {"answers": {"q1": "Sleep"}},
    "POST /v1/me/forms/{}/decline": {},
    "POST /v1/me/forms/{}/sign": SIGNED,
    "POST /v1/me/forms/{}/submit": {},
    "POST /v1/me/forms/{}/withdraw-consent": {},
    "PATCH /v1/practice": {"name": "Quiet Harbor"},
    "POST /v1/auth/login": _login,
    "POST /v1/auth/refresh": {"refresh_token": "0" * 32 + "." + "a" * 43},
    "POST /v1/auth/email-verification": {"token": "0" * 32 + "." + "a" * 43},
    "POST /v1/auth/email-verification/resend": lambda house: {"practice": str(house.id), "email": _email()},
    "POST /v1/auth/password-reset": lambda house: {"practice": str(house.id), "email": _email()},
    "POST /v1/auth/password-reset/confirm": {"token": "0" * 32 + "." + "a" * 43, "new_password": PASSWORD},
    "POST /v1/auth/reauthenticate": {"password": PASSWORD},
    "POST /v1/auth/email-change/confirm": {"token": "0" * 32 + "." + "a" * 43},
    "POST /v1/auth/email-change/revert": {"token": "0" * 32 + "." + "a" * 43},
    "PATCH /v1/me": {"given_name": "Ada"},
    "PATCH /v1/me/notification-preferences": {"kinds": {"security": {"push": "off"}}, "digest_at": "07:30"},
    "POST /v1/me/notifications/read-all": {},
    "POST /v1/me/push-subscriptions": lambda _house: {
        "endpoint": f"http://127.0.0.1:9/{token_hex(8)}",
        "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22},
    },
    "PATCH /v1/clients/{}/contact-consents": {"email": False},
    "POST /v1/me/email": lambda _house: {"email": _email(), "password": PASSWORD},
    "POST /v1/me/second-factor": {"password": PASSWORD},
    "POST /v1/me/second-factor/confirm": {"otp": "000000"},
    "POST /v1/me/second-factor/recovery-codes": {"password": PASSWORD, "otp": "000000"},
    "DELETE /v1/me/second-factor": {"password": PASSWORD, "otp": "000000"},
    "PUT /v1/me/password": {"current_password": PASSWORD, "new_password": PASSWORD + " again"},
    "POST /v1/clients": {"given_name": "Grace", "family_name": "Client"},
    "PATCH /v1/clients/{}": {"preferred_name": "Gracie"},
    "PATCH /v1/clients/{}/custody": {"arrangement": "joint"},
    "POST /v1/clients/{}/guardians": lambda _house: {
        "given_name": "Ruth",
        "family_name": "Client",
        "email": _email(),
        "relationship": "mother",
        "permissions": ["appointments.view"],
    },
    "PATCH /v1/clients/{}/guardians/{}": {"permissions": ["appointments.view", "messages"]},
    "POST /v1/clients/{}/guardians/{}/extend": {"until": "2031-04-01", "reason": "Court order."},
    "POST /v1/guardians/{}/invitations": {},
    "POST /v1/me/invitations/accept": {"token": "0" * 32 + "." + "a" * 43},
    "PUT /v1/practice/age-transitions": {"transitions": [{"age": 18, "action": "end"}]},
    "POST /v1/client-changes/{}/accept": {},
    "POST /v1/client-changes/{}/reject": {},
    "PATCH /v1/me/profile": {"preferred_name": "Gracie"},
    "PATCH /v1/me/insurance-policies/{}": {"group_number": "7"},
    "PATCH /v1/insurance-policies/{}": {"group_number": "7"},
    "POST /v1/insurance-policies/{}/reject": {"reason": "The card has expired."},
    "PATCH /v1/practice/onboarding": {"steps": [{"key": "profile", "kind": "profile"}]},
    "PATCH /v1/me/onboarding/steps/{}": {"values": {"preferred_name": "Gracie"}},
    "POST /v1/me/onboarding/complete": {},
    "POST /v1/clients/{}/invitations": lambda _house: {"email": _email()},
    "POST /v1/clients/{}/documents": {"title": "Letter"},
    "PUT /v1/clients/{}/credentials": lambda _house: {"email": _email(), "generate": True},
    "PATCH /v1/clients/{}/portal-access": {"state": "revoked"},
    "POST /v1/clients/{}/view-as": {},
    "PATCH /v1/clients/{}/features": {"secure_messaging": False},
    "PATCH /v1/practitioners/{}/features": {"secure_messaging": False},
    "PATCH /v1/practice/features": {"secure_messaging": True},
    "PATCH /v1/practice/portal": {"invitation_ttl_days": 3},
    "POST /v1/practice/portal/enable": {},
    "POST /v1/practice/staff": lambda _house: {
        "email": _email(),
        "given_name": "Ida",
        "family_name": "Harbor",
        "roles": ["practitioner"],
    },
    "PATCH /v1/practice/staff/{}": {"given_name": "Ida"},
    "POST /v1/invitations/lookup": {"token": "0" * 32 + "." + "a" * 43},
    "POST /v1/invitations/accept": {"token": "0" * 32 + "." + "a" * 43, "password": PASSWORD},
    "POST /v1/portals/{}/signup": lambda _house: {
        "email": _email(),
        "password": PASSWORD,
        "given_name": "Vera",
        "family_name": "New",
    },
    "POST /v1/portals/{}/appointment-requests": _wished_by_newcomer,
    "POST /v1/me/appointment-requests": _wished,
    "POST /v1/me/appointment-requests/{}/decline": {},
    "POST /v1/appointment-requests/{}/accept": {},
    "POST /v1/appointment-requests/{}/decline": {},
    "POST /v1/appointment-requests/{}/counter-offer": {"starts_at": "2031-03-04T12:00:00Z"},
    "POST /v1/form-templates/import": _questionnaire,
    "POST /v1/safety-alerts/{}/acknowledge": {},
    "POST /v1/clients/{}/verify-email": {},
    "PATCH /v1/documents/{}": {"title": "Letter"},
    "PATCH /v1/practice/document-settings": {"clinical_years": 12},
    "PATCH /v1/practice/documents/{}": {"title": "Directions"},
    "POST /v1/practice/documents": {"title": "Directions"},
    "POST /v1/me/documents": {"title": "Letter"},
    "POST /v1/me/documents/uploads": {**DECLARED, "title": "Letter"},
    "POST /v1/clients/{}/documents/uploads": {**DECLARED, "shared": True},
    "PUT /v1/uploads/{}": {},
    "POST /v1/locations": _name,
    "PATCH /v1/locations/{}": {"directions": "Ring twice."},
    "POST /v1/locations/{}/rooms": _name,
    "PATCH /v1/rooms/{}": _name,
    "POST /v1/services": lambda house: {**_name(house), "duration_minutes": 50, "modes": ["video"]},
    "PATCH /v1/services/{}": {"buffer_after_minutes": 10},
    "PUT /v1/practitioners/{}/availability": {"windows": [{"weekday": "monday", "start": "09:00", "end": "17:00"}]},
    "POST /v1/practitioners/{}/time-off": {"starts_at": "2030-01-01T09:00Z", "ends_at": "2030-01-02T09:00Z"},
    "PATCH /v1/practice/reminders": {"offsets_minutes": [1440, 60]},
    "PUT /v1/me/reminders": {"channels": ["email"]},
    "PUT /v1/clients/{}/reminders": {"channels": []},
    "POST /v1/me/calendar-feed": {},
    "PATCH /v1/me/calendar-feed": {"privacy": "first_name"},
    "POST /v1/practitioners/{}/busy-calendars": lambda _house: {"url": f"http://127.0.0.1:9/{token_hex(8)}.ics"},
    "POST /v1/documents/{}/signature-request": {"signers": ["client"]},
    "POST /v1/documents/{}/sign": SIGNED,
    "POST /v1/me/documents/{}/sign": SIGNED,
    "POST /v1/me/documents/{}/decline": {},
    "POST /v1/signatures/verify": {"sha256": "0" * 64},
    "POST /v1/clients/{}/treatment-plans": {"title": "Treatment plan", "goals": [GOAL]},
    "PATCH /v1/treatment-plans/{}": {"summary": "Feel safe in public places again."},
    "POST /v1/treatment-plans/{}/sign": SIGNED,
    "POST /v1/treatment-plans/{}/discontinue": {},
    "POST /v1/me/treatment-plans/{}/sign": SIGNED,
    "POST /v1/me/treatment-plans/{}/decline": {},
    "POST /v1/me/appointments/{}/join": {},
    "POST /v1/me/appointments/{}/presence": lambda _house: {"participant_id": str(uuid4()), "state": "left"},
    "POST /v1/appointments/{}/join": {},
    "POST /v1/appointments/{}/admit": {},
    "POST /v1/appointments/{}/remove": lambda _house: {"participant_ids": [str(uuid4())]},
    "POST /v1/appointments/{}/presence": lambda _house: {"participant_id": str(uuid4()), "state": "left"},
    "POST /v1/appointments": _booking,
    "PATCH /v1/appointments/{}": {"note": "Ring twice."},
    "POST /v1/appointments/{}/reschedule": {"starts_at": "2030-01-01T09:00Z"},
    "POST /v1/appointments/{}/cancel": {},
    "POST /v1/appointment-series": _booked_series,
    "POST /v1/me/appointments/{}/cancel": {},
    "POST /v1/me/appointments/{}/reschedule": {"starts_at": "2030-01-01T09:00Z"},
    "POST /v1/threads": _written,
    "POST /v1/threads/{}/messages": {"body": "Yes."},
    "PATCH /v1/messages/{}": {"body": "No."},
    "PATCH /v1/me/messages/{}": {"body": "May I come earlier?"},
    "POST /v1/threads/{}/participants": _participant,
    "POST /v1/threads/{}/read": {},
    "POST /v1/me/threads": {"subject": "Tuesday", "body": "May I come later?"},
    "POST /v1/me/threads/{}/messages": {"body": "Thank you."},
    "POST /v1/me/threads/{}/read": {},
    "PATCH /v1/practice/messaging": {"expected_response_hours": 48},
    "PUT /v1/practice/staff/{}/out-of-office": {
        "starts_at": "2031-03-03T12:00:00Z",
        "ends_at": "2031-03-10T12:00:00Z",
        "reply": "I am away until Monday.",
    },
    "POST /v1/clients/{}/reset-second-factor": {},
    "POST /v1/practice/staff/{}/reset-second-factor": {},
    "POST /v1/prospects/{}/associate": _association,
    "POST /v1/prospects/{}/create-client": {},
    "POST /v1/prospects/{}/dissociate": {},
    "POST /v1/prospects/{}/reject": {},
    "POST /v1/prospects/{}/restore": {},
    "POST /v1/prospects/{}/verify": {},
}

NEEDS_A_CODE = {"POST /v1/me/second-factor/confirm"}
"""Refuse every fixed example: only an authenticator knows what they accept (tests/api/auth)."""


async def _slots(house: House) -> Body:
    return {"service_id": str(await house.service(client_bookable=True)), "from": "2031-03-03", "to": "2031-03-04"}


async def _explained(house: House) -> Body:
    service_id, practitioner_id = await house.service(), await _staff(house)
    asked = {"service_id": str(service_id), "practitioner_id": str(practitioner_id)}
    return asked | {"starts_at": "2031-03-03T09:00:00Z"}


async def _archived(house: House) -> Body:
    return {"ids": str(await house.document(await house.newest_client()))}


FILE = ("letter.pdf", b"%PDF-1.4")
"""What comes with the fields of a form; an operation that takes one has its fields in BODIES."""
QUERIES: dict[str, Body | Callable[[House], Awaitable[Body]]] = {
    "GET /v1/clients/{}/documents/archive": _archived,
    "GET /v1/me/documents/archive": _archived,
    "GET /v1/me/slots": _slots,
    "GET /v1/portals/{}/slots": _slots,
    "GET /v1/practice/portal/link-availability": {"slug": "quiet-harbor"},
    "GET /v1/slots": _slots,
    "GET /v1/slots/explain": _explained,
    "GET /v1/stream": {"follow": "false"},
}
"""Query parameters that an operation needs; or a function that makes them, and what they name."""
