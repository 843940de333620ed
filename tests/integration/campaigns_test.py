#!/usr/bin/env python3
"""Campaigns in a whole house: offers that come unasked, the operator's commands, the numbers.

usage: campaigns_test.py BIN_DIR [unittest options]
"""
import json
import pathlib
import re
import sys
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from shop import Phone, Shop, wait_for  # noqa: E402

BIN = pathlib.Path(sys.argv.pop(1))

OFFER = """\
id: {id}
trigger: {trigger}
where: {{presence: {presence}}}
limits: {{interval: 0s}}
prizes:
  tea: {{kind: coupon, benefit: {{kind: gift, item: {{en: Tea}}}}, valid: {{for: 1h}}}}
"""


class Campaigns(unittest.TestCase):
    def setUp(self):
        self.shop = Shop(BIN)
        self.addCleanup(self.shop.close)

    def campaign(self, name, trigger, presence=0):
        text = OFFER.format(id=name, trigger=trigger, presence=presence)
        (self.shop.dir / "campaigns" / f"{name}.yaml").write_text(text)

    def open(self):
        self.shop.open()
        return Phone(self.shop, "127.0.0.2")

    def offers(self, phone, after=0):
        status, body, _ = phone.ask("GET", f"/v1/offers?after={after}")
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def test_coming_in_brings_offers_once_also_after_kill_9(self):
        self.campaign("hello", "wifi", 3)
        self.campaign("scanned", "qr")
        self.campaign("entered", "enter", 3)
        phone = self.open()
        phone.join()
        three = wait_for("the offers", lambda: (lambda o: o if len(o) == 3 else None)(self.offers(phone)))
        self.assertEqual({one["campaign"] for one in three}, {"hello", "scanned", "entered"})
        for one in three:
            self.assertEqual(one["prize"]["kind"], "coupon")
            status, body = phone.redeem(one["coupon"]["code"])
            self.assertEqual(status, 200, body)
        self.shop.daemon.kill()
        self.shop.daemon.wait()
        self.shop.open_daemon()
        wait_for("the session", lambda: json.loads(phone.ask("GET", "/v1/me")[1]).get("session"))
        begun = time.monotonic()
        self.assertEqual(self.offers(phone, three[-1]["seq"]), [], "nothing twice")
        self.assertGreater(time.monotonic() - begun, 2, "held while there is none")
        self.assertEqual([one["seq"] for one in self.offers(phone)], [one["seq"] for one in three])

    def refused(self, what, reason):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.shop.admin}/metrics", timeout=5) as answer:
            found = re.search(rf'^foyer_refusals_total{{what="{what}",reason="{reason}"}} (\d+)', answer.read().decode(), re.M)
        return int(found[1]) if found else 0

    def test_a_purchase_gives_to_who_is_in_and_every_refusal_is_counted(self):
        self.campaign("hello", "wifi", 3)
        self.campaign("never", "wifi", 5)
        self.campaign("thanks", "purchase", 5)
        phone = self.open()
        phone.join()
        [hello] = wait_for("the offer", lambda: self.offers(phone))
        self.assertEqual(self.refused("offer", "presence_too_low"), 1, "the one that asks for staff")
        status, sold = phone.redeem(hello["coupon"]["code"], "sale")
        self.assertEqual(status, 200, sold)
        self.assertEqual([one["campaign"] for one in sold["triggered"]], ["thanks"])
        [thanks] = wait_for("what the purchase gave", lambda: self.offers(phone, hello["seq"]))
        self.assertEqual(thanks["coupon"]["id"], sold["triggered"][0]["coupon"]["id"])
        self.shop.ctl("remove", phone.address)
        status, sold = phone.redeem(hello["coupon"]["code"], "sale")
        self.assertEqual((status, sold["triggered"]), (200, []), "who is not in has no limits that could be held")
        self.assertEqual(self.refused("offer", "presence_too_low"), 2)
        status, _ = phone.redeem("F:NONSENSE")
        self.assertEqual((status, self.refused("till", "bad_signature")), (409, 1))

    def test_a_nonce_keeps_its_answer_when_its_session_is_over_and_the_secret_another(self):
        phone = self.open()
        phone.join()
        nonce = phone.open_draw()
        answer = phone.draw(nonce)
        unspent = phone.open_draw()
        self.shop.ctl("token", "rotate")
        self.assertEqual(phone.draw(nonce), answer)
        self.shop.ctl("remove", phone.address)
        self.assertEqual(phone.draw(nonce), answer)
        self.assertEqual(phone.draw(unspent), {"result": "denied", "reason": "presence_too_low"})
        phone.join()
        self.assertEqual(phone.draw(nonce), answer)
        self.assertEqual(phone.draw(unspent), {"result": "denied", "reason": "nonce_expired"}, "another session's")

    def test_a_waiting_phone_is_woken_by_its_offer(self):
        self.campaign("dwelled", "dwell", 3)  # the demo's entrance: 3 s
        phone = self.open()
        phone.join()
        found = []

        def wait():
            while not found:
                found.extend(self.offers(phone))

        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join(20)
        self.assertEqual([one["campaign"] for one in found], ["dwelled"])

    def test_segments_come_from_a_file(self):
        (self.shop.dir / "campaigns" / "vip.yaml").write_text(
            OFFER.format(id="vip", trigger="shake", presence=0) + "who: {segments: {any: [gold]}}\npriority: 9\n")
        phone = self.open()
        phone.join()
        subject = json.loads(phone.ask("GET", "/v1/me")[1])["subject"]
        listed = self.shop.dir / "segments.csv"
        listed.write_text(f"subject,segments\n# ours\n\n{subject}, gold,silver\n{'x' * 129},gold\n")
        said = self.shop.ctl_raw("segments", "import", str(listed)).stderr
        self.assertIn("segments.csv:5: the subject must have 1 to 128 characters", said)
        self.assertNotEqual(phone.draw(phone.open_draw()).get("campaign"), "vip", "a faulty file changes nothing")
        listed.write_text(f"subject,segments\n{subject}, gold,silver\nother,tea\n{subject},gold\n")
        self.assertEqual(self.shop.ctl("segments", "import", str(listed)), {"subjects": 2, "memberships": 3})
        self.assertEqual(phone.draw(phone.open_draw())["campaign"], "vip")
        self.assertEqual(self.shop.ctl("export", "--subject", subject)["subjects"][0]["segments"], ["gold", "silver"])

    def test_the_operator_steers(self):
        phone = self.open()
        listed = {one["campaign"]: one for one in self.shop.ctl("campaign", "list")}
        self.assertEqual(listed["demo-shake"]["state"], "running")
        phone.join()
        self.assertNotEqual(phone.draw(phone.open_draw())["result"], "denied")
        self.shop.ctl("campaign", "pause", "demo-shake")
        answer = phone.draw(phone.open_draw())
        self.assertEqual((answer["result"], answer["reason"]), ("denied", "paused"))
        self.shop.ctl("campaign", "resume", "demo-shake")
        pushed = self.shop.dir / "pushed.yaml"
        pushed.write_text(OFFER.format(id="pushed", trigger="shake", presence=0) + "priority: 5\n")
        self.assertEqual(self.shop.ctl("campaign", "push", str(pushed))["source"], "admin:pushed")
        self.assertEqual(phone.draw(phone.open_draw())["campaign"], "pushed")
        shown = self.shop.ctl("campaign", "show", "pushed")
        self.assertEqual((shown["won"], shown["model"]["priority"]), (1, 5))
        pushed.write_text(pushed.read_text().replace("priority: 5", "priority: 6"))
        done = self.shop.ctl_raw("campaign", "push", str(pushed))
        self.assertEqual(done.returncode, 1)
        self.assertIn("it has started and priority changed", done.stderr)
        pushed.write_text("id: pushed\nshare: 3\nprizes: {}\n")
        done = self.shop.ctl_raw("campaign", "push", str(pushed))
        self.assertEqual(done.returncode, 1)
        self.assertIn("pushed.yaml:2:8: share: makes sharing", done.stderr)

    def test_the_numbers(self):
        phones = []
        self.open()
        for number in range(3):
            phone = Phone(self.shop, f"127.0.2.{number + 1}")
            phone.join()
            phone.draw(phone.open_draw())
            phones.append(phone)
        stats = self.shop.ctl("stats")
        self.assertEqual(stats["k"], 1)
        self.assertEqual(stats["present"]["present"]["people"], 3)
        [demo] = [one for one in stats["campaigns"] if one["campaign"] == "demo-shake"]
        self.assertEqual(demo["shook"], {"people": 3, "times": 3})
        self.assertEqual([zone["zone"] for zone in demo["zones"]], ["entrance"])
        self.assertIn("demo-shake", self.shop.ctl_raw("stats").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=1)
