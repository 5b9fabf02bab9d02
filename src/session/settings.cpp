#include "omr/session/settings.h"

#include <cmath>

#include "omr/core/error.h"
#include "omr/session/candidate_plan.h"
#include "omr/session/reward_schedule.h"
#include "omr/session/user_text.h"

#include "session/journal_fields.h"

namespace omr::session {
namespace {

constexpr int kMaxSide = 16384;

[[noreturn]] void refuse(const std::string& setting, const std::string& expected,
                         const std::string& got) {
  throw Error(ErrorKind::usage, setting + ": expected " + expected + ", got " + got);
}

void require_between(const std::string& setting, double value, double low, double high) {
  if (value >= low && value <= high) return;
  refuse(setting, "a number from " + Json(low).dump() + " to " + Json(high).dump(),
         Json(value).dump());
}

void require_within(const std::string& setting, int value, int low, int high) {
  if (value >= low && value <= high) return;
  refuse(setting, "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
         std::to_string(value));
}

void require_reference(const std::string& name, const std::optional<RewardReference>& reference) {
  if (!reference) return;
  if (!std::isfinite(reference->mean) || !(reference->std > 0) || !std::isfinite(reference->std)) {
    refuse("reward reference " + name, "a finite mean and a std above 0",
           Json(reference->mean).dump() + " and " + Json(reference->std).dump());
  }
}

Json to_json(const RewardReferences& references) {
  Json object = Json::object();
  const auto add = [&](const char* name, const std::optional<RewardReference>& reference) {
    if (reference) object[name] = {{"mean", reference->mean}, {"std", reference->std}};
  };
  add("pref", references.pref);
  add("div", references.div);
  add("cons", references.cons);
  add("mi", references.mi);
  return object;
}

RewardReferences read_references(const Fields& fields) {
  RewardReferences references;
  for (const auto& [name, unused] : fields.json().items()) {
    const Fields entry = fields.object(name);
    const RewardReference reference{entry.number("mean"), entry.number("std")};
    if (!(reference.std > 0)) entry.fail("std", "a number above 0");
    if (name == "pref") {
      references.pref = reference;
    } else if (name == "div") {
      references.div = reference;
    } else if (name == "cons") {
      references.cons = reference;
    } else if (name == "mi") {
      references.mi = reference;
    } else {
      throw Error(ErrorKind::format, fields.where() + ": unknown reward \"" + name + "\"");
    }
  }
  return references;
}

Json to_json(const PhraseWeightOptions& options) {
  return {{"w_min", options.w_min},
          {"w_max", options.w_max},
          {"shortfall_gain", options.shortfall_gain},
          {"changed_gain", options.changed_gain},
          {"reaction_gain", options.reaction_gain},
          {"dead_band", options.dead_band}};
}

void read_phrase_options(PhraseWeightOptions& options, const Fields& fields) {
  for (const auto& [name, unused] : fields.json().items()) {
    if (name == "w_min") {
      options.w_min = fields.number(name);
    } else if (name == "w_max") {
      options.w_max = fields.number(name);
    } else if (name == "shortfall_gain") {
      options.shortfall_gain = fields.number(name);
    } else if (name == "changed_gain") {
      options.changed_gain = fields.number(name);
    } else if (name == "reaction_gain") {
      options.reaction_gain = fields.number(name);
    } else if (name == "dead_band") {
      options.dead_band = fields.number(name);
    } else {
      throw Error(ErrorKind::format, fields.where() + ": unknown key \"" + name + "\"");
    }
  }
}

}  // namespace

void check(const Settings& settings) {
  if (clean_text(settings.prompt, "the prompt").empty()) {
    throw Error(ErrorKind::usage, "the prompt is empty: say what to draw");
  }
  clean_text(settings.negative_prompt, "the negative prompt");
  require_within("steps", settings.steps, 1, kMaxSteps);
  require_between("guidance scale", settings.guidance_scale, 0, 100);
  require_within("width", settings.width, 0, kMaxSide);
  require_within("height", settings.height, 0, kMaxSide);
  require_within("candidates", settings.candidates, 1, kMaxCandidates);
  if (settings.strength && !(*settings.strength > 0 && *settings.strength <= 1)) {
    refuse("strength", "a number above 0, at most 1", Json(*settings.strength).dump());
  }
  if (!settings.mask.empty() && settings.init_image.empty()) {
    throw Error(ErrorKind::usage, "--mask needs the picture that it masks: give --init-image");
  }
  if (settings.round_seconds && !(*settings.round_seconds > 0)) {
    refuse("round seconds", "a number above 0", Json(*settings.round_seconds).dump());
  }
  require_within("readings", settings.readings, 0, kMaxReadings);
  find_keep_policy(settings.keep);
  for (const LoraChoice& lora : settings.loras) {
    require_between("weight of " + lora.file, lora.weight, -100, 100);
  }
  find_reward_schedule(settings.reward_schedule);
  require_between("learning rate", settings.learning_rate, 0, 10);
  require_reference("pref", settings.references.pref);
  require_reference("div", settings.references.div);
  require_reference("cons", settings.references.cons);
  require_reference("mi", settings.references.mi);
  const PhraseWeightOptions& weights = settings.phrase_weights;
  require_between("w_min", weights.w_min, 0, 1);
  require_between("w_max", weights.w_max, 1, 10);
  for (const double gain :
       {weights.shortfall_gain, weights.changed_gain, weights.reaction_gain, weights.dead_band}) {
    require_between("phrase weight gains", gain, 0, 10);
  }
}

nlohmann::json to_json(const Settings& settings) {
  Json object = {{"prompt", settings.prompt},
                 {"negative_prompt", settings.negative_prompt},
                 {"seed", settings.seed},
                 {"steps", settings.steps},
                 {"guidance_scale", settings.guidance_scale},
                 {"scheduler", settings.scheduler},
                 {"width", settings.width},
                 {"height", settings.height},
                 {"candidates", settings.candidates},
                 {"strength", to_json(settings.strength)},
                 {"readings", settings.readings},
                 {"keep", settings.keep},
                 {"lora", to_json(settings.loras)},
                 {"init_image", settings.init_image},
                 {"mask", settings.mask},
                 {"reward_schedule", settings.reward_schedule},
                 {"learning_rate", settings.learning_rate},
                 {"references", to_json(settings.references)},
                 {"use_phrase_weights", settings.use_phrase_weights},
                 {"phrase_weights", to_json(settings.phrase_weights)},
                 {"metadata", settings.metadata}};
  if (settings.round_seconds) object["round_seconds"] = *settings.round_seconds;
  return object;
}

void override_with(Settings& settings, const nlohmann::json& object, const std::string& where) {
  const Fields fields(object, where);
  Settings next = settings;
  for (const auto& [key, value] : object.items()) {
    if (key == "prompt") {
      next.prompt = fields.text(key);
    } else if (key == "negative_prompt") {
      next.negative_prompt = fields.text(key);
    } else if (key == "seed") {
      next.seed = fields.natural(key);
    } else if (key == "steps") {
      next.steps = static_cast<int>(fields.integer(key, 1, kMaxSteps));
    } else if (key == "guidance_scale") {
      next.guidance_scale = fields.number(key);
    } else if (key == "scheduler") {
      next.scheduler = fields.text(key);
    } else if (key == "width") {
      next.width = static_cast<int>(fields.integer(key, 0, kMaxSide));
    } else if (key == "height") {
      next.height = static_cast<int>(fields.integer(key, 0, kMaxSide));
    } else if (key == "candidates") {
      next.candidates = static_cast<int>(fields.integer(key, 1, kMaxCandidates));
    } else if (key == "strength") {
      next.strength = fields.optional_number(key);
    } else if (key == "round_seconds") {
      next.round_seconds = fields.optional_number(key);
    } else if (key == "readings") {
      next.readings = static_cast<int>(fields.integer(key, 0, kMaxReadings));
    } else if (key == "keep") {
      next.keep = fields.text(key);
    } else if (key == "lora") {
      next.loras = read_loras(fields, key);
    } else if (key == "init_image") {
      next.init_image = fields.text(key);
    } else if (key == "mask") {
      next.mask = fields.text(key);
    } else if (key == "reward_schedule") {
      next.reward_schedule = fields.text(key);
    } else if (key == "learning_rate") {
      next.learning_rate = fields.number(key);
    } else if (key == "references") {
      next.references = read_references(fields.object(key));
    } else if (key == "use_phrase_weights") {
      next.use_phrase_weights = fields.boolean(key);
    } else if (key == "phrase_weights") {
      read_phrase_options(next.phrase_weights, fields.object(key));
    } else if (key == "metadata") {
      next.metadata = fields.boolean(key);
    } else {
      throw Error(ErrorKind::format, where + ": unknown setting \"" + key + "\"");
    }
  }
  settings = std::move(next);
}

}  // namespace omr::session
