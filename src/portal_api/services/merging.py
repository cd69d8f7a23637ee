"""Merge patches that go into stored objects (RFC 7396)."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from portal_api.core.errors import invalid
from portal_api.schemas.base import Change


def merged(whole: type[BaseModel], stored: Mapping[str, Any] | None, patch: Change, pointer: str) -> dict[str, Any]:
    """The stored object with what the patch names. Raises Invalid where a field that `whole` needs is missing."""
    result = dict.fromkeys(whole.model_fields) | dict(stored or {}) | patch.given()
    for name, field in whole.model_fields.items():
        if field.is_required() and result[name] is None:
            raise invalid(f"{pointer}/{name}", "missing", "This is needed.")
    return result
