#!/usr/bin/env python3
"""The portal of a whole foyerd, simulated radio and gate: what follows a phone, what is typed, printed and renewed.

usage: portal_test.py BIN_DIR [unittest options]
"""
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from shop import Phone, Shop, free_port, wait_for  # noqa: E402

BIN = pathlib.Path(sys.argv.pop(1))
FORM = "application/x-www-form-urlencoded"


class PortalCase(unittest.TestCase):
    def setUp(self):
        self.shop = Shop(BIN)
        self.addCleanup(self.shop.close)

    def open(self):
        """Nothing upstream is needed here."""
        self.shop.open_daemon()

    def phone(self, n):
        return Phone(self.shop, f"127.0.9.{n}")

    def clients(self):
        return {one["ip"]: one for one in self.shop.ctl("clients")}

    def reload(self):
        self.shop.daemon.send_signal(signal.SIGHUP)


class WhatFollowsAPhone(PortalCase):
    def join(self, phone):
        status, _, headers = phone.ask("POST", self.shop.mint(), "consent=yes", FORM)
        self.assertEqual(status, 303)
        return headers["Set-Cookie"].split(";")[0]

    def test_the_cookie_carries_the_session_and_the_old_address_is_shut(self):
        self.open()
        cookie = self.join(self.phone(1))
        before = json.loads(self.phone(1).ask("GET", "/v1/me")[1])
        # As a phone does that comes back with another MAC: any page of ours, with its cookie.
        self.assertEqual(self.phone(2).ask("GET", "/welcome", headers={"Cookie": cookie})[0], 200)
        after = json.loads(self.phone(2).ask("GET", "/v1/me")[1])
        self.assertEqual((after["session"], after["subject"]), (before["session"], before["subject"]))
        self.assertLessEqual(after["seconds_left"], before["seconds_left"])
        self.assertIsNone(json.loads(self.phone(1).ask("GET", "/v1/me")[1])["session"])
        self.assertEqual(list(self.clients()), ["127.0.9.2"])
        self.assertEqual(self.clients()["127.0.9.2"]["way"], "pass")

    def test_a_restart_forgets_neither_the_session_nor_the_pass(self):
        self.open()
        cookie = self.join(self.phone(1))
        self.shop.daemon.kill()
        self.shop.daemon.wait()
        self.open()
        self.phone(3).ask("GET", "/", headers={"Cookie": cookie})
        self.assertEqual(list(self.clients()), ["127.0.9.3"])

    def test_the_link_on_the_welcome_page_does_the_same(self):
        self.open()
        self.join(self.phone(1))
        link = re.search(r'href="(/q/[^"]+)"', self.phone(1).ask("GET", "/welcome")[1])[1]
        self.assertEqual(self.phone(2).ask("GET", link)[0], 200)
        self.assertEqual(list(self.clients()), ["127.0.9.1"], "looking changes nothing")
        self.assertEqual(self.phone(2).ask("POST", link, "", FORM)[0], 303)
        self.assertEqual(list(self.clients()), ["127.0.9.2"])

    def test_after_removal_the_cookie_is_worth_nothing(self):
        self.open()
        cookie = self.join(self.phone(1))
        self.shop.ctl("remove", "127.0.9.1")
        for n in (1, 2):
            self.phone(n).ask("GET", "/", headers={"Cookie": cookie})
        self.assertEqual(self.clients(), {})

    def test_a_laptop_is_let_in_by_a_phone(self):
        self.open()
        self.join(self.phone(1))
        begun = json.loads(self.phone(5).ask("POST", "/pair", '{"consent":"yes"}')[1])
        path = "/pair/" + begun["id"]
        self.assertIn(begun["number"], self.phone(1).ask("GET", path)[1])
        self.assertEqual(self.phone(6).ask("GET", path)[0], 403)
        self.assertEqual(self.phone(1).ask("POST", path, "", FORM)[0], 200)
        self.assertEqual(self.clients()["127.0.9.5"]["way"], "pair")
        self.assertLessEqual(self.clients()["127.0.9.5"]["seconds_left"], self.clients()["127.0.9.1"]["seconds_left"])
        self.assertEqual(self.phone(5).ask("GET", path)[0], 303)


