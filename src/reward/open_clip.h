// CLIP models as OpenCLIP saves them (mlfoundations/open_clip, src/open_clip/model.py; HPSv2, arXiv
// 2306.09341, is one): both towers' keys, fused projections, and its own config.
#pragma once

#include <filesystem>

#include "omr/io/weights.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_processor.h"

namespace omr::reward {

// open_clip_model.safetensors, open_clip_pytorch_model.safetensors or another safetensors file of
// `folder` by the stem "model". Throws as io::Weights::open does.
io::Weights open_open_clip_weights(const std::filesystem::path& folder);

bool is_open_clip(const io::Weights& weights);

// open_clip_config.json where the folder has one, else from the tensors' shapes: 64 numbers a head
// (80, 88 or 104 in the image towers of H, g and bigG), and GELU, as all but OpenAI's own weights
// have. Throws Error(format | mismatch).
CLIPConfig open_clip_config(const std::filesystem::path& folder, const io::Weights& weights);

// The names and shapes that CLIPModel has.
io::Weights clip_weights_of_open_clip(const io::Weights& weights, const CLIPConfig& config);

// What open_clip_config.json says of pictures, with CLIPImageProcessor's ways.
CLIPImageProcessorConfig open_clip_image_processor_config(const std::filesystem::path& folder,
                                                          const CLIPConfig& config);

}  // namespace omr::reward
