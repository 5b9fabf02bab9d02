// DDPO: pictures are drawn with a stochastic sampler, each step of which is an action.
//
// An epoch is one roll-out and the updates taken on it. A roll-out is a function of the weights at
// the epoch's start, of the seed and of its pictures' positions; a checkpoint holds those weights,
// and a run resumed within an epoch draws its pictures again.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/schedulers/ddim_scheduler.h"
#include "omr/train/ddpo_loss.h"
#include "omr/train/process_group.h"

#include "train/copy_by_name.h"
#include "train/diffusion_models.h"
#include "train/lora_objective.h"
#include "train/prompt_batch.h"
#include "train/recording_scheduler.h"
#include "train/reward_judge.h"

namespace omr::train {
namespace {

constexpr double kPpoAnchor = 0.01;
constexpr std::int64_t kSamplesPerPrompt = 8;

int last_step(const PpoSettings& ppo) { return ppo.last_step.value_or(ppo.steps - 1); }

// Of one micro-batch.
struct Trajectory {
  PromptBatch prompts;
  std::vector<at::Tensor> latents;    // before each call, and after the last: [B, C, h, w]
  std::vector<at::Tensor> log_probs;  // of each call, [B]
  at::Tensor advantages;              // [B]
};

class Ppo : public LoraObjective {
 public:
  explicit Ppo(const LoraRun& run)
      : run_(run),
        settings_(run.settings.ppo),
        anchor_(run.settings.anchor.value_or(kPpoAnchor)),
        prompts_(run, run.settings.reward.samples_per_prompt > 0
                          ? run.settings.reward.samples_per_prompt
                          : kSamplesPerPrompt),
        advantages_(static_cast<std::size_t>(settings_.buffer),
                    static_cast<std::size_t>(settings_.min_count)),
        before_(advantages_) {
    find_actions();
  }

  std::int64_t passes() const override { return static_cast<std::int64_t>(actions_.size()); }

  MicroLoss loss(const MicroBatch& batch) override {
    const std::int64_t epoch = batch.step / settings_.updates_per_roll_out;
    if (trajectories_.empty() || epoch != epoch_) begin(epoch);
    const Trajectory& trajectory = trajectories_.at(batch.positions.front());
    const std::size_t call = actions_.at(static_cast<std::size_t>(batch.pass));
    const Step now = step(trajectory, call);
    const at::Tensor log_probs = gaussian_log_prob(trajectory.latents[call + 1], now.mean, now.std);
    const PpoLoss ppo = ppo_loss(log_probs, trajectory.log_probs[call], trajectory.advantages,
                                 settings_.clip_range);
    MicroLoss out;
    out.sum = ppo.losses.sum();
    out.weight = static_cast<double>(batch.positions.size());
    out.metrics = {{"approx_kl", ppo.approx_kl},
                   {"clip_fraction", ppo.clip_fraction},
                   {"reward", epoch_reward_}};
    if (anchor_ > 0) {
      at::Tensor reference;
      {
        const at::NoGradGuard no_grad;
        const AdaptersOff off(run_.models);
        reference = step(trajectory, call).mean;
      }
      const at::Tensor kl = gaussian_kl(now.mean, reference, now.std);
      out.sum = out.sum + anchor_ * kl.sum();
      out.metrics["anchor"] = kl.mean().item<double>();
    }
    return out;
  }

  io::Json settings() const override {
    io::Json out = run_.data.prompts->description();
    out["ppo_steps"] = settings_.steps;
    out["ppo_first_step"] = settings_.first_step;
    out["ppo_last_step"] = last_step(settings_);
    out["guidance_scale"] = settings_.guidance_scale;
    out["updates_per_roll_out"] = settings_.updates_per_roll_out;
    out["clip_range"] = settings_.clip_range;
    out["max_advantage"] = settings_.max_advantage;
    out["advantage_buffer"] = settings_.buffer;
    out["advantage_min_count"] = settings_.min_count;
    out["samples_per_prompt"] = prompts_.samples_per_prompt();
    out["anchor"] = anchor_;
    return out;
  }

  io::NamedTensors state() const override {
    io::NamedTensors out = {{"ppo.epoch", at::scalar_tensor(epoch_, at::kLong)}};
    for (const auto& [name, value] : start_) out.emplace_back("ppo.start." + name, value);
    for (const auto& [prefix, queues] :
         {std::pair<const char*, const PromptAdvantages&>("ppo.before.", before_),
          {"ppo.after.", advantages_}}) {
      for (const auto& [name, value] : queues.state()) out.emplace_back(prefix + name, value);
    }
    return out;
  }

