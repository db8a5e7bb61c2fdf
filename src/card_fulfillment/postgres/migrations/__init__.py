"""Revisions of the schema, SQL first; run by `card_fulfillment.postgres.schema.migrate`."""
