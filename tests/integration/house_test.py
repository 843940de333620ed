#!/usr/bin/env python3
"""foyerd as a whole, simulated radio and gate: what a guest, a till, an operator and a power cut see of it.

usage: house_test.py BIN_DIR [unittest options]
"""
import datetime
import hashlib
import hmac
import http.client
import json
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from shop import Phone, Shop, start, stop, wait_for  # noqa: E402

from schema import Schemas  # noqa: E402

BIN = pathlib.Path(sys.argv.pop(1))
SCHEMAS = Schemas()


def instant(text):
    """Seconds of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class House(unittest.TestCase):
    def setUp(self):
        self.shop = Shop(BIN)
        self.addCleanup(self.shop.close)
        self.addCleanup(self.judge_events)

    def open(self):
        self.shop.open()
        return Phone(self.shop, "127.0.0.2")

    def admin(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.shop.admin, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def acknowledged(self):
        streams = self.shop.ctl("outbox")["streams"]
        return all(one["acknowledged"] == one["last_seq"] and one["rows"] == 0 for one in streams.values())

    def upstream(self):
        """Every event that arrived, by id."""
        events = {}
        for line in (self.shop.dir / "upstream.jsonl").read_text().splitlines():
            for event in json.loads(line):
                events[event["id"]] = event
        return events

    def judge_events(self):
        """Whatever a test was about: what went upstream is what docs/asyncapi.yaml says."""
        if (self.shop.dir / "upstream.jsonl").exists():
            faults = {fault for event in self.upstream().values() for fault in SCHEMAS.faults(event)}
            self.assertEqual(sorted(faults), [])

    def assert_no_gaps(self, events):
        by_stream = {}
        for name in events:
            _, _, stream, seq = name.rsplit("/", 3)
            by_stream.setdefault(stream, set()).add(int(seq))
        for stream, seqs in by_stream.items():
            self.assertEqual(seqs, set(range(1, max(seqs) + 1)), stream)


class TheWay(House):
    def test_from_the_probe_to_the_till_and_upstream(self):
        phone = self.open()
        status, _, headers = phone.ask("GET", "/hotspot-detect.html", host="captive.apple.com")
        self.assertEqual(status, 302)
        self.assertEqual(headers["Location"], f"http://127.0.0.1:{self.shop.portal}/")
        self.assertEqual(phone.ask("POST", "/v1/draws/open", "{}")[0], 403)
        phone.join()
        nonce = phone.open_draw()
        answer = phone.draw(nonce)
        self.assertEqual(phone.draw(nonce), answer)
        while answer["result"] != "won":
            answer = wait_for("a draw past the interval", lambda: phone.draw(phone.open_draw()))
        code = answer["coupon"]["code"]
        status, body = phone.redeem(code)
        self.assertEqual((status, body["result"]), (200, "ok"))
        status, body = phone.redeem(code)
        self.assertEqual((status, body["code"]), (409, "already_redeemed"))
        wait_for("everything upstream", self.acknowledged)
        events = wait_for("the events", lambda: (lambda e: e if any(
            one["type"] == "foyer.coupon.redeemed.v1" for one in e.values()) else None)(self.upstream()))
        self.assert_no_gaps(events)
        text = json.dumps(list(events.values()))
        self.assertNotIn(code, text, "a code is a secret of its holder")
        self.assertNotIn("127.0.0.2", text, "addresses stay in memory")
        self.assertNotIn("02:00:7f:00:00:02", text)
        self.assertNotIn(code, self.shop.log())

    def test_a_nonce_keeps_its_answer_across_kill_9(self):
        phone = self.open()
        phone.join()
        nonce = phone.open_draw()
        answer = phone.draw(nonce)
        self.shop.daemon.kill()
        self.shop.daemon.wait()
        self.shop.open_daemon()
        # The simulated gate forgot its guests with the process; the ledger did not, and the phone is let in again.
        self.assertEqual(wait_for("the session", lambda: phone.draw(nonce).get("result")), answer["result"])
        self.assertEqual(phone.draw(nonce), answer)

    def test_kill_9_in_a_run_of_draws_loses_no_win(self):
        self.open()
        won = []
        for round_ in range(3):
            for number in range(8):
                phone = Phone(self.shop, f"127.0.{round_ + 1}.{number + 1}")
                phone.join()
                answer = phone.draw(phone.open_draw())
                if answer["result"] == "won":
                    won.append(answer["coupon"]["id"])
            self.shop.daemon.kill()
            self.shop.daemon.wait()
            self.shop.open_daemon()
        wait_for("everything upstream", self.acknowledged, 20)
        events = wait_for("the wins", lambda: (lambda e: e if set(won) <= {
            one["data"].get("coupon") for one in e.values()} else None)(self.upstream()), 20)
        issued = [one["data"]["coupon"] for one in events.values() if one["type"] == "foyer.coupon.issued.v1"]
        self.assertEqual(sorted(issued), sorted(set(issued)))
        self.assert_no_gaps(events)

    def test_the_broker_may_be_away(self):
        phone = self.open()
        stop(self.shop.broker)
        stop(self.shop.subscriber)
        phone.join()
        phone.draw(phone.open_draw())
        self.assertEqual(self.admin("/readyz")[0], 200, "guests are served whatever upstream does")
        self.shop.open_broker()
        self.shop.open_subscriber()
        wait_for("everything upstream", self.acknowledged, 60)


class Near(House):
    """Beacons and shoppers: what proves that a phone is near, and that no address gets out of memory."""

    TAG = "0a:0b:0c:0d:0e:0f"

    def rolling(self, uuid, major, rotate, slots_ago=0):
        """As a phone near the box hears it: the minor is the box's secret of the time slot."""
        key = bytes.fromhex((self.shop.dir / "beacon.key").read_text().split()[1])
        slot = int(time.time()) // rotate - slots_ago
        message = bytes.fromhex(uuid.replace("-", "")) + major.to_bytes(2, "big") + slot.to_bytes(8, "big")
        return int.from_bytes(hmac.new(key, message, hashlib.sha256).digest()[:2], "big")

    def test_a_rolling_beacon_heard_is_level_4_and_a_guess_is_not(self):
        phone = self.open()
        self.assertEqual(phone.ask("POST", "/v1/me/beacon")[0], 403)
        phone.join()

        def level():
            return json.loads(phone.ask("GET", "/v1/me")[1])["presence"]
        self.assertEqual(level(), 3)
        uuid, major = "fda50693-a4e2-4fb1-afcf-c6eb07647825", 1

        def report(minor):
            return phone.ask("POST", "/v1/me/heard", json.dumps([{"uuid": uuid, "major": major, "minor": minor, "rssi": -60}]))[0]
        self.assertEqual(report((self.rolling(uuid, major, 60) + 1) % 65536), 204)
        self.assertEqual(report(self.rolling(uuid, major, 60, 5)), 204)
        self.assertEqual(level(), 3)
        self.assertEqual(report(self.rolling(uuid, major, 60, 1)), 204)
        self.assertEqual(level(), 4)
        self.assertEqual(phone.ask("POST", "/v1/me/heard", "{}")[0], 400)
        status, body, _ = phone.ask("POST", "/v1/me/beacon")
        self.assertEqual(status, 200)
        lent = json.loads(body)
        self.assertEqual(lent["uuid"], "5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11")
        self.assertEqual(json.loads(phone.ask("POST", "/v1/me/beacon")[1]), lent)
        other = Phone(self.shop, "127.0.0.3")
        other.join()
        self.assertNotEqual(json.loads(other.ask("POST", "/v1/me/beacon")[1])["minor"], lent["minor"])
        self.assertIn("foyer_leases 2", self.admin("/metrics")[1])
        # Who is erased has no identifier any more: what is still heard of it is nobody's.
        self.assertEqual(other.ask("DELETE", "/v1/me")[0], 200)
        wait_for("the lease to be revoked", lambda: "foyer_leases 1" in self.admin("/metrics")[1])

    def test_where_shoppers_are_only_counted_few_of_them_are_not_told_of(self):
        self.shop.config = self.shop.config.replace("privacy: {mode: visit, k: 1}", "privacy: {mode: counting, k: 50}")
        self.open()
        wait_for("adverts", lambda: self.shop.ctl("status")["radio"]["heard"] > 100, 30)
        self.assertIsNone(self.shop.ctl("status")["radio"]["here"])
        metrics = self.admin("/metrics")[1]
        self.assertIn("foyer_identifiers ", metrics)
        self.assertNotIn("foyer_here", metrics)

    def test_addresses_never_leave_memory(self):
        (self.shop.dir / "scenario.yaml").write_text(
            "shoppers:\n"
            "  - {beacon: {uuid: 6d0b6a54-2f0c-4a7e-9d8b-5f1f3f0a7c11, major: 1, minor: 1}, rssi: -55, interval: 100ms,"
            f" stay: 4s, repeat: 10s, address: \"{self.TAG}\"}}\n"
            "  - {beacon: {uuid: 00000000-1111-2222-3333-444444444444}, rssi: -55, interval: 100ms}\n")
        phone = self.open()
        phone.join()
        phone.draw(phone.open_draw())
        wait_for("a visit upstream", lambda: any(
            one["type"] == "foyer.presence.left.v1" for one in self.upstream().values()), 30)
        self.shop.ctl("remove", "127.0.0.2")
        wait_for("everything upstream", self.acknowledged)
        stores = {path.name: path.read_bytes() for path in self.shop.dir.glob("foyer.db*")}
        stores["upstream"] = (self.shop.dir / "upstream.jsonl").read_bytes()
        stores["log"] = self.shop.log().encode()
        self.assertIn("upstream", stores)
        self.assertTrue(any(name.startswith("foyer.db") for name in stores))
        for address in (self.TAG, "02:00:7f:00:00:02"):
            raw = bytes.fromhex(address.replace(":", ""))
            for form in (raw, raw[::-1], raw.hex().encode(), raw[::-1].hex().encode(), address.encode(),
                         address.replace(":", "-").encode(), address.replace(":", "_").encode()):
                for name, content in stores.items():
                    self.assertNotIn(form.lower(), content if form in (raw, raw[::-1]) else content.lower(), name)


