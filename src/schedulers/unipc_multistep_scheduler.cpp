#include "omr/schedulers/unipc_multistep_scheduler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

// The solution of a·x = b, by Gaussian elimination with pivoting: at most 3 unknowns.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < n; ++row) {
      if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
    }
    std::swap(a[column], a[pivot]);
    std::swap(b[column], b[pivot]);
    for (std::size_t row = 0; row < n; ++row) {
      if (row == column) continue;
      const double factor = a[row][column] / a[column][column];
      for (std::size_t k = column; k < n; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (std::size_t i = 0; i < n; ++i) b[i] /= a[i][i];
  return b;
}

double lambda_of(double sigma) {
  return sigma == 0 ? std::numeric_limits<double>::infinity() : -std::log(sigma);
}

double alpha_of(double sigma) { return 1 / std::sqrt(sigma * sigma + 1); }

}  // namespace

UniPCMultistepScheduler::UniPCMultistepScheduler(const SchedulerConfig& config, int steps)
    : config_(config), timesteps_(solver_timesteps(config, steps, config.num_train_timesteps)) {
  config_.clip_sample = false;  // this solver knows dynamic thresholding only
  std::vector<double> alpha_bar = alphas_cumprod(config);
  if (config.rescale_betas_zero_snr) alpha_bar.back() = std::ldexp(1.0, -24);
  const std::vector<double> all = schedulers::sigmas_of(alpha_bar);
  if (config.use_karras_sigmas) {
    sigmas_ = karras_sigmas(all.front(), all.back(), steps);
    timesteps_.clear();
    for (double sigma : sigmas_) {
      timesteps_.push_back(std::nearbyint(sigma_to_timestep(all, sigma)));
    }
  } else {
    for (double timestep : timesteps_) sigmas_.push_back(interpolate(all, timestep));
  }
  sigmas_.push_back(config.final_sigmas_type == FinalSigmas::zero ? 0.0 : all.front());
}

at::Tensor UniPCMultistepScheduler::add_noise(const at::Tensor& original, const at::Tensor& noise,
                                              std::size_t index) const {
  const double sigma = sigmas_.at(index);
  return alpha_of(sigma) * (original + sigma * noise);
}

at::Tensor UniPCMultistepScheduler::update(const at::Tensor& sample, std::size_t from,
                                           std::size_t order, const at::Tensor& x0_there) const {
  const double sigma_from = sigmas_.at(from), sigma_to = sigmas_.at(from + 1);
  const double alpha_to = alpha_of(sigma_to);
  const double lambda_from = lambda_of(sigma_from);
  const double h = lambda_of(sigma_to) - lambda_from;
  const double phi_1 = std::expm1(-h);  // exactly −1 where the run ends at σ = 0
  const double b_h = config_.solver_type == SolverType::bh2 ? phi_1 : -h;
  const at::Tensor& x0 = predictions_.front();

  // Differences of the predictions before, over their distance r in units of h: eq. 5 of the paper.
  std::vector<double> r;
  std::vector<at::Tensor> differences;
  for (std::size_t i = 1; i < order; ++i) {
    r.push_back((lambda_of(sigmas_.at(from - i)) - lambda_from) / h);
    differences.push_back((predictions_.at(i) - x0) / r.back());
  }
  r.push_back(1.0);
  if (x0_there.defined()) differences.push_back(x0_there - x0);

  const std::size_t unknowns = differences.size();
  std::vector<double> weights(unknowns, 0.5);
  // With one unknown diffusers takes ½ outright, in predictor and corrector alike.
  if (unknowns > 1) {
    std::vector<std::vector<double>> powers;
    std::vector<double> right;
    double phi_k = phi_1 / -h - 1, factorial = 1;
    for (std::size_t i = 1; i <= unknowns; ++i) {
      std::vector<double> row;
      for (std::size_t k = 0; k < unknowns; ++k) {
        row.push_back(std::pow(r[k], static_cast<double>(i - 1)));
      }
      powers.push_back(std::move(row));
      right.push_back(phi_k * factorial / b_h);
      factorial *= static_cast<double>(i + 1);
      phi_k = phi_k / -h - 1 / factorial;
    }
    weights = solve(std::move(powers), std::move(right));
  }

  const double sigma_ratio = (sigma_to * alpha_to) / (sigma_from * alpha_of(sigma_from));
  at::Tensor out = sigma_ratio * sample - alpha_to * phi_1 * x0;
  for (std::size_t k = 0; k < unknowns; ++k) {
    out = out - alpha_to * b_h * weights[k] * differences[k];
  }
  return out;
}

StepOutput UniPCMultistepScheduler::step(const at::Tensor& model_output, std::size_t index,
                                         const at::Tensor& sample, const Generators&) {
  const double sigma = sigmas_.at(index), alpha = alpha_of(sigma);
  const at::Tensor x0 = threshold_sample(
      config_,
      to_x0_and_epsilon(config_.prediction_type, model_output, sample, alpha, sigma * alpha)
          .original_sample);
  at::Tensor corrected = sample;
  const auto& off = config_.disable_corrector;
  const bool corrects =
      last_sample_.defined() && index > 0 &&
      std::find(off.begin(), off.end(), static_cast<std::int64_t>(index) - 1) == off.end();
  if (corrects) corrected = update(last_sample_, index - 1, last_order_, x0);

  const auto most = static_cast<std::size_t>(config_.solver_order);
  predictions_.push_front(x0);
  if (predictions_.size() > most) predictions_.pop_back();
  std::size_t order = most;
  if (config_.lower_order_final) order = std::min(order, timesteps_.size() - index);
  order = std::min(order, predictions_.size());
  const at::Tensor prev_sample = update(corrected, index, order, {});
  last_sample_ = corrected;
  last_order_ = order;
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
