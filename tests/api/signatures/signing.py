"""A practice whose forms are signed, and who signs them."""

import io
from dataclasses import dataclass
from typing import Any

import httpx
from pypdf import PdfReader

from portal_api.core.access import Role
from tests.api.forms.desk import MINE, Desk, open_desk
from tests.entry import supervise
from tests.people import colleague, guardian
from tests.world import Caller, World

Json = dict[str, Any]
VERIFY = "/v1/signatures/verify"
CONSENT: list[Json] = [
    {"key": "risks", "type": "statement", "text": 'Treatment has risks *and* benefits. #read("/etc/passwd")'},
    {"key": "name", "type": "text", "text": "What shall we call you?"},
    {
        "key": "mode",
        "type": "choice",
        "text": "How do we meet?",
        "required": True,
        "options": [{"value": "v", "label": "By video"}, {"value": "p", "label": "In person"}],
    },
    {"key": "sign", "type": "signature", "text": "I consent to treatment."},
]
ANSWERS: Json = {"mode": "v", "name": "Gracie <b>"}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@dataclass
class SigningDesk(Desk):
    """Forms are consents here, signed by the client unless said otherwise."""

    async def consent(self, *signers: str, **fields: Any) -> Json:
        """A consent that the client was given."""
        template = await self.published(
            *CONSENT, kind="consent", title="Consent to treatment", signers=list(signers or ("client",))
        )
        return await self.assign(template, **fields)

    async def handed_in(self, by: Caller, *signers: str, **fields: Any) -> Json:
        """The same, answered and handed in."""
        form = await self.consent(*signers, **fields)
        saved = await by.patch(f"{MINE}/{form['id']}", {"answers": ANSWERS})
        assert saved.status_code == 200, saved.text
        submitted = await by.post(f"{MINE}/{form['id']}/submit")
        assert submitted.json()["state"] == "submitted", submitted.text
        return form

    async def parent(self, *permissions: str) -> Caller:
        return await guardian(self.world, self.practice, self.client_id, *permissions)

    async def all_guardians_sign(self, sql: Any) -> None:
        """What the custody record says."""
        sql(
            "INSERT INTO custody_record (practice_id, client_id, signature_policy) VALUES (%s, %s, 'all_guardians')",
            self.practice.id,
            self.client_id,
        )

    async def practitioner(self, *roles: Role) -> tuple[Caller, str]:
        """A colleague who treats the client too."""
        caller, staff_id = await colleague(self.world, self.practice, *(roles or (Role.PRACTITIONER,)))
        assigned = await self.owner.patch(
            f"/v1/clients/{self.client_id}", {"practitioner_ids": [self.practice.staff_id, staff_id]}
        )
        assert assigned.status_code == 200, assigned.text
        return caller, staff_id

    async def supervisor_of(self, staff_id: str) -> Caller:
        caller, supervisor_id = await colleague(self.world, self.practice, Role.SUPERVISOR)
        await supervise(self.practice, supervisor_id, staff_id)
        return caller


async def open_signing_desk(world: World) -> SigningDesk:
    desk = await open_desk(world)
    return SigningDesk(desk.world, desk.practice, desk.client_id)


async def sign(caller: Caller, form: Json, name: str = "Grace Client", **fields: Any) -> httpx.Response:
    return await caller.post(f"{MINE}/{form['id']}/sign", {"printed_name": name, "agree": True} | fields)


async def signing(caller: Caller, form: Json) -> Json:
    response = await caller.get(f"{MINE}/{form['id']}/signing")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def pdf(caller: Caller, path: str) -> bytes:
    response = await caller.get(f"{path}/pdf")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/pdf"
    return response.content


async def verify(world: World, content: bytes | str) -> Json:
    """Asked by nobody in particular."""
    if isinstance(content, str):
        response = await world.http.post(VERIFY, json={"sha256": content})
    else:
        response = await world.http.post(VERIFY, content=content, headers={"Content-Type": "application/pdf"})
    assert response.status_code == 200, response.text
    return dict(response.json())
