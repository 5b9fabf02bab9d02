#include "omr/train/text_encoder_trainer.h"

#include <algorithm>
#include <memory>

#include <ATen/ATen.h>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/train/initialise.h"
#include "omr/train/layout_decoder.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/caption_encoder.h"
#include "train/diffusion_parts.h"
#include "train/fingerprint.h"
#include "train/latent_cache.h"
#include "train/model_output.h"
#include "train/network.h"
#include "train/run_settings.h"

namespace omr::train {
namespace {

constexpr std::uint64_t kHeldOutPictures = 256;

LayoutDecoderConfig decoder_config(const TextEncoderSettings& settings,
                                   const text::CLIPTextConfig& text,
                                   const diffusion::AutoencoderKLConfig& vae) {
  check_size(vae, settings.width, settings.height);
  LayoutDecoderConfig out;
  out.width = text.encoder.hidden_size;
  out.num_attention_heads = text.encoder.num_attention_heads;
  out.latent_channels = vae.latent_channels;
  out.latent_height = settings.height / vae.downscale();
  out.latent_width = settings.width / vae.downscale();
  return out;
}

// One run's models and data.
class TextEncoderTraining {
 public:
  TextEncoderTraining(const TextEncoderSettings& settings, const ImageTextSource& source,
                      const ImageTextSource& held_out, const ProcessGroup& processes,
                      const LoopObserver& observer, const Cancellation& cancellation)
      : settings_(settings),
        source_(source),
        held_out_(held_out),
        tokenizer_(text::CLIPTokenizer::from_folder(settings.tokenizer)),
        vae_(diffusion::load_vae(settings.vae, {})),
        text_encoder_(
            open_text_encoder(settings.text_encoder, settings.from_nothing, settings.loop.seed)),
        decoder_(decoder_config(settings, text_encoder_->config(), vae_->config())),
        order_(settings.loop.seed, source.size()) {
    initialise(*decoder_, generator_for(settings.loop.seed, Purpose::weights, kLayoutDecoder));
    make_frozen(*vae_, settings.loop.device);
    create_run_folder(settings.loop.out);
    latents_ = std::make_unique<LatentCache>(vae_, source, settings.width, settings.height,
                                             settings.loop.out / "latents.safetensors",
                                             encoding_progress(observer), cancellation);
    if (!processes.is_first()) return;  // looks are the first one's
    held_out_latents_ =
        std::make_unique<LatentCache>(vae_, held_out, settings.width, settings.height,
                                      settings.loop.out / "held-out-latents.safetensors",
                                      encoding_progress(observer), cancellation);
  }

  std::vector<ParameterGroup> groups() {
    const c10::Device device = settings_.loop.device;
    return {{make_trainable(*text_encoder_, device, "text_encoder."), 1.0},
            {make_trainable(*decoder_, device, "layout_decoder."), 1.0}};
  }

  MicroLoss loss(const MicroBatch& batch) {
    std::vector<std::uint64_t> indices;
    std::vector<std::string> captions;
    for (const std::uint64_t position : batch.positions) {
      indices.push_back(order_.index(position));
      captions.push_back(source_.text(indices.back(), order_.epoch(position)));
    }
    return {errors(captions, latents_->pictures(indices)).sum(),
            static_cast<double>(indices.size()),
            {}};
  }

  Evaluation evaluate() {
    constexpr std::uint64_t kBatch = 32;
    const std::uint64_t count =
        held_out_.size() == 0 ? kHeldOutPictures : std::min(kHeldOutPictures, held_out_.size());
    double sum = 0;
    for (std::uint64_t begin = 0; begin < count; begin += kBatch) {
      std::vector<std::uint64_t> indices;
      std::vector<std::string> captions;
      for (std::uint64_t i = begin; i < std::min(count, begin + kBatch); ++i) {
        indices.push_back(i);
        captions.push_back(held_out_.text(i, 0));
      }
      sum += errors(captions, held_out_latents_->pictures(indices)).sum().item<double>();
    }
    Evaluation out;
    out.metrics["held_out_loss"] = sum / static_cast<double>(count);
    return out;
  }

  void save() {
    write_part(settings_.loop.out / "text_encoder",
               io::read_json(settings_.text_encoder / "config.json"), *text_encoder_,
               "model.safetensors", settings_.output_dtype);
  }

 private:
  // Mean squared error of each picture, [B].
  at::Tensor errors(const std::vector<std::string>& captions, const EncodedPictures& pictures) {
    const diffusion::AutoencoderKLConfig& vae = vae_->config();
    const at::Tensor target = (pictures.moments.mean - vae.shift_factor) * vae.scaling_factor;
    const at::Tensor states = embed_captions(tokenizer_, text_encoder_, captions);
    return (decoder_(states).to(at::kFloat) - target).square().mean({1, 2, 3});
  }

  const TextEncoderSettings& settings_;
  const ImageTextSource& source_;
  const ImageTextSource& held_out_;
  text::CLIPTokenizer tokenizer_;
  diffusion::AutoencoderKL vae_;
  text::CLIPTextModel text_encoder_;
  LayoutDecoder decoder_;
  DataOrder order_;
  std::unique_ptr<LatentCache> latents_, held_out_latents_;
};

}  // namespace

void train_text_encoder(const TextEncoderSettings& settings, const ImageTextSource& source,
                        const ImageTextSource& held_out, ProcessGroup& processes,
                        const LoopObserver& observer, const Cancellation& cancellation) {
  TextEncoderTraining training(settings, source, held_out, processes, observer, cancellation);
  Trainee trainee;
  trainee.name = "text_encoder";
  trainee.groups = training.groups();
  trainee.settings = source.description();
  trainee.settings["size"] = std::to_string(settings.width) + "x" + std::to_string(settings.height);
  trainee.settings["frozen_parts"] = fingerprint_of_parts({settings.vae, settings.tokenizer});
  trainee.loss = [&](const MicroBatch& batch) { return training.loss(batch); };
  trainee.evaluate = [&](std::int64_t) { return training.evaluate(); };
  trainee.save = [&] { training.save(); };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
