-- Workers up to revision 0003 neither read nor write these, and can run beside newer ones.
ALTER TABLE input_position
    ADD COLUMN taken_by   text,
    ADD COLUMN taken_from bigint,
    ADD COLUMN takers     smallint NOT NULL DEFAULT 0,
    ADD COLUMN in_hand    bigint,
    ADD COLUMN held       smallint NOT NULL DEFAULT 0;

COMMENT ON COLUMN input_position.takers IS 'Processes in a row that took the partition at taken_from, the last one being taken_by: where the position does not move they may be dying of a record.';
COMMENT ON COLUMN input_position.held IS 'How often the record at in_hand was begun alone, before the last time, by a process that then ended in no order.';
