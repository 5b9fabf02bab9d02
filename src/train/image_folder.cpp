#include "omr/train/image_folder.h"

#include <array>
#include <fstream>
#include <string_view>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/picture_file.h"
#include "omr/io/sha256.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

// By the first bytes: reading every picture to the end would take minutes.
bool begins_like_picture(const fs::path& file) {
  std::array<char, 4> bytes{};
  std::ifstream in(file, std::ios::binary);
  if (!in.read(bytes.data(), bytes.size())) return false;
  const std::string_view begin(bytes.data(), bytes.size());
  return begin == "\x89PNG" || begin.starts_with("\xff\xd8\xff");
}

std::string plural(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// A string member, or nothing.
std::optional<std::string> text_of(const io::Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  std::string text = found->get<std::string>();
  if (find_invalid_utf8(text) != std::string::npos) return std::nullopt;
  return text;
}

}  // namespace

std::string ImageFolderReport::summary() const {
  std::string out = plural(pictures, "picture");
  if (broken_lines + missing_files == 0) return out;
  out += "; skipped ";
  if (broken_lines > 0) out += plural(broken_lines, "broken line");
  if (broken_lines > 0 && missing_files > 0) out += " and ";
  if (missing_files > 0) out += plural(missing_files, "missing or unreadable file");
  return out + " (first: " + first_problem + ")";
}

ImageFolder ImageFolder::open(const fs::path& folder) {
  const fs::path list = folder / "metadata.jsonl";
  const std::string text = io::read_text(list, std::size_t{1} << 30);
  ImageFolder out;
  out.folder_ = folder;
  out.digest_ = io::sha256(text);
  const auto skip = [&](std::size_t& counter, const std::string& problem) {
    if (out.report_.first_problem.empty()) out.report_.first_problem = problem;
    ++counter;
  };
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = list.string() + " line " + std::to_string(number);
    const io::Json object = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      skip(out.report_.broken_lines, where + " is no JSON object");
      continue;
    }
    const std::optional<std::string> name = text_of(object, "file_name"),
                                     caption = text_of(object, "text");
    if (!name || name->empty() || !caption) {
      skip(out.report_.broken_lines, where + " lacks a \"file_name\" or a \"text\"");
      continue;
    }
    if (!begins_like_picture(folder / *name)) {
      skip(out.report_.missing_files,
           (folder / *name).string() + " is not there or is neither PNG nor JPEG");
      continue;
    }
    out.entries_.push_back({*name, *caption, text_of(object, "negative").value_or("")});
  }
  out.report_.pictures = out.entries_.size();
  if (out.entries_.empty()) {
    throw Error(ErrorKind::format,
                list.string() + " names no picture that can be used" +
                    (out.report_.first_problem.empty() ? "" : ": " + out.report_.first_problem));
  }
  return out;
}

Image ImageFolder::image(std::uint64_t index) const {
  return io::read_picture(folder_ / entries_[index].file);
}

std::string ImageFolder::text(std::uint64_t index, std::uint64_t variant) const {
  return entries_[index].text;
}

std::optional<std::string> ImageFolder::hard_negative(std::uint64_t index,
                                                      std::uint64_t variant) const {
  const std::string& negative = entries_[index].negative;
  return negative.empty() ? std::nullopt : std::optional(negative);
}

io::Json ImageFolder::description() const {
  return {{"data", "imagefolder"}, {"metadata_sha256", digest_}};
}

}  // namespace omr::train
