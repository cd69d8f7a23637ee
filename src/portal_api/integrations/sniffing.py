"""What kind of file the bytes are, whatever it is called. Nothing is unpacked here."""

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import Any

HEAD = 64 * 1024
"""Bytes that a look at the beginning takes at most."""
TAIL = 1024 * 1024
"""Bytes at the end in which the directory of a package must fit."""
MOST_MEMBERS = 10_000
MOST_UNPACKED = 1_000_000_000
RATIO = 200
UNKNOWN = "application/octet-stream"
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


@dataclass(frozen=True, slots=True)
class OpenXml:
    """What the directory of an Office Open XML package says (ECMA-376 part 2)."""

    parts: frozenset[str]
    has_macros: bool
    is_bomb: bool


def media_type_of(head: bytes) -> str:
    """The media type by the first bytes; text in an older encoding is text/plain too."""
    found: str = _database().first_magic_buffer(head[:HEAD]).mime_type
    if found == UNKNOWN and all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head[:HEAD]) and 0x7F not in head:
        return "text/plain"
    return found


def open_xml(tail: bytes) -> OpenXml | None:
    """Read the directory at the end of a zip archive; None for what is no Office Open XML package."""
    try:
        members = zipfile.ZipFile(io.BytesIO(tail)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return None
    names = frozenset(member.filename.lower() for member in members)
    if "[content_types].xml" not in names or len(members) > MOST_MEMBERS:
        return None
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    programs = any(name.endswith(("vbaproject.bin", ".exe", ".dll", ".js", ".vbs")) for name in names)
    return OpenXml(names, programs, unpacked > MOST_UNPACKED or unpacked > RATIO * max(packed, 100_000))


def png_size(head: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG claims (ISO 15948 section 11.2.2)."""
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


@cache
def _database() -> Any:
    import pure_magic_rs  # 13 MB of rules: made when the first file comes

    return pure_magic_rs.MagicDb()
