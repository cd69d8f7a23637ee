"""Which storage it is, by PORTAL_STORAGE_URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from portal_api.core.config import Settings
from portal_api.core.objects import ObjectStore
from portal_api.integrations.storage.directory import Directory


def open_store(settings: Settings) -> ObjectStore:
    """The storage that the settings name; without one the directory `files` below the data directory.

    file:///srv/files, s3://bucket/prefix?endpoint=...&region=..., gs://bucket/prefix, az://account/container/prefix.
    Raises ValueError for any other.
    """
    if not settings.storage_url:
        return Directory(settings.data_dir / "files")
    parts = urlsplit(settings.storage_url)
    if parts.scheme == "file":
        return Directory(Path(unquote(parts.path)))
    from portal_api.integrations.storage.buckets import open_bucket  # obstore is heavy; few processes need it

    return open_bucket(settings.storage_url)
