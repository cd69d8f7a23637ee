"""Native apps: links of mails open in them, and one that is too old is told so (F19.M5)."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.web.test_boundary import Connect, connected

import portal_api
from portal_api.core.config import Settings
from portal_api.services.notifications.kinds import KINDS
from portal_api.web.app_links import LINKS

__all__ = ["connected"]
IOS, ANDROID = "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"
MARK = ":".join(["AB"] * 32)
LETTERS = Path(portal_api.__file__).parent / "services" / "notifications"


class TestAssociations:
    async def test_without_an_app_there_is_none(self, connected: Connect) -> None:
        async with connected() as http:
            for path in (IOS, ANDROID):
                assert (await http.get(path)).status_code == 404

    async def test_ios_opens_the_links_of_mails(self, connected: Connect) -> None:
        apps = ("ABCDE12345.example.portal",)
        async with connected(ios_app_ids=apps, app_url="https://portal.example/p/{slug}") as http:
            answer = await http.get(IOS)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        (details,) = answer.json()["applinks"]["details"]
        assert details["appIDs"] == answer.json()["webcredentials"]["apps"] == list(apps)
        paths = {component["/"] for component in details["components"]}
        wanted = ("accept-invitation", "verify-email", "reset-password", "forms/*", "messages/*", "appointments/*")
        assert {f"/p/*/{path}" for path in wanted} <= paths

    async def test_android_knows_the_certificates(self, connected: Connect) -> None:
        other = MARK.replace("AB", "CD")
        async with connected(android_apps=(f"example.portal/{MARK}", f"example.portal/{other}")) as http:
            (link,) = (await http.get(ANDROID)).json()
        assert "delegate_permission/common.handle_all_urls" in link["relation"]
        target = {"namespace": "android_app", "package_name": "example.portal"}
        assert link["target"] == target | {"sha256_cert_fingerprints": [MARK, other]}

    def test_every_link_of_a_mail_or_notice_is_among_them(self) -> None:
        written = {path for kind in KINDS for words in kind.events.values() for path in (words.path, words.mail_path)}
        for module in LETTERS.glob("*letters.py"):
            written |= set(re.findall(r'"(/[a-z-]+)(?:#token=\{token\})?"', module.read_text()))
        found = {re.sub(r"\{\w+\}", "*", path) for path in written if path}
        assert sorted(path for path in found if path not in LINKS and path + "/*" not in LINKS) == []


class TestVersions:
    @pytest.mark.parametrize("said", ["ios/2.4.1", "ios/2.10", "IOS/3", "android/1.0", None])
    async def test_what_is_new_enough_is_let_in(self, said: str | None, connected: Connect) -> None:
        async with connected(minimum_app_versions=("ios/2.4.1",)) as http:
            answer = await http.get("/healthz", headers={"X-App-Version": said} if said else {})
        assert answer.status_code == 200
        assert answer.headers.get("x-app-minimum-version") == ("2.4.1" if said and said[0] in "iI" else None)

    @pytest.mark.parametrize("said", ["ios/2.4.0", "ios/2.4", "ios/1.99.99"])
    async def test_what_is_older_is_426(self, said: str, connected: Connect) -> None:
        async with connected(minimum_app_versions=("ios/2.4.1", "android/9")) as http:
            answer = await http.get("/v1/me", headers={"X-App-Version": said})
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
        assert answer.json()["minimum_version"] == "2.4.1"

    @pytest.mark.parametrize("said", ["", "2.4.1", "ios/", "ios/2.x", "ios/1.2.3.4", "ios/" + "9" * 400, "ios/٢"])
    async def test_what_is_no_version_is_400(self, said: str, connected: Connect) -> None:
        async with connected(minimum_app_versions=("ios/2.4.1",)) as http:
            answer = await http.get("/healthz", headers=[(b"X-App-Version", said.encode())])
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ios_app_ids": "example.portal"},
        {"android_apps": "example.portal"},
        {"android_apps": "example.portal/AB:CD"},
        {"minimum_app_versions": "2.4.1"},
    ],
)
def test_settings_that_name_no_app_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="PORTAL_"):
        Settings(**wrong)
