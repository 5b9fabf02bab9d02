#include "omr/io/json_file.h"

#include <algorithm>
#include <set>

#include "omr/core/error.h"

#include "io/input_file.h"

namespace omr::io {
namespace {

constexpr int kMaxDepth = 64;

// Builds the document while refusing what nlohmann lets through: depth bombs and duplicate keys.
class StrictParse {
 public:
  explicit StrictParse(const std::string& where) : where_(where) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) {
      throw Error(ErrorKind::format,
                  where_ + ": nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        throw Error(ErrorKind::format, where_ + ": key \"" + key + "\" appears twice");
      }
    }
    return true;
  }

 private:
  const std::string& where_;
  std::vector<std::set<std::string>> keys_;
};

// Python writes Infinity, -Infinity and NaN as bare words, which JSON does not know: as strings
// they can be read, and asked for as numbers they are refused by name.
std::string with_infinities_quoted(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::string_view taken = rest.substr(0, in_string && rest[0] == '\\' ? 2 : 1);
    if (rest[0] == '"') in_string = !in_string;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (!in_string && rest.starts_with(word)) taken = word;
    }
    out += taken.size() > 2 ? '"' + std::string(taken) + '"' : std::string(taken);
    at += taken.size();
  }
  return out;
}

}  // namespace

std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  return InputFile(path, InputSource::regular_file_or_own_descriptor).read_all(limit);
}

Json parse_json(std::string_view text, const std::string& where) {
  // nlohmann takes a NUL for the end of the input and leaves what follows unread.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw Error(ErrorKind::format, where + ": not valid JSON at byte " + std::to_string(nul + 1));
  }
  StrictParse strict(where);
  try {
    return Json::parse(text.begin(), text.end(), std::ref(strict));
  } catch (const Json::parse_error& error) {
    throw Error(ErrorKind::format,
                where + ": not valid JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw Error(ErrorKind::format, where + ": not valid JSON (a number or string out of range)");
  }
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_text(path), path.string());
}

Config::Config(const std::filesystem::path& path)
    : Config(parse_json(with_infinities_quoted(read_text(path)), path.string()), path.string()) {}

Config::Config(Json object, std::string where)
    : object_(std::move(object)), where_(std::move(where)) {
  if (!object_.is_object()) throw Error(ErrorKind::format, where_ + ": expected a JSON object");
}

const Json* Config::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Config::fail(const std::string& key, const std::string& expected) const {
  const Json* value = find(key);
  std::string got =
      value == nullptr ? "nothing" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (got.size() > 80) got = got.substr(0, 77) + "...";
  throw Error(ErrorKind::format,
              where_ + ": \"" + key + "\": expected " + expected + ", found " + got);
}

bool Config::has(const std::string& key) const { return find(key) != nullptr; }

std::int64_t Config::integer(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number_integer()) fail(key, "an integer");
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)
    fail(key, "a 64-bit integer");
  return value->get<std::int64_t>();
}

std::int64_t Config::integer(const std::string& key, std::int64_t otherwise) const {
  return has(key) ? integer(key) : otherwise;
}

std::int64_t Config::integer_within(const std::string& key, std::int64_t low,
                                    std::int64_t high) const {
  const std::int64_t value = integer(key);
  if (value < low || value > high) {
    fail(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

double Config::number(const std::string& key, double otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number()) fail(key, "a number");
  return value->get<double>();
}

bool Config::boolean(const std::string& key, bool otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) fail(key, "true or false");
  return value->get<bool>();
}

std::string Config::text(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) fail(key, "a string");
  return value->get<std::string>();
}

std::string Config::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::vector<std::int64_t> Config::integers(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail(key, "a list of integers");
  std::vector<std::int64_t> out;
  for (const Json& item : *value) {
    if (!item.is_number_integer()) fail(key, "a list of integers");
    if (item.is_number_unsigned() && item.get<std::uint64_t>() > INT64_MAX)
      fail(key, "a list of 64-bit integers");
    out.push_back(item.get<std::int64_t>());
  }
  return out;
}

std::vector<double> Config::numbers(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail(key, "a list of numbers");
  std::vector<double> out;
  for (const Json& item : *value) {
    if (!item.is_number()) fail(key, "a list of numbers");
    out.push_back(item.get<double>());
  }
  return out;
}

std::vector<std::string> Config::texts(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail(key, "a list of strings");
  std::vector<std::string> out;
  for (const Json& item : *value) {
    if (!item.is_string()) fail(key, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Config Config::child(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_object()) fail(key, "an object");
  return Config(*value, where_ + ": " + key);
}

void Config::expect(const std::string& key, const Json& supported) const {
  const Json* value = find(key);
  if (value == nullptr || *value == supported) return;
  throw Error(ErrorKind::mismatch, where_ + ": \"" + key + "\" is " + value->dump() +
                                       "; omr computes " + supported.dump() + " only");
}

void Config::allow_only(const std::vector<std::string>& keys) const {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error(ErrorKind::format, where_ + ": unknown key \"" + key + "\"");
    }
  }
}

}  // namespace omr::io
