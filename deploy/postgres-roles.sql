-- Who may do what in the worker's database. Run it as a superuser, connected to that database:
-- before the first `card-fulfillment migrate` (it makes the roles) and after every one (it grants
-- the rights on the tables that there are by then). It can be run again at any time.
--
--   fulfillment_owner    owns the tables: `migrate` and `accept` log in as it, nothing else
--   fulfillment_worker   runs the worker: reads and writes rows, changes no table
--   fulfillment_support  looks: `timeline`, `overdue`, `check`, `audit`, and whoever asks the tables;
--                        the bytes of quarantined records are not for it
--
-- The roles have no passwords yet: set them with \password, or let pg_hba.conf ask for certificates.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fulfillment_owner', 'fulfillment_worker', 'fulfillment_support'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT NOCREATEDB NOCREATEROLE', name);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO fulfillment_owner;
GRANT USAGE ON SCHEMA public TO fulfillment_worker, fulfillment_support;
ALTER ROLE fulfillment_support SET statement_timeout = '30s';

-- The worker: for each table no more than its statements need. Nothing of an inbox, an outbox, a
-- counter or a quarantine is ever deleted; of facts, the parts of one that turns out to be about
-- fewer cards; and parcels of which nothing is said any more.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT * FROM (VALUES
            ('alembic_version', 'SELECT'),
            ('schema_floor', 'SELECT'),
            ('bulk_issuance', 'SELECT, INSERT, UPDATE'),
            ('card', 'SELECT, INSERT, UPDATE'),
            ('vendor_reference', 'SELECT, INSERT, UPDATE'),
            ('parcel', 'SELECT, INSERT, UPDATE, DELETE'),
            ('fact', 'SELECT, INSERT, UPDATE, DELETE'),
            ('waiting', 'SELECT, INSERT, DELETE'),
            ('vendor_file', 'SELECT, INSERT, UPDATE'),
            ('vendor_file_line', 'SELECT, INSERT'),
            ('lane', 'SELECT, INSERT, UPDATE'),
            ('change', 'SELECT, INSERT'),
            ('input_position', 'SELECT, INSERT, UPDATE'),
            ('dead_letter', 'SELECT, INSERT, UPDATE'),
            ('relay_lease', 'SELECT, INSERT, UPDATE')
        ) AS rights (relation, privileges)
        WHERE to_regclass('public.' || relation) IS NOT NULL
    LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, fulfillment_worker, fulfillment_support', granted.relation);
        EXECUTE format('GRANT %s ON public.%I TO fulfillment_worker', granted.privileges, granted.relation);
        IF granted.relation <> 'dead_letter' THEN
            EXECUTE format('GRANT SELECT ON public.%I TO fulfillment_support', granted.relation);
        END IF;
    END LOOP;
    -- Support sees that a record was quarantined and why; its key is an id, by which it is found.
    IF to_regclass('public.dead_letter') IS NOT NULL THEN
        GRANT SELECT (dead_letter_id, reason, field_path, message, vendor, mapping_version, topic,
                      partition, "offset", record_timestamp, sha256, key, state, recorded_at,
                      closed_at, closed_by)
            ON public.dead_letter TO fulfillment_support;
    END IF;
END
$$;
