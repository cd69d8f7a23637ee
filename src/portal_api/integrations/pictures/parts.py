"""The parts of a picture's file: whether there are others than those that its pixels need.

A reader of pictures passes over what it does not know, and so did whoever put a note there count on it.
"""

import re
from collections.abc import Callable, Mapping

_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_SOS, _EOI = 0xDA, 0xD9
_OF_JPEG = {*range(0xC0, 0xD0), _SOS, 0xDB, 0xDD}
"""Frames, tables and scans (ITU-T T.81, table B.1)."""
_NAMED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Segments of applications that say how the colours are meant."""
_OF_PNG = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV"),
    *(b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT"),
}
"""ISO 15948 section 11, without text and time."""
_OF_WEBP = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
"""RFC 9649 section 2.7, without Exif, XMP and what is unknown."""
_MOVING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF


def are_all_of_pixels(content: bytes, kind: str) -> bool:
    """Whether the file holds nothing else, to its end. kind: as Pillow calls it; of one without parts, so it is."""
    try:
        return kind not in _READERS or _READERS[kind](content)
    except IndexError:  # it breaks off, which a reader of pictures may forgive
        return False


def _jpeg(content: bytes) -> bool:
    at = 2
    while found := _MARKER.match(content, at):
        marker, at = found[1][0], found.end()
        if marker == _EOI:
            return at == len(content)
        size = int.from_bytes(content[at : at + 2])
        if marker not in _OF_JPEG and not content[at + 2 : at + size].startswith(_NAMED.get(marker, b"\0none")):
            return False
        at += size
        if marker == _SOS:
            after = _AFTER_SCAN.search(content, at)
            at = after.start() if after else len(content)
    return False


def _png(content: bytes) -> bool:
    at, name = 8, b""
    while name != b"IEND":
        name = content[at + 4 : at + 8]
        if name not in _OF_PNG:
            return False
        at += 12 + int.from_bytes(content[at : at + 4])
    return at == len(content)


def _gif(content: bytes) -> bool:
    at = 13 + _colours(content[10])
    while (kind := content[at]) != _TRAILER:
        if kind == _EXTENSION:
            label, at = content[at + 1], at + 2
            moves = label == _APPLICATION and content[at + 1 : at + 12] in _MOVING
            if label != _CONTROL and not moves:
                return False
        elif kind == _IMAGE:
            at += 11 + _colours(content[at + 9])
        else:
            return False
        while content[at]:
            at += 1 + content[at]
        at += 1
    return at + 1 == len(content)


def _colours(flags: int) -> int:
    """Bytes of the table of colours that the flags tell of (GIF89a section 18)."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(content: bytes) -> bool:
    at, end = 12, 8 + int.from_bytes(content[4:8], "little")
    while at < end:
        if content[at : at + 4] not in _OF_WEBP:
            return False
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return at == end == len(content)


_READERS: Mapping[str, Callable[[bytes], bool]] = {"GIF": _gif, "JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
