#!/usr/bin/env python3
"""systemd reads every unit of systemd/ without a word, also where what one asks for is misspelled.

usage: units_test.py [unittest options]
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

UNITS = pathlib.Path(__file__).resolve().parents[2] / "systemd"
KINDS = {".service", ".target", ".path", ".timer"}
# Of the box, not of the files: programs and manual pages that are not installed here.
ELSEWHERE = re.compile(r"Command '?/usr/\S+ is not executable|Command 'man \S+' failed|is not executable: No such file")


class Units(unittest.TestCase):
    def setUp(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("needs systemd-analyze")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="foyer-units-"))
        self.addCleanup(shutil.rmtree, self.dir)
        for unit in UNITS.iterdir():
            if unit.suffix in KINDS:
                shutil.copy(unit, self.dir)

    def said(self):
        units = sorted(str(unit) for unit in self.dir.iterdir())
        done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", *units], capture_output=True, text=True,
                              timeout=60, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{self.dir}:"}, check=False)
        return [line for line in done.stderr.splitlines() if not ELSEWHERE.search(line)]

    def test_systemd_has_nothing_to_say_of_any_unit(self):
        self.assertGreater(len(list(self.dir.iterdir())), 6)
        self.assertEqual(self.said(), [])

    def test_a_misspelled_line_would_be_said(self):
        path = self.dir / "foyer-gate.service"
        path.write_text(path.read_text().replace("RuntimeDirectory=", "RuntimeDirectry=", 1))
        self.assertIn("RuntimeDirectry", "\n".join(self.said()))


if __name__ == "__main__":
    unittest.main()
