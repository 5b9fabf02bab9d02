// The noise schedule that a model was trained with: keys of scheduler_config.json (diffusers
// schedulers/).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace omr::schedulers {

enum class BetaSchedule { linear, scaled_linear, squaredcos_cap_v2 };
enum class PredictionType { epsilon, v_prediction, sample };
enum class TimestepSpacing { leading, trailing, linspace };  // arXiv 2305.08891, table 2
enum class FinalSigmas { zero, sigma_min };
enum class VarianceType { fixed_small, fixed_small_log, fixed_large };
enum class SolverType { bh1, bh2 };  // UniPC's B(h): arXiv 2302.04867, §3.1

// The initial values are those that diffusers' classes share; class_defaults (scheduler.h) has
// those of a class of its own.
struct SchedulerConfig {
  std::int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  BetaSchedule beta_schedule = BetaSchedule::linear;
  std::vector<double> trained_betas;  // given outright; empty: from the schedule
  PredictionType prediction_type = PredictionType::epsilon;
  TimestepSpacing timestep_spacing = TimestepSpacing::leading;
  std::int64_t steps_offset = 0;
  bool set_alpha_to_one = true;
  bool rescale_betas_zero_snr = false;  // arXiv 2305.08891, algorithm 1
  bool clip_sample = true;
  double clip_sample_range = 1.0;
  bool thresholding = false;  // dynamic thresholding, arXiv 2205.11487, §2.3
  double dynamic_thresholding_ratio = 0.995;
  double sample_max_value = 1.0;
  FinalSigmas final_sigmas_type = FinalSigmas::zero;
  bool use_karras_sigmas = false;  // arXiv 2206.00364, eq. 5
  bool lower_order_final = true;
  bool euler_at_final = false;
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();
  VarianceType variance_type = VarianceType::fixed_small;  // DDPM's
  bool skip_prk_steps = false;    // PNDM without its Runge-Kutta start: what SD's own files ask for
  std::int64_t solver_order = 2;  // UniPC's, 1 to 3
  SolverType solver_type = SolverType::bh2;     // likewise
  std::vector<std::int64_t> disable_corrector;  // steps that UniPC leaves uncorrected
  std::int64_t original_inference_steps = 50;   // LCM: steps of the distilled schedule
  double timestep_scaling = 10.0;               // LCM: steepness of the boundary condition
};

}  // namespace omr::schedulers
