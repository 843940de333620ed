"""The portal with a certificate: a phone is told by DHCP where to ask, asks, is let in and is told that it is in."""
import json
import pathlib

import world
from shop import INTERNET, Web, demand, run, systemctl, until

CONFIG = pathlib.Path("/etc/foyer/foyer.yaml")
HOST = "gw-01.shops.example"
API = f"https://{HOST}/captive/api"
CERTIFICATE, KEY = pathlib.Path("/etc/foyer/portal.pem"), pathlib.Path("/etc/foyer/portal.key")
LEASE, OPTION = pathlib.Path("/run/phone-lease"), pathlib.Path("/run/phone-option-114")
PROBE = "http://connectivitycheck.gstatic.com/generate_204"


def add_steps(scenario):
    scenario.step("screen_code_opens")(phone_is_led_in_by_option_114)


def certify():
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
        "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", KEY, "-out", CERTIFICATE)
    for file in (CERTIFICATE, KEY):
        run("chown", "root:foyer", file)
        file.chmod(0o640)


def serve(config):
    """foyerd with this configuration, and dnsmasq with what foyerctl makes of it."""
    CONFIG.write_text(config)
    run("foyerd", "check-config", CONFIG)
    systemctl("restart", "foyerd", timeout=60)
    pathlib.Path("/run/store-dnsmasq.conf").write_text(run("foyerctl", "render", "dnsmasq"))
    systemctl("restart", "store-dnsmasq")


def joins_anew():
    """The phone leaves the Wi-Fi and comes back; the text of the option that came with its lease."""
    systemctl("stop", "phone-dhcp", "phone-wpa")
    for left in (LEASE, OPTION):
        left.unlink(missing_ok=True)
    world.phone_joins()
    return bytes.fromhex(OPTION.read_text().strip()).decode()


def asks(phone):
    answer = phone.get(API)
    demand(answer.status == 200 and answer.headers["content-type"].startswith("application/captive+json"),
           f"{API}: {answer.status} {answer.headers}")
    demand("private" in answer.headers.get("cache-control", ""), "an answer that may be kept for another phone")
    return answer.json()


def is_let_in(phone):
    answer = phone.get(PROBE)
    demand(answer.status == 302 and answer.headers["location"].startswith(f"https://{HOST}/"),
           f"the probe: {answer.status} to {answer.headers.get('location')}")
    page = phone.get(answer.headers["location"])
    demand(page.status == 200, f"the portal over TLS: {page.status}")
    token = json.loads(run("foyerctl", "token", "mint", "--kind", "screen", "--json"))
    demand(token["url"].startswith(f"https://{HOST}/"), f"a code for {token['url']}")
    answer = phone.post_form(token["url"], consent="yes")
    demand(answer.status == 303 and answer.headers["location"].endswith("/welcome"), f"POST: {answer.status} {answer.body[:300]!r}")


def phone_is_led_in_by_option_114():
    config = CONFIG.read_text()
    demand(OPTION.read_text().strip() == "", "an option 114 without a certificate")
    certify()
    phone = Web("phone", CERTIFICATE)
    try:
        serve(config.replace("portal:\n", f"portal:\n  https: {{host: {HOST}, certificate: {CERTIFICATE}, key: {KEY}}}\n", 1))
        address = json.loads(run("ip", "-n", "phone", "-json", "link", "show", "wlan1"))[0]["address"]
        run("foyerctl", "remove", address)
        told = joins_anew()
        demand(told == API, f"DHCP said {told!r}")
        captive = asks(phone)
        demand(captive["captive"] is True and captive["user-portal-url"].startswith(f"https://{HOST}/"), f"{captive}")
        is_let_in(phone)
        _, took = until(lambda: phone.get(f"http://{INTERNET}:443/").status == 200, 1, "the internet after the code")
        free = asks(phone)
        demand(free["captive"] is False and 0 < free["seconds-remaining"] <= 7200 and free["bytes-remaining"] > 0, f"{free}")
        return f"{told}; captive, let in, internet after {took * 1000:.0f} ms; {free['seconds-remaining']} s left"
    finally:
        serve(config)
