"""Forty files that somebody sends who means no good, made here: what each is called and what is in it."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

from tests.api.documents.scanner import EICAR
from tests.api.documents.shelf import DOCX, PDF, office, picture

HTML = b"<!doctype html><html><script>alert(document.cookie)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
MACRO = "word/vbaProject.bin"


def zip_bomb(layers: int = 1) -> bytes:
    """Zeros that pack to a thousandth, in themselves again and again."""
    content = b"\0" * 5_000_000
    for _ in range(layers):
        content = office(**{"0.bin": content})
    return content


def docx_bomb() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in DOCX:
            archive.writestr(name, b"<x/>")
        archive.writestr("word/media/image1.bin", b"\0" * 60_000_000)
    return written.getvalue()


def docx_of_many() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in (*DOCX, *(f"word/{number}.xml" for number in range(10_001))):
            archive.writestr(name, b"")
    return written.getvalue()


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0" * 64


def gif_of(width: int, height: int) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0" * 6 + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;"
    )


def tar() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo("../../etc/passwd")
        archive.addfile(entry, io.BytesIO())
    return written.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 1024
REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a page called a picture": ("a.png", lambda: HTML),
    "a page called a photograph": ("a.jpg", lambda: HTML),
    "a page called a document": ("a.pdf", lambda: HTML),
    "a page called a text": ("a.txt", lambda: HTML),
    "a page after blank lines called a text": ("a.txt", lambda: b"\n\n  \n" + HTML),
    "a page under its own name": ("a.html", lambda: HTML),
    "a page with two names": ("a.html.svg", lambda: HTML),
    "a drawing with a program called a picture": ("a.png", lambda: SVG),
    "a drawing with a program": ("a.svg", lambda: SVG),
    "a drawing with a program called a text": ("a.txt", lambda: SVG),
    "a script called a text": ("a.txt", lambda: b"#!/bin/sh\nrm -rf /\n"),
    "a script called a table": ("a.csv", lambda: b"#!/usr/bin/env python\nimport os\n"),
    "a program called a document": ("a.pdf", lambda: b"MZ" + b"\0" * 500),
    "a program called a picture": ("a.png", lambda: b"\x7fELF\x02\x01\x01" + b"\0" * 500),
    "a program called a text": ("a.txt", lambda: b"MZ\x90\0\x03" + b"\0" * 500),
    "a text with a NUL far into it": ("a.txt", lambda: b"hello\n" * 300_000 + b"\0"),
    "a zip archive called a Word document": ("a.docx", lambda: office("readme.txt")),
    "a zip archive called a workbook": ("a.xlsx", lambda: office("readme.txt")),
    "a Word document called a workbook": ("a.xlsx", lambda: office(*DOCX)),
    "a Word document with a macro": ("a.docx", lambda: office(*DOCX, MACRO)),
    "a Word document with a macro under its own name": ("a.docm", lambda: office(*DOCX, MACRO)),
    "a Word document with a macro in capitals": ("a.docx", lambda: office(*DOCX, MACRO.upper())),
    "a Word document with a program in it": ("a.docx", lambda: office(*DOCX, "word/embeddings/run.exe")),
    "an old Word document called a new one": ("a.docx", lambda: OLE),
    "an old Word document": ("a.doc", lambda: OLE),
    "a Word document cut off": ("a.docx", lambda: office(*DOCX)[:-30]),
    "a Word document that unpacks to much": ("a.docx", docx_bomb),
    "a Word document of too many parts": ("a.docx", docx_of_many),
    "a zip bomb": ("42.zip", lambda: zip_bomb(3)),
    "a zip bomb called a document": ("42.pdf", lambda: zip_bomb(3)),
    "a zip bomb called a Word document": ("42.docx", lambda: zip_bomb(3)),
    "zeros packed with gzip called a text": ("a.txt", lambda: gzip.compress(b"\0" * 5_000_000)),
    "an archive with a path upwards": ("a.tar", tar),
    "an archive with a path upwards called a document": ("a.pdf", tar),
    "a picture of 900 million pixels": ("a.png", lambda: png_header(30_000, 30_000)),
    "a picture of the most pixels that can be claimed": ("a.png", lambda: png_header(2**31 - 1, 2**31 - 1)),
    "nothing": ("a.pdf", lambda: b""),
    "a document called a picture": ("a.png", lambda: PDF),
    "a picture called a document": ("a.pdf", picture),
    "a path upwards to nothing": ("../../.htaccess", lambda: b"AddHandler php .pdf"),
}
"""Those that do not get in."""
LOCKED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a picture cut off": ("a.png", lambda: picture("PNG", (300, 300))[:-200]),
    "a picture that is a script": ("a.gif", lambda: b"GIF89a/*" + HTML + b"*/=1;"),
    "a moving picture of four billion pixels": ("a.gif", lambda: gif_of(65_535, 65_535)),
    "a photograph with nothing in it": ("a.jpg", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 300),
}
"""Those that are found out when they are looked at."""
INERT: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a document that is a page": ("a.pdf", lambda: b"%PDF-1.4\n" + HTML + PDF),
    "a picture with a page behind it": ("a.png", lambda: picture() + HTML),
    "a photograph with an archive behind it": ("a.jpg", lambda: picture("JPEG") + office("a.txt")),
    "a document with a script": ("a.pdf", lambda: PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript>>")),
    "a document cut off": ("a.pdf", lambda: PDF[:20]),
    "a text with a test virus, where there is no scanner": ("a.txt", lambda: EICAR),
    "a table with a formula": ("a.csv", lambda: b"name,note\nx,\"=cmd|' /C calc'!A0\"\n"),
}
"""Those that cannot be told from what is harmless, and do nothing where they are opened."""
