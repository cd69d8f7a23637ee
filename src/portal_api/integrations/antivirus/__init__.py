"""Looking for malware: a protocol, and ClamAV's daemon as what speaks it."""

from portal_api.integrations.antivirus.choice import scanner
from portal_api.integrations.antivirus.clamd import Clamd
from portal_api.integrations.antivirus.scanning import Scanner, ScannerUnavailable

__all__ = ["Clamd", "Scanner", "ScannerUnavailable", "scanner"]
