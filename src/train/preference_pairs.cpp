#include "omr/train/preference_pairs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/picture_file.h"
#include "omr/io/sha256.h"

#include "train/jsonl.h"
#include "train/picture_check.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

// The share of the judgement for image_0, where the line gives one.
std::optional<double> label_of(const io::Json& object) {
  const auto number = [&](const char* key) -> std::optional<double> {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) return std::nullopt;
    const double value = found->get<double>();
    return value == 0 || value == 0.5 || value == 1 ? std::optional(value) : std::nullopt;
  };
  if (object.contains("label_0")) return number("label_0");
  const std::optional<double> better = number("label");
  return better ? std::optional(1 - *better) : std::nullopt;
}

std::optional<PreferenceEntry> entry_of(const io::Json& object, const fs::path& folder) {
  const auto path = [&](const char* key) -> std::optional<fs::path> {
    const std::optional<std::string> name = text_of(object, key);
    return name && !name->empty() ? std::optional(folder / *name) : std::nullopt;
  };
  const std::optional<std::string> prompt = text_of(object, "prompt");
  const bool chosen = object.contains("chosen");
  const std::optional<fs::path> first = path(chosen ? "chosen" : "image_0"),
                                second = path(chosen ? "rejected" : "image_1");
  const std::optional<double> label = chosen ? std::optional(1.0) : label_of(object);
  if (!prompt || !first || !second || !label) return std::nullopt;
  return PreferenceEntry{*prompt, *first, *second, *label};
}

bool same_picture(const fs::path& first, const fs::path& second) {
  if (first.lexically_normal() == second.lexically_normal()) return true;
  std::error_code code;
  return fs::file_size(first, code) == fs::file_size(second, code) && !code &&
         io::sha256_file(first) == io::sha256_file(second);
}

bool all_ties(const std::vector<PreferenceEntry>& entries) {
  return std::all_of(entries.begin(), entries.end(),
                     [](const PreferenceEntry& entry) { return entry.label_0 == 0.5; });
}

}  // namespace

std::string PreferenceReport::summary() const {
  std::string out = plural(pairs, "pair");
  if (broken_lines + missing_files + equal_pairs == 0) return out;
  std::vector<std::string> skipped;
  if (broken_lines > 0) skipped.push_back(plural(broken_lines, "broken line"));
  if (missing_files > 0)
    skipped.push_back(plural(missing_files, "pair") + " with a missing or unreadable picture");
  if (equal_pairs > 0) skipped.push_back(plural(equal_pairs, "pair") + " of one picture twice");
  out += "; skipped ";
  for (std::size_t i = 0; i < skipped.size(); ++i)
    out += (i == 0 ? "" : i + 1 == skipped.size() ? " and " : ", ") + skipped[i];
  return out + " (first: " + first_problem + ")";
}

void PreferencePairs::skip(std::size_t& counter, const std::string& problem) {
  if (report_.first_problem.empty()) report_.first_problem = problem;
  ++counter;
}

void PreferencePairs::add(PreferenceEntry entry, const std::string& where) {
  for (const fs::path& image : {entry.image_0, entry.image_1}) {
    if (looks_like_whole_picture(image)) continue;
    return skip(report_.missing_files,
                image.string() + " is not there, or is no whole PNG or JPEG");
  }
  if (same_picture(entry.image_0, entry.image_1))
    return skip(report_.equal_pairs, where + " compares a picture with itself");
  entries_.push_back(std::move(entry));
}

void PreferencePairs::finish(const std::string& where) {
  report_.pairs = entries_.size();
  if (entries_.empty()) {
    throw Error(ErrorKind::format,
                where + " holds no pair that can be used" +
                    (report_.first_problem.empty() ? "" : ": " + report_.first_problem));
  }
  if (all_ties(entries_)) {
    throw Error(ErrorKind::format, where + ": all " + plural(entries_.size(), "pair") +
                                       " are ties, from which nothing can be learnt");
  }
  weigh();
}

void PreferencePairs::weigh() {
  std::map<std::string_view, double> of_prompt;
  for (const PreferenceEntry& entry : entries_) of_prompt[entry.prompt] += 1;
  const auto mean = static_cast<double>(of_prompt.size()) / static_cast<double>(entries_.size());
  weights_.clear();
  for (const PreferenceEntry& entry : entries_)
    weights_.push_back(1 / (of_prompt[entry.prompt] * mean));
}

PreferencePairs PreferencePairs::open(const fs::path& file) {
  PreferencePairs out;
  for_each_line(file, [&](std::string_view line, const std::string& where) {
    const io::Json object = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    std::optional<PreferenceEntry> entry;
    if (object.is_object()) entry = entry_of(object, file.parent_path());
    if (!entry)
      return out.skip(out.report_.broken_lines,
                      where +
                          " is no {\"prompt\", \"chosen\", \"rejected\"} or {\"prompt\", "
                          "\"image_0\", \"image_1\", \"label\"}");
    out.add(std::move(*entry), where);
  });
  out.finish(file.string());
  return out;
}

PreferencePairs PreferencePairs::of(const std::vector<PreferenceEntry>& entries,
                                    const std::string& where) {
  PreferencePairs out;
  for (const PreferenceEntry& entry : entries) out.add(entry, where);
  out.finish(where);
  return out;
}

std::pair<PreferencePairs, PreferencePairs> PreferencePairs::split(double share) const {
  std::pair<PreferencePairs, PreferencePairs> out;
  for (const PreferenceEntry& entry : entries_) {
    const double place =
        static_cast<double>(std::stoul(io::sha256(entry.prompt).substr(0, 6), nullptr, 16)) /
        static_cast<double>(1 << 24);
    (place < share ? out.first : out.second).entries_.push_back(entry);
  }
  // Ties alone teach nothing.
  if (all_ties(out.second.entries_)) out.first.entries_.clear(), out.second.entries_ = entries_;
  for (PreferencePairs* part : {&out.first, &out.second}) {
    part->report_.pairs = part->entries_.size();
    part->weigh();
  }
  return out;
}

PreferencePair PreferencePairs::pair(std::uint64_t index) const {
  const PreferenceEntry& entry = entries_[index];
  return {entry.prompt, io::read_picture(entry.image_0), io::read_picture(entry.image_1),
          entry.label_0, weights_[index]};
}

io::Json PreferencePairs::description() const {
  std::string all;
  for (const PreferenceEntry& entry : entries_) {
    all += entry.prompt + '\0' + entry.image_0.filename().string() + '\0' +
           entry.image_1.filename().string() + '\0' + std::to_string(entry.label_0) + '\n';
  }
  return {{"data", "pairs"}, {"pairs_sha256", io::sha256(all)}};
}

}  // namespace omr::train
