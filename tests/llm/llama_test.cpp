#include "omr/llm/llama.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"
#include "omr/io/safetensors.h"
#include "omr/nn/lora.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e9;
  return (a - b).abs().max().item<double>();
}

std::vector<std::int64_t> values(const at::Tensor& ids) {
  const at::Tensor flat = ids.to(at::kLong).contiguous().flatten();
  const auto* first = flat.const_data_ptr<std::int64_t>();
  return {first, first + flat.numel()};
}

class PeersLlamaTest : public testing::TestWithParam<const char*> {
 protected:
  at::NoGradGuard no_grad;
  fs::path folder = fs::path(OMR_PEERS) / "llm" / ("model-" + std::string(GetParam()));
  LlamaForCausalLM model = load_llama(folder, {});
  std::shared_ptr<const io::SafetensorsFile> expected =
      io::SafetensorsFile::open(folder / "expected.safetensors");
};

TEST_P(PeersLlamaTest, GivesTheLogitsOfTransformers) {
  EXPECT_LT(largest_difference(model(expected->tensor("ids")), expected->tensor("logits")), 1e-4);
}

TEST_P(PeersLlamaTest, CachedStepsGiveTheSameLogits) {
  const at::Tensor ids = expected->tensor("ids").narrow(0, 0, 1);
  const at::Tensor logits = expected->tensor("logits")[0];
  KVCache cache(model->config(), /*capacity=*/3);
  std::int64_t at = 0;
  for (std::int64_t count : {5, 1, 4, 1, 1, 11}) {
    const at::Tensor next = model->next_logits(ids.narrow(1, at, count), cache);
    at += count;
    EXPECT_LT(largest_difference(next[0], logits[at - 1]), 1e-4) << "after " << at;
  }
  EXPECT_EQ(cache.length(), 23);
  cache.truncate(9);
  EXPECT_LT(largest_difference(model->next_logits(ids.narrow(1, 9, 3), cache)[0], logits[11]),
            1e-4);
}

