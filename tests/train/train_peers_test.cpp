// Losses, gradients and ten updates against PyTorch's, diffusers' and transformers'.
#include <filesystem>
#include <functional>
#include <optional>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/json_file.h"
#include "omr/llm/llama.h"
#include "omr/nn/recompute.h"
#include "omr/pipeline/model_folder.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/lpips.h"
#include "omr/train/adversarial_loss.h"
#include "omr/train/autoencoder_loss.h"
#include "omr/train/contrastive_loss.h"
#include "omr/train/diffusion_loss.h"
#include "omr/train/ema.h"
#include "omr/train/initialise.h"
#include "omr/train/layout_decoder.h"
#include "omr/train/learning_rate.h"
#include "omr/train/next_token_loss.h"
#include "omr/train/sample_random.h"

#include "train/peer_run.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;
using peers::difference;
using peers::PeerRun;

const fs::path kPeersTrain = OMR_PEERS "/train";
const fs::path kPeersLpips = OMR_PEERS "/lpips/lpips.safetensors";

class PeersTrainTest : public testing::Test {
 protected:
  void open(const std::string& name) {
    folder_ = kPeersTrain / name;
    run_.emplace(folder_);
  }
  at::Tensor get(const std::string& name) const { return run_->get(name); }

  // With averages of the weights, as make_train.py keeps them.
  void check(torch::nn::Module& module, const std::function<at::Tensor()>& loss_of) {
    const NamedParameters parameters = make_trainable(module, c10::kCPU);
    Ema plain(parameters, {.decay = 0.7}), power(parameters, {.decay = 0.7, .power = true});
    run_->check(parameters, loss_of, [&](std::int64_t step) {
      plain.update(step);
      power.update(step);
    });
    const at::NoGradGuard no_grad;
    for (auto& [key, ema] :
         {std::pair<const char*, Ema&>("ema_plain.", plain), {"ema_power.", power}}) {
      const Ema::Swapped averaged(ema);
      for (const auto& [name, parameter] : parameters) {
        EXPECT_LT(difference(parameter, get(key + name)), 1e-3) << key << name;
      }
    }
  }

  fs::path folder_;
  std::optional<PeerRun> run_;
};

class PeersUNetTrainTest : public PeersTrainTest,
                           public testing::WithParamInterface<const char*> {};

TEST_P(PeersUNetTrainTest, MinSnrLossAndTenUpdatesMatchDiffusers) {
  open(GetParam());
  diffusion::UNet2DConditionModel unet = diffusion::load_unet(folder_, {});
  const TrainingNoise noise(
      pipeline::read_scheduler_config(io::Config(folder_ / "scheduler/scheduler_config.json")),
      c10::kCPU);
  const at::Tensor latents = get("latents"), epsilon = get("noise"), t = get("timesteps");
  EXPECT_LT(difference(noise.add_noise(latents, epsilon, t), get("noisy")), 1e-6);
  EXPECT_LT(difference(noise.target(latents, epsilon, t), get("target")), 1e-6);
  EXPECT_LT(difference(noise.weights(t, 5.0), get("weights")), 1e-5);
  check(*unet, [&] {
    // Once without and once with it.
    const nn::Recomputation recomputation(std::string(GetParam()) == "unet_v");
    const at::Tensor prediction = unet(noise.add_noise(latents, epsilon, t), t, get("context"));
    return diffusion_loss(prediction, noise.target(latents, epsilon, t), noise.weights(t, 5.0))
        .mean();
  });
}

INSTANTIATE_TEST_SUITE_P(Predictions, PeersUNetTrainTest,
                         testing::Values("unet_v", "unet_epsilon"));

TEST_F(PeersTrainTest, WeightedAutoencoderLossAndTenUpdatesMatchPyTorch) {
  open("vae");
  diffusion::AutoencoderKL vae = diffusion::load_vae(folder_, {});
  check(*vae, [&] {
    const diffusion::DiagonalGaussian posterior = vae->encode(get("pixels"));
    const at::Tensor z = posterior.mean + (0.5 * posterior.logvar).exp() * get("noise");
    const AutoencoderLoss loss = autoencoder_loss(vae->decode(z), get("pixels"), posterior,
                                                  get("pixel_weights"), {1.0, 0.7, 1e-2});
    return loss.total;
  });
}

