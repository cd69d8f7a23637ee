"""While the storage is away, nothing is half done, and whoever asks is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal_api.core.config import Settings
from tests.api.documents.shelf import MINE, PDF, Shelf, open_shelf
from tests.served import served


@contextmanager
def away(root: Path) -> Iterator[None]:
    """A file where the directory must be: an error for every account, root's too."""
    kept = root.with_name("kept")
    root.rename(kept)
    root.write_text("")
    try:
        yield
    finally:
        root.unlink()
        kept.rename(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "files"


async def stored(shelf: Shelf) -> int:
    return len((await shelf.client.get(MINE)).json()["data"])


async def test_an_upload_is_503_and_leaves_no_row(settings: Settings, root: Path) -> None:
    async with served(settings.model_copy(update={"storage_url": f"file://{root}"})) as world:
        shelf = await open_shelf(world)
        document = await shelf.upload()
        with away(root):
            refused = await shelf.send(shelf.client, MINE, headers={"Idempotency-Key": "again"})
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
            assert int(refused.headers["retry-after"]) > 0
            opened = await shelf.client.get(f"{MINE}/{document['id']}/content")
            assert (opened.status_code, opened.json()["code"]) == (503, "storage_unavailable")
            assert await stored(shelf) == 1
        assert (await shelf.send(shelf.client, MINE, headers={"Idempotency-Key": "again"})).status_code == 201
        assert (await shelf.client.get(f"{MINE}/{document['id']}/content")).content == PDF
        assert await stored(shelf) == 2


async def test_readiness_says_it(settings: Settings, root: Path) -> None:
    async with served(settings.model_copy(update={"storage_url": f"file://{root}"})) as world:
        ready = await world.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["storage"]) == (200, True)
        with away(root):
            gone = await world.http.get("/readyz")
        assert (gone.status_code, gone.json()["checks"]["storage"]) == (503, False)
        assert (await world.http.get("/readyz")).status_code == 200