TEST_P(PeersLlamaTest, ContinuesGreedilyLikeTransformers) {
  for (int length : {1, 2, 7, 20}) {
    at::Tensor next = expected->tensor("prompt" + std::to_string(length)).unsqueeze(0);
    const at::Tensor wanted = expected->tensor("new" + std::to_string(length));
    KVCache cache(model->config());
    std::vector<std::int64_t> tokens;
    for (std::int64_t i = 0; i < wanted.numel(); ++i) {
      tokens.push_back(model->next_logits(next, cache).argmax().item<std::int64_t>());
      next = at::full({1, 1}, tokens.back(), at::kLong);
    }
    EXPECT_EQ(tokens, values(wanted)) << length;
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, PeersLlamaTest,
                         testing::Values("gqa", "mha", "mqa-tied", "mqa-tied-old", "own-head",
                                         "biases", "head-dim", "linear", "linear-old", "llama3",
                                         "llama3-old", "mistral", "mistral-window", "shards",
                                         "dynamic", "gemma", "gemma-old", "nf4",
                                         "nf4-plain-absmax"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PeersLlamaTest, AnAdapterOnAPackedBaseGivesTheLogitsOfPeft) {
  const at::NoGradGuard no_grad;
  const fs::path folder = fs::path(OMR_PEERS) / "llm" / "model-nf4";
  LlamaForCausalLM model = load_llama(folder, {});
  EXPECT_EQ(nn::apply_lora(*model, io::read_peft_adapter(folder / "adapter"), "").applied, 12u);
  const auto expected = io::SafetensorsFile::open(folder / "adapted.safetensors");
  EXPECT_LT(largest_difference(model(expected->tensor("ids")), expected->tensor("logits")), 1e-4);
}

TEST(PeersLlamaTest, PackedAtLoadEqualsPackedByBitsandbytes) {
  const at::NoGradGuard no_grad;
  const fs::path folder = fs::path(OMR_PEERS) / "llm";
  // Packed from the halves that transformers packed it from.
  LlamaForCausalLM halves = load_llama(folder / "model-dense-of-nf4", {c10::kCPU, at::kHalf}, true);
  LlamaForCausalLM stored = load_llama(folder / "model-nf4", {});
  EXPECT_TRUE(stored->lm_head->weight.defined());
  std::size_t compared = 0;
  for (const auto& item : stored->named_modules()) {
    const auto* linear = item.value()->as<nn::LinearImpl>();
    if (linear == nullptr || !linear->quantized()) continue;
    const auto* own = halves->named_modules()[item.key()]->as<nn::LinearImpl>();
    ASSERT_TRUE(own->quantized()) << item.key();
    EXPECT_TRUE(at::equal(own->base_weight(), linear->base_weight())) << item.key();
    ++compared;
  }
  EXPECT_EQ(compared, 14u);
}

TEST(PeersLlamaTest, PackedAsFp4IsRefused) {
  try {
    load_llama(fs::path(OMR_PEERS) / "llm" / "model-fp4", {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    EXPECT_NE(std::string(error.what()).find("fp4"), std::string::npos);
  }
}

TEST(LlamaTest, SequencesPastTheContextAreRefused) {
  const at::NoGradGuard no_grad;
  LlamaForCausalLM model = load_llama(fs::path(OMR_MODELS) / "scenes" / "refiner", {});
  KVCache cache(model->config());
  model->next_logits(at::full({1, 256}, 5, at::kLong), cache);
  EXPECT_THROW(model->next_logits(at::full({1, 1}, 5, at::kLong), cache), Error);
}

// The kind of error, or -1.
int refusal(const std::string& changes) {
  io::Json config = io::parse_json(R"({"model_type": "llama", "vocab_size": 50, "hidden_size": 24,
      "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4})",
                                   "config");
  config.update(io::parse_json(changes, "changes"));
  try {
    LlamaConfig::from(io::Config(config, "config"));
  } catch (const Error& error) {
    return static_cast<int>(error.kind());
  }
  return -1;
}

TEST(LlamaConfigTest, ChecksSizesAndArchitecture) {
  constexpr int kMismatch = static_cast<int>(ErrorKind::mismatch);
  constexpr int kFormat = static_cast<int>(ErrorKind::format);
  EXPECT_EQ(refusal("{}"), -1);
  EXPECT_EQ(refusal(R"({"model_type": "gpt2"})"), kMismatch);
  EXPECT_EQ(refusal(R"({"num_key_value_heads": 3})"), kMismatch);
  EXPECT_EQ(refusal(R"({"hidden_size": 25})"), kMismatch);
  EXPECT_EQ(refusal(R"({"head_dim": 7})"), kMismatch);
  EXPECT_EQ(refusal(R"({"vocab_size": 0})"), kFormat);
  EXPECT_EQ(refusal(R"({"vocab_size": "50"})"), kFormat);
  EXPECT_EQ(refusal(R"({"num_hidden_layers": 1000000000})"), kFormat);
  EXPECT_EQ(refusal(R"({"rope_scaling": {"type": "yarn", "factor": 2.0}})"), kMismatch);
  EXPECT_EQ(refusal(R"({"model_type": "gemma2"})"), kMismatch);
  EXPECT_EQ(refusal(R"({"quantization_config": {"quant_method": "gptq"}})"), kMismatch);
  EXPECT_EQ(refusal(R"({"quantization_config": {"load_in_8bit": true}})"), kMismatch);
  EXPECT_EQ(refusal(R"({"quantization_config": {"load_in_4bit": true}})"), -1);
  EXPECT_EQ(refusal(R"({"rope_parameters": {"rope_type": "linear", "factor": 0}})"), kMismatch);
  EXPECT_EQ(refusal(R"({"rms_norm_eps": -1})"), kMismatch);
}

TEST(LlamaConfigTest, ReadsRopeThetaFromBothPlaces) {
  const auto theta = [](const char* text) {
    io::Json config = io::parse_json(R"({"model_type": "llama", "vocab_size": 50, "hidden_size": 24,
        "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4})",
                                     "config");
    config.update(io::parse_json(text, "changes"));
    return LlamaConfig::from(io::Config(config, "config")).rope.rope_theta;
  };
  EXPECT_EQ(theta("{}"), 10000.0);
  EXPECT_EQ(theta(R"({"rope_theta": 500.0, "rope_scaling": null})"), 500.0);
  EXPECT_EQ(theta(R"({"rope_parameters": {"rope_theta": 600.0, "rope_type": "default"}})"), 600.0);
}

}  // namespace
}  // namespace omr::llm
