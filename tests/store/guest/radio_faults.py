"""What can befall a radio, one after the other. Each: foyerd is not restarted, hears again within two minutes, ends no visit
by it and says what happened."""
import ctypes
import json
import pathlib
import shutil
import socket
import struct
import time

import world
from shop import demand, radio, run, show, systemctl, until
from upstream import Upstream

CONFIG = pathlib.Path("/etc/foyer/foyer.yaml")
SHELVES = 4
LIMIT = 120
upstream = Upstream(pathlib.Path("/run/store/out/ingested.jsonl"))


def add_steps(scenario):
    for name, needs in STEPS:
        scenario.step(*needs)(globals()[name])


def status():
    return json.loads(run("foyerctl", "--json", "radio"))


def heard():
    return sum(adapter["adverts"] for adapter in status()["adapters"])


def ibeacon(major, minor):
    return f"1aff4c000215{world.UUID.replace('-', '')}{major:04x}{minor:04x}c5"


def tags(on, every=200):
    """The shelves' beacons, and one that a visitor carries (zone entrance)."""
    for number in range(SHELVES):
        radio(f"tag shelf{number} addr=C0:00:00:00:01:{number:02x} random=1 rssi=-75 every={every} "
              f"data={ibeacon(7, number)}" if on else f"tag shelf{number} off")
    radio(f"tag visitor addr=C0:00:00:00:02:01 random=1 rssi=-60 every={every} data={ibeacon(1, 2)}" if on
          else "tag visitor off")


class Fault:
    """Around one fault: what must still be so after it."""

    def __enter__(self):
        until(lambda: status()["up"], LIMIT, "the radio hears before the fault")
        self.process = show("foyerd", "MainPID")
        self.left = len(upstream.of("presence.left"))
        self.told = len(upstream.of("radio.degraded")), len(upstream.of("radio.recovered"))
        self.start = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.noticed()

    def noticed(self):
        return until(lambda: len(upstream.of("radio.degraded")) > self.told[0], LIMIT, "radio.degraded")[0]

    def recovered(self, first_rung=None):
        until(lambda: len(upstream.of("radio.recovered")) > self.told[1], LIMIT, "radio.recovered")
        took = time.monotonic() - self.start
        before = heard()
        until(lambda: heard() > before + 20, 30, "adverts come")
        demand(took <= LIMIT, f"recovered after {took:.0f} s")
        demand(show("foyerd", "MainPID") == self.process, "foyerd was restarted")
        demand(len(upstream.of("presence.left")) == self.left, "a visit was ended by it")
        told = upstream.of("radio.recovered")[-1]["data"]
        return f"heard again after {took:.0f} s, deaf {told['deaf_s']:.0f} s, rung {told['rung']}"


def shelves_are_heard():
    systemctl("stop", "second", check=False)  # it carries what the visitor will carry
    tags(True)
    until(lambda: upstream.of("presence.entered", lambda data: data["identifier"] == f"{world.UUID}/1/2"), 60,
          "presence.entered")
    until(lambda: max(adapter["rate"] for adapter in status()["adapters"]) > 5, 60, "the rate is learned")
    return f"{status()['adapters'][0]['rate']:.0f} adverts a second"


def bluetoothd_killed():
    with Fault() as fault:
        systemctl("kill", "--signal=KILL", "--kill-whom=main", "bluetooth")
        fault.noticed()
        return fault.recovered()


def bluetoothd_stopped():
    """SIGSTOP for a minute, unless somebody replaces it before."""
    with Fault() as fault:
        process = show("bluetooth", "MainPID")
        run("kill", "-STOP", process)
        fault.noticed()
        until(lambda: show("bluetooth", "MainPID") not in (process, "0") or time.monotonic() - fault.start > 60, 61,
              "a minute, or another bluetoothd")
        run("kill", "-CONT", process, check=False)
        return fault.recovered()


def controller_dies():
    with Fault() as fault:
        radio("unplug 0")
        fault.noticed()
        radio("plug 0")
        return fault.recovered()


def adapter_switched_off():
    with Fault() as fault:
        run("busctl", "set-property", "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1", "Powered", "b", "false")
        return fault.recovered()


