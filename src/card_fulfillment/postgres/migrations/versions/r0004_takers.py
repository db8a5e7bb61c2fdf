"""Who took an input partition where, so that a record of which processes die is found."""

from card_fulfillment.postgres.migrations.sql import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run("0004_takers.sql")
