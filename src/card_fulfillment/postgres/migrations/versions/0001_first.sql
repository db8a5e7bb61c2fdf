-- Ids of cards, bulk issuances and references compare bytewise: the lock order must be that of the worker.
-- Times named *_us are whole microseconds since the Unix epoch, UTC: they are compared, never shown.

CREATE TABLE schema_floor (
    revision text NOT NULL
);
COMMENT ON TABLE schema_floor IS 'The least revision of the schema that a worker must know to run on it; one row.';
INSERT INTO schema_floor VALUES ('0001');

CREATE TABLE bulk_issuance (
    bulk_issuance_id text COLLATE "C" PRIMARY KEY,
    total            integer,
    announced        integer NOT NULL DEFAULT 0,
    status           text,
    attempt          integer NOT NULL DEFAULT 1,
    version          integer NOT NULL DEFAULT 0,
    last_number      bigint NOT NULL DEFAULT 0,
    reset_number     bigint NOT NULL DEFAULT 0,
    spread_number    bigint NOT NULL DEFAULT 0,
    dirty            boolean NOT NULL DEFAULT false,
    counts           json NOT NULL DEFAULT '[]',
    journey          json
) WITH (fillfactor = 60);
COMMENT ON TABLE bulk_issuance IS 'One order of many cards. Without a version: a placeholder that waits for its first card.';
COMMENT ON COLUMN bulk_issuance.counts IS '[[status, attempt, members], …]';
COMMENT ON COLUMN bulk_issuance.last_number IS 'The number of its newest bulk-level facts; a member folds up to it.';
COMMENT ON COLUMN bulk_issuance.reset_number IS 'A member that folded less lost facts and folds everything anew.';
COMMENT ON COLUMN bulk_issuance.spread_number IS 'Every member has folded what concerns it up to this number.';
COMMENT ON COLUMN bulk_issuance.dirty IS 'Counts changed that are not published yet.';
COMMENT ON COLUMN bulk_issuance.journey IS 'What was said of it beside its members and parcels, and what was published last.';
CREATE INDEX bulk_issuance_at_work ON bulk_issuance (bulk_issuance_id)
    WHERE dirty OR spread_number < last_number;

CREATE TABLE card (
    card_id          text COLLATE "C" PRIMARY KEY,
    bulk_issuance_id text COLLATE "C",
    serial_number    integer,
    status           text,
    attempt          smallint NOT NULL DEFAULT 1,
    version          integer NOT NULL DEFAULT 0,
    folded_number    bigint NOT NULL DEFAULT 0,
    identity         json,
    journey          json
) WITH (fillfactor = 60);
COMMENT ON TABLE card IS 'A card and where it is. Without an identity: a placeholder that waits for its announcement.';
COMMENT ON COLUMN card.identity IS 'What card-created said and never changes.';
COMMENT ON COLUMN card.journey IS 'Its greatest facts, attribute registers and last published state: what folding goes on from.';
COMMENT ON COLUMN card.folded_number IS 'The last bulk-level fact of its bulk that it folded.';
CREATE INDEX card_of_bulk ON card (bulk_issuance_id, serial_number) WHERE bulk_issuance_id IS NOT NULL;

CREATE TABLE vendor_reference (
    reference text COLLATE "C" PRIMARY KEY,
    bindings  json NOT NULL DEFAULT '[]'
) WITH (fillfactor = 90);
COMMENT ON TABLE vendor_reference IS 'A name that a vendor uses, as vendor/kind/value, and whom it means; without bindings a placeholder.';
COMMENT ON COLUMN vendor_reference.bindings IS '[[subject kind, subject id, attempt, valid_from_us, fact id (hex) of what bound it], …]';

