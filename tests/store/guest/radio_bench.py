"""What hearing costs: the processor's time of foyerd, bluetoothd and dbus-daemon for each report of the controller, and the
reports that are lost on the way. Run in a machine whose time is its count of instructions."""
import json
import pathlib
import time

import world
from radio_faults import heard, ibeacon, status
from shop import IN, OUT, Scenario, radio, run, show, systemctl, until

TAGS, SECONDS = 20, 30
CONFIG = """\
gateway: {{id: gw-01, store: store-001, tenant: acme}}
radio: {{driver: bluez, scan: {{adapter: hci0, mode: {mode}, tap: {tap}}}}}
zones: [{{id: entrance, beacons: [{{uuid: {uuid}}}]}}]
wifi: {{gate: off}}
"""
scenario = Scenario()
results = {}
on_air = set()


def tags(every):
    """`every` milliseconds each; 0: silence."""
    for number in range(TAGS):
        if every:
            radio(f"tag t{number} addr=C0:00:00:00:03:{number:02x} random=1 rssi=-60 jitter=4 every={every} "
                  f"data={ibeacon(1, number)}")
            on_air.add(number)
        elif number in on_air:
            radio(f"tag t{number} off")
            on_air.remove(number)


def processes():
    return {"foyerd": show("foyerd", "MainPID"), "bluetoothd": show("bluetooth", "MainPID"), "dbus": show("dbus", "MainPID")}


def used():
    """Nanoseconds on the processor, of all threads (proc(5), schedstat)."""
    return {name: sum(int((task / "schedstat").read_text().split()[0])
                      for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
            for name, pid in processes().items()}


def reports():
    return json.loads(radio("state"))["controllers"][0]["reports"]


def settled(count):
    """The count once it has stood still for a second."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.1)
        if count() != last:
            last, since = count(), time.monotonic()
    return last


def measured(name, mode, tap, every):
    """One way of hearing, foyerd started anew: its costs a report, and what it lost."""
    pathlib.Path("/etc/foyer/foyer.yaml").write_text(CONFIG.format(mode=mode, tap=tap, uuid=world.UUID))
    tags(0)
    systemctl("restart", "foyerd", timeout=300)
    until(lambda: status()["up"] and status()["mode"] == mode, 300, f"the radio is {mode}")
    until(lambda: status()["source"] == ("tap" if tap == "auto" else "dbus"), 120, "the source")
    tags(every)
    until(lambda: heard() > 500, 300, "all tags are known")
    tags(0)
    given, taken = settled(reports), settled(heard)
    before = used()
    tags(every)
    end = time.monotonic() + SECONDS
    until(lambda: time.monotonic() >= end, SECONDS + 60, "the time that is measured")
    tags(0)
    given, taken = settled(reports) - given, settled(heard) - taken
    after = used()
    results[name] = {key: (after[key] - before[key]) / given for key in before} | {"given": given, "lost": given - taken}
    return json.dumps(results[name])


@scenario.step()
def house():
    run("dpkg", "--install", IN / "foyer.deb", timeout=900)
    systemctl("stop", "foyerd", check=False)
    world.start_radio()
    world.experimental_bluetoothd()
    world.start_radio()
    dropin = pathlib.Path("/etc/systemd/system/foyer-gate.service.d")
    dropin.mkdir(exist_ok=True)
    (dropin / "tap.conf").write_text(pathlib.Path("/usr/share/foyer/foyer-gate-tap.conf").read_text())
    systemctl("daemon-reload")
    systemctl("restart", "foyer-gate")


@scenario.step("house")
def dbus_200():
    return measured("dbus_200", "active", "off", 95)


@scenario.step("house")
def dbus_500():
    return measured("dbus_500", "active", "off", 35)


@scenario.step("house")
def tap_500():
    return measured("tap_500", "active", "auto", 35)


@scenario.step("house")
def passive_500():
    return measured("passive_500", "passive", "auto", 35)


def figures():
    for name in ("dbus_200", "dbus_500", "tap_500"):
        if name in results:
            one = results[name]
            yield f"radio_cpu_ratio_{name}", one["foyerd"] / one["bluetoothd"], "ratio", one, "foyerd / bluetoothd; "
    for name in ("tap_500", "passive_500"):
        if name in results and "tap_500" in results:
            one = results[name]
            whole = one["foyerd"] + one["bluetoothd"] + one["dbus"]
            yield (f"radio_total_ratio_{name}", whole / results["tap_500"]["bluetoothd"], "ratio", one,
                   "bluetoothd, dbus-daemon and foyerd / bluetoothd in discovery; ")
    for name in ("dbus_500", "tap_500"):
        if name in results:
            yield f"radio_lost_{name}", results[name]["lost"], "reports", results[name], "controller to presence; "


world.prepare()
passed = scenario.run((IN / "checks").read_text().split())
with (OUT / "figures.jsonl").open("w") as file:
    for name, value, unit, one, what in figures():
        file.write(json.dumps({"name": name, "value": value, "unit": unit, "n": one["given"],
                               "note": what + f"20 tags, {one['given']} reports, instructions counted"}) + "\n")
raise SystemExit(0 if passed else 1)
