#include "omr/io/lora_file.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

class LoraFileTest : public testing::Test {
 protected:
  fs::path file(const NamedTensors& tensors,
                const std::map<std::string, std::string>& metadata = {}) {
    write_safetensors(folder_.path() / "lora.safetensors", tensors, metadata);
    return folder_.path() / "lora.safetensors";
  }
  Error refused(const NamedTensors& tensors) {
    const fs::path path = file(tensors);
    const Error error = error_of([&] { read_lora(path); });
    EXPECT_TRUE(says(error, path.string())) << error.what();
    return error;
  }
  const LoraLayer* find(const LoraFile& lora, const std::string& component,
                        const std::string& module) {
    for (const LoraLayer& layer : lora.layers) {
      if (layer.component == component && layer.module == module) return &layer;
    }
    return nullptr;
  }

  TemporaryFolder folder_;
  at::Tensor down = at::randn({2, 6});
  at::Tensor up = at::randn({4, 2});
};

TEST_F(LoraFileTest, ReadsEveryStyleOfKey) {
  const std::vector<std::tuple<std::string, std::string, std::string, std::string, bool>> styles = {
      {"unet.a.to_q.lora_A.weight", "unet.a.to_q.lora_B.weight", "unet", "a.to_q", false},
      {"unet.a.to_q.lora_A.default.weight", "unet.a.to_q.lora_B.default.weight", "unet", "a.to_q",
       false},
      {"unet.a.to_q.lora.down.weight", "unet.a.to_q.lora.up.weight", "unet", "a.to_q", false},
      {"unet.a.processor.to_q_lora.down.weight", "unet.a.processor.to_q_lora.up.weight", "unet",
       "a.to_q", false},
      {"unet.a.processor.to_out_lora.down.weight", "unet.a.processor.to_out_lora.up.weight", "unet",
       "a.to_out.0", false},
      {"a.processor.to_k_lora.down.weight", "a.processor.to_k_lora.up.weight", "", "a.to_k", false},
      {"text_encoder.b.self_attn.to_out_lora.down.weight",
       "text_encoder.b.self_attn.to_out_lora.up.weight", "text_encoder", "b.self_attn.out_proj",
       false},
      {"text_encoder.b.q_proj.lora_linear_layer.down.weight",
       "text_encoder.b.q_proj.lora_linear_layer.up.weight", "text_encoder", "b.q_proj", false},
      {"lora_unet_a_to_q.lora_down.weight", "lora_unet_a_to_q.lora_up.weight", "unet", "a_to_q",
       true},
      {"lora_te_b_q_proj.lora_down.weight", "lora_te_b_q_proj.lora_up.weight", "text_encoder",
       "b_q_proj", true},
      {"base_model.model.c.q_proj.lora_A.weight", "base_model.model.c.q_proj.lora_B.weight", "",
       "c.q_proj", false},
  };
  for (const auto& [down_key, up_key, component, module, underscored] : styles) {
    SCOPED_TRACE(down_key);
    const LoraFile lora = read_lora(file({{down_key, down}, {up_key, up}}));
    ASSERT_EQ(lora.layers.size(), 1u);
    EXPECT_EQ(lora.layers[0].component, component);
    EXPECT_EQ(lora.layers[0].module, module);
    EXPECT_EQ(lora.layers[0].underscored, underscored);
    EXPECT_TRUE(at::equal(lora.layers[0].down, down));
    EXPECT_TRUE(at::equal(lora.layers[0].up, up));
    EXPECT_FALSE(lora.layers[0].alpha.has_value());
    EXPECT_EQ(lora.tensors, 2u);
  }
}

TEST_F(LoraFileTest, TakesAlphaFromItsTensor) {
  for (const at::Tensor& alpha :
       {at::tensor(3.0f), at::tensor({3.0f}), at::tensor({3}), at::tensor(3.0f).to(at::kHalf)}) {
    const LoraFile lora = read_lora(file({{"lora_unet_q.lora_down.weight", down},
                                          {"lora_unet_q.lora_up.weight", up},
                                          {"lora_unet_q.alpha", alpha}}));
    EXPECT_EQ(lora.layers.at(0).alpha, 3.0);
    EXPECT_EQ(lora.tensors, 2u);
  }
}

