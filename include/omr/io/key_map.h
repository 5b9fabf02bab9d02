// Renames from older or foreign checkpoints to the names that diffusers and transformers use today.
// Everything else in omr knows the present names only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omr/io/weights.h"

namespace omr::io {

// diffusers before 0.18 named the VAE's attention query, key, value, proj_attn.
std::string current_vae_key(const std::string& key);

// The CompVis layout (ldm/modules/diffusionmodules of CompVis/stable-diffusion; diffusers
// loaders/single_file_utils.py), keys without their part's prefix. An empty name means that the
// part has no use for the tensor.

// "input_blocks.4.1.norm.weight" of a UNet with this many residual blocks a level.
std::string unet_key_of_ldm(const std::string& key, std::int64_t layers_per_block);

// "decoder.up.3.block.0.conv1.weight" of an autoencoder with this many levels. Attention kept as
// 1x1 convolutions becomes the matrices that it is.
std::vector<TensorView> vae_views_of_ldm(const TensorInfo& info, std::int64_t levels);

// "transformer.resblocks.0.attn.in_proj_weight" of OpenCLIP's text tower (mlfoundations/open_clip
// transformer.py), of which the first `layers` are kept: SD 2.x reads the one before the last.
std::vector<TensorView> clip_views_of_open_clip(const TensorInfo& info, std::int64_t layers);
// "visual.transformer.resblocks.0.attn.in_proj_weight" of its image tower, with `visual.proj` as
// CLIPModel's visual_projection.
std::vector<TensorView> clip_vision_views_of_open_clip(const TensorInfo& info, std::int64_t layers);

// "blip.text_encoder.encoder.layer.0.attention.self.query.weight" of ImageReward's checkpoint, with
// the levels left out that hold one thing only: "text.layers.0.attention.query.weight".
std::string image_reward_key(const std::string& key);

// A key of lpips.LPIPS's state_dict; empty for what it holds twice ("lins.0.model.1.weight" is
// "lin0.model.1.weight") and for constants ("scaling_layer.shift").
std::string lpips_key(const std::string& key);

}  // namespace omr::io
