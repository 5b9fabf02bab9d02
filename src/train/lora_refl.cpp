// Reward feedback learning: a reward's gradient through the autoencoder and one call of the UNet.
#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/pipeline/denoise.h"

#include "train/diffusion_models.h"
#include "train/lora_objective.h"
#include "train/lora_samples.h"
#include "train/prompt_batch.h"
#include "train/recording_scheduler.h"
#include "train/reward_judge.h"

namespace omr::train {
namespace {

constexpr double kReflAnchor = 1.0;

std::int64_t samples_per_prompt(const RewardSettings& reward) {
  if (reward.samples_per_prompt > 0) return reward.samples_per_prompt;
  return reward.kind == RewardKind::total || reward.kind == RewardKind::div ? 2 : 1;
}

class Refl : public LoraObjective {
 public:
  explicit Refl(const LoraRun& run)
      : run_(run),
        anchor_(run.settings.anchor.value_or(kReflAnchor)),
        prompts_(run, samples_per_prompt(run.settings.reward)) {
    check_refl(run.settings.refl);
    if (run.data.pictures != nullptr && anchor_ > 0) {
      pictures_ = std::make_unique<LoraSamples>(run, *run.data.pictures,
                                                run.settings.loop.out / "latents.safetensors");
    }
  }

  std::int64_t passes() const override { return pictures_ ? 2 : 1; }

  MicroLoss loss(const MicroBatch& batch) override {
    if (batch.pass == 1) {
      const at::Tensor losses =
          pictures_->losses(batch.positions, Purpose::sample, run_.settings.caption_dropout);
      return {anchor_ * losses.sum(), 0, {{"anchor", losses.mean().item<double>()}}};
    }
    if (!run_.judge->has_references()) measure_references(run_);
    const PromptBatch prompts = prompts_.batch(batch.positions);
    const Drawn drawn = draw(prompts, batch);
    const RewardTermTensors terms =
        run_.judge->judge(prompts.prompts, prompts.groups, run_.models.decode(drawn.x0));
    const at::Tensor& rewards = run_.judge->chosen(terms);
    MicroLoss out;
    out.sum = refl_loss(rewards, run_.settings.refl).sum();
    out.weight = static_cast<double>(batch.positions.size());
    out.metrics["reward"] = rewards.mean().item<double>();
    out.metrics["reward_pref"] = terms.pref.mean().item<double>();
    if (drawn.distance.defined()) {
      out.sum = out.sum + anchor_ * drawn.distance.sum();
      out.metrics["anchor"] = drawn.distance.mean().item<double>();
    }
    return out;
  }

  io::Json settings() const override {
    const LoraTrainingSettings& s = run_.settings;
    io::Json out = run_.data.prompts->description();
    if (pictures_) {
      out.update(run_.data.pictures->description());
      out["snr_gamma"] = s.snr_gamma;
      out["caption_dropout"] = s.caption_dropout;
    }
    out["refl_steps"] = s.refl.steps;
    out["refl_first_step"] = s.refl.first_step;
    out["refl_last_step"] = s.refl.last_step;
    out["refl_scale"] = s.refl.scale;
    out["refl_margin"] = s.refl.margin;
    out["anchor"] = anchor_;
    out["samples_per_prompt"] = prompts_.samples_per_prompt();
    return out;
  }

 private:
  struct Drawn {
    at::Tensor x0;        // as predicted by the step with gradient
    at::Tensor distance;  // [B], squared, to the base's; undefined where it is not asked for
  };

  Drawn draw(const PromptBatch& prompts, const MicroBatch& batch) {
    const std::uint64_t seed = run_.settings.loop.seed;
    constexpr std::uint64_t kSteps = std::uint64_t{1} << 63;  // apart from the pictures' streams
    const auto step = static_cast<std::size_t>(draw_refl_step(
        run_.settings.refl,
        generator_for(seed, Purpose::roll_out, kSteps + static_cast<std::uint64_t>(batch.step))));
    schedulers::Generators generators;
    for (const std::uint64_t position : batch.positions)
      generators.push_back(generator_for(seed, Purpose::roll_out, position));
    const auto scheduler = schedulers::make_scheduler(
        schedulers::SchedulerName::ddpm,
        run_.models.scheduler_config_of(schedulers::SchedulerName::ddpm), run_.settings.refl.steps);
    Drawn out;
    RecordingScheduler recording(
        *scheduler, [&](std::size_t, const at::Tensor&, const schedulers::StepOutput& output) {
          out.x0 = output.pred_original_sample;
        });
    pipeline::DenoiseInput input;
    input.latents = run_.models.draw_latents(generators) * scheduler->init_noise_sigma();
    input.generators = generators;
    const auto take = [&](std::size_t first, std::size_t end) {
      input.first_call = first;
      input.end_call = end;
      input.prompt_embeds = run_.models.embed(prompts.captions);
      input.latents = pipeline::denoise(run_.models.unet, recording, input,
                                        {run_.models.device, at::kFloat}, {}, run_.cancellation);
    };
    {
      const at::NoGradGuard no_grad;
      take(0, step);
    }
    const at::Tensor before = input.latents;
    at::Tensor reference;
    if (anchor_ > 0 && !pictures_) {
      const at::NoGradGuard no_grad;
      const AdaptersOff off(run_.models);
      take(step, step + 1);
      reference = out.x0;
    }
    input.latents = before;
    take(step, step + 1);
    if (reference.defined()) out.distance = (out.x0 - reference).square().flatten(1).mean(1);
    return out;
  }

  LoraRun run_;
  double anchor_;
  PromptOrder prompts_;
  std::unique_ptr<LoraSamples> pictures_;
};

}  // namespace

std::unique_ptr<LoraObjective> make_refl(const LoraRun& run) {
  if (run.data.prompts == nullptr) {
    throw Error(ErrorKind::usage,
                "--method refl draws for prompts: give --prompts FILE, --data DIR or --scenes");
  }
  return std::make_unique<Refl>(run);
}

}  // namespace omr::train
