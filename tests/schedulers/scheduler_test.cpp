#include "omr/schedulers/scheduler.h"

#include <cmath>
#include <map>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/safetensors.h"
#include "omr/pipeline/model_folder.h"
#include "omr/schedulers/ddim_scheduler.h"
#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

at::Tensor dummy_model(const at::Tensor& sample, double timestep) {
  return 0.7 * at::sin(sample) + 0.1 * sample * timestep / 1000.0;
}

// One seed a picture; make_schedulers.py has the same.
Generators generators() {
  return {at::make_generator<at::CPUGeneratorImpl>(7), at::make_generator<at::CPUGeneratorImpl>(8)};
}

at::Tensor run(Scheduler& scheduler, at::Tensor sample, std::size_t first) {
  const Generators noise = generators();
  for (std::size_t i = first; i < scheduler.timesteps().size(); ++i) {
    const at::Tensor seen = scheduler.scale_model_input(sample, i);
    sample =
        scheduler.step(dummy_model(seen, scheduler.timesteps()[i]), i, sample, noise).prev_sample;
  }
  return sample;
}

TEST(PeersSchedulerTest, WholeTrajectoriesMatchDiffusers) {
  const std::filesystem::path folder = OMR_PEERS "/schedulers";
  const auto expected = io::SafetensorsFile::open(folder / "expected.safetensors");
  const io::Json cases = io::read_json(folder / "cases.json");
  ASSERT_GT(cases.size(), 500u);
  std::map<std::string, double> largest_by_scheduler;
  for (const io::Json& entry : cases) {
    const std::string name = entry["case"];
    SCOPED_TRACE(name);
    const io::Config file(folder / entry["base"].get<std::string>() / "scheduler_config.json");
    const SchedulerName scheduler_name = parse_scheduler_name(entry["scheduler"]);
    const SchedulerConfig config = pipeline::read_scheduler_config(file, scheduler_name);
    const auto scheduler = make_scheduler(scheduler_name, config, entry["steps"]);
    EXPECT_EQ(scheduler->order(), entry["order"].get<std::size_t>());
    const at::Tensor timesteps = expected->tensor(name + ".timesteps");
    ASSERT_EQ(static_cast<std::int64_t>(scheduler->timesteps().size()), timesteps.numel());
    for (std::int64_t i = 0; i < timesteps.numel(); ++i) {
      ASSERT_NEAR(scheduler->timesteps()[static_cast<std::size_t>(i)], timesteps[i].item<double>(),
                  1e-3);
    }
    const std::size_t first = entry["first"];
    const at::Tensor noise = expected->tensor("noise");
    const at::Tensor start = first == 0
                                 ? noise * scheduler->init_noise_sigma()
                                 : scheduler->add_noise(expected->tensor("original"), noise, first);
    const at::Tensor wanted_start = expected->tensor(name + ".start");
    EXPECT_LT((start - wanted_start).abs().max().item<double>(),
              1e-5 * (1 + wanted_start.abs().max().item<double>()));
    const at::Tensor wanted = expected->tensor(name + ".end");
    // fp32 sums over twenty steps; diffusers' own fp32 tables are the larger part of the
    // difference.
    const double difference = (run(*scheduler, start, first) - wanted).abs().max().item<double>() /
                              (1 + wanted.abs().max().item<double>());
    EXPECT_LT(difference, 1e-4);
    double& largest = largest_by_scheduler[entry["scheduler"]];
    largest = std::max(largest, difference);
  }
  EXPECT_EQ(largest_by_scheduler.size(), 12u);
  for (const auto& [name, largest] : largest_by_scheduler) {
    RecordProperty(name, std::to_string(largest * 1e6) + "e-6");
  }
}

TEST(DDIMSchedulerTest, StochasticStepReportsItsMeanAndDeviation) {
  DDIMScheduler scheduler(SchedulerConfig{}, 10, /*eta=*/1.0);
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(5);
  const at::Tensor sample = at::randn({1, 2, 3, 3}, generator);
  const StepOutput out = scheduler.step(sample * 0.5, 3, sample, {generator});
  ASSERT_GT(out.std, 0);
  const at::Tensor noise = (out.prev_sample - out.mean) / out.std;
  EXPECT_NEAR(noise.mean().item<double>(), 0, 1.0);
  EXPECT_GT(noise.std().item<double>(), 0.3);
}

TEST(DDIMSchedulerTest, StepsWithTheirOwnEtaAreThoseOfASchedulerWithThatEta) {
  DDIMScheduler mixed(SchedulerConfig{}, {0, 1, 0.5, 0});
  const at::Generator seed = at::make_generator<at::CPUGeneratorImpl>(5);
  const at::Tensor sample = at::randn({1, 2, 3, 3}, seed);
  const std::vector<double> etas = {0, 1, 0.5, 0};
  for (std::size_t i = 0; i < etas.size(); ++i) {
    DDIMScheduler alike(SchedulerConfig{}, 4, etas[i]);
    const StepOutput want = alike.step(sample * 0.5, i, sample, {seed.clone()});
    const StepOutput out = mixed.step(sample * 0.5, i, sample, {seed.clone()});
    EXPECT_EQ(out.std > 0, etas[i] > 0) << i;
    EXPECT_EQ(out.std, want.std) << i;
    EXPECT_TRUE(out.prev_sample.equal(want.prev_sample)) << i;
  }
}

