"""Assessments: what they came to over time, and the alerts that their answers raise."""

from portal_api.services.assessments.alerts import acknowledge, escalate, get_alert, page_alerts
from portal_api.services.assessments.trends import page, page_mine

__all__ = ["acknowledge", "escalate", "get_alert", "page", "page_alerts", "page_mine"]
