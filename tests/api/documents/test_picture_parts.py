"""What a picture's file holds besides its pixels is for its owner alone, wherever it stands (F9.B1, A29)."""

import struct
import zlib

import pytest

from tests.api.documents.shelf import STAFFS, Shelf, made, open_shelf, picture
from tests.world import World

NOTE = b"52.52 N 13.40 E, the home of Grace"
IEND = 12
"""Bytes of the last chunk of a PNG."""


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


def jpeg(marker: int, segment: bytes) -> bytes:
    """ITU-T T.81 B.1.1.4: a segment right behind the beginning."""
    plain = picture("JPEG")
    return plain[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def png(kind: bytes, data: bytes, *, last: bool = False) -> bytes:
    """ISO 15948 section 5.3: a chunk behind the header, or before the end."""
    plain = picture()
    at = len(plain) - IEND if last else 33
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return plain[:at] + chunk + plain[at:]


def gif(label: int, *blocks: bytes, last: bool = False) -> bytes:
    """GIF89a sections 23 to 26: an extension behind the colours, or before the end."""
    plain = picture("GIF")
    at = len(plain) - 1 if last else 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    extension = bytes([0x21, label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return plain[:at] + extension + plain[at:]


def webp(kind: bytes, data: bytes) -> bytes:
    """RFC 9649 section 2.7: a chunk behind the pixels."""
    plain = picture("WEBP")
    header = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (7).to_bytes(3, "little") + (5).to_bytes(3, "little")
    body = b"WEBP" + header + plain[12:] + kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


NOTED = {
    "a JPEG's XMP": ("a.jpg", jpeg(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + NOTE)),
    "a JPEG's further XMP": ("a.jpg", jpeg(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + NOTE)),
    "a JPEG's credentials": ("a.jpg", jpeg(0xEB, b"JP\0\1" + NOTE)),
    "a JPEG's segment of some program": ("a.jpg", jpeg(0xE4, NOTE)),
    "a JPEG's comment": ("a.jpg", jpeg(0xFE, NOTE)),
    "what stands behind a JPEG": ("a.jpg", picture("JPEG") + NOTE),
    "a PNG's own chunk": ("a.png", png(b"prVt", NOTE)),
    "a PNG's own chunk at its end": ("a.png", png(b"prVt", NOTE, last=True)),
    "what stands behind a PNG": ("a.png", picture() + NOTE),
    "a GIF's XMP": ("a.gif", gif(0xFF, b"XMP DataXMP", NOTE)),
    "a GIF's comment at its end": ("a.gif", gif(0xFE, NOTE, last=True)),
    "what stands behind a GIF": ("a.gif", picture("GIF") + NOTE),
    "a WebP's own chunk": ("a.webp", webp(b"PRVT", NOTE)),
    "what stands behind a WebP": ("a.webp", picture("WEBP") + NOTE),
}
PLAIN = {
    "a JPEG's restart markers": ("a.jpg", picture("JPEG", (64, 64), restart_marker_blocks=1)),
    "a JPEG in several scans": ("a.jpg", picture("JPEG", (64, 64), progressive=True)),
    "a moving GIF": ("a.gif", gif(0xFF, b"NETSCAPE2.0", b"\1\0\0")),
    "a PNG with its resolution": ("a.png", picture("PNG", dpi=(300, 300))),
    "a WebP without loss": ("a.webp", picture("WEBP", lossless=True)),
}


@pytest.mark.parametrize("what", NOTED)
async def test_what_is_noted_there_is_given_to_nobody_else(what: str, shelf: Shelf) -> None:
    name, sent = NOTED[what]
    document = made(await shelf.send(shelf.owner, shelf.of_client, sent, name, shared=True))
    await shelf.look()
    opened = await shelf.client.get(f"/v1/me/documents/{document['id']}/content")
    assert opened.status_code == 200, opened.text
    assert NOTE in sent
    assert NOTE not in opened.content
    assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content == sent


async def test_one_that_breaks_off_behind_its_pixels_is_still_a_picture(shelf: Shelf) -> None:
    document = await shelf.upload(picture("GIF")[:-1], "a.gif")
    await shelf.look()
    opened = await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
    assert (opened.status_code, opened.headers["content-type"]) == (200, "image/png")


@pytest.mark.parametrize("what", PLAIN)
async def test_what_belongs_to_the_pixels_is_no_note(what: str, shelf: Shelf) -> None:
    """It is given as it is, and loses nothing."""
    name, sent = PLAIN[what]
    document = await shelf.upload(sent, name)
    await shelf.look()
    assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content == sent
