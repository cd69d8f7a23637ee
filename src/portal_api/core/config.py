"""Settings, from the environment or a .env file. Names: PORTAL_*."""

import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url

MIN_SECRET_BYTES = 32
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
APP_ROLE = "portal_app"
"""What the program works under: owns no table, bypasses no policy."""

# Separated by commas, not JSON.
Words = Annotated[tuple[str, ...], NoDecode]


AppVersion = tuple[int, int, int]
_APP = re.compile(r"([a-z]{1,20})/(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?", re.ASCII)
_ANDROID_APP = re.compile(r"[A-Za-z][\w.]{1,200}/(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", re.ASCII)


def app_version(text: str) -> tuple[str, AppVersion]:
    """Platform and version of an app, `ios/2.4.1`; what is not said is 0. Raises ValueError."""
    found = _APP.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("no app version")
    platform, *numbers = found.groups()
    major, minor, patch = (int(number or 0) for number in numbers)
    return platform, (major, minor, patch)


class Settings(BaseSettings):
    """Everything an operator may set. An empty URL means: the part that the program brings itself."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", env_file=".env", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path(".portal")
    database_url: str = ""
    migration_database_url: str = ""
    database_pool_size: int = Field(8, ge=1, le=200)
    storage_url: str = ""
    antivirus_url: str = ""
    smtp_url: str = ""
    mail_from: str = Field("no-reply@portal.invalid", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    public_url: str = "http://127.0.0.1:8000"
    app_url: str = "http://127.0.0.1:3000/{slug}"
    cors_origins: Words = ()
    trusted_proxies: Words = ()
    allowed_hosts: Words = ()
    egress_allow: Words = ()
    """Hosts, or host:port, that outgoing requests may reach although they are private: for development and tests."""
    open_registration: bool = False
    rate_limit_factor: float = Field(1.0, gt=0, le=1_000_000)
    max_body_bytes: int = Field(1_000_000, ge=10_000)
    max_upload_bytes: int = Field(25_000_000, ge=1_000)
    practice_quota_bytes: int = Field(50_000_000_000, ge=1_000_000)
    """What all files of one practice may take together."""
    secret_key: SecretStr = SecretStr("")
    secret_key_file: Path | None = None
    embedded_worker: bool = True
    video_provider: Literal["", "livekit", "jitsi", "jaas"] = ""
    video_url: str = ""
    video_key: str = ""
    video_secret: SecretStr = SecretStr("")
    video_secret_file: Path | None = None
    push_key: SecretStr = SecretStr("")
    """The private key by which push services know this installation (VAPID): 32 bytes in base64url."""
    push_contact: str = Field("", pattern=r"^$|^(mailto:|https://)\S+$")
    ios_app_ids: Words = ()
    android_apps: Words = ()
    minimum_app_versions: Words = ()
    bot_check_url: str = ""
    bot_check_site_key: str = ""
    bot_check_secret: SecretStr = SecretStr("")

    @field_validator(
        "cors_origins",
        "trusted_proxies",
        "allowed_hosts",
        "egress_allow",
        "ios_app_ids",
        "android_apps",
        "minimum_app_versions",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _production_needs_a_secret(self) -> Self:
        if self.is_production and not self.secret_key.get_secret_value() and self.secret_key_file is None:
            raise ValueError(
                "PORTAL_ENVIRONMENT=production needs PORTAL_SECRET_KEY or PORTAL_SECRET_KEY_FILE "
                "(make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"
            )
        if self.is_production and 0 < len(self.secret_key.get_secret_value()) < MIN_SECRET_BYTES:
            raise ValueError(f"PORTAL_SECRET_KEY is too short: at least {MIN_SECRET_BYTES} characters")
        return self

    @model_validator(mode="after")
    def _production_reaches_nothing_private(self) -> Self:
        if self.is_production and self.egress_allow:
            raise ValueError("PORTAL_EGRESS_ALLOW opens private networks to outgoing requests: unset it in production")
        return self

    @model_validator(mode="after")
    def _video_is_whole(self) -> Self:
        if not self.video_provider:
            return self
        if self.video_secret_file and not self.video_secret_file.is_file():
            raise ValueError(f"PORTAL_VIDEO_SECRET_FILE: there is no file {self.video_secret_file}")
        if not (self.video_url and self.video_key and self.video_secret_text):
            raise ValueError(
                f"PORTAL_VIDEO_PROVIDER={self.video_provider} needs PORTAL_VIDEO_URL, PORTAL_VIDEO_KEY and"
                " PORTAL_VIDEO_SECRET or PORTAL_VIDEO_SECRET_FILE"
            )
        scheme = self.video_url.partition("://")[0]
        secure = "wss" if self.video_provider == "livekit" else "https"
        if scheme != secure and (self.is_production or scheme != secure.removesuffix("s")):
            raise ValueError(f"PORTAL_VIDEO_URL of {self.video_provider} begins with {secure}://")
        return self

    @field_validator("push_key")
    @classmethod
    def _push_key_is_one(cls, value: SecretStr) -> SecretStr:
        given = value.get_secret_value()
        if given and not re.fullmatch(r"[A-Za-z0-9_-]{43}=?", given):
            raise ValueError(
                "PORTAL_PUSH_KEY takes 32 bytes in base64url (make one: python3 -c"
                " 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())')"
            )
        return value

    @model_validator(mode="after")
    def _apps_can_be_named(self) -> Self:
        if any(not re.fullmatch(r"[A-Z0-9]{10}\.[A-Za-z0-9.-]{1,155}", each) for each in self.ios_app_ids):
            raise ValueError("PORTAL_IOS_APP_IDS takes <team>.<bundle id>, separated by commas")
        if any(not _ANDROID_APP.fullmatch(each) for each in self.android_apps):
            raise ValueError("PORTAL_ANDROID_APPS takes <package>/<SHA-256 of its certificate>, separated by commas")
        _ = self.minimum_versions
        return self

    @model_validator(mode="after")
    def _bot_check_is_whole(self) -> Self:
        if not self.bot_check_url:
            return self
        url = urlsplit(self.bot_check_url)
        if url.scheme != "https" and url.hostname not in LOOPBACK:
            raise ValueError("PORTAL_BOT_CHECK_URL sends a secret: it must begin with https://")
        if not self.bot_check_site_key or not self.bot_check_secret.get_secret_value():
            raise ValueError("PORTAL_BOT_CHECK_URL needs PORTAL_BOT_CHECK_SITE_KEY and PORTAL_BOT_CHECK_SECRET")
        return self

    @property
    def android_certificates(self) -> list[tuple[str, str]]:
        """Packages, each with the fingerprint of a certificate that it is signed with."""
        return [(package, mark) for package, _, mark in (each.partition("/") for each in self.android_apps)]

    @property
    def minimum_versions(self) -> dict[str, AppVersion]:
        """By platform, the oldest version of an app that is let in."""
        try:
            return dict(map(app_version, self.minimum_app_versions))
        except ValueError:
            raise ValueError("PORTAL_MINIMUM_APP_VERSIONS takes ios/2.4.1 and the like, separated by commas") from None

    @property
    def upload_ceiling(self) -> int:
        """How far a practice may raise the size of an upload (F9.M3); an operator who lowers it means everybody."""
        return max(40_000_000, self.max_upload_bytes) if self.max_upload_bytes >= 25_000_000 else self.max_upload_bytes

    @property
    def video_secret_text(self) -> str:
        """What signs the grants of the video provider: a shared secret, or a private key in PEM."""
        given = self.video_secret.get_secret_value()
        return given or (self.video_secret_file.read_text().strip() if self.video_secret_file else "")

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def keeps_mail(self) -> bool:
        """Whether mail stays in the development mailbox: no server is named, and this is no production."""
        return not self.smtp_url and not self.is_production

    @property
    def bot_check(self) -> dict[str, str] | None:
        """What a form must know to show the challenge; None where none is set."""
        host = urlsplit(self.bot_check_url).hostname
        return {"service": host, "site_key": self.bot_check_site_key} if host else None

    @cached_property
    def master_key(self) -> bytes:
        """The secret from which every other secret derives; in development it is made once and kept."""
        given = self.secret_key.get_secret_value().encode()
        if given:
            return given
        path = self.secret_key_file or self.data_dir / "secret_key"
        if not path.exists() and not self.is_production:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48))
        key = path.read_bytes().strip()
        if len(key) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret in {path} is too short: at least {MIN_SECRET_BYTES} characters")
        return key

    @property
    def worker_dsn(self) -> str:
        """The database for the job queue's own driver (libpq), under the application's role."""
        url = make_url(self.database_url).set(drivername="postgresql")
        return url.update_query_dict({"options": f"-crole={APP_ROLE}"}).render_as_string(hide_password=False)

    def app_link(self, slug: str, path: str) -> str:
        """A link into the front end, built from PORTAL_APP_URL alone (A40), never from a request header."""
        return self.app_url.replace("{slug}", slug).rstrip("/") + path
