// The LoRA methods' losses, gradients and ten updates against PyTorch with PEFT's adapters.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/json_file.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/model_folder.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_processor.h"
#include "omr/schedulers/ddim_scheduler.h"
#include "omr/train/ddpo_loss.h"
#include "omr/train/diffusion_dpo_loss.h"
#include "omr/train/diffusion_loss.h"
#include "omr/train/lora_parameters.h"
#include "omr/train/refl_loss.h"
#include "omr/train/sample_random.h"
#include "omr/train/total_reward.h"

#include "train/peer_run.h"
#include "train/recording_scheduler.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

using peers::difference;

const fs::path kPeersTrainLora = OMR_PEERS "/train_lora";

class PeersLoraTest : public testing::Test {
 protected:
  void open(const std::string& name) {
    folder_ = kPeersTrainLora / name;
    run_.emplace(folder_);
    unet_ = diffusion::load_unet(folder_ / "unet", {});
    lora_ = std::make_unique<LoraParameters>(
        *unet_, "unet",
        LoraSettings{.rank = 3, .alpha = 6, .target_modules = {"to_q", "to_k", "to_v", "to_out.0"}},
        c10::kCPU, generator_for(0, Purpose::weights, 0));
    lora_->load(io::read_lora(folder_ / "lora.safetensors"));
  }
  at::Tensor get(const std::string& name) const { return run_->get(name); }
  schedulers::SchedulerConfig scheduler_config(schedulers::SchedulerName name) const {
    return pipeline::read_scheduler_config(io::Config(folder_ / "scheduler/scheduler_config.json"),
                                           name);
  }

  // One UNet call of the denoising loop, with gradient, and what the scheduler made of it.
  schedulers::StepOutput call(schedulers::Scheduler& scheduler, std::size_t index,
                              pipeline::DenoiseInput input) {
    schedulers::StepOutput out;
    RecordingScheduler recording(
        scheduler, [&](std::size_t, const at::Tensor&, const schedulers::StepOutput& output) {
          out = output;
        });
    input.first_call = index;
    input.end_call = index + 1;
    input.generators = {generator_for(0, Purpose::roll_out, 0)};
    pipeline::denoise(unet_, recording, input, {}, {}, {});
    return out;
  }

  void check(const std::function<at::Tensor()>& loss_of) {
    run_->check(lora_->parameters(), loss_of);
  }

  fs::path folder_;
  std::optional<peers::PeerRun> run_;
  diffusion::UNet2DConditionModel unet_{nullptr};
  std::unique_ptr<LoraParameters> lora_;
};

schedulers::SchedulerConfig training_schedule() {
  schedulers::SchedulerConfig out;
  out.beta_start = 0.00085;
  out.beta_end = 0.012;
  out.beta_schedule = schedulers::BetaSchedule::scaled_linear;
  out.prediction_type = schedulers::PredictionType::v_prediction;
  return out;
}

TEST_F(PeersLoraTest, DenoisingWithAdaptersAndTenUpdatesMatchPeft) {
  open("sft");
  const TrainingNoise noise(training_schedule(), c10::kCPU);
  const at::Tensor latents = get("latents"), epsilon = get("noise"), t = get("timesteps");
  check([&] {
    return diffusion_loss(unet_(noise.add_noise(latents, epsilon, t), t, get("context")),
                          noise.target(latents, epsilon, t), noise.weights(t, 5.0))
        .mean();
  });
}

TEST_F(PeersLoraTest, DdpoLogProbsRatiosKlAndTenUpdatesMatchDdpoPytorch) {
  open("ppo");
  schedulers::DDIMScheduler scheduler(scheduler_config(schedulers::SchedulerName::ddim), 6, 1.0);
  pipeline::DenoiseInput input;
  input.prompt_embeds = get("context");
  input.negative_prompt_embeds = get("negative");
  input.guidance_scale = 3.0;
  bool first = true;
  check([&] {
    at::Tensor total = at::zeros({});
    for (const std::size_t index : {0u, 3u, 5u}) {
      const std::string of = std::to_string(index);
      input.latents = get("before_" + of);
      const schedulers::StepOutput now = call(scheduler, index, input);
      const at::Tensor log_probs = gaussian_log_prob(get("after_" + of), now.mean, now.std);
      const PpoLoss ppo = ppo_loss(log_probs, get("old_" + of), get("advantages"), 0.05);
      at::Tensor reference;
      {
        const at::NoGradGuard no_grad;
        const LoraParameters::Off off(*lora_);
        reference = call(scheduler, index, input).mean;
      }
      const at::Tensor kl = gaussian_kl(now.mean, reference, now.std);
      if (first) {
        EXPECT_LT(difference(log_probs, get("log_prob_" + of)), 1e-5) << index;
        EXPECT_LT(difference(ppo.ratio, get("ratio_" + of)), 1e-4) << index;
        EXPECT_LT(difference(kl, get("kl_" + of)), 1e-4) << index;
      }
      total = total + (ppo.losses + 0.3 * kl).sum() / 12;
    }
    first = false;
    return total;
  });
}

