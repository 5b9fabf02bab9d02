// What a step of an autoencoder's training minimises.
#pragma once

#include <cstdint>
#include <vector>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/reward/lpips.h"
#include "omr/train/patch_discriminator.h"
#include "omr/train/sample_random.h"
#include "omr/train/vae_trainer.h"

namespace omr::train {

class VaeObjective {
 public:
  // `vae` is trainable already. Everything outlives it. Throws as train_vae says.
  VaeObjective(diffusion::AutoencoderKL vae, const VaeSettings& settings,
               const ImageTextSource& source);

  // "discriminator.main.0.weight", …; empty without one.
  NamedParameters discriminator_parameters() const { return discriminator_parameters_; }
  // What must be the same when the run is resumed.
  io::Json description() const;

  MicroLoss loss(const MicroBatch& batch);
  // LPIPS of pictures [B, 3, H, W] and their reconstructions [B]; undefined without it.
  at::Tensor perceptual_distance(const at::Tensor& reconstruction, const at::Tensor& pixels);

 private:
  // Latents of the posterior, and farther off with latent_noise. Drawn per position.
  at::Tensor sample(const diffusion::DiagonalGaussian& posterior, const MicroBatch& batch) const;

  const VaeSettings& settings_;
  const ImageTextSource& source_;
  DataOrder order_;
  diffusion::AutoencoderKL vae_;
  reward::Lpips lpips_{nullptr};
  PatchDiscriminator discriminator_{nullptr};
  NamedParameters discriminator_parameters_;
  at::Tensor last_layer_;  // of the decoder
};

// [B, 3, H, W] on the run's device.
at::Tensor pixels_of(const VaeSettings& settings, const ImageTextSource& source,
                     const std::vector<std::uint64_t>& indices);

}  // namespace omr::train
