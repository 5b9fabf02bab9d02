// golden.json, and folders of sessions that serve as golden runs.
#include <set>

#include "omr/core/error.h"
#include "omr/replay/dialogue_sources.h"
#include "omr/replay/golden.h"
#include "omr/session/journal_reader.h"
#include "omr/session/paths.h"
#include "omr/session/strict_json.h"

#include "replay/limits.h"

namespace omr::replay {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using session::Fields;
using session::Json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxListed = 1u << 20;

// The journal's own form of a round, without what differs from run to run.
Json round_json(const RecordedRound& round) {
  Json object = Json::parse(to_line(session::Record(round.record)));
  object["seconds"] = Json::object();
  return {{"record", std::move(object)},
          {"picked", round.picked},
          {"token_ids", round.token_ids},
          {"negative_token_ids", round.negative_token_ids}};
}

std::vector<std::int64_t> integers(const Fields& fields, const std::string& key) {
  std::vector<std::int64_t> out;
  for (const Json& value : fields.array(key, kMaxListed)) {
    if (!value.is_number_integer()) fields.fail(key, "a list of whole numbers");
    out.push_back(value.get<std::int64_t>());
  }
  return out;
}

RecordedRound read_round(const Fields& fields) {
  RecordedRound round;
  const session::Record record =
      session::parse_record(session::dump_line(fields.object("record").json()), fields.where());
  const auto* own = std::get_if<session::RoundRecord>(&record);
  if (own == nullptr) fields.fail("record", "a record of a round");
  round.record = *own;
  round.picked = static_cast<int>(
      fields.integer("picked", 1, static_cast<std::int64_t>(round.record.candidates.size())));
  round.token_ids = integers(fields, "token_ids");
  round.negative_token_ids = integers(fields, "negative_token_ids");
  return round;
}

ordered_json dialogue_json(const RecordedDialogue& recorded) {
  const session::Dialogue& dialogue = recorded.dialogue;
  ordered_json object = {{"id", dialogue.id}, {"turns", dialogue.turns}};
  ordered_json refinements = ordered_json::array();
  for (const session::RecordedRefinement& one : dialogue.refinements) {
    refinements.push_back({{"feedback", one.feedback},
                           {"prompt", one.prompt},
                           {"negative_prompt", one.negative_prompt},
                           {"fallback", one.fallback_reason}});
  }
  object["refinements"] = std::move(refinements);
  object["settings"] = dialogue.settings;
  object["accepted"] = recorded.accepted.value_or(0);
  for (const RecordedRound& round : recorded.rounds)
    object["rounds"].push_back(ordered_json(round_json(round)));
  return object;
}

// An id or a turn of a file that somebody edited is checked as a dialogue's own line would be.
RecordedDialogue read_dialogue(const Fields& fields, const fs::path& folder) {
  RecordedDialogue out;
  const Json own = {{"id", fields.text("id")},
                    {"turns", fields.array("turns", session::kMaxTurns)},
                    {"settings", fields.object("settings").json()}};
  out.dialogue = session::dialogue_of_json(own, fields.where(), "");
  out.dialogue.folder = folder / out.dialogue.id;
  for (const Json& object : fields.array("refinements", session::kMaxTurns)) {
    const Fields one(object, fields.where() + ": refinements");
    out.dialogue.refinements.push_back({one.text("feedback"), one.text("prompt"),
                                        one.text("negative_prompt", ""), one.text("fallback", "")});
  }
  const auto accepted = static_cast<int>(fields.integer("accepted", 0, kMaxRounds));
  if (accepted > 0) out.accepted = accepted;
  for (const Json& object : fields.array("rounds", kMaxListed)) {
    out.rounds.push_back(read_round(
        Fields(object, fields.where() + ": round " + std::to_string(out.rounds.size() + 1))));
  }
  return out;
}

Limits read_limits(const Fields& fields) {
  Limits limits;
  limits.max = static_cast<int>(fields.integer("max", 0, 255));
  limits.mean = fields.number("mean");
  limits.ssim = fields.number("ssim");
  limits.reward = fields.number("reward");
  return limits;
}

std::map<std::string, std::string> texts(const Fields& fields) {
  std::map<std::string, std::string> out;
  for (const auto& [key, unused] : fields.json().items()) out[key] = fields.text(key);
  return out;
}

void write_json(const fs::path& path, const Golden& golden, session::FileSystem& files) {
  ordered_json object = {{"version", kVersion},
                         {"environment", golden.environment},
                         {"model", golden.identity.model},
                         {"sha256", golden.identity.sha256},
                         {"limits",
                          {{"max", golden.limits.max},
                           {"mean", golden.limits.mean},
                           {"ssim", golden.limits.ssim},
                           {"reward", golden.limits.reward}}}};
  for (const GoldenUpdate& update : golden.history) {
    object["history"].push_back(
        {{"time", update.time}, {"reason", update.reason}, {"omr", update.omr}});
  }
  for (const RecordedDialogue& dialogue : golden.dialogues) {
    object["dialogues"].push_back(dialogue_json(dialogue));
  }
  files.write_atomically(path,
                         object.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

Golden golden_of_sessions(const fs::path& folder, session::FileSystem& files) {
  Golden golden;
  std::set<std::string> ids;
  for (const std::string& name : files.list(folder)) {
    const fs::path journal = folder / name / session::kJournalName;
    if (!files.exists(journal)) continue;
    if (golden.dialogues.empty()) {
      const session::SessionRecord record =
          session::read_journal(files.read(journal, session::kMaxJournalBytes), journal.string())
              .session;
      golden.identity = {record.model, record.sha256};
    }
    const std::string id = id_of_folder(name);
    if (!ids.insert(id).second) {
      throw Error(
          ErrorKind::usage,
          folder.string() + ": two folders of sessions would be called \"" + id + "\"; rename one");
    }
    golden.dialogues.push_back(read_recorded(folder / name, id, files, nullptr));
  }
  if (golden.dialogues.empty()) {
    throw Error(ErrorKind::usage, folder.string() + " is no golden run: it holds neither " +
                                      kGoldenName + " nor folders of sessions");
  }
  return golden;
}

}  // namespace

void write_golden(const fs::path& folder, const Golden& golden, session::FileSystem& files) {
  for (const RecordedDialogue& dialogue : golden.dialogues) {
    const fs::path own = folder / dialogue.dialogue.id;
    if (!files.exists(own / session::kJournalName)) continue;
    throw Error(ErrorKind::usage, own.string() +
                                      " holds a session, whose pictures a golden run would be "
                                      "mixed with; make the golden run in another folder");
  }
  files.create_folder(folder);
  files.remove_leftovers(folder);
  for (const RecordedDialogue& dialogue : golden.dialogues) {
    const std::string& id = dialogue.dialogue.id;
    files.create_folder(folder / id);
    files.remove_leftovers(folder / id);
    for (const RecordedRound& round : dialogue.rounds) {
      for (int k = 1; k <= static_cast<int>(round.record.candidates.size()); ++k) {
        files.write_atomically(
            folder / id / session::candidate_image_name(round.record.round, k),
            files.read(recorded_picture(dialogue.dialogue.folder, round, k, files),
                       kMaxPictureBytes));
      }
    }
  }
  write_json(folder / kGoldenName, golden, files);
}

Golden read_golden(const fs::path& folder, session::FileSystem& files) {
  const fs::path path = folder / kGoldenName;
  if (!files.exists(path)) return golden_of_sessions(folder, files);
  const Json object =
      session::parse_strict_json(files.read(path, session::kMaxJournalBytes), path.string());
  const Fields fields(object, path.string());
  const auto version = fields.integer("version", 0, INT32_MAX);
  if (version != kVersion) {
    throw Error(ErrorKind::format, path.string() + ": this golden run has version " +
                                       std::to_string(version) + "; this omr reads version " +
                                       std::to_string(kVersion));
  }
  Golden golden;
  golden.environment = texts(fields.object("environment"));
  golden.identity.model = fields.text("model");
  golden.identity.sha256 = texts(fields.object("sha256"));
  golden.limits = read_limits(fields.object("limits"));
  for (const Json& entry : fields.array("history", kMaxListed)) {
    const Fields one(entry, path.string() + ": history");
    golden.history.push_back({one.text("time"), one.text("reason"), one.text("omr")});
  }
  for (const Json& entry : fields.array("dialogues", kMaxListed)) {
    const std::string where =
        path.string() + ": dialogue " + std::to_string(golden.dialogues.size() + 1);
    golden.dialogues.push_back(read_dialogue(Fields(entry, where), folder));
  }
  return golden;
}

}  // namespace omr::replay
