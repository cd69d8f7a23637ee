"""A file as an answer: never shown in place, never kept, never taken for something else (A29)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from portal_api.services.documents import archive
from portal_api.services.documents.opening import Content
from portal_api.web.replies import Reply, Stream

INERT = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
"""Besides nosniff, which every answer has."""
BYTES: Any = {"schema": {"type": "string", "format": "binary"}}
FILE: Any = {
    200: {"description": "The file, as an attachment.", "content": {"*/*": BYTES}},
    206: {"description": "The part of it that `Range` asks for.", "content": {"*/*": BYTES}},
    416: {"description": "The file has no such part."},
}
ZIP: Any = {200: {"description": "A ZIP archive of all of them.", "content": {"application/zip": BYTES}}}


def attachment(content: Content) -> Reply:
    headers = INERT | {"Content-Disposition": disposition(content.name), "ETag": f'"{content.sha256}"'}
    return Reply(Stream(content.read, content.size_bytes), headers, content.media_type)


def archived(contents: Sequence[Content]) -> Reply:
    headers = INERT | {"Content-Disposition": disposition("documents.zip")}
    return Reply(Stream(lambda _start, _stop: archive.zipped(contents), None), headers, "application/zip")


def disposition(name: str) -> str:
    """RFC 6266: a name in ASCII for old programs, and the name itself for all others (RFC 8187)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
