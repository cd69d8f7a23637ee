"""A practice that exchanges files with a client: its owner, the client's login, and ways to send and open files."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from tests.entry import open_practice
from tests.people import client_login
from tests.world import Caller, Practice, World

MINE, OURS, STAFFS = "/v1/me/documents", "/v1/practice/documents", "/v1/documents"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
TEXT = b"What I would like to talk about.\n"


@dataclass
class Shelf:
    world: World
    practice: Practice
    client_id: str
    client: Caller

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def of_client(self) -> str:
        return f"/v1/clients/{self.client_id}/documents"

    async def send(
        self, by: Caller, path: str, content: bytes = PDF, name: str = "report.pdf", **fields: Any
    ) -> httpx.Response:
        """Upload a file; fields are those of the form, `headers` aside."""
        headers = fields.pop("headers", {})
        data = {key: str(value).lower() if isinstance(value, bool) else value for key, value in fields.items()}
        return await by.request("POST", path, files={"file": (name, content)}, data=data, headers=headers)

    async def upload(self, content: bytes = PDF, name: str = "report.pdf", **fields: Any) -> dict[str, Any]:
        """What the client gives the practice."""
        return made(await self.send(self.client, MINE, content, name, **fields))

    async def put(self, content: bytes = PDF, name: str = "report.pdf", **fields: Any) -> dict[str, Any]:
        """What the practice puts into the client's record."""
        return made(await self.send(self.owner, self.of_client, content, name, **fields))

    async def provide(self, content: bytes = PDF, name: str = "directions.pdf", **fields: Any) -> dict[str, Any]:
        """A document of the practice itself."""
        return made(await self.send(self.owner, OURS, content, name, **fields))

    async def look(self) -> None:
        """Have everything examined that waits for it."""
        await self.world.run_jobs()

    async def switch(self, **features: bool) -> None:
        response = await self.owner.patch("/v1/practice/features", features)
        assert response.status_code == 200, response.text

    async def settings(self, **changes: Any) -> dict[str, Any]:
        response = await self.owner.patch("/v1/practice/document-settings", changes)
        assert response.status_code == 200, response.text
        settings: dict[str, Any] = response.json()
        return settings


async def open_shelf(world: World) -> Shelf:
    practice = await open_practice(world)
    client = await world.client(practice.owner)
    shelf = Shelf(world, practice, client["id"], await client_login(world, practice, client["id"]))
    await shelf.switch(client_uploads=True)
    return shelf


def made(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(written, kind, **options)
    return written.getvalue()


def office(*members: str, content: bytes = b"<x/>", **others: bytes) -> bytes:
    """A zip archive with these members."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members:
            archive.writestr(name, content)
        for name, given in others.items():
            archive.writestr(name, given)
    return written.getvalue()


DOCX = ("[Content_Types].xml", "_rels/.rels", "word/document.xml")
