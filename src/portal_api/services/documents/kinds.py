"""Kinds of files: what is taken at all, by what names, and what their first bytes must say (F9.M2, A29)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from portal_api.core.errors import Invalid, UnsupportedMediaType, invalid
from portal_api.integrations.sniffing import OpenXml

_ZIP = "application/zip"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_SHEET, _SLIDES, _TEXT = (
    f"{_OFFICE}.{part}" for part in ("spreadsheetml.sheet", "presentationml.presentation", "wordprocessingml.document")
)
_PACKAGE = (_ZIP, _OFFICE, _SHEET, _SLIDES, _TEXT)
"""How far a look at the first bytes tells them apart depends on who has packed them: the members decide."""
_PLAIN = ("text/plain", "text/csv", "application/json", "message/rfc822", "text/calendar")


@dataclass(frozen=True, slots=True)
class Kind:
    """extensions: the first one is given to files without. sniffed: what a look at the first bytes may say.

    part: the member that makes an Office Open XML package this kind and no other (ECMA-376 part 2).
    """

    extensions: tuple[str, ...]
    sniffed: tuple[str, ...]
    part: str | None = None


KINDS: Mapping[str, Kind] = {
    "application/pdf": Kind(("pdf",), ("application/pdf",)),
    "application/rtf": Kind(("rtf",), ("text/rtf", "application/rtf")),
    _SLIDES: Kind(("pptx",), _PACKAGE, "ppt/presentation.xml"),
    _SHEET: Kind(("xlsx",), _PACKAGE, "xl/workbook.xml"),
    _TEXT: Kind(("docx",), _PACKAGE, "word/document.xml"),
    "image/gif": Kind(("gif",), ("image/gif",)),
    "image/heic": Kind(("heic", "heif"), ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence")),
    "image/jpeg": Kind(("jpg", "jpeg", "jpe", "jfif"), ("image/jpeg",)),
    "image/png": Kind(("png",), ("image/png",)),
    "image/tiff": Kind(("tiff", "tif"), ("image/tiff",)),
    "image/webp": Kind(("webp",), ("image/webp",)),
    "text/csv": Kind(("csv",), _PLAIN),
    "text/plain": Kind(("txt", "text"), _PLAIN),
}
"""By media type. What can carry a program into a browser or a word processor is not among them."""
USUAL = tuple(KINDS)
"""What a practice takes that has not said otherwise."""
_BY_EXTENSION = {extension: media_type for media_type, kind in KINDS.items() for extension in kind.extensions}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
LONGEST_NAME = 150


class KindNotAllowed(UnsupportedMediaType):
    code, title = "file_type_not_allowed", "Files of this kind are not taken here"


def is_picture(media_type: str) -> bool:
    return media_type.startswith("image/")


def is_text(media_type: str) -> bool:
    return media_type.startswith("text/")


def is_package(media_type: str) -> bool:
    return KINDS[media_type].part is not None


def clean_name(given: str) -> str:
    """The last part of what was sent as a name, without what is no name; `file` where nothing is left (A28)."""
    last = re.split(r"[/\\]", given)[-1]
    name = " ".join(_UNPRINTABLE.sub("", last).split()).strip(" .")
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    return (stem[: LONGEST_NAME - len(suffix)] + suffix[:LONGEST_NAME]) or "file"


def file_name(title: str, media_type: str) -> str:
    """A name for a file of ours."""
    extension = KINDS[media_type].extensions[0] if media_type in KINDS else "bin"
    return clean_name(f"{re.sub(r'[/:]', '-', title)}.{extension}")


def named_as(name: str, media_type: str) -> str:
    """The name of a file, for a rendition that is of another kind than the file itself: photo.heic -> photo.jpg."""
    path = PurePosixPath(name)
    if media_type not in KINDS or path.suffix[1:].lower() in KINDS[media_type].extensions:
        return name
    return f"{path.stem}.{KINDS[media_type].extensions[0]}"


def by_name(name: str, allowed: frozenset[str]) -> str:
    """The media type that the file's name stands for. Raises KindNotAllowed."""
    media_type = _BY_EXTENSION.get(PurePosixPath(name).suffix[1:].lower())
    if media_type is None or media_type not in allowed:
        extensions = sorted(e for e, kind in _BY_EXTENSION.items() if kind in allowed)
        raise KindNotAllowed(f"Send one of: {', '.join(extensions)}.", allowed=extensions)
    return media_type


def must_be(media_type: str, sniffed: str) -> None:
    """Raise Invalid where the first bytes say something else than the name."""
    if sniffed not in KINDS[media_type].sniffed:
        raise mismatch()


def must_be_package(media_type: str, package: OpenXml | None) -> None:
    """Raise Invalid for what is no Office document of this kind, or one that brings a program."""
    if package is None or KINDS[media_type].part not in package.parts:
        raise mismatch()
    if package.has_macros:
        raise invalid("/file", "macros_not_allowed", "Save it without macros and send it again.")
    if package.is_bomb:
        raise invalid("/file", "too_much_inside", "It would unpack to more than can be read.")


def mismatch() -> Invalid:
    return invalid("/file", "content_mismatch", "What is in the file is not what its name says.")
