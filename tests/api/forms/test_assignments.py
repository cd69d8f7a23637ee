"""Giving forms to clients: when they are due, for how long, and by which rule again (F8.M1, F8.B2)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.errors import Invalid
from portal_api.jobs import forms as jobs
from portal_api.models.clients import ClientGrant
from portal_api.models.forms import FormAssignment, FormRecurrence, FormTemplate
from portal_api.services import forms
from portal_api.services.forms import library
from tests.api.forms.desk import ASSIGNMENTS, MINE, Desk, Json, faults, open_desk, path_of
from tests.cast import House, build
from tests.entry import bound
from tests.people import guardian
from tests.world import World

DAILY: Json = {"rule": "every_days", "days": 14}
BEFORE: Json = {"rule": "before_appointment", "days": 3}


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


async def keep(desk: Desk) -> None:
    """What happens each quarter of an hour."""
    await jobs.keep(desk.world.jobs, UUID(desk.practice.id))


async def all_given(desk: Desk) -> list[Json]:
    """What the client has, oldest first."""
    answer = await desk.owner.get(path_of(desk.client_id), params={"limit": "100"})
    return list(reversed(answer.json()["data"]))


async def let_pass(desk: Desk, days: int) -> None:
    """So many days later, for the rules."""
    async with bound(desk.world, desk.practice) as session:
        next_on = FormRecurrence.next_on - func.make_interval(0, 0, 0, days)
        await session.execute(update(FormRecurrence).values(next_on=func.date(next_on)))


async def hand_in(desk: Desk, assignment: Json) -> None:
    path = f"{ASSIGNMENTS}/{assignment['id']}"
    saved = await desk.owner.patch(f"{path}/answers", {"answers": {"q1": "Sleep", "q2": "no"}})
    assert saved.status_code == 200, saved.text
    assert (await desk.owner.post(f"{path}/submit")).status_code == 200


async def today(desk: Desk) -> date:
    async with bound(desk.world, desk.practice) as session:
        found: date = (
            await session.execute(select(func.date(func.timezone("America/New_York", func.now()))))
        ).scalar_one()
        return found


class TestTerms:
    async def test_as_they_were_given(self, desk: Desk) -> None:
        day = str(await today(desk) + timedelta(days=5))
        given = await desk.given(due_on=day, expires_on=day, signers=["guardian:each", "practitioner"])
        assert (given["due_on"], given["expires_on"], given["overdue"]) == (day, day, False)
        assert given["signers"] == [{"role": "guardian:each"}, {"role": "practitioner"}]
        assert given["assigned_by"] == desk.owner.account["id"]
        listed = (await all_given(desk))[0]
        assert listed.items() <= given.items()

    @pytest.mark.parametrize("field", ["due_on", "expires_on"])
    @pytest.mark.parametrize("days", [-1, 4000])
    async def test_days_lie_ahead(self, desk: Desk, field: str, days: int) -> None:
        day = str(await today(desk) + timedelta(days=days))
        body = {"form_template_id": (await desk.published())["id"], field: day}
        assert faults(await desk.owner.post(path_of(desk.client_id), body)) == {f"/{field}": "out_of_range"}

    async def test_they_can_be_changed_while_it_waits(self, desk: Desk) -> None:
        given, day = await desk.given(), str(await today(desk) + timedelta(days=5))
        path = f"{ASSIGNMENTS}/{given['id']}"
        changed = await desk.owner.patch(path, {"due_on": day, "expires_on": day}, headers={"If-Match": '"v1"'})
        assert (changed.json()["due_on"], changed.json()["expires_on"]) == (day, day)
        stale = await desk.owner.patch(path, {"due_on": None}, headers={"If-Match": '"v1"'})
        assert (stale.status_code, stale.json()["current"]["due_on"]) == (412, day)
        assert (await desk.owner.patch(path, {"due_on": None})).json()["due_on"] is None
        assert faults(await desk.owner.patch(path, {"confidential": None})) == {"/confidential": "null_not_allowed"}
        past = str(await today(desk) - timedelta(days=1))
        assert faults(await desk.owner.patch(path, {"expires_on": past})) == {"/expires_on": "out_of_range"}
        await hand_in(desk, given)
        assert (await desk.owner.patch(path, {"due_on": day})).status_code == 409

    async def test_it_is_overdue_when_the_day_is_over(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        async with bound(desk.world, desk.practice) as session:
            await session.execute(update(FormAssignment).values(due_on=await today(desk) - timedelta(days=1)))
        assert (await client.get(f"{MINE}/{given['id']}")).json()["overdue"] is True
        assert (await client.get(MINE)).json()["data"][0]["overdue"] is True
        await hand_in(desk, given)
        assert (await desk.read(given))["overdue"] is False

    async def test_an_archived_client_is_given_nothing(self, desk: Desk) -> None:
        template = await desk.published()
        assert (await desk.owner.post(f"/v1/clients/{desk.client_id}/archive")).status_code == 200
        refused = await desk.owner.post(path_of(desk.client_id), {"form_template_id": template["id"]})
        assert (refused.status_code, refused.json()["state"]) == (409, "archived")

    async def test_a_client_of_somebody_else_is_not_there(self, desk: Desk) -> None:
        body = {"form_template_id": (await desk.published())["id"]}
        assert (await desk.owner.post(path_of(str(uuid4())), body)).status_code == 404
        other = await open_desk(desk.world)
        assert (await desk.owner.post(path_of(other.client_id), body)).status_code == 404

    async def test_an_archived_form_is_given_to_nobody(self, desk: Desk) -> None:
        template = await desk.published()
        given = await desk.assign(template)
        await desk.owner.delete(f"/v1/form-templates/{template['id']}")
        refused = await desk.owner.post(path_of(desk.client_id), {"form_template_id": template["id"]})
        assert faults(refused) == {"/form_template_id": "unknown_form"}
        await hand_in(desk, given)
        assert (await desk.read(given))["state"] == "submitted"


class TestSeveralAtOnce:
    """As an invitation gives them."""

    async def give(self, desk: Desk, *templates: str) -> int:
        async with bound(desk.world, desk.practice) as session:
            by = Principal(UUID(desk.practice.id), ActorKind.STAFF, Origin("test", ""), UUID(desk.owner.account["id"]))
            made = await forms.assign(session, UUID(desk.client_id), [UUID(each) for each in templates], by)
            return len(made)

    async def test_each_once_while_it_waits(self, desk: Desk) -> None:
        first, second = (await desk.published())["id"], (await desk.system("phq-9"))["id"]
        assert await self.give(desk, first, second, first) == 2
        assert await self.give(desk, first, second) == 0
        given = {form["form_template_id"]: form for form in await all_given(desk)}
        assert given.keys() == {first, second}
        await hand_in(desk, given[first])
        assert await self.give(desk, first, second) == 1

    async def test_a_form_that_is_none_is_refused(self, desk: Desk) -> None:
        with pytest.raises(Invalid) as refusal:
            await self.give(desk, (await desk.draft())["id"])
        assert refusal.value.faults[0].pointer == "/form_template_ids"


class TestByDate:
    async def test_again_after_so_many_days(self, desk: Desk) -> None:
        day = await today(desk)
        first = await desk.given(recurrence=DAILY, due_on=str(day + timedelta(days=2)))
        assert first["recurrence"] == DAILY
        await hand_in(desk, first)
        await keep(desk)
        assert len(await all_given(desk)) == 1
        await let_pass(desk, 14)
        await keep(desk)
        await keep(desk)
        _, second = await all_given(desk)
        assert (second["state"], second["recurrence"]) == ("assigned", DAILY)
        assert second["due_on"] == str(day + timedelta(days=2))
        assert second["assigned_by"] is None

    async def test_none_is_made_while_one_waits(self, desk: Desk) -> None:
        await desk.given(recurrence=DAILY)
        await let_pass(desk, 100)
        await keep(desk)
        assert len(await all_given(desk)) == 1

    async def test_what_was_missed_is_not_made_up_for(self, desk: Desk) -> None:
        first = await desk.given(recurrence=DAILY)
        await hand_in(desk, first)
        await let_pass(desk, 100)
        await keep(desk)
        await keep(desk)
        assert len(await all_given(desk)) == 2

    async def test_the_newest_version_is_given(self, desk: Desk) -> None:
        template = await desk.published()
        await hand_in(desk, await desk.assign(template, recurrence=DAILY))
        await desk.owner.patch(f"/v1/form-templates/{template['id']}", {"title": "Second"})
        await desk.owner.post(f"/v1/form-templates/{template['id']}/publish")
        await let_pass(desk, 14)
        await keep(desk)
        assert [form["version_number"] for form in await all_given(desk)] == [1, 2]

    async def test_a_rule_is_ended(self, desk: Desk) -> None:
        first = await desk.given(recurrence=DAILY)
        ended = await desk.owner.patch(f"{ASSIGNMENTS}/{first['id']}", {"recurrence": None})
        assert (ended.status_code, ended.json()["recurrence"]) == (200, None)
        await hand_in(desk, first)
        await let_pass(desk, 14)
        await keep(desk)
        assert len(await all_given(desk)) == 1

    async def test_taking_it_back_ends_its_rule(self, desk: Desk) -> None:
        first = await desk.given(recurrence=DAILY)
        taken = (await desk.owner.post(f"{ASSIGNMENTS}/{first['id']}/withdraw")).json()
        assert (taken["state"], taken["recurrence"]) == ("withdrawn", None)

    async def test_a_rule_for_a_guardian_who_left_ends(self, desk: Desk) -> None:
        mother = await guardian(desk.world, desk.practice, desk.client_id)
        first = await desk.given(recurrence=DAILY, for_account_id=mother.account["id"])
        await hand_in(desk, first)
        async with bound(desk.world, desk.practice) as session:
            await session.execute(update(ClientGrant).values(revoked_at=func.now()))
        await let_pass(desk, 14)
        await keep(desk)
        assert [form["recurrence"] for form in await all_given(desk)] == [None]

    @pytest.mark.parametrize(
        "rule", [{"rule": "every_days", "days": 0}, {"rule": "weekly", "days": 7}, {"rule": "every_days"}]
    )
    async def test_a_rule_that_makes_no_sense(self, desk: Desk, rule: Any) -> None:
        body = {"form_template_id": (await desk.published())["id"], "recurrence": rule}
        (pointer,) = faults(await desk.owner.post(path_of(desk.client_id), body))
        assert pointer.startswith("/recurrence/")


class TestBeforeAppointments:
    async def book(self, desk: Desk, hours: int) -> None:
        house = House(desk.world.app, desk.world.http, UUID(desk.practice.id))
        start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=hours)
        await house.appointment(UUID(desk.practice.staff_id), await house.service(), UUID(desk.client_id), start)

    async def test_one_before_each(self, desk: Desk) -> None:
        first = await desk.given(recurrence=BEFORE)
        await hand_in(desk, first)
        await self.book(desk, 24)
        await self.book(desk, 200)
        await keep(desk)
        await keep(desk)
        given = await all_given(desk)
        assert len(given) == 2
        assert given[1]["due_on"] in {str(await today(desk) + timedelta(days=n)) for n in (0, 1, 2)}
        await hand_in(desk, given[1])
        await keep(desk)
        assert len(await all_given(desk)) == 2

    async def test_none_while_one_waits(self, desk: Desk) -> None:
        """It is for the appointment that comes next: who has filled it in is not asked the same again before it."""
        first = await desk.given(recurrence=BEFORE)
        await self.book(desk, 24)
        await keep(desk)
        (waiting,) = await all_given(desk)
        assert waiting["due_on"] in {str(await today(desk) + timedelta(days=n)) for n in (0, 1, 2)}
        await hand_in(desk, first)
        await keep(desk)
        assert len(await all_given(desk)) == 1

    async def test_what_is_given_shortly_before_one_is_for_that_one(self, desk: Desk) -> None:
        await self.book(desk, 24)
        await hand_in(desk, await desk.given(recurrence=BEFORE))
        await keep(desk)
        assert len(await all_given(desk)) == 1

    async def test_the_next_is_given_once_the_one_before_has_begun(self, desk: Desk, sql: Any) -> None:
        await self.book(desk, 24)
        await self.book(desk, 48)
        await hand_in(desk, await desk.given(recurrence=BEFORE))
        await keep(desk)
        assert len(await all_given(desk)) == 1
        a_day_earlier = "starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day'"
        begun = f"UPDATE appointment SET {a_day_earlier} WHERE practice_id = %s AND starts_at < %s"
        sql(begun, desk.practice.id, datetime.now(UTC) + timedelta(hours=36))
        await keep(desk)
        await keep(desk)
        assert [form["state"] for form in await all_given(desk)] == ["submitted", "assigned"]

    async def test_a_cancelled_one_is_not_prepared(self, desk: Desk, sql: Any) -> None:
        await hand_in(desk, await desk.given(recurrence=BEFORE))
        await self.book(desk, 24)
        sql("UPDATE appointment SET state = 'cancelled', cancelled_at = now() WHERE practice_id = %s", desk.practice.id)
        await keep(desk)
        assert len(await all_given(desk)) == 1


class TestByTheClock:
    async def test_expired_ones_are_written_down_once(self, desk: Desk) -> None:
        given = await desk.given(expires_on=str(await today(desk)))
        async with bound(desk.world, desk.practice) as session:
            await session.execute(update(FormAssignment).values(expires_at=func.now()))
        await keep(desk)
        await keep(desk)
        assert (await desk.read(given))["state"] == "expired"
        events = (await desk.owner.get("/v1/audit-events", params={"limit": "100"})).json()["data"]
        assert [event["type"] for event in events if event["resource_id"] == given["id"]].count("form.expired") == 1

    async def test_a_practice_from_before_has_the_library_too(self, desk: Desk) -> None:
        house = await _bare(desk)
        async with house.session() as session:
            assert await forms.plant(session) > 10
        async with house.session() as session:
            assert await forms.plant(session) == 0

    async def test_a_new_text_of_the_library_is_a_new_version(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = await desk.system("consent-treatment")
        (form,) = [each for each in library.system_forms() if each.key == "consent-treatment"]
        newer = library.SystemForm(form.key, form.kind, form.content | {"title": "Consent, second edition"})
        monkeypatch.setattr(library, "system_forms", lambda: (newer,))
        await keep(desk)
        second = await desk.system("consent-treatment")
        assert (first["published_number"], second["published_number"]) == (1, 2)
        assert (second["id"], second["title"]) == (first["id"], "Consent, second edition")

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows
    async def test_every_practice_is_looked_after(self, desk: Desk) -> None:
        house = await _bare(desk)
        await jobs.sweep(desk.world.jobs)
        await desk.world.run_jobs()
        async with house.session() as session:
            assert await session.scalar(select(func.count()).select_from(FormTemplate).where(FormTemplate.system)) > 10


async def _bare(desk: Desk) -> House:
    """A practice without a form."""
    return await build(desk.world.app, desk.world.http)
