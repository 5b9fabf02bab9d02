// omr inspect PATH: what is in a model or a part of one, a safetensors file, a session, a picture.
#include <filesystem>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/io/json_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/png.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"

#include "cli/commands.h"
#include "cli/inspect_event.h"
#include "cli/models.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

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
    } else if (fs::exists(path / "model_index.json", code)) {
      inspect_model(path, options);
    } else {
      inspect_part(path, options);
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
      "inspect", "what is in a model or a part of one, a safetensors file, a session, a picture");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("path", options->path, "folder or file (default: the embedded pack)");
  command->add_option("--prompt", options->prompt,
                      "also show how a model folder's tokenizer reads this");
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_inspect(*options); }; });
}

}  // namespace omr::cli
