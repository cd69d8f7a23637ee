"""Consents to be contacted stand in the chart; a row beside is only of an account that has no own chart."""

from alembic import op

revision = "0033_consents"
down_revision = "0032_at_once_and_removed"
branch_labels = None
depends_on = None

TABLES = ("client", "client_grant", "contact_consent")
OWN = """
    SELECT r.practice_id, coalesce(g.client_id, c.id) AS client_id, r.recipient_id,
        bool_and(r.email) OVER chart AS email, bool_and(r.sms) OVER chart AS sms
    FROM contact_consent r
    LEFT JOIN client_grant g ON g.practice_id = r.practice_id AND g.account_id = r.recipient_id
        AND g.relationship = 'self' AND g.revoked_at IS NULL
    LEFT JOIN client c ON c.practice_id = r.practice_id AND c.id = r.recipient_id
    WHERE coalesce(g.client_id, c.id) IS NOT NULL
    WINDOW chart AS (PARTITION BY r.practice_id, coalesce(g.client_id, c.id))
"""
"""What was said by a client, or of one: where it was said twice, both narrow."""


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        UPDATE client SET updated_at = now(), version = client.version + 1,
            contact_preferences = '{{"email": null, "sms": null, "phone": null, "voicemail": null, "preferred": null}}'
            || coalesce(nullif(client.contact_preferences, 'null'), '{{}}') || jsonb_build_object(
                'email', own.email AND coalesce((client.contact_preferences ->> 'email')::boolean, true),
                'sms', own.sms AND coalesce((client.contact_preferences ->> 'sms')::boolean, true))
        FROM ({OWN}) own WHERE client.practice_id = own.practice_id AND client.id = own.client_id
    """)
    op.execute(f"""
        DELETE FROM contact_consent USING ({OWN}) own
        WHERE contact_consent.practice_id = own.practice_id AND contact_consent.recipient_id = own.recipient_id
    """)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """What a chart says becomes a row of its client again; the chart keeps it."""
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO contact_consent (practice_id, recipient_id, email, sms)
        SELECT practice_id, id, coalesce((contact_preferences ->> 'email')::boolean, true),
            coalesce((contact_preferences ->> 'sms')::boolean, false)
        FROM client WHERE (contact_preferences ->> 'email') IS NOT NULL OR (contact_preferences ->> 'sms') IS NOT NULL
    """)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
