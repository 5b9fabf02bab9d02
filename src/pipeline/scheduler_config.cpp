#include <map>
#include <vector>

#include "omr/core/error.h"
#include "omr/pipeline/model_folder.h"

namespace omr::pipeline {
namespace {

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

// Keys of one class only; other classes' files may carry values that mean nothing here.
void read_solver_keys(const io::Config& config, schedulers::SchedulerName name,
                      schedulers::SchedulerConfig& out) {
  using namespace schedulers;
  const auto expect_off = [&](const std::vector<const char*>& keys) {
    for (const char* key : keys) config.expect(key, false);
  };
  switch (name) {
    case SchedulerName::ddpm:
      out.variance_type = choose<VarianceType>(config, "variance_type", out.variance_type,
                                               {{"fixed_small", VarianceType::fixed_small},
                                                {"fixed_small_log", VarianceType::fixed_small_log},
                                                {"fixed_large", VarianceType::fixed_large}});
      break;
    case SchedulerName::heun:
    case SchedulerName::lms:
    case SchedulerName::dpmpp_sde_karras:
      expect_off({"use_exponential_sigmas", "use_beta_sigmas"});
      break;
    case SchedulerName::euler:
      expect_off({"use_exponential_sigmas", "use_beta_sigmas"});
      config.expect("sigma_min", nullptr);
      config.expect("sigma_max", nullptr);
      config.expect("interpolation_type", "linear");
      config.expect("timestep_type", "discrete");
      break;
    case SchedulerName::dpmpp_2m:
    case SchedulerName::dpmpp_2m_karras:
      expect_off(
          {"use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas", "use_lu_lambdas"});
      config.expect("algorithm_type", "dpmsolver++");
      if (config.text("solver_type", "midpoint") == "heun")
        config.expect("solver_type", "midpoint");
      if (scheduler_of_config(config) == name) config.expect("solver_order", 2);
      break;
    case SchedulerName::unipc:
      expect_off({"use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas"});
      config.expect("predict_x0", true);
      if (config.has("solver_order"))
        out.solver_order = config.integer_within("solver_order", 1, 3);
      // The names of DPM-Solver's types mean the default here.
      if (config.text("solver_type", "bh2") == "bh1") out.solver_type = SolverType::bh1;
      if (config.has("disable_corrector"))
        out.disable_corrector = config.integers("disable_corrector");
      break;
    default:
      break;
  }
}

}  // namespace

schedulers::SchedulerConfig read_scheduler_config(const io::Config& config,
                                                  schedulers::SchedulerName name) {
  using namespace schedulers;
  SchedulerConfig out = class_defaults(name);
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
  out.timestep_spacing = choose<TimestepSpacing>(config, "timestep_spacing", out.timestep_spacing,
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
  // -Infinity, as diffusers writes its default, is no number of JSON.
  if (config.has("lambda_min_clipped") && config.json().at("lambda_min_clipped").is_number()) {
    out.lambda_min_clipped = config.number("lambda_min_clipped", out.lambda_min_clipped);
  }
  out.skip_prk_steps = config.boolean("skip_prk_steps", out.skip_prk_steps);
  out.timestep_scaling = config.number("timestep_scaling", out.timestep_scaling);
  if (config.has("original_inference_steps")) {
    out.original_inference_steps =
        config.integer_within("original_inference_steps", 1, out.num_train_timesteps);
  }
  read_solver_keys(config, name, out);
  return out;
}

schedulers::SchedulerConfig read_scheduler_config(const io::Config& config) {
  return read_scheduler_config(
      config, scheduler_of_config(config).value_or(schedulers::SchedulerName::ddim));
}

std::optional<schedulers::SchedulerName> scheduler_of_config(const io::Config& config) {
  return schedulers::scheduler_of_class(config.text("_class_name", "DDIMScheduler"),
                                        config.boolean("use_karras_sigmas", false));
}

}  // namespace omr::pipeline
