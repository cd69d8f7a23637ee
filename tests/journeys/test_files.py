"""Files over a socket: large ones in little memory, links for a browser, and what a start says about them (A30)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.people import People, expect
from tests.journeys.server import Server, run
from tests.patience import PATIENCE
from tests.world import Caller

MB = 1_000_000
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n%PDF-1.4\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
PEAK = "VmHWM:"


def peak(server: Server) -> int:
    """The most memory that the program has had at once, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(PEAK))


async def zeros(size: int, head: bytes = HEAD) -> AsyncIterator[bytes]:
    yield head
    for _ in range(size // MB):
        yield bytes(MB)
    yield b"\r\n--b--\r\n"


@pytest.fixture
async def desk(people: People) -> tuple[Caller, str]:
    """An owner, and where documents of a client are put."""
    owner, _ = await people.open_practice()
    client = await people.add_client(owner)
    return owner, f"/v1/clients/{client['id']}/documents"


class TestMemory:
    """A file passes through; it is never in memory as a whole."""

    @pytest.mark.parametrize("declared", [True, False])
    async def test_a_gigabyte_is_refused(self, declared: bool, server: Server, desk: tuple[Caller, str]) -> None:
        owner, path = desk
        await self.upload(owner, path, MB)
        before = peak(server)
        headers = FORM | ({"Content-Length": str(len(HEAD) + 1000 * MB + 9)} if declared else {})
        response = await owner.request("POST", path, content=zeros(1000 * MB), headers=headers)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert peak(server) - before < 50 * MB
        assert expect(await owner.get(path))["data"] != []

    async def test_a_gigabyte_is_refused_by_a_link_for_less(self, server: Server, desk: tuple[Caller, str]) -> None:
        """F9.M1: no more is taken than was declared."""
        owner, path = desk
        await self.upload(owner, path, MB)
        file = {"file_name": "large.pdf", "media_type": "application/pdf", "size_bytes": MB, "sha256": "0" * 64}
        link = expect(await owner.post(f"{path}/uploads", file), 201)["url"]
        before = peak(server)
        async with httpx.AsyncClient(timeout=PATIENCE) as browser:
            response = await browser.put(link, content=zeros(1000 * MB, b"%PDF-1.4\n"))
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "size_mismatch")
        assert peak(server) - before < 50 * MB

    async def test_large_files_go_in_and_out(self, server: Server, desk: tuple[Caller, str]) -> None:
        owner, path = desk
        await self.upload(owner, path, MB)
        before = peak(server)
        documents = await asyncio.gather(*(self.upload(owner, path, 24 * MB) for _ in range(4)))
        sizes = await asyncio.gather(*(self.download(owner, document["id"]) for document in documents))
        assert sizes == [document["size_bytes"] for document in documents]
        ids = ",".join(document["id"] for document in documents)
        assert await self.download(owner, f"archive?ids={ids}", f"{path}/") > sum(sizes)
        assert peak(server) - before < 50 * MB

    @staticmethod
    async def upload(owner: Caller, path: str, size: int) -> dict[str, Any]:
        document: dict[str, Any] = expect(await owner.request("POST", path, content=zeros(size), headers=FORM), 201)
        return document

    @staticmethod
    async def download(owner: Caller, what: str, path: str = "/v1/documents/") -> int:
        url = f"{path}{what}" if "archive" in what else f"{path}{what}/content"
        headers = {"Authorization": f"Bearer {owner.access_token}"}
        async with owner.http.stream("GET", url, headers=headers) as response:
            assert response.status_code == 200
            return sum([len(piece) async for piece in response.aiter_raw()])


async def test_a_link_opens_in_a_browser_until_the_session_ends(desk: tuple[Caller, str]) -> None:
    owner, path = desk
    document = await TestMemory.upload(owner, path, MB)
    url = expect(await owner.post(f"/v1/documents/{document['id']}/content-url"))["url"]
    async with httpx.AsyncClient(timeout=PATIENCE) as browser:
        opened = await browser.get(url)
        assert (opened.status_code, len(opened.content)) == (200, document["size_bytes"])
        expect(await owner.post("/v1/auth/logout"), 204)
        assert (await browser.get(url)).status_code == 404


def test_a_start_says_what_is_wrong_with_where_files_go(home: Path, empty_database: Callable[[], str]) -> None:
    settings = {"database_url": empty_database()}
    for name, value in (("storage_url", "ftp://host/x"), ("antivirus_url", "http://host")):
        said = run(home, "serve", "--migrate", **settings, **{name: value})
        assert said.returncode != 0
        assert f"PORTAL_{name.upper()}" in said.stderr


def test_production_without_a_scanner_is_said_loudly(home: Path, empty_database: Callable[[], str]) -> None:
    settings = {"database_url": empty_database(), "environment": "production", "secret_key": "k" * 48}
    with Server(home, "serve", "--migrate", **settings) as server:
        assert "PORTAL_ANTIVIRUS_URL is not set" in server.log
