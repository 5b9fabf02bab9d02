#include "omr/session/strict_json.h"

#include <set>
#include <vector>

#include "omr/core/error.h"
#include "omr/core/utf8.h"

namespace omr::session {
namespace {

constexpr int kMaxDepth = 32;

}  // namespace

Json parse_strict_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;
  const auto inspect = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) {
      throw Error(ErrorKind::format,
                  where + ": nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        throw Error(ErrorKind::format,
                    where + ": the key \"" + printable(key) + "\" appears twice");
      }
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), inspect);
  } catch (const Json::parse_error& error) {
    throw Error(ErrorKind::format,
                where + ": not valid JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw Error(ErrorKind::format, where + ": not valid JSON (a number is out of range)");
  }
}

std::vector<JsonLine> json_lines(std::string_view text, const std::string& where) {
  std::vector<JsonLine> lines;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    lines.push_back({line, number, where + ", line " + std::to_string(number)});
  }
  return lines;
}

std::string dump_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) throw Error(ErrorKind::format, where_ + ": expected a JSON object");
}

const Json* Fields::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::fail(const std::string& key, const std::string& expected) const {
  const Json* value = find(key);
  std::string got = value == nullptr ? "nothing" : printable(dump_line(*value).substr(0, 60));
  throw Error(ErrorKind::format,
              where_ + ": \"" + key + "\": expected " + expected + ", found " + got);
}

std::string Fields::text(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) fail(key, "a string");
  return value->get<std::string>();
}

std::string Fields::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::int64_t Fields::integer(const std::string& key, std::int64_t low, std::int64_t high) const {
  const Json* value = find(key);
  const std::string expected =
      "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  if (value == nullptr || !value->is_number_integer()) fail(key, expected);
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX) fail(key, expected);
  const auto number = value->get<std::int64_t>();
  if (number < low || number > high) fail(key, expected);
  return number;
}

std::uint64_t Fields::natural(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number_unsigned())
    fail(key, "a whole number from 0 to 2^64-1");
  return value->get<std::uint64_t>();
}

double Fields::number(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number()) fail(key, "a number");
  return value->get<double>();
}

double Fields::number(const std::string& key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}

std::optional<double> Fields::optional_number(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return number(key);
}

bool Fields::boolean(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_boolean()) fail(key, "true or false");
  return value->get<bool>();
}

const Json& Fields::array(const std::string& key, std::size_t limit) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail(key, "a list");
  if (value->size() > limit) fail(key, "a list of at most " + std::to_string(limit));
  return *value;
}

Fields Fields::object(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_object()) fail(key, "an object");
  return Fields(*value, where_ + ": " + key);
}

}  // namespace omr::session
