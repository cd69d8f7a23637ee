"""Which requests are accepted at once, none unless a service says so; and who was put out of a video session."""

import sqlalchemy as sa
from alembic import op

revision = "0032_at_once_and_removed"
down_revision = "0031_signature_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service", sa.Column("auto_accept", sa.Text(), server_default=sa.text("'none'"), nullable=False))
    # A practice has few services: they are looked through in no time.
    op.create_check_constraint(
        op.f("ck_service_auto_accept"), "service", "auto_accept IN ('none', 'usual_time', 'existing')"
    )
    op.add_column("video_participant", sa.Column("removed_at", sa.DateTime(timezone=True)))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_video_participant_inside",
            "video_participant",
            ["practice_id", "seen_at"],
            postgresql_where=sa.text("admitted_at IS NOT NULL AND left_at IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_video_participant_inside", "video_participant")
    op.drop_column("video_participant", "removed_at")
    op.drop_constraint(op.f("ck_service_auto_accept"), "service")
    op.drop_column("service", "auto_accept")
