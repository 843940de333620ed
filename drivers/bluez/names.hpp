#pragma once

#include <string>

/// D-Bus names of bluetoothd (BlueZ doc/org.bluez.*.rst).
namespace foyer::drivers::bluez {

inline constexpr const char* kBluez = "org.bluez";
inline constexpr const char* kAdapterInterface = "org.bluez.Adapter1";
inline constexpr const char* kDeviceInterface = "org.bluez.Device1";
inline constexpr const char* kAdvertisementInterface = "org.bluez.LEAdvertisement1";
inline constexpr const char* kAdvertisingManagerInterface = "org.bluez.LEAdvertisingManager1";
inline constexpr const char* kMonitorInterface = "org.bluez.AdvertisementMonitor1";
inline constexpr const char* kMonitorManagerInterface = "org.bluez.AdvertisementMonitorManager1";
inline constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
inline constexpr const char* kObjectManagerInterface = "org.freedesktop.DBus.ObjectManager";
inline constexpr const char* kPeerInterface = "org.freedesktop.DBus.Peer";
inline constexpr const char* kDBus = "org.freedesktop.DBus";
inline constexpr const char* kSystemd = "org.freedesktop.systemd1";
inline constexpr const char* kSystemdPath = "/org/freedesktop/systemd1";
inline constexpr const char* kSystemdManagerInterface = "org.freedesktop.systemd1.Manager";

}  // namespace foyer::drivers::bluez
