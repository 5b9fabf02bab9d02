#include "cli/session_parts.h"

#include <set>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/io/picture_file.h"
#include "omr/io/sha256.h"
#include "omr/io/weights.h"
#include "omr/session/candidate_plan.h"
#include "omr/text/prompt_weights.h"

namespace omr::cli {
namespace {

void add_session_options(CLI::App& app, SessionOptions& options, PictureOptions& picture) {
  app.add_option("--candidates", picture.candidates,
                 "pictures drawn each round, of which the rewards pick one")
      ->check(CLI::Range(1, session::kMaxCandidates));
  app.add_option("--reward-schedule", options.reward_schedule,
                 "how rewards are mixed over the rounds: paper, static or none");
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
  session::find_reward_schedule(options.reward_schedule);
  session::find_keep_policy(options.keep);
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
  out.reward_schedule = options_.reward_schedule;
  out.readings = options_.readings;
  out.keep = options_.keep;
  out.round_seconds = options_.round_seconds;
  out.use_phrase_weights = !options_.no_phrase_weights;
  out.metadata = !options_.no_metadata;
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
  hash("text_encoder", io::Weights::open(folder_.part("text_encoder"), "model"));
  hash("unet", io::Weights::open(folder_.part("unet"), "diffusion_pytorch_model"));
  hash("vae", io::Weights::open(folder_.part("vae"), "diffusion_pytorch_model"));
  // Adapters change what a model answers as its own weights do.
  const auto hash_adapter = [&](const std::string& part, const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "adapter_model.safetensors";
    if (std::filesystem::exists(file)) out.sha256[part] = io::sha256_file(file);
  };
  if (refiner_) {
    const auto folder = *refiner_folder(model_);
    hash("refiner", io::Weights::open(folder, "model"));
    hash_adapter("refiner_adapter", folder / "adapter");
  }
  if (reward_) {
    const auto folder = *reward_folder(model_);
    hash("reward", reward::open_reward_weights(folder));
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
