"""A child's record with one of each thing that may be kept from somebody, and who might look for it.

Each thing is made the way people make it, over HTTP, and carries a word that nothing else has.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

import httpx

from portal_api.core.access import GrantPermission
from tests.api.documents.shelf import PDF
from tests.api.forms.desk import definition
from tests.api.signatures.signing import CONSENT
from tests.cast import House
from tests.entry import open_practice
from tests.people import client_login, guardian
from tests.world import Caller, Practice, World

P = GrantPermission
CONFIDENTIAL, OTHERS, NOT_PERMITTED, OPEN = "confidential", "another's", "not permitted", "open"
"""How a thing is kept from the parent: by its own mark, as the other parent's, by what the parent may do; or not."""
FEATURES = ("appointment_cancellation", "appointment_requests", "client_uploads", "secure_messaging", "video")
SIGNED = {"printed_name": "Grace Client", "agree": True}
NOON = "2031-03-03T12:00:00Z"
Sql = Callable[..., list[Any]]


@dataclass
class Thing:
    """`ids`: by the name of the path parameter. `words`: what it says and nothing else does. `reader`: who sees it."""

    ids: dict[str, str]
    words: list[str]
    reader: Caller


@dataclass
class Record:
    world: World
    practice: Practice
    client_id: str
    service_id: str
    sql: Sql
    teen: Caller
    parent: Caller
    """From whom things are kept."""
    other: Caller
    """The parent who lives elsewhere."""

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def house(self) -> House:
        return House(self.world.app, self.world.http, UUID(self.practice.id))

    def author(self, kept: str) -> Caller:
        """Who makes a thing that is kept so: what is open to the parent, the parent's own."""
        return {CONFIDENTIAL: self.teen, OTHERS: self.other, OPEN: self.parent, NOT_PERMITTED: self.teen}[kept]

    async def may(self, *permissions: GrantPermission) -> None:
        """From now on the parent may do this."""
        self.sql(
            "UPDATE client_grant SET permissions = %s WHERE account_id = %s",
            [each.value for each in permissions],
            self.parent.account["id"],
        )

    async def filled(self, form: dict[str, Any], by: Caller, answers: dict[str, Any]) -> None:
        path = f"/v1/me/forms/{form['id']}"
        done(await by.patch(path, {"answers": answers}))
        done(await by.post(f"{path}/submit"))

    async def given(self, template_id: str, kept: str) -> dict[str, Any]:
        body: dict[str, Any] = {"form_template_id": template_id, "confidential": kept == CONFIDENTIAL}
        if kept == OTHERS:
            body["for_account_id"] = self.other.account["id"]
        return done(await self.owner.post(f"/v1/clients/{self.client_id}/form-assignments", body))

    async def template(self, *items: dict[str, Any], **fields: Any) -> str:
        body = {"kind": "intake", "title": "Before we meet", "definition": definition(*items)} | fields
        made = done(await self.owner.post("/v1/form-templates", body))
        done(await self.owner.post(f"/v1/form-templates/{made['id']}/publish"))
        return str(made["id"])

    async def upload(self, by: Caller, path: str, name: str, **fields: Any) -> dict[str, Any]:
        data = {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()}
        return done(await by.request("POST", path, files={"file": (f"{name}.pdf", PDF)}, data=data))


async def open_record(world: World, sql: Sql) -> Record:
    practice = await open_practice(world)
    done(await practice.owner.patch("/v1/practice/features", dict.fromkeys(FEATURES, True)))
    service = {"name": "Session", "duration_minutes": 50, "modes": ["video"], "client_bookable": True}
    service_id = done(await practice.owner.post("/v1/services", service))["id"]
    client_id = (await world.client(practice.owner, practitioner_ids=[practice.staff_id]))["id"]
    people = [
        await client_login(world, practice, client_id),
        await guardian(world, practice, client_id),
        await guardian(world, practice, client_id),
    ]
    return Record(world, practice, client_id, service_id, sql, *people)


def done(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.text}"
    made: dict[str, Any] = response.json() if response.content else {}
    return made


def word(begins: str = "Canary") -> str:
    return f"{begins}{token_hex(6)}"


async def appointment(record: Record, kept: str) -> Thing:
    body = {
        "client_id": record.client_id,
        "practitioner_id": record.practice.staff_id,
        "service_id": record.service_id,
        "starts_at": NOON,
        "mode": "video",
        "confidential": kept == CONFIDENTIAL,
    }
    made = done(await record.owner.post("/v1/appointments", body))
    return Thing({"appointment_id": made["id"]}, [made["id"]], record.author(kept))


