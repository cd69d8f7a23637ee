"""What the demo's client finds in the portal, and a child with a parent: made through the API, like the rest."""

from portal_api.cli.demo_gardener import Gardener
from portal_api.cli.demo_logins import PARENT

FORMS = ("consent-telehealth", "phq-9")
CHILD = {"given_name": "Nell", "family_name": "Inland", "date_of_birth": "2014-05-02"}
GUARDIAN = {
    "given_name": "Ruth",
    "family_name": "Inland",
    "email": PARENT,
    "relationship": "mother",
    "permissions": [
        "appointments.view",
        "documents.upload",
        "documents.view",
        "forms.complete",
        "forms.sign",
        "messages",
    ],
}
LETTER = b"""How to find us

The practice is on the second floor, above the chandler. Ring twice; the lift is behind the stairs.
If you are early, there is tea in the waiting room.
"""


async def plant(gardener: Gardener) -> None:
    """Forms to fill in and to sign, a document, a message; and who acts for a child. Raises Refused."""
    client = await gardener.client()
    await _give_forms(gardener, client["id"])
    shared = {"title": "How to find us", "shared": "true"}
    path = f"/v1/clients/{client['id']}/documents"
    await gardener.send("POST", path, shared, file=("how-to-find-us.txt", LETTER))
    message = {"subject": "Welcome", "body": "Good to have you here. Write to us whenever something is unclear."}
    await gardener.send("POST", "/v1/threads", message | {"client_id": client["id"], "audience": "administrative"})
    await _add_child(gardener, client["practitioner_ids"])


async def _give_forms(gardener: Gardener, client_id: str) -> None:
    for key in FORMS:
        templates = (await gardener.send("GET", f"/v1/form-templates?q={key}&system=true"))["data"]
        template_id = next(template["id"] for template in templates if template["key"] == key)
        path = f"/v1/clients/{client_id}/form-assignments"
        await gardener.send("POST", path, {"form_template_id": template_id}, key=key)


async def _add_child(gardener: Gardener, practitioner_ids: list[str]) -> None:
    child = await gardener.send("POST", "/v1/clients", CHILD | {"practitioner_ids": practitioner_ids}, key="child")
    guardian = await gardener.send("POST", f"/v1/clients/{child['id']}/guardians", GUARDIAN)
    await gardener.send("POST", f"/v1/guardians/{guardian['id']}/invitations")
    accepted = {"token": await gardener.mailed_token(PARENT), "password": gardener.passwords[PARENT]}
    await gardener.send("POST", "/v1/invitations/accept", accepted, key="parent")
