"""A child of twelve, two parents who live apart, until the child is grown up: every step over a socket and by mail."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader
from sqlalchemy import make_url

from portal_api.core.access import GrantPermission
from tests.families import turning
from tests.journeys.people import People, expect
from tests.journeys.server import Server
from tests.world import PASSWORD, Caller

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
EVERYTHING = [permission.value for permission in GrantPermission]
OF_THE_FATHER = ["appointments.view", "forms.complete", "forms.sign", "messages"]
AT_SIXTEEN = {"age": 16, "action": "narrow", "permissions": ["appointments.view", "documents.view"]}
AT_EIGHTEEN = {"age": 18, "action": "end"}
RULES = {"key": "rules", "kind": "statement", "title": "House rules", "text": "Please be on time."}
CONSENT = "consent-treatment"
MOTHER, FATHER = "Ruth Inland", "Paul Seaward"
FORMS, DOCUMENTS = "/v1/me/forms", "/v1/me/documents"
Sql = Callable[..., list[Any]]


@pytest.fixture
def sql(cluster: str, server: Server) -> Sql:
    """The clock of a server cannot be moved: what people were told, and until when, is."""
    database = make_url(server.settings["database_url"]).database
    url = make_url(cluster).set(database=database).render_as_string(hide_password=False)

    def run(statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return run


@dataclass
class Story:
    people: People
    sql: Sql
    owner: Caller
    slug: str
    child: str
    address: str
    """The child's own, which nobody has used yet."""

    @property
    def chart(self) -> str:
        return f"/v1/clients/{self.child}"

    async def guardian(self, name: str, relationship: str, permissions: list[str]) -> tuple[str, str]:
        """Added and invited: id and address."""
        given_name, family_name = name.split()
        email = self.people.address(relationship)
        person = {"given_name": given_name, "family_name": family_name, "email": email}
        body = person | {"relationship": relationship, "permissions": permissions}
        added = expect(await self.owner.post(f"{self.chart}/guardians", body), 201)
        expect(await self.owner.post(f"/v1/guardians/{added['id']}/invitations"), 201)
        return added["id"], email

    async def joins(self, email: str, **proof: str) -> Caller:
        """Follow the mailed link, then sign in like on any other day."""
        body = {"token": await self.people.postbox.token(email), "password": PASSWORD} | proof
        await self.people.send("POST", "/v1/invitations/accept", body)
        return await self.people.sign_in(self.slug, email)

    async def put(self, title: str, **fields: Any) -> dict[str, Any]:
        """What the practice puts into the record."""
        form = {"title": title} | {name: str(value).lower() for name, value in fields.items()}
        return await self.upload(self.owner, f"{self.chart}/documents", form)

    async def upload(self, by: Caller, path: str, form: dict[str, str]) -> dict[str, Any]:
        answer = await by.request("POST", path, files={"file": ("letter.pdf", PDF)}, data=form)
        made: dict[str, Any] = expect(answer, 201)
        return made

    async def born(self, day: date, guardians: list[str]) -> None:
        """Let the birthday be today: of an age that nobody has been told of."""
        expect(await self.owner.patch(self.chart, {"date_of_birth": day.isoformat()}))
        told = "UPDATE guardian SET told_until = told_until - interval '1 year', transition_at = now() WHERE id = %s"
        for guardian_id in guardians:
            self.sql(told, guardian_id)
        practice = expect(await self.owner.get("/v1/practice"))["id"]
        job = (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('guardians.announce', 'guardians.announce', jsonb_build_object('practice_id', %s::text))"
        )
        self.sql(job, practice)


async def begin(people: People, sql: Sql) -> Story:
    """A practice with its portal, its onboarding and its ages, and a child of whom custody says that both sign."""
    owner, slug = await people.open_practice()
    expect(await owner.patch("/v1/practice/features", {"client_uploads": True, "secure_messaging": True}))
    flow = expect(await owner.get("/v1/practice/onboarding"))["steps"]
    consent = next(step for step in flow if step["key"] == CONSENT)
    steps = [{"key": "profile", "kind": "profile"}, RULES, consent | {"enabled": True}]
    expect(await owner.patch("/v1/practice/onboarding", {"steps": steps}))
    expect(await owner.put("/v1/practice/age-transitions", {"transitions": [AT_SIXTEEN, AT_EIGHTEEN]}))
    staff_id = expect(await owner.get("/v1/me"))["staff_id"]
    address = people.address("child")
    fields = {"date_of_birth": turning(12).isoformat(), "email": address, "practitioner_ids": [staff_id]}
    child = await people.add_client(owner, given_name="Nell", family_name="Inland", **fields)
    story = Story(people, sql, owner, slug, child["id"], address)
    custody = {"arrangement": "joint", "signature_policy": "all_guardians", "notes": "Weeks alternate."}
    expect(await owner.patch(f"{story.chart}/custody", custody))
    return story


