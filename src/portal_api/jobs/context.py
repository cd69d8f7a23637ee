"""What a job works with."""

from dataclasses import dataclass

from portal_api.core.tools import Tools
from portal_api.integrations.mail import Mailer


@dataclass(frozen=True, slots=True)
class JobContext:
    tools: Tools
    mailer: Mailer
