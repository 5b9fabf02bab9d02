// Weights to begin training from nothing with, drawn as the peers draw them.
#pragma once

#include <ATen/core/Generator.h>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/json_file.h"
#include "omr/llm/llama.h"
#include "omr/reward/clip_model.h"
#include "omr/text/clip_text_model.h"
#include "omr/train/layout_decoder.h"
#include "omr/train/patch_discriminator.h"

namespace omr::train {

// diffusers leaves its models to PyTorch's defaults (Linear.reset_parameters,
// _ConvNd.reset_parameters): weights and biases of linears and convolutions uniform in
// ±1/sqrt(fan_in), norms one and zero.
void initialise(diffusion::UNet2DConditionModelImpl& unet, at::Generator generator);
void initialise(diffusion::AutoencoderKLImpl& vae, at::Generator generator);
// The same; its queries are normals of deviation 0.5.
void initialise(LayoutDecoderImpl& decoder, at::Generator generator);
// PyTorch's biases; convolutions are normals of deviation 0.02 about 0, norms about 1
// (taming-transformers, modules/discriminator/model.py, weights_init).
void initialise(PatchDiscriminatorImpl& discriminator, at::Generator generator);

// CLIPPreTrainedModel._init_weights (transformers models/clip/modeling_clip.py): normals whose
// deviation falls with width and depth, biases zero. `config` gives initializer_range,
// initializer_factor and logit_scale_init_value; absent keys take transformers' defaults (0.02,
// 1, 2.6592).
void initialise(text::CLIPTextModelImpl& model, const io::Config& config, at::Generator generator);
void initialise(reward::CLIPModelImpl& model, const io::Config& config, at::Generator generator);
// [rows * columns, width] fp32 of a patch's row and column in sines and cosines (Beyer et al.,
// arXiv 2205.01580), of amplitude 2 and mean 0. Normal ones of deviation 0.02, as transformers
// draws them, vanish for long beside patches of pictures, whose embeddings have a deviation near 1.
// `width` is a multiple of 4.
at::Tensor sinusoidal_positions(std::int64_t rows, std::int64_t columns, std::int64_t width);

// PreTrainedModel._init_weights: normals of deviation initializer_range (0.02), norms one, biases
// zero.
void initialise(llm::LlamaForCausalLMImpl& model, const io::Config& config,
                at::Generator generator);

}  // namespace omr::train
