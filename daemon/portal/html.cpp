#include "portal/html.hpp"

#include <algorithm>
#include <cstdlib>
#include <kainjow/mustache.hpp>
#include <map>

#include "embedded/pages.hpp"

namespace foyer::portal {

namespace {

namespace mustache = kainjow::mustache;
using nlohmann::json;

mustache::data to_data(const json& value) {
  switch (value.type()) {
    case json::value_t::object: {
      mustache::data out(mustache::data::type::object);
      for (const auto& [key, item] : value.items()) out.set(key, to_data(item));
      return out;
    }
    case json::value_t::array: {
      mustache::data out(mustache::data::type::list);
      for (const auto& item : value) out.push_back(to_data(item));
      return out;
    }
    case json::value_t::boolean:
      return mustache::data(value.get<bool>() ? mustache::data::type::bool_true : mustache::data::type::bool_false);
    case json::value_t::null: return mustache::data(mustache::data::type::bool_false);
    case json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      // An empty text is no text: {{#note}} is then left out.
      return text.empty() ? mustache::data(mustache::data::type::bool_false) : mustache::data(text);
    }
    default: return mustache::data(value.dump());
  }
}

using Texts = std::map<std::string, json>;

const Texts& all_texts() {
  static const Texts texts = [] {
    Texts out;
    for (const auto& file : embedded::pages) {
      constexpr std::string_view kPrefix = "texts.", kSuffix = ".json";
      if (!file.name.starts_with(kPrefix) || !file.name.ends_with(kSuffix)) continue;
      const auto tag = file.name.substr(kPrefix.size(), file.name.size() - kPrefix.size() - kSuffix.size());
      out.emplace(tag, json::parse(file.content));
    }
    return out;
  }();
  return texts;
}

}  // namespace

std::string escape_html(std::string_view text) { return mustache::html_escape(std::string(text)); }

std::string_view embedded_page(std::string_view name) {
  for (const auto& file : embedded::pages)
    if (file.name == name) return file.content;
  std::abort();
}

const std::vector<std::string>& page_languages() {
  static const std::vector<std::string> languages = [] {
    std::vector<std::string> out;
    for (const auto& [tag, texts] : all_texts()) out.push_back(tag);
    return out;
  }();
  return languages;
}

const json& page_texts(const std::string& language) {
  const auto found = all_texts().find(language);
  return found == all_texts().end() ? all_texts().at("en") : found->second;
}

std::string render(std::string_view name, const std::string& language, const json& values) {
  mustache::mustache page{std::string(embedded_page(name))};
  if (!page.is_valid()) std::abort();
  auto data = to_data(values);
  data.set("t", to_data(page_texts(language)));
  data.set("lang", language);
  return page.render(data);
}

}  // namespace foyer::portal
