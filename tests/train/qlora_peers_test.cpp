// Preferences, and adapters over NF4 weights, against PickScore's and DPO's formulas on
// transformers, peft and bitsandbytes.
#include <filesystem>
#include <optional>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/llm/llama.h"
#include "omr/nn/recompute.h"
#include "omr/reward/clip_model.h"
#include "omr/train/lora_parameters.h"
#include "omr/train/next_token_loss.h"
#include "omr/train/preference_loss.h"
#include "omr/train/sample_random.h"

#include "train/peer_run.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;
using peers::PeerRun;

const fs::path kPeersQlora = OMR_PEERS "/train_qlora";

const std::vector<std::string> kClipModules = {"q_proj",   "k_proj", "v_proj",
                                               "out_proj", "fc1",    "fc2"};

at::Tensor logits_of(const PeerRun& run, reward::CLIPModel& clip, const at::Tensor& scale) {
  return preference_logits(clip->get_text_features(run.get("input_ids")),
                           clip->get_image_features(run.get("pixels_0")),
                           clip->get_image_features(run.get("pixels_1")), scale);
}

at::Tensor mean_loss(const PeerRun& run, const at::Tensor& logits) {
  const at::Tensor weights = run.get("weights");
  return (preference_loss(logits, run.get("labels")) * weights).sum() / weights.sum();
}

// Begins where the peer's adapter does.
LoraParameters adapter(torch::nn::Module& module, const fs::path& folder,
                       const std::vector<std::string>& modules) {
  LoraParameters out(module, "", {3, 5, modules, {}}, c10::kCPU,
                     generator_for(0, Purpose::weights, 0));
  out.load(io::read_peft_adapter(folder / "adapter"));
  return out;
}

TEST(PeersQloraTest, PreferenceLossAndTenUpdatesOfAllWeightsMatchPickScore) {
  const fs::path folder = kPeersQlora / "reward_full";
  const PeerRun run(folder);
  reward::CLIPModel clip = reward::load_clip_model(folder, {});
  run.check(make_trainable(*clip, c10::kCPU),
            [&] { return mean_loss(run, logits_of(run, clip, clip->logit_scale)); });
}

class PeersRewardAdapterTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PeersRewardAdapterTest, LossAndTenUpdatesOfAnAdapterOverNf4MatchPeft) {
  const fs::path folder = kPeersQlora / GetParam();
  const PeerRun run(folder);
  reward::CLIPModel clip = reward::load_clip_model(folder, {}, /*to_nf4=*/true);
  LoraParameters lora = adapter(*clip, folder, kClipModules);
  NamedParameters parameters = lora.parameters();
  const at::Tensor scale_before = clip->logit_scale.detach().clone();
  clip->logit_scale.set_data(scale_before.clone());
  clip->logit_scale.requires_grad_(true);
  parameters.emplace_back("logit_scale", clip->logit_scale);
  const bool dpo = std::string(GetParam()) == "reward_dpo";
  run.check(parameters, [&] {
    const nn::Recomputation recomputation(dpo);  // once without and once with it
    const at::Tensor logits = logits_of(run, clip, clip->logit_scale);
    if (!dpo) return mean_loss(run, logits);
    at::Tensor reference;
    {
      const at::NoGradGuard no_grad;
      const LoraParameters::Off off(lora);
      reference = logits_of(run, clip, scale_before);
    }
    return mean_loss(run, relative_logits(logits, reference, 0.7));
  });
}

INSTANTIATE_TEST_SUITE_P(Methods, PeersRewardAdapterTest,
                         ::testing::Values("reward_qlora", "reward_dpo"));

TEST(PeersQloraTest, NextTokenLossAndTenUpdatesOfAnAdapterOverNf4MatchPeft) {
  const fs::path folder = kPeersQlora / "refiner_qlora";
  const PeerRun run(folder);
  llm::LlamaForCausalLM llama = llm::load_llama(folder, {}, /*quantize_nf4=*/true);
  LoraParameters lora =
      adapter(*llama, folder,
              {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"});
  run.check(lora.parameters(), [&] {
    const nn::Recomputation recomputation(true);
    const NextTokenLoss loss = next_token_loss(llama(run.get("input_ids")), run.get("labels"));
    return loss.sum / static_cast<double>(loss.tokens);
  });
}

TEST(PreferenceLossTest, TiesCostNothingAtEqualScoresAndCountForNoAccuracy) {
  const at::Tensor labels = at::tensor({0.5f, 0.5f, 1.0f, 0.0f, 0.0f, 1.0f}).view({3, 2});
  const at::Tensor logits = at::tensor({2.0f, 2.0f, 3.0f, 1.0f, 4.0f, 0.0f}).view({3, 2});
  EXPECT_NEAR(preference_loss(logits, labels)[0].item<double>(), 0, 1e-6);
  const PairsRight right = pairs_right(logits, labels);
  EXPECT_EQ(right.judged, 2);
  EXPECT_EQ(right.right, 1);
}

}  // namespace
}  // namespace omr::train
