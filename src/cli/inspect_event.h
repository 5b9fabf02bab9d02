// What `omr inspect` prints: one event a thing looked at.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "omr/io/lora_file.h"
#include "omr/io/weights.h"

#include "cli/options.h"

namespace omr::cli {

using OrderedJson = nlohmann::ordered_json;

struct InspectOptions {
  OutputOptions output;
  std::string path;
  std::string prompt;
};

// As a line of JSON, or for a person the event's own keys and values, one a line.
void show(const OrderedJson& event, bool json);

// Tensors, parameters (of packed weights those that they stand for), bytes, tensors by type.
OrderedJson sizes_of(const io::Weights& weights);
// The files' hashes, and which of them their authors published.
void add_hashes(OrderedJson& event, const std::vector<std::filesystem::path>& files);
void add_lora(OrderedJson& event, const io::LoraFile& lora);

// A model folder or single file; with options.prompt also how its tokenizer reads that.
void inspect_model(const std::filesystem::path& path, const InspectOptions& options);
// A folder that is not a whole model: a refiner, a reward model, an adapter, a part; or one of
// which it is said why it cannot be used.
void inspect_part(const std::filesystem::path& folder, const InspectOptions& options);
// A safetensors file of any kind.
void inspect_safetensors(const std::filesystem::path& path, const InspectOptions& options);

}  // namespace omr::cli
