#include "omr/reward/reward_model.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/png.h"

#include "reward/peer_case.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

const fs::path kPackReward = OMR_MODELS "/scenes/reward";
const fs::path kReference = OMR_TEST_DATA "/scenes-reference";

RewardOptions options(RewardQuantization quantization, bool use_adapter) {
  return {quantization, use_adapter, {}};
}

float largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<float>() : INFINITY;
}

class PeersRewardModelTest : public testing::TestWithParam<const char*> {};

TEST_P(PeersRewardModelTest, EmbeddingsMatchTransformersPeftAndBitsandbytes) {
  const PeerCase peer(GetParam());
  for (const auto& [quantization, name] :
       {std::pair{RewardQuantization::none, std::string("none")},
        std::pair{RewardQuantization::nf4, std::string("nf4")}}) {
    for (const bool use_adapter : {false, true}) {
      const std::string prefix = name + (use_adapter ? ".adapter." : ".");
      SCOPED_TRACE(prefix);
      RewardModel model = RewardModel::open(peer.folder, options(quantization, use_adapter), {});
      const at::Tensor text = model.embed_text(peer.config.texts("texts"));
      const at::Tensor image = model.embed_images(peer.pictures());
      // Sums in another order: some 1e-7 a layer.
      EXPECT_LT(largest_difference(text, peer.expected->tensor(prefix + "text")), 1e-5);
      EXPECT_LT(largest_difference(image, peer.expected->tensor(prefix + "image")), 1e-5);
      EXPECT_NEAR(model.logit_scale(), peer.config.number("logit_scale", 0), 1e-4);
      ASSERT_EQ(model.adapter_report().has_value(), use_adapter);
      if (use_adapter) {
        EXPECT_EQ(model.adapter_report()->applied,
                  static_cast<std::size_t>(peer.config.integer("adapter_tensors")));
      }
    }
  }
}

