#include "omr/cli/run.h"

#include <exception>
#include <new>

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/version.h"

namespace omr::cli {
namespace {

std::string first_line(std::string text) { return text.substr(0, text.find('\n')); }

}  // namespace

int run(int argc, char** argv) {
  install_interrupt_handlers();
  CLI::App app("Multi-round image refinement: say what you want, see it, say what is wrong.",
               "omr");
  app.set_version_flag("--version", kVersion);
  app.set_config("--config", "", "read options from a TOML file");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.require_subcommand(1);
  Command selected;
  for (const auto setup : {setup_refine, setup_generate, setup_replay, setup_rewrite, setup_score,
                           setup_inspect, setup_report, setup_train, setup_eval, setup_bench}) {
    setup(app, selected);
  }
  try {
    app.parse(argc, argv);
    return selected();
  } catch (const CLI::Success& request) {  // --help, --version
    app.exit(request);
    return kExitDone;
  } catch (const CLI::FileError& error) {
    log::error(error.what());
    return kExitFailed;
  } catch (const CLI::ParseError& error) {
    log::error(first_line(error.what()) + " (omr --help tells what there is)");
    return kExitUsage;
  } catch (const Error& error) {
    log::error(error.what());
    return exit_code_of(error.kind());
  } catch (const std::bad_alloc&) {
    log::error("out of memory");
    return kExitFailed;
  } catch (const c10::Error& error) {
    log::error(first_line(error.what_without_backtrace()));
    return kExitFailed;
  } catch (const std::exception& error) {
    log::error(error.what());
    return kExitFailed;
  }
}

}  // namespace omr::cli
