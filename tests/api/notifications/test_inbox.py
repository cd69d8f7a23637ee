"""The inbox: newest first, read one by one or up to what was seen, and nobody else's."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from dirty_equals import IsPartialDict
from sqlalchemy import update

from portal_api.core.access import Role
from portal_api.models.clients import ClientGrant
from tests.api.notifications.scene import INBOX, PREFERENCES, Scene
from tests.world import Caller

UPLOAD = "document.uploaded"


async def unread(caller: Caller) -> int:
    found: int = (await caller.get(INBOX)).json()["unread"]
    return found


async def test_what_happened_is_told_in_plain_words_with_a_place_to_look(scene: Scene) -> None:
    """F14.B2"""
    document_id = uuid4()
    await scene.happen(UPLOAD, by=scene.client, resource=("document", document_id))
    (row,) = await scene.inbox(scene.practitioner)
    assert row == IsPartialDict(
        kind="uploads",
        event_type=UPLOAD,
        title="A document was uploaded",
        path=f"/documents/{document_id}",
        resource_type="document",
        resource_id=str(document_id),
        client_id=scene.client_id,
        client_initials="GC",
        read_at=None,
    )


async def test_it_is_read_one_by_one(scene: Scene) -> None:
    for _ in range(3):
        await scene.happen(UPLOAD, by=scene.client)
    rows = await scene.inbox(scene.practitioner)
    assert await unread(scene.practitioner) == 3
    first = await scene.practitioner.post(f"{INBOX}/{rows[1]['id']}/read")
    again = await scene.practitioner.post(f"{INBOX}/{rows[1]['id']}/read")
    assert first.status_code == 200
    assert first.json()["read_at"] is not None
    assert again.json() == first.json(), "a second time changes nothing"
    assert await unread(scene.practitioner) == 2
    left = await scene.inbox(scene.practitioner, unread=True)
    assert [row["id"] for row in left] == [rows[0]["id"], rows[2]["id"]]
    done = await scene.inbox(scene.practitioner, unread=False)
    assert [row["id"] for row in done] == [rows[1]["id"]]


async def test_all_are_read_up_to_the_newest_that_was_seen(scene: Scene) -> None:
    for _ in range(3):
        await scene.happen(UPLOAD, by=scene.client)
    rows = await scene.inbox(scene.practitioner)
    answer = await scene.practitioner.post(f"{INBOX}/read-all", {"up_to": rows[1]["id"]})
    assert answer.json() == {"unread": 1}, "what came after it stays unread"
    assert (await scene.practitioner.post(f"{INBOX}/read-all")).json() == {"unread": 0}


async def test_it_is_paged_by_a_cursor_and_counts_the_whole(scene: Scene) -> None:
    for _ in range(5):
        await scene.happen(UPLOAD, by=scene.client)
    await scene.settle()
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await scene.practitioner.get(INBOX, params=query)).json()
        assert page["unread"] == 5
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


async def test_it_is_nobody_elses(scene: Scene) -> None:
    await scene.happen(UPLOAD, by=scene.client)
    (row,) = await scene.inbox(scene.practitioner)
    other, _ = await scene.colleague(Role.OWNER)
    assert await scene.inbox(other) == []
    assert (await other.post(f"{INBOX}/{row['id']}/read")).status_code == 404
    assert (await other.post(f"{INBOX}/read-all")).json() == {"unread": 0}
    assert await unread(scene.practitioner) == 1


async def test_what_is_about_a_client_goes_with_the_grant(scene: Scene) -> None:
    """A revoked thing is revoked on the next request; what is about the account itself stays."""
    parent = await scene.guardian("documents.view")
    await scene.also_acts_for_another(parent)
    await scene.happen("document.shared", by=scene.owner)
    await scene.happen("password.changed", resource=("account", _id(parent)), clients=[])
    assert await scene.types(parent) == ["password.changed", "document.shared"]
    mine = ClientGrant.account_id == _id(parent), ClientGrant.client_id == UUID(scene.client_id)
    await scene.run(update(ClientGrant).where(*mine).values(revoked_at=datetime.now(UTC)))
    assert await scene.types(parent) == ["password.changed"]
    assert await unread(parent) == 1


async def test_initials_are_only_of_clients_whom_one_sees(scene: Scene) -> None:
    await scene.happen(UPLOAD, by=scene.client)
    await scene.settle()
    scene.sql("DELETE FROM client_assignment WHERE client_id = %s", scene.client_id)
    (row,) = await scene.inbox(scene.practitioner)
    assert (row["client_id"], row["client_initials"]) == (None, None)


async def test_staff_who_look_through_a_clients_eyes_see_it_and_change_nothing(scene: Scene) -> None:
    """F16.M2: also of a client who has no login, and so no inbox."""
    await scene.happen("document.shared", by=scene.owner)
    await scene.settle()
    without_login = (await scene.world.client(scene.owner))["id"]
    for client_id, seen in ((scene.client_id, 1), (without_login, 0)):
        begun = (await scene.owner.post(f"/v1/clients/{client_id}/view-as", {})).json()
        looking = Caller(scene.world.http, begun["access_token"], None, begun)
        found = (await looking.get(INBOX)).json()
        assert (len(found["data"]), found["unread"]) == (seen, seen)
        for path in (PREFERENCES, "/v1/me/digest/preview", "/v1/me/push-subscriptions"):
            assert (await looking.get(path)).status_code == 200
        assert (await looking.post(f"{INBOX}/read-all")).status_code == 403
    assert await unread(scene.client) == 1


def _id(caller: Caller) -> UUID:
    return UUID(caller.account["id"])