  void load_state(const io::NamedTensors& state) override {
    io::NamedTensors before, after;
    for (const auto& [name, value] : state) {
      const auto below = [&](const std::string& prefix, io::NamedTensors& into) {
        if (name.starts_with(prefix)) into.emplace_back(name.substr(prefix.size()), value.clone());
      };
      if (name == "ppo.epoch") epoch_ = value.item<std::int64_t>();
      below("ppo.start.", start_);
      below("ppo.before.", before);
      below("ppo.after.", after);
    }
    if (start_.empty()) return;  // before the first roll-out
    before_.load_state(before);
    advantages_.load_state(after);
  }

 private:
  struct Step {
    at::Tensor mean;
    double std = 0;
  };

  std::unique_ptr<schedulers::Scheduler> make_scheduler() const {
    std::vector<double> etas(static_cast<std::size_t>(settings_.steps), 0.0);
    std::fill(etas.begin() + settings_.first_step, etas.begin() + last_step(settings_) + 1, 1.0);
    return std::make_unique<schedulers::DDIMScheduler>(
        run_.models.scheduler_config_of(schedulers::SchedulerName::ddim), etas);
  }

  // Calls that leave something to chance: those of the window, but the drawing's last one may not.
  void find_actions() {
    const auto scheduler = make_scheduler();
    const schedulers::Generators generators = {generator_for(0, Purpose::roll_out, 0)};
    const at::Tensor nothing = at::zeros({1, 1, 1, 1});
    for (std::size_t i = 0; i < scheduler->timesteps().size(); ++i) {
      if (scheduler->step(nothing, i, nothing, generators).std > 0) actions_.push_back(i);
    }
  }

  pipeline::DenoiseInput input_for(const PromptBatch& prompts) {
    pipeline::DenoiseInput input;
    input.prompt_embeds = run_.models.embed(prompts.captions);
    input.negative_prompt_embeds = run_.models.embed({""});
    input.guidance_scale = settings_.guidance_scale;
    return input;
  }

  // One call again, under the weights as they are.
  Step step(const Trajectory& trajectory, std::size_t call) {
    const auto scheduler = make_scheduler();
    Step out;
    RecordingScheduler recording(
        *scheduler, [&](std::size_t, const at::Tensor&, const schedulers::StepOutput& output) {
          out = {output.mean, output.std};
        });
    pipeline::DenoiseInput input = input_for(trajectory.prompts);
    input.latents = trajectory.latents[call];
    input.generators = {generator_for(0, Purpose::roll_out, 0)};  // its noise is not used
    input.first_call = call;
    input.end_call = call + 1;
    pipeline::denoise(run_.models.unet, recording, input, {run_.models.device, at::kFloat}, {},
                      run_.cancellation);
    return out;
  }

  // Draws a micro-batch's pictures.
  std::vector<Image> draw(const std::vector<std::uint64_t>& positions, Trajectory& trajectory) {
    schedulers::Generators generators;
    for (const std::uint64_t position : positions)
      generators.push_back(generator_for(run_.settings.loop.seed, Purpose::roll_out, position));
    const auto scheduler = make_scheduler();
    RecordingScheduler recording(*scheduler, [&](std::size_t, const at::Tensor& sample,
                                                 const schedulers::StepOutput& output) {
      trajectory.latents.push_back(sample);
      trajectory.log_probs.push_back(
          gaussian_log_prob(output.prev_sample, output.mean, output.std));
    });
    pipeline::DenoiseInput input = input_for(trajectory.prompts);
    input.latents = run_.models.draw_latents(generators) * scheduler->init_noise_sigma();
    input.generators = generators;
    const at::Tensor latents =
        pipeline::denoise(run_.models.unet, recording, input, {run_.models.device, at::kFloat}, {},
                          run_.cancellation);
    trajectory.latents.push_back(latents);
    return pipeline::to_images(run_.models.decode(latents));
  }

