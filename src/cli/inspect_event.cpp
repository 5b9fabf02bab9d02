#include "cli/inspect_event.h"

#include <map>

#include "omr/core/utf8.h"
#include "omr/io/known_files.h"
#include "omr/io/sha256.h"
#include "omr/pipeline/model_report.h"

#include "cli/output.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

// Companions of a weight that bitsandbytes packed, which hold no parameters of their own.
bool is_quantization_state(const std::string& name) {
  for (const char* piece : {".quant_state.", ".quant_map", ".nested_quant_map", ".nested_absmax"}) {
    if (name.find(piece) != std::string::npos) return true;
  }
  return name.ends_with(".absmax");
}

// The text encoder's width that a LoRA was trained with, by its cross attention's keys; 0 if
// unknown.
std::int64_t context_width(const io::LoraFile& lora) {
  for (const io::LoraLayer& layer : lora.layers) {
    if (layer.module.ends_with("attn2.to_k") || layer.module.ends_with("attn2_to_k")) {
      return layer.down.size(1);
    }
  }
  return 0;
}

}  // namespace

void show(const OrderedJson& event, bool json) {
  if (json) return print_event(event);
  std::string title;
  for (const auto& [key, value] : event.items()) {
    const std::string text =
        printable_line(value.is_string() ? value.get<std::string>() : value.dump());
    if (key == "event") continue;
    print_line((title.empty() ? "" : "  ") + key + ": " + text);
    title = key;
  }
}

OrderedJson sizes_of(const io::Weights& weights) {
  std::map<std::string, std::int64_t> by_dtype;
  std::int64_t parameters = 0, bytes = 0;
  for (const std::string& name : weights.names()) {
    const io::TensorInfo& info = weights.info(name);
    std::int64_t count = 1;
    for (std::int64_t size : info.shape) count *= size;
    const bool packed = weights.contains(name + ".quant_map");
    if (!is_quantization_state(name)) parameters += packed ? 2 * count : count;
    bytes += static_cast<std::int64_t>(info.end - info.begin);
    by_dtype[c10::toString(info.dtype)] += 1;
  }
  return {{"tensors", weights.size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"dtypes", by_dtype}};
}

void add_hashes(OrderedJson& event, const std::vector<fs::path>& files) {
  std::string hashes, known;
  for (const fs::path& file : files) {
    const std::string hash = io::sha256_file(file);
    hashes += (hashes.empty() ? "" : " ") + hash;
    if (const std::string what = io::known_file(hash); !what.empty()) {
      known += (known.empty() ? "" : "; ") + what;
    }
  }
  event["sha256"] = hashes;
  event["official"] = known.empty() ? "not a file that omr knows" : known;
}

void add_lora(OrderedJson& event, const io::LoraFile& lora) {
  std::map<std::int64_t, int> ranks;
  std::map<std::string, int> components;
  for (const io::LoraLayer& layer : lora.layers) {
    ++ranks[layer.down.size(0)];
    ++components[layer.component.empty() ? "unnamed" : layer.component];
  }
  event["lora_keys"] = lora.keys;
  event["lora_layers"] = lora.layers.size();
  OrderedJson by_rank = OrderedJson::object();
  for (const auto& [rank, count] : ranks) by_rank[std::to_string(rank)] = count;
  event["lora_ranks"] = by_rank;
  event["lora_components"] = components;
  if (const std::int64_t width = context_width(lora); width > 0) {
    event["family"] = pipeline::family_of_width(width);
  }
}

}  // namespace omr::cli
