#!/usr/bin/env python3
"""What was said is kept and arrives once: foyer-line against a real mosquitto, whatever breaks between and around them.

usage: line_test.py FOYER_LINE [unittest options]     FOYER_CYCLES: how often it is killed (50)
"""
import datetime
import json
import os
import pathlib
import random
import select
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from line import BASE, Authority, Broker, Folder, Ingester, Line, Proxy  # noqa: E402
from schema import Schemas  # noqa: E402
from shop import start, stop, wait_for  # noqa: E402

LINE = pathlib.Path(sys.argv.pop(1))
SCHEMAS = Schemas()
CYCLES = int(os.environ.get("FOYER_CYCLES", "50"))
ROWS_A_CYCLE = 1_000  # stored in about a second; what went before was acknowledged
WINDOW = 32  # batches in flight at most


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
        self.assertLessEqual(duplicates, CYCLES * ROWS_A_CYCLE, "what was on its way, once more")
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
        self.assertLessEqual(ingester.rows - 10_000, proxy.connections * WINDOW * 100, "at most a window for each connection")

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


class Dropped(Case):
    """What had to go leaves holes in the numbers; an ingester that is told of them steps over them, and the rest goes on."""

    def assert_told(self, line, ingester):
        for stream, one in line.status()["streams"].items():
            self.assertTrue(ingester.told(line.epoch, stream, one["last"]), f"{stream}: {one}")
        self.assertGreater(len(ingester.gap_events), 0)
        self.assertEqual([fault for event in ingester.gap_events for fault in SCHEMAS.faults(event)], [])

    def test_for_want_of_room_while_the_line_is_up(self):
        broker = self.broker()
        line = self.line(broker.port, "--max-size", 1 << 20)  # nobody is subscribed: no row goes upstream
        line.tell("store", "ledger", 100)
        line.tell("store", "presence", 6000)
        line.wait_stored("presence", 6000)
        wait_for("rows to be dropped", lambda: line.status()["streams"]["presence"]["rows"] < 5000)
        ingester = self.ingester(broker)
        line.tell("store", "presence", 10)
        wait_for("everything upstream", line.acknowledged, 60)
        self.assert_told(line, ingester)
        self.assertTrue(ingester.whole(line.epoch, "ledger", 100))
        self.assertGreater(len(ingester.gaps[line.epoch, "presence"]), 1000)

    def test_late_before_the_line_was_there(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        week = 8 * 86_400_000
        line = self.line(broker.port, "--sweep-ms", 200, "--offline")
        line.tell("store", "presence", 1500)
        line.wait_stored("presence", 1500)
        for day in range(1, 9):  # in one leap it would be a clock that was wrong before
            line.tell("wall", day * 86_400_000)
            line.tell("store", "ledger", 1)
            line.wait_stored("ledger", day)
        line.wait_stored("health", 1)
        wait_for("the late to go", lambda: line.status()["streams"]["presence"]["rows"] == 0)
        line.tell("store", "presence", 20)
        line.wait_stored("presence", 1520)
        line.close()
        line = self.line(broker.port, "--wall", week)
        wait_for("everything upstream", line.acknowledged, 60)
        self.assert_told(line, ingester)
        self.assertEqual(len(ingester.gaps[line.epoch, "presence"]), 1500)


class SlowLine(Case):
    def test_a_line_on_which_a_large_batch_takes_longer_than_a_puback_may(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        proxy = self.proxy(broker)
        proxy.rate = 20_000  # 160 kbit/s: 64 KiB take 3.3 s
        line = self.line(proxy.port, "--puback-ms", "2000", "--watermark-ms", "30000", "--offline")
        line.tell("store", "ledger", 1200)
        line.wait_stored("ledger", 1200)
        line.close()
        line = self.line(proxy.port, *line.words[:-1])
        line.stored["ledger"] = 1200
        wait_for("everything upstream", line.acknowledged, 120)
        self.assert_whole(line, ingester)
        self.assertLessEqual(line.times("lost", "no PUBACK"), 2, "it learns once what the line carries")
        lost = line.times("lost")
        line.tell("store", "presence", 600)
        line.wait_stored("presence", 600)
        began = time.monotonic()
        line.tell("store", "ledger", 1)
        wait_for("the event that happened now", lambda: ("ledger", 1201) in ingester.arrived, 30)
        self.assertLess(time.monotonic() - began, 5.0, "it is not behind the backlog")
        wait_for("everything upstream", line.acknowledged, 60)
        self.assertEqual(line.times("lost"), lost, "a line that carries something is not dropped")


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
        for seq, when in self.times_of(ingester, "ledger"):
            told = datetime.datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
            self.assertLess(abs(told - time.time()), 60, f"{seq}: {when}: a leap of the clock is no time an event has")
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


class Idle(Case):
    def test_an_idle_line_that_falls_silent_is_noticed_by_its_keepalive(self):
        broker = self.broker()
        proxy = self.proxy(broker)
        line = self.line(proxy.port, "--keepalive", "5")
        line.wait("connected")
        proxy.fall_silent()
        line.wait("lost", 20, "no answer within the keepalive")
        line.wait("connected", 20, times=2)


class Backlog(Case):
    def rss(self, line):
        """KiB: now, and the most there ever was."""
        status = pathlib.Path(f"/proc/{line.process.pid}/status").read_text().splitlines()
        return [int(one.split()[1]) for key in ("VmRSS:", "VmHWM:") for one in status if one.startswith(key)]

    def test_it_is_drained_from_the_disk_not_from_memory(self):
        broker = self.broker()
        ingester = self.ingester(broker)
        line = self.line(broker.port, "--offline")
        for _ in range(30):
            line.tell("store", "presence", 1000, 1000)
        line.wait_stored("presence", 30_000, 60)
        line.close()
        size = (self.folder / "line.db").stat().st_size
        self.assertGreater(size, 30 << 20)
        line = self.line(broker.port, *line.words[:-1])
        began = self.rss(line)[0]
        wait_for("everything upstream", line.acknowledged, 120)
        self.assertTrue(ingester.whole(line.epoch, "presence", 30_000))
        self.assertLess(self.rss(line)[1] - began, 16 << 10, f"of {size >> 10} KiB")


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
        listeners = {}
        for user, topic in (("gw-01", "#"), ("gw-02", "#"), ("ingester", "foyer/#")):
            listeners[user] = start(client("mosquitto_sub", user, "-t", topic, "-F", "%t %p"), stdout=subprocess.PIPE, text=True)
            self.addCleanup(lambda one=listeners[user]: (stop(one), one.stdout.close()))
        wait_for("the ingester", lambda: self.heard(client, listeners["ingester"], "gw-01", f"{BASE}/up/health"))
        for user, base in (("gw-01", BASE), ("gw-02", other)):
            wait_for(user, lambda user=user, base=base: self.heard(client, listeners[user], "operator", f"{base}/down/command"))
        # Nobody but its owner writes what a gateway says, and nobody but it reads what it is told.
        forged = [("gw-01", f"{other}/up/ledger"), ("gw-01", f"{other}/state"), ("gw-01", f"{other}/reply/x"),
                  ("gw-01", f"{other}/ack/ledger"), ("gw-01", f"{other}/down/command"), ("gw-01", f"{BASE}/ack/ledger"),
                  ("gw-01", f"{BASE}/down/command"), ("gw-02", f"{BASE}/up/ledger"), ("gw-02", f"{BASE}/down/campaign/x")]
        for number, (user, topic) in enumerate(forged):
            subprocess.run(client("mosquitto_pub", user, "-t", topic, "-m", f"forged-{number}"), timeout=10, capture_output=True)
        for user, topic in (("gw-02", f"{other}/up/ledger"), ("operator", f"{other}/down/command"),
                            ("ingester", f"{other}/ack/ledger"), ("operator", f"{BASE}/down/command"), ("ingester", f"{BASE}/ack/ledger")):
            subprocess.run(client("mosquitto_pub", user, "-t", topic, "-m", f"own {user}"), timeout=10, check=True)
        self.assertEqual(self.read(listeners["gw-01"], "own ingester"),
                         [f"{BASE}/down/command own operator", f"{BASE}/ack/ledger own ingester"])
        self.assertEqual(self.read(listeners["gw-02"], "own ingester"),
                         [f"{other}/down/command own operator", f"{other}/ack/ledger own ingester"])
        self.assertEqual(self.read(listeners["ingester"], "own gw-02"), [f"{other}/up/ledger own gw-02"])

    @staticmethod
    def read(listener, end):
        """The lines up to the one that ends so, without those by which it was seen to be subscribed."""
        lines = []
        while not lines or not lines[-1].endswith(end):
            line = listener.stdout.readline()
            if not line:
                break
            if not line.strip().endswith("there?"):
                lines.append(line.strip())
        return lines

    @staticmethod
    def heard(client, listener, user, topic):
        """One message has come through: it is subscribed."""
        subprocess.run(client("mosquitto_pub", user, "-t", topic, "-m", "there?"), timeout=10)
        readable = select.select([listener.stdout], [], [], 0.5)[0]
        return bool(readable) and listener.stdout.readline().strip() == f"{topic} there?"


if __name__ == "__main__":
    unittest.main(verbosity=2)