async def request(record: Record, kept: str) -> Thing:
    whose = (record.practice.staff_id, record.service_id, record.client_id)
    made = await record.house.request(*map(UUID, whose), datetime.fromisoformat(NOON) + timedelta(days=1))
    record.sql("UPDATE appointment_request SET confidential = %s WHERE id = %s", kept == CONFIDENTIAL, made)
    return Thing({"request_id": str(made)}, [str(made)], record.author(kept))


async def form(record: Record, kept: str) -> Thing:
    """A form that was signed, and so left a paper among the documents."""
    title, answer = word("Form"), word()  # the practice's forms are no secret among its staff
    template_id = await record.template(*CONSENT, kind="consent", title=title, signers=["client"])
    made, author = await record.given(template_id, kept), record.author(kept)
    await record.filled(made, author, {"mode": "v", "name": answer})
    done(await author.post(f"/v1/me/forms/{made['id']}/sign", SIGNED))
    return Thing({"form_assignment_id": made["id"]}, [made["id"], title, answer], author)


async def assessment(record: Record, kept: str) -> Thing:
    """One whose answers have raised an alert."""
    found = done(await record.owner.get("/v1/form-templates", params={"q": "phq-9", "system": "true"}))["data"]
    template_id = next(template["id"] for template in found if template["key"] == "phq-9")
    made, author = await record.given(template_id, kept), record.author(kept)
    await record.filled(made, author, {f"q{n}": 3 for n in range(1, 10)})
    return Thing({"form_assignment_id": made["id"]}, [made["id"]], author)


async def document(record: Record, kept: str) -> Thing:
    """One that staff have put there and that was signed, or what another guardian gave the practice."""
    title, author = word(), record.author(kept)
    if kept == OTHERS:
        made = await record.upload(author, "/v1/me/documents", word(), title=title)
        return Thing({"document_id": made["id"]}, [made["id"], title], author)
    path = f"/v1/clients/{record.client_id}/documents"
    made = await record.upload(record.owner, path, word(), title=title, shared=True, confidential=kept == CONFIDENTIAL)
    done(await record.owner.post(f"/v1/documents/{made['id']}/signature-request", {"signers": ["client"]}))
    done(await author.post(f"/v1/me/documents/{made['id']}/sign", SIGNED))
    return Thing({"document_id": made["id"]}, [made["id"], title], author)


async def upload(record: Record, kept: str) -> Thing:
    """What somebody gave the practice."""
    title, author = word(), record.author(kept)
    given = {"confidential": True} if kept == CONFIDENTIAL else {}
    made = await record.upload(author, "/v1/me/documents", word(), title=title, **given)
    return Thing({"document_id": made["id"]}, [made["id"], title], author)


async def thread(record: Record, kept: str) -> Thing:
    """With a file, an answer, and somebody who reads."""
    subject, body, author = word(), word(), record.author(kept)
    file = await record.upload(author, "/v1/me/documents", word(), title=word())
    made = done(
        await author.post("/v1/me/threads", {"subject": subject, "body": body, "document_ids": [file["id"]]}),
    )
    done(await record.owner.post(f"/v1/threads/{made['id']}/messages", {"body": word()}))
    ids = {"thread_id": made["id"], "attachment_id": file["id"], "own_message_id": made["last_message"]["id"]}
    return Thing(ids, [made["id"], subject, body], author)


async def treatment_plan(record: Record, kept: str) -> Thing:
    title, goal, author = word(), word(), record.author(kept)
    body = {"title": title, "goals": [{"description": goal}], "confidential": kept == CONFIDENTIAL}
    made = done(await record.owner.post(f"/v1/clients/{record.client_id}/treatment-plans", body))
    done(await record.owner.post(f"/v1/treatment-plans/{made['id']}/share"))
    done(await author.post(f"/v1/me/treatment-plans/{made['id']}/sign", SIGNED))
    return Thing({"treatment_plan_id": made["id"]}, [made["id"], title, goal], author)


async def insurance(record: Record, kept: str) -> Thing:
    number, author = word(), record.author(kept)
    made = done(await author.post("/v1/me/insurance-policies", {"payer": "Harbor Health", "member_id": number}))
    done(await record.owner.post(f"/v1/insurance-policies/{made['id']}/accept"))
    return Thing({"policy_id": made["id"]}, [made["id"], number], author)