class Tokens(PortalCase):
    def redeem(self, n, path, **more):
        return self.phone(n).ask("POST", path, "consent=yes", FORM, **more)[0]

    def typed(self, n, code):
        return self.phone(n).ask("POST", "/join", f"consent=yes&code={code}", FORM)[0]

    def test_what_was_signed_outlives_a_rotation_and_a_restart(self):
        self.open()
        poster, receipt = (self.shop.ctl("token", "mint", "--kind", kind) for kind in ("poster", "receipt"))
        rotated = self.shop.ctl("token", "rotate")
        self.assertEqual([one["key"] for one in rotated["previous"]], [1])
        self.assertGreaterEqual(rotated["previous"][0]["until"], poster["expires_at"])
        self.shop.daemon.kill()
        self.shop.daemon.wait()
        self.open()
        self.assertEqual(self.redeem(1, "/q/" + poster["token"]), 303)
        self.assertEqual(self.typed(2, receipt["code"].lower()), 303)
        self.assertEqual(self.redeem(3, self.shop.mint()), 303)

    def test_a_token_of_another_shop_is_refused(self):
        self.open()
        token = self.shop.ctl("token", "mint", "--kind", "poster")["token"]
        self.shop.daemon.terminate()
        self.shop.daemon.wait()
        self.shop.config = self.shop.config.replace("store: demo-store", "store: other-store")
        self.open()
        self.assertEqual(self.redeem(1, "/q/" + token), 403)

    def test_a_receipt_lets_in_one_and_the_same_phone_again(self):
        self.open()
        path = "/q/" + self.shop.ctl("token", "mint", "--kind", "receipt")["token"]
        self.assertEqual([self.redeem(1, path), self.redeem(1, path), self.redeem(2, path)], [303, 303, 400])
        self.assertEqual(len(self.clients()), 1)

    def test_wrong_codes_are_slowed_down(self):
        self.open()
        answers = [self.typed(1, "AAAA-AAA" + last) for last in "01234567"]
        self.assertEqual(answers, [403] * 5 + [429] * 3)
        self.assertEqual(self.typed(2, self.shop.ctl("token", "mint", "--kind", "screen", "--zone", "entrance")["code"]), 303)

    def test_no_secret_is_in_the_log(self):
        self.open()
        minted = self.shop.ctl("token", "mint", "--kind", "poster")
        self.assertEqual(self.redeem(1, "/q/" + minted["token"]), 303)
        self.redeem(2, "/q/" + minted["token"][:-1])
        cookie = self.phone(1).ask("GET", "/welcome")[2]["Set-Cookie"].split(";")[0].split("=")[1]
        self.typed(3, minted["code"])
        self.typed(4, "AAAAAAAA")
        self.shop.daemon.terminate()
        self.shop.daemon.wait()
        log = self.shop.log()
        self.assertIn("ready", log)
        for secret in (minted["token"], minted["token"][:30], minted["code"], cookie, "AAAAAAAA", self.shop.till_key,
                       *(line.split()[1] for line in (self.shop.dir / "token.keys").read_text().splitlines())):
            self.assertNotIn(secret, log)

    def test_the_admission_address_without_with_empty_and_with_huge_parameters_does_not_crash(self):
        """openNDS 9.10 dies of GET /opennds_auth/ without tok, and of long query strings (CVE-2023-38313, -41101)."""
        self.open()
        huge = "x" * 100_000
        requests = [("GET", "/q/"), ("GET", "/q"), ("GET", "/q/?"), ("GET", "/q/%00"), ("GET", "/q/?tok="), ("GET", f"/q/{huge}"),
                    ("GET", f"/q/x?tok={huge}"), ("GET", f"/?{huge}"), ("POST", "/q/"), ("POST", "/q/x"), ("POST", "/join"),
                    ("POST", f"/join?code={huge}"), ("POST", "/pair/"), ("POST", f"/pair/{huge}")]
        for method, path in requests:
            for body in (None, "", "code=", "consent", "code=" + "x" * 8000, "&" * 8000, "%" * 8000, "code=" + huge):
                if body is not None and method == "GET":
                    continue
                try:
                    status, _, _ = self.phone(1).ask(method, path, body, FORM)
                    self.assertGreaterEqual(status, 400, (method, path[:20], (body or "")[:20]))
                    self.assertLess(status, 500, (method, path[:20], (body or "")[:20]))
                except (ConnectionError, http.client.HTTPException):
                    pass  # closed at the limit
        self.assertIsNone(self.shop.daemon.poll())
        self.assertEqual(self.redeem(2, self.shop.mint()), 303)


