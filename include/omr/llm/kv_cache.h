// Keys and values of the positions that a decoder has seen.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/llm/llama_config.h"

namespace omr::llm {

// One sequence. Each layer has keys and values [1, kv_heads, capacity, head_dim], allocated ahead
// and doubled when full, so that a token costs a copy of its own row and no allocation.
class KVCache {
 public:
  explicit KVCache(const LlamaConfig& config, std::int64_t capacity = 256);

  // Positions held by every layer.
  std::int64_t length() const { return length_; }

  // Writes k and v [1, kv_heads, T, head_dim] of `layer` behind the others and returns views of all
  // [1, kv_heads, length + T, head_dim]. The length grows by advance(T), once all layers have
  // written.
  std::pair<at::Tensor, at::Tensor> append(std::int64_t layer, const at::Tensor& k,
                                           const at::Tensor& v);
  void advance(std::int64_t positions) { length_ += positions; }

  // Forgets positions from `length` on; those before stay as they are.
  void truncate(std::int64_t length);

 private:
  void reserve(std::int64_t layer, std::int64_t positions, const at::Tensor& like);

  std::int64_t capacity_;
  std::int64_t length_ = 0;
  std::vector<at::Tensor> keys_;
  std::vector<at::Tensor> values_;
};

}  // namespace omr::llm
