"""What is settled about a child: for staff alone (F6.B2)."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from portal_api.models.documents import DataKey, Document, StoredFile
from tests.entry import accept, staff
from tests.families import Family, open_family
from tests.world import World

NOBODYS_ID = "018f0000-0000-7000-8000-000000000000"

FATHER = {"given_name": "Paul", "family_name": "Van Dyke"}


@pytest.fixture
async def family(world: World) -> Family:
    return await open_family(world)


async def settle(family: Family, **fields: Any) -> httpx.Response:
    return await family.owner.patch(f"/v1/clients/{family.child_id}/custody", fields)


async def settled(family: Family, **fields: Any) -> dict[str, Any]:
    response = await settle(family, **fields)
    assert response.status_code == 200, response.text
    record: dict[str, Any] = response.json()
    return record


class TestRecord:
    async def test_nothing_is_settled_at_first(self, family: Family) -> None:
        answer = await family.owner.get(f"/v1/clients/{family.child_id}/custody")
        assert answer.json() == {
            "client_id": family.child_id,
            "arrangement": None,
            "signature_policy": "any_one",
            "order_document_id": None,
            "notes": None,
            "no_contact": [],
            "payment_shares": [],
            "updated_at": None,
            "version": 0,
        }

    async def test_what_is_given_is_kept_and_the_rest_stays(self, family: Family) -> None:
        first = await settled(family, arrangement="joint", notes="Weeks alternate.", signature_policy="all_guardians")
        assert (first["arrangement"], first["signature_policy"]) == ("joint", "all_guardians")
        second = await settled(family, notes=None, no_contact=[FATHER])
        assert (second["arrangement"], second["notes"]) == ("joint", None)
        assert second["no_contact"] == [FATHER | {"email": None, "notes": None}]
        path = f"/v1/clients/{family.child_id}/custody"
        assert (await family.owner.get(path)).json() == second
        stale = await family.owner.patch(path, {"notes": "x"}, headers={"If-Match": f'"v{first["version"]}"'})
        assert (stale.status_code, stale.json()["current"]) == (412, second)

    @pytest.mark.parametrize(
        "fields",
        [
            {"arrangement": "shared"},
            {"signature_policy": None},
            {"no_contact": None},
            {"no_contact": [{"given_name": "Paul"}]},
            {"payment_shares": [{"guardian_id": NOBODYS_ID, "percent": 100}]},
            {"order_document_id": NOBODYS_ID},
            {"client_id": NOBODYS_ID},
        ],
        ids=str,
    )
    async def test_what_does_not_fit_is_refused(self, family: Family, fields: dict[str, Any]) -> None:
        refused = await settle(family, **fields)
        assert refused.status_code == 422, refused.text
        assert (await family.owner.get(f"/v1/clients/{family.child_id}/custody")).json()["version"] == 0

    async def test_who_pays_comes_to_a_hundred(self, family: Family) -> None:
        one, two = await family.add(), await family.add()
        halves = [{"guardian_id": each["id"], "percent": 50} for each in (one, two)]
        assert (await settled(family, payment_shares=halves))["payment_shares"] == halves
        less = [{"guardian_id": one["id"], "percent": 90}]
        assert (await settle(family, payment_shares=less)).status_code == 422
        stranger = await family.add(await family.child())
        foreign = [{"guardian_id": stranger["id"], "percent": 100}]
        assert (await settle(family, payment_shares=foreign)).json()["errors"][0]["code"] == "unknown_guardian"
        assert (await settled(family, payment_shares=[]))["payment_shares"] == []

    async def test_the_order_is_a_document_of_this_child(self, family: Family) -> None:
        """A16"""
        own = await document(family, UUID(family.child_id))
        assert (await settled(family, order_document_id=str(own)))["order_document_id"] == str(own)
        foreign = await document(family, UUID(await family.child()))
        refused = await settle(family, order_document_id=str(foreign))
        assert refused.json()["errors"][0]["pointer"] == "/order_document_id"
        assert (await settled(family, order_document_id=None))["order_document_id"] is None

    async def test_the_order_stays_while_it_is_named(self, family: Family) -> None:
        """F6.B2"""
        order = await document(family, UUID(family.child_id))
        await settled(family, order_document_id=str(order))
        kept = await family.owner.delete(f"/v1/documents/{order}")
        assert (kept.status_code, kept.json()["code"]) == (409, "document_in_use")
        assert (await family.owner.get(f"/v1/documents/{order}")).status_code == 200
        await settled(family, order_document_id=None)
        assert (await family.owner.delete(f"/v1/documents/{order}")).status_code == 204


class TestNoContact:
    @pytest.mark.parametrize(
        "person",
        [
            {"given_name": "PAUL", "family_name": "van  Dyke"},
            {"given_name": "Paul", "family_name": "Van Dyke", "email": "someone-else@harbor.example"},
            {"given_name": "P.", "family_name": "V.", "email": "Paul@harbor.example"},
        ],
    )
    async def test_nobody_of_this_name_or_address_is_added(self, family: Family, person: dict[str, str]) -> None:
        await settled(family, no_contact=[FATHER | {"email": "paul@harbor.example"}])
        refused = await family.ask(**person)
        assert (refused.status_code, refused.json()["code"]) == (409, "no_contact")
        await family.add(given_name="Paula", family_name="Van Dyke")
        await family.add(await family.child(), **person)

    async def test_nor_renamed_into_it_nor_invited(self, family: Family) -> None:
        guardian = await family.add(given_name="Paula", family_name="Van Dyke")
        await settled(family, no_contact=[FATHER])
        renamed = await family.owner.patch(family.path(guardian), {"given_name": "Paul"})
        assert (renamed.status_code, renamed.json()["code"]) == (409, "no_contact")
        await family.invite(guardian)

    async def test_who_acts_for_the_child_is_out_at_once(self, family: Family) -> None:
        guardian, caller = await family.parent(**FATHER)
        other, other_caller = await family.parent()
        await settled(family, no_contact=[FATHER])
        assert (await caller.get("/v1/me/appointments")).status_code == 403
        assert (await other_caller.get("/v1/me/appointments")).status_code == 200
        gone = await family.read(guardian)
        assert (gone["state"], gone["revocation_reason"]) == ("revoked", "no_contact")
        assert (await family.read(other))["state"] == "active"

    async def test_an_open_link_is_void(self, family: Family) -> None:
        guardian = await family.add(**FATHER)
        token = await family.invite(guardian)
        await settled(family, no_contact=[FATHER])
        taken = await family.world.http.post(
            "/v1/invitations/accept", json={"token": token, "password": "seven green kites over town"}
        )
        assert (taken.status_code, taken.json()["state"]) == (410, "revoked")


class TestForStaffAlone:
    async def test_no_guardian_and_no_client_reads_it(self, family: Family) -> None:
        await settled(family, notes="Canary notes.", no_contact=[FATHER])
        _, parent = await family.parent()
        address = family.world.email("child")
        await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": address})
        child = await accept(family.world, await family.world.mailed_token(address))
        for caller in (parent, child):
            assert (await caller.get(f"/v1/clients/{family.child_id}/custody")).status_code == 403
            history = (await caller.get("/v1/me/access-history", params={"limit": 100})).text
            assert "Canary" not in history
            assert "Van Dyke" not in history
        assert "custody" not in (await parent.get("/v1/me/access-history")).text

    async def test_only_for_who_sees_the_child(self, family: Family) -> None:
        await settled(family, notes="Canary notes.")
        _, stranger = await staff(family.world, family.practice, "practitioner")
        path = f"/v1/clients/{family.child_id}/custody"
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.patch(path, {"notes": None})).status_code == 404


async def document(family: Family, client_id: UUID) -> UUID:
    """A document of a client, without a file that anybody could read."""
    key = DataKey(id=uuid4(), sealed_key=b"sealed")
    kept = {"key": f"{uuid4()}", "size_bytes": 1, "sha256": b"0" * 32, "media_type": "text/plain"}
    file = StoredFile(id=uuid4(), state="clean", data_key_id=key.id, **kept)
    about = {"title": "Order", "file_name": "order.txt", "purpose": "custody_order", "source": "staff"}
    made = Document(id=uuid4(), client_id=client_id, file_id=file.id, **about)
    async with family.house.session() as session:
        for row in (key, file, made):
            session.add(row)
            await session.flush()
    return made.id
