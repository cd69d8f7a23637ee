"""The doors for people whom the practice does not know yet: signing up, asking for a time, verifying an address."""

from portal_api.services.signup.requesting import request_appointment
from portal_api.services.signup.signing_up import sign_up
from portal_api.services.signup.verifying import verify_email

__all__ = ["request_appointment", "sign_up", "verify_email"]
