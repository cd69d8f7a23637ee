"""To whom a transaction belongs: the settings that row-level security reads."""

from dataclasses import dataclass
from uuid import UUID

from portal_api.core.access import ActorKind
from portal_api.core.ids import LOBBY


@dataclass(frozen=True, slots=True)
class Binding:
    """The practice, the kind of caller and, for client callers, the clients that they may act for.

    Values are a parsed UUID or an enum member, so the text can be put into SQL as it is.
    """

    practice_id: UUID = LOBBY
    kind: ActorKind = ActorKind.ANONYMOUS
    client_ids: tuple[UUID, ...] = ()

    @classmethod
    def system(cls, practice_id: UUID) -> "Binding":
        """The program itself, at work for one practice: jobs and the command line."""
        return cls(practice_id, ActorKind.SYSTEM)

    @property
    def clients(self) -> str:
        return "{" + ",".join(map(str, self.client_ids)) + "}" if self.client_ids else "{}"

    def statements(self) -> tuple[str, ...]:
        """Literal SET LOCAL statements: the form that Citus hands on to its workers."""
        return (
            f"SET LOCAL app.practice_id = '{self.practice_id}'",
            f"SET LOCAL app.actor_kind = '{self.kind}'",
            f"SET LOCAL app.client_ids = '{self.clients}'",
        )
