"""Documents that were shared are signed too: in order, until a day, or refused (F9.B3)."""

import hashlib
from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.signatures.signing import SigningDesk, refusal, text_of, verify
from tests.people import client_login, colleague
from tests.world import Caller

MINE, STAFFS = "/v1/me/documents", "/v1/documents"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SIGN = {"printed_name": "Grace Client", "agree": True}
Json = dict[str, Any]


async def put(desk: SigningDesk, *, shared: bool = True, name: str = "release.pdf", **fields: str) -> Json:
    response = await desk.owner.request(
        "POST",
        f"/v1/clients/{desk.client_id}/documents",
        files={"file": (name, PDF)},
        data={"title": "Release", "shared": str(shared).lower()} | fields,
    )
    assert response.status_code == 201, response.text
    return dict(response.json())


async def asked(desk: SigningDesk, *signers: str, **fields: Any) -> Json:
    """A document that signatures are asked for on."""
    document = await put(desk)
    response = await request(desk.owner, document, *signers, **fields)
    assert response.status_code == 201, response.text
    return document


async def request(by: Caller, document: Json, *signers: str, **fields: Any) -> Any:
    body = {"signers": list(signers or ("client",))} | fields
    return await by.post(f"{STAFFS}/{document['id']}/signature-request", body)


async def sign(caller: Caller, document: Json, base: str = MINE, **fields: Any) -> Any:
    return await caller.post(f"{base}/{document['id']}/sign", SIGN | fields)


async def test_who_comes_next_is_told(desk: SigningDesk) -> None:
    """F9.B3: where they sign in order; else all were asked from the start."""
    client = await desk.portal()
    for in_order in (True, False):
        document = await asked(desk, "client", "practitioner", in_order=in_order)
        assert (await sign(client, document)).status_code == 200
    await desk.world.run_jobs()
    notices = (await desk.owner.get("/v1/me/notifications")).json()["data"]
    assert [notice["event_type"] for notice in notices] == ["document.awaits_cosignature"]


async def test_the_file_is_signed_as_it_is(desk: SigningDesk, sql: Any) -> None:
    client, document = await desk.portal(), await asked(desk)
    shown = (await client.get(f"{MINE}/{document['id']}/signing")).json()
    assert shown["paper"] == {
        "title": "Release",
        "media_type": "application/pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "content": None,
    }
    assert (shown["may_sign"], shown["acts_as"]) == (True, "for myself")
    signed = (await sign(client, document)).json()
    assert (signed["state"], signed["signing_state"]) == ("complete", "complete")
    kept = "SELECT document_sha256 FROM signature WHERE client_id = %s"
    assert sql(kept, desk.client_id) == [(document["sha256"],)]


async def test_it_stays_while_it_is_asked_for_and_once_it_is_signed(desk: SigningDesk) -> None:
    """A48, F9.B4: until its years are over, whoever asks."""
    client, document = await desk.portal(), await asked(desk)
    path = f"{STAFFS}/{document['id']}"
    assert refusal(await desk.owner.delete(path)) == (409, "document_in_use")
    assert (await sign(client, document)).status_code == 200
    assert refusal(await desk.owner.delete(path)) == (409, "retained")
    for shorter in ("none", "administrative"):
        assert refusal(await desk.owner.patch(path, {"retention_class": shorter})) == (409, "document_in_use")
    assert refusal(await desk.owner.delete(path)) == (409, "retained")


async def test_it_goes_once_nobody_is_asked_any_more(desk: SigningDesk) -> None:
    document = await asked(desk)
    path = f"{STAFFS}/{document['id']}"
    assert (await desk.owner.post(f"{path}/signature-request/cancel")).status_code == 200
    assert (await desk.owner.delete(path)).status_code == 204


async def test_the_certificate_is_a_paper_of_its_own(desk: SigningDesk) -> None:
    client, document = await desk.portal(), await asked(desk)
    path = f"{MINE}/{document['id']}/certificate"
    assert refusal(await client.get(path)) == (409, "not_signed")
    await sign(client, document)
    certificate = (await client.get(path)).content
    assert document["sha256"] in text_of(certificate)
    assert "Grace Client, for myself" in text_of(certificate)
    assert (await verify(desk.world, certificate))["valid"] is True
    assert (await verify(desk.world, PDF))["valid"] is False  # anybody may have the same file
    assert (await desk.owner.get(f"{STAFFS}/{document['id']}/certificate")).content == certificate


async def test_what_is_signed_is_kept(desk: SigningDesk) -> None:
    """A48"""
    client, document = await desk.portal(), await asked(desk)
    await sign(client, document)
    refused = await desk.owner.delete(f"{STAFFS}/{document['id']}")
    assert refusal(refused) == (409, "retained")


