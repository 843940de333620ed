-- Every version of a campaign, so that what was answered under it can be explained.
CREATE TABLE campaign_version (
  campaign TEXT NOT NULL,
  version INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (campaign, version)
) STRICT, WITHOUT ROWID;
INSERT INTO campaign_version (campaign, version, at_ms, json) SELECT id, 1, 0, json FROM campaign;

-- Red packets that nobody took in time: the rest that went back. A later end takes it out again.
CREATE TABLE packet_return (
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  count INTEGER NOT NULL,
  minor INTEGER NOT NULL,
  PRIMARY KEY (campaign, prize)
) STRICT, WITHOUT ROWID;

-- Offers won without asking. seq is never given twice.
CREATE TABLE offer (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  instance TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  trigger_name TEXT NOT NULL,
  zone TEXT NOT NULL,
  answer TEXT NOT NULL
) STRICT;
CREATE INDEX offer_subject ON offer (subject, seq);
CREATE INDEX offer_instance ON offer (instance);

-- What happened and was decided on, each once.
CREATE TABLE happening (
  instance TEXT PRIMARY KEY NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Offers made on a local day: to one shopper (keyed hash, as in subject_use), and to all (empty).
CREATE TABLE offer_use (
  day INTEGER NOT NULL,
  who BLOB NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, who)
) STRICT, WITHOUT ROWID;

-- Since when a name is known here, by local day.
CREATE TABLE visit (
  subject TEXT PRIMARY KEY NOT NULL,
  first_day INTEGER NOT NULL,
  last_day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Segments the chain put a subject into.
CREATE TABLE segment (
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;

-- For campaigns with a holdout: who was treated or held out since which day, and what they did after.
CREATE TABLE arm (
  campaign TEXT NOT NULL,
  who BLOB NOT NULL,
  held INTEGER NOT NULL,
  day INTEGER NOT NULL,
  returned INTEGER NOT NULL,
  bought INTEGER NOT NULL,
  PRIMARY KEY (campaign, who)
) STRICT, WITHOUT ROWID;

-- How many, by hour (span 0, slot: hours since 1970) and local day (span 1, slot: days since 1970). bits: which of 4,096
-- places the people fell on, by a hash that is another in each slot; empty once the slot is over.
CREATE TABLE funnel (
  span INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  campaign TEXT NOT NULL,
  zone TEXT NOT NULL,
  stage INTEGER NOT NULL,
  events INTEGER NOT NULL,
  people INTEGER NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (span, slot, campaign, zone, stage)
) STRICT, WITHOUT ROWID;

-- The zone it was won in.
ALTER TABLE coupon ADD COLUMN zone TEXT NOT NULL DEFAULT '';