async def test_from_the_first_consent_to_the_eighteenth_birthday(people: People, sql: Sql) -> None:
    """F6.M1 to F6.M3, F6.B1 to F6.B3, F7.M2, F8.B1 to F8.B3, F9.M6, A09, A28, A48."""
    story = await begin(people, sql)
    mother_id, mother_address = await story.guardian(MOTHER, "mother", EVERYTHING)
    father_id, father_address = await story.guardian(FATHER, "father", OF_THE_FATHER)
    mother, father = await story.joins(mother_address), await story.joins(father_address)
    consent = await one_of_them_does_the_onboarding(story, mother)
    await both_sign_the_consent(story, mother, father, consent)
    await and_completes_it(story, mother)
    await what_a_parent_gives_is_only_withdrawn_once_it_was_opened(story, mother, father)
    letter = await what_is_shared_with_one_and_with_none(story, mother, father)
    await an_answer_that_cannot_wait(story, mother, father)
    await neither_learns_of_the_other(story, (mother, FATHER, father_address), (father, MOTHER, mother_address))
    links = await old_links(mother, letter)
    await story.born(turning(16), [mother_id, father_id])
    await at_sixteen_less_is_left(story, mother, father, letter, (mother_address, father_address))
    await story.born(turning(18), [mother_id, father_id])
    young = await story.joins(story.address, date_of_birth=turning(18).isoformat())
    await the_record_is_the_young_adults_own(story, young, consent)
    for caller, address in ((mother, mother_address), (father, father_address)):
        await nothing_is_left_for(story, caller, address, links if caller is mother else [])


async def one_of_them_does_the_onboarding(story: Story, mother: Caller) -> str:
    """Step by step, until only somebody else's signature is missing. Returns the consent's id."""
    begun = expect(await mother.get("/v1/me/onboarding"))
    assert (begun["state"], [step["key"] for step in begun["steps"]]) == ("pending", ["profile", "rules", CONSENT])
    early = await mother.post("/v1/me/onboarding/complete", {})
    assert (early.status_code, early.json()["code"]) == (409, "onboarding_incomplete")
    named = {"values": {"given_name": "Nell", "family_name": "Inland", "preferred_name": "Nellie"}}
    expect(await mother.patch("/v1/me/onboarding/steps/profile", named))
    half = expect(await mother.patch("/v1/me/onboarding/steps/rules", {"acknowledged": True}))
    assert 0 < half["progress"] < 100
    form_id: str = half["steps"][2]["form_assignment_id"]
    blank = await mother.post(f"{FORMS}/{form_id}/submit")
    assert (blank.status_code, blank.json()["errors"][0]["code"]) == (422, "not_signed")
    signed = expect(await mother.post(f"{FORMS}/{form_id}/sign", {"printed_name": MOTHER, "agree": True}))
    assert (signed["state"], signed["signing_state"]) == ("submitted", "open")
    shown = expect(await mother.get("/v1/me/onboarding"))
    assert (shown["current_step"], shown["can_complete"], shown["waits_for_others"]) == (None, False, True)
    early = (await mother.post("/v1/me/onboarding/complete", {})).json()
    assert (early["open_steps"], early["waits_for_others"]) == ([], True)
    return form_id


async def and_completes_it(story: Story, mother: Caller) -> None:
    done = expect(await mother.post("/v1/me/onboarding/complete", {}))
    assert (done["state"], done["progress"]) == ("completed", 100)
    assert expect(await story.owner.get(f"{story.chart}/onboarding"))["state"] == "completed"


