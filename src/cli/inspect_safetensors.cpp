// What `omr inspect` says of a safetensors file: a model, an adapter, or why it is neither.
#include "omr/core/error.h"
#include "omr/io/safetensors.h"
#include "omr/io/single_file.h"

#include "cli/inspect_event.h"

namespace omr::cli {

namespace fs = std::filesystem;

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

}  // namespace omr::cli
