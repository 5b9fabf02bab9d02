// Prompts longer than the text encoder's window, cut into chunks that are encoded one by one
// (AUTOMATIC1111's modules/sd_hijack_clip.py, tokenize_line).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "omr/text/clip_tokenizer.h"

namespace omr::text {

// At least one encoding of model_max_length ids, with bos, eos and padding of its own; the tokens'
// bytes are those of the whole text. A text that fits is one chunk, as CLIPTokenizer::encode makes
// it. A chunk that is full ends behind its last comma when that lies among its last 20 tokens, so
// that phrases stay together; at each byte of `breaks` a new one begins. Throws Error(usage) as
// tokenize does.
std::vector<Encoding> encode_in_chunks(const CLIPTokenizer& tokenizer, std::string_view text,
                                       const std::vector<std::size_t>& breaks = {});

}  // namespace omr::text
