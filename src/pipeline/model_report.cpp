#include "omr/pipeline/model_report.h"

#include <functional>
#include <utility>

#include "omr/core/error.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/key_map.h"
#include "omr/io/single_file.h"
#include "omr/nn/load_weights.h"
#include "omr/pipeline/model_files.h"
#include "omr/text/clip_text_model.h"
#include "omr/text/clip_tokenizer.h"

namespace omr::pipeline {
namespace {

// `work`'s complaint, or nothing.
std::string problem_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string describe_unet(const diffusion::UNet2DConditionConfig& unet) {
  const bool inpainting = unet.in_channels == 2 * unet.out_channels + 1;
  return family_of_width(unet.cross_attention_dim) + (inpainting ? ", inpainting" : "");
}

void check_unet(const io::Config& config, const io::Weights& weights) {
  diffusion::UNet2DConditionModel unet(diffusion::UNet2DConditionConfig::parse(config));
  nn::check_weights(*unet, weights, "UNet");
}

void check_vae(const io::Config& config, const io::Weights& weights) {
  diffusion::AutoencoderKL vae(diffusion::AutoencoderKLConfig::parse(config));
  nn::check_weights(*vae, weights.renamed(io::current_vae_key), "VAE");
}

void check_text_encoder(const io::Config& config, const io::Weights& weights) {
  text::CLIPTextModel model(text::CLIPTextConfig::from(config));
  nn::check_weights(*model, text::clip_text_weights(weights), "text encoder");
}

ModelReport report_single_file(const ModelFolder& model) {
  const io::SingleFile file = io::read_single_file(model.root);
  const auto unet = diffusion::UNet2DConditionConfig::parse(
      io::Config(file.unet_config, model.root.string() + " (UNet)"));
  ModelReport out;
  out.family = io::to_string(file.family);
  if (!file.turbo.empty()) out.family += ", SD-Turbo (" + file.turbo + ")";
  if (unet.in_channels != unet.out_channels) out.family += ", inpainting";
  out.prediction_type =
      file.prediction ? file.prediction->prediction_type + " (" + file.prediction->evidence + ")"
                      : "not stated; found out when the model is opened";
  const auto add = [&](const char* name, const io::Json& config, const io::Weights& weights,
                       auto check) {
    const std::string problem =
        problem_of([&] { check(io::Config(config, model.root.string()), weights); });
    out.parts.push_back({name, problem, problem.empty() ? weights : io::Weights(), ""});
  };
  add("text_encoder", file.text_encoder_config, file.text_encoder, check_text_encoder);
  add("unet", file.unet_config, file.unet, check_unet);
  add("vae", file.vae_config, file.vae, check_vae);
  if (const std::string problem = problem_of([&] { ModelFiles::open(model); }); !problem.empty()) {
    out.missing.push_back(problem);
  }
  return out;
}

}  // namespace

std::string family_of_width(std::int64_t width) {
  if (width == 768) return io::to_string(io::ModelFamily::sd1);
  if (width == 1024) return io::to_string(io::ModelFamily::sd2);
  if (width == 2048) return "SDXL";
  return "Stable Diffusion's layout with a text encoder " + std::to_string(width) + " wide";
}

PartReport report_part(const std::filesystem::path& folder) {
  PartReport out;
  out.problem = problem_of([&] {
    const io::Config config(folder / "config.json");
    const std::string name = config.text("_class_name", config.text("model_type", ""));
    std::function<void(const io::Config&, const io::Weights&)> check;
    if (name == "UNet2DConditionModel") {
      out.name = "unet";
      out.family = describe_unet(diffusion::UNet2DConditionConfig::parse(config));
      check = check_unet;
    } else if (name == "AutoencoderKL") {
      out.name = "vae";
      check = check_vae;
    } else if (name == "clip_text_model") {
      out.name = "text_encoder";
      out.family = family_of_width(text::CLIPTextConfig::from(config).encoder.hidden_size);
      check = check_text_encoder;
    } else {
      throw Error(ErrorKind::mismatch,
                  config.where() + " describes " +
                      (name.empty() ? "no model that omr knows" : "a " + name) +
                      "; omr uses UNet2DConditionModel, AutoencoderKL, "
                      "CLIPTextModel, and language and reward models");
    }
    const bool text = out.name == "text_encoder";
    io::Weights weights = io::Weights::open(folder, text ? "model" : "diffusion_pytorch_model");
    check(config, weights);
    out.weights = std::move(weights);
  });
  return out;
}

ModelReport report_model(const ModelFolder& model) {
  if (model.single_file) return report_single_file(model);
  ModelReport out;
  out.pipeline = io::Config(model.part("model_index.json")).text("_class_name");
  const auto add = [&](const char* name, const char* stem,
                       const std::function<void(const io::Config&, const io::Weights&)>& check) {
    if (!model.has(name)) {
      out.missing.push_back(name);
      return;
    }
    PartReport part{name, "", {}, ""};
    part.problem = problem_of([&] {
      const io::Config config(model.part(name) / "config.json");
      io::Weights weights = io::Weights::open(model.part(name), stem);
      check(config, weights);
      part.weights = std::move(weights);
    });
    out.parts.push_back(std::move(part));
  };
  add("text_encoder", "model", check_text_encoder);
  add("unet", "diffusion_pytorch_model", [&](const io::Config& config, const io::Weights& weights) {
    out.family = describe_unet(diffusion::UNet2DConditionConfig::parse(config));
    check_unet(config, weights);
  });
  add("vae", "diffusion_pytorch_model", check_vae);

  const std::string tokenizer =
      problem_of([&] { text::CLIPTokenizer::from_folder(model.part("tokenizer")); });
  if (!tokenizer.empty()) out.missing.push_back("tokenizer: " + tokenizer);
  const std::string scheduler = problem_of([&] {
    const io::Config config(model.part("scheduler") / "scheduler_config.json");
    out.scheduler = config.text("_class_name", "");
    out.prediction_type = config.text("prediction_type", "epsilon");
    read_scheduler_config(config);
  });
  if (!scheduler.empty()) out.missing.push_back("scheduler: " + scheduler);
  return out;
}

}  // namespace omr::pipeline
