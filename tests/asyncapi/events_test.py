#!/usr/bin/env python3
"""Every type of event that docs/asyncapi.yaml has is written by foyer's own code in some unit test, and as the page says.

What happens in a whole house is judged where it happens (integration/house_test.py); here are the rare ones, too.
usage: events_test.py TESTS-DIRECTORY"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from schema import Schemas  # noqa: E402

TESTS = pathlib.Path(sys.argv.pop(1))
RUNS = [("unit_app", "HearingTest.*:PrivacyTest.*:Noise/*:*InAndOut*"),
        ("unit_ledger", "Draws.*:Sessions.*:Sales.*:Refunds.*:Till.*:Expiry.*:CampaignsTest.*:"
                        "RebuildTest.*:NoRoom.*:Privacy.*")]
OF_THE_HOUSE = {"foyer.gateway.started.v1", "foyer.gateway.stopped.v1"}  # house_test: Operation


class Events(unittest.TestCase):
    maxDiff = None

    def test_every_type_is_written_as_the_page_says(self):
        schemas, seen, faults = Schemas(), set(), set()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "events.jsonl"
            for program, which in RUNS:
                done = subprocess.run([TESTS / program, f"--gtest_filter={which}"], env={**os.environ, "FOYER_EVENTS": str(path)},
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout[-2000:])
            for line in path.read_text().splitlines():
                event = json.loads(line)
                stream = event.pop("stream")
                event["type"] = f"foyer.{event['type']}.v1"
                seen.add(event["type"])
                envelope = {"specversion": "1.0", "id": f"gw-01/0123456789abcdef/{stream}/1", "source": "/acme/store-001/gw-01",
                            "time": "2026-11-28T12:00:00.000Z", "datacontenttype": "application/json"}
                if not event["subject"]:
                    del event["subject"]
                faults.update(schemas.faults({**envelope, **event}))
        self.assertEqual(sorted(faults), [])
        self.assertEqual(sorted(set(schemas.by_type) - seen - OF_THE_HOUSE), [], "nobody saw these written")


if __name__ == "__main__":
    unittest.main()
