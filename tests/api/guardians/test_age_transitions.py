"""Ages that a practice chose: listed ahead, in force on the day, told to both sides (F6.B1, A09)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal_api.integrations.mail import SmtpMailer
from portal_api.jobs import JobContext
from portal_api.jobs import guardians as job
from portal_api.models.clients import ClientGrant
from tests.api.scheduling.held_time import Sql
from tests.entry import accept, bound, staff
from tests.families import ZONE, Family, open_family, turning
from tests.world import Caller, World

LISTED = "/v1/me/appointments"
RULES = "/v1/practice/age-transitions"
END = {"age": 18, "action": "end"}
NARROW = {"age": 16, "action": "narrow", "permissions": ["messages", "billing.view"]}


@pytest.fixture
async def family(world: World) -> Family:
    return await open_family(world)


async def status(caller: Caller, path: str = LISTED) -> int:
    return (await caller.get(path)).status_code


async def work(family: Family, *, every_practice: bool = False) -> None:
    """What the worker does each hour, and what follows from it."""
    settings = family.world.tools.settings
    context = JobContext(family.world.tools, SmtpMailer(settings.smtp_url, settings.mail_from))
    if every_practice:
        await job.hourly(context)
    else:
        await job.announce(context, UUID(family.practice.id))
    await family.world.run_jobs()


async def upcoming(family: Family, by: Caller | None = None, **query: Any) -> list[dict[str, Any]]:
    answer = await (by or family.owner).get("/v1/age-transitions", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def types(family: Family) -> list[str]:
    rows = (await family.owner.get("/v1/audit-events", params={"client_id": family.child_id, "limit": 100})).json()
    return [row["type"] for row in rows["data"]]


async def comes_of_age(family: Family, sql: Sql, guardian: dict[str, Any], age: int) -> None:
    """The birthday is today, and nobody was told of it yet: the clock cannot be moved, so what they were told is."""
    await family.born(turning(age))
    sql(
        "UPDATE guardian SET told_until = told_until - interval '1 year', transition_at = now() WHERE id = %s",
        guardian["id"],
    )


class TestRules:
    async def test_nothing_changes_at_any_age_until_a_practice_says_so(self, family: Family) -> None:
        assert (await family.owner.get(RULES)).json()["transitions"] == []
        await family.born(turning(40))
        _, caller = await family.parent()
        assert await status(caller) == 200

    async def test_they_are_kept_in_order_with_a_version(self, family: Family) -> None:
        put = await family.owner.put(RULES, {"transitions": [END, NARROW | {"invite": True}]})
        assert put.status_code == 200, put.text
        assert put.json()["transitions"] == [
            NARROW | {"invite": True},
            END | {"permissions": None, "invite": True},
        ]
        stale = await family.owner.put(RULES, {"transitions": []}, headers={"If-Match": '"v1"'})
        assert stale.status_code == 412
        _, colleague = await staff(family.world, family.practice, "practitioner")
        assert (await colleague.get(RULES)).json() == put.json()
        assert (await colleague.put(RULES, {"transitions": []})).status_code == 403

    @pytest.mark.parametrize(
        "transitions",
        [
            [END, END],
            [END | {"age": 16}, NARROW | {"age": 18}],
            [END | {"permissions": ["messages"]}],
            [{"age": 16, "action": "narrow"}],
            [NARROW | {"permissions": ["everything"]}],
            [END | {"age": 0}],
            [{"age": 18, "action": "tell"}],
        ],
        ids=str,
    )
    async def test_what_does_not_fit_is_refused(self, family: Family, transitions: list[dict[str, Any]]) -> None:
        assert (await family.owner.put(RULES, {"transitions": transitions})).status_code == 422


class TestInForce:
    """Access itself waits for no job."""

    async def test_the_day_before_and_the_day(self, family: Family) -> None:
        """A09, in the practice's zone."""
        await family.rules(END)
        await family.born(turning(18, days=1))
        guardian, caller = await family.parent()
        tomorrow = datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZONE)
        assert datetime.fromisoformat(guardian["ends_at"]) == midnight
        async with bound(family.world, family.practice) as session:
            stored = select(ClientGrant.valid_to).where(ClientGrant.client_id == UUID(family.child_id))
            assert await session.scalar(stored) == midnight
        assert await status(caller) == 200
        await family.born(turning(18))
        assert (await caller.get(LISTED)).json()["code"] == "no_portal_access"
        assert (await family.read(guardian))["state"] == "expired"
        await family.born(turning(17))
        assert await status(caller) == 200

    async def test_narrowed_to_what_is_left(self, family: Family) -> None:
        await family.rules(NARROW, END)
        await family.born(turning(16, days=1))
        guardian, caller = await family.parent(permissions=["appointments.view", "messages"])
        assert (guardian["effective_permissions"], guardian["narrowed_permissions"]) == (
            ["appointments.view", "messages"],
            ["messages"],
        )
        assert await status(caller) == 200
        await family.born(turning(16))
        assert await status(caller) == 403
        (profile,) = (await caller.get("/v1/me")).json()["profiles"]
        assert profile["permissions"] == ["messages"]
        seen = await family.read(guardian)
        assert (seen["permissions"], seen["effective_permissions"]) == (["appointments.view", "messages"], ["messages"])

    async def test_the_stored_moment_decides_to_the_second(self, family: Family, sql: Sql) -> None:
        """A09: the job has not run, and will not."""
        await family.rules(NARROW)
        await family.born(turning(16, days=30))
        _, caller = await family.parent(permissions=["appointments.view"])
        for ahead, expected in ((60, 200), (0, 403)):
            sql(
                "UPDATE client_grant SET narrows_at = now() + make_interval(secs => %s) WHERE client_id = %s",
                ahead,
                family.child_id,
            )
            assert await status(caller) == expected

    async def test_who_joins_after_the_day_has_what_is_left(self, family: Family) -> None:
        await family.rules(NARROW)
        await family.born(turning(17))
        guardian, _ = await family.parent(permissions=["appointments.view", "billing.view"])
        assert guardian["effective_permissions"] == ["billing.view"]

    async def test_staffs_own_end_is_kept_where_it_is_earlier(self, family: Family) -> None:
        await family.rules(END)
        await family.born(turning(17))
        guardian, caller = await family.parent()
        soon = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        await family.change(guardian, valid_to=soon)
        async with bound(family.world, family.practice) as session:
            stored = await session.scalar(
                select(ClientGrant.valid_to).where(ClientGrant.client_id == UUID(family.child_id))
            )
        assert stored == datetime.fromisoformat(soon)
        assert await status(caller) == 200

    async def test_new_rules_reach_who_is_there_already(self, family: Family) -> None:
        await family.born(turning(20))
        guardian, caller = await family.parent()
        assert await status(caller) == 200
        await family.rules(END)
        assert await status(caller) == 403
        await family.rules(END | {"age": 21})
        assert await status(caller) == 200
        assert (await family.read(guardian))["ends_at"] is not None

    async def test_staff_extend_with_a_reason(self, family: Family) -> None:
        await family.rules(NARROW, END)
        await family.born(turning(18))
        guardian, caller = await family.parent()
        assert await status(caller) == 403
        until = turning(0, days=90)
        path = f"{family.path(guardian)}/extend"
        extended = await family.owner.post(path, {"until": until.isoformat(), "reason": "Court order."})
        assert extended.status_code == 200, extended.text
        assert extended.json()["extension_reason"] == "Court order."
        assert (await status(caller), extended.json()["extended_to"]) == (200, extended.json()["ends_at"])
        for refused in ({"until": "2020-01-01", "reason": "x"}, {"until": until.isoformat()}):
            assert (await family.owner.post(path, refused)).status_code == 422
        assert "guardian.extended" in await types(family)


