"""Where files lie: a directory of this machine by default, S3, Google Cloud Storage or Azure where one is named."""

from portal_api.integrations.storage.choice import open_store
from portal_api.integrations.storage.directory import Directory

__all__ = ["Directory", "open_store"]