class Pictures(PortalCase):
    SSID, PASSWORD = r'Caf\e;, "Shop": 示', r'p;a,s\s:"word" 1'

    def decode(self, picture, suffix):
        """What a reader sees in it."""
        path = self.shop.dir / f"picture{suffix}"
        path.write_bytes(picture)
        if suffix == ".svg":
            png = self.shop.dir / "drawn.png"
            subprocess.run(["rsvg-convert", "-w", "1600", "-b", "white", "-o", png, path], check=True, timeout=30)
            path = png
        # The bytes as they are: without being told zbar guesses a character set, and guesses wrong.
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sqrcode.binary", path],
                              capture_output=True, timeout=30)
        return [text.strip() for text in re.findall(r"WIFI:.*?;;|http://\S+?(?=WIFI:|\s|$)|.+", done.stdout.decode(), re.DOTALL) if text.strip()]

    def qr(self, *words):
        done = subprocess.run([BIN / "foyerctl", "--socket", self.shop.dir / "control.sock", "qr", *words], capture_output=True, timeout=10)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @staticmethod
    def terminal_as_pbm(text):
        rows = []
        for line in text.splitlines():
            if "\x1b" not in line:
                continue
            cells = re.sub(r"\x1b\[[0-9;]*m", "", line)
            rows += ["".join("1" if c in "▀█" else "0" for c in cells), "".join("1" if c in "▄█" else "0" for c in cells)]
        wide = [" ".join(c for c in row for _ in range(8)) for row in rows for _ in range(8)]
        return f"P1\n{len(rows[0]) * 8} {len(rows) * 8}\n".encode() + "\n".join(wide).encode() + b"\n"

    @staticmethod
    def unescape(text):
        """As ZXing and phones read it."""
        fields = re.findall(r"([TSP]):((?:\\.|[^\\;])*);", text.removeprefix("WIFI:"))
        return {key: re.sub(r"\\(.)", r"\1", value) for key, value in fields}

    def test_every_picture_is_read_back(self):
        (self.shop.dir / "wifi.password").write_text(self.PASSWORD + "\n")
        self.shop.config = self.shop.config.replace("  gate: sim\n", "  gate: sim\n  ssid: " + json.dumps(self.SSID, ensure_ascii=False) +
                                                    f'\n  security: {{kind: wpa2, password_file: "{self.shop.dir}/wifi.password"}}\n')
        logo = self.shop.dir / "logo.svg"
        logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="2" height="1" fill="red"/></svg>')
        self.shop.config = self.shop.config.replace("brand: {", f'brand: {{logo: "{logo}", ')
        self.open()
        wanted = {"T": "WPA", "S": self.SSID, "P": self.PASSWORD}
        for picture, suffix in ((self.qr("wifi", "--format", "png"), ".png"), (self.qr("wifi", "--format", "svg"), ".svg"),
                                (self.terminal_as_pbm(self.qr("wifi").decode()), ".pbm")):
            read, = self.decode(picture, suffix)
            self.assertEqual(self.unescape(read), wanted, suffix)
        for paper in ("a4", "a5"):
            poster = self.qr("poster", "--format", "svg", "--paper", paper, "--zone", "entrance")
            both = self.decode(poster, ".svg")
            self.assertEqual(len(both), 2)
            wifi = next(text for text in both if text.startswith("WIFI:"))
            link = next(text for text in both if text.startswith("http"))
            self.assertEqual(self.unescape(wifi), wanted)
            path = link.split(str(self.shop.portal))[1]
            self.assertEqual(self.phone(1).ask("GET", path)[0], 200)
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", poster.decode())[0]
        self.assertEqual(self.phone(2).ask("POST", "/join", f"consent=yes&code={code}", FORM)[0], 303)
        screen, = self.decode(self.qr("screen", "--zone", "entrance", "--format", "png"), ".png")
        self.assertIn("/q/", screen)
        status, body, headers = self.phone(1).ask("GET", "/assets/logo")
        self.assertEqual((status, headers["Content-Type"], body), (200, "image/svg+xml", logo.read_text()))
        self.assertIn('src="/assets/logo"', self.phone(1).ask("GET", "/")[1])


