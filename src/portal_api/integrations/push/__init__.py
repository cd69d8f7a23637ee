"""Waking devices: what a push service is asked, and Web Push as the one that there is."""

from portal_api.integrations.push.encryption import encrypt
from portal_api.integrations.push.service import Device, PushRefused, PushService
from portal_api.integrations.push.vapid import ApplicationServer
from portal_api.integrations.push.webpush import WebPush

__all__ = ["ApplicationServer", "Device", "PushRefused", "PushService", "WebPush", "encrypt"]
