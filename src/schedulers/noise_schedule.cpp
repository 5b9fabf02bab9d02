#include "omr/schedulers/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::schedulers {
namespace {

at::Tensor make_betas(const SchedulerConfig& config) {
  const std::int64_t count = config.num_train_timesteps;
  if (!config.trained_betas.empty()) {
    return at::tensor(config.trained_betas, at::kDouble).to(at::kFloat);
  }
  switch (config.beta_schedule) {
    case BetaSchedule::linear:
      return at::linspace(config.beta_start, config.beta_end, count, at::kFloat);
    case BetaSchedule::scaled_linear:
      return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count,
                          at::kFloat)
          .square();
    case BetaSchedule::squaredcos_cap_v2:
      break;
  }
  // Cosine schedule of arXiv 2102.09672, eq. 17, with betas capped at 0.999.
  const auto alpha_bar = [](double t) {
    const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
    return c * c;
  };
  std::vector<double> betas;
  for (std::int64_t i = 0; i < count; ++i) {
    const double t1 = static_cast<double>(i) / static_cast<double>(count);
    const double t2 = static_cast<double>(i + 1) / static_cast<double>(count);
    betas.push_back(std::min(1 - alpha_bar(t2) / alpha_bar(t1), 0.999));
  }
  return at::tensor(betas, at::kDouble).to(at::kFloat);
}

at::Tensor rescale_zero_terminal_snr(const at::Tensor& betas) {
  const at::Tensor root = (1 - betas).cumprod(0).sqrt();
  const at::Tensor first = root[0].clone(), last = root[-1].clone();
  const at::Tensor alpha_bar = ((root - last) * (first / (first - last))).square();
  const at::Tensor alphas =
      at::cat({alpha_bar.slice(0, 0, 1), alpha_bar.slice(0, 1) / alpha_bar.slice(0, 0, -1)});
  return 1 - alphas;
}

// Values 0 to `last`, and `first` down to 0, as numpy's linspace and arange compute them: which way
// a timestep of one half is rounded depends on the last bit.
double linspace_value(double last, std::int64_t parts, std::int64_t i) {
  return i == parts ? last : static_cast<double>(i) * (last / static_cast<double>(parts));
}

double arange_value(double first, double step, std::int64_t i) {
  return first + static_cast<double>(i) * ((first - step) - first);
}

void check_steps(const SchedulerConfig& config, int steps) {
  if (steps >= 1 && steps <= config.num_train_timesteps) return;
  throw Error(ErrorKind::usage,
              "steps must be from 1 to " + std::to_string(config.num_train_timesteps) +
                  " (the model's training timesteps), got " + std::to_string(steps));
}

}  // namespace

std::vector<double> alphas_cumprod(const SchedulerConfig& config) {
  at::Tensor betas = make_betas(config);
  if (config.rescale_betas_zero_snr) betas = rescale_zero_terminal_snr(betas);
  const at::Tensor product = (1 - betas).cumprod(0).to(at::kDouble).contiguous();
  const double* values = product.data_ptr<double>();
  return {values, values + product.numel()};
}

std::vector<double> spaced_timesteps(const SchedulerConfig& config, int steps) {
  check_steps(config, steps);
  const std::int64_t train = config.num_train_timesteps;
  std::vector<double> out;
  switch (config.timestep_spacing) {
    case TimestepSpacing::leading:
      for (int i = steps - 1; i >= 0; --i) {
        out.push_back(static_cast<double>(i * (train / steps) + config.steps_offset));
      }
      break;
    case TimestepSpacing::trailing: {
      const double ratio = static_cast<double>(train) / steps;
      const auto count = static_cast<std::int64_t>(std::ceil(static_cast<double>(train) / ratio));
      for (std::int64_t i = 0; i < count; ++i) {
        out.push_back(std::nearbyint(arange_value(static_cast<double>(train), ratio, i)) - 1);
      }
      break;
    }
    case TimestepSpacing::linspace:
      for (int i = steps - 1; i >= 0; --i) {
        out.push_back(steps == 1 ? 0.0
                                 : linspace_value(static_cast<double>(train - 1), steps - 1, i));
      }
      break;
  }
  return out;
}

