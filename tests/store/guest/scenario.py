"""One morning in the shop: what is checked is what a phone, a till and the chain can see, as docs/ promises it."""
import hashlib
import json
import pathlib
import re
import shutil
import threading
import time

import world
from shop import IN, INTERNET, OUT, Failed, Traffic, Web, demand, radio, run, show, systemctl, until
from upstream import Upstream

CONFIG = pathlib.Path("/etc/foyer/foyer.yaml")
TILL_KEY = "till-1-secret-of-the-store-test"
PROBE = "http://captive.apple.com/hotspot-detect.html"
DRAWS = 200

phone = Web("phone")
upstream = Upstream(OUT / "ingested.jsonl")
portal = ""
won = []  # the answers of every draw the phone was told it won


def add_steps(scenario):
    for name, needs in STEPS:
        scenario.step(*needs)(globals()[name])


# --- the operations engineer ---------------------------------------------------------------------------------------

def package_installs():
    run("dpkg", "--install", IN / "foyer.deb")
    for user in ("foyer", "foyer-gate"):
        run("getent", "passwd", user)
    run("foyerd", "check-config", CONFIG)
    return run("foyerd", "--version").strip()


def configured():
    systemctl("stop", "foyerd", "foyer-gate", check=False)
    shutil.copy(IN / "shop/foyer.yaml", CONFIG)
    campaigns = pathlib.Path("/etc/foyer/campaigns.d")
    campaigns.mkdir(exist_ok=True)
    for shipped in campaigns.glob("*.yaml"):
        shipped.unlink()
    shutil.copy(IN / "shop/always.yaml", campaigns)
    keys = pathlib.Path("/etc/foyer/pos.keys")
    keys.write_text(f"till-1:{hashlib.sha256(TILL_KEY.encode()).hexdigest()}\n")
    run("chown", "root:foyer", keys)
    keys.chmod(0o640)
    run("foyerd", "check-config", CONFIG)


def shop_opens():
    """Line, radio, access point with the files foyerctl renders; nothing else is configured by hand."""
    world.start_line()
    world.start_radio()
    systemctl("restart", "bluetooth")  # with the package's drop-in, as after a reboot
    world.start_radio()
    for name in ("hostapd", "dnsmasq"):
        (OUT / f"{name}.conf").write_text(run("foyerctl", "render", name))
    world.start_access_point(OUT / "hostapd.conf", OUT / "dnsmasq.conf")
    until(pathlib.Path("/run/hostapd/wlan0").exists, 30, "hostapd's socket")


def services_start():
    systemctl("start", "foyer-gate", timeout=30)
    start = time.monotonic()
    systemctl("start", "foyerd", timeout=60)  # Type=notify: returns when foyerd said it is ready
    took = time.monotonic() - start
    demand(show("foyerd", "Type") == "notify", "foyerd does not tell systemd when it is ready")
    for unit in ("foyerd", "foyer-gate"):
        demand(show(unit, "ActiveState") == "active", f"{unit} is {show(unit, 'ActiveState')}")
    until(lambda: Web(None).get("http://127.0.0.1:9464/readyz").status == 200, 30, "/readyz")
    until(lambda: upstream.of("gateway.started"), 30, "gateway.started at the broker")
    return f"ready after {took:.1f} s"


def services_score():
    """For the record: what systemd says each service could still do."""
    (OUT / "security.txt").write_text(run("systemd-analyze", "security", "--no-pager", "foyerd.service", check=False)
                                      + run("systemd-analyze", "security", "--no-pager", "foyer-gate.service", check=False))
    scores = re.findall(r"exposure level for (\S+): (\S+)", (OUT / "security.txt").read_text())
    capabilities = {unit: show(unit, "CapabilityBoundingSet") for unit in ("foyerd", "foyer-gate")}
    demand(capabilities["foyerd"] == "", f"foyerd may use {capabilities['foyerd']}")
    demand(capabilities["foyer-gate"] == "cap_net_admin", f"foyer-gate may use {capabilities['foyer-gate']}")
    return ", ".join(f"{unit} {score}" for unit, score in scores)


# --- the radio -----------------------------------------------------------------------------------------------------

def beacon_is_heard():
    world.second_device("second", "hci1", "/run/second.jsonl", world.UUID, 1, 2, -59)
    _, seen = until(lambda: upstream.of("beacon.seen", lambda data: data["identifier"] == f"{world.UUID}/1/2"), 60, "beacon.seen")
    _, entered = until(lambda: upstream.of("presence.entered", lambda data: data["zone"] == "entrance"), 60, "presence.entered")
    return f"seen after {seen:.1f} s, entered after {seen + entered:.1f} s"


