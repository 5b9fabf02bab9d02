#include "omr/replay/results.h"

#include "omr/core/error.h"
#include "omr/session/strict_json.h"

#include "replay/limits.h"

namespace omr::replay {
namespace {

using nlohmann::ordered_json;
using session::Fields;

constexpr std::size_t kMaxResultsBytes = 256u << 20;
constexpr std::size_t kMaxLineBytes = 1u << 20;

std::string name_of(const Shard& shard) {
  if (shard.count == 1) return kResultsName;
  return "results.shard-" + std::to_string(shard.index + 1) + "-of-" + std::to_string(shard.count) +
         ".jsonl";
}

// Whether it is the file of another shard of the same batch.
bool is_of_another_part(const std::string& name, const Shard& shard) {
  for (int index = 0; shard.count > 1 && index < shard.count; ++index) {
    if (index != shard.index && name == name_of({index, shard.count})) return true;
  }
  return false;
}

DialogueStatus status_of(const Fields& fields) {
  const std::string text = fields.text("status");
  for (const auto status :
       {DialogueStatus::accepted, DialogueStatus::ended, DialogueStatus::failed}) {
    if (text == to_string(status)) return status;
  }
  fields.fail("status", "\"accepted\", \"ended\" or \"failed\"");
}

// The lines of those `ids` that are known, in their order.
std::string lines_of(const std::vector<std::string>& ids,
                     const std::map<std::string, DialogueResult>& known) {
  std::string text;
  for (const std::string& id : ids) {
    const auto found = known.find(id);
    if (found != known.end()) text += to_line(found->second) + "\n";
  }
  return text;
}

}  // namespace

const char* to_string(DialogueStatus status) {
  switch (status) {
    case DialogueStatus::accepted:
      return "accepted";
    case DialogueStatus::ended:
      return "ended";
    case DialogueStatus::failed:
      return "failed";
  }
  return "";
}

std::string to_line(const DialogueResult& result) {
  ordered_json line = {{"id", result.id},
                       {"status", to_string(result.status)},
                       {"rounds", result.rounds},
                       {"inputs", result.inputs}};
  if (!result.digest.empty()) line["digest"] = result.digest;
  if (!result.error.empty()) line["error"] = result.error;
  for (const RefinerDifference& one : result.refiner_differences) {
    line["refiner_differences"].push_back(
        {{"round", one.round}, {"recorded", one.recorded}, {"now", one.now}});
  }
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

DialogueResult parse_result(std::string_view line, const std::string& where) {
  if (line.size() > kMaxLineBytes) throw Error(ErrorKind::format, where + ": the line is too long");
  const session::Json object = session::parse_strict_json(line, where);
  const Fields fields(object, where);
  DialogueResult result;
  result.id = fields.text("id");
  result.status = status_of(fields);
  result.rounds = static_cast<int>(fields.integer("rounds", 0, kMaxRounds));
  result.inputs = fields.text("inputs");
  result.digest = fields.text("digest", "");
  result.error = fields.text("error", "");
  if (fields.has("refiner_differences")) {
    for (const session::Json& entry : fields.array("refiner_differences", kMaxRounds)) {
      const Fields one(entry, where + ": refiner_differences");
      result.refiner_differences.push_back({static_cast<int>(one.integer("round", 1, kMaxRounds)),
                                            one.text("recorded"), one.text("now")});
    }
  }
  return result;
}

std::vector<DialogueResult> read_results(std::string_view text, const std::string& where) {
  std::vector<DialogueResult> results;
  std::map<std::string, std::size_t> places;
  std::size_t number = 0;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    DialogueResult result =
        parse_result(text.substr(at, end - at), where + ", line " + std::to_string(++number));
    const auto [place, fresh] = places.emplace(result.id, results.size());
    if (fresh) {
      results.push_back(std::move(result));
    } else {
      results[place->second] = std::move(result);
    }
  }
  return results;
}

bool is_results_name(std::string_view name) {
  constexpr std::string_view kShard = "results.shard-";
  return name == kResultsName || name.substr(0, kShard.size()) == kShard;
}

ResultsFile::ResultsFile(session::FileSystem& files, std::filesystem::path folder,
                         const Shard& shard, bool resume)
    : files_(files), folder_(std::move(folder)), shard_(shard), name_(name_of(shard)) {
  files_.create_folder(folder_);
  if (!resume) {
    for (const std::string& name : files_.list(folder_)) {
      if (is_results_name(name) && !is_of_another_part(name, shard_)) {
        throw Error(ErrorKind::usage, folder_.string() + " holds results already (" + name +
                                          "); go on with them with --resume, or choose another "
                                          "folder");
      }
    }
  }
  lock_ = files_.lock(folder_ / ("." + name_ + ".lock"));
  if (!resume) return;
  // Of a shard's folder others may write too, from other machines.
  if (shard_.count == 1) files_.remove_leftovers(folder_);
  for (const std::string& name : files_.list(folder_)) {
    if (!is_results_name(name)) continue;
    for (DialogueResult& result : read(name)) {
      if (name == name_) own_[result.id] = result;
      known_[result.id] = std::move(result);
    }
  }
  if (!files_.exists(folder_ / name_)) return;
  // Cuts off a torn line, and older lines about the same dialogue.
  std::vector<std::string> ids;
  for (const DialogueResult& result : read(name_)) ids.push_back(result.id);
  files_.write_atomically(folder_ / name_, lines_of(ids, own_));
}

std::vector<DialogueResult> ResultsFile::read(const std::string& name) const {
  const std::filesystem::path path = folder_ / name;
  if (!files_.exists(path)) return {};
  return read_results(files_.read(path, kMaxResultsBytes), path.string());
}

const DialogueResult* ResultsFile::find(const std::string& id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second;
}

void ResultsFile::append(const DialogueResult& result) {
  const auto there = own_.find(result.id);
  if (there != own_.end() && there->second == result) return;
  files_.append(folder_ / name_, to_line(result) + "\n");
  own_[result.id] = result;
  known_[result.id] = result;
}

bool ResultsFile::finish(const std::vector<std::string>& ids) {
  files_.write_atomically(folder_ / name_, lines_of(ids, own_));
  if (shard_.count == 1) return own_.size() >= ids.size();
  std::map<std::string, DialogueResult> all = own_;
  for (int index = 0; index < shard_.count; ++index) {
    for (DialogueResult& result : read(name_of({index, shard_.count}))) {
      all.emplace(result.id, std::move(result));
    }
  }
  for (const std::string& id : ids) {
    if (all.count(id) == 0) return false;
  }
  files_.write_atomically(folder_ / kResultsName, lines_of(ids, all));
  return true;
}

}  // namespace omr::replay
