"""Forms and answers as FHIR R4 over HTTP, and forms from it (F8.B4)."""

from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.assessments.clinic import Clinic, numbered, open_clinic
from tests.api.forms.desk import ASSIGNMENTS, TEMPLATES, definition, faults
from tests.people import colleague
from tests.rules.test_questionnaires import KITCHEN_SINK, KNOWN, OTHERS, must_be_valid
from tests.world import World

IMPORT = f"{TEMPLATES}/import"
FHIR_JSON = "application/fhir+json"


@pytest.fixture
async def clinic(world: World) -> Clinic:
    return await open_clinic(world)


async def exported(clinic: Clinic, path: str) -> dict[str, Any]:
    response = await clinic.owner.get(f"{path}/fhir")
    assert (response.status_code, response.headers["content-type"]) == (200, FHIR_JSON), response.text
    resource: dict[str, Any] = response.json()
    must_be_valid(
        resource if resource["resourceType"] == "Questionnaire" else resource | {"questionnaire": "urn:asked"}
    )
    return resource


async def test_an_instrument_is_exported_with_its_codes(clinic: Clinic) -> None:
    template = await clinic.system("phq-9")

    resource = await exported(clinic, f"{TEMPLATES}/{template['id']}")

    assert (resource["status"], resource["version"], resource["publisher"]) == ("active", "1", "Harbor Therapy")
    assert resource["code"][0]["code"] == "44249-1"
    assert resource["identifier"][0]["value"] == "phq-9"
    unchanged = await clinic.owner.get(f"{TEMPLATES}/{template['id']}/fhir")
    again = await clinic.owner.get(
        f"{TEMPLATES}/{template['id']}/fhir", headers={"If-None-Match": unchanged.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_form_goes_out_and_comes_in_as_it_was(clinic: Clinic) -> None:
    made = await clinic.owner.post(
        TEMPLATES,
        {"kind": "consent", "title": "All of it", "description": "And more.", "definition": KITCHEN_SINK},
    )
    path = f"{TEMPLATES}/{made.json()['id']}"
    assert (await exported(clinic, path))["status"] == "draft"
    await clinic.owner.post(f"{path}/publish")

    imported = await clinic.owner.post(IMPORT, await exported(clinic, path), headers={"Content-Type": FHIR_JSON})

    assert imported.status_code == 201, imported.text
    copy = imported.json()
    assert (copy["kind"], copy["title"], copy["state"], copy["system"]) == ("consent", "All of it", "draft", False)
    assert copy["draft"]["description"] == "And more."
    out, back = (
        [item | {"visible_if": None} for section in d["sections"] for item in section["items"]]
        for d in (made.json()["draft"]["definition"], copy["draft"]["definition"])
    )
    assert out == back
    assert (await clinic.owner.post(f"{TEMPLATES}/{copy['id']}/publish")).status_code == 200


async def test_what_another_system_wrote_is_an_intake_unless_said_otherwise(clinic: Clinic) -> None:
    assert (await clinic.owner.post(IMPORT, OTHERS)).json()["kind"] == "intake"
    assert (await clinic.owner.post(f"{IMPORT}?kind=assessment", OTHERS)).json()["kind"] == "assessment"


async def test_what_forms_do_not_have_is_refused_by_pointer_and_nothing_is_made(clinic: Clinic) -> None:
    before = (await clinic.owner.get(TEMPLATES, params={"system": "false"})).json()
    items = [{"linkId": "1", "text": "?", "type": "reference"}, {"linkId": "2", "text": "?", "type": "quantity"}]
    refused = await clinic.owner.post(IMPORT, {"resourceType": "Questionnaire", "item": items})
    assert faults(refused) == {"/item/0/type": "unsupported_type", "/item/1/type": "unsupported_type"}
    assert faults(await clinic.owner.post(IMPORT, OTHERS | {"title": "x" * 300})) == {"/title": "string_too_long"}
    assert faults(await clinic.owner.post(IMPORT, OTHERS | {"description": 5})) == {"/description": "string_type"}
    assert (await clinic.owner.get(TEMPLATES, params={"system": "false"})).json() == before


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"meta": {"tag": [{"system": "https://other.example/fhir/CodeSystem/form-kind", "code": ["x"]}]}}, 201),
        ({"item": [{"linkId": "1", "type": "string", "text": "?", "enableWhen": [{"question": ["1"]}]}]}, 422),
        (
            {
                "item": [
                    {"linkId": "1", "type": "string", "text": "?"},
                    {
                        "linkId": "2",
                        "type": "string",
                        "text": "?",
                        "enableWhen": [{"question": "1", "operator": {}, "answerString": "x"}],
                    },
                ]
            },
            422,
        ),
    ],
)
async def test_what_is_no_fhir_is_refused_and_nothing_fails(
    clinic: Clinic, changed: dict[str, Any], status: int
) -> None:
    item = [{"linkId": "1", "type": "string", "text": "What brings you here?"}]
    answer = await clinic.owner.post(IMPORT, {"resourceType": "Questionnaire", "item": item} | changed)
    assert answer.status_code == status, answer.text


