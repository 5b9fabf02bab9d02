#include "omr/pipeline/model_folder.h"

#include "omr/core/error.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

template <typename Enum>
Enum choose(const io::Config& config, const std::string& key, Enum otherwise,
            const std::map<std::string, Enum>& choices) {
  if (!config.has(key)) return otherwise;
  const std::string name = config.text(key);
  const auto found = choices.find(name);
  if (found != choices.end()) return found->second;
  std::string known;
  for (const auto& [choice, value] : choices) known += (known.empty() ? "" : ", ") + choice;
  throw Error(ErrorKind::mismatch,
              config.where() + ": \"" + key + "\" is \"" + name + "\"; omr knows " + known);
}

}  // namespace

PackDefaults PackDefaults::parse(const io::Config& config) {
  config.allow_only({"steps", "guidance_scale", "scheduler", "width", "height", "candidates",
                     "strength", "lora", "reward_reference"});
  PackDefaults out;
  const auto integer = [&](const std::string& key, std::int64_t high) -> std::optional<int> {
    if (!config.has(key)) return std::nullopt;
    return static_cast<int>(config.integer_within(key, 1, high));
  };
  out.steps = integer("steps", 1000);
  out.width = integer("width", 16384);
  out.height = integer("height", 16384);
  out.candidates = integer("candidates", 64);
  if (config.has("guidance_scale")) out.guidance_scale = config.number("guidance_scale", 0);
  if (config.has("strength")) out.strength = config.number("strength", 0);
  if (config.has("scheduler")) out.scheduler = config.text("scheduler");
  if (config.has("lora")) {
    for (const io::Json& entry : config.json().at("lora")) {
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
          !entry[1].is_number()) {
        throw Error(ErrorKind::format,
                    config.where() + ": \"lora\": expected [[\"file\", weight], …]");
      }
      out.lora.emplace_back(entry[0].get<std::string>(), entry[1].get<double>());
    }
  }
  if (config.has("reward_reference")) {
    const io::Config reference = config.child("reward_reference");
    reference.allow_only({"pref", "div", "cons", "mi"});
    for (const auto& [name, value] : reference.json().items()) {
      const std::vector<double> pair = reference.numbers(name);
      if (pair.size() != 2 || !(pair[1] > 0)) {
        throw Error(ErrorKind::format,
                    reference.where() + ": \"" + name + "\": expected [mean, standard deviation]");
      }
      out.reward_reference[name] = {pair[0], pair[1]};
    }
  }
  return out;
}

ModelFolder ModelFolder::open(const fs::path& root) {
  std::error_code code;
  if (!fs::is_directory(root, code)) {
    throw Error(ErrorKind::io, "no model folder at " + root.string() +
                                   (fs::exists(root, code) ? ": it is a file" : ""));
  }
  if (!fs::exists(root / "model_index.json", code)) {
    throw Error(
        ErrorKind::io,
        root.string() + " has no model_index.json: expected a folder as diffusers saves it");
  }
  const io::Config index(root / "model_index.json");
  const std::string pipeline = index.text("_class_name");
  if (!pipeline.starts_with("StableDiffusion") || pipeline.find("XL") != std::string::npos ||
      pipeline.find('3') != std::string::npos) {
    throw Error(ErrorKind::mismatch,
                index.where() + ": a " + pipeline +
                    "; omr runs Stable Diffusion 1.x and 2.x (StableDiffusionPipeline)");
  }
  ModelFolder out;
  out.root = root;
  if (fs::exists(root / "omr.json", code))
    out.defaults = PackDefaults::parse(io::Config(root / "omr.json"));
  return out;
}

bool ModelFolder::has(const std::string& name) const {
  std::error_code code;
  return fs::exists(root / name, code);
}

schedulers::SchedulerConfig read_scheduler_config(const io::Config& config) {
  using namespace schedulers;
  SchedulerConfig out;
  if (config.has("num_train_timesteps")) {
    out.num_train_timesteps = config.integer_within("num_train_timesteps", 2, 1'000'000);
  }
  out.beta_start = config.number("beta_start", out.beta_start);
  out.beta_end = config.number("beta_end", out.beta_end);
  out.beta_schedule =
      choose<BetaSchedule>(config, "beta_schedule", out.beta_schedule,
                           {{"linear", BetaSchedule::linear},
                            {"scaled_linear", BetaSchedule::scaled_linear},
                            {"squaredcos_cap_v2", BetaSchedule::squaredcos_cap_v2}});
  if (config.has("trained_betas")) {
    out.trained_betas = config.numbers("trained_betas");
    if (static_cast<std::int64_t>(out.trained_betas.size()) != out.num_train_timesteps) {
      throw Error(ErrorKind::format, config.where() + ": \"trained_betas\" has " +
                                         std::to_string(out.trained_betas.size()) + " values for " +
                                         std::to_string(out.num_train_timesteps) + " timesteps");
    }
  }
  out.prediction_type = choose<PredictionType>(config, "prediction_type", out.prediction_type,
                                               {{"epsilon", PredictionType::epsilon},
                                                {"v_prediction", PredictionType::v_prediction},
                                                {"sample", PredictionType::sample}});
  // Each class of diffusers has its own default spacing; a saved config always names one.
  const bool ddim = config.text("_class_name", "DDIMScheduler") == "DDIMScheduler";
  out.timestep_spacing = choose<TimestepSpacing>(
      config, "timestep_spacing", ddim ? TimestepSpacing::leading : TimestepSpacing::linspace,
      {{"leading", TimestepSpacing::leading},
       {"trailing", TimestepSpacing::trailing},
       {"linspace", TimestepSpacing::linspace}});
  out.final_sigmas_type =
      choose<FinalSigmas>(config, "final_sigmas_type", out.final_sigmas_type,
                          {{"zero", FinalSigmas::zero}, {"sigma_min", FinalSigmas::sigma_min}});
  if (config.has("steps_offset")) {
    out.steps_offset = config.integer_within("steps_offset", 0, out.num_train_timesteps - 1);
  }
  out.set_alpha_to_one = config.boolean("set_alpha_to_one", out.set_alpha_to_one);
  out.rescale_betas_zero_snr = config.boolean("rescale_betas_zero_snr", out.rescale_betas_zero_snr);
  out.clip_sample = config.boolean("clip_sample", out.clip_sample);
  out.clip_sample_range = config.number("clip_sample_range", out.clip_sample_range);
  out.thresholding = config.boolean("thresholding", out.thresholding);
  out.dynamic_thresholding_ratio =
      config.number("dynamic_thresholding_ratio", out.dynamic_thresholding_ratio);
  out.sample_max_value = config.number("sample_max_value", out.sample_max_value);
  out.use_karras_sigmas = config.boolean("use_karras_sigmas", out.use_karras_sigmas);
  out.lower_order_final = config.boolean("lower_order_final", out.lower_order_final);
  out.euler_at_final = config.boolean("euler_at_final", out.euler_at_final);
  if (config.has("lambda_min_clipped") && config.json().at("lambda_min_clipped").is_number()) {
    out.lambda_min_clipped = config.number("lambda_min_clipped", out.lambda_min_clipped);
  }
  return out;
}

}  // namespace omr::pipeline
