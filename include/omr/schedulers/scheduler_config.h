// The noise schedule that a model was trained with: keys and defaults of scheduler_config.json
// (diffusers schedulers/).
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
};

}  // namespace omr::schedulers
