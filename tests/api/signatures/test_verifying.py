"""Whether a paper is genuine, asked by whoever holds it (F8.B3)."""

import hashlib
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.api.forms.desk import MINE
from tests.api.signatures.signing import VERIFY, SigningDesk, pdf, refusal, sign, verify
from tests.world import Caller

NOTHING: dict[str, Any] = {"valid": False, "practice_name": None, "signed_at": None, "signers": []}


@pytest.fixture
async def signed(desk: SigningDesk) -> bytes:
    """The PDF of a consent that the client has signed."""
    return await copy_of(desk, await desk.portal())


async def copy_of(desk: SigningDesk, client: Caller) -> bytes:
    form = await desk.handed_in(client)
    assert (await sign(client, form, "Grace Olivia Client")).status_code == 200
    return await pdf(client, f"{MINE}/{form['id']}")


async def test_a_signed_paper_is_genuine_by_its_hash_and_by_itself(desk: SigningDesk, signed: bytes) -> None:
    digest = hashlib.sha256(signed).hexdigest()
    by_hash = await verify(desk.world, digest)
    assert by_hash == await verify(desk.world, signed)
    (signer,) = by_hash.pop("signers")
    assert by_hash == {
        "valid": True,
        "sha256": digest,
        "practice_name": "Harbor Therapy",
        "signed_at": signer["signed_at"],
    }
    assert (signer["party"], signer["capacity"], signer["initials"]) == ("client", "self", "G.O.C.")


async def test_it_tells_nothing_of_what_is_in_it(desk: SigningDesk, signed: bytes) -> None:
    response = await desk.world.http.post(VERIFY, content=signed, headers={"Content-Type": "application/octet-stream"})
    for secret in ("Grace", "Olivia", "Consent", "video", desk.client_id):
        assert secret not in response.text


async def test_one_flipped_bit_and_it_is_not(desk: SigningDesk, signed: bytes) -> None:
    for place in (0, len(signed) // 2, len(signed) - 1):
        forged = bytearray(signed)
        forged[place] ^= 1
        answer = await verify(desk.world, bytes(forged))
        assert answer == NOTHING | {"sha256": hashlib.sha256(forged).hexdigest()}


async def test_the_document_as_it_was_shown_is_genuine_too(desk: SigningDesk) -> None:
    client = await desk.portal()
    form = await desk.handed_in(client)
    shown = (await client.get(f"{MINE}/{form['id']}/signing")).json()["paper"]
    assert (await verify(desk.world, shown["sha256"]))["valid"] is False
    await sign(client, form)
    assert (await verify(desk.world, shown["content"].encode()))["valid"] is True


async def test_what_somebody_has_only_uploaded_is_not(desk: SigningDesk) -> None:
    assert (await verify(desk.world, b"%PDF-1.7 a letter"))["valid"] is False
    assert (await verify(desk.world, "0" * 64))["valid"] is False


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE signature SET printed_name = 'Somebody Else' WHERE client_id = %s",
        "UPDATE signature SET signed_at = signed_at - interval '1 year' WHERE client_id = %s",
        "UPDATE signature SET capacity = 'parent' WHERE client_id = %s",
        "UPDATE signature SET document_sha256 = repeat('0', 64) WHERE client_id = %s",
        "UPDATE signature SET seal = decode(repeat('00', 64), 'hex') WHERE client_id = %s",
        "UPDATE signed_copy SET document_id = document_id, made_at = now() WHERE client_id = %s",
        "UPDATE signed_paper SET sha256 = repeat('0', 64) WHERE client_id = %s",
        "UPDATE signature_request SET state = 'declined' WHERE client_id = %s",
    ],
)
async def test_a_row_that_was_changed_past_the_program_is_noticed(
    desk: SigningDesk, signed: bytes, sql: Any, forgery: str
) -> None:
    """A48: by whoever can write to the database, but has not got the key."""
    sql(forgery, desk.client_id)
    assert (await verify(desk.world, signed))["valid"] is False


async def test_a_signature_that_was_added_past_the_program_is_noticed(
    desk: SigningDesk, signed: bytes, sql: Any
) -> None:
    names = [
        name for (name,) in sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'signature'")
    ]
    values = ["gen_random_uuid()" if name == "id" else name for name in names]
    other = sql("SELECT id FROM account WHERE practice_id = %s AND kind = 'staff'", desk.practice.id)[0][0]
    values[names.index("account_id")] = f"'{other}'"
    copied = (
        f"INSERT INTO signature ({', '.join(names)}) SELECT {', '.join(values)} FROM signature WHERE client_id = %s"
    )
    sql(copied, desk.client_id)
    assert (await verify(desk.world, signed))["valid"] is False


@pytest.mark.parametrize("body", [{}, {"sha256": "x"}, {"sha256": "A" * 64}, {"sha256": "0" * 64, "practice": "x"}])
async def test_bad_input_is_refused(desk: SigningDesk, body: Any) -> None:
    assert (await desk.world.http.post(VERIFY, json=body)).status_code == 422


async def test_other_kinds_of_bodies_are_refused(desk: SigningDesk) -> None:
    response = await desk.world.http.post(VERIFY, content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert response.status_code == 415


async def test_nobody_asks_without_end(settings: Settings) -> None:
    app: FastAPI = create_app(settings.model_copy(update={"rate_limit_factor": 2 / 120}))
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app, client=("192.0.2.77", 1))
        async with AsyncClient(transport=transport, base_url="http://portal.test") as http:
            answers = [await http.post(VERIFY, json={"sha256": "0" * 64}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refusal(answers[-1])[1] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) > 0
