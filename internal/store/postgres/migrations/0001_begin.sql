-- What every instance has. Keys begin with what Citus distributes by, unique
-- constraints contain it, and nothing refers across tables.

CREATE TABLE leases (
    part      smallint    PRIMARY KEY,
    epoch     bigint      NOT NULL,
    owner     text        NOT NULL,
    expires   timestamptz NOT NULL,
    log_end   bigint      NOT NULL, -- up to where the log is written
    log_last  bigint      NOT NULL, -- position of the last record
    log_bytes bigint      NOT NULL, -- size of the blocks
    log_sums  bytea       NOT NULL, -- what was received and rejected
    next_key  bigint      NOT NULL, -- the id of the next data key
    master    bytea       NOT NULL, -- the mark of the key that wraps data keys
    token     bytea       NOT NULL  -- drawn by whoever took the lease
);

CREATE TABLE log_blocks (
    part   smallint NOT NULL,
    ends   bigint   NOT NULL, -- the address behind the block
    begins bigint   NOT NULL, -- the address of its first byte
    bytes  bytea    NOT NULL, -- sealed records, one behind the other
    PRIMARY KEY (part, ends)
);
-- Compressed and encrypted already, and read in slices.
ALTER TABLE log_blocks ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE log_keys (
    bucket smallint NOT NULL,
    anchor bytea    NOT NULL,
    id     bigint   NOT NULL,
    secret bytea    NOT NULL, -- wrapped by the master key
    PRIMARY KEY (bucket, anchor, id)
);

CREATE TABLE state_rows (
    bucket smallint NOT NULL,
    kind   smallint NOT NULL, -- which of the tables of package store
    key    bytea    NOT NULL,
    parts  bytea    NOT NULL,
    PRIMARY KEY (bucket, kind, key)
) WITH (fillfactor = 85);

CREATE TABLE state_positions (
    first_bucket smallint NOT NULL,
    last_bucket  smallint NOT NULL,
    position     bigint   NOT NULL,
    serial       bigint   NOT NULL, -- counts the commits of the span
    PRIMARY KEY (first_bucket, last_bucket)
);
