-- The schema as all migrations together make it. A test keeps the two equal; daemon/ledger/migrations/ is what runs.

-- What the database is: epoch (16 hex), and since when.
CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Every opening of the file; mono_ms of an outbox row counts within its boot. offset_ms: wall clock minus monotonic
-- clock of that boot, once its time was synchronised. mono_ms: the monotonic clock at the opening.
CREATE TABLE boot (
  seq INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  offset_ms INTEGER,
  mono_ms INTEGER
) STRICT;

-- One row a stream, written once a commit. gone: every seq up to it has left the outbox.
CREATE TABLE stream (
  stream INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  newest_ms INTEGER NOT NULL
) STRICT;

-- What is not yet safe upstream. No second index: an insert touches the last page of its stream and nothing else.
CREATE TABLE outbox (
  stream INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  wall_ms INTEGER NOT NULL,
  boot INTEGER NOT NULL,
  mono_ms INTEGER NOT NULL,
  PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;

-- Names taken back that may still stand in rows of a stream: these are gone through in pieces, up to upto; those up to
-- seq are done. names: a JSON array.
CREATE TABLE erasure (
  id INTEGER PRIMARY KEY,
  names TEXT NOT NULL,
  stream INTEGER NOT NULL CHECK (stream BETWEEN 1 AND 3),
  seq INTEGER NOT NULL,
  upto INTEGER NOT NULL
) STRICT;

-- held: the operator's word, whatever its source says: 1 paused, 2 resumed, 0 none. A started campaign that was taken
-- away stays, inactive, so that it cannot come back with other odds.
CREATE TABLE campaign (
  id TEXT PRIMARY KEY NOT NULL,
  source TEXT NOT NULL,
  json TEXT NOT NULL,
  started INTEGER NOT NULL,
  active INTEGER NOT NULL,
  held INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Red packets not yet taken, already shuffled: the lowest n goes first.
CREATE TABLE packet (
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  n INTEGER NOT NULL,
  minor INTEGER NOT NULL,
  PRIMARY KEY (campaign, prize, n)
) STRICT, WITHOUT ROWID;

-- Wins. day is the shop's local day (days since 1970), day_total belongs to it.
CREATE TABLE campaign_use (
  campaign TEXT PRIMARY KEY NOT NULL,
  total INTEGER NOT NULL,
  day INTEGER NOT NULL,
  day_total INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- told: bit 0 stock.low was sent, bit 1 stock.exhausted was.
CREATE TABLE prize_use (
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  issued INTEGER NOT NULL,
  minor INTEGER NOT NULL,
  told INTEGER NOT NULL,
  PRIMARY KEY (campaign, prize)
) STRICT, WITHOUT ROWID;

-- who is a keyed hash of the subject: it outlives the subject's erasure so that erasing is no way round a cap.
CREATE TABLE subject_use (
  campaign TEXT NOT NULL,
  who BLOB NOT NULL,
  total INTEGER NOT NULL,
  day INTEGER NOT NULL,
  day_total INTEGER NOT NULL,
  last_draw_ms INTEGER NOT NULL,
  PRIMARY KEY (campaign, who)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_use_day ON subject_use (day);

-- Every draw by the hash of its nonce, with the answer that was given.
CREATE TABLE draw (
  nonce_hash TEXT PRIMARY KEY NOT NULL,
  subject TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX draw_at ON draw (at_ms);
CREATE INDEX draw_subject ON draw (subject) WHERE subject != '';

-- id begins with the second of issue, so new coupons share the last page.
-- starts_ms: not to be used before; 0: at once. hours: [[day, from, to], …] in minutes of the shop's time zone, Sunday is 0;
-- '': always.
-- reservation: 32 hex while state is reserved; it lapses at reserved_until_ms.
-- boot: of which opening it is, so that its times can be put right with that one's clock; 0: of another shop, or of
-- before.
CREATE TABLE coupon (
  id TEXT PRIMARY KEY NOT NULL,
  code TEXT NOT NULL UNIQUE,
  campaign TEXT NOT NULL,
  prize TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('issued', 'reserved', 'redeemed', 'expired', 'voided')),
  uses INTEGER NOT NULL,
  uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
  interval_s INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL,
  issued_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  title TEXT NOT NULL,
  benefit TEXT NOT NULL,
  redeem_at TEXT NOT NULL,
  zone TEXT NOT NULL DEFAULT '', -- it was won in
  starts_ms INTEGER NOT NULL DEFAULT 0,
  hours TEXT NOT NULL DEFAULT '',
  reservation TEXT NOT NULL DEFAULT '',
  reserved_until_ms INTEGER NOT NULL DEFAULT 0,
  boot INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX coupon_subject ON coupon (subject) WHERE subject != '';
CREATE INDEX coupon_expiry ON coupon (expires_ms) WHERE state = 'issued';
CREATE INDEX coupon_reserved ON coupon (reserved_until_ms) WHERE state = 'reserved';

-- The till's idempotency keys. answer names no person.
CREATE TABLE till_answer (
  key TEXT PRIMARY KEY NOT NULL,
  request BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX till_answer_at ON till_answer (at_ms);

-- Sessions that are open; one that ended is told upstream and goes.
CREATE TABLE session (
  id TEXT PRIMARY KEY NOT NULL,
  subject TEXT NOT NULL,
  device TEXT NOT NULL,
  pair TEXT NOT NULL UNIQUE,
  way INTEGER NOT NULL,
  kind TEXT NOT NULL,
  zone TEXT NOT NULL,
  evidence INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  bytes_up INTEGER NOT NULL DEFAULT 0,
  bytes_down INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX session_subject ON session (subject);

-- Which device used which token, and the session it got.
CREATE TABLE token_use (
  token_hash TEXT NOT NULL,
  device TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  session TEXT NOT NULL,
  PRIMARY KEY (token_hash, device)
) STRICT, WITHOUT ROWID;

-- Admissions of a device on a local day.
CREATE TABLE admission (
  day INTEGER NOT NULL,
  device TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE consent (
  subject TEXT PRIMARY KEY NOT NULL,
  terms_hash TEXT NOT NULL,
  given_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_given ON consent (given_ms);

-- Every version of a campaign, so that what was answered under it can be explained.
CREATE TABLE campaign_version (
  campaign TEXT NOT NULL,
  version INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (campaign, version)
) STRICT, WITHOUT ROWID;

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
CREATE INDEX happening_at ON happening (at_ms);

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
CREATE INDEX visit_last ON visit (last_day);

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
CREATE INDEX arm_day ON arm (day);

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

-- Codes for typing below QR codes. body: the token without its signature, hex; worth nothing without the key.
CREATE TABLE typed (
  code TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX typed_expiry ON typed (expires_ms);
CREATE INDEX token_use_at ON token_use (at_ms);

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
-- coupon: the one shown; issued: what its purchase campaigns gave, with blanks between: ids of coupons, and
-- packet:CAMPAIGN:PRIZE:MINOR:CURRENCY.
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

-- What commands from upstream were answered, so that one that comes again is not carried out again.
CREATE TABLE order_answer (
  key TEXT PRIMARY KEY NOT NULL,
  at_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
