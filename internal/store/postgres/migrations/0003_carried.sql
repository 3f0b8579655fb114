-- Blocks of the log may be outside the database, in a topic of Kafka. The row
-- then says where, and has the secret of that one block: without it the record
-- of the topic is noise.

ALTER TABLE log_blocks ALTER COLUMN bytes DROP NOT NULL;
ALTER TABLE log_blocks ADD COLUMN topic_partition integer;
ALTER TABLE log_blocks ADD COLUMN topic_offset bigint;
ALTER TABLE log_blocks ADD COLUMN topic_secret bytea;
