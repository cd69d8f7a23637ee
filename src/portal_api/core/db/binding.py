"""To whom a transaction belongs: the settings that row-level security reads."""

from dataclasses import dataclass
from uuid import UUID

from portal_api.core.access import ActorKind
from portal_api.core.ids import LOBBY


@dataclass(frozen=True, slots=True)
class Binding:
    """The practice, the kind of caller and, for client callers, the clients that they may act for and that they are.

    Values are a parsed UUID or an enum member, so the text can be put into SQL as it is.
    """

    practice_id: UUID = LOBBY
    kind: ActorKind = ActorKind.ANONYMOUS
    client_ids: tuple[UUID, ...] = ()
    own_client_ids: tuple[UUID, ...] = ()

    @classmethod
    def system(cls, practice_id: UUID) -> "Binding":
        """The program itself, at work for one practice: jobs and the command line."""
        return cls(practice_id, ActorKind.SYSTEM)

    @property
    def clients(self) -> str:
        return _array(self.client_ids)

    @property
    def own_clients(self) -> str:
        return _array(self.own_client_ids)

    def statements(self) -> tuple[str, ...]:
        """Literal SET LOCAL statements: the form that Citus hands on to its workers."""
        everyones = (
            f"SET LOCAL app.practice_id = '{self.practice_id}'",
            f"SET LOCAL app.actor_kind = '{self.kind}'",
            f"SET LOCAL app.client_ids = '{self.clients}'",
        )
        if self.kind is not ActorKind.CLIENT:
            return everyones
        return *everyones, f"SET LOCAL app.own_client_ids = '{self.own_clients}'"


def _array(ids: tuple[UUID, ...]) -> str:
    return "{" + ",".join(map(str, ids)) + "}" if ids else "{}"
