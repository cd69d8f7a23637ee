"""Client and practice write to each other: live, on devices that were away, by mail, and through the client's eyes."""

from email.message import EmailMessage

from tests.copies import Copy, listed
from tests.journeys.people import People, expect
from tests.journeys.server import Server
from tests.live import stream
from tests.world import PASSWORD, Caller

ASKED, ANSWERED = "Since Sunday I sleep badly again.", "Then let us begin with the nights."
THANKS, SUBJECT = "Thank you, until Tuesday.", "My nights"


async def test_a_conversation_is_seen_by_those_in_it_wherever_they_are(people: People, server: Server) -> None:
    """F12.M1, F12.M5, F12.M6, F12.M10, F14.M1, F16.M2, F19.M1."""
    owner, slug = await people.open_practice()
    expect(await owner.patch("/v1/practice/features", {"secure_messaging": True}))
    email = people.address("client")
    client = await people.add_client(owner, email=email, practitioner_ids=[await own_id(owner)])
    expect(await owner.post(f"/v1/clients/{client['id']}/invitations", {}), 201)
    token = await people.postbox.token(email)
    await people.send("POST", "/v1/invitations/accept", {"token": token, "password": PASSWORD})
    own = await people.sign_in(slug, email)
    phone, desk = Copy(own), Copy(owner)
    for copy in (phone, desk):
        await copy.sync()

    async with stream(people.http, owner.access_token) as for_owner, stream(people.http, own.access_token) as for_own:
        thread = expect(await own.post("/v1/me/threads", {"subject": SUBJECT, "body": ASKED}), 201)
        assert (await for_owner.until("message.sent"))["resource_id"] == thread["id"]
        await for_owner.until("notification.created")
        answer = expect(await owner.post(f"/v1/threads/{thread['id']}/messages", {"body": ANSWERED}), 201)
        await for_own.until("notification.created")
        assert expect(await own.get("/v1/me/home"))["unread"] == {"messages": 1, "notifications": 1}
        expect(await own.post(f"/v1/me/threads/{thread['id']}/read"))
        await for_owner.until("thread.read")
        assert ASKED not in str((for_owner.heard, for_own.heard))

    for caller, copy in ((own, phone), (owner, desk)):
        await copy.sync()
        assert copy.objects == await listed(caller)
        assert copy.objects["thread"][thread["id"]]["last_message"]["body"] == ANSWERED
        assert copy.objects["notification"]

    looking = expect(await owner.post(f"/v1/clients/{client['id']}/view-as"), 201)
    eyes = Caller(people.http, looking["access_token"], None, looking)
    shown = expect(await eyes.get(f"/v1/me/threads/{thread['id']}/messages"))["data"]
    assert [message["body"] for message in shown] == [ANSWERED, ASKED]
    refused = await eyes.post(f"/v1/me/threads/{thread['id']}/messages", {"body": "Not mine to say."})
    assert refused.json()["code"] == "preview_reads_only"
    history = expect(await own.get("/v1/me/access-history"))["data"]
    assert "preview.read" in {event["type"] for event in history}

    expect(await own.post(f"/v1/me/threads/{thread['id']}/messages", {"body": THANKS}), 201)
    told = await people.postbox.saying(owner.account["email"], "new message")
    assert thread["id"] in told
    expect(await owner.post(f"/v1/messages/{answer['id']}/retract"))
    expect(await owner.patch("/v1/practice/features", {"secure_messaging": False}))
    assert (await own.get("/v1/me/threads")).json()["code"] == "feature_disabled"
    await phone.sync()
    assert ("thread", thread["id"]) in phone.tombstones
    kept = expect(await owner.get(f"/v1/threads/{thread['id']}/messages"))["data"]
    assert [message["body"] for message in kept] == [THANKS, None, ASKED]

    mails = "".join(map(words_of, people.postbox.mails))
    for said in (SUBJECT, ASKED, ANSWERED, THANKS):
        assert said not in mails
        assert said not in server.log


def words_of(mail: EmailMessage) -> str:
    bodies = [body for kind in ("plain", "html") if (body := mail.get_body((kind,))) is not None]
    return "\n".join((str(mail["Subject"]), *(str(body.get_content()) for body in bodies)))


async def own_id(staff: Caller) -> str:
    found: str = expect(await staff.get("/v1/me"))["staff_id"]
    return found