async def test_nobody_signs_what_nobody_asked_for(desk: SigningDesk) -> None:
    client, document = await desk.portal(), await put(desk)
    shown = (await client.get(f"{MINE}/{document['id']}/signing")).json()
    assert (shown["signing_state"], shown["may_sign"], shown["may_not_sign_because"]) == (
        "not_begun",
        False,
        "not_asked",
    )
    assert refusal(await sign(client, document)) == (409, "not_asked_to_sign")
    assert refusal(await client.post(f"{MINE}/{document['id']}/decline")) == (409, "not_asked_to_sign")


async def test_they_sign_in_order_or_in_any(desk: SigningDesk) -> None:
    client = await desk.portal()
    ordered = await asked(desk, "practitioner", "client")
    assert refusal(await sign(client, ordered)) == (409, "not_your_turn")
    assert (await sign(desk.owner, ordered, STAFFS)).json()["signing_state"] == "open"
    assert (await sign(client, ordered)).json()["signing_state"] == "complete"
    either = await asked(desk, "practitioner", "client", in_order=False)
    assert (await sign(client, either)).json()["signing_state"] == "open"
    assert (await sign(desk.owner, either, STAFFS)).json()["signing_state"] == "complete"


async def test_a_refusal_ends_it(desk: SigningDesk) -> None:
    client, document = await desk.portal(), await asked(desk)
    declined = (await client.post(f"{MINE}/{document['id']}/decline", {"reason": "Not this."})).json()
    assert (declined["signing_state"], declined["decisions"][0]["reason"]) == ("declined", "Not this.")
    assert refusal(await sign(client, document)) == (409, "invalid_state")


async def test_who_is_not_asked_does_not_refuse_it(desk: SigningDesk) -> None:
    client, document = await desk.portal(), await asked(desk, "practitioner")
    assert refusal(await client.post(f"{MINE}/{document['id']}/decline")) == (409, "not_asked_to_sign")
    assert (await sign(desk.owner, document, STAFFS)).json()["signing_state"] == "complete"


async def test_after_the_day_nobody_signs_and_it_can_be_asked_again(desk: SigningDesk, sql: Any) -> None:
    client = await desk.portal()
    document = await asked(desk, expires_on="2100-01-01")
    sql("UPDATE signature_request SET expires_at = now() - interval '1 second' WHERE client_id = %s", desk.client_id)
    late = await sign(client, document)
    assert (refusal(late), late.json()["state"]) == ((409, "invalid_state"), "expired")
    shown = (await client.get(f"{MINE}/{document['id']}/signing")).json()
    assert (shown["signing_state"], shown["may_not_sign_because"]) == ("expired", "ended")
    assert (await request(desk.owner, document)).status_code == 201
    assert (await sign(client, document)).json()["signing_state"] == "complete"


async def test_a_request_is_taken_back(desk: SigningDesk) -> None:
    client, document = await desk.portal(), await asked(desk)
    assert refusal(await request(desk.owner, document)) == (409, "signatures_requested")
    path = f"{STAFFS}/{document['id']}/signature-request/cancel"
    assert (await desk.owner.post(path)).json()["signing_state"] == "not_begun"
    assert refusal(await desk.owner.post(path)) == (409, "invalid_state")
    assert refusal(await sign(client, document)) == (409, "not_asked_to_sign")
    assert (await request(desk.owner, document)).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"signers": []}, "/signers"),
        ({"signers": ["client", "client"]}, "/signers"),
        ({"signers": ["owner"]}, "/signers/0"),
        ({"signers": ["client"], "expires_on": "2020-01-01"}, "/expires_on"),
        ({"signers": ["client"], "state": "complete"}, "/state"),
    ],
)
async def test_bad_input_names_its_field(desk: SigningDesk, body: Json, pointer: str) -> None:
    refused = await desk.owner.post(f"{STAFFS}/{(await put(desk))['id']}/signature-request", body)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


async def test_what_is_not_shared_is_not_put_before_a_client(desk: SigningDesk) -> None:
    refused = await request(desk.owner, await put(desk, shared=False))
    assert (refusal(refused), refused.json()["state"]) == ((409, "invalid_state"), "not_shared")


async def test_it_is_not_there_for_anybody_else(desk: SigningDesk) -> None:
    """A16, A48"""
    document, other = await asked(desk), await desk.world.client(desk.owner)
    stranger = await client_login(desk.world, desk.practice, other["id"])
    practitioner, _ = await colleague(desk.world, desk.practice, Role.PRACTITIONER)
    for caller, base in ((stranger, MINE), (practitioner, STAFFS)):
        assert refusal(await caller.get(f"{base}/{document['id']}/signing")) == (404, "not_found")
        assert refusal(await caller.get(f"{base}/{document['id']}/certificate")) == (404, "not_found")
        assert refusal(await sign(caller, document, base)) == (404, "not_found")
    viewer = await desk.parent("documents.view")
    assert (await viewer.get(f"{MINE}/{document['id']}/signing")).json()["may_not_sign_because"] == "not_permitted"
    assert refusal(await sign(viewer, document)) == (403, "forbidden")
