"""A client goes through the steps: saved one by one, judged by the server, completed once (F7.M1 to F7.M3)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.api.onboarding.people import (
    PROFILE,
    STATEMENT,
    ask,
    followed,
    guardian_of,
    invited,
    mine,
    published_form,
    save,
    states,
    step_of,
)
from tests.cast import House
from tests.entry import accept, invite, open_practice
from tests.people import grant
from tests.world import Caller, Practice, World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


class TestGiven:
    async def test_with_the_invitation(self, world: World, practice: Practice) -> None:
        """F7.M1: a snapshot, made before the client has a login."""
        chart = await world.client(practice.owner, email=world.email("client"), practitioner_ids=[practice.staff_id])
        assert (await followed(practice, chart))["state"] == "not_given"
        await invite(world, practice.owner, chart)
        given = await followed(practice, chart)
        assert (given["state"], given["source"], given["audience"]) == ("pending", "invitation", ["adult", "new"])
        assert (given["progress"], given["steps"][0]["key"]) == (0, "profile")

    async def test_with_credentials_and_with_an_association(self, world: World, practice: Practice) -> None:
        chart = await world.client(practice.owner)
        body = {"email": world.email("client"), "generate": True}
        assert (await practice.owner.put(f"/v1/clients/{chart['id']}/credentials", body)).status_code == 200
        assert (await followed(practice, chart))["source"] == "credentials"

    async def test_what_the_invitation_brings_waits_for_the_client(self, world: World, practice: Practice) -> None:
        """F3.M2: forms are assigned at once, and once, also where the flow asks for the same."""
        one, two = [await published_form(practice, title=title) for title in ("First", "Second")]
        await ask(practice, {"key": "intake", "kind": "intake", "form_template_id": one["id"]})
        _, client = await invited(world, practice, form_template_ids=[one["id"], two["id"]])
        forms = (await client.get("/v1/me/forms")).json()["data"]
        assert sorted(form["title"] for form in forms) == ["First", "Second"]
        step = step_of(await mine(client), "intake")
        assert step["form_assignment_id"] in [form["id"] for form in forms if form["title"] == "First"]

    async def test_an_invitation_with_an_unknown_form_is_none(self, world: World, practice: Practice) -> None:
        other = await open_practice(world)
        foreign = await published_form(other)
        chart = await world.client(practice.owner, email=world.email("client"))
        path = f"/v1/clients/{chart['id']}/invitations"
        refused = await practice.owner.post(path, {"form_template_ids": [foreign["id"]]})
        assert refused.status_code in (404, 422), refused.text
        assert (await practice.owner.get(path)).json()["data"] == []

    async def test_each_gets_what_applies_to_them(self, world: World, practice: Practice) -> None:
        """F7.M1: by age and by whether they are new, as they were when they were let in."""
        steps = [STATEMENT | {"key": who, "applies_to": [who]} for who in ("adult", "minor", "new", "existing")]
        await ask(practice, *steps, STATEMENT)
        child = await world.client(practice.owner, date_of_birth="2019-01-01", email=world.email("child"))
        await invite(world, practice.owner, child)
        assert [*states(await followed(practice, child))] == ["minor", "new", "rules"]
        _, client = await invited(world, practice)
        assert [*states(await mine(client))] == ["adult", "new", "rules"]

    async def test_a_step_of_a_service_is_for_who_has_an_appointment_of_it(
        self, world: World, practice: Practice
    ) -> None:
        """F7.M1."""
        house = House(world.app, world.http, UUID(practice.id))
        booked, other = [await house.service() for _ in range(2)]
        steps = [
            STATEMENT | {"key": f"of-{n}", "service_ids": ids} for n, ids in enumerate(([str(booked)], [str(other)]))
        ]
        flow = await ask(practice, *steps, STATEMENT)
        assert [step["service_ids"] for step in flow["steps"]] == [[str(booked)], [str(other)], []]
        chart = await world.client(practice.owner, email=world.email("client"), practitioner_ids=[practice.staff_id])
        at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
        await house.appointment(UUID(practice.staff_id), booked, UUID(chart["id"]), at)
        await invite(world, practice.owner, chart)
        assert [*states(await followed(practice, chart))] == ["of-0", "rules"]
        _, without = await invited(world, practice)
        assert [*states(await mine(without))] == ["rules"]

    async def test_a_group_that_is_off_is_no_step(self, world: World, practice: Practice) -> None:
        await ask(practice, client_information={"contact": {"enabled": False}})
        _, client = await invited(world, practice)
        assert "contact" not in states(await mine(client))
        off = await client.patch("/v1/me/profile", {"phone": "+14155552671"})
        assert off.json()["errors"][0]["code"] == "not_asked"

    async def test_staff_give_it_to_who_came_before(self, world: World, practice: Practice) -> None:
        chart = await world.client(practice.owner)
        path = f"/v1/clients/{chart['id']}/onboarding"
        assert (await practice.owner.post(path)).status_code == 201
        again = await practice.owner.post(path)
        assert (again.status_code, again.json()["state"]) == (409, "pending")


class TestSaving:
    async def test_it_is_resumed_where_it_was_left(self, world: World, practice: Practice) -> None:
        """F7.M2: saved per step, per cent by the server."""
        await ask(practice, PROFILE, {"key": "contact", "kind": "contact"}, STATEMENT)
        chart, client = await invited(world, practice)
        start = await mine(client)
        assert (start["state"], start["progress"], start["current_step"]) == ("pending", 0, "profile")
        assert step_of(start, "profile")["values"]["given_name"] == "Grace"
        after = await save(client, "profile", {"values": {"preferred_name": "Gracie"}})
        assert (after["state"], after["progress"], after["current_step"]) == ("in_progress", 33, "contact")
        partly = await save(client, "contact", {"values": {"time_zone": "Europe/Berlin"}})
        assert (step_of(partly, "contact")["state"], step_of(partly, "contact")["missing"]) == (
            "in_progress",
            ["phone"],
        )
        whole = await save(client, "contact", {"values": {"phone": "+1 415 555 2671"}})
        assert (step_of(whole, "contact")["state"], whole["current_step"]) == ("done", "rules")
        assert step_of(whole, "contact")["values"]["phone"] == "+14155552671"
        assert (await followed(practice, chart))["progress"] == 66

    async def test_what_staff_review_counts_as_answered(self, world: World, practice: Practice) -> None:
        """F7.B2: it waits in the queue, and stands in nobody's way."""
        await ask(practice, {"key": "contact", "kind": "contact"})
        chart, client = await invited(world, practice)
        await save(client, "contact", {"values": {"phone": "+14155552671"}})
        assert states(await followed(practice, chart)) == {"contact": "done"}
        (change,) = (await practice.owner.get("/v1/client-changes")).json()["data"]
        assert [field["name"] for field in change["fields"]] == ["phone"]

    @pytest.mark.parametrize(
        ("key", "body", "pointer"),
        [
            ("profile", {"values": {"phone": "+14155552671"}}, "/values/phone"),
            ("profile", {"values": {"given_name": None}}, "/values/given_name"),
            ("contact", {"values": {"time_zone": "Mars/Olympus"}}, "/values/time_zone"),
            ("contact", {"values": {"address": {"line1": "1 Quay"}}}, "/values/address/city"),
            ("profile", {"acknowledged": True}, "/acknowledged"),
            ("rules", {"values": {"preferred_name": "G"}}, "/values"),
            ("rules", {"acknowledged": False}, "/acknowledged"),
            ("rules", {"skipped": None}, "/skipped"),
            ("rules", {"acknowledged": True, "skipped": True}, "/acknowledged"),
            ("form", {"values": {"preferred_name": "G"}}, "/values"),
            ("profile", {"state": "done"}, "/state"),
        ],
    )
    async def test_bad_input_is_named(
        self, world: World, practice: Practice, key: str, body: dict[str, Any], pointer: str
    ) -> None:
        form = await published_form(practice)
        asked = {"key": "form", "kind": "intake", "form_template_id": form["id"]}
        await ask(practice, PROFILE, {"key": "contact", "kind": "contact"}, STATEMENT | {"skippable": True}, asked)
        _, client = await invited(world, practice)
        refused = await client.patch(f"/v1/me/onboarding/steps/{key}", body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text
        assert (await mine(client))["state"] == "pending"

    async def test_a_stale_copy_is_refused(self, world: World, practice: Practice) -> None:
        """F7.B6: two devices, and staff who change the chart under them."""
        chart, client = await invited(world, practice)
        copy = await client.get("/v1/me/onboarding")
        await save(client, "profile", {"values": {"preferred_name": "Gracie"}})
        body = {"values": {"preferred_name": "G"}}
        stale = await client.patch("/v1/me/onboarding/steps/profile", body, headers={"If-Match": copy.headers["etag"]})
        assert stale.status_code == 412
        assert step_of(stale.json()["current"], "profile")["values"]["preferred_name"] == "Gracie"
        copy = await client.get("/v1/me/onboarding")
        await practice.owner.patch(f"/v1/clients/{chart['id']}", {"preferred_name": "Graziella"})
        stale = await client.patch("/v1/me/onboarding/steps/profile", body, headers={"If-Match": copy.headers["etag"]})
        assert stale.status_code == 412
        fresh = {"If-Match": (await client.get("/v1/me/onboarding")).headers["etag"]}
        assert (await client.patch("/v1/me/onboarding/steps/profile", body, headers=fresh)).status_code == 200

    async def test_no_step_is_there_that_was_not_given(self, world: World, practice: Practice) -> None:
        _, client = await invited(world, practice)
        assert (await client.patch("/v1/me/onboarding/steps/nothing", {"values": {}})).status_code == 404

    async def test_a_step_may_be_left_out_and_taken_up_again_where_that_is_allowed(
        self, world: World, practice: Practice
    ) -> None:
        steps = [STATEMENT | {"key": "must"}, STATEMENT | {"key": "may", "skippable": True}]
        await ask(practice, *steps, STATEMENT | {"key": "extra", "required": False})
        _, client = await invited(world, practice)
        refused = await client.patch("/v1/me/onboarding/steps/must", {"skipped": True})
        assert (refused.status_code, refused.json()["code"]) == (409, "step_required")
        await save(client, "may", {"skipped": True})
        after = await save(client, "extra", {"skipped": True})
        assert states(after) == {"must": "open", "may": "skipped", "extra": "skipped"}
        assert states(await save(client, "may", {"skipped": False}))["may"] == "open"

    async def test_insurance_is_a_policy_or_none(self, world: World, practice: Practice) -> None:
        """Nobody is caught in a step that they cannot fill in."""
        await ask(practice, {"key": "insurance", "kind": "insurance"})
        _, client = await invited(world, practice)
        assert step_of(await mine(client), "insurance")["missing"] == ["policy"]
        assert states(await save(client, "insurance", {"values": {"self_pay": True}})) == {"insurance": "done"}
        await save(client, "insurance", {"values": {"self_pay": False}})
        assert states(await mine(client)) == {"insurance": "in_progress"}
        card = {"payer": "Blue Harbor Health", "member_id": "W1"}
        policy = await client.post("/v1/me/insurance-policies", card)
        assert states(await mine(client)) == {"insurance": "done"}
        await practice.owner.post(f"/v1/insurance-policies/{policy.json()['id']}/reject")
        assert states(await mine(client)) == {"insurance": "in_progress"}

    async def test_a_form_is_done_where_forms_are_done(self, world: World, practice: Practice) -> None:
        form = await published_form(practice)
        await ask(practice, {"key": "intake", "kind": "intake", "form_template_id": form["id"]})
        _, client = await invited(world, practice)
        step = step_of(await mine(client), "intake")
        assert (step["state"], step["missing"]) == ("open", ["answers"])
        path = f"/v1/me/forms/{step['form_assignment_id']}"
        assert (await client.patch(path, {"answers": {"q1": "Sleep"}})).status_code == 200
        assert states(await mine(client)) == {"intake": "in_progress"}
        assert (await client.post(f"{path}/submit")).status_code == 200
        assert (await mine(client))["progress"] == 100

    async def test_a_consent_is_done_once_it_is_signed(self, world: World, practice: Practice) -> None:
        form = await published_form(practice, kind="consent", signers=["client"])
        await ask(practice, {"key": "consent", "kind": "consent", "form_template_id": form["id"]})
        _, client = await invited(world, practice)
        path = f"/v1/me/forms/{step_of(await mine(client), 'consent')['form_assignment_id']}"
        await client.patch(path, {"answers": {"q1": "Sleep"}})
        assert (await client.post(f"{path}/submit")).status_code == 200
        step = step_of(await mine(client), "consent")
        assert (step["state"], step["missing"]) == ("in_progress", ["signature"])
        signed = await client.post(f"{path}/sign", {"printed_name": "Grace Client", "agree": True})
        assert signed.status_code == 200, signed.text
        assert states(await mine(client)) == {"consent": "done"}

    async def test_what_only_the_practice_signs_is_done_once_it_is_handed_in(
        self, world: World, practice: Practice
    ) -> None:
        """F7.M2: nobody waits for a signature that is not theirs to give."""
        form = await published_form(practice, signers=["practitioner"])
        await ask(practice, {"key": "intake", "kind": "intake", "form_template_id": form["id"]})
        _, client = await invited(world, practice)
        path = f"/v1/me/forms/{step_of(await mine(client), 'intake')['form_assignment_id']}"
        await client.patch(path, {"answers": {"q1": "Sleep"}})
        assert (await client.post(f"{path}/submit")).status_code == 200
        assert states(await mine(client)) == {"intake": "done"}
        assert (await client.post("/v1/me/onboarding/complete")).status_code == 200


class TestCompletion:
    async def test_open_steps_are_named(self, world: World, practice: Practice) -> None:
        """F7.M2."""
        await ask(practice, {"key": "demographics", "kind": "demographics"}, STATEMENT | {"required": False})
        _, client = await invited(world, practice)
        refused = await client.post("/v1/me/onboarding/complete")
        assert (refused.status_code, refused.json()["code"]) == (409, "onboarding_incomplete")
        (left,) = refused.json()["open_steps"]
        assert (left["key"], left["missing"]) == ("demographics", ["date_of_birth"])

    async def test_it_is_over_once_and_the_practitioner_is_told(
        self, world: World, practice: Practice, sql: Sql
    ) -> None:
        """F7.M3: of many requests at once one completes it, and there is one event."""
        await ask(practice, STATEMENT, STATEMENT | {"key": "extra", "required": False})
        chart, client = await invited(world, practice)
        shown = await save(client, "rules", {"acknowledged": True})
        assert (shown["progress"], shown["can_complete"]) == (50, True)
        answers = await asyncio.gather(*(client.post("/v1/me/onboarding/complete") for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
        done = next(answer.json() for answer in answers if answer.status_code == 200)
        assert (done["state"], done["progress"], done["current_step"]) == ("completed", 100, None)
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert (refused["code"], refused["state"]) == ("invalid_state", "completed")
        events = "SELECT count(*) FROM event WHERE type = 'onboarding.completed' AND practice_id = %s"
        assert sql(events, practice.id) == [(1,)]
        assert (await followed(practice, chart))["completed_by"] == client.account["id"]
        late = await client.patch("/v1/me/onboarding/steps/extra", {"acknowledged": True})
        assert (late.status_code, late.json()["state"]) == (409, "completed")

    async def test_a_step_added_later_reaches_those_who_have_not_finished(
        self, world: World, practice: Practice
    ) -> None:
        """F7.M3."""
        await ask(practice, STATEMENT)
        done, finished = await invited(world, practice)
        await save(finished, "rules", {"acknowledged": True})
        assert (await finished.post("/v1/me/onboarding/complete")).status_code == 200
        chart, client = await invited(world, practice)
        form = await published_form(practice)
        intake = {"key": "intake", "kind": "intake", "form_template_id": form["id"]}
        await ask(practice, STATEMENT, intake)
        await world.run_jobs()
        assert [*states(await followed(practice, chart))] == ["rules", "intake"]
        assert step_of(await mine(client), "intake")["form_assignment_id"] is not None
        assert [*states(await followed(practice, done))] == ["rules"]
        assert (await finished.get("/v1/me/forms")).json()["data"] == []

    async def test_it_is_not_completed_past_a_step_that_was_just_added(self, world: World, practice: Practice) -> None:
        """Also before the job has come to them."""
        await ask(practice, STATEMENT)
        _, client = await invited(world, practice)
        await save(client, "rules", {"acknowledged": True})
        await ask(practice, STATEMENT, STATEMENT | {"key": "more"})
        refused = await client.post("/v1/me/onboarding/complete")
        assert [step["key"] for step in refused.json()["open_steps"]] == ["more"]
        assert states(await save(client, "more", {"acknowledged": True})) == {"rules": "done", "more": "done"}
        assert (await client.post("/v1/me/onboarding/complete")).status_code == 200

    async def test_what_was_given_stays_as_it_was(self, world: World, practice: Practice) -> None:
        """F7.M1: a snapshot."""
        await ask(practice, STATEMENT)
        chart, _ = await invited(world, practice)
        await ask(practice, STATEMENT | {"title": "New rules", "required": False}, PROFILE)
        await world.run_jobs()
        rules = step_of(await followed(practice, chart), "rules")
        assert (rules["title"], rules["required"]) == ("House rules", True)

    async def test_who_was_never_asked_has_nothing_to_do(self, world: World, practice: Practice) -> None:
        from tests.people import client_login

        chart = await world.client(practice.owner)
        client = await client_login(world, practice, chart["id"])
        shown = await mine(client)
        assert (shown["state"], shown["steps"], shown["progress"]) == ("not_given", [], 100)
        assert (await client.post("/v1/me/onboarding/complete")).status_code == 404


class TestStaff:
    async def test_they_help_out_of_a_step(self, world: World, practice: Practice) -> None:
        await ask(practice, STATEMENT)
        chart, client = await invited(world, practice)
        path = f"/v1/clients/{chart['id']}/onboarding/steps/rules"
        skipped = await practice.owner.post(f"{path}/skip")
        step = step_of(skipped.json(), "rules")
        assert (step["state"], step["skipped_by_staff"]) == ("skipped", True)
        assert (await mine(client))["can_complete"] is True
        assert step_of((await practice.owner.post(f"{path}/reset")).json(), "rules")["state"] == "open"
        await save(client, "rules", {"acknowledged": True})
        await client.post("/v1/me/onboarding/complete")
        for verb in ("skip", "reset"):
            refused = await practice.owner.post(f"{path}/{verb}")
            assert (refused.status_code, refused.json()["state"]) == (409, "completed")

    async def test_only_those_who_see_the_client(self, world: World, practice: Practice) -> None:
        """A16."""
        from portal_api.core.access import Role
        from tests.people import colleague

        chart, _ = await invited(world, practice)
        path = f"/v1/clients/{chart['id']}/onboarding"
        stranger, _ = await colleague(world, practice, Role.PRACTITIONER)
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.post(f"{path}/steps/profile/skip")).status_code == 404
        for role in (Role.BILLER, Role.SCHEDULER):
            caller, _ = await colleague(world, practice, role)
            assert (await caller.get(path)).status_code == 403


class TestGuardians:
    async def test_a_guardian_does_it_within_the_grant(self, world: World, practice: Practice) -> None:
        """F6.M1: what they may not do is no step of theirs."""
        await ask(practice, PROFILE, {"key": "insurance", "kind": "insurance", "required": False}, STATEMENT)
        child = await world.client(practice.owner, date_of_birth="2019-01-01")
        await practice.owner.post(f"/v1/clients/{child['id']}/onboarding")
        one = await guardian_of(world, practice, child, "demographics.edit")
        assert [*states(await mine(one))] == ["profile"]
        assert (await one.patch("/v1/me/onboarding/steps/rules", {"acknowledged": True})).status_code == 404
        nothing = await guardian_of(world, practice, child, "appointments.view")
        assert (await nothing.get("/v1/me/onboarding")).status_code == 403
        await save(one, "profile", {"values": {"preferred_name": "Bee"}})
        assert (await mine(one))["can_complete"] is True  # nobody is there who could do the rest
        other = await guardian_of(world, practice, child, "forms.complete")
        shown = await mine(one)
        assert (shown["can_complete"], shown["waits_for_others"]) == (False, True)
        refused = await one.post("/v1/me/onboarding/complete")
        assert (refused.status_code, refused.json()["open_steps"]) == (409, [])
        await save(other, "rules", {"acknowledged": True})
        assert (await one.post("/v1/me/onboarding/complete")).json()["state"] == "completed"

    async def test_some_steps_are_for_the_guardian_and_some_for_the_child(
        self, world: World, practice: Practice
    ) -> None:
        """F7.M1."""
        for_child, for_guardian = [STATEMENT | {"key": who, "applies_to": [who]} for who in ("self", "guardian")]
        await ask(practice, for_child, for_guardian)
        child, young = await invited(world, practice)
        parent = await guardian_of(world, practice, child, "forms.complete")
        assert ([*states(await mine(young))], [*states(await mine(parent))]) == (["self"], ["guardian"])
        await save(parent, "guardian", {"acknowledged": True})
        assert (await parent.post("/v1/me/onboarding/complete")).status_code == 409
        await save(young, "self", {"acknowledged": True})
        assert (await young.post("/v1/me/onboarding/complete")).status_code == 200

    async def test_of_several_children_the_one_is_named(self, world: World, practice: Practice) -> None:
        one, two = [await world.client(practice.owner, given_name=name) for name in ("Ann", "Bee")]
        for child in (one, two):
            await practice.owner.post(f"/v1/clients/{child['id']}/onboarding")
        parent = await guardian_of(world, practice, one, "demographics.edit")
        await grant(world, practice, parent.account["id"], two["id"], "parent", ("demographics.edit",))
        unclear = await parent.get("/v1/me/onboarding")
        assert (unclear.status_code, unclear.json()["errors"][0]["pointer"]) == (422, "/client_id")
        assert (await mine(parent, client_id=two["id"]))["client_id"] == two["id"]
        body = {"values": {"preferred_name": "B"}}
        await save(parent, "profile", body, params={"client_id": two["id"]})
        assert (await mine(parent, client_id=one["id"]))["state"] == "pending"
        stranger = await world.client(practice.owner)
        refused = await parent.post("/v1/me/onboarding/complete", {"client_id": stranger["id"]})
        assert refused.status_code == 404


async def test_another_invitation_does_not_begin_anew(world: World, practice: Practice) -> None:
    chart = await world.client(practice.owner, email=world.email("client"))
    await invite(world, practice.owner, chart)
    before = await followed(practice, chart)
    await invite(world, practice.owner, chart)
    client: Caller = await accept(world, await world.mailed_token(chart["email"]))
    assert (await followed(practice, chart))["given_at"] == before["given_at"]
    assert (await mine(client))["state"] == "pending"
