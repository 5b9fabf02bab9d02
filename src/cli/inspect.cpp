// omr inspect PATH: what is in a model folder or single file, a safetensors file, a LoRA, a
// session, a PNG.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"
#include "omr/io/known_files.h"
#include "omr/io/lora_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/png.h"
#include "omr/io/sha256.h"
#include "omr/io/single_file.h"
#include "omr/io/weights.h"
#include "omr/pipeline/model_files.h"
#include "omr/pipeline/model_folder.h"
#include "omr/pipeline/model_report.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/text/prompt_chunks.h"
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

OrderedJson sizes_of(const io::Weights& weights) {
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
  return {{"tensors", weights.size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"dtypes", by_dtype}};
}

// The hashes of the files, and which of them are known.
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

void inspect_model(const fs::path& path, const InspectOptions& options) {
  const pipeline::ModelFolder folder = pipeline::ModelFolder::open(path);
  const pipeline::ModelReport report = pipeline::report_model(folder);
  OrderedJson event = {{"event", "model"}, {"model", path.string()}};
  if (!report.pipeline.empty()) event["pipeline"] = report.pipeline;
  event["family"] = report.family;
  if (!report.scheduler.empty()) event["scheduler"] = report.scheduler;
  event["prediction_type"] = report.prediction_type;
  if (folder.single_file) {
    event.update(sizes_of(io::Weights::open(path, "")));
    add_hashes(event, {path});
    event["metadata"] = io::SafetensorsFile::open(path)->metadata();
  }
  event["missing"] = report.missing;
  show(event, options.output.json);
  for (const pipeline::PartReport& part : report.parts) {
    OrderedJson line = {{"event", "part"}, {"part", part.name}};
    if (!part.problem.empty()) {
      line["problem"] = part.problem;
    } else {
      line.update(sizes_of(part.weights));
      if (!folder.single_file) add_hashes(line, part.weights.files());
    }
    show(line, options.output.json);
  }
  if (!options.prompt.empty()) {
    const pipeline::ModelFiles files = pipeline::ModelFiles::open(folder);
    const auto tokenizer = text::CLIPTokenizer::from_folder(files.tokenizer, files.pad_token);
    const text::WeightedPrompt weighted = text::parse_prompt_weights(options.prompt);
    OrderedJson ids = OrderedJson::array();
    const auto chunks = text::encode_in_chunks(tokenizer, weighted.text, weighted.breaks);
    for (const text::Encoding& chunk : chunks) {
      for (std::int64_t id : chunk.ids) ids.push_back(id);
    }
    OrderedJson spans = OrderedJson::array();
    for (const text::WeightedSpan& span : weighted.spans) {
      spans.push_back({{"text", weighted.text.substr(span.begin, span.end - span.begin)},
                       {"weight", span.weight}});
    }
    show({{"event", "tokens"},
          {"prompt", weighted.text},
          {"ids", ids},
          {"chunks", chunks.size()},
          {"weights", spans}},
         options.output.json);
  }
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

void add_lora(OrderedJson& event, const io::LoraFile& lora) {
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
  if (const std::int64_t width = context_width(lora); width > 0) {
    event["family"] = pipeline::family_of_width(width);
  }
}

// A file that is no whole model: what it is, and what it is good for.
void inspect_safetensors(const fs::path& path, const InspectOptions& options) {
  const io::Weights weights = io::Weights::open(path, "");
  if (weights.size() > 0) {
    bool checkpoint = true;
    try {
      io::read_single_file(path);
    } catch (const Error&) {
      checkpoint = false;
    }
    if (checkpoint) return inspect_model(path, options);
  }
  OrderedJson event = {{"event", "safetensors"}, {"file", path.string()}};
  event["kind"] = io::describe_weights(weights);
  event.update(sizes_of(weights));
  add_hashes(event, weights.files());
  event["metadata"] = io::SafetensorsFile::open(path)->metadata();
  try {
    add_lora(event, io::read_lora(path));
  } catch (const Error& no_lora) {
    // Neither an adapter nor a model: both say why.
    try {
      io::read_single_file(path);
    } catch (const Error& no_model) {
      event["as_model"] = no_model.what();
      event["as_lora"] = no_lora.what();
    }
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

void inspect_jpeg(const fs::path& path, const InspectOptions& options) {
  const Image image = io::read_picture(path);
  show({{"event", "jpeg"},
        {"file", path.string()},
        {"width", image.width},
        {"height", image.height}},
       options.output.json);
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
  } else if (path.extension() == ".jpg" || path.extension() == ".jpeg") {
    inspect_jpeg(path, options);
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
