#!/usr/bin/env python3
"""docs/campaign.schema.json against the reader's own keys, the campaigns that are shipped, and those that are refused."""
import json
import pathlib
import re
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs/campaign.schema.json").read_text())
VALID = jsonschema.Draft202012Validator(SCHEMA)

# What is wrong with these is not in one value: two keys against each other, sums, amounts, YAML itself.
ONLY_THE_READER_SEES = {
    "07-duplicate-key", "08-duplicate-prize", "13-dates-reversed", "17-hours-same", "24-weights-zero", "26-two-nothings",
    "37-gift-of-nothing", "40-packets-too-small", "42-paused", "45-alias", "49-title-asks-to-share",
    "50-prize-over-the-ceiling", "51-packet-over-the-ceiling", "52-odds", "53-no-day-left", "54-every-day-left-out",
    "55-coupon-ends-too-soon", "56-uses-outlast-it", "57-segments-both-ways", "61-interval", "65-yen-have-no-decimals",
    "71-all-uses-over-the-ceiling", "72-item-asks-to-share"}

EVERY_COUPON_KEY = {
    "id": "all", "prizes": {"a": {
        "kind": "coupon", "title": {"en": "A"}, "weight": 1, "stock": 5, "uses": 2, "interval": "1d", "codes": "imported",
        "redeem_at": ["store-001"],
        "benefit": {"kind": "amount_off", "amount": "1.00", "currency": "CNY", "min_spend": "5.00"},
        "valid": {"for": "7d", "until": "2026-12-31", "end_of_day": True, "from": "2026-11-01", "after": "1h",
                  "hours": {"mon": ["11:00-14:00"], "sat": ["10:00-12:00", "22:00-02:00"]}}}}}


class Loader(yaml.SafeLoader):
    """Dates stay text, as in JSON."""


Loader.yaml_implicit_resolvers = {
    first: [one for one in all_ if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, all_ in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def read(file):
    return yaml.load(file.read_text(), Loader)


def keys_in(source, after):
    text = (ROOT / "daemon/campaign" / source).read_text()
    found = re.search(re.escape(after) + r"\s*\{([^}]*)\}", text)
    return set(re.findall(r'"([a-z_]+)"', found.group(1)))


class Schema(unittest.TestCase):
    def test_it_has_the_readers_keys(self):
        coupon = SCHEMA["$defs"]["coupon"]["properties"]
        self.assertEqual(set(coupon), keys_in("prize_reader.cpp", "PrizeKind::coupon)\n    map = value.fields("))
        self.assertEqual(set(coupon["valid"]["properties"]), keys_in("validity_reader.cpp", "const auto map = value.fields("))

    def test_every_key_of_a_coupon_is_taken(self):
        VALID.validate(EVERY_COUPON_KEY)
        prize = EVERY_COUPON_KEY["prizes"]["a"]
        self.assertEqual(set(prize), set(SCHEMA["$defs"]["coupon"]["properties"]))
        for hours in (["11:00-14:00"], {}, {"monday": ["11:00-14:00"]}, "11:00-14:00"):
            changed = json.loads(json.dumps(EVERY_COUPON_KEY))
            changed["prizes"]["a"]["valid"]["hours"] = hours
            self.assertEqual(VALID.is_valid(changed), hours == ["11:00-14:00"], hours)

    def test_what_is_shipped_is_taken(self):
        files = sorted((ROOT / "config/campaigns").glob("*.yaml"))
        self.assertGreater(len(files), 1)
        for file in files:
            VALID.validate(read(file))

    def test_what_the_reader_refuses_it_refuses_but_for_what_it_cannot_see(self):
        taken = set()
        for file in sorted((ROOT / "tests/unit/campaign/bad").glob("*.yaml")):
            try:
                if VALID.is_valid(read(file)):
                    taken.add(file.stem)
            except yaml.YAMLError:
                pass
        self.assertEqual(taken, ONLY_THE_READER_SEES)


if __name__ == "__main__":
    unittest.main()
