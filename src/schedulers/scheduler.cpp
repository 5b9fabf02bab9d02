#include "omr/schedulers/scheduler.h"

#include <array>

#include "omr/core/error.h"
#include "omr/schedulers/ddim_scheduler.h"
#include "omr/schedulers/dpmsolver_multistep_scheduler.h"
#include "omr/schedulers/euler_discrete_scheduler.h"

namespace omr::schedulers {
namespace {

struct Entry {
  SchedulerName name;
  const char* text;
  const char* class_name;
};

constexpr std::array<Entry, 4> kSchedulers = {{
    {SchedulerName::ddim, "ddim", "DDIMScheduler"},
    {SchedulerName::euler, "euler", "EulerDiscreteScheduler"},
    {SchedulerName::dpmpp_2m, "dpmpp_2m", "DPMSolverMultistepScheduler"},
    {SchedulerName::dpmpp_2m_karras, "dpmpp_2m_karras", "DPMSolverMultistepScheduler"},
}};

}  // namespace

SchedulerName parse_scheduler_name(const std::string& name) {
  std::string known;
  for (const Entry& entry : kSchedulers) {
    if (name == entry.text) return entry.name;
    known += (known.empty() ? "" : ", ") + std::string(entry.text);
  }
  throw Error(ErrorKind::usage, "unknown scheduler \"" + name + "\"; omr has " + known);
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

std::unique_ptr<Scheduler> make_scheduler(SchedulerName name, const SchedulerConfig& config,
                                          int steps) {
  SchedulerConfig own = config;
  switch (name) {
    case SchedulerName::ddim:
      return std::make_unique<DDIMScheduler>(own, steps);
    case SchedulerName::euler:
      return std::make_unique<EulerDiscreteScheduler>(own, steps);
    case SchedulerName::dpmpp_2m:
      own.use_karras_sigmas = false;
      return std::make_unique<DPMSolverMultistepScheduler>(own, steps);
    case SchedulerName::dpmpp_2m_karras:
      own.use_karras_sigmas = true;
      return std::make_unique<DPMSolverMultistepScheduler>(own, steps);
  }
  throw Error(ErrorKind::usage, "unknown scheduler");
}

}  // namespace omr::schedulers
