// What `omr inspect` says of models: whole ones, and parts on their own.
#include "omr/core/error.h"
#include "omr/io/single_file.h"
#include "omr/llm/refiner_report.h"
#include "omr/pipeline/model_files.h"
#include "omr/pipeline/model_folder.h"
#include "omr/pipeline/model_report.h"
#include "omr/reward/reward_report.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/text/prompt_chunks.h"
#include "omr/text/prompt_weights.h"

#include "cli/inspect_event.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

// `report`'s weights, hashes and problems, behind what `event` says already.
template <typename Report>
void show_report(OrderedJson event, const Report& report, const InspectOptions& options) {
  if (!report.adapter.empty()) event["adapter"] = report.adapter;
  if (report.weights.size() > 0) {
    event.update(sizes_of(report.weights));
    add_hashes(event, report.weights.files());
  }
  event["missing"] = report.problems;
  show(event, options.output.json);
}

void inspect_refiner(const fs::path& folder, const InspectOptions& options) {
  const llm::RefinerReport report = llm::report_refiner(folder);
  OrderedJson event = {{"event", "part"}, {"part", "refiner"}, {"folder", folder.string()}};
  if (!report.family.empty()) event["family"] = report.family;
  if (report.context > 0) event["context"] = report.context;
  if (!report.quantization.empty()) event["quantization"] = report.quantization;
  if (!report.instruction.empty()) event["instruction"] = report.instruction;
  show_report(std::move(event), report, options);
}

void inspect_reward(const fs::path& folder, const InspectOptions& options) {
  const reward::RewardReport report = reward::report_reward(folder);
  OrderedJson event = {{"event", "part"}, {"part", "reward"}, {"folder", folder.string()}};
  if (!report.family.empty()) event["family"] = report.family;
  show_report(std::move(event), report, options);
}

}  // namespace

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
  if (!folder.single_file) {
    if (folder.has("reward")) inspect_reward(folder.part("reward"), options);
    if (folder.has("refiner")) inspect_refiner(folder.part("refiner"), options);
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

void inspect_part(const fs::path& folder, const InspectOptions& options) {
  std::error_code code;
  if (fs::exists(folder / "adapter_config.json", code)) {
    const io::LoraFile lora = io::read_peft_adapter(folder);
    OrderedJson event = {{"event", "adapter"}, {"adapter", folder.string()}};
    add_lora(event, lora);
    const io::Weights weights = io::Weights::open(folder, "adapter_model");
    event.update(sizes_of(weights));
    add_hashes(event, weights.files());
    return show(event, options.output.json);
  }
  if (reward::is_reward_folder(folder)) return inspect_reward(folder, options);
  if (llm::is_refiner_folder(folder)) return inspect_refiner(folder, options);
  if (!fs::exists(folder / "config.json", code)) {
    throw Error(
        ErrorKind::mismatch,
        folder.string() +
            " holds nothing that omr knows: expected a model folder (model_index.json), a "
            "part with config.json, a reward model, a refiner, a PEFT adapter or a session");
  }
  const pipeline::PartReport report = pipeline::report_part(folder);
  OrderedJson event = {{"event", "part"}, {"part", report.name}, {"folder", folder.string()}};
  if (!report.family.empty()) event["family"] = report.family;
  if (!report.problem.empty()) {
    event["problem"] = report.problem;
  } else {
    event.update(sizes_of(report.weights));
    add_hashes(event, report.weights.files());
  }
  show(event, options.output.json);
}

}  // namespace omr::cli
