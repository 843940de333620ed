#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace foyer {

/// What the caller can do about a failure. A bug is not an Error: it terminates.
enum class Code {
  retry,    ///< the same call may succeed later; nothing was changed
  degrade,  ///< this part does not work now; carry on without it and say so
  refuse,   ///< the input is wrong and stays wrong; tell who gave it
  fatal,    ///< the process cannot do its job; stop, the supervisor restarts
};

constexpr std::string_view to_string(Code code) {
  switch (code) {
    case Code::retry: return "retry";
    case Code::degrade: return "degrade";
    case Code::refuse: return "refuse";
    case Code::fatal: return "fatal";
  }
  return "fatal";
}

struct Error {
  Code code = Code::fatal;
  std::string message;  ///< for a person; outermost context first: "open ledger: /x/y: disk full"
};

/// A value or the Error that stands in its place. Cannot be dropped unread.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}

  /// Puts "what: " in front of the message of a failure; a value passes through.
  Result context(std::string_view what) && {
    if (!this->has_value()) this->error().message = fmt::format("{}: {}", what, this->error().message);
    return std::move(*this);
  }
};

/// `return fail(Code::refuse, "{} is not a zone", name);`
template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> text, Args&&... args) {
  return tl::make_unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

/// Hands on the Error of a Result of another type.
template <class T>
tl::unexpected<Error> fail(const Result<T>& failed) {
  return tl::make_unexpected(failed.error());
}

}  // namespace foyer
