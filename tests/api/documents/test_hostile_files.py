"""Files of somebody who means no good: refused, found out, or served so that they do nothing (A28 to A31)."""

import pytest

from tests.api.documents.corpus import INERT, LOCKED, REFUSED
from tests.api.documents.shelf import MINE, STAFFS, Shelf, made, open_shelf
from tests.api.documents.test_uploads import objects
from tests.world import World


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


def test_there_are_forty_of_them() -> None:
    assert len(REFUSED) + len(LOCKED) + len(INERT) >= 40


@pytest.mark.parametrize("what", REFUSED)
async def test_it_does_not_get_in(what: str, shelf: Shelf) -> None:
    name, content = REFUSED[what]
    response = await shelf.send(shelf.client, MINE, content(), name)
    assert response.status_code in {415, 422}, response.text
    assert response.json()["code"] in {"file_type_not_allowed", "invalid"}
    assert objects(shelf) == []
    assert (await shelf.client.get(MINE)).json()["data"] == []


@pytest.mark.parametrize("what", LOCKED)
async def test_it_is_found_out(what: str, shelf: Shelf) -> None:
    name, content = LOCKED[what]
    document = made(await shelf.send(shelf.client, MINE, content(), name))
    assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).status_code == 409
    await shelf.look()
    assert (await shelf.owner.get(f"{STAFFS}/{document['id']}")).json()["state"] == "rejected"
    for caller, path in ((shelf.owner, STAFFS), (shelf.client, MINE)):
        refused = await caller.get(f"{path}/{document['id']}/content")
        assert (refused.status_code, refused.json()["code"]) == (409, "file_withheld")


@pytest.mark.parametrize("what", INERT)
async def test_it_does_nothing_where_it_is_opened(what: str, shelf: Shelf) -> None:
    """A29."""
    name, content = INERT[what]
    document = made(await shelf.send(shelf.client, MINE, content(), name))
    await shelf.look()
    opened = await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
    assert opened.status_code == 200
    assert opened.headers["content-type"] in {"application/pdf", "image/png", "image/jpeg", "text/plain", "text/csv"}
    assert opened.headers["content-disposition"].startswith("attachment;")
    assert opened.headers["x-content-type-options"] == "nosniff"
    assert opened.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
