"""A Bluetooth device through bluetoothd: broadcasts one iBeacon and writes down every iBeacon it hears.

usage: second.py ADAPTER LOG [UUID MAJOR MINOR POWER]     one JSON object a line goes to LOG
"""
import json
import sys
import time
import uuid

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

APPLE = 0x004C
PROPERTIES = "org.freedesktop.DBus.Properties"
ADVERTISEMENT = "org.bluez.LEAdvertisement1"
OBJECT_PATH = "/store/beacon"


class Beacon(dbus.service.Object):
    """The advertisement that bluetoothd reads from us."""

    def __init__(self, bus, payload):
        super().__init__(bus, OBJECT_PATH)
        self.payload = payload

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, _interface):
        data = dbus.Dictionary({dbus.UInt16(APPLE): dbus.Array(self.payload, signature="y")}, signature="qv")
        return {"Type": "broadcast", "ManufacturerData": data}

    @dbus.service.method(ADVERTISEMENT)
    def Release(self):
        sys.exit("bluetoothd released the advertisement")


def ibeacon(identifier, major, minor, power):
    body = uuid.UUID(identifier).bytes + int(major).to_bytes(2, "big") + int(minor).to_bytes(2, "big")
    return b"\x02\x15" + body + int(power).to_bytes(1, "big", signed=True)


class Ear:
    """Hears on one adapter only; remembers each device's manufacturer data, since a change may carry RSSI alone."""

    def __init__(self, bus, adapter, log):
        self.prefix = adapter + "/"
        self.log = log
        self.known = {}
        bus.add_signal_receiver(self.added, "InterfacesAdded", "org.freedesktop.DBus.ObjectManager", "org.bluez")
        bus.add_signal_receiver(
            self.changed, "PropertiesChanged", PROPERTIES, "org.bluez", arg0="org.bluez.Device1", path_keyword="path")

    def added(self, path, interfaces):
        if "org.bluez.Device1" in interfaces:
            self.note(path, interfaces["org.bluez.Device1"], "added")

    def changed(self, _interface, values, _gone, path):
        self.note(path, values, "changed")

    def note(self, path, values, how):
        if not path.startswith(self.prefix):
            return
        if "ManufacturerData" in values:
            self.known[path] = {int(k): bytes(v) for k, v in values["ManufacturerData"].items()}
        payload = self.known.get(path, {}).get(APPLE, b"")
        if len(payload) != 23 or payload[:2] != b"\x02\x15":
            return
        heard = {
            "how": how,
            "uuid": str(uuid.UUID(bytes=payload[2:18])),
            "major": int.from_bytes(payload[18:20], "big"),
            "minor": int.from_bytes(payload[20:22], "big"),
            "rssi": int(values["RSSI"]) if "RSSI" in values else None,
            "at": time.monotonic(),
        }
        self.log.write(json.dumps(heard) + "\n")


def main():
    adapter = "/org/bluez/" + sys.argv[1]
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    loop = GLib.MainLoop()
    bluez = lambda interface: dbus.Interface(bus.get_object("org.bluez", adapter), interface)
    bluez(PROPERTIES).Set("org.bluez.Adapter1", "Powered", True)

    def listen():
        # An RSSI filter: without one BlueZ reports only changes of 8 dB.
        bluez("org.bluez.Adapter1").SetDiscoveryFilter(
            {"Transport": "le", "DuplicateData": True, "RSSI": dbus.Int16(-127)})
        bluez("org.bluez.Adapter1").StartDiscovery()
        print("listening", flush=True)

    def failed(error):
        sys.exit(f"RegisterAdvertisement: {error}")

    ear = Ear(bus, adapter, open(sys.argv[2], "a", buffering=1))
    if len(sys.argv) > 3:
        beacon = Beacon(bus, ibeacon(*sys.argv[3:7]))
        # First broadcast, then scan: while scanning the radio may refuse a new address.
        bluez("org.bluez.LEAdvertisingManager1").RegisterAdvertisement(
            beacon, {}, reply_handler=listen, error_handler=failed)
    else:
        listen()
    loop.run()
    del ear


main()
