-- What a person's erasure and export look for by name, and a sweep by time.
CREATE INDEX draw_subject ON draw (subject) WHERE subject != '';
CREATE INDEX session_subject ON session (subject);
CREATE INDEX till_answer_at ON till_answer (at_ms);
CREATE INDEX happening_at ON happening (at_ms);
CREATE INDEX subject_use_day ON subject_use (day);
CREATE INDEX visit_last ON visit (last_day);
CREATE INDEX arm_day ON arm (day);
CREATE INDEX consent_given ON consent (given_ms);

-- Names taken back that may still stand in rows of a stream: these are gone through in pieces, up to upto; those up to
-- seq are done. names: a JSON array.
CREATE TABLE erasure (
  id INTEGER PRIMARY KEY,
  names TEXT NOT NULL,
  stream INTEGER NOT NULL CHECK (stream BETWEEN 1 AND 3),
  seq INTEGER NOT NULL,
  upto INTEGER NOT NULL
) STRICT;

-- A till is never told whose a coupon is.
UPDATE till_answer SET answer = json_remove(answer, '$.coupon.subject', '$.triggered[0].coupon.subject',
  '$.triggered[1].coupon.subject', '$.triggered[2].coupon.subject', '$.triggered[3].coupon.subject')
  WHERE json_valid(answer);

-- The monotonic clock at the opening: what the clocks were apart before anybody vouched for the time.
ALTER TABLE boot ADD COLUMN mono_ms INTEGER;

-- Of which opening it is, so that its times can be put right with that one's clock; 0: of another shop, or of before.
ALTER TABLE coupon ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;