async def both_sign_the_consent(story: Story, mother: Caller, father: Caller, form_id: str) -> None:
    """Each on the same words and with a copy of their own, which anybody can have confirmed."""
    waiting = expect(await father.get("/v1/me/home"))["waiting"]
    assert ("signature", form_id) in {(item["kind"], item["id"]) for item in waiting}
    shown = expect(await father.get(f"{FORMS}/{form_id}/signing"))
    assert (shown["may_sign"], shown["acts_as"]) == (True, "as parent of Nell Inland")
    sealed = {"printed_name": FATHER, "agree": True, "document_sha256": shown["paper"]["sha256"]}
    signed = expect(await father.post(f"{FORMS}/{form_id}/sign", sealed))
    assert (signed["state"], signed["signing_state"]) == ("locked", "complete")
    for reader, own, other in ((mother, MOTHER, FATHER), (father, FATHER, MOTHER)):
        paper = (await reader.get(f"{FORMS}/{form_id}/pdf")).content
        words = text_of(paper)
        assert own in words
        assert other not in words
        assert await verified(story, paper)
        assert not await verified(story, paper + b"\n")
    whole = text_of((await story.owner.get(f"/v1/form-assignments/{form_id}/pdf")).content)
    assert MOTHER in whole
    assert FATHER in whole


async def what_a_parent_gives_is_only_withdrawn_once_it_was_opened(
    story: Story, mother: Caller, father: Caller
) -> None:
    given = await story.upload(mother, DOCUMENTS, {"title": "School report"})
    path = f"{DOCUMENTS}/{given['id']}"
    refused = await father.request("POST", DOCUMENTS, files={"file": ("letter.pdf", PDF)}, data={"title": "Mine"})
    assert refused.status_code == 403
    assert (await father.get(path)).status_code == 404
    opened = await story.owner.get(f"/v1/documents/{given['id']}/content")
    assert opened.content == PDF
    late = await mother.delete(path)
    assert (late.status_code, late.json()["code"]) == (409, "already_opened")
    expect(await mother.post(f"{path}/withdraw"))
    assert (await mother.get(path)).status_code == 404
    assert (await story.owner.get(f"/v1/documents/{given['id']}/content")).content == PDF


async def what_is_shared_with_one_and_with_none(story: Story, mother: Caller, father: Caller) -> str:
    """The father may not look at documents; what is kept from parents, neither may. Returns the id of the letter."""
    letter = await story.put("Letter to the school", shared=True)
    secret = await story.put("What Nell wrote", shared=True, confidential=True)
    titles = {document["title"] for document in expect(await mother.get(DOCUMENTS))["data"]}
    assert "Letter to the school" in titles
    assert "What Nell wrote" not in titles
    assert (await mother.get(f"{DOCUMENTS}/{letter['id']}/content")).content == PDF
    assert (await father.get(DOCUMENTS)).status_code == 403
    for caller, document in ((father, letter), (father, secret), (mother, secret)):
        for below in ("", "/content"):
            assert (await caller.get(f"{DOCUMENTS}/{document['id']}{below}")).status_code == 404
        archive = await caller.get(f"{DOCUMENTS}/archive", params={"ids": f"{letter['id']},{secret['id']}"})
        assert archive.status_code == 404
    return str(letter["id"])


async def an_answer_that_cannot_wait(story: Story, mother: Caller, father: Caller) -> None:
    """An assessment for the mother alone: scored, its alert open until staff see to it, and nothing of it by mail."""
    found = expect(await story.owner.get("/v1/form-templates", params={"q": "phq-9", "system": "true"}))["data"]
    template_id = next(template["id"] for template in found if template["key"] == "phq-9")
    given = {"form_template_id": template_id, "for_account_id": mother.account["id"]}
    form = expect(await story.owner.post(f"{story.chart}/form-assignments", given), 201)
    path = f"{FORMS}/{form['id']}"
    assert (await father.get(path)).status_code == 404
    expect(await mother.patch(path, {"answers": {f"q{n}": 1 for n in range(1, 10)}}))
    handed_in = expect(await mother.post(f"{path}/submit"))
    assert (handed_in["state"], handed_in["score"]["total"], handed_in["score"]["severity"]) == ("submitted", 9, "mild")
    (alert,) = expect(await story.owner.get("/v1/safety-alerts", params={"state": "open"}))["data"]
    assert alert["form_assignment_id"] == form["id"]
    expect(await story.owner.post(f"/v1/safety-alerts/{alert['id']}/acknowledge", {"note": "Called the mother."}))
    assert "alert" not in (await father.get("/v1/me/access-history")).text


