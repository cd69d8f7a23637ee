"""A client's record: made, read, changed, put away."""

from uuid import uuid4

import pytest

from portal_api.models.clients import Client
from portal_api.schemas.clients import ClientCreate
from tests.entry import invited, open_practice, staff
from tests.world import Practice, World

SERVER_OWNED = sorted({column.name for column in Client.__table__.columns} - ClientCreate.model_fields.keys())


@pytest.fixture
async def practice(world: World) -> Practice:
    return await world.practice()


class TestCreate:
    async def test_what_is_sent_comes_back_normalised(self, world: World, practice: Practice) -> None:
        made = await world.client(
            practice.owner,
            preferred_name="Gracie",
            date_of_birth="1990-04-01",
            email="Grace@Harbor.example",
            phone="+1 (415) 555-2671",
            time_zone="America/New_York",
            practitioner_ids=[practice.staff_id],
            external_ids={"ehr": "P-1"},
            is_test=True,
        )
        assert (made["phone"], made["email"]) == ("+14155552671", "Grace@harbor.example")
        assert made["practitioner_ids"] == [practice.staff_id]
        assert (made["is_test"], made["portal_state"], made["external_ids"]) == (True, "none", {"ehr": "P-1"})
        got = await practice.owner.get(f"/v1/clients/{made['id']}")
        assert got.json() == made
        assert got.headers["etag"] == f'"v{made["version"]}"'

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("given_name", ""),
            ("given_name", "x" * 101),
            ("email", "no address"),
            ("phone", "12"),
            ("date_of_birth", "2999-01-01"),
            ("date_of_birth", "01.04.1990"),
            ("date_of_birth", "0"),
            ("date_of_birth", "1577836800"),
            ("date_of_birth", 0),
            ("date_of_birth", "1990-04-01T00:00:00Z"),
            ("time_zone", "Mars/Olympus"),
            ("practitioner_ids", ["x"]),
            ("external_ids", {"EHR": "1"}),
            ("is_test", "yes"),
        ],
    )
    async def test_bad_input_is_named(self, practice: Practice, field: str, value: object) -> None:
        body = {"given_name": "A", "family_name": "B", field: value}
        response = await practice.owner.post("/v1/clients", body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"].startswith(f"/{field}")

    async def test_only_staff_of_the_practice_can_be_named(self, world: World, practice: Practice) -> None:
        """A16."""
        other = await world.practice()
        for stranger in (str(uuid4()), other.staff_id):
            body = {"given_name": "A", "family_name": "B", "practitioner_ids": [stranger]}
            response = await practice.owner.post("/v1/clients", body)
            assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/practitioner_ids")

    async def test_an_external_id_belongs_to_one_client(self, world: World, practice: Practice) -> None:
        one = await world.client(practice.owner, external_ids={"ehr": "P-1"})
        body = {"given_name": "A", "family_name": "B", "external_ids": {"ehr": "P-1"}}
        taken = await practice.owner.post("/v1/clients", body)
        assert (taken.status_code, taken.json()["code"]) == (409, "external_id_taken")
        other = await world.client(practice.owner, external_ids={"lab": "P-1"})
        moved = await practice.owner.patch(f"/v1/clients/{other['id']}", {"external_ids": {"ehr": "P-1"}})
        assert moved.json()["code"] == "external_id_taken"
        freed = await practice.owner.patch(f"/v1/clients/{one['id']}", {"external_ids": {"ehr": None}})
        assert freed.json()["external_ids"] == {}
        assert (await practice.owner.post("/v1/clients", body)).status_code == 201

    @pytest.mark.parametrize("field", SERVER_OWNED)
    async def test_what_the_server_owns_cannot_be_sent(self, world: World, practice: Practice, field: str) -> None:
        """A17."""
        made = await world.client(practice.owner)
        body = {"given_name": "A", "family_name": "B", field: made.get(field, "x")}
        assert (await practice.owner.post("/v1/clients", body)).status_code == 422
        assert (await practice.owner.patch(f"/v1/clients/{made['id']}", {field: "x"})).status_code == 422


class TestUpdate:
    async def test_absent_stays_and_null_clears(self, world: World, practice: Practice) -> None:
        made = await world.client(practice.owner, email="grace@harbor.example", pronouns="she/her")
        changed = await practice.owner.patch(f"/v1/clients/{made['id']}", {"pronouns": None, "given_name": "Anna"})
        assert (changed.json()["pronouns"], changed.json()["given_name"]) == (None, "Anna")
        assert changed.json()["email"] == "grace@harbor.example"

    async def test_one_system_does_not_touch_the_ids_of_another(self, world: World, practice: Practice) -> None:
        """RFC 7396: a merge patch goes into the objects that it names."""
        made = await world.client(practice.owner, external_ids={"ehr": "P-1", "lab": "7"})
        path = f"/v1/clients/{made['id']}"
        added = await practice.owner.patch(path, {"external_ids": {"registry": "9", "lab": None}})
        assert added.json()["external_ids"] == {"ehr": "P-1", "registry": "9"}
        found = [await practice.owner.get("/v1/clients", params={"external_id": i}) for i in ("ehr:P-1", "lab:7")]
        assert [len(answer.json()["data"]) for answer in found] == [1, 0]
        full = await practice.owner.patch(path, {"external_ids": {f"s{n}": "x" for n in range(19)}})
        assert (full.status_code, full.json()["errors"][0]["pointer"]) == (422, "/external_ids")

    @pytest.mark.parametrize("field", ["given_name", "family_name", "practitioner_ids", "external_ids"])
    async def test_what_a_client_must_have_cannot_be_cleared(
        self, world: World, practice: Practice, field: str
    ) -> None:
        made = await world.client(practice.owner)
        response = await practice.owner.patch(f"/v1/clients/{made['id']}", {field: None})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{field}")

    async def test_a_stale_copy_is_refused_with_the_current_one(self, world: World, practice: Practice) -> None:
        made = await world.client(practice.owner)
        stale = {"If-Match": f'"v{made["version"]}"'}
        await practice.owner.patch(f"/v1/clients/{made['id']}", {"given_name": "One"})
        refused = await practice.owner.patch(f"/v1/clients/{made['id']}", {"given_name": "Two"}, headers=stale)
        assert (refused.status_code, refused.json()["current"]["given_name"]) == (412, "One")

    async def test_a_practitioner_can_hand_a_client_over(self, world: World, practice: Practice) -> None:
        _, practitioner = await staff(world, practice, "practitioner")
        made = await world.client(practitioner)
        handed = await practitioner.patch(f"/v1/clients/{made['id']}", {"practitioner_ids": [practice.staff_id]})
        assert (handed.status_code, handed.json()["practitioner_ids"]) == (200, [practice.staff_id])
        assert (await practitioner.get(f"/v1/clients/{made['id']}")).status_code == 404


class TestArchive:
    async def test_archived_is_out_of_the_list_and_can_come_back(self, world: World, practice: Practice) -> None:
        made = await world.client(practice.owner)
        path = f"/v1/clients/{made['id']}"
        archived = await practice.owner.post(f"{path}/archive")
        assert archived.json()["archived_at"] is not None
        assert (await practice.owner.get("/v1/clients")).json()["data"] == []
        listed = await practice.owner.get("/v1/clients", params={"archived": "true"})
        assert [row["id"] for row in listed.json()["data"]] == [made["id"]]
        assert (await practice.owner.post(f"{path}/restore")).json()["archived_at"] is None

    @pytest.mark.parametrize(("verbs", "state"), [(("archive", "archive"), "archived"), (("restore",), "active")])
    async def test_a_move_that_does_not_exist_is_refused(
        self, world: World, practice: Practice, verbs: tuple[str, ...], state: str
    ) -> None:
        made = await world.client(practice.owner)
        for verb in verbs:
            response = await practice.owner.post(f"/v1/clients/{made['id']}/{verb}")
        assert (response.status_code, response.json()["code"]) == (409, "invalid_state")
        assert response.json()["state"] == state

    async def test_who_was_only_invited_is_not_any_more(self, world: World) -> None:
        practice = await open_practice(world)
        client, _ = await invited(world, practice)
        archived = await practice.owner.post(f"/v1/clients/{client['id']}/archive")
        assert archived.json()["portal_state"] == "none"
