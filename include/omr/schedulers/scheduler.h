// The contract of all schedulers: five verbs over UNet calls. An instance serves one denoising run,
// in order; multistep and two-stage methods remember the calls before.
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
  at::Tensor prev_sample;           // the sample for the next call
  at::Tensor pred_original_sample;  // x0 as seen from this call
  // Where the step is stochastic: prev_sample = mean + std·noise. Deterministic steps have std 0.
  at::Tensor mean;
  double std = 0;
};

// CPU generators: one a picture of the batch, or a single one that draws for all of it at once.
using Generators = std::vector<at::Generator>;

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Training timesteps to give the model, one a UNet call, from noisy to clean. Methods of two
  // stages have more calls than steps.
  virtual const std::vector<double>& timesteps() const = 0;
  // UNet calls that one step of a run is made of: a run that enters the schedule at step k begins
  // with call k·order().
  virtual std::size_t order() const { return 1; }
  // Standard deviation of the noise that a run begins with.
  virtual double init_noise_sigma() const = 0;
  // What the model is to see of `sample` at call `index`.
  virtual at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const = 0;
  // `original` noised to the level that call `index` begins at.
  virtual at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                               std::size_t index) const = 0;
  // What follows a call. Tensors are fp32; noise, where the method wants any, comes from
  // `generators` in fp32 on the CPU. Throws Error(usage) when a stochastic step is given none.
  virtual StepOutput step(const at::Tensor& model_output, std::size_t index,
                          const at::Tensor& sample, const Generators& generators) = 0;
};

// Standard normal noise of `like`'s shape on its device, as diffusers' randn_tensor draws it.
at::Tensor draw_noise(const at::Tensor& like, const Generators& generators);

enum class SchedulerName {
  ddim,
  ddpm,
  euler,
  euler_a,
  heun,
  lms,
  pndm,
  dpmpp_2m,
  dpmpp_2m_karras,
  dpmpp_sde_karras,
  unipc,
  lcm
};

// The command line's name. Throws Error(usage) listing the names.
SchedulerName parse_scheduler_name(const std::string& name);
std::string to_string(SchedulerName name);
// All names, for help texts: "ddim, ddpm, …".
std::string scheduler_names();
// Of diffusers' class name; nullopt for a class that omr lacks.
std::optional<SchedulerName> scheduler_of_class(const std::string& class_name,
                                                bool use_karras_sigmas);

// What diffusers' class of this name assumes of keys that its config leaves out.
SchedulerConfig class_defaults(SchedulerName name);

// A scheduler ready for `steps` steps. Throws Error(usage) for an impossible number of steps,
// Error(mismatch) for a config that the method cannot follow.
std::unique_ptr<Scheduler> make_scheduler(SchedulerName name, const SchedulerConfig& config,
                                          int steps);

}  // namespace omr::schedulers
