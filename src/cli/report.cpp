// omr report SESSION: a session as one self-contained HTML file.
#include <filesystem>
#include <memory>

#include "omr/core/exit_code.h"
#include "omr/core/utf8.h"
#include "omr/replay/session_page.h"
#include "omr/session/paths.h"

#include "cli/commands.h"
#include "cli/disk.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  OutputOptions output;
  std::string session;
  std::string out;
};

int run_report(const ReportOptions& options) {
  apply_verbosity(options.output);
  fs::path folder = options.session;
  if (folder.filename() == session::kJournalName) {
    folder = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  }
  DiskFileSystem files;
  const replay::SessionPage page = replay::session_page(folder, files);
  if (options.out == "-") {
    print_line(page.html);
    return kExitDone;
  }
  const fs::path path = options.out.empty() ? folder / "report.html" : fs::path(options.out);
  files.write_atomically(path, page.html);
  if (options.output.json) {
    print_event({{"event", "report"}, {"path", path.string()}, {"rounds", page.rounds}});
  } else {
    print_line(printable_line(path.string()));
  }
  return kExitDone;
}

}  // namespace

void setup_report(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("report", "the session as one self-contained HTML file");
  auto options = std::make_shared<ReportOptions>();
  command->add_option("session", options->session, "a session's folder")->required();
  command->add_option("-o,--out", options->out,
                      "FILE.html, or - for standard output (default: report.html in the folder)");
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_report(*options); }; });
}

}  // namespace omr::cli
