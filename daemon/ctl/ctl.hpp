#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "drivers/httplib/httplib_client.hpp"

/// What every command of foyerctl needs: a question to foyerd over its control socket, and the answer as a table or,
/// with --json, as foyerd wrote it. One thread.
namespace foyer::ctl {

/// What a person reads for one value: "-" for nothing, yes or no, texts as they are, lists with blanks between.
std::string cell(const nlohmann::json& value);
/// The named fields of each object, one row each, columns as wide as their widest cell.
void print_table(const nlohmann::json& rows, const std::vector<std::string>& columns);
/// key: value lines; inner objects as key.inner.
void print_fields(const nlohmann::json& object, const std::string& prefix = "");
/// Writes `foyerctl: what` to standard error. Always 1, the exit status.
int complain(const std::string& what);

class Ctl {
 public:
  /// Shows a good answer to a person; not called with --json.
  using Show = std::function<void(const nlohmann::json&)>;

  Ctl(const std::string& socket, bool as_json) : client_("unix:" + socket), socket_(socket), json_(as_json) {}

  /// Exit statuses: 0 answered, 1 refused or foyerd not there; the reason is on standard error.
  int get(const std::string& path, const Show& show);
  int post(const std::string& path, const nlohmann::json& body, const Show& show);
  /// Writes the answer as it came to standard output, pictures too; nothing is added.
  int fetch(const std::string& path, const nlohmann::json& body);
  /// For commands that ask more than once: the answer, or why not.
  Result<nlohmann::json> ask(const std::string& path, const nlohmann::json& body);
  /// Prints events as they come, until the stream ends.
  int follow();

 private:
  int finish(const Result<drivers::httplib::Answer>& answer, const Show& show);
  void show_event(std::string_view data) const;

  drivers::httplib::Client client_;
  std::string socket_;
  bool json_;
};

}  // namespace foyer::ctl
