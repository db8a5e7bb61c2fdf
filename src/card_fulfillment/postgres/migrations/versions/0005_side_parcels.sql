-- Workers up to revision 0004 cannot read a reference that is called another parcel's than the outbound one's: what they
-- find by it they quarantine (applying_failed). They must not start again.
UPDATE schema_floor SET revision = '0005';

ALTER TABLE fact ADD COLUMN side text;

COMMENT ON COLUMN fact.side IS 'The parcel that the fact was found by where that is not the outbound one: return, replacement or pin.';