CREATE TABLE parcel (
    bulk_issuance_id text COLLATE "C" NOT NULL,
    reference        text COLLATE "C" NOT NULL,
    lines            json NOT NULL DEFAULT '[]',
    journey          json NOT NULL,
    PRIMARY KEY (bulk_issuance_id, reference)
);
COMMENT ON TABLE parcel IS 'A box of a bulk issuance: the serials that any line gave it, and its own status. Locked by its bulk.';
COMMENT ON COLUMN parcel.lines IS '[[first serial, last serial, number since when], …]; null serials: all of them.';

CREATE TABLE fact (
    fact_id          bytea NOT NULL,
    part             smallint NOT NULL DEFAULT 0,
    card_id          text COLLATE "C",
    bulk_issuance_id text COLLATE "C",
    attempt          smallint,
    number           bigint,
    vendor           text,
    status           text,
    outcome          text NOT NULL,
    copies           integer NOT NULL DEFAULT 1,
    alerted          boolean NOT NULL DEFAULT false,
    content          bytea NOT NULL,
    body             json NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fact_id, part)
);
COMMENT ON TABLE fact IS 'Every statement ever taken in: inbox (by fact_id), history (by subject) and parking (no subject).';
COMMENT ON COLUMN fact.part IS '0, and one more for each further subject that the fact is about (one letter, several cards).';
COMMENT ON COLUMN fact.outcome IS 'published, unchanged, late, enrichment or parked.';
COMMENT ON COLUMN fact.copies IS 'How often it came, the first time included.';
CREATE INDEX fact_of_card ON fact (card_id) WHERE card_id IS NOT NULL;
COMMENT ON COLUMN fact.number IS 'Of a bulk-level fact: that of the transaction which made it the bulk''s.';
CREATE INDEX fact_of_bulk ON fact (bulk_issuance_id, number) WHERE bulk_issuance_id IS NOT NULL;
COMMENT ON COLUMN fact.alerted IS 'Whether somebody was told that it waits for longer than the deadline.';
CREATE INDEX fact_parked ON fact (recorded_at) WHERE outcome = 'parked' AND NOT alerted;

CREATE TABLE waiting (
    reference text COLLATE "C" NOT NULL,
    fact_id   bytea NOT NULL,
    PRIMARY KEY (reference, fact_id)
);
COMMENT ON TABLE waiting IS 'The parking lot: references of stored facts that nothing bound when the fact came.';

CREATE TABLE vendor_file (
    vendor       text COLLATE "C" NOT NULL,
    file         text COLLATE "C" NOT NULL,
    sequence     bigint,
    totals       json NOT NULL DEFAULT '[]',
    mentioned    json NOT NULL DEFAULT '[]',
    last_cause   json NOT NULL DEFAULT '[]',
    with_trailer boolean NOT NULL DEFAULT false,
    watched      boolean NOT NULL DEFAULT true,
    began_at     timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (vendor, file)
);
COMMENT ON TABLE vendor_file IS 'A file that a vendor sent line by line. Locked by whoever adds lines, or binds what they mention.';
COMMENT ON COLUMN vendor_file.sequence IS 'Its number among the files of the vendor.';
COMMENT ON COLUMN vendor_file.totals IS 'What its trailer says; several where trailers disagree.';
COMMENT ON COLUMN vendor_file.mentioned IS '[[reference, first time stated, last time stated], …]; null: too many to be about one bulk.';
COMMENT ON COLUMN vendor_file.last_cause IS '[topic, partition, offset, timestamp] of the record of a line that came last.';
COMMENT ON COLUMN vendor_file.with_trailer IS 'Whether files of its vendor end with a trailer.';
COMMENT ON COLUMN vendor_file.watched IS 'Whether lines came since it was last looked at whether it is whole.';
CREATE INDEX vendor_file_sequence ON vendor_file (vendor, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX vendor_file_watched ON vendor_file (changed_at) WHERE watched;

CREATE TABLE vendor_file_line (
    vendor    text COLLATE "C" NOT NULL,
    file      text COLLATE "C" NOT NULL,
    line      bigint NOT NULL,
    content   bytea NOT NULL,
    reference text COLLATE "C",
    quantity  bigint,
    total     bigint,
    PRIMARY KEY (vendor, file, line, content)
);
COMMENT ON TABLE vendor_file_line IS 'Lines of vendors'' files. The same line with another content stands beside it.';
COMMENT ON COLUMN vendor_file_line.total IS 'Of a trailer: the sum that it states of all lines'' quantities.';
CREATE INDEX vendor_file_line_reference ON vendor_file_line (reference) WHERE reference IS NOT NULL;

CREATE TABLE lane (
    lane          smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    last_seq      bigint NOT NULL DEFAULT 0,
    published_seq bigint NOT NULL DEFAULT 0,
    UNIQUE (topic, partition),
    CHECK (published_seq <= last_seq)
) WITH (fillfactor = 20);
COMMENT ON TABLE lane IS 'An output partition and its gapless counter. The rows of a topic pin its partition count.';

CREATE TABLE change (
    lane             smallint NOT NULL REFERENCES lane,
    seq              bigint NOT NULL,
    card_id          text COLLATE "C",
    bulk_issuance_id text COLLATE "C",
    version          integer,
    key              text,
    headers          text NOT NULL,
    value            bytea NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, seq)
);
COMMENT ON TABLE change IS 'Outbox and timeline: what is published, byte for byte, in lane order. Dead letters have no subject.';
COMMENT ON COLUMN change.headers IS 'A JSON object of text values; lane and seq are added when it is published.';
CREATE UNIQUE INDEX change_of_card ON change (card_id, version) WHERE card_id IS NOT NULL;
CREATE UNIQUE INDEX change_of_bulk ON change (bulk_issuance_id, version) WHERE bulk_issuance_id IS NOT NULL;

