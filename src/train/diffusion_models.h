// The parts of Stable Diffusion as a trainer of adapters uses them: all frozen, adapters put on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/schedulers/scheduler.h"
#include "omr/text/clip_text_model.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/train/lora_parameters.h"
#include "omr/train/lora_trainer.h"

namespace omr::train {

struct DiffusionModels {
  // Throws as the loaders do, Error(mismatch) when the parts do not belong together, Error(usage)
  // for a size that the VAE cannot take.
  explicit DiffusionModels(const LoraTrainingSettings& settings);

  // [B, S, D]; gradients flow to the text encoder's adapter.
  at::Tensor embed(const std::vector<std::string>& captions);
  // Latents as the UNet sees them -> pixels [B, 3, H, W] about [-1, 1].
  at::Tensor decode(const at::Tensor& latents);
  // [C, h, w] of a picture of the training size.
  std::vector<std::int64_t> latent_shape() const;
  // Fresh noise of each generator, [B, C, h, w] on the device.
  at::Tensor draw_latents(schedulers::Generators& generators) const;
  // Whole pictures of captions from `latents`, with DDIM and the adapters as they are.
  std::vector<Image> draw(const std::vector<std::string>& captions, const at::Tensor& latents,
                          int steps, double guidance_scale, const Cancellation& cancellation);
  // The noise schedule as a scheduler of this name reads it.
  schedulers::SchedulerConfig scheduler_config_of(schedulers::SchedulerName name) const;

  NamedParameters parameters() const;
  void set_adapters_enabled(bool enabled);

  const LoraTrainingSettings& settings;
  c10::Device device;
  text::CLIPTokenizer tokenizer;
  text::CLIPTextModel text_encoder;
  diffusion::UNet2DConditionModel unet;
  diffusion::AutoencoderKL vae;
  io::Config scheduler_file;
  schedulers::SchedulerConfig scheduler_config;  // as its own class reads it
  LoraParameters unet_lora;
  std::optional<LoraParameters> text_encoder_lora;
};

// The reference model, while it lives.
class AdaptersOff {
 public:
  explicit AdaptersOff(DiffusionModels& models) : models_(models) {
    models_.set_adapters_enabled(false);
  }
  ~AdaptersOff() { models_.set_adapters_enabled(true); }
  AdaptersOff(const AdaptersOff&) = delete;
  AdaptersOff& operator=(const AdaptersOff&) = delete;

 private:
  DiffusionModels& models_;
};

}  // namespace omr::train
