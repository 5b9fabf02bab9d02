// JSON files, read as hostile input and asked for typed values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace omr::io {

using Json = nlohmann::json;

// Whole text of a regular file, or of what a shell hands over as /dev/stdin or /dev/fd/N; any other
// pipe or device is refused, for it could be waited for without end. Throws Error(io);
// Error(format) when it is larger than `limit` bytes.
std::string read_text(const std::filesystem::path& path, std::size_t limit = 64u << 20);

// Parses strictly: UTF-8, at most 64 levels deep, no duplicate keys. `where` names the source in
// errors. Throws Error(format).
Json parse_json(std::string_view text, const std::string& where);
Json read_json(const std::filesystem::path& path);

// A config.json: every getter names file and key when the value is missing or of another type.
class Config {
 public:
  // Takes Python's bare Infinity, -Infinity and NaN for strings of that spelling.
  explicit Config(const std::filesystem::path& path);
  Config(Json object, std::string where);

  bool has(const std::string& key) const;  // present and not null
  std::int64_t integer(const std::string& key) const;
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const;
  double number(const std::string& key, double otherwise) const;
  bool boolean(const std::string& key, bool otherwise) const;
  std::string text(const std::string& key) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  Config child(const std::string& key) const;

  // An integer within [low, high]; the bounds keep hostile configs from asking for absurd memory.
  std::int64_t integer_within(const std::string& key, std::int64_t low, std::int64_t high) const;

  // Throws Error(mismatch) unless the key is absent, null or equal to `supported`: for switches of
  // an architecture that omr computes in one way only.
  void expect(const std::string& key, const Json& supported) const;

  // Throws Error(format) naming keys other than these: for omr's own files, where a misspelt key
  // must not pass unnoticed.
  void allow_only(const std::vector<std::string>& keys) const;

  const Json& json() const { return object_; }
  const std::string& where() const { return where_; }

 private:
  const Json* find(const std::string& key) const;
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

  Json object_;
  std::string where_;
};

}  // namespace omr::io
