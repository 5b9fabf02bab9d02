#include "train/clip_inputs.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

ClipInputs::ClipInputs(const std::filesystem::path& folder, const reward::CLIPConfig& config,
                       c10::Device device)
    : tokenizer_(text::CLIPTokenizer::from_folder(folder)),
      processor_(reward::read_clip_image_processor_config(folder / "preprocessor_config.json")),
      limit_(std::min(tokenizer_.model_max_length(), config.text.max_position_embeddings)),
      device_(device) {
  if (tokenizer_.vocab_size() > config.text.vocab_size) {
    throw Error(ErrorKind::mismatch,
                folder.string() + ": the tokenizer has " + std::to_string(tokenizer_.vocab_size()) +
                    " tokens, the model only " + std::to_string(config.text.vocab_size));
  }
}

at::Tensor ClipInputs::token_ids(const std::vector<std::string>& texts) const {
  std::vector<at::Tensor> rows;
  std::int64_t longest = 0;
  for (const std::string& text : texts) {
    const text::Encoding encoding = tokenizer_.encode(text, limit_);
    longest = std::max(longest, static_cast<std::int64_t>(encoding.tokens.size()));
    rows.push_back(at::tensor(encoding.ids, at::kLong));
  }
  return at::stack(rows).narrow(1, 0, longest).to(device_);
}

at::Tensor ClipInputs::pixels(const std::vector<Image>& images) const {
  std::vector<at::Tensor> rows;
  for (const Image& image : images) rows.push_back(processor_(image));
  return at::stack(rows).to(device_);
}

}  // namespace omr::train
