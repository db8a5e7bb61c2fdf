"""Changes are inserted without looking their lane up again, references bound where they are."""

from card_fulfillment.postgres.migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run("0002_cheaper_rows.sql")
