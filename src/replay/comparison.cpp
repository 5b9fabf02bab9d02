#include "omr/replay/comparison.h"

#include <cmath>

#include "omr/core/error.h"
#include "omr/report/html.h"
#include "omr/session/strict_json.h"

#include "replay/limits.h"

namespace omr::replay {
namespace {

namespace fs = std::filesystem;
using report::number_text;
using session::Json;

constexpr std::size_t kMaxShown = 60;  // pictures in a report, three files each

template <typename Value>
std::string json_text(const Value& value) {
  return session::dump_line(Json(value));
}

// LoRA files and pictures are known by their names: a golden run is read on other machines too.
Json by_name(const Json& settings) {
  Json out = settings;
  for (Json& lora : out["lora"]) {
    if (lora.is_array() && !lora.empty() && lora[0].is_string())
      lora[0] = fs::path(lora[0].get<std::string>()).filename().string();
  }
  for (const char* key : {"init_image", "mask"}) {
    if (out[key].is_string()) out[key] = fs::path(out[key].get<std::string>()).filename().string();
  }
  return out;
}

Json loras_of(const session::RoundRecord& record) {
  Json out = Json::array();
  for (const session::LoraChoice& lora : record.loras)
    out.push_back({fs::path(lora.file).filename().string(), lora.weight});
  return out;
}

class DialogueComparer {
 public:
  DialogueComparer(const Comparison& comparison, session::FileSystem& files,
                   session::ArtifactCodec& codec, std::size_t& shown)
      : comparison_(comparison), files_(files), codec_(codec), shown_(shown) {}

  DialogueComparison compare(const RecordedDialogue& before, const RecordedDialogue& after) {
    out_.id = before.dialogue.id;
    golden_folder_ = before.dialogue.folder;
    run_folder_ = after.dialogue.folder;
    settings(by_name(before.dialogue.settings), by_name(after.dialogue.settings));
    value("", "turns", before.dialogue.turns, after.dialogue.turns);
    value("", "accepted round", before.accepted.value_or(0), after.accepted.value_or(0));
    value("", "number of rounds", before.rounds.size(), after.rounds.size());
    for (std::size_t i = 0; i < std::min(before.rounds.size(), after.rounds.size()); ++i) {
      round(before.rounds[i], after.rounds[i]);
    }
    for (const RecordedRound& round : after.rounds) {
      const auto total = round.record.seconds.find("total");
      if (total != round.record.seconds.end()) out_.seconds += total->second;
    }
    return std::move(out_);
  }

 private:
  void differs(const std::string& where, const std::string& what) {
    out_.differences.push_back(where.empty() ? what : where + ": " + what);
  }

  template <typename Value>
  void value(const std::string& where, const std::string& what, const Value& before,
             const Value& after) {
    if (before == after) return;
    differs(where, what + ": expected " + json_text(before) + ", found " + json_text(after));
  }

  void settings(const Json& before, const Json& after) {
    for (const auto& [key, old] : before.items()) {
      const auto now = after.find(key);
      value("", "setting " + key, old, now == after.end() ? Json() : *now);
    }
    for (const auto& [key, now] : after.items()) {
      if (!before.contains(key)) value("", "setting " + key, Json(), now);
    }
  }

  void round(const RecordedRound& before, const RecordedRound& after) {
    const session::RoundRecord &a = before.record, &b = after.record;
    const std::string where = "round " + std::to_string(a.round);
    value(where, "goes on from round", a.parent, b.parent);
    value(where, "feedback", a.feedback, b.feedback);
    value(where, "prompt", a.prompt, b.prompt);
    value(where, "negative prompt", a.negative_prompt, b.negative_prompt);
    if (!before.token_ids.empty() && !after.token_ids.empty()) {
      value(where, "token ids", before.token_ids, after.token_ids);
      value(where, "token ids of the negative prompt", before.negative_token_ids,
            after.negative_token_ids);
    }
    value(where, "seed", a.seed, b.seed);
    value(where, "strength", Json(a.strength.value_or(0)), Json(b.strength.value_or(0)));
    value(where, "lora", loras_of(a), loras_of(b));
    value(where, "picked", before.picked, after.picked);
    value(where, "number of candidates", a.candidates.size(), b.candidates.size());
    if (comparison_.exact)
      value(where, "digest of the latents", a.latents_sha256, b.latents_sha256);
    for (std::size_t k = 0; k < std::min(a.candidates.size(), b.candidates.size()); ++k) {
      const std::string place = where + ", candidate " + std::to_string(k + 1);
      value(place, "seed", a.candidates[k].seed, b.candidates[k].seed);
      rewards(place, a.candidates[k].rewards, b.candidates[k].rewards);
      picture(place, before, after, static_cast<int>(k) + 1);
    }
  }

  void rewards(const std::string& where, const session::CandidateRewards& before,
               const session::CandidateRewards& after) {
    const std::pair<const char*, double session::CandidateRewards::*> terms[] = {
        {"total", &session::CandidateRewards::total},
        {"pref", &session::CandidateRewards::pref},
        {"div", &session::CandidateRewards::div},
        {"cons", &session::CandidateRewards::cons},
        {"mi", &session::CandidateRewards::mi}};
    const double room = comparison_.exact ? 0 : comparison_.limits.reward;
    for (const auto& [name, term] : terms) {
      if (std::abs(before.*term - after.*term) <= room) continue;
      differs(where, std::string("reward ") + name + ": expected " + number_text(before.*term, 9) +
                         ", found " + number_text(after.*term, 9) +
                         (room > 0 ? " (limit ±" + number_text(room) + ")" : ""));
    }
  }