def own_beacon_is_heard():
    def minors():
        return {entry["minor"] for entry in world.json_lines("/run/second.jsonl")
                if entry["uuid"] == world.UUID and entry["major"] == 9}
    _, took = until(minors, 60, "the second controller hears the shop's beacon")
    _, rolled = until(lambda: len(minors()) > 1, 90, "the beacon rolls")
    new = world.json_lines("/run/second.jsonl")[-1]["minor"]
    until(lambda: len(world.heard("/run/second.jsonl", new)) > 20, 30, "the new one is heard")
    ours = [entry for entry in world.json_lines("/run/second.jsonl") if entry["major"] == 9]
    # Around the last change only: while foyerd was killed, earlier, nobody broadcast for it.
    change = next(entry["at"] for entry in ours if entry["minor"] == new)
    times = [entry["at"] for entry in ours if entry["at"] > change - 10]
    gap = max(later - earlier for earlier, later in zip(times, times[1:]))
    demand(gap <= 2, f"{gap:.1f} s without the shop's beacon")
    return f"after {took:.1f} s; rolled after {rolled:.1f} s more, never {gap:.2f} s without it"


def beacon_leaves():
    """Out of earshot: the visit ends, and only after the time the zone says."""
    radio("rssi 1 0 -95")
    _, took = until(lambda: upstream.of("presence.left"), 120, "presence.left")
    dwell = upstream.of("presence.dwelled")
    demand(dwell, "a visit of more than 30 s and no presence.dwelled")
    return f"left after {took:.1f} s"


# --- the phone -----------------------------------------------------------------------------------------------------

def refused(url):
    """Seconds until the phone was told no; Failed when it got through or hung."""
    start = time.monotonic()
    try:
        answer = phone.get(url, timeout=5)
    except TimeoutError:
        raise Failed(f"{url}: silence, not a refusal") from None
    except OSError:
        return time.monotonic() - start
    raise Failed(f"{url}: {answer.status} {answer.body[:80]!r}")


def phone_joins():
    address, box, took = world.phone_joins()
    demand(box == "10.77.0.1" and address.startswith("10.77."), f"lease {address} via {box}")
    return f"lease {address} after {took:.1f} s"


def phone_is_captive():
    global portal
    answer = phone.get(PROBE)
    location = answer.headers.get("location", "")
    demand(answer.status == 302 and "//10.77.0.1" in location, f"{answer.status} to {location!r}")
    demand("no-store" in answer.headers.get("cache-control", ""), "a redirect that may be cached")
    demand(answer.headers.get("connection", "").lower() == "close", "a redirect that keeps the connection")
    portal = "/".join(location.split("/")[:3])
    took = refused(f"http://{INTERNET}:443/")
    demand(took < 1, f"the refusal took {took:.1f} s")
    return f"{answer.seconds * 1000:.0f} ms to {location}; internet refused after {took * 1000:.0f} ms"


def screen_code_opens():
    token = json.loads(run("foyerctl", "token", "mint", "--kind", "screen", "--json"))
    page = phone.get(token["url"])
    demand(page.status == 200, f"GET of the code: {page.status}")
    refused(f"http://{INTERNET}:443/")  # a preview of the link must not use it up
    answer = phone.post_form(token["url"], consent="yes")
    demand(answer.status == 303 and answer.headers.get("location", "").endswith("/welcome"),
           f"POST: {answer.status} to {answer.headers.get('location')!r}: {answer.body[:300]!r}")
    _, took = until(lambda: phone.get(f"http://{INTERNET}:443/").status == 200, 1, "the internet after the code")
    demand(b"Success" in phone.get(PROBE).body, "the phone still thinks it is captive")
    office = Web(None).get("http://192.168.50.10/").status
    demand(office == 200, "the office network does not answer the box, so the next line would prove nothing")
    refused("http://192.168.50.10:443/")
    until(lambda: upstream.of("wifi.admitted"), 30, "wifi.admitted at the broker")
    return f"internet after {took * 1000:.0f} ms"


# --- shaking and the till ------------------------------------------------------------------------------------------

def open_nonce():
    answer = phone.post_json(f"{portal}/v1/draws/open", {})
    demand(answer.status == 200, f"draws/open: {answer.status} {answer.body[:300]!r}")
    return answer.json()["nonce"]


def draw(nonce):
    answer = phone.post_json(f"{portal}/v1/draws", {"nonce": nonce, "mode": "shake"})
    demand(answer.status == 200, f"draws: {answer.status} {answer.body[:300]!r}")
    return answer.json()


