// omr eval rounds: how many rounds a simulated user needs, with the loop and without its parts.
#include <filesystem>
#include <memory>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/eval/recorded_experiment.h"
#include "omr/eval/rounds_report.h"
#include "omr/eval/scene_drawer.h"
#include "omr/io/atomic_file.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/reward/lpips.h"

#include "cli/eval.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/session_parts.h"
#include "cli/terminal.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kCandidates = 4;
constexpr int kPerfectWidth = 96;  // pixels: the judge is right on all but a few scenes

struct EvalRoundsOptions : SessionCommandOptions {
  eval::RoundsExperiment experiment;
  std::vector<std::string> arms;
  std::string drawer = "model";
  std::string recorded;
  std::string lpips;
  std::string out;
};

// The scenes experiment measures the loop, whose user is simulated from `seed`.
eval::RoundsExperiment experiment_of(const EvalRoundsOptions& options, const SessionParts& parts) {
  eval::RoundsExperiment experiment = options.experiment;
  PictureOptions picture = options.picture;
  picture.seed = 0;  // each dialogue has its own
  if (!picture.candidates) picture.candidates = kCandidates;
  experiment.settings = parts.settings(picture);
  experiment.seed = options.picture.seed.value_or(0);
  experiment.arms = eval::choose_arms(options.arms);
  return experiment;
}

eval::PictureDistance lpips_distance(const std::string& file, c10::Device device) {
  nn::ExecutionOptions execution;
  execution.device = device;
  return [lpips = reward::load_lpips(file, execution), device](const Image& a,
                                                               const Image& b) mutable {
    const at::NoGradGuard no_grad;
    return lpips(pipeline::to_pixels(a).to(device), pipeline::to_pixels(b).to(device))
        .item<double>();
  };
}

void write_results(const fs::path& folder, const eval::RoundsExperiment& experiment,
                   const std::vector<eval::DrawerResults>& drawers) {
  std::string dialogues, summaries;
  for (const eval::DrawerResults& drawer : drawers) {
    for (const eval::ArmResult& result : drawer.results) {
      for (const eval::DialogueTrace& dialogue : result.dialogues) {
        auto line = eval::to_json(result.arm, dialogue);
        line["drawer"] = drawer.drawer;
        dialogues += line.dump() + "\n";
      }
    }
    summaries += eval::summary_event(drawer.drawer, drawer.results).dump() + "\n";
  }
  io::write_atomically(folder / "dialogues.jsonl", dialogues);
  io::write_atomically(folder / "summary.jsonl", summaries);
  io::write_atomically(folder / "report.html", eval::html_report(experiment, drawers));
}

// Of recorded dialogues there is no user to simulate: all arms but those that need one.
int run_recorded(const EvalRoundsOptions& options, SessionParts& session_parts,
                 DiskFileSystem& files, SystemClock& clock) {
  eval::RoundsExperiment experiment = experiment_of(options, session_parts);
  if (options.arms.empty()) {
    std::erase_if(experiment.arms,
                  [](const eval::Arm& arm) { return arm.perfect_listener || arm.user_picks; });
  }
  const auto targets = eval::read_recorded_targets(
      files.read(options.recorded, session::kMaxJournalBytes), options.recorded);
  const session::Parts parts = session_parts.parts(files, clock);
  const eval::Models models{parts.image_model, parts.language_model, parts.reward_model, clock};
  ProgressBar bar("recorded", !options.output.quiet && !options.output.json);
  const auto results = eval::run_recorded_experiment(
      targets, experiment.arms, experiment.settings, experiment.seed, models,
      [&](int done, int of, const eval::Arm& arm) { bar.update(done, of, arm.name); },
      interruption());
  bar.clear();
  if (options.output.json) {
    print_event(eval::summary_event(results));
  } else {
    print_line(eval::text_table(results));
  }
  if (!options.out.empty()) {
    io::write_atomically(fs::path(options.out) / "summary.jsonl",
                         eval::summary_event(results).dump() + "\n");
    io::write_atomically(fs::path(options.out) / "report.html", eval::html_report(results));
  }
  return kExitDone;
}

