#include "omr/llm/kv_cache.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace omr::llm {

KVCache::KVCache(const LlamaConfig& config, std::int64_t capacity)
    : capacity_(std::clamp<std::int64_t>(capacity, 1, config.max_position_embeddings)),
      keys_(static_cast<std::size_t>(config.num_hidden_layers)),
      values_(static_cast<std::size_t>(config.num_hidden_layers)) {}

void KVCache::reserve(std::int64_t layer, std::int64_t positions, const at::Tensor& like) {
  while (capacity_ < positions) capacity_ *= 2;
  for (at::Tensor* rows : {&keys_[layer], &values_[layer]}) {
    if (rows->defined() && rows->size(2) >= positions) continue;
    at::Tensor larger =
        at::empty({1, like.size(1), capacity_, like.size(3)}, like.options().requires_grad(false));
    if (rows->defined()) larger.narrow(2, 0, length_).copy_(rows->narrow(2, 0, length_));
    *rows = larger;
  }
}

std::pair<at::Tensor, at::Tensor> KVCache::append(std::int64_t layer, const at::Tensor& k,
                                                  const at::Tensor& v) {
  const std::int64_t count = k.size(2);
  reserve(layer, length_ + count, k);
  keys_[layer].narrow(2, length_, count).copy_(k);
  values_[layer].narrow(2, length_, count).copy_(v);
  return {keys_[layer].narrow(2, 0, length_ + count), values_[layer].narrow(2, 0, length_ + count)};
}

void KVCache::truncate(std::int64_t length) { length_ = std::min(length_, length); }

}  // namespace omr::llm
