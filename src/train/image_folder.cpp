#include "omr/train/image_folder.h"

#include <optional>
#include <string_view>

#include "omr/core/error.h"
#include "omr/io/picture_file.h"
#include "omr/io/sha256.h"

#include "train/fingerprint.h"
#include "train/jsonl.h"
#include "train/picture_check.h"

namespace omr::train {

namespace fs = std::filesystem;

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
  ImageFolder out;
  out.folder_ = folder;
  std::string kept;
  const auto skip = [&](std::size_t& counter, const std::string& problem) {
    if (out.report_.first_problem.empty()) out.report_.first_problem = problem;
    ++counter;
  };
  for_each_line(list, [&](std::string_view line, const std::string& where) {
    const io::Json object = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return skip(out.report_.broken_lines, where + " is no JSON object");
    const std::optional<std::string> name = text_of(object, "file_name"),
                                     caption = text_of(object, "text");
    if (!name || name->empty() || !caption) {
      return skip(out.report_.broken_lines, where + " lacks a \"file_name\" or a \"text\"");
    }
    if (!looks_like_whole_picture(folder / *name)) {
      return skip(out.report_.missing_files,
                  (folder / *name).string() + " is not there, or is no whole PNG or JPEG");
    }
    out.entries_.push_back({*name, *caption, text_of(object, "negative").value_or("")});
    kept += *name + '\0' + *caption + '\0' + out.entries_.back().negative + '\0' +
            fingerprint(folder / *name) + '\n';
  });
  out.digest_ = io::sha256(kept);
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

std::optional<HardNegative> ImageFolder::hard_negative(std::uint64_t index,
                                                       std::uint64_t variant) const {
  const std::string& negative = entries_[index].negative;
  if (negative.empty()) return std::nullopt;
  return HardNegative{negative, std::nullopt};
}

io::Json ImageFolder::description() const {
  return {{"data", "imagefolder"}, {"pictures_sha256", digest_}};
}

}  // namespace omr::train