def shake(patience):
    """One shake as an impatient phone does it: the same nonce again while the box does not answer, also across a
    restart. Only a nonce that grew older than a minute meanwhile is given up for a new one; nothing was won by it."""
    deadline = time.monotonic() + patience
    while True:
        left = max(0.1, deadline - time.monotonic())
        nonce, _ = until(open_nonce, left, "an answer to draws/open")
        answer, _ = until(lambda: draw(nonce), left, "an answer to the draw")
        if answer["result"] == "won":
            return answer
        demand(answer.get("reason") == "nonce_expired", f"a draw that must win: {answer}")


def till(action, key, code):
    sale = {"code": code, "store": "store-001", "terminal": "t1", "operator": "anna", "check_no": "42",
            "amount": "99.00", "currency": "CNY", "idempotency_key": key}
    return Web(None).post_json(f"http://10.77.0.1:8080/v1/pos/{action}", sale, {"Authorization": f"Bearer {TILL_KEY}"})


def draw_and_redeem():
    nonce = open_nonce()
    answer = draw(nonce)
    demand(answer["result"] == "won" and answer["coupon"]["state"] == "issued", f"draw: {answer}")
    demand(draw(nonce) == answer, "the same nonce, another answer")
    won.append(answer)
    first = till("redeem", "key-1", answer["coupon"]["code"])
    demand(first.status == 200 and first.json()["result"] == "ok", f"redeem: {first.status} {first.body[:300]!r}")
    demand(till("redeem", "key-1", answer["coupon"]["code"]).json() == first.json(), "the same key, another answer")
    second = till("redeem", "key-2", answer["coupon"]["code"])
    demand(second.status == 409 and second.json()["code"] == "already_redeemed", f"again: {second.status} {second.body[:300]!r}")
    coupon = answer["coupon"]["id"]
    until(lambda: upstream.of("coupon.redeemed", lambda data: data["coupon"] == coupon), 30, "coupon.redeemed at the broker")
    return f"draw {answer['coupon']['value'] if 'value' in answer['coupon'] else ''}"


class Shakers:
    """Four fingers on one phone, together `count` wins; what the phone was told goes to `won`."""

    def __init__(self, count):
        self.count, self.given, self.faults = count, 0, []
        self.before = len(won)
        self.lock = threading.Lock()  # around the two counts only
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]

    def work(self):
        try:
            while self.take():
                answer = shake(60)
                with self.lock:
                    won.append(answer)
        except Exception as error:
            self.faults.append(repr(error))

    def take(self):
        with self.lock:
            self.given += 1
            return self.given <= self.count and not self.faults

    def told(self):
        return len(won) - self.before

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join()

    def reach(self, number, seconds):
        until(lambda: self.told() >= number or self.faults, seconds, f"{number} wins")
        demand(not self.faults, f"{self.faults[:2]}")


def demand_all_kept():
    """Every win the phone was told of is in the ledger, and reaches the broker under one event id."""
    told = [answer["coupon"]["id"] for answer in won]
    demand(len(set(told)) == len(told), "one coupon was given out twice")
    database = run("sqlite3", "-readonly", "/var/lib/foyer/foyer.db", ".dump")
    missing = [coupon for coupon in told if coupon not in database]
    demand(not missing, f"{len(missing)} of {len(told)} wins are not in SQLite: {missing[:3]}")
    until(lambda: set(told) <= set(upstream.coupons_issued()), 120, "every win at the broker")
    twice = {coupon: ids for coupon, ids in upstream.coupons_issued().items() if len(ids) > 1}
    demand(not twice, f"issued under several event ids: {list(twice.items())[:3]}")
    return f"{len(told)} wins kept"


