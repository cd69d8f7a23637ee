"""Forms as FHIR R4 Questionnaires, and back (F8.B4)."""

from portal_api.services.questionnaires.serving import create, questionnaire, response

__all__ = ["create", "questionnaire", "response"]
