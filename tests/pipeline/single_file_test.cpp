// Models in one file of the CompVis layout, against what diffusers computes with the same weights.
#include "omr/io/single_file.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/safetensors.h"
#include "omr/pipeline/model_files.h"
#include "omr/pipeline/model_report.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

const fs::path kPeersSingleFile = OMR_PEERS "/single_file";

struct Case {
  const char* name;
  io::ModelFamily family;
  schedulers::PredictionType prediction;
  schedulers::SchedulerName scheduler;
  int side;  // of the pictures that it was trained on, over the VAE's downscale
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

double relative_difference(const at::Tensor& found, const at::Tensor& wanted) {
  return ((found - wanted).abs().max() / wanted.abs().max()).item<double>();
}

class PeersSingleFileTest : public testing::TestWithParam<Case> {};

TEST_P(PeersSingleFileTest, ComputesWhatDiffusersComputes) {
  const at::NoGradGuard no_grad;
  const Case& c = GetParam();
  const fs::path file = kPeersSingleFile / c.name / "model.safetensors";
  EXPECT_EQ(io::read_single_file(file).family, c.family);
  StableDiffusionPipeline pipeline = StableDiffusionPipeline::open(ModelFolder::open(file), {});
  EXPECT_EQ(pipeline.scheduler_config().prediction_type, c.prediction);
  EXPECT_EQ(pipeline.default_scheduler(), c.scheduler);
  EXPECT_EQ(pipeline.default_width(), c.side * pipeline.vae()->config().downscale());

  const auto expected =
      io::SafetensorsFile::open(kPeersSingleFile / c.name / "expected.safetensors");
  const auto wanted = [&](const char* name) { return expected->tensor(name); };
  EXPECT_LT(
      relative_difference(pipeline.unet()(wanted("sample"), wanted("timestep"), wanted("context")),
                          wanted("unet")),
      2e-5);
  EXPECT_LT(relative_difference(pipeline.vae()->decode(wanted("latents")), wanted("pixels")), 2e-5);
  const text::PromptEmbedding prompt = pipeline.encode({"a red star on the left", {}});
  EXPECT_TRUE(at::equal(at::tensor(prompt.chunks.at(0).ids).unsqueeze(0), wanted("ids")));
  EXPECT_LT(relative_difference(prompt.states, wanted("states")), 2e-5);

  if (expected->find("drawn") == nullptr) return;
  GenerationOptions options;
  options.steps = 5;
  options.guidance_scale = 3.0;
  options.negative_prompt = "blue";
  options.scheduler = pipeline.default_scheduler();
  options.width = 48;
  options.height = 32;
  const auto drawn =
      pipeline.generate({"a red star on the left", {}}, options, {{3, {}, 1.0, false}}, {}, {});
  EXPECT_LT(relative_difference(drawn.at(0).latents, wanted("drawn")), 1e-4);
}

using schedulers::PredictionType;
using schedulers::SchedulerName;
INSTANTIATE_TEST_SUITE_P(
    Layouts, PeersSingleFileTest,
    testing::Values(
        Case{"sd2_v", io::ModelFamily::sd2, PredictionType::v_prediction, SchedulerName::ddim, 96},
        Case{"sd2_turbo", io::ModelFamily::sd2, PredictionType::epsilon, SchedulerName::euler, 64},
        Case{"sd2_base", io::ModelFamily::sd2, PredictionType::epsilon, SchedulerName::pndm, 64},
        Case{"sd2_inpainting", io::ModelFamily::sd2, PredictionType::epsilon, SchedulerName::pndm,
             64},
        Case{"sd1", io::ModelFamily::sd1, PredictionType::epsilon, SchedulerName::pndm, 64},
        Case{"sd1_float8_e4m3fn", io::ModelFamily::sd1, PredictionType::epsilon,
             SchedulerName::pndm, 64},
        Case{"sd1_float8_e5m2", io::ModelFamily::sd1, PredictionType::epsilon, SchedulerName::pndm,
             64}));

TEST(PeersSingleFileOptionsTest, ThePredictionTypeCanBeOverridden) {
  ModelFolder folder = ModelFolder::open(kPeersSingleFile / "sd2_base" / "model.safetensors");
  folder.prediction_type = "v_prediction";
  const auto pipeline = StableDiffusionPipeline::open(folder, {});
  EXPECT_EQ(pipeline.scheduler_config().prediction_type, PredictionType::v_prediction);
}

TEST(PeersSingleFileOptionsTest, AFileWithoutTokenizerBesideItSaysWhatToPutWhere) {
  const TemporaryFolder folder;
  const fs::path alone = folder.path() / "model.safetensors";
  fs::copy_file(kPeersSingleFile / "sd1" / "model.safetensors", alone);
  const Error error = error_of([&] { ModelFiles::open(ModelFolder::open(alone)); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_NE(std::string(error.what()).find("merges.txt"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find((folder.path() / "tokenizer").string()),
            std::string::npos);
  ModelFolder named = ModelFolder::open(alone);
  named.tokenizer = kPeersSingleFile / "sd1" / "tokenizer";
  EXPECT_EQ(ModelFiles::open(named).tokenizer, named.tokenizer);
}

TEST(PeersSingleFileOptionsTest, SdTurboIsDrawnInFewStepsWithoutGuidance) {
  const ModelFolder turbo = ModelFolder::open(kPeersSingleFile / "sd2_turbo" / "model.safetensors");
  EXPECT_EQ(turbo.defaults.steps, 4);
  EXPECT_EQ(turbo.defaults.guidance_scale, 1.0);
  EXPECT_FALSE(
      ModelFolder::open(kPeersSingleFile / "sd2_base" / "model.safetensors").defaults.steps);
  const TemporaryFolder folder;
  const fs::path named = folder.path() / "my-Turbo-mix.safetensors";
  fs::copy_file(kPeersSingleFile / "sd2_base" / "model.safetensors", named);
  EXPECT_EQ(io::read_single_file(named).turbo, "its name");
  fs::copy_file(kPeersSingleFile / "sd1" / "model.safetensors", named,
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(io::read_single_file(named).turbo, "") << "there is none of SD 1.x's layout";
}

std::string refusal(const io::NamedTensors& tensors) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  io::write_safetensors(file, tensors);
  const Error error = error_of([&] { io::read_single_file(file); });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  return error.what();
}

TEST(SingleFileTest, OtherFilesAreRefusedByTheirNames) {
  const at::Tensor some = at::zeros({4, 4});
  EXPECT_NE(refusal({{"lora_unet_mid.lora_down.weight", some}}).find("is a LoRA"),
            std::string::npos);
  EXPECT_NE(refusal({{"conditioner.embedders.0.x", some}}).find("an SDXL checkpoint"),
            std::string::npos);
  EXPECT_NE(refusal({{"double_blocks.0.img_attn.qkv.weight", some}}).find("Flux"),
            std::string::npos);
  EXPECT_NE(refusal({{"decoder.mid_block.resnets.0.norm1.weight", some}}).find("is a VAE"),
            std::string::npos);
  EXPECT_NE(refusal({{"what.ever", some}}).find("is unknown weights"), std::string::npos);
  EXPECT_NE(refusal({{"model.diffusion_model.input_blocks.0.0.weight", at::zeros({8, 4, 3, 3})}})
                .find("has no VAE"),
            std::string::npos);
  EXPECT_NE(refusal({{"model.diffusion_model.input_blocks.0.0.weight", at::zeros({8, 4, 3, 3})},
                     {"first_stage_model.decoder.conv_in.weight", at::zeros({8, 4, 3, 3})}})
                .find("is a Stable Diffusion checkpoint without text encoder;"),
            std::string::npos);
}

io::NamedTensors tensors_of(const std::string& name) {
  const auto whole = io::SafetensorsFile::open(kPeersSingleFile / name / "model.safetensors");
  io::NamedTensors out;
  for (const io::TensorInfo& info : whole->tensors()) {
    out.emplace_back(info.name, whole->tensor(info.name));
  }
  return out;
}

TEST(PeersSingleFileOptionsTest, AFileOfSd1MaySayThatItPredictsV) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  io::write_safetensors(file, tensors_of("sd1"), {{"modelspec.prediction_type", "v"}});
  ModelFolder model = ModelFolder::open(file);
  model.tokenizer = kPeersSingleFile / "sd1" / "tokenizer";
  const auto pipeline = StableDiffusionPipeline::open(model, {});
  EXPECT_EQ(pipeline.scheduler_config().prediction_type, PredictionType::v_prediction);
  EXPECT_EQ(pipeline.default_width(), 64 * 2) << "only 2.x's v model draws 768 pixels";
}

TEST(PeersSingleFileOptionsTest, TheReportNamesPartsThatTheirTensorsDoNotFit) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  io::NamedTensors tensors = tensors_of("sd1");
  const auto scaled = [](const auto& item) { return item.first.ends_with("attn1.to_q.weight"); };
  const std::string name = std::find_if(tensors.begin(), tensors.end(), scaled)->first;
  tensors.emplace_back(name.substr(0, name.rfind('.')) + ".scale_weight", at::ones({1}));
  std::erase_if(tensors,
                [](const auto& item) { return item.first.ends_with("decoder.conv_out.bias"); });
  io::write_safetensors(file, tensors);
  const ModelReport report = report_model(ModelFolder::open(file));
  ASSERT_EQ(report.parts.size(), 3u);
  EXPECT_EQ(report.parts[0].problem, "");
  EXPECT_NE(report.parts[1].problem.find("attn1.to_q.scale_weight"), std::string::npos);
  EXPECT_NE(report.parts[2].problem.find("missing: decoder.conv_out.bias"), std::string::npos);
}

TEST(PeersSingleFileOptionsTest, MetadataSaysWhatAFilePredicts) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  io::NamedTensors tensors = tensors_of("sd2_v");
  const auto predicted = [&](const std::map<std::string, std::string>& metadata) {
    io::write_safetensors(file, tensors, metadata);
    const auto hint = io::read_single_file(file).prediction;
    return hint ? hint->prediction_type : "";
  };
  EXPECT_EQ(predicted({}), "");
  EXPECT_EQ(predicted({{"modelspec.prediction_type", "v"}}), "v_prediction");
  EXPECT_EQ(predicted({{"modelspec.architecture", "stable-diffusion-v2-512"}}), "epsilon");
  EXPECT_EQ(predicted({{"modelspec.architecture", "stable-diffusion-v2-768-v"}}), "v_prediction");
  tensors.emplace_back("v_pred", at::zeros({1}));
  EXPECT_EQ(predicted({}), "v_prediction");
}

}  // namespace
}  // namespace omr::pipeline
