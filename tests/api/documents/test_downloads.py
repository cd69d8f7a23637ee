"""Files that go out: inert, whole or in part, by a session or by its link of a minute (A28, A29, F9.M5)."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from portal_api.core.access import Role
from portal_api.services.documents import tickets
from tests.api.documents.shelf import MINE, OURS, PDF, STAFFS, Shelf, made, open_shelf
from tests.people import colleague, guardian
from tests.world import Caller, World

Sql = Callable[..., list[Any]]
SIZE = 200_000
DISPOSITION = re.compile(r"""attachment; filename="([^"\\]+)"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)""")
LONG = PDF + bytes(range(256)) * 800


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


class TestHeaders:
    """A29: all four, whatever the way."""

    @pytest.mark.parametrize("way", ["client", "staff", "practice", "resource", "link", "archive"])
    async def test_what_comes_is_inert(self, way: str, shelf: Shelf) -> None:
        document, resource = await shelf.put(shared=True), await shelf.provide(shared=True)
        link = (await shelf.client.post(f"{MINE}/{document['id']}/content-url")).json()["url"]
        path, caller = {
            "client": (f"{MINE}/{document['id']}/content", shelf.client),
            "staff": (f"{STAFFS}/{document['id']}/content", shelf.owner),
            "practice": (f"{OURS}/{resource['id']}/content", shelf.owner),
            "resource": (f"/v1/me/practice-documents/{resource['id']}/content", shelf.client),
            "link": (link, None),
            "archive": (f"{MINE}/archive?ids={document['id']}", shelf.client),
        }[way]
        response = await (caller.get(path) if caller else shelf.world.http.get(path))
        assert response.status_code == 200, response.text
        assert response.headers["content-disposition"].startswith("attachment;")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert {"sandbox", "default-src 'none'"} <= set(response.headers["content-security-policy"].split("; "))
        assert response.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("../../etc/passwd.pdf", "passwd.pdf"),
            ("..\\..\\windows\\system.pdf", "system.pdf"),
            ("C:\\Users\\me\\report.pdf", "report.pdf"),
            ('say "hello".pdf', 'say "hello".pdf'),
            ("Überweisung für Zoë.pdf", "Überweisung für Zoë.pdf"),
            ("診断書.pdf", "診断書.pdf"),
            ("evil\u202efdp.pdf", "evilfdp.pdf"),
            ("a%0d%0aSet-Cookie: x=1.pdf", "a%0d%0aSet-Cookie: x=1.pdf"),
            ("...pdf.pdf", "pdf.pdf"),
            ("semi;colon, comma.pdf", "semi;colon, comma.pdf"),
            ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ],
    )
    async def test_a_name_is_one_name_and_nothing_else(self, sent: str, kept: str, shelf: Shelf) -> None:
        """A28, RFC 6266."""
        body = (
            (
                '--b\r\nContent-Disposition: form-data; name="file"; filename="'
                + sent.replace("\\", "\\\\").replace('"', '\\"')
                + '"\r\n\r\n'
            ).encode()
            + PDF
            + b"\r\n--b--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        document = made(await shelf.client.request("POST", MINE, content=body, headers=headers))
        assert document["file_name"] == kept
        opened = await shelf.client.get(f"{MINE}/{document['id']}/content")
        (disposition,) = opened.headers.get_list("content-disposition")
        written = re.fullmatch(
            r"""attachment; filename="([^"\\]+)"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)""", disposition
        )
        assert written is not None, disposition
        assert unquote(written[2]) == kept
        assert written[1].isascii() and written[1].isprintable()
        assert "set-cookie" not in opened.headers

    async def test_line_breaks_in_a_name_are_no_headers(self, shelf: Shelf) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\r\nX-Evil: 1\r\n.pdf"\r\n\r\n' + PDF
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = await shelf.client.request("POST", MINE, content=body + b"\r\n--b--\r\n", headers=headers)
        assert response.status_code in {400, 415, 422}


class TestRanges:
    @pytest.mark.parametrize(
        ("wanted", "start", "stop"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=0-", 0, SIZE),
            ("bytes=65535-65536", 65_535, 65_537),
            ("bytes=65536-131071", 65_536, 131_072),
            ("bytes=199999-", SIZE - 1, SIZE),
            ("bytes=-10", SIZE - 10, SIZE),
            ("bytes=-999999", 0, SIZE),
            ("bytes=100-999999", 100, SIZE),
        ],
    )
    async def test_a_part_of_a_file(self, wanted: str, start: int, stop: int, shelf: Shelf) -> None:
        """RFC 9110 section 14: over the borders of the frames that it is sealed in."""
        content = LONG[:SIZE]
        document = await shelf.upload(content)
        response = await shelf.client.get(f"{MINE}/{document['id']}/content", headers={"Range": wanted})
        assert (response.status_code, response.content) == (206, content[start:stop])
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert int(response.headers["content-length"]) == stop - start

    @pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", "bytes=x", "bytes=-", "bytes"])
    async def test_what_is_not_understood_is_the_whole(self, wanted: str, shelf: Shelf) -> None:
        document = await shelf.upload()
        response = await shelf.client.get(f"{MINE}/{document['id']}/content", headers={"Range": wanted})
        assert (response.status_code, response.content) == (200, PDF)
        assert response.headers["accept-ranges"] == "bytes"

    @pytest.mark.parametrize("wanted", ["bytes=9999-", "bytes=5-4", "bytes=-0"])
    async def test_a_part_that_is_not_there_is_416(self, wanted: str, shelf: Shelf) -> None:
        document = await shelf.upload()
        response = await shelf.client.get(f"{MINE}/{document['id']}/content", headers={"Range": wanted})
        assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
        assert response.headers["content-range"] == f"bytes */{len(PDF)}"

    async def test_a_part_of_another_copy_is_the_whole(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        path = f"{MINE}/{document['id']}/content"
        headers = {"Range": "bytes=0-3", "If-Range": f'"{document["sha256"]}"'}
        assert (await shelf.client.get(path, headers=headers)).status_code == 206
        assert (await shelf.client.get(path, headers=headers | {"If-Range": '"other"'})).status_code == 200

    async def test_head_says_what_get_would(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        response = await shelf.client.request("HEAD", f"{MINE}/{document['id']}/content")
        assert (response.status_code, response.content) == (200, b"")
        assert int(response.headers["content-length"]) == len(PDF)


class TestLinks:
    """A09, A26: a link is as good as its session, its grant and the document are at the moment."""

    async def link(self, caller: Caller, path: str) -> str:
        response = await caller.post(f"{path}/content-url")
        assert response.status_code == 200, response.text
        return str(response.json()["url"])

    async def opens(self, shelf: Shelf, url: str) -> bool:
        response = await shelf.world.http.get(urlsplit(url).path)
        assert response.status_code in {200, 404}, response.text
        assert response.status_code != 404 or response.json()["code"] == "not_found"
        return response.status_code == 200

    async def test_a_browser_needs_nothing_else(self, shelf: Shelf) -> None:
        document, resource = await shelf.put(shared=True), await shelf.provide(shared=True)
        for caller, path in (
            (shelf.client, f"{MINE}/{document['id']}"),
            (shelf.owner, f"{STAFFS}/{document['id']}"),
            (shelf.owner, f"{OURS}/{resource['id']}"),
            (shelf.client, f"/v1/me/practice-documents/{resource['id']}"),
        ):
            assert await self.opens(shelf, await self.link(caller, path))
        views = (await shelf.owner.get(f"{STAFFS}/{document['id']}/views")).json()["data"]
        assert {each["kind"] for each in views} == {"client", "staff"}

    async def test_it_names_nobody(self, shelf: Shelf) -> None:
        document = await shelf.put(shared=True)
        url = await self.link(shelf.client, f"{MINE}/{document['id']}")
        assert document["id"] not in url and document["id"].replace("-", "") not in url

    async def test_it_is_over_after_a_minute(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        document = await shelf.put(shared=True)
        assert timedelta(seconds=60) == tickets.LINK.lasts
        monkeypatch.setattr(tickets, "LINK", replace(tickets.LINK, lasts=timedelta(0)))
        assert not await self.opens(shelf, await self.link(shelf.client, f"{MINE}/{document['id']}"))

    @pytest.mark.parametrize(
        "end",
        ["signed out", "grant revoked", "narrowed", "confidential", "unshared", "portal off", "deleted", "suspended"],
    )
    async def test_it_ends_with_what_it_stands_on(self, end: str, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put(shared=True)
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        url = await self.link(parent, f"{MINE}/{document['id']}")
        assert await self.opens(shelf, url)
        account = parent.account["id"]
        match end:
            case "signed out":
                assert (await parent.post("/v1/auth/logout")).status_code == 204
            case "grant revoked":
                sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", account)
            case "narrowed":
                sql("UPDATE client_grant SET permissions = '{messages}' WHERE account_id = %s", account)
            case "confidential":
                await shelf.owner.patch(f"{STAFFS}/{document['id']}", {"confidential": True})
            case "unshared":
                await shelf.owner.post(f"{STAFFS}/{document['id']}/unshare")
            case "portal off":
                await shelf.owner.post("/v1/practice/portal/disable")
            case "deleted":
                await shelf.owner.delete(f"{STAFFS}/{document['id']}")
            case "suspended":
                sql("UPDATE account SET suspended_at = now() WHERE id = %s", account)
        assert not await self.opens(shelf, url)

    async def test_a_role_that_is_taken_away_closes_it(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put()
        caller, staff_id = await colleague(shelf.world, shelf.practice, Role.ADMIN)
        url = await self.link(caller, f"{STAFFS}/{document['id']}")
        sql("UPDATE staff_member SET roles = '{biller}' WHERE id = %s", staff_id)
        assert not await self.opens(shelf, url)

    @pytest.mark.parametrize("change", ["one letter", "cut", "nothing", "another's words", "unicode"])
    async def test_a_link_that_is_none_of_ours(self, change: str, shelf: Shelf) -> None:
        document = await shelf.put(shared=True)
        url = await self.link(shelf.client, f"{MINE}/{document['id']}")
        head, _, ticket = url.rpartition("/")
        forged = {
            "one letter": ticket[:40] + ("A" if ticket[40] != "A" else "B") + ticket[41:],
            "cut": ticket[:-4],
            "nothing": "x",
            "another's words": "bm9ib2R5",
            "unicode": "%C3%A9",
        }[change]
        assert not await self.opens(shelf, f"{head}/{forged}")

    async def test_there_is_none_for_what_cannot_be_opened(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put()
        assert (await shelf.client.post(f"{MINE}/{document['id']}/content-url")).status_code == 404
        sql("UPDATE stored_file SET state = 'quarantined' WHERE practice_id = %s", shelf.practice.id)
        response = await shelf.owner.post(f"{STAFFS}/{document['id']}/content-url")
        assert (response.status_code, response.json()["code"]) == (409, "file_withheld")
