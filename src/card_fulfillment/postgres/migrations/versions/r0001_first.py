"""Every table of the worker."""

from card_fulfillment.postgres.migrations.sql import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run("0001_first.sql")
