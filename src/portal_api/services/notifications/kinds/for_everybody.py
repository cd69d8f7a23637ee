"""What everybody who has an account is told of."""

from portal_api.integrations.mail_templates import Template
from portal_api.services.notifications import people
from portal_api.services.notifications.kinds.shapes import ALWAYS, AT_ONCE, EVERYBODY, Importance, Kind, Words, channels


def _news(line: str, template: Template) -> Words:
    return Words(line, "/account/security", template, mail_path="/reset-password")


KINDS = (
    Kind(
        key="security",
        title="Your account's security",
        audience=EVERYBODY,
        importance=Importance.SECURITY,
        events={
            "login.new_device": _news("Your account was used on a new device", "new_device"),
            "password.changed": _news("Your password was changed", "password_changed"),
            "password.reset": _news("Your password was changed", "password_changed"),
            "second_factor.codes_renewed": _news("Your recovery codes were made anew", "second_factor_changed"),
            "second_factor.disabled": _news("Your second factor was switched off", "second_factor_changed"),
            "second_factor.enabled": _news("A second factor was set up", "second_factor_changed"),
            "second_factor.reset": _news("Your second factor was removed", "second_factor_reset"),
            "session.token_reused": _news("A session was ended for your protection", "sessions_revoked"),
        },
        recipients=people.holder,
        channels=channels(ALWAYS, AT_ONCE, ALWAYS),
        gathers=False,
        to_login=True,
    ),
)
