#!/usr/bin/env python3
"""What was said is kept and arrives once: foyer-line against a real mosquitto, whatever breaks between and around them.

usage: line_test.py FOYER_LINE [unittest options]     FOYER_CYCLES: how often it is killed (50)
"""
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from line import BASE, Authority, Broker, Folder, Ingester, Line, Proxy  # noqa: E402
from shop import start, stop, wait_for  # noqa: E402

LINE = pathlib.Path(sys.argv.pop(1))
CYCLES = int(os.environ.get("FOYER_CYCLES", "50"))
WINDOW_ROWS = 64 * 500  # batches in flight at most, times rows in one


class Case(unittest.TestCase):
    def setUp(self):
        folder = Folder("foyer-line-")
        self.addCleanup(folder.close)
        self.folder = folder.path

    def broker(self, *lines, open_=True, env=None):
        broker = Broker(self.folder, lines, env=env)
        self.addCleanup(broker.close)
        if open_:
            broker.open()
        return broker

    def ingester(self, broker, **options):
        ingester = Ingester(broker, self.folder, **options)
        self.addCleanup(ingester.end)
        ingester.open()
        return ingester

    def proxy(self, broker, **options):
        proxy = Proxy(broker.port, **options)
        self.addCleanup(proxy.close)
        return proxy

    def line(self, port, *words, open_=True, env=None):
        line = Line(LINE, self.folder, port, *words, env=env)
        self.addCleanup(line.close)
        if open_:
            line.open()
        return line

    def assert_whole(self, line, ingester):
        """Every event that was stored arrived, whatever else did."""
        for stream, last in line.stored.items():
            self.assertTrue(ingester.whole(line.epoch, stream, last), f"{stream}: of {last} only {ingester.count(stream)}")


