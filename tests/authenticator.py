"""An authenticator app in somebody's hand."""

import pyotp

from tests.world import PASSWORD, Caller, World


async def enrol(world: World, caller: Caller) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor; its first code is used up, the next one is not."""
    started = (await caller.post("/v1/me/second-factor", {"password": PASSWORD})).json()
    assert started["uri"].startswith("otpauth://totp/")
    totp = pyotp.TOTP(started["secret"])
    while True:
        step = await current_step(world)
        confirmed = await caller.post("/v1/me/second-factor/confirm", {"otp": totp.generate_otp(step - 1)})
        if confirmed.status_code == 200:
            return totp, confirmed.json()["recovery_codes"]
        assert await current_step(world) > step, confirmed.text  # else its time is over, and the next one is tried


async def current_step(world: World) -> int:
    """How many times 30 seconds it is since 1970 (RFC 6238), by the database's clock."""
    async with world.tools.database.side() as connection:
        step: int = await connection.fetchval("SELECT floor(extract(epoch FROM now()) / 30)::int")
        return step


async def code(world: World, totp: pyotp.TOTP, steps: int = 0) -> str:
    """The code of now, or of some steps later."""
    return totp.generate_otp(await current_step(world) + steps)
