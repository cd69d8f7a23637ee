"""One envelope and one way to page for every list."""

from collections.abc import Sequence
from typing import Any

from portal_api.core.access import Principal
from portal_api.core.db import Reader
from portal_api.core.paging import decode_cursor, encode_cursor
from portal_api.schemas.base import PageQuery


class Pager:
    """Where a caller stands in one list. `keys` are the columns that order it; the last one is unique."""

    def __init__(self, reader: Reader, principal: Principal, list_name: str, query: PageQuery, *keys: str) -> None:
        filters = query.model_dump_json(exclude={"cursor", "limit"})
        self._vault = reader.tools.vault
        self._scope = (str(principal.practice_id), str(principal.account_id), list_name, filters)
        self._keys = keys
        self.limit = query.limit
        self.position: Sequence[Any] | None = (
            decode_cursor(self._vault, self._scope, query.cursor) if query.cursor else None
        )

    def envelope(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer to `limit + 1` rows: the extra one says that there is more."""
        more = len(rows) > self.limit
        data = rows[: self.limit]
        position = [data[-1][key] for key in self._keys] if more else []
        return {"data": data, "next_cursor": encode_cursor(self._vault, self._scope, position) if more else None}
