#include "omr/session/journal_format.h"

#include <functional>

#include "omr/core/error.h"
#include "omr/core/utf8.h"

#include "session/journal_fields.h"

namespace omr::session {
namespace {

constexpr int kMaxRounds = 1'000'000;
constexpr std::size_t kMaxListed = 4096;
constexpr std::int64_t kMaxUnetCalls = 1'000'000;

int round_of(const Fields& fields) {
  return static_cast<int>(fields.integer("round", 1, kMaxRounds));
}
int candidate_of(const Fields& fields, const std::string& key) {
  return static_cast<int>(fields.integer(key, 1, kMaxCandidates));
}

Json write(const SessionRecord& record) {
  Json object = {{"event", "session"},
                 {"version", kJournalVersion},
                 {"time", record.time},
                 {"model", record.model},
                 {"sha256", record.sha256},
                 {"seed", record.settings.seed},
                 {"settings", to_json(record.settings)}};
  if (!record.user.empty()) object["user"] = record.user;
  if (!record.inputs.empty()) object["inputs"] = record.inputs;
  return object;
}

SessionRecord read_session(const Fields& fields) {
  const auto version = fields.integer("version", 0, INT32_MAX);
  if (version != kJournalVersion) {
    throw Error(ErrorKind::format, fields.where() + ": this journal has version " +
                                       std::to_string(version) + "; this omr reads version " +
                                       std::to_string(kJournalVersion));
  }
  SessionRecord record;
  record.time = fields.text("time", "");
  record.user = fields.text("user", "");
  record.inputs = fields.text("inputs", "");
  record.model = fields.text("model");
  const Fields hashes = fields.object("sha256");
  for (const auto& [part, unused] : hashes.json().items()) record.sha256[part] = hashes.text(part);
  const Fields settings = fields.object("settings");
  override_with(record.settings, settings.json(), settings.where());
  record.settings.seed = fields.natural("seed");
  try {
    check(record.settings);
  } catch (const Error& error) {
    throw Error(ErrorKind::format, settings.where() + ": " + error.what());
  }
  return record;
}

Json write(const CandidateRecord& candidate, const Applicable& which) {
  return {{"image", candidate.image},
          {"sha256", candidate.sha256},
          {"seed", candidate.seed},
          {"strength", to_json(candidate.strength)},
          {"rewards", to_json(candidate.rewards)},
          {"raw", raw_to_json(candidate.raw, which)}};
}

Json write(const RoundRecord& record) {
  Json candidates = Json::array();
  for (const CandidateRecord& candidate : record.candidates) {
    candidates.push_back(write(candidate, record.applicable));
  }
  Json phrases = Json::array();
  for (const PhraseRecord& phrase : record.phrases) {
    phrases.push_back({{"text", phrase.text},
                       {"weight", phrase.weight},
                       {"score", to_json(phrase.score)},
                       {"score_before", to_json(phrase.score_before)}});
  }
  Json object = {{"event", "round"},
                 {"round", record.round},
                 {"parent", record.parent},
                 {"t", record.t},
                 {"feedback", record.feedback},
                 {"prompt", record.prompt},
                 {"negative_prompt", record.negative_prompt},
                 {"seed", record.seed},
                 {"strength", to_json(record.strength)},
                 {"lora", to_json(record.loras)},
                 {"candidates", std::move(candidates)},
                 {"picked", record.picked},
                 {"lambda", to_json(record.lambda)},
                 {"multipliers", to_json(record.multipliers)},
                 {"phrases", std::move(phrases)},
                 {"latents", {{"file", record.latents}, {"sha256", record.latents_sha256}}},
                 {"seconds", record.seconds}};
  if (!record.fallback_reason.empty()) object["fallback"] = record.fallback_reason;
  if (!record.restored.empty()) object["restored"] = record.restored;
  if (record.steps > 0) object["steps"] = record.steps;
  if (record.unet_calls > 0) object["unet_calls"] = record.unet_calls;
  if (!record.user.empty()) object["user"] = record.user;
  return object;
}

RoundRecord read_round(const Fields& fields) {
  RoundRecord record;
  record.round = round_of(fields);
  record.parent = static_cast<int>(fields.integer("parent", 0, kMaxRounds));
  record.t = static_cast<int>(fields.integer("t", 0, kMaxRounds));
  record.feedback = fields.text("feedback");
  record.prompt = fields.text("prompt");
  record.negative_prompt = fields.text("negative_prompt");
  record.fallback_reason = fields.text("fallback", "");
  if (fields.has("restored")) {
    for (const Json& phrase : fields.array("restored", kMaxListed)) {
      if (!phrase.is_string()) fields.fail("restored", "a list of texts");
      record.restored.push_back(phrase.get<std::string>());
    }
  }
  if (fields.has("steps")) {
    record.steps = static_cast<int>(fields.integer("steps", 1, kMaxSteps));
  }
  if (fields.has("unet_calls")) {
    record.unet_calls = fields.integer("unet_calls", 0, kMaxUnetCalls);
  }
  record.user = fields.text("user", "");
  record.seed = fields.natural("seed");
  record.strength = fields.optional_number("strength");
  record.loras = read_loras(fields, "lora");
  int index = 0;
  for (const Json& object : fields.array("candidates", kMaxCandidates)) {
    const Fields entry(object, fields.where() + ": candidate " + std::to_string(++index));
    CandidateRecord candidate;
    candidate.image = entry.text("image");
    candidate.sha256 = entry.text("sha256");
    candidate.seed = entry.natural("seed");
    candidate.strength = entry.optional_number("strength");
    candidate.rewards = read_rewards(entry.object("rewards"));
    candidate.raw = read_raw(entry.object("raw"), record.applicable);
    record.candidates.push_back(std::move(candidate));
  }
  record.picked = candidate_of(fields, "picked");
  if (record.picked > static_cast<int>(record.candidates.size())) {
    fields.fail("picked", "one of the " + std::to_string(record.candidates.size()) + " candidates");
  }
  record.lambda = read_terms(fields.object("lambda"));
  record.multipliers = read_terms(fields.object("multipliers"));
  for (const Json& object : fields.array("phrases", kMaxListed)) {
    const Fields entry(object, fields.where() + ": phrases");
    record.phrases.push_back({entry.text("text"), entry.number("weight"),
                              entry.optional_number("score"),
                              entry.optional_number("score_before")});
  }
  const Fields latents = fields.object("latents");
  record.latents = latents.text("file");
  record.latents_sha256 = latents.text("sha256");
  const Fields seconds = fields.object("seconds");
  for (const auto& [part, unused] : seconds.json().items())
    record.seconds[part] = seconds.number(part);
  return record;
}

Json write(const PickRecord& record) {
  return {{"event", "pick"},
          {"round", record.round},
          {"candidate", record.candidate},
          {"multipliers", to_json(record.multipliers)}};
}
Json write(const ReactionRecord& record) {
  return {{"event", record.liked ? "like" : "dislike"},
          {"round", record.round},
          {"candidate", record.candidate},
          {"multipliers", to_json(record.multipliers)}};
}
Json write(const AcceptRecord& record) {
  return {{"event", "accept"}, {"round", record.round}, {"candidate", record.candidate}};
}
Json write(const MoveRecord& record) {
  const char* names[] = {"undo", "redo", "goto"};
  return {{"event", names[static_cast<int>(record.move)]}, {"round", record.round}};
}
Json write(const SeedRecord& record) { return {{"event", "seed"}, {"seed", record.seed}}; }
Json write(const StrengthRecord& record) {
  return {{"event", "strength"}, {"strength", record.strength}};
}
Json write(const StepsRecord& record) { return {{"event", "steps"}, {"steps", record.steps}}; }
Json write(const CandidatesRecord& record) {
  return {{"event", "candidates"}, {"candidates", record.candidates}};
}
Json write(const LoraRecord& record) {
  Json object = {{"event", "lora"}, {"file", record.lora.file}, {"weight", record.lora.weight}};
  if (!record.sha256.empty()) object["sha256"] = record.sha256;
  return object;
}
Json write(const PromptRecord& record) { return {{"event", "prompt"}, {"prompt", record.prompt}}; }
Json write(const DroppedRecord& record) {
  return {{"event", "dropped"}, {"feedback", record.feedback}, {"reason", record.reason}};
}
Json write(const ResumeRecord& record) {
  Json object = {
      {"event", "resume"}, {"time", record.time}, {"dropped_bytes", record.dropped_bytes}};
  if (!record.user.empty()) object["user"] = record.user;
  if (!record.metadata) object["metadata"] = false;
  return object;
}
Json write(const EndRecord& record) { return {{"event", "end"}, {"reason", record.reason}}; }

ReactionRecord read_reaction(const Fields& fields, bool liked) {
  return {liked, round_of(fields), candidate_of(fields, "candidate"),
          read_terms(fields.object("multipliers"))};
}

using Reader = std::function<Record(const Fields&)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all = {
      {"session", read_session},
      {"round", read_round},
      {"pick",
       [](const Fields& f) {
         return PickRecord{round_of(f), candidate_of(f, "candidate"),
                           read_terms(f.object("multipliers"))};
       }},
      {"like", [](const Fields& f) { return read_reaction(f, true); }},
      {"dislike", [](const Fields& f) { return read_reaction(f, false); }},
      {"accept",
       [](const Fields& f) {
         return AcceptRecord{round_of(f), candidate_of(f, "candidate")};
       }},
      {"undo",
       [](const Fields& f) {
         return MoveRecord{Move::undo, round_of(f)};
       }},
      {"redo",
       [](const Fields& f) {
         return MoveRecord{Move::redo, round_of(f)};
       }},
      {"goto",
       [](const Fields& f) {
         return MoveRecord{Move::go_to, round_of(f)};
       }},
      {"seed", [](const Fields& f) { return SeedRecord{f.natural("seed")}; }},
      {"strength", [](const Fields& f) { return StrengthRecord{f.number("strength")}; }},
      {"steps",
       [](const Fields& f) {
         return StepsRecord{static_cast<int>(f.integer("steps", 1, kMaxSteps))};
       }},
      {"candidates",
       [](const Fields& f) { return CandidatesRecord{candidate_of(f, "candidates")}; }},
      {"lora",
       [](const Fields& f) {
         return LoraRecord{{f.text("file"), f.number("weight")}, f.text("sha256", "")};
       }},
      {"prompt", [](const Fields& f) { return PromptRecord{f.text("prompt")}; }},
      {"dropped",
       [](const Fields& f) {
         return DroppedRecord{f.text("feedback"), f.text("reason")};
       }},
      {"resume",
       [](const Fields& f) {
         return ResumeRecord{f.text("time"), f.natural("dropped_bytes"), f.text("user", ""),
                             !f.has("metadata") || f.boolean("metadata")};
       }},
      {"end", [](const Fields& f) { return EndRecord{f.text("reason")}; }},
  };
  return all;
}

}  // namespace

std::string to_line(const Record& record) {
  return dump_line(std::visit([](const auto& one) { return write(one); }, record));
}

Record parse_record(std::string_view line, const std::string& where) {
  if (line.size() > kMaxRecordBytes) {
    throw Error(ErrorKind::format, where + ": the line is " + std::to_string(line.size()) +
                                       " bytes long; at most " + std::to_string(kMaxRecordBytes) +
                                       " are expected");
  }
  const Json object = parse_strict_json(line, where);
  const Fields fields(object, where);
  const std::string event = fields.text("event");
  const auto reader = readers().find(event);
  if (reader == readers().end()) {
    throw Error(ErrorKind::format,
                where + ": unknown event \"" + printable(event.substr(0, 40)) + "\"");
  }
  return reader->second(fields);
}

}  // namespace omr::session
