-- Tables for analysts. Each is spread by profile_id where Citus is found, so unique
-- constraints contain it, and nothing refers across tables. All of it is made anew
-- from the log when the schema is dropped.

CREATE TABLE profiles (
    profile_id  text PRIMARY KEY,
    anonymous   boolean     NOT NULL, -- nothing but anonymous ids is known
    traits      jsonb       NOT NULL,
    computed    jsonb       NOT NULL, -- as of updated_at
    affinities  jsonb       NOT NULL,
    consent     jsonb       NOT NULL,
    segments    text[]      NOT NULL,
    event_count bigint      NOT NULL,
    order_count bigint      NOT NULL,
    first_seen  timestamptz,
    last_seen   timestamptz,
    updated_at  timestamptz NOT NULL
);

CREATE TABLE identifiers (
    profile_id    text NOT NULL,
    identifier_id text NOT NULL, -- of this identifier as a person of its own: it never changes
    namespace     text NOT NULL,
    value         text NOT NULL,
    first_seen    timestamptz,
    last_seen     timestamptz,
    PRIMARY KEY (profile_id, identifier_id)
);
CREATE INDEX identifiers_by_id ON identifiers (identifier_id);
CREATE INDEX identifiers_by_value ON identifiers (value, namespace);

CREATE TABLE memberships (
    profile_id text NOT NULL,
    segment    text NOT NULL,
    since      timestamptz, -- null: not known
    PRIMARY KEY (profile_id, segment)
);
CREATE INDEX memberships_by_segment ON memberships (segment);

CREATE TABLE orders (
    profile_id text    NOT NULL,
    order_id   text    NOT NULL,
    status     text    NOT NULL,
    purchased  boolean NOT NULL, -- false: known by a refund or a status alone
    time       timestamptz,
    currency   text    NOT NULL, -- XXX: nobody said
    total      numeric NOT NULL,
    gross      numeric NOT NULL, -- total; 0 while not placed or when cancelled
    refunded   numeric NOT NULL,
    net        numeric NOT NULL, -- gross less refunded
    cart_id    text,
    fields     jsonb   NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, order_id)
);
CREATE INDEX orders_by_time ON orders (time);

CREATE TABLE order_lines (
    profile_id text    NOT NULL,
    order_id   text    NOT NULL,
    line       integer NOT NULL, -- 1 is the first
    item_type  text,
    item_id    text,
    price      numeric,
    quantity   numeric,
    PRIMARY KEY (profile_id, order_id, line)
);
CREATE INDEX order_lines_by_item ON order_lines (item_id);

CREATE TABLE events (
    profile_id    text        NOT NULL,
    time          timestamptz NOT NULL,
    position      bigint      NOT NULL, -- in the log; of each event its own
    identifier_id text        NOT NULL, -- the strongest identifier of the event
    event_id      text        NOT NULL,
    kind          text        NOT NULL, -- base, catalog, cart or order
    type          text,
    name          text,
    source        text,
    session_id    text,
    channel       text,
    locale        text,
    page_type     text,
    url           text,
    referrer      text,
    item_type     text,
    item_id       text,
    cart_id       text,
    order_id      text,
    total         numeric,
    currency      text,
    properties    jsonb,
    received_at   timestamptz NOT NULL,
    PRIMARY KEY (profile_id, time, position)
) PARTITION BY RANGE (time);
CREATE INDEX events_by_name ON events (name, time);

CREATE VIEW former_ids AS
    SELECT identifier_id AS former_id, profile_id FROM identifiers WHERE identifier_id <> profile_id;

-- How far the tables are; changed with every transaction that changes them.
CREATE TABLE progress (
    part     smallint PRIMARY KEY,
    format   integer NOT NULL,
    instance text    NOT NULL, -- a mark of whose the tables are
    turn     bigint  NOT NULL, -- counts the transactions: of two writers one finds another than it knows
    events   bigint  NOT NULL, -- position in the log up to which events are written
    people   bigint  NOT NULL, -- the same of what changed of people
    force    bigint  NOT NULL, -- position of what was in force when everybody was written last
    walked   text,             -- everybody is being written: up to this identifier; null: that is done
    whole_at timestamptz       -- when it was done last
);
