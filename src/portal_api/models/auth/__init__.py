"""Login identities and what proves them."""

from portal_api.models.auth.accounts import Account, RecoveryCode, TotpCredential
from portal_api.models.auth.devices import KnownDevice
from portal_api.models.auth.secrets import OneTimeSecret
from portal_api.models.auth.sessions import AuthSession, RefreshToken

__all__ = [
    "Account",
    "AuthSession",
    "KnownDevice",
    "OneTimeSecret",
    "RecoveryCode",
    "RefreshToken",
    "TotpCredential",
]
