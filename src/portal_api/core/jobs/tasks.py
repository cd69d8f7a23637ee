"""What a queue can run: named handlers, the ids that each takes, and their limits."""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

ContextT = TypeVar("ContextT")
Id: TypeAlias = UUID | int | str

# The name is the job's queue too, whose NOTIFY channel has 63 bytes, 23 of them Procrastinate's own.
NAME = re.compile(r"[a-z][a-z0-9_.]{0,39}")
# Ids, enum values and digests fit; an e-mail address, a name with a space or a sentence does not.
WORD = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}")
KINDS: dict[str, type[UUID] | type[int] | type[str]] = {"UUID": UUID, "int": int, "str": str}


@dataclass(frozen=True, slots=True)
class Task(Generic[ContextT]):
    """A handler and its limits. `cron` is set for a maintenance task, which belongs to no practice."""

    name: str
    handler: Callable[..., Awaitable[None]]
    ids: dict[str, type[UUID] | type[int] | type[str]]
    max_attempts: int
    timeout: float
    cron: str | None = None

    @property
    def package(self) -> str:
        return self.handler.__module__.split(".")[0]

    def payload(self, practice_id: UUID, ids: dict[str, Id]) -> dict[str, str | int]:
        """What is stored of the ids. Raises TypeError or ValueError for what the handler does not take."""
        if ids.keys() != self.ids.keys():
            raise TypeError(f"{self.name} takes {sorted(self.ids)}, not {sorted(ids)}")
        for name, value in ids.items():
            if not isinstance(value, self.ids[name]):
                raise TypeError(f"{self.name}: {name} must be {self.ids[name].__name__}")
            if isinstance(value, str) and not WORD.fullmatch(value):
                raise ValueError(f"{self.name}: {name} is no id; a payload holds nothing else")
        stored = {name: value if isinstance(value, int) else str(value) for name, value in ids.items()}
        return {"practice_id": str(practice_id), **stored}

    async def call(self, context: ContextT, args: dict[str, Any]) -> None:
        """Run the handler with the ids of a stored payload."""
        if self.cron:
            await self.handler(context)
            return
        ids = {name: kind(args[name]) for name, kind in self.ids.items()}
        await self.handler(context, UUID(args["practice_id"]), **ids)


def named(name: str) -> str:
    """The name, if a queue can carry it."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r}: a task's name is at most 40 of a-z 0-9 _ .")
    return name


def ids_of(handler: Callable[..., Awaitable[None]]) -> dict[str, type[UUID] | type[int] | type[str]]:
    """The ids that a handler takes after its context and practice. Raises TypeError for any other type."""
    parameters = list(inspect.signature(handler).parameters.values())[2:]
    ids = {}
    for parameter in parameters:
        annotation = parameter.annotation
        kind = KINDS.get(annotation if isinstance(annotation, str) else annotation.__name__)
        if kind is None:
            raise TypeError(f"{handler.__qualname__}: {parameter.name} must be a UUID, an int or a str")
        ids[parameter.name] = kind
    return ids
