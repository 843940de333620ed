#include "drivers/bluez/hci.hpp"

#include <cstdlib>

/// Frames of the kernel's monitor channel, in which a stranger writes the adverts: no report may point outside.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const foyer::ByteView frame(data, size);
  foyer::drivers::bluez::each_report(frame, [&](const foyer::drivers::bluez::HciReport& report) {
    if (report.data.data() < data || report.data.data() + report.data.size() > data + size) std::abort();
  });
  return 0;
}
