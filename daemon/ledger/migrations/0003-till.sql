-- starts_ms: not to be used before; 0: at once. hours: [[day, from, to], …] in minutes of the shop's time zone, Sunday is 0;
-- '': always.
-- reservation: 32 hex while state is reserved; it lapses at reserved_until_ms.
ALTER TABLE coupon ADD COLUMN starts_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE coupon ADD COLUMN hours TEXT NOT NULL DEFAULT '';
ALTER TABLE coupon ADD COLUMN reservation TEXT NOT NULL DEFAULT '';
ALTER TABLE coupon ADD COLUMN reserved_until_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX coupon_reserved ON coupon (reserved_until_ms) WHERE state = 'reserved';

-- Every use of a coupon, counted from 1. minor and currency are those of the purchase, '' where none was told. ended:
-- refund and mistake gave the use back, dispute did not.
CREATE TABLE redemption (
  coupon TEXT NOT NULL,
  n INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  store TEXT NOT NULL,
  terminal TEXT NOT NULL,
  operator TEXT NOT NULL,
  check_no TEXT NOT NULL,
  minor INTEGER NOT NULL,
  currency TEXT NOT NULL,
  ended TEXT NOT NULL CHECK (ended IN ('', 'refund', 'mistake', 'dispute')),
  ended_ms INTEGER NOT NULL,
  PRIMARY KEY (coupon, n)
) STRICT, WITHOUT ROWID;

-- Purchases a till told of. id begins with the second of the sale. subject: whose coupon or member code was shown;
-- coupon: the one shown; issued: those its purchase campaigns gave, with blanks between.
CREATE TABLE sale (
  id TEXT PRIMARY KEY NOT NULL,
  at_ms INTEGER NOT NULL,
  store TEXT NOT NULL,
  terminal TEXT NOT NULL,
  operator TEXT NOT NULL,
  check_no TEXT NOT NULL,
  minor INTEGER NOT NULL,
  currency TEXT NOT NULL,
  subject TEXT NOT NULL,
  coupon TEXT NOT NULL,
  issued TEXT NOT NULL,
  ended TEXT NOT NULL CHECK (ended IN ('', 'refund', 'mistake', 'dispute')),
  ended_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sale_subject ON sale (subject) WHERE subject != '';
CREATE INDEX sale_check ON sale (check_no, id) WHERE check_no != '';

-- Codes of a merchant's own list that no coupon has yet: the lowest n goes first.
CREATE TABLE code_pool (
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  n INTEGER NOT NULL,
  code TEXT NOT NULL UNIQUE,
  PRIMARY KEY (campaign, prize, n)
) STRICT, WITHOUT ROWID;

-- Who may work at /staff. pin: scrypt, with its parameters and salt.
CREATE TABLE staff (
  name TEXT PRIMARY KEY NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('cashier', 'manager')),
  pin TEXT NOT NULL,
  added_ms INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  locked_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who agreed to which text when, and who took it back. who is a keyed hash: the proof outlives the subject's erasure.
CREATE TABLE consent_record (
  who BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  given INTEGER NOT NULL,
  terms_hash TEXT NOT NULL,
  PRIMARY KEY (who, at_ms, given)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_record_at ON consent_record (at_ms);

-- Every prize that was won, for whoever audits the draw: id is the second and the draw's name, who a keyed hash, odds
-- the version of the campaign's prizes and weights it was drawn by.
CREATE TABLE prize_record (
  id TEXT PRIMARY KEY NOT NULL,
  who BLOB NOT NULL,
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  odds BLOB NOT NULL,
  minor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
