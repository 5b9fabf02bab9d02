// JSON from files, read as hostile input: size, depth and duplicate keys are checked while parsing,
// and fields are asked for by type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace omr::session {

using Json = nlohmann::json;

// One JSON value, at most 32 levels deep, without duplicate keys. Throws Error(format), `where` in
// front.
Json parse_strict_json(std::string_view text, const std::string& where);

// A line of a file that holds one JSON object a line.
struct JsonLine {
  std::string_view text;
  std::size_t number = 0;  // from 1, blank ones counted
  std::string where;       // "FILE, line N"
};

// All but the blank ones. They refer to `text`.
std::vector<JsonLine> json_lines(std::string_view text, const std::string& where);

// The value as one line; ill-formed UTF-8 (in a file name) becomes U+FFFD.
std::string dump_line(const Json& value);

// An object whose getters throw Error(format) naming place and key. A null counts as absent.
class Fields {
 public:
  Fields(const Json& object, std::string where);

  bool has(const std::string& key) const { return find(key) != nullptr; }
  std::string text(const std::string& key) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high) const;
  std::uint64_t natural(const std::string& key) const;  // any unsigned 64-bit number
  double number(const std::string& key) const;
  double number(const std::string& key, double otherwise) const;
  std::optional<double> optional_number(const std::string& key) const;
  bool boolean(const std::string& key) const;
  const Json& array(const std::string& key, std::size_t limit) const;
  Fields object(const std::string& key) const;
  const Json& json() const { return object_; }
  const std::string& where() const { return where_; }

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

 private:
  const Json* find(const std::string& key) const;

  const Json& object_;
  std::string where_;
};

}  // namespace omr::session
