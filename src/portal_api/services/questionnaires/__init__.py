"""Forms as FHIR R4 Questionnaires, and back (F8.B4)."""