TEST_F(PeersTrainTest, PerceptualAndAdversarialLossAndTenUpdatesOfBothSidesMatchPyTorch) {
  open("vae_adversarial");
  // Their parameters under one set of names, as in make_train.py.
  torch::nn::Module both;
  diffusion::AutoencoderKL vae = both.register_module("vae", diffusion::load_vae(folder_, {}));
  PatchDiscriminator discriminator =
      both.register_module("discriminator", PatchDiscriminator(PatchDiscriminatorConfig{.ndf = 8}));
  reward::Lpips lpips = reward::load_lpips(kPeersLpips, {});
  {
    const at::NoGradGuard no_grad;
    for (const auto& item : discriminator->named_parameters())
      item.value().copy_(get("before.discriminator." + item.key()));
  }
  const at::Tensor last_layer = vae->named_parameters()["decoder.conv_out.weight"];
  bool first = true;
  check(both, [&] {
    const diffusion::DiagonalGaussian posterior = vae->encode(get("pixels"));
    const at::Tensor z = posterior.mean + (0.5 * posterior.logvar).exp() * get("noise");
    const at::Tensor decoded = vae->decode(z);
    const AutoencoderLoss loss = autoencoder_loss(
        decoded, get("pixels"), posterior, {},
        {.l1 = 1.0, .l2 = 0.7, .kl = 1e-2, .perceptual = 0.8}, lpips(decoded, get("pixels")));
    const AdversarialLoss against = adversarial_loss(discriminator, decoded, get("pixels"));
    const at::Tensor balance = adaptive_weight(loss.reconstruction, against.generator, last_layer);
    const at::Tensor total = loss.total + 0.6 * balance * against.generator;
    if (first) {
      const auto expect = [&](const char* name, const at::Tensor& value) {
        EXPECT_LT(difference(value, get(name)), 1e-5) << name;
      };
      expect("perceptual", loss.perceptual);
      expect("generator", against.generator);
      expect("discriminator", against.discriminator);
      EXPECT_LT(difference(balance, get("balance")), 1e-4);
      EXPECT_LT(difference(total, get("total")), 1e-4);
      first = false;
    }
    return total + against.discriminator;
  });
}

TEST(AdversarialLossTest, EachSideLearnsFromItsOwnLossAlone) {
  PatchDiscriminator discriminator(PatchDiscriminatorConfig{.ndf = 4});
  initialise(*discriminator, generator_for(3, Purpose::weights, 0));
  const NamedParameters parameters = make_trainable(*discriminator, c10::kCPU);
  const at::Tensor picture = at::rand({2, 3, 24, 24}).requires_grad_(true);
  const AdversarialLoss loss = adversarial_loss(discriminator, picture, at::rand({2, 3, 24, 24}));
  loss.generator.backward();
  EXPECT_GT(picture.grad().abs().max().item<double>(), 0);
  for (const auto& [name, parameter] : parameters) EXPECT_FALSE(parameter.grad().defined()) << name;
  picture.mutable_grad() = at::Tensor();
  loss.discriminator.backward();
  EXPECT_FALSE(picture.grad().defined());
  for (const auto& [name, parameter] : parameters) EXPECT_TRUE(parameter.grad().defined()) << name;
}

TEST(AdversarialLossTest, SmallestPictureLeavesOnePatch) {
  PatchDiscriminator discriminator;
  initialise(*discriminator, generator_for(3, Purpose::weights, 0));
  const std::int64_t size = discriminator->smallest_size();
  EXPECT_EQ(discriminator(at::rand({2, 3, size, size})).sizes(), at::IntArrayRef({2, 1, 1, 1}));
}

