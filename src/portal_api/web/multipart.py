"""multipart/form-data (RFC 7578), part by part as it arrives: a file is never in memory as a whole."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from portal_api.core.errors import Malformed, UnsupportedMediaType

MEDIA_TYPE = "multipart/form-data"
MOST_PARTS = 50


@dataclass(frozen=True, slots=True)
class Part:
    """What a part says of itself. `file_name` is None for a plain field."""

    name: str
    file_name: str | None


class Multipart:
    """The parts of one body, in order: `next_part`, then all `pieces` of it."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        """Raises UnsupportedMediaType for another media type, Malformed without a boundary."""
        media_type, options = parse_options_header(content_type)
        if media_type.decode("latin-1") != MEDIA_TYPE:
            raise UnsupportedMediaType(f"Send the file as {MEDIA_TYPE}.")
        self._stream = stream
        self._found: deque[Part | bytes | None] = deque()
        """Parts, pieces of the one before, and None at its end."""
        self._field, self._value = bytearray(), bytearray()
        self._headers: dict[str, str] = {}
        self._count, self._is_over = 0, False
        try:
            self._parser = MultipartParser(options.get(b"boundary", b"") or _no_boundary(), self._callbacks())
        except FormParserError:
            raise Malformed("The boundary of the parts is too long.") from None

    async def next_part(self) -> Part | None:
        """The next part; None after the last. What is left of the one before is skipped. Raises Malformed."""
        while (found := await self._next()) is not END:
            if isinstance(found, Part):
                return found
        return None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content of the part that `next_part` gave last."""
        while (found := await self._next()) is not None:
            if not isinstance(found, bytes):
                raise Malformed("The parts of the body cannot be told apart.")
            yield found

    async def text(self, at_most: int) -> str:
        """The content of a plain field. Raises Malformed for what is too long or no UTF-8."""
        held = bytearray()
        async for piece in self.pieces():
            held += piece
            if len(held) > at_most:
                raise Malformed(f"A field may have at most {at_most} bytes.")
        try:
            return held.decode()
        except UnicodeDecodeError:
            raise Malformed("Fields are text in UTF-8.") from None

    async def _next(self) -> "Part | bytes | _End | None":
        while not self._found:
            if self._is_over:
                return END
            try:
                piece = await anext(self._stream)
            except StopAsyncIteration:
                raise Malformed("The body ends in the middle of a part.") from None
            try:
                self._parser.write(piece)
            except FormParserError:
                raise Malformed("The body is not valid multipart/form-data.") from None
        return self._found.popleft()

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header,
            "on_headers_finished": self._name,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _part_end(self) -> None:
        self._found.append(None)

    def _begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise Malformed(f"A form may have at most {MOST_PARTS} parts.")
        self._headers = {}

    def _header(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._field.clear()
        self._value.clear()

    def _name(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition"))
        name, file_name = options.get(b"name"), options.get(b"filename")
        if kind != b"form-data" or name is None:
            raise Malformed("Each part needs Content-Disposition: form-data with a name.")
        self._found.append(Part(_decoded(name), None if file_name is None else _decoded(file_name)))

    def _end(self) -> None:
        self._is_over = True


class _End:
    """After the last part."""


END = _End()


def _decoded(value: bytes) -> str:
    """UTF-8, as browsers send it (RFC 7578 section 5.1); else what the bytes are one by one."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _no_boundary() -> bytes:
    raise Malformed("Content-Type needs the boundary of the parts.")