  void picture(const std::string& where, const RecordedRound& before, const RecordedRound& after,
               int k) {
    const auto index = static_cast<std::size_t>(k - 1);
    const std::string& recorded = before.record.candidates[index].sha256;
    const std::string old = bytes(golden_folder_, before, k);
    if (const std::string found = codec_.sha256(old); !old.empty() && found != recorded) {
      return differs(where,
                     "the golden run's picture is not the one that was recorded: expected "
                     "sha256 " +
                         recorded + ", found " + found +
                         "; restore the file, or make the golden run anew");
    }
    if (recorded == after.record.candidates[index].sha256) return;
    const std::string now = bytes(run_folder_, after, k);
    if (old.empty() || now.empty()) {
      return differs(
          where, old.empty() ? "the golden run's picture is missing" : "the picture is missing");
    }
    const Image a = codec_.decode_image(old, "the golden run's picture, " + where);
    const Image b = codec_.decode_image(now, "the picture, " + where);
    if (a.width != b.width || a.height != b.height) {
      return differs(where, "picture: expected " + std::to_string(a.width) + "x" +
                                std::to_string(a.height) + " pixels, found " +
                                std::to_string(b.width) + "x" + std::to_string(b.height));
    }
    PictureComparison found{before.record.round, k, false, compare_pictures(a, b), "", "", ""};
    const PictureDifference& d = found.difference;
    out_.largest = std::max(out_.largest, d.max);
    if (d.max == 0) return;  // the text in the file changed, the picture did not
    const Limits& limits = comparison_.limits;
    found.within_limits =
        !comparison_.exact && d.max <= limits.max && d.mean <= limits.mean && d.ssim >= limits.ssim;
    if (!found.within_limits) {
      differs(where, "picture: off by at most " + std::to_string(d.max) + ", on average " +
                         number_text(d.mean) + " of 255, SSIM " + number_text(d.ssim) +
                         (comparison_.exact ? " (expected: equal)"
                                            : " (limits: " + std::to_string(limits.max) + ", " +
                                                  number_text(limits.mean) + ", " +
                                                  number_text(limits.ssim) + ")"));
    }
    if (shown_ < kMaxShown) {
      ++shown_;
      found.before = old;
      found.after = now;
      found.amplified = codec_.encode_image(amplified_difference(a, b), {});
    }
    out_.pictures.push_back(std::move(found));
  }

  std::string bytes(const fs::path& folder, const RecordedRound& round, int k) {
    const fs::path path = recorded_picture(folder, round, k, files_);
    return files_.exists(path) ? files_.read(path, kMaxPictureBytes) : std::string();
  }

  const Comparison& comparison_;
  session::FileSystem& files_;
  session::ArtifactCodec& codec_;
  std::size_t& shown_;
  fs::path golden_folder_, run_folder_;  // of the dialogue
  DialogueComparison out_;
};

// Hashes under what they are of: "weights of unet", "unet settings".
std::map<std::string, std::string> named(const std::map<std::string, std::string>& sha256) {
  std::map<std::string, std::string> out;
  for (const auto& [part, hash] : sha256)
    out[part.ends_with(session::kSettingsPart) ? part : "weights of " + part] = hash;
  return out;
}

void note_differences(std::vector<std::string>& notes,
                      const std::map<std::string, std::string>& before,
                      const std::map<std::string, std::string>& after) {
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [key, text] : before) all[key].first = text;
  for (const auto& [key, text] : after) all[key].second = text;
  for (const auto& [key, pair] : all) {
    if (pair.first == pair.second) continue;
    const auto shown = [](const std::string& text) { return text.empty() ? "none" : text; };
    notes.push_back(key + ": " + shown(pair.first) + " → " + shown(pair.second));
  }
}

}  // namespace

std::size_t Comparison::different() const {
  std::size_t count = 0;
  for (const DialogueComparison& one : dialogues) count += one.differences.empty() ? 0 : 1;
  return count;
}

Comparison compare_with_golden(const Golden& golden, const ComparedRun& run,
                               session::FileSystem& files, session::ArtifactCodec& codec) {
  Comparison out;
  out.exact = same_machine_class(golden.environment, run.environment);
  out.limits = golden.limits;
  if (!golden.environment.empty())
    note_differences(out.inputs, golden.environment, run.environment);
  note_differences(out.inputs, named(golden.identity.sha256), named(run.identity.sha256));

  std::size_t shown = 0;
  std::map<std::string, const RecordedDialogue*> after;
  for (const RecordedDialogue& one : run.dialogues) after[one.dialogue.id] = &one;
  for (const RecordedDialogue& before : golden.dialogues) {
    const std::string& id = before.dialogue.id;
    const auto found = after.find(id);
    if (const auto failed = run.failed.find(id); failed != run.failed.end()) {
      out.dialogues.push_back({id, {"failed: " + failed->second}, {}, 0, 0});
    } else if (found == after.end()) {
      out.dialogues.push_back({id, {"it was not run"}, {}, 0, 0});
    } else {
      DialogueComparer comparer(out, files, codec, shown);
      out.dialogues.push_back(comparer.compare(before, *found->second));
    }
    after.erase(id);
  }
  for (const auto& [id, unused] : after) {
    out.dialogues.push_back({id, {"the golden run does not hold it"}, {}, 0, 0});
  }
  return out;
}

}  // namespace omr::replay
