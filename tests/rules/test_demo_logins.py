"""The demo's passwords: each is one that the program itself would accept."""

from pathlib import Path

from portal_api.cli.demo_logins import Logins
from portal_api.core.passwords import check_strength


def test_none_of_them_reads_like_a_word(tmp_path: Path) -> None:
    """Digits read as letters: a hexadecimal one was refused now and then, and the demo was never complete."""
    passwords = [
        password
        for number in range(25)
        for password in Logins.load_or_make(tmp_path / f"{number}.json").passwords.values()
    ]
    for password in passwords:
        check_strength(password, context=("Harbor Therapy", "Noor", "Prospect", "prospect@harbor.example"))
        assert not set(password) & set("aeiouy01l")
    assert len(set(passwords)) == 125
