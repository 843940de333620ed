-- Codes for typing below QR codes. body: the token without its signature, hex; worth nothing without the key.
CREATE TABLE typed (
  code TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX typed_expiry ON typed (expires_ms);
CREATE INDEX token_use_at ON token_use (at_ms);