std::vector<double> solver_timesteps(const SchedulerConfig& config, int steps, std::int64_t last) {
  check_steps(config, steps);
  std::vector<double> out;
  switch (config.timestep_spacing) {
    case TimestepSpacing::linspace:
      for (int i = steps; i >= 1; --i) {
        out.push_back(std::nearbyint(linspace_value(static_cast<double>(last - 1), steps, i)));
      }
      break;
    case TimestepSpacing::leading:
      for (int i = steps; i >= 1; --i) {
        out.push_back(static_cast<double>(i * (last / (steps + 1)) + config.steps_offset));
      }
      break;
    case TimestepSpacing::trailing: {
      const double ratio = static_cast<double>(config.num_train_timesteps) / steps;
      const auto count = static_cast<std::int64_t>(std::ceil(static_cast<double>(last) / ratio));
      for (std::int64_t i = 0; i < count; ++i) {
        out.push_back(std::nearbyint(arange_value(static_cast<double>(last), ratio, i)) - 1);
      }
      break;
    }
  }
  return out;
}

std::vector<double> twice_but_first(const std::vector<double>& values) {
  std::vector<double> out;
  for (double value : values) out.insert(out.end(), out.empty() ? 1 : 2, value);
  return out;
}

std::vector<double> sigmas_of(const std::vector<double>& alphas_cumprod) {
  // libtorch's own square root over the whole table, as diffusers takes it: on some processors its
  // last bit is not the C library's, and a Brownian path is a matter of σ's last bit.
  const at::Tensor narrow = at::tensor(alphas_cumprod, at::kDouble).to(at::kFloat);
  const at::Tensor sigmas = ((1 - narrow) / narrow).pow(0.5).to(at::kDouble);
  return {sigmas.const_data_ptr<double>(), sigmas.const_data_ptr<double>() + sigmas.numel()};
}

double interpolate(const std::vector<double>& table, double index) {
  const double last = static_cast<double>(table.size() - 1);
  const double at = std::clamp(index, 0.0, last);
  const auto low = static_cast<std::size_t>(at);
  if (low + 1 >= table.size()) return table.back();
  return table[low] + (at - static_cast<double>(low)) * (table[low + 1] - table[low]);
}

double sigma_to_timestep(const std::vector<double>& sigmas, double sigma) {
  const double target = std::log(std::max(sigma, 1e-10));
  // The table's logarithms are fp32, as diffusers' are: which side of a whole timestep a σ of the
  // table falls on depends on their last bit.
  const auto log_at = [&](std::size_t i) {
    return double{std::log(static_cast<float>(sigmas[i]))};
  };
  std::size_t low = 0;
  while (low + 2 < sigmas.size() && log_at(low + 1) <= target) ++low;
  const double below = log_at(low), above = log_at(low + 1);
  const double weight = std::clamp((below - target) / (below - above), 0.0, 1.0);
  return static_cast<double>(low) + weight;
}

std::vector<double> karras_sigmas(double sigma_min, double sigma_max, int n) {
  constexpr double kRho = 7.0;
  const double low = std::pow(sigma_min, 1 / kRho), high = std::pow(sigma_max, 1 / kRho);
  std::vector<double> out;
  for (int i = 0; i < n; ++i) {
    const double ramp = n == 1 ? 0.0 : linspace_value(1.0, n - 1, i);
    out.push_back(std::pow(high + ramp * (low - high), kRho));
  }
  return out;
}

Prediction to_x0_and_epsilon(PredictionType type, const at::Tensor& model_output,
                             const at::Tensor& sample, double alpha, double sigma) {
  switch (type) {
    case PredictionType::epsilon:
      return {(sample - sigma * model_output) / alpha, model_output};
    case PredictionType::v_prediction:
      return {alpha * sample - sigma * model_output, alpha * model_output + sigma * sample};
    case PredictionType::sample:
      return {model_output, (sample - alpha * model_output) / sigma};
  }
  return {};
}

at::Tensor threshold_sample(const SchedulerConfig& config, const at::Tensor& x0) {
  if (config.thresholding) {
    const at::Tensor flat = x0.flatten(1);
    const at::Tensor limit =
        at::quantile(flat.abs(), config.dynamic_thresholding_ratio, 1, /*keepdim=*/true)
            .clamp(1.0, config.sample_max_value);
    return (at::min(at::max(flat, -limit), limit) / limit).view_as(x0);
  }
  return config.clip_sample ? x0.clamp(-config.clip_sample_range, config.clip_sample_range) : x0;
}

}  // namespace omr::schedulers
