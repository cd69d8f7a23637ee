"""The first walkthrough: turn the portal on, choose what clients may do, invite one, and change one's mind."""

from tests.journeys.people import People, expect
from tests.world import PASSWORD

BIRTHDAY = "1990-04-01"


async def test_a_practice_opens_its_portal_and_an_invited_client_signs_in(people: People) -> None:
    """F1.M1, F2.M1, F3.M1, F3.M3: every step with the mail that it sends."""
    owner, slug = await people.open_practice()
    profile = await people.send("GET", f"/v1/portals/{slug}")
    assert profile["name"] == "Harbor Therapy"
    assert not profile["signup_allowed"]
    expect(await owner.patch("/v1/practice/features", {"secure_messaging": True, "client_uploads": True}))

    email = people.address("client")
    client = await people.add_client(owner, email=email, date_of_birth=BIRTHDAY)
    invitation = expect(await owner.post(f"/v1/clients/{client['id']}/invitations", {}), 201)
    assert invitation["state"] == "pending"
    assert (await people.postbox.link(email)).startswith(f"https://{slug}.portal.test/")

    token = await people.postbox.token(email)
    seen = await people.send("POST", "/v1/invitations/lookup", {"token": token})
    assert email not in str(seen)
    acceptance = {"token": token, "password": PASSWORD, "date_of_birth": BIRTHDAY}
    accepted = await people.send("POST", "/v1/invitations/accept", acceptance)
    assert accepted["account"]["kind"] == "client"
    await people.send("POST", "/v1/invitations/accept", acceptance, status=410)

    signed_in = await people.sign_in(slug, email)
    me = expect(await signed_in.get("/v1/me"))
    assert [profile["client_id"] for profile in me["profiles"]] == [client["id"]]
    access = expect(await owner.get(f"/v1/clients/{client['id']}/portal-access"))
    assert access["state"] == "active"


async def test_what_a_practice_switches_off_is_gone_for_clients_at_once(people: People) -> None:
    """F2.M3: the next request knows; nothing is lost."""
    owner, slug = await people.open_practice()
    expect(await owner.patch("/v1/practice/features", {"secure_messaging": True}))
    email = people.address("client")
    client = await people.add_client(owner, email=email)
    expect(await owner.post(f"/v1/clients/{client['id']}/invitations", {}), 201)
    token = await people.postbox.token(email)
    await people.send("POST", "/v1/invitations/accept", {"token": token, "password": PASSWORD})
    signed_in = await people.sign_in(slug, email)

    async def may_write() -> bool:
        (profile,) = expect(await signed_in.get("/v1/me/capabilities"))["profiles"]
        return bool(profile["features"]["secure_messaging"])

    assert await may_write()
    expect(await owner.patch("/v1/practice/features", {"secure_messaging": False}))
    assert not await may_write()

    expect(await owner.post("/v1/practice/portal/disable"))
    await people.send("GET", f"/v1/portals/{slug}", status=404)
    assert (await signed_in.get("/v1/me")).status_code in (401, 403)
    expect(await owner.post("/v1/practice/portal/enable", {}))
    expect(await owner.get(f"/v1/clients/{client['id']}"))
