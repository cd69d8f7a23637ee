"""Objects in a bucket of S3 and what speaks like it, of Google Cloud Storage or of Azure, by way of obstore."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from portal_api.core.objects import Listed, ObjectMissing, StorageUnavailable

BLOCK = 1024 * 1024
PART = 5 * 1024 * 1024
"""The smallest part of an S3 upload. Two at a time: what is on its way stays in memory."""
AT_ONCE = 2
PROBE = "ready"
SCHEMES = ("s3", "gs", "az")
_TIMEOUT, _CONNECT_TIMEOUT = "60s", "5s"
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


def open_bucket(url: str) -> "Bucket":
    """The bucket of a URL; what it does not say comes from the provider's usual environment variables.

    s3://KEY:SECRET@bucket/prefix?endpoint=https://s3.example&region=eu-central-1. Raises ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError(f"PORTAL_STORAGE_URL begins with one of file://, {', '.join(f'{s}://' for s in SCHEMES)}")
    config: dict[str, Any] = dict(parse_qsl(parts.query))
    client: dict[str, Any] = {"timeout": _TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT}
    if parts.username:
        config |= {"access_key_id": unquote(parts.username), "secret_access_key": unquote(parts.password or "")}
    if str(config.get("endpoint", "")).startswith("http://"):
        client["allow_http"] = True
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    try:
        make: Any = from_url  # its overloads want to know which of the three it is
        return Bucket(make(bare, client_options=client, retry_config=_RETRIES, **config))
    except (BaseError, TypeError, ValueError):
        # The cause may quote the URL, which may hold a secret.
        raise ValueError("PORTAL_STORAGE_URL cannot be understood") from None


class Bucket:
    def __init__(self, store: Any) -> None:
        self._store = store

    async def put(self, key: str, content: AsyncIterator[Sequence[bytes]]) -> None:
        blocks = (b"".join(pieces) async for pieces in content)
        with _outages():
            await obstore.put_async(self._store, key, blocks, chunk_size=PART, max_concurrency=AT_ONCE)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        wanted: Any = {"range": {"offset": start} if stop is None else (start, stop)}
        with _outages(missing=ObjectMissing(key)):
            found = await obstore.get_async(self._store, key, options=wanted)
            async for block in found.stream(min_chunk_size=BLOCK):
                yield bytes(block)

    async def delete(self, key: str) -> None:
        with suppress(ObjectMissing), _outages(missing=ObjectMissing(key)):
            await obstore.delete_async(self._store, key)

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        with _outages():
            async for batch in obstore.list(self._store, prefix):
                for meta in batch:
                    yield Listed(meta["path"], meta["last_modified"])

    async def check(self) -> None:
        with _outages():
            await obstore.put_async(self._store, PROBE, b"-")


@contextmanager
def _outages(missing: Exception | None = None) -> Iterator[None]:
    """What obstore raises as what a store raises. A key that is not there comes as Python's FileNotFoundError."""
    try:
        yield
    except FileNotFoundError as error:
        raise missing or StorageUnavailable from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable from error