TEST_F(LoraFileTest, TakesAlphaFromTheMetadataOfDiffusers) {
  const std::string metadata =
      R"({"unet.r":2,"unet.lora_alpha":5,"unet.alpha_pattern":{"to_k":7},"text_encoder.lora_alpha":9})";
  const LoraFile lora = read_lora(file({{"unet.a.to_q.lora_A.weight", down},
                                        {"unet.a.to_q.lora_B.weight", up},
                                        {"unet.a.to_k.lora_A.weight", down},
                                        {"unet.a.to_k.lora_B.weight", up},
                                        {"text_encoder.b.lora_A.weight", down},
                                        {"text_encoder.b.lora_B.weight", up}},
                                       {{"lora_adapter_metadata", metadata}}));
  EXPECT_EQ(find(lora, "unet", "a.to_q")->alpha, 5.0);
  EXPECT_EQ(find(lora, "unet", "a.to_k")->alpha, 7.0);
  EXPECT_EQ(find(lora, "text_encoder", "b")->alpha, 9.0);
}

TEST_F(LoraFileTest, DamagedMetadataIsAFormatError) {
  const NamedTensors pair = {{"unet.q.lora_A.weight", down}, {"unet.q.lora_B.weight", up}};
  for (const char* text :
       {"{", "", R"({"unet.lora_alpha":"eight"})", R"({"unet.alpha_pattern":{"((":1}})",
        R"({"unet.alpha_pattern":[1]})", "[1]", "3"}) {
    const fs::path path = file(pair, {{"lora_adapter_metadata", text}});
    try {
      read_lora(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format) << text;
    }
  }
  const fs::path path = file(pair, {{"lora_adapter_metadata", R"({"unet.lora_alpha":"eight"})"}});
  EXPECT_EQ(error_of([&] { read_lora(path); }).kind(), ErrorKind::format);
}

TEST_F(LoraFileTest, ReadsOneByOneConvolutionsAsLinears) {
  const LoraFile lora =
      read_lora(file({{"lora_unet_proj_in.lora_down.weight", down.view({2, 6, 1, 1})},
                      {"lora_unet_proj_in.lora_up.weight", up.view({4, 2, 1, 1})}}));
  EXPECT_EQ(lora.layers.at(0).down.sizes(), (at::IntArrayRef{2, 6}));
  EXPECT_EQ(lora.layers.at(0).up.sizes(), (at::IntArrayRef{4, 2}));
}

TEST_F(LoraFileTest, ReportsWhatIsNoLowRankPair) {
  const LoraFile lora =
      read_lora(file({{"unet.q.lora_A.weight", down},
                      {"unet.q.lora_B.weight", up},
                      {"unet.bias.diff", at::ones({3})},
                      {"lora_unet_conv.lora_down.weight", at::ones({2, 6, 3, 1})},
                      {"lora_unet_conv.lora_up.weight", at::ones({4, 2, 1, 1})}}));
  EXPECT_EQ(lora.layers.size(), 1u);
  EXPECT_EQ(lora.tensors, 5u);
  EXPECT_EQ(lora.unread.size(), 3u);
}

TEST_F(LoraFileTest, ReadsConvolutions) {
  const LoraFile lora =
      read_lora(file({{"lora_unet_conv.lora_down.weight", at::ones({2, 6, 3, 3})},
                      {"lora_unet_conv.lora_up.weight", at::ones({4, 2, 1, 1})}}));
  EXPECT_EQ(lora.layers.at(0).down.sizes(), (at::IntArrayRef{2, 6, 3, 3}));
  EXPECT_EQ(lora.layers.at(0).up.sizes(), (at::IntArrayRef{4, 2}));
}

TEST_F(LoraFileTest, AdaptersOfOtherKindsAreNamedAndRefused) {
  for (const auto& [key, kind] : std::vector<std::pair<std::string, std::string>>{
           {"lora_unet_q.hada_w1_a", "LoHa"},
           {"lora_unet_q.lokr_w1", "LoKr"},
           {"lora_unet_q.lora_mid.weight", "Tucker"},
           {"lora_unet_q.dora_scale", "DoRA"},
           {"lora_unet_q.scalar", "trained scale"},
           {"unet.q.lora_B.bias", "trained biases"},
           {"lora_te2_text_model_q.lora_down.weight", "SDXL"}}) {
    const Error error = refused(
        {{"unet.q.lora_A.weight", down}, {"unet.q.lora_B.weight", up}, {key, at::ones({2, 2})}});
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    EXPECT_TRUE(says(error, kind) && says(error, key)) << error.what();
  }
}

TEST_F(LoraFileTest, WhatIsWrittenIsReadBackInEitherStyle) {
  const std::vector<LoraLayer> layers = {
      {"text_encoder", "text_model.b.q_proj", false, at::rand({3, 5}), at::rand({4, 3}), 1.5},
      {"unet", "a.conv", false, at::rand({2, 6, 3, 3}), at::rand({4, 2}), 2.0},
      {"unet", "a.to_q", false, at::rand({2, 6}), at::rand({4, 2}), 7.0}};
  const fs::path path = folder_.path() / "written.safetensors";
  for (const LoraKeys keys : {LoraKeys::kohya, LoraKeys::peft}) {
    write_lora(path, layers, keys);
    const LoraFile read = read_lora(path);
    ASSERT_EQ(read.layers.size(), layers.size());
    EXPECT_EQ(read.tensors, 6u);
    for (const LoraLayer& layer : layers) {
      std::string module = layer.module;
      if (keys == LoraKeys::kohya) std::replace(module.begin(), module.end(), '.', '_');
      const LoraLayer* found = find(read, layer.component, module);
      ASSERT_NE(found, nullptr) << module;
      EXPECT_TRUE(at::equal(found->down, layer.down) && at::equal(found->up, layer.up));
      EXPECT_EQ(found->alpha, layer.alpha);
    }
  }
}

TEST_F(LoraFileTest, RefusesRanksThatDisagree) {
  const Error error =
      refused({{"unet.q.lora_A.weight", at::ones({3, 6})}, {"unet.q.lora_B.weight", up}});
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "unet.q") && says(error, "rank 3") && says(error, "2")) << error.what();
}

