"""Who may call, as types: what a handler's signature is made of."""

from typing import Annotated

from portal_api.core.access import Permission as P
from portal_api.core.access import Principal
from portal_api.core.db import Reader, Session
from portal_api.web.access import provided, public, requires

SessionDep = Annotated[Session, provided("the transaction")]
ReaderDep = Annotated[Reader, provided("the reader")]
IfMatch = Annotated[int | None, provided("If-Match")]

Anyone = Annotated[Principal, public()]
SignedIn = Annotated[Principal, requires(P.ACCOUNT_SELF)]
SignedInRestricted = Annotated[Principal, requires(P.ACCOUNT_SELF, restricted=True)]
"""Also an account that must first change its password or set up a second factor."""
SignedInEnrolling = Annotated[Principal, requires(P.ACCOUNT_SELF, enrolling=True)]
"""Also an account that must first set up a second factor."""

CanReadAudit = Annotated[Principal, requires(P.AUDIT_READ)]
CanReadPractice = Annotated[Principal, requires(P.PRACTICE_READ)]
CanWritePractice = Annotated[Principal, requires(P.PRACTICE_WRITE)]
CanReadPortal = Annotated[Principal, requires(P.PORTAL_READ)]
CanWritePortal = Annotated[Principal, requires(P.PORTAL_WRITE)]
CanReadFeatures = Annotated[Principal, requires(P.FEATURES_READ)]
CanWriteFeatures = Annotated[Principal, requires(P.FEATURES_WRITE)]
CanReadStaff = Annotated[Principal, requires(P.STAFF_READ)]
CanManageStaff = Annotated[Principal, requires(P.STAFF_MANAGE)]
CanReadPractitioners = Annotated[Principal, requires(P.PRACTITIONERS_READ)]
CanReadClients = Annotated[Principal, requires(P.CLIENTS_READ)]
CanCreateClients = Annotated[Principal, requires(P.CLIENTS_CREATE)]
CanWriteClients = Annotated[Principal, requires(P.CLIENTS_WRITE)]
CanReadInvitations = Annotated[Principal, requires(P.INVITATIONS_READ)]
CanWriteInvitations = Annotated[Principal, requires(P.INVITATIONS_WRITE)]
CanWriteCredentials = Annotated[Principal, requires(P.CREDENTIALS_WRITE)]
CanWritePortalAccess = Annotated[Principal, requires(P.PORTAL_ACCESS_WRITE)]
CanManageProspects = Annotated[Principal, requires(P.PROSPECTS_MANAGE)]