TEST(SchedulerTest, ImpossibleStepCountsAreUsageErrors) {
  for (int steps : {0, -3, 1001}) {
    for (const char* name : {"ddim", "ddpm", "euler", "euler_a", "heun", "lms", "pndm", "dpmpp_2m",
                             "dpmpp_2m_karras", "dpmpp_sde_karras", "unipc", "lcm"}) {
      EXPECT_THROW(make_scheduler(parse_scheduler_name(name), SchedulerConfig{}, steps), Error)
          << name << steps;
    }
  }
}

TEST(SchedulerTest, ClassesOfDiffusersHaveTheirNames) {
  EXPECT_EQ(scheduler_of_class("PNDMScheduler", false), SchedulerName::pndm);
  EXPECT_EQ(scheduler_of_class("DPMSolverMultistepScheduler", false), SchedulerName::dpmpp_2m);
  EXPECT_EQ(scheduler_of_class("DPMSolverMultistepScheduler", true),
            SchedulerName::dpmpp_2m_karras);
  EXPECT_EQ(scheduler_of_class("DEISMultistepScheduler", false), std::nullopt);
  EXPECT_EQ(to_string(parse_scheduler_name("euler_ancestral")), "euler_a");
}

TEST(SchedulerTest, AStochasticStepWithoutItsGeneratorsIsAUsageError) {
  const at::Tensor sample = at::zeros({3, 2, 4, 4});
  for (const char* name : {"ddpm", "euler_a", "dpmpp_sde_karras", "lcm"}) {
    const SchedulerName scheduler_name = parse_scheduler_name(name);
    for (std::size_t count : {0u, 2u}) {
      const auto scheduler = make_scheduler(scheduler_name, class_defaults(scheduler_name), 5);
      const Generators few(count, at::make_generator<at::CPUGeneratorImpl>(1));
      EXPECT_THROW(scheduler->step(sample, 0, sample, few), Error) << name << count;
    }
  }
}

TEST(SchedulerTest, EachPictureOfABatchHasTheNoiseOfItsOwnGenerator) {
  const at::Tensor sample = at::ones({2, 2, 4, 4});
  for (const char* name : {"ddpm", "euler_a", "dpmpp_sde_karras", "lcm"}) {
    const SchedulerName scheduler_name = parse_scheduler_name(name);
    const auto step = [&](const at::Tensor& x, const Generators& noise) {
      return make_scheduler(scheduler_name, class_defaults(scheduler_name), 5)
          ->step(0.5 * x, 0, x, noise)
          .prev_sample;
    };
    const at::Tensor both = step(sample, generators());
    const at::Tensor second = step(sample.slice(0, 1), {generators()[1]});
    EXPECT_TRUE(at::allclose(both.slice(0, 1), second, 1e-5, 1e-5)) << name;
    EXPECT_FALSE(at::allclose(both.slice(0, 0, 1), second)) << name;
  }
}

TEST(SchedulerTest, UnknownNameListsTheKnownOnes) {
  try {
    parse_scheduler_name("dmi");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("dpmpp_2m_karras"), std::string::npos);
  }
}

TEST(NoiseScheduleTest, AlphasCumprodFallMonotonically) {
  for (BetaSchedule schedule :
       {BetaSchedule::linear, BetaSchedule::scaled_linear, BetaSchedule::squaredcos_cap_v2}) {
    SchedulerConfig config;
    config.beta_schedule = schedule;
    const std::vector<double> alphas = alphas_cumprod(config);
    ASSERT_EQ(alphas.size(), 1000u);
    for (std::size_t i = 1; i < alphas.size(); ++i) ASSERT_LT(alphas[i], alphas[i - 1]);
  }
}

TEST(NoiseScheduleTest, TimestepsBetweenTwoRoundAsNumpys) {
  SchedulerConfig config;
  config.timestep_spacing = TimestepSpacing::linspace;
  // np.linspace(0, 999, 31).round()[::-1][15]: 15 · 33.3 falls just short of 499.5.
  EXPECT_EQ(solver_timesteps(config, 30, 1000)[15], 499);
  EXPECT_EQ(std::nearbyint(spaced_timesteps(config, 31)[15]), 499);
  config.timestep_spacing = TimestepSpacing::trailing;
  // np.arange(1000, 0, -1000 / 48).round()[15] - 1
  EXPECT_EQ(solver_timesteps(config, 48, 1000)[15], 686);
  EXPECT_EQ(spaced_timesteps(config, 48)[15], 686);
}

}  // namespace
}  // namespace omr::schedulers