TEST_F(LoraFileTest, RefusesRankZero) {
  const Error error = refused(
      {{"unet.q.lora_A.weight", at::ones({0, 6})}, {"unet.q.lora_B.weight", at::ones({4, 0})}});
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
}

TEST_F(LoraFileTest, RefusesAHalfWithoutItsOther) {
  for (const NamedTensors& tensors :
       {NamedTensors{{"unet.q.lora_A.weight", down}}, NamedTensors{{"unet.q.lora_B.weight", up}},
        NamedTensors{{"unet.q.alpha", at::tensor(1.0f)}}}) {
    const Error error = refused(tensors);
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    EXPECT_TRUE(says(error, "\"unet.q\" has only one half")) << error.what();
  }
}

TEST_F(LoraFileTest, RefusesAFileWithoutAnyLora) {
  for (const NamedTensors& tensors :
       {NamedTensors{}, NamedTensors{{"conv_in.weight", at::ones({2, 2})}}}) {
    const Error error = refused(tensors);
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    EXPECT_TRUE(says(error, "holds no LoRA")) << error.what();
  }
}

TEST_F(LoraFileTest, RefusesAnAlphaThatIsNotOneNumber) {
  for (const at::Tensor& alpha :
       {at::ones({2}), at::empty({0}), at::full({1}, NAN), at::full({1}, INFINITY)}) {
    const Error error = refused(
        {{"unet.q.lora_A.weight", down}, {"unet.q.lora_B.weight", up}, {"unet.q.alpha", alpha}});
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_TRUE(says(error, "unet.q.alpha")) << error.what();
  }
}