  // An epoch begins with its roll-out; a resumed one begins where it began.
  void begin(std::int64_t epoch) {
    const at::NoGradGuard no_grad;
    if (!run_.judge->has_references()) measure_references(run_);
    const NamedParameters parameters = run_.models.parameters();
    const bool again = epoch == epoch_ && !start_.empty();
    io::NamedTensors present;
    for (const auto& [name, parameter] : parameters)
      present.emplace_back(name, parameter.detach().clone());
    if (again) {
      copy_by_name(start_, parameters);
      advantages_ = before_;
    } else {
      start_ = present;
      before_ = advantages_;
    }
    epoch_ = epoch;
    roll_out(epoch);
    if (again) copy_by_name(present, parameters);
  }

  void roll_out(std::int64_t epoch) {
    const LoopSettings& loop = run_.settings.loop;
    const std::int64_t updates = settings_.updates_per_roll_out;
    const std::int64_t samples =
        updates * loop.batch_size * loop.accumulate * run_.processes.size();
    const auto first = static_cast<std::uint64_t>(epoch * samples);
    at::Tensor rewards = at::zeros({samples}, at::kDouble);
    trajectories_.clear();
    for (std::int64_t update = 0; update < updates; ++update) {
      for (std::int64_t part = 0; part < loop.accumulate; ++part) {
        const MicroBatch batch =
            micro_batch_of(loop, run_.processes, epoch * updates + update, part);
        Trajectory& trajectory = trajectories_[batch.positions.front()];
        trajectory.prompts = prompts_.batch(batch.positions);
        const std::vector<Image> pictures = draw(batch.positions, trajectory);
        const RewardTermTensors terms =
            run_.judge->judge(trajectory.prompts.prompts, trajectory.prompts.groups, pictures);
        rewards
            .narrow(0, static_cast<std::int64_t>(batch.positions.front() - first), loop.batch_size)
            .copy_(run_.judge->chosen(terms));
      }
    }
    // Prompts are judged by the pictures of all processes.
    if (run_.processes.size() > 1) run_.processes.all_reduce(std::vector<at::Tensor>{rewards});
    epoch_reward_ = rewards.mean().item<double>();
    std::vector<std::uint64_t> indices;
    for (std::int64_t i = 0; i < samples; ++i)
      indices.push_back(prompts_.index(first + static_cast<std::uint64_t>(i)));
    const double* values = rewards.const_data_ptr<double>();
    const std::vector<double> advantages = advantages_.update(indices, {values, values + samples});
    for (auto& [position, trajectory] : trajectories_) {
      std::vector<float> own;
      for (std::size_t i = 0; i < trajectory.prompts.indices.size(); ++i) {
        own.push_back(static_cast<float>(
            std::clamp(advantages[static_cast<std::size_t>(position - first) + i],
                       -settings_.max_advantage, settings_.max_advantage)));
      }
      trajectory.advantages = at::tensor(own, at::kFloat).to(run_.models.device);
    }
  }

  LoraRun run_;
  const PpoSettings& settings_;
  double anchor_;
  PromptOrder prompts_;
  std::vector<std::size_t> actions_;
  std::map<std::uint64_t, Trajectory> trajectories_;  // by their first position
  std::int64_t epoch_ = -1;
  double epoch_reward_ = 0;
  io::NamedTensors start_;                // weights at the epoch's start, in the parameters' order
  PromptAdvantages advantages_, before_;  // after the epoch's rewards, and before them
};

}  // namespace

std::unique_ptr<LoraObjective> make_ppo(const LoraRun& run) {
  if (run.data.prompts == nullptr) {
    throw Error(ErrorKind::usage,
                "--method ppo draws for prompts: give --prompts FILE, --data DIR or --scenes");
  }
  const PpoSettings& ppo = run.settings.ppo;
  if (ppo.steps < 2 || ppo.updates_per_roll_out < 1 || ppo.buffer < 1 || ppo.min_count < 2) {
    throw Error(ErrorKind::usage,
                "ppo takes at least 2 steps a picture, 1 update a roll-out, a buffer of 1 reward "
                "and 2 rewards to compare with");
  }
  // The drawing's last step adds no noise: a window of it alone has nothing to learn from.
  if (ppo.first_step < 0 || ppo.first_step > last_step(ppo) || last_step(ppo) >= ppo.steps ||
      ppo.first_step == ppo.steps - 1) {
    throw Error(ErrorKind::usage, "the steps that ppo learns, " + std::to_string(ppo.first_step) +
                                      " to " + std::to_string(last_step(ppo)) +
                                      ", must lie within the " + std::to_string(ppo.steps) +
                                      " steps of the drawing, counted from 0, and not be the last "
                                      "alone");
  }
  return std::make_unique<Ppo>(run);
}

}  // namespace omr::train
