"""The shop around the box: radios, Wi-Fi, the line, the broker; and a proof of each that needs no foyer."""
import pathlib
import shutil

from shop import IN, INTERNET, Failed, Traffic, Web, demand, json_lines, radio, run, show, systemctl, until

UNITS = pathlib.Path("/run/systemd/system")
UUID = "fda50693-a4e2-4fb1-afcf-c6eb07647825"


def prepare():
    for unit in (IN / "world/units").glob("*.service"):
        shutil.copy(unit, UNITS)
    systemctl("daemon-reload")


def start_line():
    systemctl("start", "store-net", "store-inet", "store-names", "store-broker", "store-ingester")
    until(lambda: "1883" in run("ip", "netns", "exec", "inet", "ss", "-ltn"), 30, "the broker listens")
    until(lambda: Web(None).get(f"http://{INTERNET}/").status == 200, 60, "the internet answers the box")


def start_radio():
    systemctl("start", "store-radio", timeout=300)
    until(lambda: "hci1" in run("busctl", "tree", "--list", "org.bluez", check=False), 60, "bluetoothd has both controllers")


def experimental_bluetoothd():
    dropin = UNITS / "bluetooth.service.d"
    dropin.mkdir(exist_ok=True)
    shutil.copy(IN / "world/units/bluetooth-experimental.conf", dropin)
    systemctl("daemon-reload")
    systemctl("restart", "bluetooth")


def start_access_point(hostapd, dnsmasq):
    shutil.copy(hostapd, "/run/store-hostapd.conf")
    shutil.copy(dnsmasq, "/run/store-dnsmasq.conf")
    systemctl("start", "store-hostapd", "store-dnsmasq")


def phone_joins():
    """(address, the box's address) once the phone has both Wi-Fi and a lease."""
    lease = pathlib.Path("/run/phone-lease")
    systemctl("start", "phone-wpa", "phone-dhcp")
    _, took = until(lease.exists, 60, "the phone has a lease")
    return *lease.read_text().split(), took


def second_device(unit, adapter, log, *beacon):
    """The other Bluetooth device, as a unit that can be stopped; heard beacons go to log."""
    run("systemd-run", "--unit", unit, "--collect", "python3", IN / "guest/second.py", adapter, log, *map(str, beacon))


def heard(log, minor):
    return [entry for entry in json_lines(log) if entry["uuid"] == UUID and entry["minor"] == minor]


# --- proofs without foyer ------------------------------------------------------------------------------------------

def add_proofs(scenario):
    @scenario.step()
    def world_line():
        start_line()

    @scenario.step()
    def world_radio():
        start_radio()
        experimental_bluetoothd()
        start_radio()

    @scenario.step("world_radio")
    def world_beacons():
        """hci0, in foyer's place, and hci1 broadcast and hear each other, with the RSSI the air was told."""
        second_device("stand-in", "hci0", "/run/stand-in.jsonl", UUID, 1, 1, -59)
        second_device("second", "hci1", "/run/second.jsonl", UUID, 1, 2, -59)
        until(lambda: len(heard("/run/stand-in.jsonl", 2)) > 20, 60, "hci0 hears hci1 twenty times")
        until(lambda: len(heard("/run/second.jsonl", 1)) > 20, 60, "hci1 hears hci0 twenty times")
        loud = {entry["rssi"] for entry in heard("/run/stand-in.jsonl", 2)}
        demand(loud == {-55}, f"RSSI {loud}")
        before = len(heard("/run/stand-in.jsonl", 2))
        radio("rssi 1 0 -80")
        until(lambda: heard("/run/stand-in.jsonl", 2)[-1]["rssi"] == -80, 10, "a step back is heard")
        radio("rssi 1 0 127")
        mark = len(heard("/run/stand-in.jsonl", 2))
        radio("tag shelf addr=C0:00:00:00:00:01 random=1 rssi=-70 every=200 data=1aff4c000215"
              + UUID.replace("-", "") + "00010007c5")
        until(lambda: len(heard("/run/stand-in.jsonl", 7)) > 20, 30, "a made-up beacon is heard")
        unknown = {entry["rssi"] for entry in heard("/run/stand-in.jsonl", 2)[mark + 2:]}
        return f"{before} reports; with RSSI 127 BlueZ shows {unknown or 'no report at all'}; {radio('state')}"

    @scenario.step("world_line")
    def world_wifi():
        start_access_point(IN / "world/hostapd.conf", IN / "world/dnsmasq.conf")
        address, box, took = phone_joins()
        demand(box == "10.77.0.1" and address.startswith("10.77."), f"lease {address} via {box}")
        return f"lease {address} after {took:.1f} s"

    @scenario.step("world_wifi")
    def world_traffic():
        """The box forwards for once without a gate: the phone reads the internet through Wi-Fi and uplink."""
        run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("ip", "-n", "inet", "route", "add", "10.77.0.0/20", "via", "203.0.113.1")
        phone = Web("phone")
        answer = phone.get("http://captive.apple.com/hotspot-detect.html")
        demand(b"Success" in answer.body, f"{answer.status} {answer.body!r}")
        with Traffic("phone") as traffic:
            until(lambda: traffic.done >= 20, 30, "twenty requests")
        return f"{answer.seconds * 1000:.0f} ms; {traffic.demand_unbroken()}"

    @scenario.step("world_line")
    def world_broker():
        """What is published while the ingester or the broker is away is neither lost nor reordered."""
        def publish(text):
            run("mosquitto_pub", "-h", INTERNET, "-V", "mqttv5", "-q", "1", "-t", "foyer/v1/self-test", "-m", text)

        def got():
            return [entry["payload"] for entry in json_lines("/run/store/out/ingested.jsonl")
                    if entry["topic"] == "foyer/v1/self-test"]
        publish("one")
        until(lambda: got() == ["one"], 20, "the first message")
        systemctl("stop", "store-ingester")
        publish("two")
        systemctl("restart", "store-broker")
        until(lambda: "1883" in run("ip", "netns", "exec", "inet", "ss", "-ltn"), 30, "the broker is back")
        publish("three")
        systemctl("start", "store-ingester")
        until(lambda: got() == ["one", "two", "three"], 20, "all three after a restart")

    @scenario.step("world_radio")
    def world_survives_bluetoothd():
        """The controllers outlive bluetoothd, so a test may kill it."""
        systemctl("restart", "bluetooth")
        start_radio()
        if show("store-radio", "ActiveState") != "active":
            raise Failed("the controllers died with bluetoothd")