async def test_an_imported_assessment_with_scores_is_summed(clinic: Clinic) -> None:
    """No instrument of the library, so no bands, and no total where an answer is missing."""
    phq = await exported(clinic, f"{TEMPLATES}/{(await clinic.system('gad-2'))['id']}")
    own = (await clinic.owner.post(IMPORT, phq)).json()
    await clinic.owner.post(f"{TEMPLATES}/{own['id']}/publish")
    handed_in = await clinic.answer(await clinic.assign(own), numbered([1, 2]))
    assert (handed_in["score"]["total"], handed_in["score"]["severity"]) == (3, None)


async def test_what_was_answered_is_exported(clinic: Clinic) -> None:
    handed_in = await clinic.hand_in("phq-9", numbered([1] * 8 + [0]))
    KNOWN["urn:asked"] = await exported(clinic, f"{TEMPLATES}/{handed_in['form_template_id']}")

    resource = await exported(clinic, f"{ASSIGNMENTS}/{handed_in['id']}")

    assert resource["status"] == "completed"
    assert resource["questionnaire"] == f"{KNOWN['urn:asked']['url']}|1"
    assert resource["subject"]["reference"].endswith(f"/Patient/{clinic.client_id}")
    answers = resource["item"][0]["item"]
    assert [each["answer"][0]["valueCoding"]["code"] for each in answers] == ["1"] * 8 + ["0"]


async def test_answers_are_for_those_who_treat_the_client(clinic: Clinic) -> None:
    handed_in = await clinic.hand_in("gad-2", numbered([1, 1]))
    path = f"{ASSIGNMENTS}/{handed_in['id']}/fhir"
    for role, status in ((Role.BILLER, 403), (Role.SCHEDULER, 403), (Role.PRACTITIONER, 404)):
        caller, _ = await colleague(clinic.world, clinic.practice, role)
        assert (await caller.get(path)).status_code == status
    assert (await clinic.client.get(path)).status_code == 403


async def test_only_those_who_write_forms_import_them(clinic: Clinic) -> None:
    therapist, _ = await colleague(clinic.world, clinic.practice, Role.PRACTITIONER)
    assert (await therapist.post(IMPORT, OTHERS)).status_code == 403
    author, _ = await colleague(clinic.world, clinic.practice, Role.FORMS_ADMIN)
    assert (await author.post(IMPORT, OTHERS)).status_code == 201


async def test_the_texts_of_a_practices_own_form_keep_their_placeholders(clinic: Clinic) -> None:
    made = await clinic.published()
    resource = await exported(clinic, f"{TEMPLATES}/{made['id']}")
    assert resource["item"][0]["item"][0]["text"] == definition()["sections"][0]["items"][0]["text"]
