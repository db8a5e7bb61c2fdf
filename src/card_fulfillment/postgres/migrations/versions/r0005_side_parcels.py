"""What is found by a PIN letter's number, or a return's, is about that parcel."""

from card_fulfillment.postgres.migrations.sql import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run("0005_side_parcels.sql")
