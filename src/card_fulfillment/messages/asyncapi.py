"""The AsyncAPI 3 document: topics, messages, and what the worker asks of whoever reads them."""

from string import Template
from textwrap import indent
from typing import Final

from card_fulfillment.messages.bulk_event import BULK_EVENT
from card_fulfillment.messages.card_event import CARD_EVENT
from card_fulfillment.messages.headers import DEAD_LETTER, schema_file

# Of every published record; the relay adds lane and seq.
HEADERS: Final = {
    "ce_specversion": "Always 1.0.",
    "ce_id": "The event_id or dead_letter_id: the same however often it is published.",
    "ce_type": "The message type with its major version.",
    "ce_source": "The installation, a setting.",
    "ce_subject": "The record's key.",
    "ce_time": "The recorded_at of the message.",
    "ce_dataschema": "Where the JSON Schema is.",
    "content-type": "Always application/json.",
    "lane": "The worker's number for this partition, not Kafka's; with seq it proves completeness.",
    "seq": "1, 2, 3 … per lane, without a gap: ASCII decimals.",
}
OPTIONAL_HEADERS: Final = {
    "traceparent": "W3C trace context, where the causing record carried one.",
}

_DOCUMENT: Final = Template("""\
# Generated from the models: change those, then write the schemas again.
asyncapi: 3.0.0
info:
  title: Card fulfillment worker
  version: 1.0.0
  description: |
    Where every card and every bulk issuance is. The worker reads what the issuer and its vendors
    say and publishes one ordered, exactly-once stream of changes. Topic names are settings; these
    are the defaults.

    Obligations of a consumer of the published topics:

    - Read with `isolation.level=read_committed`. Records of aborted transactions are no events.
    - Accept enum values and fields that you do not know (`x-extensible-enum`): they are added
      without a new major version. A removed field or a changed meaning gets a new `ce_type`.
    - `version` counts the published changes of one card or bulk issuance, 1, 2, 3 … without a gap.
      Drop a version that you have; a gap means that you lost one. Every event carries the whole
      state, not a difference, so the newest version is enough.
    - `lane` and `seq` (headers) count the records of one partition in the same way. They are for
      auditing the stream; `version` is for applying it.
    - Order holds per key, by `version`. `occurred_at` may go back from one version to the next.
    - `change: correction` takes back what `supersedes` said.
    - `final` means that nothing more is expected. Any `change` may still come, and take it back.
defaultContentType: application/json

channels:
  cardCreated:
    address: card-created
    description: |
      Keyed by card_id. Plain JSON or CloudEvents 1.0, binary or structured; the CloudEvent's id and
      time stand in for event_id and occurred_at where the data has none.
    messages:
      cardCreated:
        $$ref: '#/components/messages/cardCreated'
  embossingRequested:
    address: embossing-requested
    description: Keyed by card_id or bulk_issuance_id. JSON or CloudEvents, as for card-created.
    messages:
      embossingRequested:
        $$ref: '#/components/messages/embossingRequested'
  vendorTracking:
    address: perso-vendor-tracking-{vendor}
    description: What a vendor sends, as it sends it; a vendor profile gives it a meaning.
    parameters:
      vendor:
        description: The vendor's id. The topic decides the vendor, never the payload.
    messages:
      vendorTracking:
        $$ref: '#/components/messages/vendorTracking'
  statusChanged:
    address: fulfillment_status-changed
    description: |
      Keyed by card_id or bulk_issuance_id; the header ce_type, or `subject`, tells which. A bulk
      issuance is told at once of its status, exceptions, parcels and discrepancies, and within a
      second or so of other counts. Message timestamps are LogAppendTime.
    messages:
      cardStatusChanged:
        $$ref: '#/components/messages/cardStatusChanged'
      bulkIssuanceStatusChanged:
        $$ref: '#/components/messages/bulkIssuanceStatusChanged'
    bindings:
      kafka:
        topicConfiguration:
          cleanup.policy: [delete]
          retention.ms: -1
  deadLetter:
    address: fulfillment-dead-letter
    description: |
      Keyed by the key of the record that could not be applied, where that is short text, else by
      its topic:partition:offset.
    messages:
      deadLetter:
        $$ref: '#/components/messages/deadLetter'

operations:
  receiveCardCreated:
    action: receive
    channel:
      $$ref: '#/channels/cardCreated'
  receiveEmbossingRequested:
    action: receive
    channel:
      $$ref: '#/channels/embossingRequested'
  receiveVendorTracking:
    action: receive
    channel:
      $$ref: '#/channels/vendorTracking'
  sendStatusChanged:
    action: send
    channel:
      $$ref: '#/channels/statusChanged'
  sendDeadLetter:
    action: send
    channel:
      $$ref: '#/channels/deadLetter'

components:
  messages:
    cardCreated:
      name: card-created
      title: A card exists
      payload:
        schemaFormat: $format
        schema:
          $$ref: ./$card_created
    embossingRequested:
      name: embossing-requested
      title: A vendor was asked to make a card or a bulk issuance
      payload:
        schemaFormat: $format
        schema:
          $$ref: ./$embossing_requested
    vendorTracking:
      name: perso-vendor-tracking
      title: Anything that the vendor's profile understands
    cardStatusChanged:
      name: $card_event
      title: Where a card is
      headers:
        $$ref: '#/components/schemas/headers'
      payload:
        schemaFormat: $format
        schema:
          $$ref: ./$card_event_schema
    bulkIssuanceStatusChanged:
      name: $bulk_event
      title: Where a bulk issuance is
      headers:
        $$ref: '#/components/schemas/headers'
      payload:
        schemaFormat: $format
        schema:
          $$ref: ./$bulk_event_schema
    deadLetter:
      name: $dead_letter
      title: What could not be applied, and why
      headers:
        $$ref: '#/components/schemas/headers'
      payload:
        schemaFormat: $format
        schema:
          $$ref: ./$dead_letter_schema
  schemas:
    headers:
      type: object
      required:
$required
      properties:
$properties
""")


def asyncapi() -> str:
    """Return the document as YAML text."""
    properties = (HEADERS | OPTIONAL_HEADERS).items()
    return _DOCUMENT.substitute(
        format="application/schema+json;version=draft-2020-12",
        card_created=schema_file("card-created.v1"),
        embossing_requested=schema_file("embossing-requested.v1"),
        card_event=CARD_EVENT,
        card_event_schema=schema_file(CARD_EVENT),
        bulk_event=BULK_EVENT,
        bulk_event_schema=schema_file(BULK_EVENT),
        dead_letter=DEAD_LETTER,
        dead_letter_schema=schema_file(DEAD_LETTER),
        required=indent("\n".join(f"- {name}" for name in HEADERS), " " * 8),
        properties=indent("\n".join(_property(*each) for each in properties), " " * 8),
    )


def _property(name: str, description: str) -> str:
    return f"{name}:\n  type: string\n  description: '{description.replace(chr(39), chr(39) * 2)}'"
