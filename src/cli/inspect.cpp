// omr inspect PATH: what is in a model folder, a safetensors file, a LoRA, a session, a PNG.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"
#include "omr/io/lora_file.h"
#include "omr/io/png.h"
#include "omr/io/sha256.h"
#include "omr/io/weights.h"
#include "omr/pipeline/model_folder.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/text/prompt_weights.h"

#include "cli/commands.h"
#include "cli/models.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

struct InspectOptions {
  OutputOptions output;
  std::string path;
  std::string prompt;
};

// Text for a person is the event's own keys and values, one a line.
void show(const OrderedJson& event, bool json) {
  if (json) return print_event(event);
  std::string title;
  for (const auto& [key, value] : event.items()) {
    const std::string text = printable(value.is_string() ? value.get<std::string>() : value.dump());
    if (key == "event") continue;
    print_line((title.empty() ? "" : "  ") + key + ": " + text);
    title = key;
  }
}

OrderedJson weights_summary(const io::Weights& weights) {
  std::map<std::string, std::int64_t> by_dtype;
  std::int64_t parameters = 0, bytes = 0;
  for (const std::string& name : weights.names()) {
    const io::TensorInfo& info = weights.info(name);
    std::int64_t count = 1;
    for (std::int64_t size : info.shape) count *= size;
    parameters += count;
    bytes += static_cast<std::int64_t>(info.end - info.begin);
    by_dtype[c10::toString(info.dtype)] += 1;
  }
  std::string hashes;
  for (const fs::path& file : weights.files())
    hashes += (hashes.empty() ? "" : " ") + io::sha256_file(file);
  return {{"tensors", weights.size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"dtypes", by_dtype},
          {"sha256", hashes}};
}

void inspect_model(const fs::path& path, const InspectOptions& options) {
  const pipeline::ModelFolder folder = pipeline::ModelFolder::open(path);
  OrderedJson event = {{"event", "model"}, {"model", path.string()}};
  const io::Config index(path / "model_index.json");
  event["pipeline"] = index.text("_class_name");
  if (folder.has("scheduler/scheduler_config.json")) {
    const io::Config scheduler(folder.part("scheduler") / "scheduler_config.json");
    event["scheduler"] = scheduler.text("_class_name", "");
    event["prediction_type"] = scheduler.text("prediction_type", "epsilon");
  }
  show(event, options.output.json);
  const std::pair<const char*, const char*> parts[] = {{"text_encoder", "model"},
                                                       {"unet", "diffusion_pytorch_model"},
                                                       {"vae", "diffusion_pytorch_model"},
                                                       {"reward", "model"},
                                                       {"refiner", "model"}};
  for (const auto& [part, stem] : parts) {
    OrderedJson line = {{"event", "part"}, {"part", part}};
    if (!folder.has(part)) {
      line["missing"] = true;
    } else {
      line.update(weights_summary(io::Weights::open(folder.part(part), stem)));
    }
    show(line, options.output.json);
  }
  if (!options.prompt.empty()) {
    const auto tokenizer = text::CLIPTokenizer::from_folder(folder.part("tokenizer"));
    const text::WeightedPrompt weighted = text::parse_prompt_weights(options.prompt);
    const text::Encoding encoding = tokenizer.encode(weighted.text);
    OrderedJson spans = OrderedJson::array();
    for (const text::WeightedSpan& span : weighted.spans) {
      spans.push_back({{"text", weighted.text.substr(span.begin, span.end - span.begin)},
                       {"weight", span.weight}});
    }
    show({{"event", "tokens"},
          {"prompt", weighted.text},
          {"ids", encoding.ids},
          {"dropped_tokens", encoding.dropped_tokens},
          {"weights", spans}},
         options.output.json);
  }
}

void inspect_safetensors(const fs::path& path, const InspectOptions& options) {
  const io::Weights weights = io::Weights::open(path, "");
  OrderedJson event = {{"event", "safetensors"}, {"file", path.string()}};
  event.update(weights_summary(weights));
  event["metadata"] = io::SafetensorsFile::open(path)->metadata();
  try {
    const io::LoraFile lora = io::read_lora(path);
    std::map<std::int64_t, int> ranks;
    std::map<std::string, int> components;
    for (const io::LoraLayer& layer : lora.layers) {
      ++ranks[layer.down.size(0)];
      ++components[layer.component.empty() ? "unnamed" : layer.component];
    }
    event["lora_layers"] = lora.layers.size();
    OrderedJson by_rank = OrderedJson::object();
    for (const auto& [rank, count] : ranks) by_rank[std::to_string(rank)] = count;
    event["lora_ranks"] = by_rank;
    event["lora_components"] = components;
  } catch (const Error&) {
    // Not a LoRA: ordinary weights.
  }
  show(event, options.output.json);
  if (!options.output.verbose) return;
  for (const std::string& name : weights.names()) {
    const io::TensorInfo& info = weights.info(name);
    show({{"event", "tensor"},
          {"name", name},
          {"dtype", c10::toString(info.dtype)},
          {"shape", info.shape}},
         options.output.json);
  }
}

void inspect_session(const fs::path& path, const InspectOptions& options) {
  const fs::path journal = path / session::kJournalName;
  const session::Dialogue dialogue = session::dialogue_of_journal(
      io::read_text(journal, session::kMaxJournalBytes), "session", journal.string());
  OrderedJson event = {{"event", "session"}, {"session", path.string()}, {"turns", dialogue.turns}};
  if (dialogue.seed) event["seed"] = *dialogue.seed;
  event["settings"] = dialogue.settings;
  show(event, options.output.json);
}

void inspect_png(const fs::path& path, const InspectOptions& options) {
  const std::string bytes = io::read_text(path);
  const Image image = io::decode_png(bytes, path.string());
  OrderedJson event = {
      {"event", "png"}, {"file", path.string()}, {"width", image.width}, {"height", image.height}};
  for (const auto& [keyword, text] : io::read_png_text(bytes, path.string())) event[keyword] = text;
  show(event, options.output.json);
}

int run_inspect(const InspectOptions& options) {
  apply_verbosity(options.output);
  const fs::path path = options.path.empty() ? embedded_pack() : fs::path(options.path);
  std::error_code code;
  if (!fs::exists(path, code)) throw Error(ErrorKind::io, "nothing at " + path.string());
  if (fs::is_directory(path, code)) {
    if (fs::exists(path / session::kJournalName, code)) {
      inspect_session(path, options);
    } else if (fs::exists(path / "adapter_config.json", code)) {
      const io::LoraFile lora = io::read_peft_adapter(path);
      show({{"event", "adapter"},
            {"adapter", path.string()},
            {"layers", lora.layers.size()},
            {"tensors", lora.tensors}},
           options.output.json);
    } else {
      inspect_model(path, options);
    }
    return kExitDone;
  }
  if (path.extension() == ".png") {
    inspect_png(path, options);
  } else {
    inspect_safetensors(path, options);
  }
  return kExitDone;
}

}  // namespace

void setup_inspect(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand(
      "inspect", "what is in a model folder, a safetensors file, a session, a PNG");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("path", options->path, "folder or file (default: the embedded pack)");
  command->add_option("--prompt", options->prompt,
                      "also show how a model folder's tokenizer reads this");
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_inspect(*options); }; });
}

}  // namespace omr::cli