def foyerd_killed_in_draws():
    restarts = int(show("foyerd", "NRestarts"))
    with Traffic("phone") as traffic, Shakers(DRAWS) as shakers:
        shakers.reach(DRAWS // 3, 240)
        systemctl("kill", "--signal=KILL", "--kill-whom=main", "foyerd")
        _, back = until(lambda: int(show("foyerd", "NRestarts")) > restarts and show("foyerd", "ActiveState") == "active",
                        60, "systemd brings foyerd back")
        shakers.reach(DRAWS, 240)
    return f"back after {back:.1f} s; {traffic.demand_unbroken()}; {demand_all_kept()}"


def broker_outage():
    """A minute without the broker, with shoppers shaking; the minute is the check's own, not a guess."""
    with Traffic("phone") as traffic:
        systemctl("stop", "store-broker")
        gone = time.monotonic()
        with Shakers(60) as shakers:
            shakers.reach(60, 120)
        until(lambda: time.monotonic() - gone >= 60, 61, "the minute is over")
        systemctl("start", "store-broker")
        kept = demand_all_kept()
    _, drained = until(upstream.whole, 60, "no gap in any stream")
    return f"{kept}; {traffic.demand_unbroken()}"


# --- ends ----------------------------------------------------------------------------------------------------------

def gate_killed():
    restarts = int(show("foyer-gate", "NRestarts"))
    with Traffic("phone") as traffic:
        systemctl("kill", "--signal=KILL", "--kill-whom=main", "foyer-gate")
        until(lambda: int(show("foyer-gate", "NRestarts")) > restarts and show("foyer-gate", "ActiveState") == "active",
              60, "systemd brings foyer-gate back")
        seen = traffic.done
        until(lambda: traffic.done >= seen + 20, 30, "twenty more requests")
    until(lambda: Web(None).get("http://127.0.0.1:9464/readyz").status == 200, 30, "/readyz with the new gate")
    return traffic.demand_unbroken()


def clients():
    return {client["session"]: client for client in json.loads(run("foyerctl", "--json", "clients"))}


def hostapd_restarts():
    """The access point goes and comes; whoever was in is in again as soon as it is associated, with its signal."""
    def signals():
        now = clients()
        return now if now and all(client["signal_dbm"] is not None for client in now.values()) else None
    before, _ = until(signals, 15, "a signal of every guest")
    systemctl("restart", "store-hostapd")
    until(lambda: phone.get(f"http://{INTERNET}:443/").status == 200, 60, "the phone is back on the internet")
    after, took = until(signals, 30, "signals of the new hostapd")
    demand(set(before) <= set(after), "a session ended with the old hostapd")
    return f"signals after {took:.1f} s"


def main_pid(unit):
    return int(show(unit, "MainPID"))


def running_anew(unit, before):
    return show(unit, "ActiveState") == "active" and main_pid(unit) not in (0, before)


def no_access_point_without_rules():
    """A box on which foyerd cannot start, as after a fault in foyer.yaml, keeps the guests' Wi-Fi shut."""
    systemctl("stop", "foyer-wifi.target", "foyer-hostapd", "foyer-dnsmasq", "foyerd", timeout=60)
    run("foyer-gate", "--remove")
    try:
        run("systemctl", "start", "--no-block", "foyer-wifi.target")
        for unit in ("foyer-hostapd", "foyer-dnsmasq"):
            until(lambda: int(show(unit, "NRestarts")) >= 2, 30, f"{unit} tries again")
            demand(main_pid(unit) == 0, f"{unit} runs without rules")
        systemctl("start", "foyerd", timeout=60)
        for unit in ("foyer-hostapd", "foyer-dnsmasq"):
            until(lambda: main_pid(unit) != 0, 30, f"{unit} comes with the rules")
    finally:
        systemctl("start", "foyerd", timeout=60)


def wifi_target_runs_the_access_point():
    """foyer's own units for hostapd and dnsmasq: after the rules and never without them, back when they die, restarted
    where foyer.yaml changed what is theirs and only there, and all together with the target."""
    config = CONFIG.read_text()
    systemctl("stop", "store-hostapd", "store-dnsmasq")
    try:
        systemctl("start", "foyer-wifi.target", timeout=60)
        pids = {}
        for unit in ("foyer-hostapd", "foyer-dnsmasq"):
            until(lambda: show(unit, "ActiveState") == "active", 30, f"{unit} runs")
            demand("foyerd.service" in show(unit, "After"), f"{unit} does not wait for the rules that foyerd asks for")
            demand("CAP_DAC_OVERRIDE".lower() not in show(unit, "CapabilityBoundingSet"), f"{unit} may read everything")
            pids[unit] = main_pid(unit)
        until(pathlib.Path("/run/hostapd/wlan0").exists, 30, "hostapd's socket")
        run("runuser", "-u", "foyer", "--", "test", "-w", "/run/hostapd/wlan0")
        run("kill", "-KILL", str(pids["foyer-hostapd"]))
        until(lambda: running_anew("foyer-hostapd", pids["foyer-hostapd"]), 30, "a killed hostapd comes back")
        pids["foyer-hostapd"] = main_pid("foyer-hostapd")
        ssid = re.search(r"ssid: *(\S+)", config)[1]
        CONFIG.write_text(config.replace(ssid, "Renamed"))
        _, took = until(lambda: running_anew("foyer-hostapd", pids["foyer-hostapd"]), 60, "hostapd is restarted for the name")
        demand("ssid=Renamed" in pathlib.Path("/run/foyer-hostapd/hostapd.conf").read_text(), "with its old name")
        demand(main_pid("foyer-dnsmasq") == pids["foyer-dnsmasq"], "dnsmasq was restarted for nothing")
        pids["foyer-hostapd"] = main_pid("foyer-hostapd")
        systemctl("restart", "foyer-wifi.target", timeout=60)
        for unit, pid in pids.items():
            until(lambda: running_anew(unit, pid), 30, f"{unit} is restarted with the target")
        demand(pathlib.Path(f"/proc/{main_pid('foyer-dnsmasq')}").owner() == "dnsmasq", "dnsmasq stayed root")
        no_access_point_without_rules()
        return f"renamed after {took:.1f} s"
    finally:
        CONFIG.write_text(config)
        systemctl("stop", "foyer-wifi.target", "foyer-hostapd", "foyer-dnsmasq", timeout=60)
        systemctl("start", "store-hostapd", "store-dnsmasq")


def box_reboots():
    """Everything foyer is stopped and the kernel forgets its table and flows, as a reboot makes it."""
    used = until(lambda: {s: c for s, c in clients().items() if c["bytes_up"] > 0}, 15, "counters")[0]
    systemctl("stop", "foyerd", "foyer-gate")
    run("foyer-gate", "--remove")
    systemctl("start", "foyer-gate", "foyerd", timeout=60)
    _, took = until(lambda: phone.get(f"http://{INTERNET}:443/").status == 200, 30, "the session is open again")
    now = until(lambda: set(used) <= set(clients()) and clients(), 15, "the sessions that were there")[0]
    for session, client in used.items():
        demand(now[session]["bytes_up"] >= client["bytes_up"], f"counters fell to {now[session]['bytes_up']}")
        demand(0 < now[session]["seconds_left"] <= client["seconds_left"], f"{now[session]['seconds_left']} s left")
    return f"back after {took:.1f} s with what was used and the time that was left"


def clean_stop():
    until(lambda: phone.get(f"http://{INTERNET}:443/").status == 200, 60, "the phone is back at the access point")
    with Traffic("phone") as traffic:
        start = time.monotonic()
        systemctl("stop", "foyerd")
        took = time.monotonic() - start
        demand(took <= 3, f"stopped after {took:.1f} s")
        demand(show("foyerd", "Result") == "success" and show("foyerd", "ExecMainStatus") == "0",
               f"{show('foyerd', 'Result')}, status {show('foyerd', 'ExecMainStatus')}")
        until(lambda: upstream.state().get("online") is False, 30, "state offline")
        systemctl("start", "foyerd", timeout=60)
    return f"{took:.2f} s; {traffic.demand_unbroken()}"


def nothing_missing():
    """The outbox is empty, and what it held lies at the broker up to the last number."""
    def drained():
        streams = json.loads(run("foyerctl", "--json", "outbox"))["streams"]
        return streams if all(stream["rows"] == 0 for stream in streams.values()) else None
    streams, _ = until(drained, 90, "an empty outbox")
    until(upstream.whole, 60, "no gap in any stream")
    for (_, name), seqs in upstream.streams().items():
        demand(max(seqs) >= streams[name]["last_seq"], f"{name} ends at {max(seqs)}, not at {streams[name]['last_seq']}")
    demand_all_kept()
    return upstream.summary()


STEPS = [
    ("package_installs", ()),
    ("configured", ("package_installs",)),
    ("shop_opens", ("configured",)),
    ("services_start", ("shop_opens",)),
    ("services_score", ("services_start",)),
    ("beacon_is_heard", ("services_start",)),
    ("phone_joins", ("shop_opens",)),
    ("phone_is_captive", ("services_start", "phone_joins")),
    ("screen_code_opens", ("phone_is_captive",)),
    ("draw_and_redeem", ("screen_code_opens",)),
    ("foyerd_killed_in_draws", ("draw_and_redeem",)),
    ("broker_outage", ("draw_and_redeem",)),
    ("own_beacon_is_heard", ("beacon_is_heard",)),
    ("beacon_leaves", ("beacon_is_heard",)),
    ("gate_killed", ("screen_code_opens",)),
    ("hostapd_restarts", ("screen_code_opens",)),
    ("box_reboots", ("screen_code_opens",)),
    ("wifi_target_runs_the_access_point", ("services_start",)),
    ("clean_stop", ("screen_code_opens",)),
    ("nothing_missing", ("services_start",)),
]