int run_eval_rounds(const EvalRoundsOptions& options) {
  apply_verbosity(options.output);
  if (options.drawer != "model" && options.drawer != "perfect" && options.drawer != "both") {
    throw Error(ErrorKind::usage,
                "--drawer " + options.drawer + ": expected model, perfect or both");
  }
  if (!options.lpips.empty() && !options.recorded.empty()) {
    throw Error(ErrorKind::usage,
                "--lpips measures outside the boxes that the pixel judge sees, and --recorded goes "
                "without that judge: give one of them");
  }
  SystemClock clock;
  DiskFileSystem files;
  if (!options.out.empty()) files.create_folder(options.out);
  SessionParts session_parts(options.model, options.session);
  if (!options.recorded.empty()) return run_recorded(options, session_parts, files, clock);
  const eval::RoundsExperiment experiment = experiment_of(options, session_parts);
  const session::Parts parts = session_parts.parts(files, clock);
  eval::SceneDrawer perfect(kPerfectWidth);
  eval::PictureDistance distance;
  if (!options.lpips.empty())
    distance = lpips_distance(options.lpips, execution_of(options.model).device);

  std::vector<eval::DrawerResults> drawers;
  for (const std::string drawer : {"model", "perfect"}) {
    if (options.drawer != "both" && options.drawer != drawer) continue;
    session::ImageModel& image_model =
        drawer == "model" ? parts.image_model : static_cast<session::ImageModel&>(perfect);
    const eval::Models models{image_model, parts.language_model, parts.reward_model, clock,
                              distance};
    ProgressBar bar(drawer, !options.output.quiet && !options.output.json);
    drawers.push_back({drawer, eval::run_rounds_experiment(
                                   experiment, models,
                                   [&](int done, int of, const eval::Arm& arm) {
                                     bar.update(done, of, arm.name);
                                   },
                                   interruption())});
    bar.clear();
    if (options.output.json) {
      print_event(eval::summary_event(drawer, drawers.back().results));
    } else {
      print_line("drawer: " + drawer);
      print_line(eval::text_table(drawers.back().results));
      print_line(eval::weakest_line(drawers.back().results.front()));
    }
  }
  if (!options.out.empty()) write_results(options.out, experiment, drawers);
  return kExitDone;
}

}  // namespace

void setup_eval_rounds(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand(
      "rounds", "rounds until a simulated user has the picture they want, arm by arm");
  auto options = std::make_shared<EvalRoundsOptions>();
  eval::RoundsExperiment& experiment = options->experiment;
  command->add_option("--targets", experiment.targets, "users to simulate")
      ->check(CLI::Range(1, 1000000));
  command
      ->add_option("--arms", options->arms,
                   "some arms only (default: all), the first is compared with")
      ->delimiter(',');
  command->add_option("--drawer", options->drawer,
                      "model, perfect (draws what the prompt says), or both");
  command->add_option("--min-objects", experiment.user.target.min_objects, "of a target, at least")
      ->check(CLI::Range(1, 3));
  command->add_option("--max-objects", experiment.user.target.max_objects, "of a target, at most")
      ->check(CLI::Range(1, 3));
  command->add_option("--max-rounds", experiment.user.max_rounds, "after which the user gives up")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--wrong", experiment.user.wrong,
                   "share of feedback that asks for what is not wanted")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--change-of-mind", experiment.user.change_of_mind,
                   "share of users who come to want something else")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option(
      "--recorded", options->recorded,
      "recorded dialogues, a JSON line each with a \"target\" in words, in the place "
      "of simulated users: the reward model judges");
  command->add_flag("--restless", experiment.user.restless,
                    "users who want something else whenever all is right, until --max-rounds");
  command->add_option("--lpips", options->lpips,
                      "weights of LPIPS (VGG16), a .safetensors file: how far pictures change "
                      "outside what was to change is measured by it too");
  command->add_option("--out", options->out,
                      "folder for dialogues.jsonl, summary.jsonl and report.html");
  add_session_command_options(*command, *options);
  command->callback(
      [options, &selected] { selected = [options] { return run_eval_rounds(*options); }; });
}

}  // namespace omr::cli