class Certificates(PortalCase):
    HOST = "gw-01.shops.example"

    def make(self, days, name=HOST, start=None):
        """A self-signed certificate that ends in so many days, in the place where foyer looks."""
        now = datetime.datetime.now(datetime.timezone.utc)
        begin = start or now - datetime.timedelta(days=30)
        end = now + datetime.timedelta(days=days, hours=1)
        stamp = "%Y%m%d%H%M%SZ"
        key, certificate = self.shop.dir / "tls.key", self.shop.dir / "tls.pem"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                            "-addext", f"subjectAltName=DNS:{name}", "-keyout", f"{folder}/key", "-out", f"{folder}/csr"],
                           check=True, capture_output=True)
            (pathlib.Path(folder) / "db").touch()
            (pathlib.Path(folder) / "ca.conf").write_text(
                f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/db\nnew_certs_dir={folder}\nrand_serial=yes\ndefault_md=sha256\n"
                "policy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n")
            subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", f"{folder}/ca.conf", "-keyfile", f"{folder}/key", "-in", f"{folder}/csr",
                            "-out", f"{folder}/crt", "-notext", "-startdate", begin.strftime(stamp), "-enddate", end.strftime(stamp)],
                           check=True, capture_output=True)
            # The key first: between the two renames the pair does not fit, and the one loaded before must serve on.
            for source, target in (("key", key), ("crt", certificate)):
                aside = target.with_suffix(".new")
                aside.write_bytes((pathlib.Path(folder) / source).read_bytes())
                aside.chmod(0o600)
                aside.rename(target)

    def open_tls(self, days):
        self.make(days)
        self.port = free_port()
        self.shop.config = self.shop.config.replace("portal:\n", f'portal:\n  https: {{listen: "127.0.0.1:{self.port}", host: {self.HOST}, '
                                                    f'certificate: "{self.shop.dir}/tls.pem", key: "{self.shop.dir}/tls.key"}}\n')
        self.open()

    def served(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context, source_address=("127.0.9.1", 0))
        connection.request("GET", "/captive/api", headers={"Host": self.HOST, "Accept": "application/captive+json"})
        answer = connection.getresponse()
        body, headers = json.loads(answer.read()), answer.headers
        certificate = connection.sock.getpeercert(True) if connection.sock else None
        connection.close()
        return certificate, body, headers

    def peer(self):
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def certificate(self):
        return self.shop.ctl("status")["certificate"]

    def location(self):
        return self.phone(1).ask("GET", "/", host="captive.apple.com")[2]["Location"]

    def test_the_captive_api_speaks_over_tls(self):
        self.open_tls(90)
        self.assertEqual(self.location(), f"https://{self.HOST}/")
        _, body, headers = self.served()
        self.assertEqual(body, {"captive": True, "user-portal-url": f"https://{self.HOST}/", "can-extend-session": True})
        self.assertEqual((headers["Content-Type"], headers["Cache-Control"]), ("application/captive+json", "private"))
        self.phone(1).join()
        _, body, _ = self.served()
        self.assertFalse(body["captive"])
        self.assertTrue(7000 < body["seconds-remaining"] <= 7200)
        self.assertTrue(body["venue-info-url"].startswith(f"https://{self.HOST}/"))

    def test_a_new_certificate_is_taken_when_its_file_changes_and_a_bad_one_is_not(self):
        self.open_tls(90)
        first = self.peer()
        self.make(80)
        second = wait_for("the new certificate", lambda: self.peer() != first and self.peer(), 30)
        (self.shop.dir / "tls.pem").write_text("nonsense")
        wait_for("the complaint", lambda: "was not renewed" in self.shop.log(), 30)
        self.assertEqual(self.peer(), second)
        self.make(70)
        self.reload()
        wait_for("the third certificate", lambda: self.peer() not in (first, second), 30)

    def test_the_end_is_announced_and_then_the_plain_portal_is_used(self):
        self.open_tls(13)
        self.assertEqual(self.certificate()["state"], "ending")
        self.assertIn("ends in 13 days", self.shop.log())
        self.make(-2)
        wait_for("the plain portal", lambda: self.location() == f"http://127.0.0.1:{self.shop.portal}/", 30)
        self.assertEqual(self.certificate()["state"], "expired")
        self.make(90)
        wait_for("TLS again", lambda: self.location() == f"https://{self.HOST}/", 30)

    def test_another_hosts_certificate_is_not_used(self):
        self.open_tls(90)
        self.make(90, name="other.example")
        wait_for("the plain portal", lambda: self.location() == f"http://127.0.0.1:{self.shop.portal}/", 30)
        self.assertEqual(self.certificate()["state"], "wrong_host")


