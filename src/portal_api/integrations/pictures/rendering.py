"""The program that cleans a picture: from standard input to standard output, where its media type is the first line.

Started by `cleaning`, in a process with little memory and little time. An empty line and nothing else: the picture may
be given out as it is.
"""

import os
import resource
import sys
from io import BytesIO

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from portal_api.integrations.pictures.cleaning import TOO_LARGE, UNREADABLE

MEMORY = 1024 * 1024 * 1024
MOST_PIXELS = 100_000_000
FORMATS = ("GIF", "HEIF", "JPEG", "PNG", "TIFF", "WEBP")
WRITTEN_AS = {"GIF": "PNG", "HEIF": "JPEG", "JPEG": "JPEG", "PNG": "PNG", "TIFF": "TIFF", "WEBP": "WEBP"}
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
    *("bit_depth", "depth_images", "thumbnails", "aux", "default_image"),
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
    """Whether it holds what its maker's camera or program noted: place, time, device, words, another picture."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        return bool(set(tags) - TIFF_TAGS) or (getattr(image, "n_frames", 1) > 1 and any_frame_says(image))
    noted = {str(key).lower() for key, value in image.info.items() if value not in (None, b"", "", [])}
    return bool(noted - HARMLESS) or bool(image.getexif())


def any_frame_says(image: Image.Image) -> bool:
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        if set(getattr(image, "tag_v2", {})) - TIFF_TAGS:
            return True
    image.seek(0)
    return False


def clean(content: bytes) -> tuple[str, bytes]:
    """What others are given and its media type; nothing of either where it is the same. Raises for no picture."""
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        kind = image.format or ""
        if kind != "HEIF" and not says_something(image):
            image.load()  # it must be a picture to its end
            return "", b""
        written_as = WRITTEN_AS[kind]
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image)
        if written_as == "JPEG" and upright.mode not in ("L", "RGB", "CMYK"):
            upright = upright.convert("RGB")
        upright.info = {"transparency": upright.info["transparency"]} if "transparency" in upright.info else {}
        written = BytesIO()
        upright.save(written, written_as, icc_profile=plain(profile), exif=b"", **HOW[written_as])
        return Image.MIME[written_as], written.getvalue()


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
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, RuntimeError):
        return UNREADABLE
    sys.stdout.buffer.write(media_type.encode() + b"\n" + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
