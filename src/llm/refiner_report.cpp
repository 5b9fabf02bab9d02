#include "omr/llm/refiner_report.h"

#include <functional>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"
#include "omr/llm/llama_config.h"
#include "omr/llm/refiner_template.h"
#include "omr/llm/sentencepiece_tokenizer.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

std::string describe_quantization(const io::Weights& weights) {
  std::size_t nf4 = 0, other = 0;
  bool nested = false;
  for (const std::string& name : weights.names()) {
    nf4 += name.ends_with(".quant_state.bitsandbytes__nf4");
    other += name.ends_with(".quant_state.bitsandbytes__fp4");
    nested = nested || name.ends_with(".nested_absmax");
  }
  if (other > 0) return "fp4 by bitsandbytes, which omr does not compute";
  if (nf4 == 0) return "none";
  return "nf4 by bitsandbytes, " + std::to_string(nf4) + " layers" +
         (nested ? ", double quantisation" : "");
}

std::string describe_instruction(const fs::path& folder) {
  const RefinerTemplate found = RefinerTemplate::of_folder(folder);
  if (fs::exists(folder / "refiner.json")) return "refiner.json";
  return found.is_chat ? "omr's own, in the folder's chat markup" : "omr's own, as running text";
}

}  // namespace

bool is_refiner_folder(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder / "tokenizer.model", code)) return true;
  if (!fs::exists(folder / "config.json", code)) return false;
  const io::Config config(folder / "config.json");
  if (!config.has("architectures") || !config.json()["architectures"].is_array()) return false;
  for (const io::Json& name : config.json()["architectures"]) {
    if (name.is_string() && name.get<std::string>().ends_with("ForCausalLM")) return true;
  }
  return false;
}

RefinerReport report_refiner(const fs::path& folder) {
  RefinerReport out;
  const auto attempt = [&](const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      out.problems.push_back(error.what());
    }
  };
  std::int64_t vocabulary = 0;
  attempt([&] {
    const io::Config file(folder / "config.json");
    const LlamaConfig config = LlamaConfig::from(file);
    out.family = file.text("model_type") + ", " + std::to_string(config.num_hidden_layers) +
                 " layers " + std::to_string(config.hidden_size) + " wide, " +
                 std::to_string(config.vocab_size) + " tokens";
    out.context = config.max_position_embeddings;
    vocabulary = config.vocab_size;
  });
  attempt([&] {
    out.weights = io::Weights::open(folder, "model");
    out.quantization = describe_quantization(out.weights);
    if (out.quantization.starts_with("fp4")) out.problems.push_back(out.quantization);
  });
  attempt([&] {
    const auto tokenizer = SentencePieceTokenizer::of_folder(folder);
    if (vocabulary > 0 && tokenizer.piece_count() > vocabulary) {
      out.problems.push_back("tokenizer.model has " + std::to_string(tokenizer.piece_count()) +
                             " pieces, more than the model's tokens");
    }
  });
  attempt([&] { out.instruction = describe_instruction(folder); });
  std::error_code code;
  if (fs::exists(folder / "adapter", code)) {
    attempt([&] { out.adapter = io::describe(io::read_peft_adapter(folder / "adapter")); });
  }
  return out;
}

}  // namespace omr::llm
