-- What an open session has used, so that it outlives a reboot.
ALTER TABLE session ADD COLUMN bytes_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN bytes_down INTEGER NOT NULL DEFAULT 0;