class TestAhead:
    async def test_upcoming_days_are_listed_the_next_first(self, family: Family) -> None:
        await family.rules(NARROW, END)
        sooner, later, far = [await family.child(given_name=f"Child {n}", email=family.world.email()) for n in range(3)]
        await family.born(turning(16, days=9), later)
        await family.born(turning(18, days=3), sooner)
        await family.born(turning(18, days=200), far)
        one, two = await family.add(sooner), await family.add(sooner, relationship="father")
        for child_id in (later, far, family.child_id):
            await family.add(child_id)
        found = await upcoming(family)
        assert [(row["client_id"], row["age"], row["action"]) for row in found] == [
            (sooner, 18, "end"),
            (later, 16, "narrow"),
        ]
        assert {guardian["id"] for guardian in found[0]["guardians"]} == {one["id"], two["id"]}
        assert (found[0]["email_known"], found[0]["has_login"]) == (True, False)
        assert [row["client_id"] for row in await upcoming(family, within_days=300)] == [sooner, later, far]
        assert [row["client_id"] for row in await upcoming(family, within_days=5)] == [sooner]
        page = (await family.owner.get("/v1/age-transitions", params={"limit": 1})).json()
        rest = await upcoming(family, limit=1, cursor=page["next_cursor"])
        assert [page["data"][0]["client_id"], rest[0]["client_id"]] == [sooner, later]

    async def test_only_of_the_own_clients(self, family: Family) -> None:
        await family.rules(END)
        await family.born(turning(18, days=3))
        await family.add()
        _, stranger = await staff(family.world, family.practice, "practitioner")
        assert len(await upcoming(family)) == 1
        assert await upcoming(family, by=stranger) == []