class BadInput(House):
    def test_a_wrong_configuration_names_every_fault(self):
        path = self.shop.dir / "bad.yaml"
        path.write_text(self.shop.config.replace("uuid: 5b1bb9d4", "uuid: xx").replace("screen_rotation: 30s",
                                                                                      "screen_rotatoin: 30s"))
        for command in ("check-config",), ("run", "--config"):
            done = subprocess.run([BIN / "foyerd", *command, path], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 78)
            self.assertRegex(done.stderr, r"bad\.yaml:\d+:\d+: shoppers\.uuid: ")
            self.assertRegex(done.stderr, r"bad\.yaml:\d+:\d+: portal\.screen_rotatoin: .*screen_rotation")
        missing = subprocess.run([BIN / "foyerd", "check-config", "/nowhere.yaml"], capture_output=True, text=True)
        self.assertEqual(missing.returncode, 78)
        (self.shop.dir / "good.yaml").write_text(self.shop.config)
        good = subprocess.run([BIN / "foyerd", "check-config", self.shop.dir / "good.yaml"], capture_output=True, text=True)
        self.assertEqual((good.returncode, good.stderr), (0, ""))

    def test_requests(self):
        phone = self.open()
        phone.join()
        key = {"Authorization": f"Bearer {self.shop.till_key}"}
        for method, path, body, kind, headers, expected in [
                ("POST", "/v1/draws", "{", "application/json", {}, 400),
                ("POST", "/v1/draws", "[" * 5000, "application/json", {}, 400),
                ("POST", "/v1/draws", '{"nonce":7}', "application/json", {}, 400),
                ("POST", "/v1/draws", '{"nonce":"x"}', "text/plain", {}, 415),
                ("POST", "/v1/draws", "x" * 9000, "application/json", {}, 413),
                ("POST", "/v1/draws", '{"nonce":"\xff"}', "application/json", {}, 400),
                ("GET", "/q/" + "A" * 50, None, None, {}, 403),
                ("POST", "/q/not-a-token", "consent=yes", "application/x-www-form-urlencoded", {}, 403),
                ("POST", "/shake", "", "application/x-www-form-urlencoded", {"Origin": "https://evil.example"}, 403),
                ("POST", "/shake", "", "application/x-www-form-urlencoded", {"Origin": "null"}, 403),
                ("POST", "/v1/pos/redeem", "{}", "application/json", {}, 401),
                ("POST", "/v1/pos/redeem", '{"code":1}', "application/json", key, 400),
                ("GET", "/%2e%2e/%2e%2e/etc/passwd", None, None, {}, 404),
                ("GET", "/c/" + "0" * 32, None, None, {}, 404),
                ("GET", "/?" + "a" * 3000, None, None, {}, 414)]:
            with self.subTest(path=path, body=(body or "")[:20]):
                self.assertEqual(phone.ask(method, path, body, kind, headers=headers)[0], expected)
        self.assertEqual(phone.redeem("AAAAAAAAAAA")[0], 404)
        self.assertIsNone(self.shop.daemon.poll())

    def test_bytes_that_are_not_http(self):
        self.open()
        for raw in (b"\x16\x03\x01\x02\x00\x01", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 500,
                    b"POST /v1/draws HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"POST /v1/draws HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", b"\x00" * 20000):
            with socket.create_connection(("127.0.0.1", self.shop.portal), timeout=5) as connection:
                try:
                    connection.sendall(raw)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass
        self.assertEqual(Phone(self.shop, "127.0.0.3").ask("GET", "/")[0], 200)

    def test_a_damaged_database_is_set_aside(self):
        phone = self.open()
        phone.join()
        epoch = self.shop.ctl("status")["epoch"]
        stop(self.shop.daemon)
        database = self.shop.dir / "foyer.db"
        database.write_bytes(b"this is not a database " * 1000)
        self.shop.open_daemon()
        status = self.shop.ctl("status")
        self.assertNotEqual(status["epoch"], epoch)
        self.assertEqual(pathlib.Path(status["storage"]["set_aside"]).read_bytes()[:10], b"this is no")
        self.assertIn("set aside", self.shop.log())
        phone.join()
        wait_for("the event", lambda: any(
            one["type"] == "foyer.storage.recovered.v1" for one in self.upstream().values()))

    def test_a_broker_that_refuses_the_password(self):
        passwords = self.shop.dir / "passwd"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "gw", "right"], check=True)
        passwords.chmod(0o644)
        self.shop.mosquitto_lines = ["allow_anonymous false", f"password_file {passwords}", "user root", "log_type error"]
        (self.shop.dir / "secret").write_text("wrong\n")
        self.shop.config = self.shop.config.replace(
            f"port: {self.shop.broker_port}}}",
            f"port: {self.shop.broker_port}, username: gw, password_file: {self.shop.dir}/secret}}")
        self.shop.open_broker()
        self.shop.open_daemon()
        wait_for("the refusal", lambda: self.shop.ctl("status")["upstream"]["last_error"])
        self.assertFalse(self.shop.ctl("status")["upstream"]["connected"])
        Phone(self.shop, "127.0.0.2").join()
        outbox = self.shop.ctl("outbox")
        waiting = outbox["streams"]["ledger"]
        self.assertGreater(waiting["rows"], 0)
        self.assertLess(abs(instant(waiting["oldest"]) - time.time()), 60)
        self.assertIsNone(waiting["acknowledged_at"])
        self.assertEqual((outbox["window"], outbox["backlog_window"]), (0, 0))
        self.assertNotIn("wrong", self.shop.log().replace("wrong password", ""))


