"""The program that cleans a picture: from standard input to standard output, where its media type is the first line.

Started by `cleaning`, in a process with little memory and little time. An empty line and nothing else: the picture may
be given out as it is.
"""

import os
import resource
import sys
from io import BytesIO
from typing import IO

from PIL import Image, ImageCms, ImageOps, ImageSequence, TiffImagePlugin
from pillow_heif import register_heif_opener

from portal_api.integrations.pictures.cleaning import TOO_LARGE, UNREADABLE
from portal_api.integrations.pictures.parts import are_all_of_pixels

MEMORY = 1024 * 1024 * 1024
MOST_PIXELS = 100_000_000
FORMATS = ("GIF", "HEIF", "JPEG", "PNG", "TIFF", "WEBP")
WRITTEN_AS = {format_: format_ for format_ in FORMATS} | {"GIF": "PNG", "HEIF": "JPEG", "MPO": "JPEG"}
"""MPO: a JPEG that brings another one, as cameras of two lenses make it; others are given the first."""
HOW = {
    "JPEG": {"quality": 92, "optimize": True},
    "PNG": {},
    "TIFF": {"compression": "tiff_deflate"},
    "WEBP": {"quality": 92},
}
HARMLESS = {
    *("aspect", "background", "compression", "dpi", "duration", "extension", "gamma", "icc_profile", "interlace"),
    *("jfif", "jfif_density", "jfif_unit", "jfif_version", "loop", "progression", "progressive", "resolution"),
    *("srgb", "timestamp", "transparency", "version", "chromaticity", "adobe", "adobe_transform", "bbox", "primary"),
    *("bit_depth", "depth_images", "thumbnails", "aux", "default_image", "disposal", "blend"),
}
"""What a picture may say of itself besides its pixels."""
TIFF_TAGS = {
    *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 322, 323, 324, 325),
    *(338, 339, 530, 531, 532, 34675),
}
"""Those that say how the pixels are stored (TIFF 6.0)."""


def confine(cpu_seconds: int) -> None:
    """Give up what cleaning a picture does not need. The kernel ends the process where that is too little."""
    os.nice(10)
    for limit, value in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def says_something(image: Image.Image) -> bool:
    """Whether it holds what its maker's camera or program noted: place, time, device, words, another picture.

    All of it is read: it must be a picture to its end, and a note may be there too.
    """
    said = [_says_something(frame) for frame in ImageSequence.Iterator(image)]
    return any(said)


def _says_something(frame: Image.Image) -> bool:
    frame.load()
    if frame.format == "TIFF":
        return bool(set(getattr(frame, "tag_v2", {})) - TIFF_TAGS)
    noted = {str(key).lower() for key, value in frame.info.items() if value not in (None, b"", "", [])}
    return bool(noted - HARMLESS) or bool(frame.getexif())


def clean(content: bytes) -> tuple[str, bytes]:
    """What others are given and its media type; nothing of either where it is the same. Raises for no picture."""
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        kind = image.format or ""
        if kind != "HEIF" and not says_something(image) and are_all_of_pixels(content, kind):
            return "", b""
        image.seek(0)
        written, written_as = BytesIO(), WRITTEN_AS[kind]
        if written_as == "TIFF":
            write_pages(image, written)
        else:
            write(image, written, written_as)
        return Image.MIME[written_as], written.getvalue()


def write_pages(image: Image.Image, to: BytesIO) -> None:
    """Every page of it, one after the other: a fax is a TIFF of many."""
    with TiffImagePlugin.AppendingTiffWriter(to) as pages:
        for page in ImageSequence.Iterator(image):
            if page.width * page.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            write(page, pages, "TIFF")
            pages.newFrame()


def write(image: Image.Image, to: IO[bytes], kind: str) -> None:
    """The picture upright, and nothing else."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if kind == "JPEG" and upright.mode not in ("L", "RGB", "CMYK"):
        upright = upright.convert("RGB")
    upright.info = {"transparency": upright.info["transparency"]} if "transparency" in upright.info else {}
    upright.save(to, kind, icc_profile=plain(profile), exif=b"", **HOW[kind])


def plain(profile: bytes | None) -> bytes | None:
    """The colour profile, if it is one: it is needed to show the colours, and notes no more than the device's kind."""
    if not profile:
        return None
    try:
        ImageCms.getOpenProfile(BytesIO(profile))
    except (ImageCms.PyCMSError, OSError):
        return None
    return profile


def main() -> int:
    register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    confine(int(sys.argv[1]))
    try:
        media_type, content = clean(sys.stdin.buffer.read())
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_LARGE
    except Exception:  # a broken file makes Pillow's readers fail in every way that Python knows
        return UNREADABLE
    sys.stdout.buffer.write(media_type.encode() + b"\n" + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
