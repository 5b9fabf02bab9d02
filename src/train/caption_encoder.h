// The text encoder as a trainer of base models opens and asks it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "omr/text/clip_text_model.h"
#include "omr/text/clip_tokenizer.h"

namespace omr::train {

// From `folder`, or, `from_nothing`, of its config.json alone with weights drawn from the seed.
text::CLIPTextModel open_text_encoder(const std::filesystem::path& folder, bool from_nothing,
                                      std::uint64_t seed);

// [B, S, D], on the model's device; with gradient where gradients are on.
at::Tensor embed_captions(const text::CLIPTokenizer& tokenizer, text::CLIPTextModel& text_encoder,
                          const std::vector<std::string>& captions);

}  // namespace omr::train