TEST_P(PeersRewardModelTest, QuantisationAndAdapterEachChangeTheEmbeddings) {
  const PeerCase peer(GetParam());
  const at::Tensor plain = peer.expected->tensor("none.image");
  EXPECT_GT(largest_difference(plain, peer.expected->tensor("nf4.image")), 1e-3);
  EXPECT_GT(largest_difference(plain, peer.expected->tensor("none.adapter.image")), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Shapes, PeersRewardModelTest,
                         testing::Values("model-gelu", "model-quick-gelu", "model-sharded"));

TEST(PeersOpenClipTest, EmbeddingsMatchTheSameModelOfTransformers) {
  for (const char* name : {"open-clip-shapes", "open-clip-config"}) {
    const PeerCase peer(name);
    for (const auto& [quantization, prefix] :
         {std::pair{RewardQuantization::none, std::string("none.")},
          std::pair{RewardQuantization::nf4, std::string("nf4.")}}) {
      SCOPED_TRACE(name + (" " + prefix));
      RewardModel model = RewardModel::open(peer.folder, options(quantization, false), {});
      const at::Tensor text = model.embed_text(peer.config.texts("texts"));
      const at::Tensor image = model.embed_images(peer.pictures());
      EXPECT_LT(largest_difference(text, peer.expected->tensor(prefix + "text")), 1e-5);
      EXPECT_LT(largest_difference(image, peer.expected->tensor(prefix + "image")), 1e-5);
      EXPECT_NEAR(model.logit_scale(), peer.config.number("logit_scale", 0), 1e-4);
      EXPECT_TRUE(model.scores_embeddings());
      EXPECT_TRUE(at::equal(model.preferences(peer.config.texts("texts"), peer.pictures()),
                            model.scores(text, image)));
    }
  }
}

TEST(PeersRewardWeightsTest, WeightsAreFoundUnderTheNameOfTheirKind) {
  for (const auto& [name, file] :
       {std::pair{"model-gelu", "model.safetensors"},
        std::pair{"open-clip-shapes", "open_clip_pytorch_model.safetensors"},
        std::pair{"open-clip-config", "open_clip_model.safetensors"},
        std::pair{"image-reward", "ImageReward.safetensors"}}) {
    const fs::path folder = fs::path(OMR_PEERS) / "reward" / name;
    EXPECT_EQ(open_reward_weights(folder).files(), std::vector<fs::path>{folder / file});
  }
}

TEST(PeersImageRewardTest, ScoresMatchItsForwardPassOfTransformersParts) {
  const PeerCase peer("image-reward");
  for (const auto& [quantization, prefix] :
       {std::pair{RewardQuantization::none, std::string("none.")},
        std::pair{RewardQuantization::nf4, std::string("nf4.")}}) {
    SCOPED_TRACE(prefix);
    RewardModel model = RewardModel::open(peer.folder, options(quantization, false), {});
    EXPECT_FALSE(model.scores_embeddings());
    const auto texts = peer.config.texts("texts");
    const at::Tensor scores = model.preferences(texts, peer.pictures());
    EXPECT_LT(largest_difference(scores, peer.expected->tensor(prefix + "preferences")), 1e-4);
    EXPECT_LT(largest_difference(model.embed_text(texts), peer.expected->tensor(prefix + "text")),
              1e-5);
    EXPECT_LT(largest_difference(model.embed_images(peer.pictures()),
                                 peer.expected->tensor(prefix + "image")),
              1e-5);
    EXPECT_EQ(model.preferences({}, peer.pictures()).sizes(), (std::vector<std::int64_t>{0, 3}));
    // Resized with Pillow's filter but for its rounding to 8 bits, which moves the score of this
    // untrained model by a few hundredths; passes in another order move it by more than a tenth.
    const Image picture = peer.pictures()[0];
    const at::Tensor pixels = at::tensor(at::ArrayRef<std::uint8_t>(picture.pixels), at::kByte)
                                      .view({1, picture.height, picture.width, 3})
                                      .permute({0, 3, 1, 2})
                                      .to(at::kFloat) /
                                  127.5 -
                              1;
    EXPECT_NEAR(model.preferences_of({texts[0]}, pixels).item<double>(),
                scores[0][0].item<double>(), 0.05);
    EXPECT_EQ(model.preferences(texts, {}).sizes(),
              (std::vector<std::int64_t>{static_cast<std::int64_t>(texts.size()), 0}));
  }
}

TEST(RewardReferenceTest, ScoresOfThePackMatchTransformers) {
  RewardModel base = RewardModel::open(kPackReward, options(RewardQuantization::none, false), {});
  RewardModel adapted = RewardModel::open(kPackReward, options(RewardQuantization::none, true), {});
  const io::Config reference(kReference / "reference.json");
  const io::Json& scores = reference.json().at("scores");
  ASSERT_FALSE(scores.empty());
  for (const auto& entry : scores) {
    const std::string prompt = entry.at("prompt").get<std::string>();
    SCOPED_TRACE(entry.at("image").get<std::string>() + ", " + prompt);
    const Image image = io::read_png(kReference / entry.at("image").get<std::string>());
    const auto score = [&](RewardModel& model) {
      return model.scores(model.embed_text({prompt}), model.embed_images({image})).item<double>();
    };
    const double of_base = score(base);
    const double of_adapted = score(adapted);
    EXPECT_NEAR(of_base / base.logit_scale(), entry.at("cosine").get<double>(), 1e-5);
    EXPECT_NEAR(of_adapted / adapted.logit_scale(), entry.at("cosine_with_adapter").get<double>(),
                1e-5);
    EXPECT_NEAR(of_base, entry.at("score").get<double>(), 2e-4);
    EXPECT_NEAR(of_adapted, entry.at("score_with_adapter").get<double>(), 2e-4);
  }
}

TEST(RewardModelTest, EmbeddingsDoNotDependOnTheirBatch) {
  RewardModel model = RewardModel::open(kPackReward, {}, {});
  const std::vector<std::string> texts = {"a red star", "a large blue circle at the top left", ""};
  std::vector<Image> images;
  for (const char* name : {"ddim-star.png", "ddim-house.png"}) {
    images.push_back(io::read_png(kReference / name));
  }
  const at::Tensor together = model.embed_text(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const at::Tensor alone = model.embed_text({texts[i]});
    EXPECT_LT(largest_difference(together.slice(0, i, i + 1), alone), 1e-5);
  }
  EXPECT_LT(largest_difference(model.embed_images(images).slice(0, 1, 2),
                               model.embed_images({images[1]})),
            1e-5);
  EXPECT_EQ(model.embed_text({}).sizes(), (std::vector<std::int64_t>{0, together.size(1)}));
  EXPECT_EQ(model.embed_images({}).sizes(), (std::vector<std::int64_t>{0, together.size(1)}));
}

// Pixels as training has them, of pictures that have been rounded to 8 bits.
at::Tensor pixels_of(const std::vector<Image>& images) {
  std::vector<at::Tensor> out;
  for (const Image& image : images) {
    out.push_back(at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::kByte)
                          .view({image.height, image.width, 3})
                          .permute({2, 0, 1})
                          .to(at::kFloat) /
                      127.5 -
                  1);
  }
  return at::stack(out);
}

TEST(RewardModelTest, PixelsInTrainingAreJudgedAsPicturesAreAndGetAGradient) {
  std::vector<Image> images;
  for (const char* name : {"ddim-star.png", "ddim-house.png"})
    images.push_back(io::read_png(kReference / name));
  const std::vector<std::string> texts = {"a red star", "a blue house"};
  for (const auto quantization : {RewardQuantization::none, RewardQuantization::nf4}) {
    RewardModel model = RewardModel::open(kPackReward, options(quantization, true), {});
    const at::Tensor pixels = pixels_of(images).requires_grad_(true);
    EXPECT_LT(largest_difference(model.embed_pixels(pixels).detach(), model.embed_images(images)),
              1e-4);
    const at::Tensor scores = model.preferences_of(texts, pixels);
    EXPECT_LT(largest_difference(scores.detach(), model.preferences(texts, images).diagonal()),
              2e-3);
    scores.sum().backward();
    EXPECT_GT(pixels.grad().abs().sum().item<double>(), 0);
  }
}

