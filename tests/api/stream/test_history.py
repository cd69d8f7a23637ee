"""Whatever staff and clients do in whatever order: stream and copy end in what the lists show."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from portal_api.core.access import GrantPermission, Role
from portal_api.schemas.forms.assignments import FormAssignmentSummary
from portal_api.schemas.forms.mine import MyFormSummary
from portal_api.services.scheduling import requests
from tests.api.documents.shelf import PDF
from tests.api.notifications.scene import INBOX
from tests.api.onboarding.people import published_form
from tests.api.scheduling.desk import APPOINTMENTS, DAY, NOON, instant
from tests.api.scheduling.held_time import Sql
from tests.api.scheduling.reception import MINE, TUESDAY, Reception, open_reception
from tests.api.test_treatment_plans import GOALS
from tests.copies import Copy, Objects, listed
from tests.entry import bound
from tests.live import Block, blocks
from tests.people import colleague, grant, guardian
from tests.world import Caller, World

T = TypeVar("T")
SHOWN_OF_OTHERS = {
    *("practitioner", "service", "location", "requester"),
    *("participants", "client_name", "client_initials"),
}
"""Names of others in an object: who only follows the stream is told of the object itself."""
STAFFS = {
    "client": "/v1/clients",
    "appointment": APPOINTMENTS,
    "appointment_request": "/v1/appointment-requests",
    "document": "/v1/documents",
    "form_assignment": "/v1/form-assignments",
    "notification": INBOX,
    "thread": "/v1/threads",
    "treatment_plan": "/v1/treatment-plans",
}
CLIENTS = {
    "appointment": "/v1/me/appointments",
    "appointment_request": MINE,
    "document": "/v1/me/documents",
    "form_assignment": "/v1/me/forms",
    "notification": INBOX,
    "thread": "/v1/me/threads",
    "treatment_plan": "/v1/me/treatment-plans",
}
IN_LISTS = {name for form in (FormAssignmentSummary, MyFormSummary) for name in form.model_fields}
"""Of a form its own page shows more than a list does."""
NOT_THERE = {403, 404}


@dataclass(frozen=True)
class Step:
    """What happens next; `which`, `client` and `on` choose among what there is."""

    what: str
    which: int
    client: int
    on: bool


STEPS = st.builds(
    Step,
    what=st.sampled_from(
        [
            *("book", "book", "cancel", "move", "join", "hide", "attend"),
            *("ask", "ask", "ask", "withdraw", "accept", "accept", "decline", "let_expire"),
            *("rename_client", "assign", "archive", "rename_owner", "rename_service"),
            *("feature", "grant", "look", "supervise", "role"),
            *("write", "write", "reply", "reply", "retract", "messaging"),
            *("give_form", "give_form", "fill_in", "fill_in", "hide_form"),
            *("put", "put", "share", "share", "share", "remove", "hide_document", "hide_document"),
            *("upload", "upload", "take_back"),
            *("plan", "plan", "share_plan", "tell", "read_inbox", "take_part", "take_part", "settings", "go"),
        ]
    ),
    which=st.integers(0, 3),
    client=st.integers(0, 1),
    on=st.booleans(),
)


@dataclass
class Screen:
    """A front end that shows lists, and fetches anew what the stream names."""

    caller: Caller
    place: str | None = None
    shown: dict[str, Objects] = field(default_factory=dict)
    resets: int = 0

    @property
    def paths(self) -> dict[str, str]:
        return CLIENTS if self.caller.account["kind"] == "client" else STAFFS

    async def follow(self) -> bool:
        """Read what has happened since, and show it; False where the caller is let in no more."""
        headers = {"Last-Event-ID": self.place} if self.place else {}
        response = await self.caller.get("/v1/stream", params={"follow": False}, headers=headers)
        if response.status_code == 403:
            return False
        assert response.status_code == 200, response.text
        heard = blocks(response.text)
        if self.place is None:
            await self.fetch_all()
        self.place = [block.id for block in heard if block.id][-1]
        if any(block.event == "reset" for block in heard):
            self.resets += 1
            await self.fetch_all()
        for type, identity in dict.fromkeys(named for block in heard for named in self.named(block)):
            await self.fetch(type, identity)
        if any(str(block.event).startswith("notification.") for block in heard):
            self.shown = comparable(self.shown | await listed(self.caller, "notification"))
        if any(block.event == "document_settings.updated" for block in heard):
            self.shown = comparable(self.shown | await listed(self.caller, "document"))
        return True

    def named(self, block: Block) -> list[tuple[str, str]]:
        data = block.data or {}
        of_client = [("client", data["client_id"])] if data.get("client_id") else []
        about = [(data["resource_type"], data["resource_id"])] if data.get("resource_id") else []
        return [named for named in (*about, *of_client) if named[0] in self.paths]

    async def fetch_all(self) -> None:
        shown = await listed(self.caller)
        self.shown = comparable({type: items for type, items in shown.items() if type in self.paths})

    async def fetch(self, type: str, identity: str) -> None:
        response = await self.caller.get(f"{self.paths[type]}/{identity}")
        found = self.shown.setdefault(type, {})
        if response.status_code in NOT_THERE:
            found.pop(identity, None)
        else:
            assert response.status_code == 200, response.text
            item = response.json()
            of_list = item.keys() & IN_LISTS if type == "form_assignment" else item.keys()
            found[identity] = {name: item[name] for name in of_list}
        self.shown = comparable(self.shown)


def differences(has: dict[str, Objects], shown: dict[str, Objects]) -> list[str]:
    """What is missing, what is too much, and which fields are old."""
    found: list[str] = []
    for type in has.keys() | shown.keys():
        mine, theirs = has.get(type, {}), shown.get(type, {})
        found += [f"{type} {identity} is missing" for identity in theirs.keys() - mine.keys()]
        found += [f"{type} {identity} is still there" for identity in mine.keys() - theirs.keys()]
        for identity in mine.keys() & theirs.keys():
            names = mine[identity].keys() | theirs[identity].keys()
            old = [name for name in names if mine[identity].get(name) != theirs[identity].get(name)]
            found += [f"{type} {identity} has an old {name}" for name in old]
    return sorted(found)


def comparable(shown: dict[str, Objects]) -> dict[str, Objects]:
    """Without what is shown of others, and without profiles, whose change is a reset."""
    of = {
        type: {identity: plain(item) for identity, item in items.items()}
        for type, items in shown.items()
        if type != "profile"
    }
    return {type: items for type, items in of.items() if items}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in item.items() if name not in SHOWN_OF_OTHERS}
    return {name: sorted(value) if name.endswith("_ids") else value for name, value in kept.items()}


class Machine(RuleBasedStateMachine):
    """After some steps a device and a front end of each person show what their lists show."""

    def __init__(self, house: "House") -> None:
        super().__init__()
        self.house = house

    @initialize()
    def begin(self) -> None:
        self.house.wait(self.house.begin())

    @rule(steps=st.lists(STEPS, min_size=1, max_size=5))
    def steps(self, steps: list[Step]) -> None:
        """One after the other, before anybody looks."""
        for step in steps:
            self.house.wait(self.house.do(step))

    @invariant()
    def everybody_sees_what_the_lists_show(self) -> None:
        self.house.wait(self.house.compare())


@dataclass
class House:
    reception: Reception
    people: dict[str, Caller]
    client_ids: list[str]
    member_id: str
    sql: Sql
    loop: asyncio.AbstractEventLoop
    at: Any = field(default_factory=lambda: count(1))
    copies: dict[str, Copy] = field(default_factory=dict)
    screens: dict[str, Screen] = field(default_factory=dict)
    booked: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    uploads: list[tuple[str, str]] = field(default_factory=list)
    """By whom, and what."""
    forms: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    form_template_id: str = ""
    guest_id: str = ""
    done: dict[str, int] = field(default_factory=dict)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @property
    def owner(self) -> Caller:
        return self.reception.owner

    async def begin(self) -> None:
        """Everybody with nothing on their devices; what there is stays from before."""
        self.copies = {name: Copy(caller) for name, caller in self.people.items()}
        self.screens = {name: Screen(caller) for name, caller in self.people.items()}

    async def compare(self) -> None:
        for name, caller in self.people.items():
            copy, screen = self.copies[name], self.screens[name]
            if not await screen.follow():
                self.copies[name], self.screens[name] = Copy(caller), Screen(caller)
                continue
            await copy.sync(limit=7)
            shown = await listed(caller)
            assert differences(copy.objects, shown) == [], f"the copy of {name}"
            followed = comparable({type: items for type, items in shown.items() if type in screen.paths})
            assert differences(screen.shown, followed) == [], f"the screen of {name}"

    async def do(self, step: Step) -> None:
        response = await getattr(self, step.what)(step)
        if response is not None:
            assert response.status_code in {200, 201, 204, 403, 404, 409, 422}, response.text
            self.done[step.what] = self.done.get(step.what, 0) + (response.status_code < 300)

    def one(self, of: list[str], step: Step) -> str | None:
        return of[-1 - step.which % len(of)] if of else None

    # What staff do with appointments

    async def book(self, step: Step) -> httpx.Response:
        staff = self.member_id if step.which == 3 else self.reception.practice.staff_id
        who = {"client_id": self.client_ids[step.client], "practitioner_id": staff}
        more = [self.client_ids[1 - step.client]] if step.which == 2 else []
        at = NOON + next(self.at) * DAY
        response = await self.reception.ask(at, **who, additional_client_ids=more, confidential=step.on)
        if response.status_code == 201:
            self.booked.append(response.json()["id"])
        return response

    async def appointment(self, step: Step, verb: str, **body: Any) -> httpx.Response | None:
        if identity := self.one(self.booked, step):
            return await self.owner.post(f"{APPOINTMENTS}/{identity}/{verb}", body or None)
        return None

    async def cancel(self, step: Step) -> httpx.Response | None:
        return await self.appointment(step, "cancel")

    async def attend(self, step: Step) -> httpx.Response | None:
        return await self.appointment(step, "attended")

    async def move(self, step: Step) -> httpx.Response | None:
        return await self.appointment(step, "reschedule", starts_at=instant(NOON + next(self.at) * DAY))

    async def change(self, step: Step, **body: Any) -> httpx.Response | None:
        if identity := self.one(self.booked, step):
            return await self.owner.patch(f"{APPOINTMENTS}/{identity}", body)
        return None

    async def join(self, step: Step) -> httpx.Response | None:
        return await self.change(step, additional_client_ids=[self.client_ids[step.client]] if step.on else [])

    async def hide(self, step: Step) -> httpx.Response | None:
        return await self.change(step, confidential=step.on)

    # Requests

    async def ask(self, step: Step) -> httpx.Response:
        asker = "teen" if step.client == 0 else "parent"
        at = TUESDAY + (next(self.at) % 40) * DAY
        response = await self.reception.wish(at, by=self.people[asker], client_id=self.client_ids[step.client])
        if response.status_code == 201:
            self.asked.append(response.json()["id"])
        return response

    async def request(self, step: Step, path: str, verb: str, by: Caller) -> httpx.Response | None:
        if identity := self.one(self.asked, step):
            return await by.post(f"{path}/{identity}/{verb}")
        return None

    async def withdraw(self, step: Step) -> httpx.Response | None:
        return await self.request(step, MINE, "withdraw", self.people["teen"])

    async def accept(self, step: Step) -> httpx.Response | None:
        response = await self.request(step, "/v1/appointment-requests", "accept", self.owner)
        if response is not None and response.status_code == 200:
            self.booked.append(response.json()["appointment"]["id"])
        return response

    async def decline(self, step: Step) -> httpx.Response | None:
        return await self.request(step, "/v1/appointment-requests", "decline", self.owner)

    async def let_expire(self, step: Step) -> None:
        """Its time is over, and the job that says so has run."""
        if identity := self.one(self.asked, step):
            past = "expires_at = now() - interval '1 second'"
            self.sql(f"UPDATE appointment_request SET {past} WHERE id = %s AND state = 'requested'", identity)
            self.sql(f"UPDATE calendar_claim SET {past} WHERE request_id = %s", identity)
            async with bound(self.reception.world, self.reception.practice) as session:
                await requests.expire(session, UUID(identity))

    # Charts, names, and who sees what

    async def client(self, step: Step, **body: Any) -> httpx.Response:
        return await self.owner.patch(f"/v1/clients/{self.client_ids[step.client]}", body)

    async def rename_client(self, step: Step) -> httpx.Response:
        return await self.client(step, preferred_name=f"Name {next(self.at)}")

    async def assign(self, step: Step) -> httpx.Response:
        return await self.client(step, practitioner_ids=[self.member_id] if step.on else [])

    async def archive(self, _step: Step) -> httpx.Response:
        verb = "restore" if (await self.owner.get(f"/v1/clients/{self.client_ids[1]}")).json()["archived_at"] else None
        return await self.owner.post(f"/v1/clients/{self.client_ids[1]}/{verb or 'archive'}")

    async def rename_owner(self, _step: Step) -> httpx.Response:
        return await self.owner.patch("/v1/me", {"given_name": f"Ada {next(self.at)}"})

    async def rename_service(self, _step: Step) -> httpx.Response:
        name = f"Session {self.reception.service_id[-6:]} {next(self.at)}"
        return await self.owner.patch(f"/v1/services/{self.reception.service_id}", {"name": name})

    async def feature(self, step: Step) -> httpx.Response:
        return await self.owner.patch("/v1/practice/features", {"appointment_requests": step.which > 0})

    async def grant(self, step: Step) -> None:
        """What the parent may do for one of the children changes without an event, as when a time is over."""
        held = sorted(GrantPermission)[step.which :] if step.on else ["billing.pay"]
        parent = self.people["parent"].account["id"]
        where = "account_id = %s AND client_id = %s"
        self.sql(f"UPDATE client_grant SET permissions = %s WHERE {where}", held, parent, self.client_ids[step.client])

    async def look(self, step: Step) -> None:
        """Somebody looks away in the midst of a copy."""
        copy = self.copies[sorted(self.copies)[step.which % len(self.copies)]]
        if (await copy.caller.get("/v1/sync")).status_code == 200:
            await copy.page(limit=2)

    async def supervise(self, step: Step) -> httpx.Response:
        whom = [self.reception.practice.staff_id] if step.on else []
        return await self.owner.patch(f"/v1/practice/staff/{self.member_id}", {"supervises": whom})

    async def role(self, step: Step) -> httpx.Response:
        roles = ["practitioner", "supervisor"] if step.on else ["scheduler", "practitioner", "supervisor"]
        return await self.owner.patch(f"/v1/practice/staff/{self.member_id}", {"roles": roles})

    # Messages and forms

    async def write(self, step: Step) -> httpx.Response:
        asker = "teen" if step.client == 0 else "parent"
        body = {"subject": "A question", "body": "How are you?", "client_id": self.client_ids[step.client]}
        if step.which == 3:
            body["practitioner_id"] = self.guest_id
        response = await self.people[asker].post("/v1/me/threads", body)
        if response.status_code == 201:
            self.threads.append(response.json()["id"])
        return response

    async def reply(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.threads, step):
            response = await self.owner.post(f"/v1/threads/{identity}/messages", {"body": "Well."})
            if response.status_code == 201:
                self.written.append(response.json()["id"])
            if step.on:
                await self.people["teen"].post(f"/v1/me/threads/{identity}/read")
            return response
        return None

    async def retract(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.written, step):
            return await self.owner.post(f"/v1/messages/{identity}/retract")
        return None

    async def give_form(self, step: Step) -> httpx.Response:
        body = {"form_template_id": self.form_template_id, "confidential": step.on}
        response = await self.owner.post(f"/v1/clients/{self.client_ids[step.client]}/form-assignments", body)
        if response.status_code == 201:
            self.forms.append(response.json()["id"])
        return response

    async def fill_in(self, step: Step) -> httpx.Response | None:
        """Whoever may fill it in does the next thing with a form, to its end."""
        identity, response = self.one(self.forms, step), None
        path = f"/v1/me/forms/{identity}"
        for caller in (self.people["parent"], self.people["teen"]) if identity else ():
            response = await caller.patch(path, {"answers": {"q1": f"Yes {next(self.at)}"}})
            if response.status_code == 409:
                response = await caller.post(f"{path}/sign", {"printed_name": "Pat Person", "agree": True})
            elif response.is_success and step.on:
                response = await caller.post(f"{path}/submit")
            if response.is_success:
                break
        return response

    async def hide_form(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.forms, step):
            return await self.owner.patch(f"/v1/form-assignments/{identity}", {"confidential": step.on})
        return None

    async def messaging(self, step: Step) -> httpx.Response:
        """The feature is switched for the practice, or narrowed for one client."""
        if step.which:
            return await self.owner.patch("/v1/practice/features", {"secure_messaging": step.which > 1})
        path = f"/v1/clients/{self.client_ids[step.client]}/features"
        return await self.owner.patch(path, {"secure_messaging": step.on})

    async def take_part(self, step: Step) -> httpx.Response | None:
        """A colleague comes into a conversation, or goes, as somebody has it who sees it."""
        identity, response = self.one(self.threads, step), None
        path = f"/v1/threads/{identity}/participants"
        for caller in (self.owner, self.people["member"]) if identity else ():
            if step.on:
                response = await caller.post(path, {"staff_id": self.member_id})
            else:
                response = await caller.delete(f"{path}/{self.member_id}")
            if response.is_success:
                break
        return response

    async def go(self, step: Step) -> httpx.Response:
        """A colleague with conversations is shut out, or comes back."""
        verb = "suspend" if step.on else "restore"
        response = await self.owner.post(f"/v1/practice/staff/{self.guest_id}/{verb}")
        await self.reception.world.run_jobs()
        return response

    # Treatment plans

    async def plan(self, step: Step) -> httpx.Response:
        body = {"title": "Sleep", "goals": GOALS, "confidential": step.on and step.which == 0}
        response = await self.owner.post(f"/v1/clients/{self.client_ids[step.client]}/treatment-plans", body)
        if response.status_code == 201:
            self.plans.append(response.json()["id"])
        return response

    async def share_plan(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.plans, step):
            return await self.owner.post(f"/v1/treatment-plans/{identity}/{'share' if step.on else 'revise'}")
        return None

    # The inbox

    async def tell(self, _step: Step) -> None:
        """What has happened is put into inboxes."""
        await self.reception.world.run_jobs()

    async def read_inbox(self, step: Step) -> httpx.Response | None:
        caller = self.people[sorted(self.people)[step.which % len(self.people)]]
        shown = await caller.get(INBOX)
        if shown.status_code != 200 or not shown.json()["data"]:
            return None
        if step.on:
            return await caller.post(f"{INBOX}/read-all")
        return await caller.post(f"{INBOX}/{shown.json()['data'][-1]['id']}/read")

    # Documents

    async def settings(self, step: Step) -> httpx.Response:
        """Until when each document is kept changes."""
        return await self.owner.patch("/v1/practice/document-settings", {"administrative_years": 7 + step.which})

    async def put(self, step: Step) -> httpx.Response:
        path = f"/v1/clients/{self.client_ids[step.client]}/documents"
        data = {"shared": "true" if step.on else "false"}
        response = await self.owner.request("POST", path, files={"file": ("report.pdf", PDF)}, data=data)
        if response.status_code == 201:
            self.kept.append(response.json()["id"])
        return response

    async def share(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.kept, step):
            return await self.owner.post(f"/v1/documents/{identity}/{'share' if step.on else 'unshare'}")
        return None

    async def hide_document(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.kept, step):
            return await self.owner.patch(f"/v1/documents/{identity}", {"confidential": step.on})
        return None

    async def upload(self, step: Step) -> httpx.Response:
        """By the client or in their place, maybe kept from guardians."""
        whose = self.client_ids[0 if step.which < 2 else step.client]
        name = "teen" if whose == self.client_ids[0] and step.which < 2 else "parent"
        data = {"client_id": whose} | ({"confidential": "true"} if step.on and name == "teen" else {})
        files = {"file": ("mine.pdf", PDF)}
        response = await self.people[name].request("POST", "/v1/me/documents", files=files, data=data)
        if response.status_code == 201:
            self.uploads.append((name, response.json()["id"]))
            self.kept.append(response.json()["id"])
        return response

    async def take_back(self, step: Step) -> httpx.Response | None:
        if not self.uploads:
            return None
        name, identity = self.uploads[-1 - step.which % len(self.uploads)]
        caller, path = self.people[name], f"/v1/me/documents/{identity}"
        return await caller.delete(path) if step.on else await caller.post(f"{path}/withdraw")

    async def remove(self, step: Step) -> httpx.Response | None:
        if identity := self.one(self.kept, step):
            self.kept.remove(identity)
            return await self.owner.delete(f"/v1/documents/{identity}")
        return None


@pytest.fixture
async def house(world: World, sql: Sql) -> House:
    reception = await open_reception(world)
    practice, teen = reception.practice, reception.client_id
    other = await reception.add_client()
    member, member_id = await colleague(world, practice, Role.PRACTITIONER, Role.SUPERVISOR)
    parent = await guardian(world, practice, teen)
    await grant(world, practice, parent.account["id"], other, "parent", tuple(GrantPermission))
    people = {"owner": reception.owner, "member": member, "teen": reception.client, "parent": parent}
    await reception.switch(secure_messaging=True, client_uploads=True)
    house = House(reception, people, [teen, other], member_id, sql, asyncio.get_running_loop())
    _, house.guest_id = await colleague(world, practice, Role.PRACTITIONER)
    house.form_template_id = (await published_form(practice, kind="consent", signers=["client"]))["id"]
    return house


async def test_stream_and_copy_end_in_what_the_lists_show(house: House) -> None:
    """F19.M1, F12.B2: bookings, requests, charts, forms, documents, plans, inboxes, grants, features, roles, in any
    order."""
    rules = settings(
        max_examples=14,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # each goes on where the one before has ended
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, lambda: Machine(house), settings=rules)
    never = {what for what in STEPS_THAT_DO if not house.done.get(what)}
    assert not never, f"the history is too poor: {never}"


STEPS_THAT_DO = {
    *("book", "cancel", "move", "join", "hide", "ask", "accept", "assign", "archive"),
    *("put", "share", "hide_document", "upload", "take_back"),
    *("role", "write", "reply", "messaging", "give_form", "fill_in", "hide_form"),
    *("plan", "share_plan", "read_inbox", "take_part", "settings", "go"),
}