async def wish(record: Record, kept: str) -> Thing:
    """Something to be changed in the chart, which staff turn down."""
    street, author = word(), record.author(kept)
    done(await author.patch("/v1/me/profile", {"address": {"line1": street, "city": "Harbor", "country": "US"}}))
    changes = done(await record.owner.get("/v1/client-changes"))["data"]
    for change in changes if kept != OPEN else ():
        done(await record.owner.post(f"/v1/client-changes/{change['id']}/reject", {"reason": "We shall ask."}))
    return Thing({}, [street], author)


async def onboarding(record: Record, kept: str) -> Thing:
    """Its one step is a text to read."""
    title = word()
    step = {"key": "rules", "kind": "statement", "title": title, "text": "Please be on time."}
    done(await record.owner.patch("/v1/practice/onboarding", {"steps": [step]}))
    done(await record.owner.post(f"/v1/clients/{record.client_id}/onboarding"))
    return Thing({}, [title], record.author(kept))


@dataclass(frozen=True)
class Kind:
    """`needs`: the permissions of which any shows it. `opens`: below the thing's own path, what its reader gets."""

    name: str
    make: Callable[[Record, str], Awaitable[Thing]]
    needs: tuple[GrantPermission, ...]
    kept: tuple[str, ...]
    opens: tuple[str, ...] = ()
    clinical: bool = True
    own: bool = False
    """Its author sees it by being its author, whatever else they may do."""

    def __str__(self) -> str:
        return self.name


FORMS, PLANS = "/v1/me/forms/{form_assignment_id}", "/v1/me/treatment-plans/{treatment_plan_id}"
DOCUMENTS, THREADS = "/v1/me/documents/{document_id}", "/v1/me/threads/{thread_id}"
APPOINTMENTS = "/v1/me/appointments/{appointment_id}"
KINDS = (
    Kind(
        "appointment",
        appointment,
        (P.APPOINTMENTS_VIEW, P.VIDEO_JOIN),
        (CONFIDENTIAL,),
        (APPOINTMENTS, f"{APPOINTMENTS}/ics"),
        clinical=False,
    ),
    Kind(
        "appointment request",
        request,
        (P.APPOINTMENTS_VIEW, P.APPOINTMENTS_BOOK),
        (CONFIDENTIAL,),
        ("/v1/me/appointment-requests/{request_id}",),
        clinical=False,
    ),
    Kind(
        "form",
        form,
        (P.DOCUMENTS_VIEW, P.FORMS_COMPLETE, P.FORMS_SIGN),
        (CONFIDENTIAL, OTHERS),
        (FORMS, f"{FORMS}/signing", f"{FORMS}/pdf"),
    ),
    Kind("assessment", assessment, (P.FORMS_COMPLETE, P.FORMS_SIGN), (CONFIDENTIAL, OTHERS), (FORMS,)),
    Kind(
        "document",
        document,
        (P.DOCUMENTS_VIEW,),
        (CONFIDENTIAL,),
        (DOCUMENTS, f"{DOCUMENTS}/content", f"{DOCUMENTS}/signing", f"{DOCUMENTS}/certificate"),
    ),
    Kind("upload", upload, (), (CONFIDENTIAL, OTHERS), (DOCUMENTS, f"{DOCUMENTS}/content"), own=True),
    Kind(
        "thread",
        thread,
        (P.MESSAGES,),
        (CONFIDENTIAL, OTHERS),
        (THREADS, f"{THREADS}/messages", f"{THREADS}/attachments/{{attachment_id}}/content"),
    ),
    Kind(
        "treatment plan",
        treatment_plan,
        (P.DOCUMENTS_VIEW, P.FORMS_SIGN),
        (CONFIDENTIAL,),
        (PLANS, f"{PLANS}/signing", f"{PLANS}/pdf"),
    ),
    Kind(
        "insurance",
        insurance,
        (P.INSURANCE_ADD,),
        (CONFIDENTIAL, OTHERS),
        ("/v1/me/insurance-policies/{policy_id}",),
        clinical=False,
    ),
    Kind(
        "onboarding",
        onboarding,
        (P.DEMOGRAPHICS_EDIT, P.DOCUMENTS_UPLOAD, P.DOCUMENTS_VIEW, P.FORMS_COMPLETE, P.INSURANCE_ADD),
        (),
        clinical=False,
    ),
    Kind("wish", wish, (P.DEMOGRAPHICS_EDIT,), (CONFIDENTIAL, OTHERS), clinical=False),
)