class Operator(PortalCase):
    def test_a_removed_device_is_kept_out_for_the_time_that_was_said(self):
        self.open()
        phone = self.phone(7)
        phone.join()
        address = self.shop.ctl("clients")[0]["ip"]
        removed = self.shop.ctl("remove", address, "--for", "1h")
        self.assertEqual((removed["removed"], removed["kept_out_seconds"]), (1, 3600))
        row, = self.shop.ctl("clients")
        self.assertEqual((row["way"], row["session"], row["ip"]), ("kept_out", None, None))
        self.assertTrue(3500 < row["seconds_left"] <= 3600)
        with self.assertRaises(RuntimeError):
            phone.join()
        self.assertEqual([row["way"] for row in self.shop.ctl("clients")], ["kept_out"])
        self.assertNotEqual(self.shop.ctl_raw("remove", address, "--for", "40d").returncode, 0)
        self.shop.ctl("admit", address)
        self.assertEqual([row["way"] for row in self.shop.ctl("clients")], ["operator"])

    def status(self, password):
        connection = http.client.HTTPConnection("127.0.0.1", self.shop.admin, timeout=5)
        import base64
        word = base64.b64encode(f"x:{password}".encode()).decode()
        connection.request("GET", "/v1/status", headers={"Authorization": f"Basic {word}"})
        answer = connection.getresponse().status
        connection.close()
        return answer

    def test_the_admin_password_is_read_again_on_sighup(self):
        secret = self.shop.dir / "admin.password"
        secret.write_text("first\n")
        self.shop.config = self.shop.config.replace("admin: {", f'admin: {{password_file: "{secret}", ')
        self.open()
        self.assertEqual((self.status("first"), self.status("second")), (200, 401))
        secret.write_text("second\n")
        self.reload()
        wait_for("the new password", lambda: self.status("second") == 200)
        self.assertEqual(self.status("first"), 401)

    def test_a_page_elsewhere_cannot_reach_an_admin_side_without_password(self):
        self.open()
        connection = http.client.HTTPConnection("127.0.0.1", self.shop.admin, timeout=5)
        connection.request("GET", "/v1/clients", headers={"Host": f"rebound.example:{self.shop.admin}"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 421)
        connection.close()


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    unittest.main(verbosity=2)
