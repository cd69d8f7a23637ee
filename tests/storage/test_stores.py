"""Every storage keeps the same promises: a directory, and buckets of two servers that others have written."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from portal_api.core.config import Settings
from portal_api.core.objects import ObjectMissing, ObjectStore, StorageUnavailable
from portal_api.integrations.storage import open_store
from tests.storage import servers

KEY, OTHER = "0190a000-0000-7000-8000-000000000001/0f/01", "0190a000-0000-7000-8000-000000000002/0f/02"
LARGE = 12_000_000
"""More than two parts of a bucket's upload."""


@pytest.fixture(scope="module", params=["directory", "nanio", "ministack"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("objects")
    if request.param == "directory":
        yield f"file://{place}/files"
        return
    with (servers.nanio if request.param == "nanio" else servers.ministack)(place) as address:
        yield servers.url_of(address)


def store_of(url: str, tmp_path: Path) -> ObjectStore:
    return open_store(Settings(_env_file=None, storage_url=url, data_dir=tmp_path))


@pytest.fixture
def store(url: str, tmp_path: Path) -> ObjectStore:
    return store_of(url, tmp_path)


async def pieces(content: bytes, size: int = 1_000_000, *, breaks: bool = False) -> AsyncIterator[list[bytes]]:
    for start in range(0, len(content), size):
        yield [content[start : start + size // 2], content[start + size // 2 : start + size]]
    if breaks:
        raise ValueError("it broke off")


async def read(store: ObjectStore, key: str, *span: int) -> bytes:
    return b"".join([piece async for piece in store.get(key, *span)])


async def names(store: ObjectStore, prefix: str) -> list[str]:
    return [listed.key async for listed in store.list(prefix)]


async def test_what_is_put_is_there(store: ObjectStore) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    await store.put(KEY, pieces(content))
    assert await read(store, KEY) == content
    assert await read(store, KEY, 5_000_000, 5_000_010) == content[5_000_000:5_000_010]
    assert await read(store, KEY, len(content) - 300) == content[-300:]
    assert await names(store, KEY.split("/")[0]) == [KEY]
    assert await names(store, OTHER.split("/")[0]) == []
    await store.delete(KEY)
    assert await names(store, KEY.split("/")[0]) == []


async def test_when_it_was_put_is_known(store: ObjectStore) -> None:
    await store.put(KEY, pieces(b"x"))
    (listed,) = [each async for each in store.list(KEY.split("/")[0])]
    assert abs(listed.modified_at - datetime.now(UTC)) < timedelta(minutes=5)
    await store.delete(KEY)


@pytest.mark.parametrize("size", [1, LARGE])
async def test_one_that_breaks_off_is_not_there(size: int, store: ObjectStore) -> None:
    with pytest.raises((ValueError, StorageUnavailable)):
        await store.put(OTHER, pieces(b"x" * size, breaks=True))
    assert await names(store, OTHER.split("/")[0]) == []
    with pytest.raises(ObjectMissing):
        await read(store, OTHER)


async def test_what_is_not_there_is_missing_and_can_be_deleted(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        await read(store, OTHER)
    await store.delete(OTHER)


async def test_it_says_that_it_works(store: ObjectStore) -> None:
    await store.check()


async def test_another_secret_opens_nothing(tmp_path: Path) -> None:
    with servers.nanio(tmp_path / "data") as address:
        right, wrong = (store_of(servers.url_of(address, secret=s), tmp_path) for s in (servers.SECRET, "another"))
        await right.put(KEY, pieces(b"x"))
        for attempt in (wrong.check(), wrong.put(KEY, pieces(b"y")), wrong.delete(KEY), read(wrong, KEY)):
            with pytest.raises(StorageUnavailable):
                await attempt
        assert await read(right, KEY) == b"x"
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{address}/{servers.BUCKET}/one/{KEY}")).status_code == 403


async def test_a_storage_that_is_away_says_so(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for url in (servers.url_of("http://127.0.0.1:9"), f"file://{in_the_way}/files"):
        store = store_of(url, tmp_path)
        for attempt in (store.check(), store.put(KEY, pieces(b"x")), read(store, KEY)):
            with pytest.raises(StorageUnavailable):
                await attempt


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://", "nonsense", "s3://bucket?no_such_option=1"])
def test_an_address_that_is_none_is_refused_without_quoting_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PORTAL_STORAGE_URL") as refusal:
        store_of(url, tmp_path)
    assert "no_such_option" not in str(refusal.value)


@pytest.mark.parametrize("key", ["../etc/passwd", "/etc/passwd", "a/../../b", "a\0b", "A", "", "a//b", "a/."])
async def test_a_directory_takes_no_key_but_ours(key: str, tmp_path: Path) -> None:
    store = store_of(f"file://{tmp_path}/files", tmp_path)
    with pytest.raises(ValueError, match="not a key of ours"):
        await store.put(key, pieces(b"x"))
    with pytest.raises(ValueError, match="not a key of ours"):
        await read(store, key)
