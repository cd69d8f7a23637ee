"""The names of FHIR R4 that forms are written with, and the few of our own where R4 has none."""

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

_HL7 = "http://hl7.org/fhir/StructureDefinition"
CONTROL = f"{_HL7}/questionnaire-itemControl"
CONTROLS = "http://hl7.org/fhir/questionnaire-item-control"
CATEGORY = f"{_HL7}/questionnaire-displayCategory"
CATEGORIES = "http://hl7.org/fhir/questionnaire-display-category"
MIN_VALUE, MAX_VALUE = f"{_HL7}/minValue", f"{_HL7}/maxValue"
MAX_OCCURS = f"{_HL7}/questionnaire-maxOccurs"
SLIDER_STEP = f"{_HL7}/questionnaire-sliderStepValue"
ORDINAL = f"{_HL7}/ordinalValue"
SIGNATURE = f"{_HL7}/questionnaire-signatureRequired"
SIGNATURES = "urn:iso-astm:E1762-95:2013"
AUTHOR_SIGNATURE = "1.2.840.10065.1.12.1.1"
ENABLE_WHEN = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"

# Of our own: what R4 cannot say. They are known by how they end, whichever installation wrote them.
OWN = "/fhir/StructureDefinition/form-"
STEP, HELP, CODE, CONDITION, REQUIRED = "step", "help", "code", "visible-if", "required"
KINDS = "/fhir/CodeSystem/form-kind"
KEYS = "/fhir/NamingSystem/form-key"


def own(base: str, name: str) -> str:
    """The address of an extension of our own. base: the public URL of the API."""
    return f"{base}{OWN}{name}"


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def value_of(element: Mapping[str, Any], url: str) -> Any:
    """The value of an extension, whatever its type; None without it."""
    return next((_value(extension) for extension in _extensions(element) if extension.get("url") == url), None)


def own_value_of(element: Mapping[str, Any], name: str) -> Any:
    """The value of an extension of our own."""
    ours = (extension for extension in _extensions(element) if str(extension.get("url")).endswith(OWN + name))
    return next((_value(extension) for extension in ours), None)


def has_code(value: Any, code: str) -> bool:
    """Whether a CodeableConcept has a coding with this code."""
    codings = value.get("coding") if isinstance(value, dict) else None
    return any(coding.get("code") == code for coding in objects(codings))


def objects(value: Any) -> list[Json]:
    """The objects of a list; nothing for whatever is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _extensions(element: Mapping[str, Any]) -> Iterable[Json]:
    return objects(element.get("extension"))


def _value(extension: Json) -> Any:
    return next((value for name, value in extension.items() if name.startswith("value")), None)