TEST_F(PeersTrainTest, ContrastiveLossWithHardNegativesAndTenUpdatesMatchTransformers) {
  open("clip");
  reward::CLIPModel clip = reward::load_clip_model(folder_, {});
  {
    const at::NoGradGuard no_grad;
    const ContrastiveLoss plain =
        contrastive_loss(clip->get_image_features(get("pixel_values")),
                         clip->get_text_features(get("input_ids")), {}, clip->logit_scale);
    EXPECT_NEAR(plain.total.item<double>(), get("plain").item<double>(), 1e-5);
  }
  check(*clip, [&] {
    return contrastive_loss(clip->get_image_features(get("pixel_values")),
                            clip->get_text_features(get("input_ids")),
                            clip->get_text_features(get("negative_ids")), clip->logit_scale)
        .total;
  });
}

TEST(ContrastiveLossTest, SamplesInPairsAreContrastedWithAllAndWonAgainstTheirOther) {
  // Two pairs: 0 and 2, 1 and 3. Picture 3 is nearer to the caption of 1 than to its own.
  const at::Tensor images = at::eye(4), texts = at::eye(4);
  images[3] = at::tensor({0.F, 0.9F, 0.F, 0.1F});
  const at::Tensor scale = at::scalar_tensor(1.5);
  const ContrastiveLoss of_pairs = contrastive_loss_of_pairs(images, texts, scale),
                        of_all = contrastive_loss(images, texts, {}, scale);
  EXPECT_EQ(of_pairs.total.item<float>(), of_all.total.item<float>());
  EXPECT_EQ(of_pairs.hard_negatives_won.item<float>(), 0.75F);
}

TEST(ContrastiveLossTest, EachWordCountsWithThePatchThatFitsItBest) {
  const at::Tensor patches = at::randn({2, 5, 4}), words = at::randn({3, 6, 4});
  const at::Tensor is_word = at::ones({3, 6}, at::kBool);
  is_word[1].slice(0, 4).fill_(false);
  const at::Tensor similarity = fine_grained_similarity(patches, words, is_word);
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t t = 0; t < 3; ++t) {
      double sum = 0;
      const std::int64_t count = t == 1 ? 4 : 6;
      for (std::int64_t n = 0; n < count; ++n)
        sum += at::cosine_similarity(words[t][n].unsqueeze(0), patches[b], 1).max().item<double>();
      EXPECT_NEAR(similarity[b][t].item<double>(), sum / static_cast<double>(count), 1e-6);
    }
  }
  // Two pictures, the third text is nobody's: it counts for the pictures alone.
  const at::Tensor logits = similarity * 100;
  const at::Tensor own = at::arange(2, at::kLong);
  const at::Tensor wanted = (at::cross_entropy_loss(logits, own) +
                             at::cross_entropy_loss(logits.slice(1, 0, 2).t(), own)) /
                            2;
  EXPECT_NEAR(fine_grained_loss(similarity).item<double>(), wanted.item<double>(), 1e-5);
}

TEST(InitialiseTest, SinusoidalPositionsTellRowsAndColumnsApart) {
  const at::Tensor positions = sinusoidal_positions(5, 7, 32);
  ASSERT_EQ(positions.sizes(), at::IntArrayRef({35, 32}));
  EXPECT_LT(positions.mean(0).abs().max().item<double>(), 1e-5);
  const at::Tensor grid = positions.view({5, 7, 32});
  // The first half is the column's alone, the second the row's.
  EXPECT_TRUE(at::allclose(grid[0].slice(1, 0, 16), grid[4].slice(1, 0, 16)));
  EXPECT_TRUE(at::allclose(grid.select(1, 0).slice(1, 16), grid.select(1, 6).slice(1, 16)));
  const at::Tensor apart = at::cdist(positions, positions) + 100 * at::eye(35);
  EXPECT_GT(apart.min().item<double>(), 1);
}

class PeersLayoutDecoderTest : public PeersTrainTest,
                               public testing::WithParamInterface<const char*> {};

