"""Lists of clients: searched, paged, mirrored."""

from typing import Any

import pytest

from tests.entry import staff
from tests.world import Caller, Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await world.practice()


async def found(caller: Caller, **params: Any) -> list[str]:
    response = await caller.get("/v1/clients", params=params)
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()["data"]]


class TestSearch:
    @pytest.mark.parametrize(
        "q",
        [
            "mari",
            "MARIA",
            "Østergaard",
            "maria øst",
            "Østergaard, Maria",
            "mia østergaard",
            "maria.o@",
            "HARBOR.example",
            "+14155552671",
            "(415) 555-2671",
            "415.555.2671",
            "555 2671",
            "001 415 555",
            "0415 555",
        ],
    )
    async def test_names_in_any_order_addresses_and_numbers_as_people_type_them(
        self, world: World, practice: Practice, q: str
    ) -> None:
        wanted = await world.client(
            practice.owner,
            given_name="Maria",
            family_name="Østergaard",
            preferred_name="Mia",
            email="Maria.O@harbor.example",
            phone="+14155552671",
        )
        await world.client(practice.owner, given_name="Joan", family_name="Other", phone="+4930901820")
        assert await found(practice.owner, q=q) == [wanted["id"]]

    @pytest.mark.parametrize("q", ["%", "__", "--", "\\\\", "nobody at all", "' OR 1=1"])
    async def test_what_is_not_there_is_not_found(self, world: World, practice: Practice, q: str) -> None:
        await world.client(practice.owner)
        response = await practice.owner.get("/v1/clients", params={"q": q})
        assert response.status_code in (200, 422)
        assert response.json().get("data", []) == []

    async def test_a_changed_name_is_found_by_the_new_one_only(self, world: World, practice: Practice) -> None:
        made = await world.client(practice.owner, given_name="Before")
        await practice.owner.patch(f"/v1/clients/{made['id']}", {"given_name": "After"})
        assert await found(practice.owner, q="before") == []
        assert await found(practice.owner, q="after") == [made["id"]]

    async def test_by_practitioner_and_by_external_id(self, world: World, practice: Practice) -> None:
        other = await world.client(practice.owner, external_ids={"lab": "P:1"})
        wanted = await world.client(practice.owner, practitioner_ids=[practice.staff_id], external_ids={"ehr": "P:1"})
        assert await found(practice.owner, practitioner_id=practice.staff_id) == [wanted["id"]]
        assert await found(practice.owner, external_id="ehr:P:1") == [wanted["id"]]
        assert await found(practice.owner, external_id="lab:P:1") == [other["id"]]
        assert await found(practice.owner, external_id="lab:P") == []
        assert (await practice.owner.get("/v1/clients", params={"external_id": "lab"})).status_code == 422


class TestPages:
    async def test_every_client_once_newest_first(self, world: World, practice: Practice) -> None:
        made = [(await world.client(practice.owner))["id"] for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await practice.owner.get("/v1/clients", params=params)).json()
            seen += [row["id"] for row in page["data"]]
            cursor = page["next_cursor"]
        assert (seen, cursor) == (made[::-1], None)

    @pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
    async def test_a_limit_is_1_to_100(self, practice: Practice, limit: str) -> None:
        assert (await practice.owner.get("/v1/clients", params={"limit": limit})).status_code == 422

    async def test_a_cursor_works_for_its_own_caller_list_and_filter_only(
        self, world: World, practice: Practice
    ) -> None:
        """A19."""
        for _ in range(2):
            await world.client(practice.owner)
        _, admin = await staff(world, practice, "admin")
        cursor = (await practice.owner.get("/v1/clients", params={"limit": 1})).json()["next_cursor"]
        right = {"limit": 1, "cursor": cursor}
        assert (await practice.owner.get("/v1/clients", params=right)).status_code == 200
        strangers = (admin, (await world.practice()).owner)
        answers = [await caller.get("/v1/clients", params=right) for caller in strangers]
        answers.append(await practice.owner.get("/v1/clients", params=right | {"q": "grace"}))
        answers.append(await practice.owner.get("/v1/clients", params=right | {"archived": "true"}))
        assert [(a.status_code, a.json()["code"]) for a in answers] == [(400, "invalid_cursor")] * 4

    async def test_a_cursor_with_any_byte_flipped_is_refused(self, world: World, practice: Practice) -> None:
        """A19."""
        for _ in range(2):
            await world.client(practice.owner)
        cursor = (await practice.owner.get("/v1/clients", params={"limit": 1})).json()["next_cursor"]
        bent = [cursor[:i] + ("A" if c != "A" else "B") + cursor[i + 1 :] for i, c in enumerate(cursor)]
        for text in (*bent, cursor[:-1], cursor + "A", "x", "é", "=" * 8):
            response = await practice.owner.get("/v1/clients", params={"limit": 1, "cursor": text})
            assert response.status_code == 400, text


class TestChanges:
    async def test_what_changed_since_oldest_first_with_tombstones(self, world: World, practice: Practice) -> None:
        one, two, three = [await world.client(practice.owner) for _ in range(3)]
        since = three["updated_at"]
        await practice.owner.post(f"/v1/clients/{two['id']}/archive")
        await practice.owner.patch(f"/v1/clients/{one['id']}", {"practitioner_ids": [practice.staff_id]})
        page = (await practice.owner.get("/v1/clients", params={"updated_since": since})).json()
        assert [row["id"] for row in page["data"]] == [three["id"], two["id"], one["id"]]
        assert [row["archived_at"] is not None for row in page["data"]] == [False, True, False]

    async def test_it_is_paged_by_when_things_changed(self, world: World, practice: Practice) -> None:
        made = [await world.client(practice.owner) for _ in range(3)]
        params: dict[str, Any] = {"updated_since": made[0]["created_at"], "limit": 2}
        first = (await practice.owner.get("/v1/clients", params=params)).json()
        second = await practice.owner.get("/v1/clients", params=params | {"cursor": first["next_cursor"]})
        rows = first["data"] + second.json()["data"]
        assert [row["id"] for row in rows] == [client["id"] for client in made]
        assert second.json()["next_cursor"] is None

    @pytest.mark.parametrize("loose", ["0", "1577836800", "1577836800.5", "2020-01-01T00:00:00", "2020-01-01"])
    async def test_an_instant_is_written_as_rfc_3339_says(self, practice: Practice, loose: str) -> None:
        """Neither seconds nor milliseconds of an epoch, which nobody can tell apart, nor a time without a zone."""
        refused = await practice.owner.get("/v1/clients", params={"updated_since": loose})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/updated_since")

    @pytest.mark.parametrize(
        "other", [{"q": "grace"}, {"archived": "true"}, {"external_id": "ehr:1"}, {"updated_since": "yesterday"}]
    )
    async def test_it_takes_no_other_filter_and_no_loose_time(self, practice: Practice, other: dict[str, str]) -> None:
        params = {"updated_since": "2020-01-01T00:00:00Z"} | other
        assert (await practice.owner.get("/v1/clients", params=params)).status_code == 422
