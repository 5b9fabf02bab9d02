// Captions and pictures as a CLIP dual tower takes them, as its folder says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "omr/core/image.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_processor.h"
#include "omr/text/clip_tokenizer.h"

namespace omr::train {

// What these are read from: a trained model's folder needs them beside its weights.
inline const std::vector<std::string> kClipFiles = {"preprocessor_config.json",
                                                    "tokenizer_config.json",
                                                    "special_tokens_map.json",
                                                    "vocab.json",
                                                    "merges.txt",
                                                    "tokenizer.json"};

class ClipInputs {
 public:
  // Reads the tokenizer's files and preprocessor_config.json of `folder`. Throws Error(mismatch)
  // when they do not fit the model.
  ClipInputs(const std::filesystem::path& folder, const reward::CLIPConfig& config,
             c10::Device device);

  // int64 [n, N], texts cut at the model's longest, padding cut behind the longest of them: the end
  // that is pooled sees nothing of it.
  at::Tensor token_ids(const std::vector<std::string>& texts) const;
  // fp32 [n, 3, H, H]
  at::Tensor pixels(const std::vector<Image>& images) const;

 private:
  text::CLIPTokenizer tokenizer_;
  reward::CLIPImageProcessor processor_;
  std::int64_t limit_;
  c10::Device device_;
};

}  // namespace omr::train
