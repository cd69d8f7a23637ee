"""Anchors: the heads of the chains, kept outside the database, so that a tail that was dropped is missed."""

import asyncio
import json
import os
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.db import Binding
from portal_api.core.tools import Tools
from portal_api.services.audit.sealing import head

PURPOSE = "audit_anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a chain as it once was. `genuine`: written by this installation and not changed since."""

    seq: int
    hash: str
    genuine: bool


async def anchor(tools: Tools, practice_id: UUID) -> bool:
    """Append the head to the practice's file, if it has moved; says whether it did. Durable when it returns."""
    async with tools.database.session(Binding.system(practice_id)) as session:
        newest, now = await head(session), await clock.now(session)
    known = await anchors(tools, practice_id)
    if newest.seq == 0 or (known and known[-1].seq == newest.seq and known[-1].hash == newest.hash.hex()):
        return False
    facts: dict[str, object] = {
        "practice_id": str(practice_id),
        "seq": newest.seq,
        "hash": newest.hash.hex(),
        "at": now.isoformat(),
    }
    line = json.dumps(facts | {"mac": _mac(tools, facts)}) + "\n"
    await asyncio.to_thread(_append, _path(tools, practice_id), line)
    return True


async def anchors(tools: Tools, practice_id: UUID) -> list[Anchor]:
    """What was anchored of this practice, oldest first."""
    path = _path(tools, practice_id)
    text = await asyncio.to_thread(lambda: path.read_text(errors="replace") if path.exists() else "")
    return [_parse(tools, practice_id, line) for line in text.splitlines() if line]


def _path(tools: Tools, practice_id: UUID) -> Path:
    return tools.settings.data_dir / "audit-anchors" / f"{practice_id}.jsonl"


def _mac(tools: Tools, facts: dict[str, Any]) -> str:
    parts = [str(facts.get(name)) for name in ("practice_id", "seq", "hash", "at")]
    return tools.vault.mac(*parts, purpose=PURPOSE).hex()


def _parse(tools: Tools, practice_id: UUID, line: str) -> Anchor:
    try:
        facts = json.loads(line)
        mine = facts["practice_id"] == str(practice_id)
        genuine = mine and compare_digest(_mac(tools, facts), str(facts["mac"]))
        return Anchor(int(facts["seq"]), str(facts["hash"]), genuine)
    except (ValueError, KeyError, TypeError):
        return Anchor(0, "", genuine=False)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
