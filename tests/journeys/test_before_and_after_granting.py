"""A practice tries its portal as nobody, sees what a parent will see, grants it, and takes it back piece by piece."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.onboarding.people import published_form
from tests.copies import Copy, Objects, listed
from tests.journeys.people import People, expect
from tests.journeys.server import Server
from tests.live import stream
from tests.world import PASSWORD, Caller, Practice

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
GRANTED = ["appointments.view", "documents.view", "forms.complete", "forms.sign"]
OF_THE_ACCOUNT = {"notification", "profile"}
Json = dict[str, Any]


async def test_a_parent_sees_what_staff_saw_before_they_granted_it(people: People, server: Server) -> None:
    """F16.M1, F16.M2, F16.B1, F15.B1, F19.M1, F6.M1, F6.B3."""
    owner, slug = await people.open_practice()
    staff_id = expect(await owner.get("/v1/me"))["staff_id"]
    service = await some_service(owner)

    nobody = expect(await owner.post("/v1/practice/test-client"))
    booked = await book(owner, nobody["id"], staff_id, service, days=3)
    tried = await look(people.http, owner, nobody["id"])
    assert expect(await tried.get("/v1/me/home"))["next_appointment"]["id"] == booked["id"]

    child = await people.add_client(owner, given_name="Nell", family_name="Inland", practitioner_ids=[staff_id])
    assert [each["id"] for each in expect(await owner.get("/v1/clients"))["data"]] == [child["id"]]
    chart = f"/v1/clients/{child['id']}"
    letter, kept_apart = await put(owner, chart, confidential="false"), await put(owner, chart, confidential="true")
    asked = {"signers": ["guardian:any"]}
    expect(await owner.post(f"/v1/documents/{letter['id']}/signature-request", asked), 201)
    template = await published_form(Practice("", owner, "", staff_id), title="Nights", signers=["client"])
    form = expect(await owner.post(f"{chart}/form-assignments", {"form_template_id": template["id"]}), 201)
    coming = await book(owner, child["id"], staff_id, service, days=4)

    before = await seen(await look(people.http, owner, child["id"], permissions=GRANTED, relationship="mother"))
    email = people.address("mother")
    person = {"given_name": "Ruth", "family_name": "Inland", "email": email, "relationship": "mother"}
    guardian = expect(await owner.post(f"{chart}/guardians", person | {"permissions": GRANTED}), 201)
    expect(await owner.post(f"/v1/guardians/{guardian['id']}/invitations"), 201)
    joined = {"token": await people.postbox.token(email), "password": PASSWORD}
    await people.send("POST", "/v1/invitations/accept", joined)
    mother = await people.sign_in(slug, email)
    after = await seen(mother)
    assert before == after
    assert after["document"].keys() == {letter["id"]}
    assert kept_apart["id"] not in str(after)
    assert [item["kind"] for item in after["home"]["waiting"]] == ["document_signature", "form"]
    assert after["home"]["next_appointment"]["id"] == coming["id"]
    looking = await look(people.http, owner, child["id"], guardian_id=guardian["id"])
    assert await seen(looking) == after

    phone, tag = Copy(mother), (await mother.get("/v1/me/home")).headers["etag"]
    await phone.sync()
    assert (await mother.get("/v1/me/home", headers={"If-None-Match": tag})).status_code == 304
    async with stream(people.http, mother.access_token) as reading:
        fewer = {"permissions": [each for each in GRANTED if each != "documents.view"]}
        expect(await owner.patch(f"{chart}/guardians/{guardian['id']}", fewer))
        assert (await reading.until("reset"))["reason"] == "access_changed"
        await phone.sync()
        assert ("document", letter["id"]) in phone.tombstones
        expect(await owner.patch(f"/v1/form-assignments/{form['id']}", {"confidential": True}))
        await reading.until("form.updated")
        await phone.sync()
        assert [gone for gone in phone.tombstones if gone[0] != "notification"] == [("form_assignment", form["id"])]
        assert of_others(phone.objects) == of_others(await listed(mother))
        changed = await mother.get("/v1/me/home", headers={"If-None-Match": tag})
        assert {item["kind"] for item in expect(changed)["waiting"]} <= {"onboarding"}
        expect(await owner.delete(f"{chart}/guardians/{guardian['id']}"), 204)
        await reading.ends()
    for path in ("/v1/sync", "/v1/stream", "/v1/me/home"):
        assert (await mother.get(path)).json()["code"] == "no_portal_access"

    events = expect(await owner.get("/v1/audit-events", params={"client_id": child["id"], "type": "preview.begun"}))
    assert [event["details"] for event in events["data"]] == [{"relationship": "mother"}] * 2
    assert "Nell" not in server.log


async def look(http: httpx.AsyncClient, owner: Caller, client_id: str, **body: Any) -> Caller:
    begun = expect(await owner.post(f"/v1/clients/{client_id}/view-as", body), 201)
    return Caller(http, begun["access_token"], None, {"kind": "client"})


async def seen(caller: Caller) -> Json:
    """What the portal shows of whom the caller acts for, but for the caller and the onboarding of an invitation."""
    shown, copy = of_others(await listed(caller)), Copy(caller)
    await copy.sync()
    assert of_others(copy.objects) == shown
    home = expect(await caller.get("/v1/me/home"))
    for name in ("account", "unread"):
        del home[name]
    home["waiting"] = [item for item in home["waiting"] if item["kind"] != "onboarding"]
    return shown | {"home": home, "capabilities": expect(await caller.get("/v1/me/capabilities"))}


def of_others(objects: dict[str, Objects]) -> dict[str, Objects]:
    """Without the inbox, which a worker fills meanwhile."""
    return {type: items for type, items in objects.items() if type not in OF_THE_ACCOUNT}


async def some_service(owner: Caller) -> str:
    body = {"name": "Session", "duration_minutes": 50, "modes": ["video"], "client_bookable": True}
    made: str = expect(await owner.post("/v1/services", body), 201)["id"]
    return made


async def book(owner: Caller, client_id: str, staff_id: str, service_id: str, days: int) -> Json:
    at = (datetime.now(UTC) + timedelta(days=days)).replace(hour=15, minute=0, second=0, microsecond=0)
    who = {"client_id": client_id, "practitioner_id": staff_id, "service_id": service_id, "mode": "video"}
    starts_at = at.isoformat().replace("+00:00", "Z")
    made: Json = expect(await owner.post("/v1/appointments", who | {"starts_at": starts_at}), 201)
    return made


async def put(owner: Caller, chart: str, **fields: str) -> Json:
    data = {"title": "Letter", "shared": "true"} | fields
    files = {"file": ("letter.pdf", PDF)}
    made: Json = expect(await owner.request("POST", f"{chart}/documents", files=files, data=data), 201)
    return made
