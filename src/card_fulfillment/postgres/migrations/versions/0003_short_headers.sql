-- Workers up to revision 0002 cannot publish what is written from now on: their relays stop with an alarm, and publish
-- nothing wrong. They must not start again.
UPDATE schema_floor SET revision = '0003';

COMMENT ON COLUMN change.headers IS
    'A JSON array: type, id and time of the event, and its trace where it has one. The key is its subject; what all events of a type have, and lane and seq, are added when it is published. An object has all but lane and seq.';
COMMENT ON TABLE change IS 'Outbox and timeline: keys and values as they are published, byte for byte, in lane order. Dead letters have no subject.';