class TestForetold:
    """F6.B1: who works with the client is told a month ahead: time to extend, or to ask for an address."""

    async def daily(self, family: Family) -> None:
        settings = family.world.tools.settings
        context = JobContext(family.world.tools, SmtpMailer(settings.smtp_url, settings.mail_from))
        await job.realign(context, UUID(family.practice.id))
        await family.world.run_jobs()

    async def told(self, caller: Caller) -> list[str]:
        rows = (await caller.get("/v1/me/notifications")).json()["data"]
        return [row["path"] for row in rows if row["event_type"] == "guardian.change_ahead"]

    async def test_once_for_each_day_and_client(self, family: Family) -> None:
        await family.rules(NARROW, END)
        await family.born(turning(18, days=40))
        (_, mother), _ = await family.parent(), await family.add()
        await self.daily(family)
        assert await self.told(family.owner) == []
        await family.born(turning(18, days=20))
        for _ in range(2):
            await self.daily(family)
        chart = f"/clients/{family.child_id}/guardians"
        assert await self.told(family.owner) == [chart]
        await family.born(turning(18, days=10))
        await self.daily(family)
        assert await self.told(family.owner) == [chart, chart]
        assert await self.told(mother) == []
        assert "ahead" not in (await mother.get("/v1/me/access-history")).text

    async def test_who_works_with_the_client_hears_it_and_nobody_of_one_archived(self, family: Family) -> None:
        staff_id, practitioner = await staff(family.world, family.practice, "practitioner")
        await family.owner.patch(f"/v1/clients/{family.child_id}", {"practitioner_ids": [staff_id]})
        await family.rules(END)
        archived = await family.child()
        for child_id in (family.child_id, archived):
            await family.add(child_id)
            await family.born(turning(18, days=5), child_id)
        await family.owner.post(f"/v1/clients/{archived}/archive")
        await self.daily(family)
        assert await self.told(practitioner) == [f"/clients/{family.child_id}/guardians"]
        assert await self.told(family.owner) == []


class TestTheDay:
    @pytest.mark.every_practice
    @pytest.mark.whatever_rows
    async def test_both_are_told_and_the_young_adult_is_invited_once(self, family: Family, sql: Sql) -> None:
        await family.rules(END)
        address = family.world.email("young")
        await family.owner.patch(f"/v1/clients/{family.child_id}", {"email": address})
        await family.born(turning(18, days=1))
        guardian, caller = await family.parent()
        await work(family)
        assert "client.came_of_age" not in await types(family)
        await comes_of_age(family, sql, guardian, 18)
        for _ in range(2):
            await work(family, every_practice=True)
            told = await types(family)
            assert (told.count("guardian.access_ended"), told.count("client.came_of_age")) == (1, 1)
            assert told.count("invitation.created") == 2  # the guardian's, and now the client's
        mail = await family.world.mail(guardian["email"], "has ended")
        assert "Grace" not in mail.text
        young = await accept(
            family.world, await family.world.mailed_token(address), date_of_birth=turning(18).isoformat()
        )
        assert (await young.get("/v1/me")).json()["profiles"][0]["relationship"] == "self"
        assert await status(caller) == 403

    async def test_who_has_a_login_is_told_by_it(self, family: Family, sql: Sql) -> None:
        await family.rules(NARROW)
        address = family.world.email("young")
        await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": address})
        await accept(family.world, await family.world.mailed_token(address))
        await family.born(turning(16, days=2))
        guardian, _ = await family.parent()
        await comes_of_age(family, sql, guardian, 16)
        await work(family)
        assert "others may do for you" in (await family.world.mail(address, "others may do")).subject
        assert "has changed" in (await family.world.mail(guardian["email"], "has changed")).subject
        told = await types(family)
        assert (told.count("guardian.access_narrowed"), told.count("client.grew_older")) == (1, 1)
        assert told.count("invitation.created") == 2  # to narrow is to invite only where the practice says so

    async def test_without_an_address_or_with_a_guardians_nobody_is_invited(self, family: Family, sql: Sql) -> None:
        await family.rules(END)
        await family.born(turning(18, days=2))
        guardian, _ = await family.parent()
        sql("UPDATE client SET email = %s WHERE id = %s", guardian["email"], family.child_id)
        await comes_of_age(family, sql, guardian, 18)
        await work(family)
        told = await types(family)
        assert told.count("client.came_of_age") == 1
        assert (await family.owner.get(f"/v1/clients/{family.child_id}/invitations")).json()["data"] == []

    async def test_who_does_not_agree_to_be_mailed_is_not_invited(self, family: Family, sql: Sql) -> None:
        """F14.M5: nobody asked for it."""
        await family.rules(END)
        await family.born(turning(18, days=2))
        guardian, _ = await family.parent()
        chart = f"/v1/clients/{family.child_id}"
        own = {"email": family.world.email("child"), "contact_preferences": {"email": False}}
        assert (await family.owner.patch(chart, own)).is_success
        await comes_of_age(family, sql, guardian, 18)
        await work(family)
        assert (await types(family)).count("client.came_of_age") == 1
        assert (await family.owner.get(f"{chart}/invitations")).json()["data"] == []

    async def test_a_date_of_birth_that_was_wrong_is_no_birthday(self, family: Family, sql: Sql) -> None:
        await family.rules(END)
        await family.born(turning(18, days=1))
        guardian, _ = await family.parent()
        await family.born(turning(10))
        sql("UPDATE guardian SET transition_at = now() WHERE id = %s", guardian["id"])
        await work(family)
        assert "client.came_of_age" not in await types(family)
        assert (await family.read(guardian))["state"] == "active"
