-- Wall clock minus monotonic clock of that boot, once its time was synchronised.
ALTER TABLE boot ADD COLUMN offset_ms INTEGER;

-- What commands from upstream were answered, so that one that comes again is not carried out again.
CREATE TABLE order_answer (
  key TEXT PRIMARY KEY NOT NULL,
  at_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
