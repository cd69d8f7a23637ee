"""The second walkthrough: credentials that staff set, and people who sign up themselves."""

from typing import Any

from tests.journeys.people import People, expect
from tests.world import PASSWORD, Caller

NEW_PASSWORD = "another calm boat on lake 9"


async def test_a_starter_password_must_be_changed_before_anything_else(people: People) -> None:
    """F3.M5."""
    owner, slug = await people.open_practice()
    email = people.address("client")
    client = await people.add_client(owner)
    body = {"email": email, "generate": True}
    starter = expect(await owner.put(f"/v1/clients/{client['id']}/credentials", body))["starter_password"]

    signed_in = await people.sign_in(slug, email, starter)
    assert signed_in.account["must_change_password"]
    refused = expect(await signed_in.get("/v1/me/capabilities"), 403)
    assert refused["code"] == "password_change_required"
    change = {"current_password": starter, "new_password": NEW_PASSWORD}
    expect(await signed_in.put("/v1/me/password", change), 204)
    again = await people.sign_in(slug, email, NEW_PASSWORD)
    assert not again.account["must_change_password"]
    expect(await again.get("/v1/me/capabilities"))
    body = {"practice": slug, "email": email, "password": starter}
    await people.send("POST", "/v1/auth/login", body, status=401)


async def test_who_signs_up_is_verified_by_staff_and_tied_to_a_client(people: People) -> None:
    """F4.M1, F4.M3, F5.M1, F5.M2: staff skip the mail, then associate."""
    owner, slug = await people.open_practice(allow_client_signup=True)
    email = people.address("prospect")
    await _sign_up(people, slug, email)
    prospect = await _prospect(owner, email)
    assert prospect["state"] == "new"
    verified = expect(await owner.post(f"/v1/prospects/{prospect['id']}/verify"))
    assert verified["state"] == "verified"

    client = await people.add_client(owner, given_name="Noor", family_name="Prospect")
    associated = expect(await owner.post(f"/v1/prospects/{prospect['id']}/associate", {"client_id": client["id"]}))
    assert associated["state"] == "associated"
    signed_in = await people.sign_in(slug, email)
    me = expect(await signed_in.get("/v1/me"))
    assert [profile["client_id"] for profile in me["profiles"]] == [client["id"]]


async def test_who_signs_up_verifies_by_mail_and_becomes_a_new_client(people: People) -> None:
    """F4.M2, F5.M3: the prefilled record needs nothing typed again."""
    owner, slug = await people.open_practice(allow_client_signup=True)
    email = people.address("prospect")
    await _sign_up(people, slug, email)
    token = await people.postbox.token(email)
    await people.send("POST", "/v1/auth/email-verification", {"token": token}, status=204)
    await people.send("POST", "/v1/auth/email-verification", {"token": token}, status=410)

    prospect = await _prospect(owner, email)
    assert prospect["state"] == "verified"
    client = expect(await owner.post(f"/v1/prospects/{prospect['id']}/create-client", {}), 201)
    assert (client["given_name"], client["email"]) == ("Noor", email)
    signed_in = await people.sign_in(slug, email)
    me = expect(await signed_in.get("/v1/me"))
    assert [profile["client_id"] for profile in me["profiles"]] == [client["id"]]


async def test_a_verification_sent_again_says_the_same_for_everybody(people: People) -> None:
    """F4.M2, A07: known, unknown and too soon cannot be told apart."""
    _owner, slug = await people.open_practice(allow_client_signup=True)
    email = people.address("prospect")
    await _sign_up(people, slug, email)
    await people.postbox.token(email)
    path = "/v1/auth/email-verification/resend"
    known = await people.http.post(path, json={"practice": slug, "email": email})
    unknown = await people.http.post(path, json={"practice": slug, "email": people.address("nobody")})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 202


async def _sign_up(people: People, slug: str, email: str) -> None:
    body = {"email": email, "password": PASSWORD, "given_name": "Noor", "family_name": "Prospect"}
    await people.send("POST", f"/v1/portals/{slug}/signup", body, status=202)


async def _prospect(owner: Caller, email: str) -> dict[str, Any]:
    waiting = expect(await owner.get("/v1/prospects"))["data"]
    return next(prospect for prospect in waiting if prospect["email"] == email)