TEST(RewardModelTest, MoreThanOneBatchKeepsTheOrder) {
  RewardModel model = RewardModel::open(kPackReward, {}, {});
  std::vector<std::string> texts;
  for (int i = 0; i < 70; ++i) texts.push_back("star " + std::to_string(i));
  const at::Tensor all = model.embed_text(texts);
  ASSERT_EQ(all.size(0), 70);
  EXPECT_LT(largest_difference(all.slice(0, 65, 66), model.embed_text({texts[65]})), 1e-5);
}

class RewardFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "reward-folder-test";
    fs::remove_all(folder_);
    fs::copy(kPackReward, folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }

  io::Json read(const char* name) { return io::read_json(folder_ / name); }
  void write(const char* name, const io::Json& json) { std::ofstream(folder_ / name) << json; }
  ErrorKind kind_of_failure(const RewardOptions& how = {}) {
    try {
      RewardModel::open(folder_, how, {});
    } catch (const Error& error) {
      message_ = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "opened";
    return ErrorKind::usage;
  }

  fs::path folder_;
  std::string message_;
};

TEST_F(RewardFolderTest, WorksWithoutAnAdapter) {
  fs::remove_all(folder_ / "adapter");
  EXPECT_FALSE(RewardModel::open(folder_, {}, {}).adapter_report().has_value());
}

TEST_F(RewardFolderTest, NamesTheFileThatIsMissing) {
  fs::remove(folder_ / "preprocessor_config.json");
  EXPECT_EQ(kind_of_failure(), ErrorKind::io);
  EXPECT_NE(message_.find("preprocessor_config.json"), std::string::npos) << message_;
}

TEST_F(RewardFolderTest, RefusesAnAdapterThatIsNotThere) {
  RewardOptions how;
  how.adapter = folder_ / "no-such-adapter";
  EXPECT_EQ(kind_of_failure(how), ErrorKind::io);
}

TEST_F(RewardFolderTest, RefusesAPreprocessorForAnotherPictureSize) {
  io::Json json = read("preprocessor_config.json");
  json["crop_size"] = 32;
  write("preprocessor_config.json", json);
  EXPECT_EQ(kind_of_failure(), ErrorKind::mismatch);
}

TEST_F(RewardFolderTest, RefusesATokenizerWithMoreTokensThanTheModel) {
  io::Json json = read("config.json");
  json["text_config"]["vocab_size"] = 700;
  write("config.json", json);
  EXPECT_EQ(kind_of_failure(), ErrorKind::mismatch);
}

TEST_F(RewardFolderTest, RefusesAnAdapterForAnotherModel) {
  const auto put_adapter = [&](const std::string& layer, std::int64_t width) {
    io::write_safetensors(folder_ / "adapter" / "adapter_model.safetensors",
                          {{"base_model.model." + layer + ".lora_A.weight", at::ones({2, width})},
                           {"base_model.model." + layer + ".lora_B.weight", at::ones({width, 2})}});
  };
  put_adapter("decoder.layers.0.self_attn.q_proj", 128);
  EXPECT_EQ(kind_of_failure(), ErrorKind::mismatch);
  EXPECT_NE(message_.find("adapter"), std::string::npos) << message_;
  put_adapter("vision_model.encoder.layers.0.self_attn.q_proj", 64);
  EXPECT_EQ(kind_of_failure(), ErrorKind::mismatch);
}

TEST_F(RewardFolderTest, EveryTruncationOfTheWeightsIsAnError) {
  const fs::path weights = folder_ / "model.safetensors";
  const auto size = fs::file_size(weights);
  for (const double part : {0.0, 1e-6, 1e-3, 0.01, 0.3, 0.99, 0.999999}) {
    fs::resize_file(weights, static_cast<std::uintmax_t>(static_cast<double>(size) * part));
    const ErrorKind kind = kind_of_failure();
    EXPECT_TRUE(kind == ErrorKind::format || kind == ErrorKind::io) << part << ": " << message_;
    fs::copy_file(kPackReward / "model.safetensors", weights, fs::copy_options::overwrite_existing);
  }
}

TEST(RewardOptionsTest, QuantisationIsNf4OrNone) {
  EXPECT_EQ(parse_reward_quantization("nf4"), RewardQuantization::nf4);
  EXPECT_EQ(parse_reward_quantization("none"), RewardQuantization::none);
  EXPECT_THROW(parse_reward_quantization("int8"), Error);
  EXPECT_EQ(RewardOptions().quantization, RewardQuantization::nf4);
}

}  // namespace
}  // namespace omr::reward
