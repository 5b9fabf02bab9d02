#include "cli/replay_check.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <stdlib.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/session/command.h"

#include "cli/output.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLinesPerDialogue = 3;  // on the terminal; the report has them all

}  // namespace

void add_check_options(CLI::App& app, CheckOptions& options) {
  app.add_option("--check", options.golden,
                 "compare with the golden run in this folder; exit code 3 tells a difference");
  app.add_option("--update-goldens", options.update_reason,
                 "with --check: make the golden run anew, and say why");
  app.add_option("--junit", options.junit, "with --check: write JUnit XML to this file");
}

ScratchFolder::ScratchFolder() {
  std::error_code code;
  fs::path base = fs::temp_directory_path(code);
  if (code) base = "/tmp";
  std::string name = (base / "omr-check-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorKind::io, "cannot create a folder in " + base.string() + ": " +
                                   std::strerror(errno) + "; --out DIR names another place");
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path_, ignored);
}

session::Settings checked_settings(const session::Dialogue& dialogue, const PictureOptions& picture,
                                   const SessionOptions& session, const fs::path& model) {
  session::Settings out;
  session::override_with(out, dialogue.settings, dialogue.id + ": settings");
  override_with(out, session);
  out.prompt = dialogue.turns.at(0);
  if (picture.seed) out.seed = *picture.seed;
  if (picture.steps) out.steps = *picture.steps;
  if (picture.guidance_scale) out.guidance_scale = *picture.guidance_scale;
  if (picture.scheduler) out.scheduler = *picture.scheduler;
  if (!picture.negative_prompt.empty()) out.negative_prompt = picture.negative_prompt;
  if (!picture.size.empty()) std::tie(out.width, out.height) = parse_size(picture.size);
  if (!picture.init_image.empty()) out.init_image = picture.init_image;
  if (!picture.mask.empty()) out.mask = picture.mask;
  if (picture.strength) out.strength = picture.strength;
  if (picture.candidates) out.candidates = *picture.candidates;
  if (!picture.loras.empty()) {
    out.loras.clear();
    for (const std::string& text : picture.loras) out.loras.push_back(session::parse_lora(text));
  }
  for (session::LoraChoice& lora : out.loras) {
    const fs::path own = model / "lora" / fs::path(lora.file).filename();
    std::error_code code;
    if (!fs::exists(lora.file, code) && fs::exists(own, code)) lora.file = own.string();
  }
  return out;
}

replay::ComparedRun compared_run(const fs::path& folder, const replay::BatchSummary& summary,
                                 const replay::Environment& environment,
                                 const session::ModelIdentity& identity,
                                 const replay::Tokenize& tokenize, session::FileSystem& files) {
  replay::ComparedRun run{folder, environment, identity, {}, {}};
  for (const replay::DialogueResult& result : summary.results) {
    if (result.status == replay::DialogueStatus::failed) {
      run.failed[result.id] = result.error;
    } else {
      run.dialogues.push_back(
          replay::read_recorded(folder / result.id, result.id, files, tokenize));
    }
  }
  return run;
}

int report_comparison(const replay::Comparison& comparison, const replay::ComparedRun& run,
                      const CheckOptions& options, const OutputOptions& output,
                      session::FileSystem& files) {
  const std::size_t different = comparison.different();
  const fs::path page = run.folder / "report.html";
  files.write_atomically(page, replay::comparison_page(comparison, options.golden));
  if (!options.junit.empty()) files.write_atomically(options.junit, replay::junit_xml(comparison));
  for (const replay::DialogueComparison& dialogue : comparison.dialogues) {
    const std::size_t count = dialogue.differences.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i == kLinesPerDialogue && count > kLinesPerDialogue + 1) {
        log::error(dialogue.id + ": and " + std::to_string(count - i) + " more");
        break;
      }
      log::error(dialogue.id + ": " + dialogue.differences[i]);
    }
  }
  if (different > 0) {
    for (const std::string& note : comparison.inputs)
      log::warn("not as in the golden run: " + note);
  }
  const std::size_t total = comparison.dialogues.size();
  if (output.json) {
    print_event({{"event", "check"},
                 {"golden", options.golden},
                 {"exact", comparison.exact},
                 {"dialogues", total},
                 {"different", different},
                 {"report", page.string()}});
  } else if (different == 0) {
    print_line(std::to_string(total) + (total == 1 ? " dialogue" : " dialogues") +
               (comparison.exact ? " equal to the bit" : " equal within limits"));
  } else {
    print_line(std::to_string(different) + " of " + std::to_string(total) +
               " dialogues differ: " + printable_line(page.string()));
  }
  return different == 0 ? kExitDone : kExitDifference;
}

}  // namespace omr::cli