class Operation(House):
    def test_reload_takes_a_good_file_and_leaves_a_bad_one(self):
        phone = self.open()
        path = self.shop.dir / "foyer.yaml"
        path.write_text(self.shop.config.replace("Demo Store", "Second Store").replace("dwell: 3s", "dwell: x"))
        self.shop.daemon.send_signal(signal.SIGHUP)
        wait_for("the report", lambda: "zones[0].dwell" in self.shop.log())
        self.assertIn("nothing was changed", self.shop.log())
        self.assertNotIn("Second Store", phone.ask("GET", "/?lang=en")[1])
        path.write_text(self.shop.config.replace("Demo Store", "Second Store").replace("id: demo-gw", "id: other-gw"))
        self.shop.daemon.send_signal(signal.SIGHUP)
        wait_for("the new name", lambda: "Second Store" in phone.ask("GET", "/?lang=en")[1])
        self.assertIn("gateway.id changed and waits for a restart", self.shop.log())
        self.assertEqual(self.shop.ctl("status")["gateway"], "demo-gw")

    def test_stops_within_three_seconds_whatever_hangs_on_it(self):
        phone = self.open()
        phone.join()
        followers = [self.shop.follow() for _ in range(3)]
        idle = [socket.create_connection(("127.0.0.1", self.shop.portal)) for _ in range(20)]
        for follower in followers:
            phone.draw(phone.open_draw())
            self.assertIn("foyer.", follower.stdout.readline())
        took = stop(self.shop.daemon)
        self.assertIsNotNone(took)
        self.assertLess(took, 3.0)
        self.assertEqual(self.shop.daemon.returncode, 0)
        for thing in idle:
            thing.close()
        for follower in followers:
            follower.wait(5)
            follower.stdout.close()
        self.shop.open_daemon()  # tells what the first had no time to
        wait_for("both ends of its run", lambda: {"foyer.gateway.started.v1", "foyer.gateway.stopped.v1"} <= {
            event["type"] for event in self.upstream().values()})

    def test_a_second_foyerd_is_refused(self):
        self.open()
        second = subprocess.run([BIN / "foyerd", "run", "--config", self.shop.dir / "foyer.yaml"], capture_output=True,
                                text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn("foyer.db", second.stderr)
        self.assertEqual(self.shop.ctl("status")["gateway"], "demo-gw")

    def test_a_taken_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.shop.portal))
            taken.listen()
            (self.shop.dir / "foyer.yaml").write_text(self.shop.config)
            done = subprocess.run([BIN / "foyerd", "run", "--config", self.shop.dir / "foyer.yaml"], capture_output=True,
                                  text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.shop.portal), done.stderr)

    def test_what_the_operator_sees(self):
        phone = self.open()
        phone.join()
        wait_for("somebody here", lambda: self.shop.ctl("presence"))
        self.assertEqual(self.shop.ctl("radio")["up"], True)
        client = self.shop.ctl("clients")[0]
        self.assertEqual((client["ip"], client["way"]), ("127.0.0.2", "link"))
        for command in ("status", "radio", "presence", "clients", "outbox"):
            done = self.shop.ctl_raw(command)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.strip(), command)
        self.assertEqual(self.admin("/healthz")[0], 200)
        self.assertEqual(self.admin("/readyz")[0], 200)
        status, metrics = self.admin("/metrics")
        self.assertEqual(status, 200)
        for name in ("foyer_adverts_heard_total", "foyer_sessions_open 1", "foyer_uplink_connected 1", "foyer_ledger_commits_total"):
            self.assertIn(name, metrics)
        page = (pathlib.Path(__file__).resolve().parent.parent.parent / "docs/metrics.md").read_text()
        for line in metrics.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertIn(f"| `{name}` | {kind} |", page)
        self.assertEqual(self.shop.ctl("remove", "127.0.0.2")["removed"], 1)
        self.assertEqual(self.shop.ctl("clients"), [])
        self.assertEqual(phone.ask("POST", "/v1/draws/open", "{}")[0], 403)
        self.shop.ctl("admit", "127.0.0.2")
        self.assertEqual(self.shop.ctl("clients")[0]["way"], "operator")
        self.assertNotEqual(self.shop.ctl_raw("admit", "nonsense").returncode, 0)

    def test_decode_needs_no_daemon(self):
        lines = ["0201061AFF4C000215FDA50693A4E24FB1AFCFC6EB0764782500010002C5", "0201", "zz"]
        done = subprocess.run([BIN / "foyerctl", "decode"], input="\n".join(lines), capture_output=True, text=True, timeout=10)
        good, short, bad = (json.loads(line) for line in done.stdout.splitlines())
        self.assertEqual(good, {"frames": [{"format": "ibeacon", "uuid": "fda50693-a4e2-4fb1-afcf-c6eb07647825", "major": 1,
                                            "minor": 2, "measured_power": -59}]})
        self.assertIn("error", short)
        self.assertIn("error", bad)

    def test_campaigns_and_commands_from_upstream(self):
        self.open()
        base = "foyer/v1/demo/demo-store/demo-gw"
        replies = start(["mosquitto_sub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t", "replies/#"],
                        stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (stop(replies), replies.stdout.close()))

        def publish(topic, payload, *words):
            subprocess.run(["mosquitto_pub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t", topic, "-m",
                            payload, *words], check=True, timeout=10)
        campaign = {"id": "night", "trigger": "shake", "prizes": {"none": {"kind": "nothing", "weight": 1}}}
        publish(f"{base}/down/campaign/night", json.dumps(campaign), "-r")
        publish(f"{base}/down/campaign/bad", '{"id":"bad","trigger":"wish"}', "-r")

        def answered(type_, id_):
            return [one for one in self.upstream().values() if one["type"] == type_ and one["data"]["campaign"] == id_]
        wait_for("the campaign applied", lambda: answered("foyer.campaign.applied.v1", "night"))
        refused = wait_for("the campaign refused", lambda: answered("foyer.campaign.refused.v1", "bad"))
        self.assertIn("trigger", json.dumps(refused[0]["data"]))
        deadline = time.monotonic() + 10
        reply = None
        while reply is None and time.monotonic() < deadline:
            publish(f"{base}/down/command", '{"command":"status"}', "-D", "publish", "response-topic", "replies/x")
            reply = replies.stdout.readline() or None
        self.assertTrue(json.loads(reply)["ok"])

    def command(self, payload, *words, topic="replies/x"):
        subprocess.run(["mosquitto_pub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t",
                        "foyer/v1/demo/demo-store/demo-gw/down/command", "-m", json.dumps(payload), "-D", "publish", "response-topic",
                        topic, *words], check=True, timeout=10)

    def replies(self):
        replies = start(["mosquitto_sub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t", "replies/#", "-F",
                         "%D %p"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (stop(replies), replies.stdout.close()))
        wait_for("the subscription", lambda: "replies/#" in (self.shop.dir / "broker.log").read_text())
        return lambda: (lambda line: (line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])))(replies.stdout.readline())

    def test_a_command_that_comes_again_is_answered_again_and_done_once(self):
        phone = self.open()
        phone.join()
        answer = phone.draw(phone.open_draw())
        while answer["result"] != "won":
            answer = wait_for("a draw past the interval", lambda: phone.draw(phone.open_draw()))
        next_reply = self.replies()
        wait_for("the line", lambda: self.shop.ctl("status")["upstream"]["connected"])
        order = {"command": "void", "id": answer["coupon"]["id"], "request": "order-1"}
        self.command(order, "-D", "publish", "correlation-data", "c-1")
        correlation, first = next_reply()
        self.assertEqual((correlation, first["ok"]), ("c-1", True))
        stop(self.shop.daemon)
        self.shop.open_daemon()
        wait_for("the line", lambda: self.shop.ctl("status")["upstream"]["connected"])
        self.command(order, "-D", "publish", "correlation-data", "c-2")
        self.assertEqual(next_reply(), ("c-2", first), "voiding it again would be refused")
        self.command({**order, "request": "order-2"})
        self.assertFalse(next_reply()[1]["ok"])
        self.command({**order, "request": "order-3", "expires": "2026-01-01T00:00:00Z"})
        self.assertIn("expired", next_reply()[1]["error"]["message"])

    def test_a_command_sent_while_the_gateway_is_away_waits_for_it(self):
        self.open()
        next_reply = self.replies()
        wait_for("the line", lambda: self.shop.ctl("status")["upstream"]["connected"])
        stop(self.shop.daemon)
        self.command({"command": "pause", "id": "demo-shake"})
        self.shop.open_daemon()
        self.assertTrue(next_reply()[1]["ok"])
        wait_for("everything upstream", self.acknowledged)
        outbox = self.shop.ctl("outbox")
        self.assertGreaterEqual(outbox["window"], outbox["backlog_window"])
        self.assertGreaterEqual(outbox["backlog_window"], 1)
        health = outbox["streams"]["health"]
        self.assertIsNone(health["oldest"])
        self.assertLess(abs(instant(health["acknowledged_at"]) - time.time()), 60)
        self.assertEqual(outbox["streams"]["ledger"]["dropped"], 0)

    def test_every_fault_of_a_campaign_is_told_upstream(self):
        self.open()
        base = "foyer/v1/demo/demo-store/demo-gw"
        faulty = {"id": "many", "trigger": "wish", **{f"unknown_{n:04}": n for n in range(600)}}
        subprocess.run(["mosquitto_pub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t", f"{base}/down/campaign/many",
                        "-r", "-m", json.dumps(faulty)], check=True, timeout=10)
        subprocess.run(["mosquitto_pub", "-p", str(self.shop.broker_port), "-V", "mqttv5", "-q", "1", "-t", f"{base}/down/campaign/b d",
                        "-r", "-m", "{}"], check=True, timeout=10)

        def refusals(id_):
            return [one["data"] for one in self.upstream().values()
                    if one["type"] == "foyer.campaign.refused.v1" and one["data"]["campaign"] == id_]
        wait_for("the refusal of a bad id", lambda: refusals("b d"))
        parts = wait_for("all parts", lambda: (lambda all_: all_ if all_ and len(all_) == all_[0].get("parts", 1) else None)(
            refusals("many")))
        reasons = " ".join(reason for part in parts for reason in part["reasons"])
        for number in range(100):
            self.assertIn(f"unknown_{number:04}", reasons)
        self.assertIn("and 502 more faults", reasons)

    def test_an_io_error_ends_it_and_the_next_start_has_what_was_answered(self):
        phone = self.open()
        phone.join()
        nonce = phone.open_draw()
        answer = phone.draw(nonce)
        # Beyond this size write(2) fails with EFBIG: to SQLite a disk that fails, not one that is full.
        resource.prlimit(self.shop.daemon.pid, resource.RLIMIT_FSIZE, (16384, 16384))
        wait_for("foyerd to end", lambda: self.refused(phone) and self.shop.daemon.poll() is not None, 20)
        self.assertEqual(self.shop.daemon.returncode, 1)
        self.assertIn("I/O error", self.shop.log())
        self.shop.open_daemon()
        self.assertEqual(wait_for("the session", lambda: phone.draw(nonce).get("result")), answer["result"])

    @staticmethod
    def refused(phone):
        """Goes on asking: nothing is answered with a yes any more."""
        try:
            status = phone.ask("POST", "/v1/draws", json.dumps({"nonce": "x" * 32, "mode": "shake"}))[0]
        except OSError:
            return True
        return status >= 400


if __name__ == "__main__":
    unittest.main(verbosity=2)
