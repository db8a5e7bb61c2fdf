"""Of a change's headers only what differs is stored."""

from card_fulfillment.postgres.migrations.sql import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run("0003_short_headers.sql")
