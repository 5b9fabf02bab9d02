#include "omr/io/weights.h"

#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/key_map.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

at::Tensor value(double of) { return at::full({2}, of, at::kFloat); }
double first(const at::Tensor& tensor) {
  return tensor.to(at::kDouble).flatten()[0].item<double>();
}

TEST(WeightsTest, OpensAFileOrAFolder) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  write_safetensors(file, {{"b", value(2)}, {"a.x", value(1)}});
  for (const fs::path& path : {file, folder.path()}) {
    const Weights weights = Weights::open(path, "model");
    EXPECT_EQ(weights.names(), (std::vector<std::string>{"a.x", "b"}));
    EXPECT_EQ(first(weights.tensor("b")), 2);
    EXPECT_EQ(weights.where(), file.string());
    EXPECT_EQ(weights.files(), std::vector<fs::path>{file});
  }
}

TEST(WeightsTest, JoinsTheShardsOfAnIndex) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "m-1.safetensors", {{"a", value(1)}, {"c", value(3)}});
  write_safetensors(folder.path() / "m-2.safetensors", {{"b", value(2)}});
  folder.write(
      "m.safetensors.index.json",
      R"({"metadata":{"total_size":24},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-1.safetensors"}})");
  const Weights weights = Weights::open(folder.path(), "m");
  EXPECT_EQ(weights.size(), 3u);
  EXPECT_EQ(first(weights.tensor("b")), 2);
  EXPECT_EQ(first(weights.tensor("c")), 3);
  EXPECT_EQ(weights.files().size(), 2u);
  EXPECT_EQ(weights.where(), folder.path().string());
}

TEST(WeightsTest, PrefersTheWholeFileThenShardsThenTheHalfVariant) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "m.fp16.safetensors", {{"a", value(3).to(at::kHalf)}});
  const Weights half = Weights::open(folder.path(), "m");
  EXPECT_EQ(half.info("a").dtype, at::kHalf);
  EXPECT_EQ(first(half.tensor("a")), 3);
  write_safetensors(folder.path() / "shard.safetensors", {{"a", value(2)}});
  folder.write("m.safetensors.index.json", R"({"weight_map":{"a":"shard.safetensors"}})");
  EXPECT_EQ(first(Weights::open(folder.path(), "m").tensor("a")), 2);
  write_safetensors(folder.path() / "m.safetensors", {{"a", value(1)}});
  EXPECT_EQ(first(Weights::open(folder.path(), "m").tensor("a")), 1);
}

TEST(WeightsTest, ShardNamesCannotLeaveTheFolder) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "outside.safetensors", {{"a", value(1)}});
  std::filesystem::create_directory(folder.path() / "in");
  write_safetensors(folder.path() / "in/inside.safetensors", {});
  for (const std::string& name :
       {std::string("../outside.safetensors"), (folder.path() / "outside.safetensors").string(),
        std::string(".."), std::string("."), std::string(""),
        std::string("x/../../outside.safetensors")}) {
    folder.write("in/m.safetensors.index.json", Json{{"weight_map", {{"a", name}}}}.dump());
    const Error error = error_of([&] { Weights::open(folder.path() / "in", "m"); });
    EXPECT_TRUE(error.kind() == ErrorKind::format) << name << ": " << error.what();
    EXPECT_TRUE(says(error, "m.safetensors.index.json")) << error.what();
  }
}

TEST(WeightsTest, DamagedIndexesAreRefused) {
  const TemporaryFolder folder;
  for (const char* text :
       {"", "{", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{"a":3}})"}) {
    folder.write("m.safetensors.index.json", text);
    EXPECT_EQ(error_of([&] { Weights::open(folder.path(), "m"); }).kind(), ErrorKind::format)
        << text;
  }
  folder.write("m.safetensors.index.json", R"({"weight_map":{"a":"absent.safetensors"}})");
  const Error absent = error_of([&] { Weights::open(folder.path(), "m"); });
  EXPECT_EQ(absent.kind(), ErrorKind::io);
  EXPECT_TRUE(says(absent, "absent.safetensors"));
}

TEST(WeightsTest, OneTensorInTwoShardsIsRefused) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "1.safetensors", {{"a", value(1)}});
  write_safetensors(folder.path() / "2.safetensors", {{"a", value(2)}, {"b", value(2)}});
  folder.write("m.safetensors.index.json",
               R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  const Error error = error_of([&] { Weights::open(folder.path(), "m"); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, "\"a\" is in another shard too")) << error.what();
}

TEST(WeightsTest, MissingWeightsAreNamedAndPicklesPointedOut) {
  const TemporaryFolder folder;
  const Error missing = error_of([&] { Weights::open(folder.path(), "model"); });
  EXPECT_EQ(missing.kind(), ErrorKind::io);
  EXPECT_TRUE(says(missing, "no model.safetensors in " + folder.path().string())) << missing.what();
  EXPECT_FALSE(says(missing, "pickle"));
  folder.write("pytorch_model.bin", "PK\x03\x04");
  const Error pickled = error_of([&] { Weights::open(folder.path(), "model"); });
  EXPECT_TRUE(says(pickled, "pytorch_model.bin is a Python pickle") && says(pickled, "convert"))
      << pickled.what();
}

