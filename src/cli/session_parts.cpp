#include "cli/session_parts.h"

#include <map>
#include <set>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/io/picture_file.h"
#include "omr/io/sha256.h"
#include "omr/io/weights.h"
#include "omr/session/candidate_plan.h"
#include "omr/session/reward_schedule.h"
#include "omr/text/prompt_weights.h"

namespace omr::cli {
namespace {

void add_session_options(CLI::App& app, SessionOptions& options, PictureOptions& picture) {
  app.add_option("--candidates", picture.candidates,
                 "pictures drawn each round, of which the rewards pick one")
      ->check(CLI::Range(1, session::kMaxCandidates));
  app.add_option("--reward-schedule", options.reward_schedule,
                 "how rewards are mixed over the rounds: " + session::reward_schedules_in_words());
  app.add_option("--readings", options.readings,
                 "answers of the refiner that a doubtful one is held against, at most; 0: the "
                 "first is taken")
      ->check(CLI::Range(0, session::kMaxReadings));
  app.add_option("--keep", options.keep,
                 "what later rounds keep of the picture: local (all but the part that changes), "
                 "noise or latents");
  app.add_option("--round-seconds", options.round_seconds,
                 "time that a round may take: chooses steps, candidates and strength to fit, at "
                 "most --steps and --candidates")
      ->check(CLI::PositiveNumber);
  app.add_option("--user", options.user, "name of who asks, for the journal (default: none)");
  app.add_flag("--no-phrase-weights", options.no_phrase_weights,
               "leave the prompt embedding as it is");
  app.add_flag("--no-reward", options.no_reward, "run without a reward model");
  app.add_flag("--no-refiner", options.no_refiner,
               "join feedback to the prompt instead of refining it");
  app.add_flag("--no-metadata", options.no_metadata, "leave the recipe out of the PNGs");
}

// Of the files beside the weights that say how a part is used: configurations, vocabularies,
// templates. Empty where there is none, as for a single file.
std::string settings_hash(const std::filesystem::path& folder) {
  std::map<std::string, std::string> hashes;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file(code)) continue;
    if (extension == ".json" || extension == ".txt" || extension == ".model")
      hashes[entry.path().filename().string()] = io::sha256_file(entry.path());
  }
  std::string all;
  for (const auto& [name, hash] : hashes) all += name + ' ' + hash + '\n';
  return all.empty() ? "" : io::sha256(all);
}

}  // namespace

void add_session_command_options(CLI::App& app, SessionCommandOptions& options) {
  add_model_option(app, options.model);
  add_refiner_options(app, options.model);
  add_reward_options(app, options.model);
  add_execution_options(app, options.model);
  add_memory_options(app, options.model);
  add_picture_options(app, options.picture);
  add_session_options(app, options.session, options.picture);
  add_output_options(app, options.output);
}

void override_with(session::Settings& settings, const SessionOptions& options) {
  settings.reward_schedule = options.reward_schedule.value_or(settings.reward_schedule);
  settings.readings = options.readings.value_or(settings.readings);
  settings.keep = options.keep.value_or(settings.keep);
  if (options.round_seconds) settings.round_seconds = options.round_seconds;
  if (options.no_phrase_weights) settings.use_phrase_weights = false;
  if (options.no_metadata) settings.metadata = false;
}

SessionParts::SessionParts(const ModelOptions& model, const SessionOptions& options)
    : model_(model),
      options_(options),
      folder_(open_folder(model)),
      pipeline_(open_pipeline(folder_, model)),
      image_model_(pipeline_) {
  if (model.offload) {
    offload_ = std::make_shared<nn::ModelOffload>(pipeline_.execution().device);
    pipeline_.set_offload(offload_);
  }
  session::Settings trial;
  override_with(trial, options);
  session::find_reward_schedule(trial.reward_schedule);
  session::find_keep_policy(trial.keep);
  if (!options.user.empty()) check_text(options.user, "user");
  if (const auto folder = options.no_refiner ? std::nullopt : refiner_folder(model)) {
    refiner_.emplace(open_refiner(*folder, model));
    if (offload_) offload_->add("refiner", refiner_->move());
    language_model_.emplace(*refiner_, offload_.get());
  } else if (!options.no_refiner) {
    log::warn(
        "the model has no refiner/: feedback is joined to the prompt (--refiner DIR gives one)");
  }
  if (const auto folder = options.no_reward ? std::nullopt : reward_folder(model)) {
    reward_.emplace(open_reward(*folder, model));
    if (offload_) offload_->add("reward", reward_->move());
    reward_model_.emplace(*reward_, offload_.get());
  } else if (!options.no_reward) {
    log::warn(
        "the model has no reward/: the first candidate is kept each round (--reward DIR gives "
        "one)");
  }
}

session::Settings SessionParts::settings(const PictureOptions& picture) const {
  session::Settings out = settings_of(picture, folder_, pipeline_);
  // The pack's references are of its own reward model's scores.
  if (!model_.reward.empty()) out.references = {};
  override_with(out, options_);
  return out;
}