CREATE TABLE input_position (
    topic            text NOT NULL,
    partition        integer NOT NULL,
    next_offset      bigint NOT NULL,
    applied          bigint NOT NULL DEFAULT 0,
    duplicate        bigint NOT NULL DEFAULT 0,
    ignored          bigint NOT NULL DEFAULT 0,
    parked           bigint NOT NULL DEFAULT 0,
    quarantined      bigint NOT NULL DEFAULT 0,
    last_offset      bigint,
    last_timestamp   bigint,
    last_hash        bytea,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20);
COMMENT ON TABLE input_position IS 'The fence: moved by compare-and-set in the transaction that applies the records before it.';
COMMENT ON COLUMN input_position.applied IS 'Records by what became of them; the five counters add up to the records taken.';

CREATE TABLE dead_letter (
    dead_letter_id   uuid PRIMARY KEY,
    reason           text NOT NULL,
    field_path       text NOT NULL DEFAULT '',
    message          text NOT NULL DEFAULT '',
    vendor           text,
    mapping_version  text,
    topic            text NOT NULL,
    partition        integer NOT NULL,
    "offset"         bigint NOT NULL,
    record_timestamp bigint NOT NULL,
    sha256           bytea NOT NULL,
    key              bytea,
    value            bytea,
    headers          text NOT NULL DEFAULT '[]',
    state            text NOT NULL DEFAULT 'open',
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    closed_by        text
);
COMMENT ON TABLE dead_letter IS 'Quarantine: records, or elements of records, that could not be applied, and why.';
COMMENT ON COLUMN dead_letter.headers IS 'A JSON array of [name, value in base64].';
COMMENT ON COLUMN dead_letter.state IS 'open; closed once it was redriven, or what it warned of is over.';
COMMENT ON COLUMN dead_letter.value IS 'The raw bytes; null where they may hold card data or the record had none.';
CREATE INDEX dead_letter_open ON dead_letter (reason, recorded_at) WHERE state = 'open';
CREATE INDEX dead_letter_of_key ON dead_letter (key) WHERE key IS NOT NULL;

CREATE TABLE relay_lease (
    name       text PRIMARY KEY,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE relay_lease IS 'Who relays an output topic just now: liveness only, safety is the producer epoch.';