TEST_P(PeersLayoutDecoderTest, LossAndTenUpdatesMatchDiffusersBlocks) {
  open(GetParam());
  const at::Tensor states = get("states"), latents = get("latents");
  LayoutDecoder decoder(LayoutDecoderConfig{.width = states.size(2),
                                            .num_attention_heads = 4,
                                            .latent_channels = latents.size(1),
                                            .latent_height = latents.size(2),
                                            .latent_width = latents.size(3)});
  {
    const at::NoGradGuard no_grad;
    for (const auto& item : decoder->named_parameters())
      item.value().copy_(get("before." + item.key()));
  }
  check(*decoder, [&] { return (decoder(states) - latents).square().mean(); });
}

INSTANTIATE_TEST_SUITE_P(Patches, PeersLayoutDecoderTest,
                         testing::Values("layout_even", "layout_odd"));

TEST_F(PeersTrainTest, NextTokenLossOnAnswersAndTenUpdatesMatchTransformers) {
  open("llama");
  llm::LlamaForCausalLM llama = llm::load_llama(folder_, {});
  check(*llama, [&] {
    const NextTokenLoss loss = next_token_loss(llama(get("input_ids")), get("labels"));
    return loss.sum / static_cast<double>(loss.tokens);
  });
}

TEST_F(PeersTrainTest, CosineWithWarmUpMatchesDiffusers) {
  const io::Json rates = io::read_json(kPeersTrain / "learning_rates.json");
  const LearningRate rate{0.3, LearningRateShape::cosine, 7, 0.0};
  for (std::size_t step = 0; step < rates.size(); ++step) {
    EXPECT_NEAR(rate.at(static_cast<std::int64_t>(step), 40), rates[step].get<double>(), 1e-9)
        << step;
  }
}

// Every parameter's deviation and mean lie where its library's do, to the accuracy that samples of
// this size have.
void check_spread(const fs::path& folder, const torch::nn::Module& module) {
  const io::Json spread = io::read_json(folder / "spread.json");
  std::size_t seen = 0;
  for (const auto& item : module.named_parameters()) {
    SCOPED_TRACE(item.key());
    ASSERT_TRUE(spread.contains(item.key()));
    const auto values = spread[item.key()].get<std::vector<double>>();
    const double mean = values[0], deviation = values[1], count = values[2];
    const double tolerance = 6 * std::max(deviation, 1e-9) / std::sqrt(count);
    EXPECT_NEAR(item.value().mean().item<double>(), mean, tolerance + 1e-6);
    if (count > 1) {
      EXPECT_NEAR(item.value().std().item<double>(), deviation, tolerance);
    }
    ++seen;
  }
  EXPECT_EQ(seen, spread.size());
}

TEST_F(PeersTrainTest, FreshWeightsAreSpreadAsTheirLibrariesSpreadThem) {
  const auto generator = [] { return generator_for(5, Purpose::weights, 0); };
  const auto config = [](const char* name) {
    return io::Config(kPeersTrain / name / "config.json");
  };
  diffusion::UNet2DConditionModel unet(
      diffusion::UNet2DConditionConfig::parse(config("fresh_unet")));
  initialise(*unet, generator());
  check_spread(kPeersTrain / "fresh_unet", *unet);
  diffusion::AutoencoderKL vae(diffusion::AutoencoderKLConfig::parse(config("fresh_vae")));
  initialise(*vae, generator());
  check_spread(kPeersTrain / "fresh_vae", *vae);
  PatchDiscriminator discriminator;
  initialise(*discriminator, generator());
  check_spread(kPeersTrain / "fresh_discriminator", *discriminator);
  reward::CLIPModel clip(reward::CLIPConfig::from(config("fresh_clip")));
  initialise(*clip, config("fresh_clip"), generator());
  check_spread(kPeersTrain / "fresh_clip", *clip);
  llm::LlamaForCausalLM llama(llm::LlamaConfig::from(config("fresh_llama")));
  initialise(*llama, config("fresh_llama"), generator());
  check_spread(kPeersTrain / "fresh_llama", *llama);
}

}  // namespace
}  // namespace omr::train
