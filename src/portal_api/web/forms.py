"""Forms with a file: the file goes to the storage while it arrives, the fields wait for the handler."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from starlette.requests import Request

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding
from portal_api.core.errors import AppError, TooLarge, invalid
from portal_api.core.ids import LOBBY
from portal_api.core.tools import Tools
from portal_api.core.uploads import UploadedFile
from portal_api.services.documents import intake, uploads
from portal_api.web.parameters import header

if TYPE_CHECKING:
    from portal_api.web.multipart import Multipart, Part

FILE = "file"
LONGEST_FIELD = 20_000
ROOM_FOR_FIELDS = 200_000
"""Bytes of a body besides its file."""
LONGEST_UPLOAD = 900.0
"""Seconds."""


@dataclass(slots=True)
class Form:
    """What came in: fields as text, and the file, which lies in the storage already."""

    fields: dict[str, str] = field(default_factory=dict)
    file: UploadedFile | None = None

    @property
    def values(self) -> dict[str, object]:
        return {**self.fields} if self.file is None else {**self.fields, FILE: self.file}

    @property
    def fingerprint(self) -> bytes:
        """What tells this form from another: the same when it is sent again, whatever its boundary (A52)."""
        file = self.file and (self.file.name, self.file.size_bytes, self.file.sha256.hex())
        return hashlib.sha256(orjson.dumps([sorted(self.fields.items()), file])).digest()


@asynccontextmanager
async def incoming(tools: Tools, request: Request, practice: intake.Practice) -> AsyncIterator[Form]:
    """The form of the request, for the time of the block.

    A file that no row of the block's transaction has come to refer to is taken away again; where it is not known how
    the transaction ended, it stays until the next sweep. Raises Malformed, UnsupportedMediaType, TooLarge, Invalid,
    StorageUnavailable.
    """
    request.scope["state"]["body"].widen(practice.policy.max_upload_bytes + ROOM_FOR_FIELDS, LONGEST_UPLOAD)
    form = Form()
    async with _kept_or_discarded(tools, form):
        await _read(tools, request, practice, form)
        yield form


@asynccontextmanager
async def announced(tools: Tools, request: Request, origin: Origin) -> AsyncIterator[Form]:
    """The same of a request whose body is the file that its path's ticket was given for (F9.M1).

    A file that has come already is not read once more. Raises NotFound, TooMany, TooLarge, Invalid, KindNotAllowed,
    StorageUnavailable.
    """
    visitor = Principal(LOBBY, ActorKind.ANONYMOUS, origin)
    async with tools.database.session(Binding()) as session:
        practice, file = await uploads.announced(session, visitor, request.path_params["ticket"])
    request.scope["state"]["body"].widen(practice.policy.max_upload_bytes, LONGEST_UPLOAD)
    form = Form()
    async with _kept_or_discarded(tools, form):
        if file is not None:
            form.file = await _received(tools, practice, file.name, request.stream(), file)
        yield form


@asynccontextmanager
async def _kept_or_discarded(tools: Tools, form: Form) -> AsyncIterator[None]:
    try:
        yield
    except AppError:
        await _discard(tools, form)
        raise
    if form.file is not None and not form.file.kept:
        await _discard(tools, form)


async def _read(tools: Tools, request: Request, practice: intake.Practice, form: Form) -> None:
    from portal_api.web.multipart import Multipart  # its parser comes with the extra `documents`

    body = Multipart(header(request, b"content-type") or "", aiter(request.stream()))
    while (part := await body.next_part()) is not None:
        if part.name in form.values:
            raise invalid(f"/{part.name}"[:200], "repeated", "Give each field once.")
        if part.name == FILE:
            form.file = await _file(tools, practice, part, body)
        else:
            form.fields[part.name] = await body.text(LONGEST_FIELD)


async def _file(tools: Tools, practice: intake.Practice, part: "Part", body: "Multipart") -> UploadedFile:
    if not part.file_name:
        raise invalid("/file", "file_name_missing", "Send it as a file, with its name.")
    return await _received(tools, practice, part.file_name, body.pieces())


async def _received(
    tools: Tools,
    practice: intake.Practice,
    name: str,
    pieces: AsyncIterator[bytes],
    file: intake.Announced | None = None,
) -> UploadedFile:
    try:
        return await intake.receive(tools, practice, name, pieces, file)
    except TooLarge as error:
        error.headers["Connection"] = "close"  # the rest of it is not waited for
        raise


async def _discard(tools: Tools, form: Form) -> None:
    if form.file is not None:
        await intake.discard(tools, form.file)