TEST(WeightsTest, RenamesAndSelects) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "m.safetensors",
                    {{"text.a", value(1)}, {"text.b", value(2)}, {"vision.a", value(3)}});
  const Weights weights = Weights::open(folder.path(), "m");
  const Weights text = weights.below("text.");
  EXPECT_EQ(text.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(first(text.tensor("a")), 1);
  EXPECT_EQ(text.where(), weights.where());
  EXPECT_EQ(error_of([&] {
              weights.renamed([](const std::string&) { return std::string("same"); });
            }).kind(),
            ErrorKind::format);
  EXPECT_EQ(error_of([&] { weights.tensor("absent"); }).kind(), ErrorKind::format);
}

TEST(WeightsTest, AOneByOneConvolutionCanBeSeenAsAMatrix) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "m.safetensors", {{"conv", at::rand({4, 3, 1, 1})}});
  const Weights weights = Weights::open(folder.path(), "m");
  const Weights seen = weights.viewed([](const TensorInfo& info) -> std::vector<TensorView> {
    return {{info.name, 0, -1, false, /*drop_trailing_ones=*/true}};
  });
  EXPECT_EQ(seen.info("conv").shape, (std::vector<std::int64_t>{4, 3}));
  EXPECT_TRUE(at::equal(seen.tensor("conv"), weights.tensor("conv").flatten(1)));
}

TEST(WeightsTest, ViewsTakeRowsAndTransposes) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "m.safetensors",
                    {{"fused", at::arange(12, at::kFloat).view({6, 2})}, {"dropped", value(3)}});
  const Weights weights = Weights::open(folder.path(), "m");
  const Weights split = weights.viewed([](const TensorInfo& info) -> std::vector<TensorView> {
    if (info.name != "fused") return {};
    return {{"q", 0, 2}, {"k", 2, 4, /*transposed=*/true}, {"whole"}};
  });
  EXPECT_EQ(split.names(), (std::vector<std::string>{"k", "q", "whole"}));
  EXPECT_EQ(split.info("q").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(split.info("k").shape, (std::vector<std::int64_t>{2, 4}));
  const at::Tensor whole = weights.tensor("fused");
  EXPECT_TRUE(at::equal(split.tensor("q"), whole.narrow(0, 0, 2)));
  EXPECT_TRUE(at::equal(split.tensor("k"), whole.narrow(0, 2, 4).t()));
  EXPECT_EQ(split.tensor("whole").data_ptr(), whole.data_ptr());
  // Rows of rows, and what is not there.
  const Weights again = split.viewed([](const TensorInfo& info) -> std::vector<TensorView> {
    if (info.name != "k") return {};
    return {{"k1", 1, 1}};
  });
  EXPECT_TRUE(at::equal(again.tensor("k1"), whole.narrow(0, 2, 4).t().narrow(0, 1, 1)));
  EXPECT_EQ(
      error_of([&] {
        weights.viewed([](const TensorInfo&) { return std::vector<TensorView>{{"a", 5, 2}}; });
      }).kind(),
      ErrorKind::format);
}

TEST(KeyMapTest, RenamesTheAttentionOfOldVaeFiles) {
  EXPECT_EQ(current_vae_key("encoder.mid_block.attentions.0.query.weight"),
            "encoder.mid_block.attentions.0.to_q.weight");
  EXPECT_EQ(current_vae_key("decoder.mid_block.attentions.0.key.bias"),
            "decoder.mid_block.attentions.0.to_k.bias");
  EXPECT_EQ(current_vae_key("decoder.mid_block.attentions.0.value.weight"),
            "decoder.mid_block.attentions.0.to_v.weight");
  EXPECT_EQ(current_vae_key("decoder.mid_block.attentions.0.proj_attn.weight"),
            "decoder.mid_block.attentions.0.to_out.0.weight");
  for (const char* kept :
       {"decoder.mid_block.attentions.0.to_q.weight", "decoder.conv_in.weight", "x.query.weight"}) {
    EXPECT_EQ(current_vae_key(kept), kept);
  }
}

TEST(KeyMapTest, LeavesOutWhatLpipsHoldsTwiceOrAsAConstant) {
  EXPECT_EQ(lpips_key("lins.0.model.1.weight"), "");
  EXPECT_EQ(lpips_key("scaling_layer.shift"), "");
  for (const char* kept : {"lin0.model.1.weight", "net.slice1.0.weight"})
    EXPECT_EQ(lpips_key(kept), kept);
}

}  // namespace
}  // namespace omr::io
