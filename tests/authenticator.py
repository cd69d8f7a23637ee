"""An authenticator app in somebody's hand."""

import pyotp

from tests.world import PASSWORD, Caller, World


async def enrol(world: World, caller: Caller) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor; its first code is used up, the next one is not."""
    started = (await caller.post("/v1/me/second-factor", {"password": PASSWORD})).json()
    assert started["uri"].startswith("otpauth://totp/")
    totp = pyotp.TOTP(started["secret"])
    confirmed = await caller.post("/v1/me/second-factor/confirm", {"otp": await code(world, totp, -1)})
    assert confirmed.status_code == 200, confirmed.text
    return totp, confirmed.json()["recovery_codes"]


async def code(world: World, totp: pyotp.TOTP, steps: int = 0) -> str:
    """The code of now, by the database's clock, or of some steps later."""
    async with world.tools.database.side() as connection:
        now = await connection.fetchval("SELECT extract(epoch FROM now())::float8")
    return totp.generate_otp(int(now) // 30 + steps)