TEST_F(PeersLoraTest, ReflThroughAutoencoderAndRewardsAndTenUpdatesMatchPyTorch) {
  open("refl");
  diffusion::AutoencoderKL vae = diffusion::load_vae(folder_ / "vae", {});
  reward::CLIPModel clip = reward::load_clip_model(folder_ / "clip", {});
  make_frozen(*vae, c10::kCPU);
  make_frozen(*clip, c10::kCPU);
  reward::CLIPImageProcessorConfig pixels;
  pixels.shortest_edge = 12;
  pixels.crop_size = {12, 12};
  const reward::CLIPImageProcessor processor(pixels);
  const auto scheduler = schedulers::make_scheduler(
      schedulers::SchedulerName::ddpm, scheduler_config(schedulers::SchedulerName::ddpm), 8);
  pipeline::DenoiseInput input;
  input.latents = get("latents");
  input.prompt_embeds = get("context");

  RewardInputs inputs;
  inputs.prompts = get("prompts");
  inputs.groups = {7, 7, 9, 9};
  inputs.rounds = {0, 0, 2, 5};
  inputs.logit_scale = std::exp(clip->logit_scale.item<double>());
  for (std::int64_t i = 0; i < 4; ++i) {
    inputs.contrasts.push_back(get("contrasts")[i]);
    inputs.kept.push_back(i < 2 ? at::Tensor() : get("kept")[i]);
  }
  const io::Json known = io::read_json(folder_ / "references.json");
  const auto reference = [&](const char* name) {
    return session::RewardReference{known[name][0].get<double>(), known[name][1].get<double>()};
  };
  const session::RewardReferences references = {reference("pref"), reference("div"),
                                                reference("cons"), reference("mi")};
  const ReflSettings refl{.steps = 8, .first_step = 6, .last_step = 7, .margin = 2, .scale = 0.1};
  bool first = true;
  check([&] {
    const at::Tensor x0 = call(*scheduler, 6, input).pred_original_sample;
    inputs.images = reward::normalize(clip->get_image_features(
        processor.differentiable(vae->decode(x0 / vae->config().scaling_factor))));
    inputs.preferences = (inputs.images * inputs.prompts).sum(1) * inputs.logit_scale;
    const RewardTermTensors terms = standardised_terms(inputs, raw_terms(inputs), references,
                                                       session::find_reward_schedule("paper"));
    at::Tensor base;
    {
      const at::NoGradGuard no_grad;
      const LoraParameters::Off off(*lora_);
      base = call(*scheduler, 6, input).pred_original_sample;
    }
    if (first) {
      EXPECT_LT(difference(x0, get("x0")), 1e-5);
      EXPECT_LT(difference(terms.pref, get("term_pref")), 1e-4);
      EXPECT_LT(difference(terms.div, get("term_div")), 1e-4);
      EXPECT_LT(difference(terms.cons, get("term_cons")), 1e-4);
      EXPECT_LT(difference(terms.mi, get("term_mi")), 1e-4);
      EXPECT_LT(difference(terms.total, get("total")), 1e-4);
    }
    first = false;
    return refl_loss(terms.total, refl).mean() + (x0 - base).square().mean();
  });
}

TEST_F(PeersLoraTest, DiffusionDpoWithAdaptersOffAsReferenceAndTenUpdatesMatchPyTorch) {
  open("dpo");
  const TrainingNoise noise(training_schedule(), c10::kCPU);
  const at::Tensor latents = at::cat({get("chosen"), get("rejected")}),
                   epsilon = get("noise").repeat({2, 1, 1, 1}), t = get("timesteps").repeat({2}),
                   context = get("context").repeat({2, 1, 1});
  const auto errors = [&] {
    return diffusion_loss(unet_(noise.add_noise(latents, epsilon, t), t, context),
                          noise.target(latents, epsilon, t), at::ones({6}))
        .chunk(2);
  };
  bool first = true;
  check([&] {
    std::vector<at::Tensor> reference;
    {
      const at::NoGradGuard no_grad;
      const LoraParameters::Off off(*lora_);
      reference = errors();
    }
    const auto own = errors();
    const DiffusionDpoLoss loss =
        diffusion_dpo_loss(own[0], own[1], reference[0], reference[1], at::ones({3}), 500);
    if (first) {
      EXPECT_NEAR(loss.implicit_accuracy, get("accuracy").item<double>(), 1e-6);
    }
    first = false;
    return loss.losses.mean();
  });
}

TEST_F(PeersLoraTest, AdvantagesOfPromptsMatchDdpoPytorchOverEpochs) {
  const io::Json all = io::read_json(kPeersTrainLora / "advantages.json");
  PromptAdvantages advantages(all["buffer"].get<std::size_t>(),
                              all["min_count"].get<std::size_t>());
  for (const io::Json& epoch : all["epochs"]) {
    // What a checkpoint carries is all there is.
    PromptAdvantages resumed(all["buffer"].get<std::size_t>(), all["min_count"].get<std::size_t>());
    resumed.load_state(advantages.state());
    advantages = resumed;
    const auto expected = epoch["advantages"].get<std::vector<double>>();
    const std::vector<double> found =
        advantages.update(epoch["prompts"].get<std::vector<std::uint64_t>>(),
                          epoch["rewards"].get<std::vector<double>>());
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-9) << i;
  }
}

}  // namespace
}  // namespace omr::train
