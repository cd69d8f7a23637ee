"""Notifications: the inbox, how somebody wants to be told, digests, devices to wake, and what a mail's server said."""

import sqlalchemy as sa
from alembic import op
from practice_tables import CLIENTS, create_practice_table, restrict_clients

revision = "0026_notifications"
down_revision = "0025_onboarding"
branch_labels = None
depends_on = None

CLOCK = "~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'"
OLD_STATES = ("queued", "sent", "bounced", "failed")
STATES = ("queued", "sending", "failed", "sent", "bounced", "suppressed", "dropped", "abandoned")


def upgrade() -> None:
    _deliveries()
    _inbox()
    _wishes()
    _push()
    op.add_column("portal_settings", sa.Column("digest_at", sa.Text(), server_default="06:00", nullable=False))
    _check("portal_settings", "digest_at", f"digest_at {CLOCK}")


def _deliveries() -> None:
    for column in (
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("recipient_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_mac", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("mail_delivery", column, if_not_exists=True)
    op.execute("ALTER TABLE mail_delivery DROP CONSTRAINT ck_mail_delivery_state")
    _check("mail_delivery", "state", _one_of("state", STATES))
    # What comes before is committed by this; a run that broke off is taken up again.
    with op.get_context().autocommit_block():
        for name, columns, options in (
            ("ix_mail_delivery_state", ["practice_id", "state", "id"], {}),
            ("ix_mail_delivery_recipient", ["practice_id", "recipient_id", "kind", "id"], {}),
            (
                "uq_mail_delivery_event",
                ["practice_id", "event_id"],
                {"unique": True, "postgresql_where": sa.text("event_id IS NOT NULL")},
            ),
            (
                "ix_mail_delivery_open",
                ["practice_id", "created_at"],
                {"postgresql_where": sa.text("state IN ('queued', 'sending', 'failed')")},
            ),
        ):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.create_index(name, "mail_delivery", columns, postgresql_concurrently=True, **options)
    create_practice_table(
        "suppressed_address",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("address_mac", sa.LargeBinary(), nullable=False),
        sa.Column("smtp_code", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_suppressed_address_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "address_mac", name="pk_suppressed_address"),
    )
    create_practice_table(
        "unsubscribe_link",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_unsubscribe_link_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "secret_hash", name="pk_unsubscribe_link"),
        sa.UniqueConstraint("practice_id", "recipient_id", "kind", name="uq_unsubscribe_link_kind"),
    )


def _inbox() -> None:
    create_practice_table(
        "notification",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("about_client_id", sa.Uuid(), nullable=True),
        sa.Column("resource_type", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("push", sa.Boolean(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("email IN ('immediate', 'digest', 'off')", name="ck_notification_email"),
        _of("notification", "event", "event_id"),
        _of("notification", "account", "account_id"),
        _of("notification", "mail_delivery", "delivery_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_notification"),
        sa.UniqueConstraint("practice_id", "event_id", "recipient_id", name="uq_notification_once"),
    )
    restrict_clients("notification", f"(about_client_id IS NULL OR about_client_id = ANY ({CLIENTS}::uuid[]))")
    for name, columns, where in (
        ("inbox", ["account_id", "id"], "in_app"),
        ("unread", ["account_id", "id"], "in_app AND read_at IS NULL"),
        ("unmailed", ["recipient_id", "email", "kind"], "delivery_id IS NULL AND email <> 'off'"),
        ("unpushed", ["recipient_id", "kind"], "push AND pushed_at IS NULL"),
        ("delivery", ["delivery_id"], None),
        ("created", ["created_at"], None),
    ):
        op.create_index(
            f"ix_notification_{name}",
            "notification",
            ["practice_id", *columns],
            postgresql_where=sa.text(where) if where else None,
        )


def _wishes() -> None:
    create_practice_table(
        "notification_preference",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("channel IN ('in_app', 'email', 'push')", name="ck_notification_preference_channel"),
        sa.CheckConstraint("mode IN ('immediate', 'digest', 'off')", name="ck_notification_preference_mode"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_notification_preference_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "recipient_id", "kind", "channel", name="pk_notification_preference"),
    )
    create_practice_table(
        "notification_settings",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("digest_at", sa.Text(), nullable=True),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until",
            name="ck_notification_settings_quiet",
        ),
        sa.CheckConstraint(
            f"quiet_from {CLOCK} AND quiet_until {CLOCK} AND digest_at {CLOCK}", name="ck_notification_settings_clock"
        ),
        _of("notification_settings", "account", "account_id"),
        sa.PrimaryKeyConstraint("practice_id", "account_id", name="pk_notification_settings"),
    )
    create_practice_table(
        "contact_consent",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("sms", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_contact_consent_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "recipient_id", name="pk_contact_consent"),
    )
    create_practice_table(
        "digest_cursor",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_digest_cursor_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "recipient_id", name="pk_digest_cursor"),
    )


def _push() -> None:
    create_practice_table(
        "push_subscription",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _of("push_subscription", "account", "account_id"),
        _of("push_subscription", "auth_session", "session_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_push_subscription"),
        sa.UniqueConstraint("practice_id", "session_id", name="uq_push_subscription_session"),
        sa.UniqueConstraint("practice_id", "endpoint_hash", name="uq_push_subscription_endpoint"),
    )
    op.create_index("ix_push_subscription_account", "push_subscription", ["practice_id", "account_id", "id"])


def _of(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column], [f"{other}.practice_id", f"{other}.id"], name=f"fk_{table}_practice_id_{column}"
    )


def _check(table: str, name: str, condition: str, *, validate: bool = True) -> None:
    """Added without looking at the rows under the lock; they are looked at afterwards."""
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID")
    if validate:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def downgrade() -> None:
    op.drop_column("portal_settings", "digest_at")
    for table in (
        "push_subscription",
        "digest_cursor",
        "contact_consent",
        "notification_settings",
        "notification_preference",
        "notification",
        "unsubscribe_link",
        "suppressed_address",
    ):
        op.drop_table(table)
    for index in ("uq_mail_delivery_event", "ix_mail_delivery_open", "ix_mail_delivery_recipient"):
        op.drop_index(index, "mail_delivery")
    op.drop_index("ix_mail_delivery_state", "mail_delivery")
    op.execute("ALTER TABLE mail_delivery DROP CONSTRAINT ck_mail_delivery_state")
    # Rows in a state that there was not yet stay as they are: the log is not rewritten.
    _check("mail_delivery", "state", _one_of("state", OLD_STATES), validate=False)
    for column in ("attempted_at", "attempts", "address_mac", "address", "recipient_id", "kind", "event_id"):
        op.drop_column("mail_delivery", column)
