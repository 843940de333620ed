#!/usr/bin/env python3
"""What `foyerctl render` writes is taken by the programs it is for: hostapd, dnsmasq, nft.

usage: render_test.py BIN_DIR [unittest options]
"""
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv.pop(1))
ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
CONFIG = """\
gateway: {{id: gw-01, store: store-001, tenant: acme}}
storage: {{path: "{dir}/foyer.db"}}
campaigns: "{dir}"
wifi:
  gate: nftables
  interface: {interface}
  uplink: eth0
  ssid: {ssid}
  security: {security}
  address: 10.77.0.1/20
  hostapd: {dir}/hostapd/wlan0
  walled_garden: [pay.example.com, cdn.pay.example.com]
{more}"""


class Render(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="foyer-render-"))
        self.addCleanup(shutil.rmtree, self.dir)
        (self.dir / "password").write_text('pass;word "1"\n')

    def render(self, what, security="{kind: open}", ssid="Store-Guest", more="", status=0, options=(), interface="wlan0"):
        path = self.dir / "foyer.yaml"
        path.write_text(CONFIG.format(dir=self.dir, security=security, ssid=ssid, more=more, interface=interface))
        done = subprocess.run([BIN / "foyerctl", "render", what, "--config", path, *options], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def run_program(self, *words):
        return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=20, env=ENVIRONMENT)

    def hostapd_takes(self, text):
        """hostapd has no mode that only reads: with `driver=none` it starts without a radio, and says so."""
        file = self.dir / "hostapd.conf"
        file.write_text(re.sub(r"ctrl_interface.*\n", "", text.replace("driver=nl80211", "driver=none")))
        child = subprocess.Popen(["hostapd", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
        said = []
        for line in child.stdout:
            said.append(line)
            if "AP-ENABLED" in line or "errors found" in line or "Failed" in line:
                break
        child.terminate()
        child.stdout.close()
        child.wait(5)
        self.assertIn("AP-ENABLED", "".join(said))

    def test_hostapd_takes_every_kind_of_security(self):
        keyed = f'password_file: "{self.dir}/password"}}'
        golden = {
            "{kind: open}": {"ap_isolate=1", "ssid=Store-Guest"},
            "{kind: owe}": {"wpa_key_mgmt=OWE", "ieee80211w=2"},
            "{kind: wpa2, " + keyed: {"wpa_key_mgmt=WPA-PSK", 'wpa_passphrase=pass;word "1"'},
            "{kind: wpa3, " + keyed: {"wpa_key_mgmt=SAE", "ieee80211w=2", 'sae_password=pass;word "1"'},
        }
        for security, lines in golden.items():
            with self.subTest(security=security):
                text = self.render("hostapd", security, interface="lo")
                self.assertLessEqual(lines, set(text.splitlines()))
                self.assertIn("ap_isolate=1", text)
                self.hostapd_takes(text)
        text = self.render("hostapd", ssid='" 示例店 "', interface="lo")
        self.assertIn("ssid2=" + " 示例店 ".encode().hex(), text)
        self.hostapd_takes(text)

    def test_a_transition_between_open_and_owe_is_refused_by_name(self):
        path = self.dir / "foyer.yaml"
        path.write_text(CONFIG.format(dir=self.dir, security="{kind: owe-transition}", ssid="Store-Guest", more="", interface="wlan0"))
        done = subprocess.run([BIN / "foyerctl", "render", "hostapd", "--config", path], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stderr, r"wifi\.security\.kind: must be one of open, owe, wpa2, wpa3, not .owe-transition")

    def certificate(self, days):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
                        "-subj", "/CN=gw-01.shops.example", "-addext", "subjectAltName=DNS:gw-01.shops.example",
                        "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem"], check=True, capture_output=True)
        return end

    def https(self, host="gw-01.shops.example"):
        return f'portal: {{https: {{host: {host}, certificate: "{self.dir}/cert.pem", key: "{self.dir}/key.pem"}}}}\n'

    def test_dnsmasq_takes_it_and_option_114_is_there_while_the_certificate_is_good(self):
        plain = self.render("dnsmasq")
        self.assertNotIn("114", plain)
        self.assertIn("dhcp-range=10.77.0.2,10.77.15.254,255.255.240.0,1h", plain)
        for name in ("pay.example.com", "cdn.pay.example.com"):
            self.assertIn(f"nftset=/{name}/4#inet#foyer#garden4,6#inet#foyer#garden6\n", plain)
        self.assertNotIn("192.0.2.7", plain)
        self.certificate(90)
        good = self.render("dnsmasq", more=self.https())
        self.assertIn("dhcp-option-force=114,https://gw-01.shops.example/captive/api\n", good)
        self.assertIn("host-record=gw-01.shops.example,10.77.0.1\n", good)
        other = self.render("dnsmasq", more=self.https("other.example"))
        self.assertNotIn("dhcp-option-force", other)
        self.assertIn("wrong_host", other)
        for text in (plain, good, other):
            (self.dir / "dnsmasq.conf").write_text(text)
            done = self.run_program("dnsmasq", "--test", f"--conf-file={self.dir}/dnsmasq.conf")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_nft_takes_it_twice_and_it_leaves_foyers_table_alone(self):
        text = self.render("nftables")
        self.assertNotIn("\nflush ruleset", text)
        file = self.dir / "box.nft"
        file.write_text(text)
        if os.geteuid() != 0:
            self.skipTest("nft needs root")
        script = f"nft add table inet foyer && nft -f {file} && nft -f {file} && nft list tables"
        done = self.run_program("unshare", "--net", "sh", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split("\n")[:2], ["table inet foyer", "table inet box"])

    def test_bluetooth_is_an_ini_file(self):
        import configparser
        parser = configparser.ConfigParser()
        parser.optionxform = str
        parser.read_string(self.render("bluetooth"))
        self.assertEqual(parser["General"]["ControllerMode"], "le")
        self.assertEqual(parser["General"]["Experimental"], "true")
        self.assertEqual(parser["Policy"]["AutoEnable"], "true")

    def test_output_is_written_when_it_changes_and_then_only(self):
        file = self.dir / "out.conf"
        options = ("--output", file, "--changed")
        self.render("dnsmasq", options=options)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        before = file.stat().st_mtime_ns, file.stat().st_ino
        self.render("dnsmasq", options=options, status=1)
        self.assertEqual((file.stat().st_mtime_ns, file.stat().st_ino), before)
        self.render("dnsmasq", options=options[:2])
        self.certificate(30)
        self.render("dnsmasq", more=self.https(), options=options)
        self.assertIn("114", file.read_text())

    def test_what_is_unknown_or_without_a_guests_wifi_is_refused(self):
        self.render("tea", status=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
