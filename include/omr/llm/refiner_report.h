// What a refiner's folder holds, told from its configs and headers without reading weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "omr/io/weights.h"

namespace omr::llm {

struct RefinerReport {
  std::string family;                 // "llama, 22 layers 2048 wide, 32000 tokens"
  std::string quantization;           // "none", "nf4 by bitsandbytes, …"
  std::string instruction;            // where the words come from that ask for the next prompt
  std::string adapter;                // "36 layers of rank 8"; empty without one
  std::int64_t context = 0;           // tokens
  std::vector<std::string> problems;  // why it cannot be used; empty: it can, as far as this tells
  io::Weights weights;                // empty where they cannot be opened
};

// Whether `folder` looks like a language model's: a config.json of one, or a tokenizer.model.
bool is_refiner_folder(const std::filesystem::path& folder);

RefinerReport report_refiner(const std::filesystem::path& folder);

}  // namespace omr::llm
