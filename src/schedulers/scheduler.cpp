#include "omr/schedulers/scheduler.h"

#include <array>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/schedulers/ddim_scheduler.h"
#include "omr/schedulers/ddpm_scheduler.h"
#include "omr/schedulers/dpmsolver_multistep_scheduler.h"
#include "omr/schedulers/dpmsolver_sde_scheduler.h"
#include "omr/schedulers/euler_ancestral_discrete_scheduler.h"
#include "omr/schedulers/euler_discrete_scheduler.h"
#include "omr/schedulers/heun_discrete_scheduler.h"
#include "omr/schedulers/lcm_scheduler.h"
#include "omr/schedulers/lms_discrete_scheduler.h"
#include "omr/schedulers/pndm_scheduler.h"
#include "omr/schedulers/unipc_multistep_scheduler.h"

namespace omr::schedulers {
namespace {

struct Entry {
  SchedulerName name;
  const char* text;
  const char* class_name;
};

// The first of a class is what the class means without Karras' spacing.
constexpr std::array<Entry, 12> kSchedulers = {{
    {SchedulerName::ddim, "ddim", "DDIMScheduler"},
    {SchedulerName::ddpm, "ddpm", "DDPMScheduler"},
    {SchedulerName::euler, "euler", "EulerDiscreteScheduler"},
    {SchedulerName::euler_a, "euler_a", "EulerAncestralDiscreteScheduler"},
    {SchedulerName::heun, "heun", "HeunDiscreteScheduler"},
    {SchedulerName::lms, "lms", "LMSDiscreteScheduler"},
    {SchedulerName::pndm, "pndm", "PNDMScheduler"},
    {SchedulerName::dpmpp_2m, "dpmpp_2m", "DPMSolverMultistepScheduler"},
    {SchedulerName::dpmpp_2m_karras, "dpmpp_2m_karras", "DPMSolverMultistepScheduler"},
    {SchedulerName::dpmpp_sde_karras, "dpmpp_sde_karras", "DPMSolverSDEScheduler"},
    {SchedulerName::unipc, "unipc", "UniPCMultistepScheduler"},
    {SchedulerName::lcm, "lcm", "LCMScheduler"},
}};

}  // namespace

std::string scheduler_names() {
  std::string out;
  for (const Entry& entry : kSchedulers) out += (out.empty() ? "" : ", ") + std::string(entry.text);
  return out;
}

SchedulerName parse_scheduler_name(const std::string& name) {
  if (name == "euler_ancestral") return SchedulerName::euler_a;
  for (const Entry& entry : kSchedulers) {
    if (name == entry.text) return entry.name;
  }
  throw Error(ErrorKind::usage, "unknown scheduler \"" + name + "\"; omr has " + scheduler_names());
}

std::string to_string(SchedulerName name) {
  for (const Entry& entry : kSchedulers) {
    if (entry.name == name) return entry.text;
  }
  return {};
}

std::optional<SchedulerName> scheduler_of_class(const std::string& class_name,
                                                bool use_karras_sigmas) {
  for (const Entry& entry : kSchedulers) {
    if (class_name == entry.class_name) {
      const bool karras = entry.name == SchedulerName::dpmpp_2m && use_karras_sigmas;
      return karras ? SchedulerName::dpmpp_2m_karras : entry.name;
    }
  }
  return std::nullopt;
}

SchedulerConfig class_defaults(SchedulerName name) {
  SchedulerConfig out;
  const auto sd_betas = [&](BetaSchedule schedule) {
    out.beta_start = 0.00085;
    out.beta_end = 0.012;
    out.beta_schedule = schedule;
  };
  switch (name) {
    case SchedulerName::ddim:
    case SchedulerName::ddpm:
      return out;
    case SchedulerName::pndm:
      out.set_alpha_to_one = false;
      return out;
    case SchedulerName::lcm:
      sd_betas(BetaSchedule::scaled_linear);
      out.clip_sample = false;
      return out;
    case SchedulerName::heun:
    case SchedulerName::dpmpp_sde_karras:
      sd_betas(BetaSchedule::linear);
      break;
    default:
      break;
  }
  out.timestep_spacing = TimestepSpacing::linspace;
  out.clip_sample = false;
  return out;
}

at::Tensor draw_noise(const at::Tensor& like, const Generators& generators) {
  const auto options = at::TensorOptions().dtype(at::kFloat);
  if (generators.size() == 1) {
    return at::randn(like.sizes(), generators.front(), options).to(like.device());
  }
  if (generators.size() != static_cast<std::size_t>(like.size(0))) {
    throw Error(ErrorKind::usage, "a stochastic scheduler needs one generator a picture: " +
                                      std::to_string(like.size(0)) + " pictures, " +
                                      std::to_string(generators.size()) + " generators");
  }
  std::vector<std::int64_t> one = like.sizes().vec();
  one.front() = 1;
  std::vector<at::Tensor> parts;
  for (const at::Generator& generator : generators) {
    parts.push_back(at::randn(one, generator, options));
  }
  return at::cat(parts).to(like.device());
}

std::unique_ptr<Scheduler> make_scheduler(SchedulerName name, const SchedulerConfig& config,
                                          int steps) {
  SchedulerConfig own = config;
  switch (name) {
    case SchedulerName::ddim:
      return std::make_unique<DDIMScheduler>(own, steps);
    case SchedulerName::ddpm:
      return std::make_unique<DDPMScheduler>(own, steps);
    case SchedulerName::euler:
      return std::make_unique<EulerDiscreteScheduler>(own, steps);
    case SchedulerName::euler_a:
      return std::make_unique<EulerAncestralDiscreteScheduler>(own, steps);
    case SchedulerName::heun:
      return std::make_unique<HeunDiscreteScheduler>(own, steps);
    case SchedulerName::lms:
      return std::make_unique<LMSDiscreteScheduler>(own, steps);
    case SchedulerName::pndm:
      return std::make_unique<PNDMScheduler>(own, steps);
    case SchedulerName::dpmpp_2m:
    case SchedulerName::dpmpp_2m_karras:
      own.use_karras_sigmas = name == SchedulerName::dpmpp_2m_karras;
      return std::make_unique<DPMSolverMultistepScheduler>(own, steps);
    case SchedulerName::dpmpp_sde_karras:
      own.use_karras_sigmas = true;
      return std::make_unique<DPMSolverSDEScheduler>(own, steps);
    case SchedulerName::unipc:
      return std::make_unique<UniPCMultistepScheduler>(own, steps);
    case SchedulerName::lcm:
      return std::make_unique<LCMScheduler>(own, steps);
  }
  throw Error(ErrorKind::usage, "unknown scheduler");
}

}  // namespace omr::schedulers
