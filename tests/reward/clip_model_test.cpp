#include "omr/reward/clip_model.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"

#include "reward/peer_case.h"

namespace omr::reward {
namespace {

CLIPConfig parse(const char* json) {
  return CLIPConfig::from(io::Config(io::parse_json(json, "test"), "test"));
}

TEST(PeersCLIPModelTest, QuantisesTheLinearsThatLoadIn4bitQuantises) {
  for (const char* name : {"model-gelu", "model-quick-gelu", "model-sharded"}) {
    SCOPED_TRACE(name);
    const PeerCase peer(name);
    CLIPModel model = load_clip_model(peer.folder, {});
    quantize_nf4(*model);
    std::vector<std::string> quantized;
    for (const auto& item : model->named_modules()) {
      const auto* linear = item.value()->as<nn::LinearImpl>();
      if (linear != nullptr && linear->quantized()) quantized.push_back(item.key());
    }
    std::vector<std::string> expected = peer.config.texts("quantized");
    std::sort(quantized.begin(), quantized.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(quantized, expected);
  }
}

TEST(CLIPConfigTest, AbsentKeysTakeTransformersDefaults) {
  const CLIPConfig config = parse(R"({"model_type": "clip"})");
  EXPECT_EQ(config.projection_dim, 512);
  EXPECT_EQ(config.text.encoder.hidden_size, 512);
  EXPECT_EQ(config.text.encoder.num_attention_heads, 8);
  EXPECT_EQ(config.text.vocab_size, 49408);
  EXPECT_EQ(config.text.max_position_embeddings, 77);
  EXPECT_EQ(config.text.eos_token_id, 49407);
  EXPECT_EQ(config.vision.encoder.hidden_size, 768);
  EXPECT_EQ(config.vision.encoder.intermediate_size, 3072);
  EXPECT_EQ(config.vision.encoder.hidden_act, nn::Activation::quick_gelu);
  EXPECT_EQ(config.vision.image_size, 224);
  EXPECT_EQ(config.vision.patch_size, 32);
}

TEST(CLIPConfigTest, TowersMayBeRepeatedUnderTheirOldNames) {
  const CLIPConfig config = parse(
      R"({"model_type": "clip", "vision_config": {"hidden_size": 24, "image_size": 64},
          "vision_config_dict": {"image_size": 96}, "text_config_dict": null})");
  EXPECT_EQ(config.vision.encoder.hidden_size, 24);
  EXPECT_EQ(config.vision.image_size, 96);
}

TEST(CLIPConfigTest, RefusesOtherArchitecturesAndAbsurdSizes) {
  EXPECT_THROW(parse(R"({"model_type": "siglip"})"), Error);
  EXPECT_THROW(parse(R"({"model_type": "clip", "projection_dim": -1})"), Error);
  EXPECT_THROW(parse(R"({"model_type": "clip", "vision_config": {"patch_size": 0}})"), Error);
  EXPECT_THROW(parse(R"({"model_type": "clip", "vision_config": {"num_channels": 4}})"), Error);
  EXPECT_THROW(parse(R"({"model_type": "clip", "vision_config": {"hidden_size": 1e15}})"), Error);
  EXPECT_THROW(parse(R"({"model_type": "clip", "text_config": 3})"), Error);
  EXPECT_THROW(
      parse(R"({"model_type": "clip", "vision_config": {"image_size": 4096, "patch_size": 1}})"),
      Error);
}

TEST(CLIPModelTest, RefusesPicturesOfAnotherSize) {
  CLIPModel model(parse(R"({"model_type": "clip", "projection_dim": 4,
    "text_config": {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                    "num_attention_heads": 1, "vocab_size": 9},
    "vision_config": {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                      "num_attention_heads": 1, "image_size": 16, "patch_size": 8}})"));
  EXPECT_THROW(model->get_image_features(at::zeros({1, 3, 16, 8})), Error);
}

TEST(CLIPModelTest, NormalizeGivesUnitVectors) {
  const at::Tensor unit = normalize(at::randn({5, 7}).to(at::kHalf));
  EXPECT_EQ(unit.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(unit.norm(2, {-1}), at::ones({5}), 0, 1e-6));
}

}  // namespace
}  // namespace omr::reward
