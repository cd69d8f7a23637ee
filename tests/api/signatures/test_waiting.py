"""Documents and treatment plans wait on the first page for whoever is to sign them, exactly while it is their turn."""

from typing import Any

from portal_api.core.access import GrantPermission
from tests.api.signatures import test_documents as documents
from tests.api.signatures.signing import SigningDesk
from tests.api.signatures.test_documents import MINE, STAFFS, asked, put, sign
from tests.api.test_treatment_plans import shared
from tests.world import Caller

Json = dict[str, Any]
ALL = [each.value for each in GrantPermission]


async def waiting(caller: Caller) -> list[Json]:
    response = await caller.get("/v1/me/home")
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["waiting"]
    return [each for each in found if each["kind"] != "onboarding"]


async def waits_for(desk: SigningDesk, *callers: Caller) -> list[list[str]]:
    """The documents that each of them is to sign, which are those that the document itself says they may sign now."""
    found = []
    for caller in callers:
        ids = [each["id"] for each in await waiting(caller)]
        theirs = (await caller.get(MINE)).json()["data"]
        may = [each["id"] for each in theirs if (await caller.get(f"{MINE}/{each['id']}/signing")).json()["may_sign"]]
        assert sorted(ids) == sorted(may)
        found.append(sorted(ids))
    return found


async def test_a_document_until_it_is_signed(desk: SigningDesk) -> None:
    """F9.B3, F15.M1"""
    client, _ = await desk.portal(), await put(desk)
    document = await asked(desk, expires_on="2100-01-01")
    (item,) = await waiting(client)
    assert item == {
        "kind": "document_signature",
        "client_id": desk.client_id,
        "id": document["id"],
        "title": "Release",
        "due_on": "2100-01-01",
        "since": item["since"],
    }
    await sign(client, document)
    assert await waits_for(desk, client) == [[]]


async def test_a_document_that_is_refused_or_not_asked_for_any_more(desk: SigningDesk, sql: Any) -> None:
    client, refused, cancelled = await desk.portal(), await asked(desk), await asked(desk)
    assert await waits_for(desk, client) == [sorted([refused["id"], cancelled["id"]])]
    await client.post(f"{MINE}/{refused['id']}/decline")
    await desk.owner.post(f"{STAFFS}/{cancelled['id']}/signature-request/cancel")
    late, unshared = await asked(desk, expires_on="2100-01-01"), await asked(desk)
    sql("UPDATE signature_request SET expires_at = now() WHERE subject_id = %s", late["id"])
    assert (await desk.owner.post(f"{STAFFS}/{unshared['id']}/unshare")).is_success
    assert await waits_for(desk, client) == [[]]


async def test_a_document_whose_turn_it_is(desk: SigningDesk) -> None:
    client = await desk.portal()
    ordered, either = (
        await asked(desk, "practitioner", "client"),
        await asked(desk, "practitioner", "client", in_order=False),
    )
    assert await waits_for(desk, client) == [[either["id"]]]
    await sign(desk.owner, ordered, STAFFS)
    assert await waits_for(desk, client) == [sorted([ordered["id"], either["id"]])]


async def test_a_document_for_guardians(desk: SigningDesk, sql: Any) -> None:
    """F6.B2, F6.B3, F6.M1: for each, for either, for whom custody has sign; and never what is kept from them."""
    mother, father, payer = await desk.parent(*ALL), await desk.parent(*ALL), await desk.parent("documents.view")
    each, either = await asked(desk, "guardian:each"), await asked(desk, "guardian:any")
    hidden = await documents.put(desk, confidential="true")
    assert (await documents.request(desk.owner, hidden, "guardian:any")).status_code == 201
    both = sorted([each["id"], either["id"]])
    assert await waits_for(desk, mother, father, payer) == [both, both, []]
    for document in (each, either):
        assert (await sign(mother, document)).is_success
    assert await waits_for(desk, mother, father) == [[], [each["id"]]]
    for_the_client = await asked(desk)
    assert (await sign(mother, for_the_client)).json()["signing_state"] == "complete"
    await desk.all_guardians_sign(sql)
    by_all = await asked(desk)
    assert (await sign(mother, by_all)).json()["signing_state"] == "open"
    assert await waits_for(desk, mother, father) == [[], sorted([each["id"], by_all["id"]])]


async def test_a_plan_that_is_put_before_the_client(desk: SigningDesk) -> None:
    """F15.M1"""
    client, reader = await desk.portal(), await desk.parent("documents.view")
    plan = await shared(desk, signers=["practitioner", "client"])
    assert await waiting(client) == []
    signed = {"printed_name": "Ada Harbor", "agree": True}
    assert (await desk.owner.post(f"/v1/treatment-plans/{plan['id']}/sign", signed)).is_success
    (item,) = await waiting(client)
    assert (item["kind"], item["id"], item["title"]) == ("treatment_plan_signature", plan["id"], "Plan for autumn")
    assert await waiting(reader) == []
    assert (await client.post(f"/v1/me/treatment-plans/{plan['id']}/sign", signed)).is_success
    assert await waiting(client) == []