class Killed(Case):
    def test_f1_kill_9_at_any_moment_loses_nothing(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        line = self.line(broker.port, open_=False)
        moment = random.Random(20261127)
        ready = []
        epoch = None
        for cycle in range(CYCLES):
            ready.append(line.open())
            epoch = epoch or line.epoch
            self.assertEqual(line.epoch, epoch, "the file is the same")
            line.tell("rate", "presence", 450)
            line.tell("rate", "ledger", 50)
            before = line.stored["ledger"]
            line.wait_stored("ledger", before + 1)
            time.sleep(moment.uniform(0, 0.25))  # the moment of the kill is what is tried out
            line.kill()
            database = sqlite3.connect(self.folder / "line.db")
            self.assertEqual(database.execute("PRAGMA quick_check").fetchone()[0], "ok")
            for number, stream in enumerate(line.stored, 1):
                last = database.execute("SELECT ifnull(max(last_seq), 0) FROM stream WHERE stream = ?", (number,)).fetchone()[0]
                self.assertGreaterEqual(last, line.stored[stream], f"cycle {cycle}: {stream} said to be stored is not")
            database.close()
        line.open()
        wait_for("everything upstream", line.acknowledged, 60)
        for stream, one in line.status()["streams"].items():
            line.stored[stream] = one["last"]
        self.assert_whole(line, ingester)
        self.assertGreater(sum(line.stored.values()), CYCLES * 10)
        duplicates = ingester.rows - sum(line.stored.values())
        self.assertLessEqual(duplicates, CYCLES * WINDOW_ROWS)
        self.assertLessEqual(sorted(ready)[int(len(ready) * 0.99)], 3.0 if CYCLES >= 50 else 20.0)
        print(f"\nF1: {CYCLES} kills, {sum(line.stored.values())} events, {duplicates} sent twice, "
              f"ready in {max(ready):.2f} s at most", file=sys.stderr)


class SpoiltLine(Case):
    def test_f7_eaten_pubacks_and_cut_packets(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        proxy = self.proxy(broker, seed=7)
        proxy.eat_every, proxy.cut_every = 30, 600_000
        line = self.line(proxy.port, "--puback-ms", "1000", "--backoff-max-ms", "100", "--batch-rows", "100")
        line.tell("store", "ledger", 4000)
        line.tell("store", "presence", 6000)
        line.wait_stored("ledger", 4000)
        line.wait_stored("presence", 6000)
        wait_for("everything upstream", line.acknowledged, 200)
        self.assert_whole(line, ingester)
        self.assertGreater(proxy.eaten, 0)
        self.assertGreater(proxy.cuts, 0)
        self.assertLessEqual(ingester.rows - 10_000, proxy.connections * 64 * 100, "at most a window for each connection")

    def test_f13_a_line_that_falls_silent_in_a_drain(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        proxy = self.proxy(broker, delay=0.05)  # so that the drain takes a while
        line = self.line(proxy.port, "--puback-ms", "1000", "--backoff-max-ms", "50", "--batch-rows", "20", "--offline")
        line.tell("store", "ledger", 12_000)
        line.wait_stored("ledger", 12_000)
        line.close()
        line = self.line(proxy.port, *line.words[:-1])
        line.stored["ledger"] = 12_000
        for _ in range(12):
            had = ingester.count("ledger")
            wait_for("more events", lambda: ingester.count("ledger") > had + 200 or line.acknowledged(), 60)
            proxy.fall_silent()
        wait_for("everything upstream", line.acknowledged, 60)
        self.assert_whole(line, ingester)
        self.assertGreaterEqual(line.times("lost", "no PUBACK"), 2, "the silence was noticed")


class PubackIsNoPromise(Case):
    def test_f8_nobody_subscribed_keeps_every_row(self):
        broker = self.broker()
        line = self.line(broker.port)
        line.tell("store", "ledger", 500)
        line.wait_stored("ledger", 500)
        wait_for("refusals", lambda: line.status()["streams"]["ledger"]["refused"] >= 2)
        self.assertEqual(line.status()["streams"]["ledger"]["rows"], 500)
        ingester = self.ingester(broker)
        wait_for("everything upstream", line.acknowledged, 30)
        self.assert_whole(line, ingester)

    def test_f9_a_queue_of_a_thousand_and_the_ingester_away(self):
        broker = self.broker("max_queued_messages 1000")
        ingester = self.ingester(broker, session=True)
        line = self.line(broker.port, "--batch-rows", "1")
        line.tell("store", "ledger", 1)
        wait_for("the first", lambda: ingester.count("ledger") == 1)
        ingester.close()
        line.tell("store", "ledger", 4999)
        line.wait_stored("ledger", 5000)
        wait_for("the broker to have said yes to all", lambda: line.status()["streams"]["ledger"]["resent"] > 0, 60)
        self.assertGreaterEqual(line.status()["streams"]["ledger"]["rows"], 4999, "a PUBACK takes nothing away")
        ingester.open()
        wait_for("everything upstream", line.acknowledged, 90)
        self.assert_whole(line, ingester)

    def test_f10_a_broker_killed_after_it_said_yes(self):
        broker = self.broker("persistence true", f"persistence_location {self.folder}/")
        ingester = self.ingester(broker, session=True)
        line = self.line(broker.port, "--batch-rows", "1", "--watermark-ms", "60000")
        line.tell("store", "ledger", 1)
        wait_for("the first", lambda: ingester.count("ledger") == 1)
        ingester.close()
        line.tell("store", "ledger", 799)
        line.wait_stored("ledger", 800)
        wait_for("800 PUBACKs", lambda: (lambda one: one["sent"] == 800 and one["in_flight"] == 0)(
            line.status()["streams"]["ledger"]), 60)
        self.assertEqual(line.status()["streams"]["ledger"]["resent"], 0)
        broker.kill()
        line.wait("lost")
        broker.open()
        ingester.open()
        wait_for("everything upstream", line.acknowledged, 60)
        self.assert_whole(line, ingester)


class Tls(Case):
    """Each fault is named, tried again for ever and mended without a restart."""

    def setUp(self):
        super().setUp()
        self.authority, self.other = Authority(self.folder, "authority"), Authority(self.folder, "other")
        self.key, self.certificate = self.authority.issue("gateway", common_name="gw-01")
        self.ca = self.folder / "ca.pem"
        self.ca.write_bytes(self.authority.certificate.read_bytes())

    def secure_broker(self, key, certificate, *lines, env=None):
        for name, source in (("server.key", key), ("server.pem", certificate)):
            (self.folder / name).write_bytes(pathlib.Path(source).read_bytes())
        return self.broker(f"certfile {self.folder}/server.pem", f"keyfile {self.folder}/server.key",
                           f"cafile {self.authority.certificate}", "require_certificate true", "use_identity_as_username true", *lines,
                           env=env)

    def secure_line(self, broker, certificate=None, key=None, env=None):
        for name, source in (("own.key", key or self.key), ("own.pem", certificate or self.certificate)):
            (self.folder / name).write_bytes(pathlib.Path(source).read_bytes())
        return self.line(broker.port, "--tls", "--ca", self.ca, "--certificate", self.folder / "own.pem", "--key",
                         self.folder / "own.key", "--look-ms", "100", "--backoff-max-ms", "200", env=env)

    def mended(self, line, before=0):
        line.wait("connected", 30, times=before + 1)
        line.tell("store", "ledger", 1)
        line.wait_stored("ledger", line.stored["ledger"] + 0)

    def cpu(self, line):
        words = pathlib.Path(f"/proc/{line.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def swap(self, broker, key, certificate):
        broker.kill()
        for name, source in (("server.key", key), ("server.pem", certificate)):
            (self.folder / name).write_bytes(pathlib.Path(source).read_bytes())
        broker.open()

    def test_f11_wrong_authority(self):
        broker = self.secure_broker(*self.authority.issue("server"))
        self.ca.write_bytes(self.other.certificate.read_bytes())
        line = self.secure_line(broker)
        line.wait("lost", 30, "certificate verify failed")
        used, began = self.cpu(line), time.monotonic()
        line.wait("lost", 30, times=line.times("lost"))
        wait_for("a second", lambda: time.monotonic() - began > 1.0)
        self.assertLess(self.cpu(line) - used, 0.5, "it does not spin")
        self.ca.write_bytes(self.authority.certificate.read_bytes())
        self.mended(line)

    def test_f11_expired_then_renewed(self):
        broker = self.secure_broker(*self.authority.issue("server", begin=-20, end=-1))
        line = self.secure_line(broker)
        line.wait("lost", 30, "certificate verify failed")
        self.swap(broker, *self.authority.issue("server"))
        self.mended(line)

    def test_f11_not_yet_valid(self):
        # As a gateway whose clock stands in 1970 sees every certificate.
        broker = self.secure_broker(*self.authority.issue("server", begin=1, end=20))
        line = self.secure_line(broker)
        line.wait("lost", 30, "certificate verify failed")
        self.swap(broker, *self.authority.issue("server"))
        self.mended(line)

    def test_f11_our_own_certificate_expired_and_was_renewed(self):
        broker = self.secure_broker(*self.authority.issue("server"))
        key, certificate = self.authority.issue("gateway", begin=-20, end=-1, common_name="gw-01")
        line = self.secure_line(broker, certificate, key)
        line.wait("lost", 30)
        self.assertEqual(line.times("connected"), 0)
        (self.folder / "own.key").write_bytes(self.key.read_bytes())
        (self.folder / "own.pem").write_bytes(self.certificate.read_bytes())
        self.mended(line)

    def test_f11_a_renewed_certificate_is_taken_while_connected(self):
        broker = self.secure_broker(*self.authority.issue("server"))
        line = self.secure_line(broker)
        line.wait("connected", 30)
        key, certificate = self.authority.issue("gateway", common_name="gw-01")
        (self.folder / "own.pem").write_bytes(certificate.read_bytes())
        (self.folder / "own.key").write_bytes(key.read_bytes())
        line.wait("lost", 30, "renewed")
        self.mended(line, before=1)

    def openssl_conf(self, name, *lines):
        """Settings of OpenSSL for one program: Debian's own would refuse TLS 1.1 before we do."""
        path = self.folder / name
        path.write_text("\n".join(("openssl_conf = all", "[all]", "ssl_conf = ssl", "[ssl]", "system_default = tls", "[tls]",
                                   "MinProtocol = TLSv1", "CipherString = DEFAULT:@SECLEVEL=0", *lines)) + "\n")
        return {**os.environ, "OPENSSL_CONF": str(path)}

    def test_a_broker_that_speaks_only_tls_1_1_is_left(self):
        willing = self.openssl_conf("client.cnf")
        broker = self.secure_broker(*self.authority.issue("server"), "tls_version tlsv1.1",
                                    env=self.openssl_conf("broker.cnf", "MaxProtocol = TLSv1.1"))
        publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "--cafile", str(self.ca), "--cert",
                   str(self.certificate), "--key", str(self.key), "-t", "x", "-m", "x", "--tls-version"]
        old = subprocess.run([*publish, "tlsv1.1"], env=willing, capture_output=True, text=True, timeout=30)
        self.assertEqual(old.returncode, 0, f"1.1 is spoken here, by who wants to: {old.stderr}")
        line = self.secure_line(broker, env=willing)
        line.wait("lost", 60, "version")
        self.assertEqual(line.times("connected"), 0)
        broker.kill()
        broker.env = None
        broker.lines.remove("tls_version tlsv1.1")
        broker.open()
        self.mended(line)


class Clocks(Case):
    YEARS = 10 * 365 * 86_400_000

    def times_of(self, ingester, stream):
        return [(seq, when) for one, seq, when, _ in ingester.events if one == stream]

    def test_f12_1970_then_right_then_leaps(self):
        broker = self.broker(open_=False)  # down at boot, as the clock is wrong at boot
        line = self.line(broker.port, open_=False)
        line.open("--wall", -int(time.time() * 1000))
        line.tell("store", "ledger", 5)
        line.wait_stored("ledger", 5)
        line.tell("wall", 0)
        line.tell("synchronised", 1)
        line.tell("store", "ledger", 5)
        line.wait_stored("ledger", 10)
        broker.open()
        ingester = self.ingester(broker)
        wait_for("everything upstream", line.acknowledged, 30)
        year = time.strftime("%Y", time.gmtime())
        self.assertEqual([when[:4] for _, when in self.times_of(ingester, "ledger")], [year] * 10, "corrected by the boot's anchor")
        line.tell("synchronised", 0)
        for offset in (self.YEARS, -3_600_000, 0):
            line.tell("wall", offset)
            line.tell("store", "ledger", 5)
            line.wait_stored("ledger", line.stored["ledger"] + 1)
        line.wait_stored("ledger", 25)
        wait_for("everything upstream", line.acknowledged, 30)
        self.assertEqual([seq for seq, _ in self.times_of(ingester, "ledger")], list(range(1, 26)), "order is the number")
        self.assert_whole(line, ingester)


class PutBack(Case):
    def test_an_image_of_the_whole_card_is_known_by_what_upstream_has(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        line = self.line(broker.port)
        line.tell("store", "ledger", 5)
        line.wait_stored("ledger", 5)
        wait_for("everything upstream", line.acknowledged, 30)
        line.close()
        image = {name: (self.folder / name).read_bytes() for name in ("line.db", "line.db.lock")}
        line.open()
        line.tell("store", "ledger", 20)
        line.wait_stored("ledger", 25)
        wait_for("everything upstream", line.acknowledged, 30)
        line.close()
        first = line.epoch
        for name, content in image.items():
            (self.folder / name).write_bytes(content)
        lock = self.folder / "line.db.lock"
        # In an image the seal's time would be back, too, which no test can do: a lock file that asks for none.
        lock.write_text(" ".join([*lock.read_text().split()[:-1], "0"]).ljust(255) + "\n")
        line.stored["ledger"] = 0
        line.open()
        self.assertEqual(line.epoch, first, "nothing here says that it is a copy")
        line.tell("store", "ledger", 3)
        line.wait("behind", 30)
        self.assertEqual(line.process.wait(10), 1)
        line.process.stdin.close()
        line.open()
        self.assertNotEqual(line.epoch, first)
        wait_for("everything upstream", line.acknowledged, 30)
        self.assertTrue(ingester.whole(line.epoch, "ledger", 3), "the new rows came under new names")
        self.assertIn("foyer.storage.recovered.v1", [one for stream, _, _, one in ingester.events if stream == "health"])


class Others(Case):
    def test_f24_a_second_process_is_refused(self):
        broker = self.broker()
        line = self.line(broker.port)
        second = subprocess.run([str(LINE), "--database", str(self.folder / "line.db"), "--offline"], capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertIn("in use by another process", second.stdout)
        line.tell("store", "ledger", 1)
        line.wait_stored("ledger", 1)

    def test_f22_a_gateway_neither_writes_nor_reads_anothers_topics(self):
        passwords = self.folder / "passwords"
        for number, user in enumerate(("gw-01", "gw-02", "ingester", "operator")):
            subprocess.run(["mosquitto_passwd", "-b", *(["-c"] if number == 0 else []), str(passwords), user, "secret"], check=True)
        acl = pathlib.Path(__file__).resolve().parent.parent.parent / "config/mosquitto/foyer.acl"
        broker = self.broker("allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}")

        def client(program, user, *words):
            return [program, "-p", str(broker.port), "-V", "mqttv5", "-u", user, "-P", "secret", "-q", "1", *words]
        other = "foyer/v1/acme/store-001/gw-02"
        everything = start(client("mosquitto_sub", "gw-01", "-t", "#", "-F", "%t"), stdout=subprocess.PIPE, text=True)
        seen = start(client("mosquitto_sub", "ingester", "-t", "foyer/#", "-F", "%t"), stdout=subprocess.PIPE, text=True)
        for one in (everything, seen):
            self.addCleanup(lambda one=one: (stop(one), one.stdout.close()))
        wait_for("the subscriptions", lambda: self.delivered(client, seen))
        # What the other writes and is told, the first one never reads; what the first one writes there arrives nowhere.
        for user, topic in (("gw-01", f"{other}/up/ledger"), ("gw-01", f"{other}/state"), ("gw-01", f"{other}/reply/x"),
                            ("gw-01", f"{other}/ack/ledger"), ("gw-01", f"{BASE}/ack/ledger"), ("gw-01", f"{BASE}/down/command"),
                            ("gw-02", f"{other}/up/ledger"), ("operator", f"{other}/down/command"),
                            ("ingester", f"{other}/ack/ledger"), ("operator", f"{BASE}/down/command")):
            subprocess.run(client("mosquitto_pub", user, "-t", topic, "-m", "x"), timeout=10, capture_output=True)
        self.assertEqual(everything.stdout.readline().strip(), f"{BASE}/down/command", "its own, and it is the first it reads")
        self.assertEqual(seen.stdout.readline().strip(), f"{other}/up/ledger", "written by the other itself, nothing forged before")

    @staticmethod
    def delivered(client, seen):
        """One event of the first gateway has come through: everybody is subscribed."""
        subprocess.run(client("mosquitto_pub", "gw-01", "-t", f"{BASE}/up/health", "-m", "x"), timeout=10)
        return seen.stdout.readline().strip() == f"{BASE}/up/health"


if __name__ == "__main__":
    unittest.main(verbosity=2)
