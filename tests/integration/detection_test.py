#!/usr/bin/env python3
"""How phones and computers find out that they are not online yet, and that they are: each system's own sequence of
probes, against the real foyer-gate and foyerd in network namespaces, before and after admission, IPv4 and IPv6.

usage: detection_test.py BIN_DIR [unittest options]
"""
import base64
import contextlib
import hashlib
import hmac
import http.server
import os
import pathlib
import socket
import struct
import sys
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "support"), str(ROOT / "bench")]
from house import House, Net, within  # noqa: E402
from shop import wait_for  # noqa: E402

BIN = pathlib.Path(sys.argv.pop(1))
BOX, BOX6 = "10.9.255.254", "fd00:9::fffe"
INTERNET, INTERNET6 = "203.0.113.5", "2001:db8:5::5"

APPLE = "CaptiveNetworkSupport-443.120.2 wispr"
WEBKIT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
DALVIK = "Dalvik/2.1.0 (Linux; U; Android 14)"
SUCCESS = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
# System: what it counts as, and its probes: HTTP version, host, path, agent, and what it takes for "online".
SYSTEMS = {
    "ios": ("apple", [("1.0", "captive.apple.com", "/hotspot-detect.html", APPLE, (200, SUCCESS)),
                      ("1.1", "captive.apple.com", "/hotspot-detect.html", WEBKIT, (200, SUCCESS))]),
    "macos": ("apple", [("1.0", "www.apple.com", "/library/test/success.html", APPLE, (200, SUCCESS)),
                        ("1.1", "netcts.cdn-apple.com", "/", WEBKIT, (200, SUCCESS))]),
    "ios_old": ("apple", [("1.0", host, "/", APPLE, (200, SUCCESS))
                          for host in ("gsp1.apple.com", "www.appleiphonecell.com", "www.airport.us", "www.ibook.info",
                                       "www.itools.info", "www.thinkdifferent.us")]),
    "android": ("android", [("1.1", "connectivitycheck.gstatic.com", "/generate_204", DALVIK, (204, "")),
                            ("1.1", "www.google.com", "/gen_204", DALVIK, (204, "")),
                            ("1.1", "play.googleapis.com", "/generate_204", DALVIK, (204, ""))]),
    "samsung": ("android", [("1.1", "connectivitycheck.android.com", "/generate_204", DALVIK, (204, ""))]),
    "huawei": ("android", [("1.1", "connectivitycheck.platform.hicloud.com", "/generate_204", DALVIK, (204, ""))]),
    "xiaomi": ("android", [("1.1", "connect.rom.miui.com", "/generate_204", DALVIK, (204, ""))]),
    "vivo": ("android", [("1.1", "wifi.vivo.com.cn", "/generate_204", DALVIK, (204, ""))]),
    "oppo": ("android", [("1.1", "conn1.coloros.com", "/generate_204", DALVIK, (204, "")),
                         ("1.1", "conn1.oppomobile.com", "/generate_204", DALVIK, (204, ""))]),
    "google_cn": ("android", [("1.1", "developers.google.cn", "/generate_204", DALVIK, (204, ""))]),
    "windows": ("windows", [("1.1", "www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", (200, "Microsoft Connect Test")),
                            ("1.1", "ipv6.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", (200, "Microsoft Connect Test")),
                            ("1.1", "www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI", (200, "Microsoft NCSI")),
                            ("1.1", "www.msftconnecttest.com", "/redirect", "Mozilla/5.0 (Windows NT 10.0)", (200, "MSN"))]),
    "edge": ("windows", [("1.1", "edge.msftncsi.com", "/captiveportal/generate_204", "Mozilla/5.0 Edg/120", (204, ""))]),
    "firefox": ("firefox", [("1.1", "detectportal.firefox.com", "/canonical.html", "Mozilla/5.0 Firefox/121.0", (200, "canonical")),
                            ("1.1", "detectportal.firefox.com", "/success.txt?ipv4", "Mozilla/5.0 Firefox/121.0", (200, "success"))]),
    "chromeos": ("chrome", [("1.1", "www.gstatic.com", "/generate_204", "Mozilla/5.0 (X11; CrOS)", (204, "")),
                            ("1.1", "clients3.google.com", "/generate_204", "Mozilla/5.0 (X11; CrOS)", (204, ""))]),
    "kindle": ("kindle", [("1.1", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "Kindle", (200, "81ce4465"))]),
    "networkmanager": ("linux", [("1.1", "nmcheck.gnome.org", "/check_network_status.txt", "", (200, "NetworkManager is online"))]),
}
ONLINE = {(host, path.split("?")[0]): answer for _, probes in SYSTEMS.values() for _, host, path, _, answer in probes}


