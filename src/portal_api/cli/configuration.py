"""The settings of a command, with errors that name the variable."""

from pydantic import ValidationError
from pydantic_settings import SettingsError

from portal_api.cli.console import CannotStart
from portal_api.core.config import Settings


def load_settings() -> Settings:
    """From the environment and .env. Raises CannotStart, which never shows a value: it may be a secret."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "\n".join(f"  {_named(fault['loc'])}{fault['msg']}" for fault in error.errors())
        raise CannotStart(f"A setting cannot be used. Correct it in the environment or in .env:\n{faults}") from None
    except SettingsError as error:
        raise CannotStart(f"A setting cannot be read: {error}") from None


def _named(location: tuple[int | str, ...]) -> str:
    return f"PORTAL_{str(location[0]).upper()}: " if location else ""
