// The contract of all schedulers: five verbs over step indices. An instance serves one denoising
// run, in order; multistep methods remember the steps before.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "omr/schedulers/scheduler_config.h"

namespace omr::schedulers {

struct StepOutput {
  at::Tensor prev_sample;           // the sample for the next step
  at::Tensor pred_original_sample;  // x0 as seen from this step
  // Where the step is stochastic: prev_sample = mean + std·noise. Deterministic steps have std 0.
  at::Tensor mean;
  double std = 0;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Training timesteps to give the model, one a step, from noisy to clean.
  virtual const std::vector<double>& timesteps() const = 0;
  // Standard deviation of the noise that a run begins with.
  virtual double init_noise_sigma() const = 0;
  // What the model is to see of `sample` at step `index`.
  virtual at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const = 0;
  // `original` noised to the level that step `index` begins at.
  virtual at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                               std::size_t index) const = 0;
  // One step. Tensors are fp32; noise, where the method wants any, comes from `generator` in fp32
  // on the CPU.
  virtual StepOutput step(const at::Tensor& model_output, std::size_t index,
                          const at::Tensor& sample, std::optional<at::Generator> generator) = 0;
};

enum class SchedulerName { ddim, euler, dpmpp_2m, dpmpp_2m_karras };

// The command line's name. Throws Error(usage) listing the names.
SchedulerName parse_scheduler_name(const std::string& name);
std::string to_string(SchedulerName name);
// diffusers' class name, for messages and defaults; nullopt for a class that omr lacks.
std::optional<SchedulerName> scheduler_of_class(const std::string& class_name,
                                                bool use_karras_sigmas);

// A scheduler ready for `steps` steps. Throws Error(usage) for an impossible number of steps.
std::unique_ptr<Scheduler> make_scheduler(SchedulerName name, const SchedulerConfig& config,
                                          int steps);

}  // namespace omr::schedulers
