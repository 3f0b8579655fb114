-- Who the nodes are, and the small files that go where the lease goes. Both are
-- a handful of rows: they stay on the coordinator of a Citus cluster.

CREATE TABLE nodes (
    id      text        PRIMARY KEY,
    address text        NOT NULL, -- where other nodes reach it
    version text        NOT NULL,
    state   text        NOT NULL,
    beat    timestamptz NOT NULL
);

CREATE TABLE node_files (
    name  text    NOT NULL,
    piece integer NOT NULL,
    bytes bytea   NOT NULL, -- sealed under a key made of the master key
    PRIMARY KEY (name, piece)
);
