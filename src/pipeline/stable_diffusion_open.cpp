#include <algorithm>
#include <string>
#include <vector>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/pipeline/model_files.h"
#include "omr/pipeline/prediction_probe.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

namespace omr::pipeline {
namespace {

bool stored_in(at::ScalarType dtype, const io::Weights& weights) {
  const std::vector<std::string> names = weights.names();
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return weights.info(name).dtype == dtype; });
}

// What speaks against the prediction type that the user gave, or nothing.
std::string contradiction(const std::string& given, const std::string& stated,
                          const std::string& probed) {
  // A model of x0 answers the probe like one of v: there the file's own word counts.
  const bool by_word = given == "sample" && !stated.empty();
  const std::string& actual = by_word ? stated : probed;
  if (actual == given || (given == "sample" && actual == "v_prediction" && !by_word)) return "";
  return (by_word ? "is by its own word one of " : "answers like one of ") + actual;
}

// Why pictures cannot be drawn with the scheduler that the model asks for, or nothing.
std::string lack_of(const io::Config& scheduler) {
  const auto named = scheduler_of_config(scheduler);
  if (!named) {
    return scheduler.where() + ": omr has no " + scheduler.text("_class_name", "scheduler");
  }
  try {
    read_scheduler_config(scheduler, *named);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::mismatch) throw;
    return error.what();
  }
  return "";
}

}  // namespace

StableDiffusionPipeline StableDiffusionPipeline::open(const ModelFolder& folder,
                                                      const nn::ExecutionOptions& execution) {
  const ModelFiles files = ModelFiles::open(folder);
  nn::ExecutionOptions vae_execution = execution;
  const bool upcast = execution.dtype == at::kHalf && files.vae.boolean("force_upcast", false);
  // What is stored in half precision stays so, unread, until use() widens it.
  if (upcast && !stored_in(at::kHalf, files.vae_weights)) vae_execution.dtype = at::kFloat;
  StableDiffusionPipeline out(
      text::CLIPTokenizer::from_folder(files.tokenizer, files.pad_token),
      text::load_clip_text_model(files.text_encoder, files.text_encoder_weights, execution),
      diffusion::load_unet(files.unet, files.unet_weights, execution),
      diffusion::load_vae(files.vae, files.vae_weights, vae_execution));
  out.execution_ = execution;
  out.vae_execution_ = vae_execution;
  out.check_parts(folder.root.string());
  out.take_scheduler(folder, files);
  return out;
}

void StableDiffusionPipeline::check_parts(const std::string& model) const {
  const auto& unet = unet_->config();
  const std::int64_t width = text_encoder_->config().encoder.hidden_size;
  if (unet.cross_attention_dim != width) {
    throw Error(ErrorKind::mismatch, model + ": the UNet expects a text encoder " +
                                         std::to_string(unet.cross_attention_dim) +
                                         " wide, text_encoder is " + std::to_string(width) +
                                         " wide");
  }
  // An inpainting UNet also sees the masked picture's latents and the mask.
  const std::int64_t latent = vae_->config().latent_channels;
  if ((unet.in_channels != latent && unet.in_channels != 2 * latent + 1) ||
      unet.out_channels != latent) {
    throw Error(ErrorKind::mismatch, model + ": the UNet maps " + std::to_string(unet.in_channels) +
                                         " to " + std::to_string(unet.out_channels) +
                                         " channels, the VAE has " + std::to_string(latent));
  }
}

void StableDiffusionPipeline::take_scheduler(const ModelFolder& folder, const ModelFiles& files) {
  std::string prediction = folder.prediction_type;
  if (prediction.empty() && files.prediction) prediction = files.prediction->prediction_type;
  // A file that says nothing is asked itself; so is one that the user contradicts, to warn in time.
  std::string stated;
  if (files.prediction) stated = files.prediction->prediction_type;
  if (files.scheduler) stated = files.scheduler->text("prediction_type", "epsilon");
  std::string probed;
  if (stated.empty() || !folder.prediction_type.empty()) {
    const auto move = nn::module_move(unet_.ptr());
    if (execution_.offload) move(execution_.device);
    probed = prediction_type_of(noise_correlation(unet_, execution_));
    if (execution_.offload) move(c10::Device(c10::kCPU));
  }
  if (prediction.empty() && !files.scheduler) {
    prediction = probed;
    log::info(folder.root.string() +
              " does not say what its UNet predicts; tried out, it answers like " + prediction +
              " (--prediction overrides)");
  }
  if (!folder.prediction_type.empty()) {
    const std::string against = contradiction(prediction, stated, probed);
    if (!against.empty()) {
      log::warn("--prediction " + prediction + ": the UNet of " + folder.root.string() + " " +
                against + "; pictures of noise or flat colour are the sign of a wrong choice");
    }
  }
  if (files.scheduler) {
    io::Json json = files.scheduler->json();
    if (!prediction.empty()) json["prediction_type"] = prediction;
    scheduler_file_ = io::Config(std::move(json), files.scheduler->where());
    sample_size_ = unet_->config().sample_size;
  } else {
    scheduler_file_ = io::Config(io::scheduler_config_of(*files.family, prediction, files.turbo),
                                 folder.root.string());
    // Latents of 512 pixels, or of 768 for 2.x's v-prediction model.
    const bool large = files.family == io::ModelFamily::sd2 && prediction == "v_prediction";
    sample_size_ = large ? 96 : 64;
  }
  const std::string lack = lack_of(scheduler_file_);
  if (lack.empty()) {
    default_scheduler_ = *scheduler_of_config(scheduler_file_);
  } else {
    log::warn(lack + "; pictures are drawn with " + schedulers::to_string(default_scheduler_) +
              " unless --scheduler names another");
  }
  scheduler_config_ = read_scheduler_config(scheduler_file_, default_scheduler_);
}

}  // namespace omr::pipeline
