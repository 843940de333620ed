#pragma once

#include <span>
#include <string>

#include "base/event.hpp"
#include "sync/uplink.hpp"

namespace foyer::sync {

/// One CloudEvents 1.0 object (structured mode, JSON format):
/// id = {gateway}/{epoch}/{stream}/{seq}, source, specversion, type foyer.….v1, time, subject, datacontenttype, data,
/// and the extension deliverbefore on what is worthless late (base/lifetime.hpp).
std::string to_cloudevent(const StoredEvent& event, const Identity& identity);

/// A JSON array of as many of `events`, from the front, as fit in `max_bytes` (at least one). `taken` says how many.
/// Content type application/cloudevents-batch+json.
std::string to_batch(std::span<const StoredEvent> events, const Identity& identity, std::size_t max_bytes,
                     std::size_t& taken);

}  // namespace foyer::sync
