// AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2; torch.optim.AdamW), in one fused
// pass over parameters, gradients and moments.
#pragma once

#include <cstddef>
#include <vector>

#include "omr/io/safetensors.h"
#include "omr/io/weights.h"
#include "omr/train/parameters.h"

namespace omr::train {

struct AdamWSettings {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

// Parameters with a learning rate of their own: the run's times `lr_factor`.
struct ParameterGroup {
  NamedParameters parameters;
  double lr_factor = 1.0;
  bool clipped_apart = false;  // by its own norm: its gradients do not make the others' steps small
};

class AdamW {
 public:
  AdamW(std::vector<ParameterGroup> groups, const AdamWSettings& settings);

  // Forgets all gradients; the next backward pass puts its own in their place.
  void zero_grad();

  // L2 norm over all gradients, as torch.nn.utils.clip_grad_norm_ measures it. Not finite when any
  // is not.
  double gradient_norm() const;
  // The same over the groups that are clipped together, and then over each that is clipped apart.
  std::vector<double> gradient_norms() const;

  // One update with learning rate `lr`. Gradients are divided by `gradient_divisor` on the way:
  // loss scale, number of samples and clipping in one number. A parameter that got no gradient
  // stays.
  void step(double lr, double gradient_divisor = 1.0);
  // With a divisor for each of gradient_norms().
  void step(double lr, const std::vector<double>& gradient_divisors);

  // All parameters, in the groups' order.
  const NamedParameters& parameters() const { return all_; }
  // Gradients that are there, in the same order.
  std::vector<at::Tensor> gradients() const;

  // Moments under "exp_avg." and "exp_avg_sq." + name, and the number of updates under "steps".
  io::NamedTensors state() const;
  // Throws Error(mismatch) when it is another optimiser's.
  void load_state(const io::Weights& weights);

 private:
  struct Moments {
    at::Tensor exp_avg, exp_avg_sq, steps;
  };
  NamedParameters all_;
  std::vector<double> lr_factors_;      // one a parameter
  std::vector<std::size_t> clip_sets_;  // one a parameter: which of gradient_norms() is its
  std::size_t clip_set_count_ = 1;
  std::vector<Moments> moments_;
  AdamWSettings settings_;
};

}  // namespace omr::train
