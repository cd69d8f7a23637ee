"""Who may call, as types: what a handler's signature is made of."""

from typing import Annotated

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Reader, Session
from portal_api.web.access import provided, public, requires

P = Permission

SessionDep = Annotated[Session, provided("the transaction")]
ReaderDep = Annotated[Reader, provided("the reader")]
IfMatch = Annotated[int | None, provided("If-Match")]

Anyone = Annotated[Principal, public()]
SignedIn = Annotated[Principal, requires(P.ACCOUNT_SELF)]
SignedInRestricted = Annotated[Principal, requires(P.ACCOUNT_SELF, restricted=True)]
CanReadPractice = Annotated[Principal, requires(P.PRACTICE_READ)]
CanWritePractice = Annotated[Principal, requires(P.PRACTICE_WRITE)]
CanReadClients = Annotated[Principal, requires(P.CLIENTS_READ)]
CanCreateClients = Annotated[Principal, requires(P.CLIENTS_CREATE)]
CanWriteClients = Annotated[Principal, requires(P.CLIENTS_WRITE)]
