"""A file that has come in with a request: it lies in the storage, sealed, before the handler is called."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(slots=True)
class UploadedFile:
    """What is known of it. `kept`: a row of the transaction refers to it; else it is taken away again.

    `name` is the sender's, cleaned of what is no name. `sha256` is of the file itself, not of how it is sealed.
    """

    id: UUID
    key: str
    data_key_id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: bytes
    kept: bool = False

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "binary"}