class RealHosts(http.server.BaseHTTPRequestHandler):
    """The internet's side of every probe."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, body = ONLINE.get((self.headers.get("Host"), self.path.split("?")[0]), (404, "no such page"))
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Real-Host", "yes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    do_HEAD = do_POST = do_GET

    def log_message(self, *_):
        pass


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.version, status = lines[0].split(" ")[:2]
        self.status = int(status)
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        self.real = "x-real-host" in self.headers


class Detection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise (AssertionError if os.environ.get("CI") else unittest.SkipTest)("network namespaces need root")
        closing = contextlib.ExitStack()
        cls.addClassCleanup(closing.close)
        cls.box, cls.phone_net, cls.internet = Net(closing), Net(closing), Net(closing)
        cls.wire_up()
        cls.house = House(BIN, closing, cls.box)
        gate_socket = cls.house.dir / "gate.sock"
        cls.house.start_and_wait("foyer-gate", "--socket", gate_socket, "--uid", "0")
        cls.house.configure(
            f'{{gate: nftables, interface: lan0, uplink: u0, address: {BOX}/16, gate_socket: "{gate_socket}"}}',
            "[::]:8080", "127.0.0.1:9464")
        cls.house.open_daemon()
        for family, address in ((socket.AF_INET, INTERNET), (socket.AF_INET6, INTERNET6)):
            cls.serve(family, address, closing)

    @classmethod
    def wire_up(cls):
        cls.box.ip([f"link add lan0 type veth peer name p0 netns {cls.phone_net.holder.pid}",
                    f"link add u0 type veth peer name i0 netns {cls.internet.holder.pid}",
                    f"addr add {BOX}/16 dev lan0", f"addr add {BOX6}/64 dev lan0 nodad",
                    "addr add 198.51.100.1/24 dev u0", "addr add 2001:db8:1::1/64 dev u0 nodad",
                    "link set lan0 up", "link set u0 up",
                    "route add default via 198.51.100.2", "route add default via 2001:db8:1::2"])
        cls.internet.ip(["addr add 198.51.100.2/24 dev i0", f"addr add {INTERNET}/32 dev i0",
                         "addr add 2001:db8:1::2/64 dev i0 nodad", f"addr add {INTERNET6}/128 dev i0 nodad", "link set i0 up"])
        cls.phone_net.ip(["addr add 10.9.0.1/16 dev p0", "addr add fd00:9::1/64 dev p0 nodad", "link set p0 up",
                          f"route add default via {BOX}", f"route add default via {BOX6}"])

    @classmethod
    def serve(cls, family, address, closing):
        server = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})

        def made():
            with within(cls.internet), contextlib.suppress(OSError):
                return server((address, 80), RealHosts)
        running = wait_for(f"port 80 of {address}", made)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        closing.callback(running.server_close)
        closing.callback(running.shutdown)

    def send(self, address, data, port=80):
        # Linux tidies a count of connections once a jiffy: on a machine that stood still a phone as quick as this one is
        # taken to hold closed ones still, and is refused by the fence for a moment (net/netfilter/nf_conncount.c).
        def connect():
            with within(self.phone_net), contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection((address, port), timeout=5)
        with wait_for(f"a connection to {address}", connect) as connection:
            connection.sendall(data)
            raw = b""
            while piece := connection.recv(65536):
                raw += piece
        return Answer(raw)

    def probe(self, address, version, host, path, agent, method="GET", absolute=False):
        target = f"http://{host}{path}" if absolute else path
        body = b"x=1" if method == "POST" else b""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {target} HTTP/{version}\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n{length}\r\n"
        return self.send(address, head.encode() + body)

    def assert_captive(self, answer, portal, method="GET"):
        self.assertEqual(answer.status, 303 if method == "POST" else 302)
        self.assertFalse(answer.real)
        self.assertEqual(answer.headers["location"], portal)
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers["connection"].lower(), "close")
        # Android: a body of four bytes or fewer is a broken network, not a portal.
        self.assertGreater(int(answer.headers["content-length"]), 4)
        self.assertEqual(len(answer.body) > 4, method != "HEAD")

    def each(self):
        for name, (_, probes) in SYSTEMS.items():
            for address, portal in ((INTERNET, f"http://{BOX}/"), (INTERNET6, f"http://[{BOX6}]/")):
                for one in probes:
                    with self.subTest(system=name, probe=one[1] + one[2], address=address):
                        yield address, portal, one

    def metric(self, name):
        text = self.box.run("curl", "-s", "http://127.0.0.1:9464/metrics")
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def join(self):
        token = self.house.ctl("token", "mint", "--kind", "staff")["token"]  # the one kind that lets in again and again
        self.assertEqual(self.post(f"/q/{token}").status, 303)
        wait_for("both families open", lambda: self.house.ctl("clients")[0]["ips6"])

    def leave(self):
        if self.house.ctl("clients"):
            self.house.ctl("remove", "10.9.0.1")

    def tearDown(self):
        self.leave()

    def test_every_system_finds_the_portal_and_then_the_internet(self):
        for address, portal, (version, host, path, agent, _) in self.each():
            answer = self.probe(address, version, host, path, agent)
            self.assert_captive(answer, portal)
        for family in ("apple", "android", "windows", "firefox", "chrome", "kindle", "linux"):
            self.assertGreater(self.metric(f'foyer_probes_total{{system="{family}"}}'), 0, family)
        self.join()
        for address, _, (version, host, path, agent, (status, body)) in self.each():
            answer = self.probe(address, version, host, path, agent)
            self.assertTrue(answer.real, "the probe goes out; nothing is faked")
            self.assertEqual((answer.status, answer.body.decode()), (status, body))
        self.leave()
        for address, portal, (version, host, path, agent, _) in self.each():
            self.assert_captive(self.probe(address, version, host, path, agent), portal)

    def post(self, path, host=BOX, body="consent=yes", **headers):
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return self.send(BOX, (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
                               f"Content-Type: application/x-www-form-urlencoded\r\n{more}\r\n{body}").encode())

    def get(self, path, host=BOX):
        return self.send(BOX, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    def assert_nobody_is_in(self):
        self.assertEqual(self.house.ctl("clients"), [])
        with within(self.phone_net), self.assertRaises(ConnectionRefusedError):
            socket.create_connection((INTERNET, 81), timeout=2)

    def test_nothing_but_the_post_of_this_shops_token_lets_in(self):
        link = self.house.link()
        self.assertEqual(self.get(link).status, 200)  # a messenger's preview, a scanner's prefetch
        self.assert_nobody_is_in()
        self.assertEqual(self.post(link, Origin="https://evil.example").status, 403)
        self.assertEqual(self.post(link, Sec_Fetch_Site="cross-site").status, 403)
        # A name of somebody else that was made to lead here (DNS rebinding) is a foreign host like any other.
        self.assertEqual(self.post(link, host="rebound.evil.example").status, 303)
        self.assertEqual(self.get("/v1/me", host="rebound.evil.example").status, 302)
        self.assert_nobody_is_in()
        for wrong in (link[:-1] + ("A" if link[-1] != "A" else "B"), f"/q/{self.token_of('another-store')}"):
            self.assertEqual(self.post(wrong).status, 403, wrong)
        self.assert_nobody_is_in()
        self.assertEqual(self.post(f"/q/{self.token_of('bench-store')}").status, 303, "signed as the house signs")
        self.leave()

    def test_a_used_token_lets_its_device_in_no_more(self):
        link = self.house.link()
        self.assertEqual(self.post(link).status, 303)
        self.leave()
        self.assertEqual(self.post(link).status, 400)
        self.assert_nobody_is_in()

    def token_of(self, store):
        """A staff token as docs/tokens.md lays it out, signed with the house's own key."""
        key_id, secret = (self.house.dir / "token.keys").read_text().splitlines()[0].split()[:2]
        body = (bytes([1, int(key_id), 4]) + hashlib.sha256(store.encode()).digest()[:4] + bytes(2)
                + struct.pack(">I", int(time.time()) + 3600) + os.urandom(8))
        tag = hmac.digest(bytes.fromhex(secret), body, "sha256")[:16]
        return base64.urlsafe_b64encode(body + tag).decode().rstrip("=")

    def test_the_screen_is_for_displays_and_not_for_phones(self):
        self.assertEqual(self.get("/screen/entrance").status, 403)
        self.assertEqual(self.get("/screen/entrance?key=" + "A" * 24).status, 403)
        here = self.box.run("curl", "-s", f"http://{BOX}:8080/screen/entrance")
        self.assertIn('class="qr"', here, "the box's own display")
        display = self.house.ctl("token", "mint", "--kind", "screen", "--zone", "entrance")["display"]
        tablet = self.get(display.removeprefix(f"http://{BOX}"))
        self.assertEqual(tablet.status, 200)
        self.assertIn(b'class="qr"', tablet.body)

    def test_heads_posts_and_absolute_forms_are_answered_alike(self):
        for address, portal, (version, host, path, agent, _) in self.each():
            self.assert_captive(self.probe(address, version, host, path, agent, absolute=True), portal)
            for method in ("HEAD", "POST"):
                self.assert_captive(self.probe(address, version, host, path, agent, method), portal, method)

    def test_port_443_of_others_is_refused_at_once_and_never_answered(self):
        # A TLS answer of ours would be a certificate warning, and an HTTPS probe that got through would count as online.
        for address in (INTERNET, INTERNET6):
            with within(self.phone_net), self.assertRaises(ConnectionRefusedError):
                socket.create_connection((address, 443), timeout=2)

    def test_a_phone_without_a_host_header_finds_the_portal(self):
        self.assert_captive(self.send(INTERNET, b"GET / HTTP/1.0\r\n\r\n"), f"http://{BOX}/")

    def test_the_portal_itself_is_a_page(self):
        for address, host in ((BOX, BOX), (BOX6, f"[{BOX6}]")):
            answer = self.send(address, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            self.assertEqual(answer.status, 200)
            self.assertIn(b"<form", answer.body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