async def neither_learns_of_the_other(story: Story, *parents: tuple[Caller, str, str]) -> None:
    """F6.M3: by nothing that they can read without an id."""
    written = expect(await parents[0][0].post("/v1/me/threads", {"subject": "Weekends", "body": "Mondays."}), 201)
    for caller, name, address in parents:
        for path in ("", "/home", "/capabilities", "/onboarding", "/forms", "/threads", "/access-history"):
            answer = await caller.get(f"/v1/me{path}")
            assert answer.status_code == 200, answer.text
            for hint in (*name.split(), address):
                if hint != "Inland":  # which is the child's name too
                    assert hint not in answer.text, path
    other, _, _ = parents[1]
    assert (await other.get(f"/v1/me/threads/{written['id']}")).status_code == 404
    assert expect(await other.get("/v1/me/threads"))["data"] == []


async def old_links(mother: Caller, letter: str) -> list[str]:
    """Links that open something without signing in."""
    feed = expect(await mother.post("/v1/me/calendar-feed", {}), 201)["url"]
    content = expect(await mother.post(f"{DOCUMENTS}/{letter}/content-url"))["url"]
    links = [path_of(feed), path_of(content)]
    for link in links:
        assert (await mother.http.get(link)).status_code == 200
    return links


async def at_sixteen_less_is_left(
    story: Story, mother: Caller, father: Caller, letter: str, addresses: tuple[str, str]
) -> None:
    """At once, and both are told; what is left is what they had and the practice's rule allows."""
    for caller, left in ((mother, AT_SIXTEEN["permissions"]), (father, ["appointments.view"])):
        (profile,) = expect(await caller.get("/v1/me"))["profiles"]
        assert profile["permissions"] == left
        assert (await caller.get(FORMS)).status_code == 403
        assert (await caller.get("/v1/me/threads")).status_code in {403, 404}
    assert (await mother.get(f"{DOCUMENTS}/{letter}/content")).content == PDF
    for address in addresses:
        assert "Nell" not in await story.people.postbox.saying(address, "changed")


async def the_record_is_the_young_adults_own(story: Story, young: Caller, consent: str) -> None:
    (profile,) = expect(await young.get("/v1/me"))["profiles"]
    assert (profile["client_id"], profile["relationship"]) == (story.child, "self")
    titles = {document["title"] for document in expect(await young.get(DOCUMENTS))["data"]}
    assert {"Letter to the school", "What Nell wrote"} <= titles
    paper = (await young.get(f"{FORMS}/{consent}/pdf")).content
    assert await verified(story, paper)
    for name in (MOTHER, FATHER):
        assert name not in text_of(paper)
    guardians = expect(await story.owner.get(f"{story.chart}/guardians"))["data"]
    assert {guardian["state"] for guardian in guardians} == {"expired"}


async def nothing_is_left_for(story: Story, parent: Caller, address: str, links: list[str]) -> None:
    """A09: of open sessions, of new ones, and of links that were kept."""
    again = await story.people.http.post(
        "/v1/auth/login", json={"practice": story.slug, "email": address, "password": PASSWORD}
    )
    assert (again.status_code, again.json()["code"]) == (403, "no_portal_access")
    for path in ("/home", "/documents", "/forms", "/threads", "/appointments", "/onboarding", "/access-history"):
        answer = await parent.get(f"/v1/me{path}", params={"client_id": story.child})
        assert (answer.status_code, answer.json()["code"]) == (403, "no_portal_access"), path
    assert expect(await parent.get("/v1/me"))["profiles"] == []
    for link in links:
        assert (await parent.http.get(link)).status_code == 404, link
    assert "Nell" not in await story.people.postbox.saying(address, "act for somebody else")


async def verified(story: Story, paper: bytes) -> bool:
    headers = {"Content-Type": "application/pdf"}
    answer = await story.people.http.post("/v1/signatures/verify", content=paper, headers=headers)
    return bool(expect(answer)["valid"])


def text_of(paper: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages)


def path_of(url: str) -> str:
    """Below the server's address, whichever it was told."""
    return "/" + url.split("/", 3)[3]