def discovery_stopped():
    """By a program that asks the kernel itself; then by another client of bluetoothd, whose own it only is. Who starts it
    again, bluetoothd or foyerd, is theirs to settle: adverts go on, and no visit ends."""
    left, before, start = len(upstream.of("presence.left")), heard(), time.monotonic()
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, 1) as management:
        address = struct.pack("<HHH", socket.AF_BLUETOOTH, 0xffff, 3)
        demand(libc.bind(management.fileno(), address, len(address)) == 0, "the management channel")
        management.send(struct.pack("<HHHB", 0x0024, 0, 1, 0x06))  # Stop Discovery, LE
    until(lambda: heard() > before + 50, LIMIT, "adverts go on after the kernel was told to stop")
    took, before = time.monotonic() - start, heard()
    path = ("org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1")
    run("busctl", "call", *path, "StartDiscovery")  # busctl leaves the bus at once, which ends its session
    run("busctl", "call", *path, "StopDiscovery", check=False)
    until(lambda: heard() > before + 50, LIMIT, "adverts go on beside another client")
    demand(len(upstream.of("presence.left")) == left, "a visit was ended by it")
    return f"50 adverts more after {took:.0f} s"


def radio_blocked():
    with Fault() as fault:
        with open("/dev/rfkill", "wb", buffering=0) as switch:
            switch.write(struct.pack("<IBBBB", 0, 2, 3, 1, 0))  # CHANGE_ALL, Bluetooth, soft
        fault.noticed()
        return fault.recovered()


def controller_goes_silent():
    """It says that it scans and reports nothing, until its firmware is reset."""
    with Fault() as fault:
        radio("deaf 0 reset")
        fault.noticed()
        return fault.recovered()


def controller_refuses():
    """Every start of a scan is refused for a while, after a power cut of its own."""
    with Fault() as fault:
        radio("refuse 0 200c 0c 4")
        off = ("busctl", "set-property", "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1", "Powered", "b", "false")
        until(lambda: [run(*off)], 30, "bluetoothd switches the adapter off")  # it may be busy
        return fault.recovered()


def tap_is_exact():
    """With CAP_NET_RAW for foyer-gate, the kernel's own reports: as many as the controller gave, not one less."""
    dropin = pathlib.Path("/etc/systemd/system/foyer-gate.service.d")
    dropin.mkdir(exist_ok=True)
    shutil.copy("/usr/share/foyer/foyer-gate-tap.conf", dropin / "tap.conf")
    text = CONFIG.read_text()
    demand("scan: {adapter: hci0}" in text, "the configuration of the shop")
    CONFIG.write_text(text.replace("scan: {adapter: hci0}", "scan: {adapter: hci0, tap: auto}"))
    systemctl("daemon-reload")
    systemctl("restart", "foyer-gate", "foyerd", timeout=60)
    until(lambda: status()["up"] and status()["source"] == "tap", 60, "the tap is the source")
    tags(False)
    reports = lambda: json.loads(radio("state"))["controllers"][0]["reports"]
    quiet = reports()
    until(lambda: quiet == reports() and heard() > 0, 30, "silence on the air")
    given, taken = reports(), heard()
    tags(True, every=40)
    until(lambda: reports() > given + 1000, 120, "a thousand reports")
    tags(False)
    expected = reports() - given
    until(lambda: heard() - taken >= expected, 30, "the last adverts")
    demand(heard() - taken == expected and status()["dropped"] == 0, f"{heard() - taken} adverts of {expected} reports")
    tags(True)
    return f"{expected} reports, {expected} adverts"


def bluetoothd_stopped_beside_the_tap():
    """The tap hears on; that bluetoothd hangs is noticed all the same, and it is replaced."""
    process, foyerd = show("bluetooth", "MainPID"), show("foyerd", "MainPID")
    run("kill", "-STOP", process)
    _, took = until(lambda: show("bluetooth", "MainPID") not in (process, "0"), LIMIT, "another bluetoothd")
    until(lambda: status()["up"] and status()["source"] == "tap", 60, "the radio hears")
    before = heard()
    until(lambda: heard() > before + 50, 60, "adverts come")
    demand(show("foyerd", "MainPID") == foyerd, "foyerd was restarted")
    return f"replaced after {took:.0f} s"


STEPS = [
    ("shelves_are_heard", ("services_start",)),
    ("bluetoothd_killed", ("shelves_are_heard",)),
    ("controller_dies", ("shelves_are_heard",)),
    ("adapter_switched_off", ("shelves_are_heard",)),
    ("radio_blocked", ("shelves_are_heard",)),
    ("controller_goes_silent", ("shelves_are_heard",)),
    ("discovery_stopped", ("shelves_are_heard",)),
    ("bluetoothd_stopped", ("shelves_are_heard",)),
    ("controller_refuses", ("shelves_are_heard",)),
    ("tap_is_exact", ("shelves_are_heard",)),
    ("bluetoothd_stopped_beside_the_tap", ("tap_is_exact",)),
]