TEST_F(LoraFileTest, ExpectsAnAdapterConfigInAFolder) {
  const Error error = error_of([&] { read_lora(folder_.path()); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_TRUE(says(error, "adapter_config.json")) << error.what();
  EXPECT_EQ(error_of([&] { read_lora(folder_.path() / "absent.safetensors"); }).kind(),
            ErrorKind::io);
}

class PeftFolderTest : public LoraFileTest {
 protected:
  Error refused_config(const std::string& config) {
    write_safetensors(
        folder_.path() / "adapter_model.safetensors",
        {{"base_model.model.q.lora_A.weight", down}, {"base_model.model.q.lora_B.weight", up}});
    folder_.write("adapter_config.json", config);
    return error_of([&] { read_peft_adapter(folder_.path()); });
  }
};

TEST_F(PeftFolderTest, RefusesVariantsThatAreNotComputed) {
  for (const char* config :
       {R"({"peft_type":"LORA","use_dora":true})", R"({"peft_type":"LORA","bias":"all"})",
        R"({"peft_type":"LORA","lora_bias":true})",
        R"({"peft_type":"LORA","init_lora_weights":"pissa_niter_16"})", R"({"peft_type":"IA3"})"}) {
    const Error error = refused_config(config);
    EXPECT_EQ(error.kind(), ErrorKind::mismatch) << config;
    EXPECT_TRUE(says(error, "adapter_config.json")) << error.what();
  }
}

TEST_F(PeftFolderTest, RefusesLayersThatWereTrainedWhole) {
  write_safetensors(folder_.path() / "adapter_model.safetensors",
                    {{"base_model.model.q.lora_A.weight", down},
                     {"base_model.model.q.lora_B.weight", up},
                     {"base_model.model.lm_head.weight", at::ones({3, 6})}});
  folder_.write("adapter_config.json", R"({"peft_type":"LORA","init_lora_weights":true})");
  const Error error = error_of([&] { read_peft_adapter(folder_.path()); });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "modules_to_save") && says(error, "lm_head.weight")) << error.what();
}

TEST_F(PeftFolderTest, RefusesDamagedConfigs) {
  std::string deep_pattern, long_pattern(100'000, 'a');
  for (int i = 0; i < 100'000; ++i) deep_pattern += '(';
  const auto with_pattern = [](const std::string& pattern) {
    return Json{{"peft_type", "LORA"}, {"alpha_pattern", {{pattern, 3}}}}.dump();
  };
  for (const std::string& config :
       {std::string("{"), std::string("[]"), std::string(R"({"lora_alpha":"8"})"),
        std::string(R"({"alpha_pattern":[3]})"), with_pattern("(("), with_pattern(deep_pattern),
        with_pattern(long_pattern)}) {
    EXPECT_EQ(refused_config(config).kind(), ErrorKind::format) << config.substr(0, 80);
  }
}

TEST_F(PeftFolderTest, SurvivesAVeryLongModuleName) {
  const std::string module(300'000, 'm');
  write_safetensors(folder_.path() / "adapter_model.safetensors",
                    {{"base_model.model." + module + ".lora_A.weight", down},
                     {"base_model.model." + module + ".lora_B.weight", up}});
  folder_.write("adapter_config.json", R"({"peft_type":"LORA","alpha_pattern":{"q":3}})");
  try {
    read_peft_adapter(folder_.path());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
  }
}

class PeersPeftFolderTest : public testing::TestWithParam<const char*> {};

TEST_P(PeersPeftFolderTest, AddsToEachLayerWhatPeftAdds) {
  const fs::path folder = fs::path(OMR_PEERS "/io") / (std::string("peft-") + GetParam());
  const auto expected = SafetensorsFile::open(folder / "expected.safetensors");
  const LoraFile lora = read_lora(folder);
  std::set<std::string> deltas;
  for (const TensorInfo& info : expected->tensors()) {
    if (info.name.starts_with("delta.")) deltas.insert(info.name);
  }
  ASSERT_EQ(deltas.size(), 6u);
  ASSERT_EQ(lora.layers.size(), deltas.size());
  for (const LoraLayer& layer : lora.layers) {
    SCOPED_TRACE(layer.module);
    EXPECT_EQ(layer.component, "");
    const double rank = static_cast<double>(layer.down.size(0));
    const at::Tensor delta = layer.up.mm(layer.down) * (layer.alpha.value_or(rank) / rank);
    EXPECT_TRUE(at::allclose(delta, expected->tensor("delta." + layer.module), 1e-5, 1e-6));
  }
}

INSTANTIATE_TEST_SUITE_P(Configs, PeersPeftFolderTest,
                         testing::Values("plain", "rslora", "patterns", "rslora-patterns"));

}  // namespace
}  // namespace omr::io