std::optional<session::InitialPicture> SessionParts::initial_picture(session::Settings& settings) {
  if (settings.init_image.empty()) return std::nullopt;
  const Image image = io::read_picture(settings.init_image);
  std::optional<Image> mask;
  if (!settings.mask.empty()) {
    mask = io::read_picture(settings.mask);
    if (!settings.strength) settings.strength = 1.0;
  }
  const pipeline::Start start =
      pipeline_.encode_start(image, mask, settings.seed, 1.0, settings.width, settings.height);
  const int multiple = static_cast<int>(pipeline_.vae()->config().downscale());
  settings.width = static_cast<int>(start.latents.size(3)) * multiple;
  settings.height = static_cast<int>(start.latents.size(2)) * multiple;
  session::InitialPicture out{to_latents(start.latents)};
  if (start.inpainting) {
    out.inpainting = std::make_shared<const session::Inpainting>(session::Inpainting{
        to_latents(start.inpainting->mask), to_latents(start.inpainting->masked_pixels)});
  }
  return out;
}

std::string SessionParts::check_lora(const session::LoraChoice& lora) {
  const std::vector<nn::LoraReport> reports = pipeline_.set_loras({{lora.file, lora.weight}});
  const std::string summary = lora_summary({lora.file, lora.weight}, reports.at(0));
  pipeline_.set_loras({});
  return summary;
}

session::Parts SessionParts::parts(session::FileSystem& files, session::Clock& clock) {
  return {image_model_,
          language_model_ ? &*language_model_ : nullptr,
          reward_model_ ? &*reward_model_ : nullptr,
          codec_,
          files,
          clock,
          options_.user};
}

std::map<std::string, std::string> SessionParts::execution() const {
  std::map<std::string, std::string> out = {{"dtype", c10::toString(pipeline_.execution().dtype)},
                                            {"prediction", model_.prediction},
                                            {"vae_tiling", model_.vae_tiling ? "on" : "off"}};
  if (refiner_) out["refiner_nf4"] = model_.refiner_nf4 ? "on" : "off";
  if (reward_) out["reward_quant"] = model_.reward_quant;
  return out;
}

std::vector<std::int64_t> SessionParts::token_ids(const std::string& prompt) const {
  return pipeline_.tokenizer().encode(text::parse_prompt_weights(prompt).text).ids;
}

session::ModelIdentity SessionParts::identity(
    const std::vector<session::Settings>& settings) const {
  session::ModelIdentity out;
  out.model = folder_.root.filename().empty() ? folder_.root.parent_path().filename().string()
                                              : folder_.root.filename().string();
  const auto hash = [&](const std::string& part, const io::Weights& weights) {
    std::string all;
    for (const auto& file : weights.files()) all += io::sha256_file(file);
    // One file keeps its own hash, so that it can be looked up; shards are hashed together.
    out.sha256[part] = all.size() == 64 ? all : io::sha256(all);
  };
  const auto hash_settings = [&](const std::string& part, const std::filesystem::path& folder) {
    const std::string hash = settings_hash(folder);
    if (!hash.empty()) out.sha256[part + session::kSettingsPart] = hash;
  };
  hash("text_encoder", io::Weights::open(folder_.part("text_encoder"), "model"));
  hash("unet", io::Weights::open(folder_.part("unet"), "diffusion_pytorch_model"));
  hash("vae", io::Weights::open(folder_.part("vae"), "diffusion_pytorch_model"));
  for (const char* part : {"text_encoder", "unet", "vae", "scheduler"})
    hash_settings(part, folder_.part(part));
  hash_settings("tokenizer",
                folder_.tokenizer.empty() ? folder_.part("tokenizer") : folder_.tokenizer);
  // Adapters change what a model answers as its own weights do.
  const auto hash_adapter = [&](const std::string& part, const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "adapter_model.safetensors";
    if (!std::filesystem::exists(file)) return;
    out.sha256[part] = io::sha256_file(file);
    hash_settings(part, folder);
  };
  if (refiner_) {
    const auto folder = *refiner_folder(model_);
    hash("refiner", io::Weights::open(folder, "model"));
    hash_adapter("refiner_adapter", folder / "adapter");
    hash_settings("refiner", folder);
  }
  if (reward_) {
    const auto folder = *reward_folder(model_);
    hash("reward", reward::open_reward_weights(folder));
    hash_settings("reward", folder);
    const bool own = model_.reward_adapter.empty();
    if (model_.reward_adapter != "none") {
      hash_adapter("reward_adapter",
                   own ? folder / "adapter" : std::filesystem::path(model_.reward_adapter));
    }
  }
  std::set<std::string> loras;
  for (const session::Settings& one : settings) {
    for (const session::LoraChoice& lora : one.loras) loras.insert(lora.file);
  }
  for (const std::string& file : loras) {
    std::error_code code;
    if (std::filesystem::is_regular_file(file, code))
      out.sha256[session::lora_part(file)] = io::sha256_file(file);
  }
  return out;
}

}  // namespace omr::cli
