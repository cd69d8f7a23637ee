"""`portal-api keys rotate`: the next key signs access tokens from now on."""

from argparse import Namespace

from portal_api.cli.configuration import load_settings
from portal_api.cli.console import CannotStart, result
from portal_api.core.signing import Keyring


def run(_arguments: Namespace) -> int:
    directory = load_settings().data_dir / "keys"
    try:
        Keyring.load_or_create(directory).rotate().save(directory)
    except (OSError, ValueError) as error:
        raise CannotStart(f"The keys in {directory} cannot be used: {error}") from None
    result(
        "Rotated. Restart every `serve`, one after the other: until then they sign with the old key, and both are "
        "accepted by all. Leave 16 minutes before the next rotation."
    )
    return 0
