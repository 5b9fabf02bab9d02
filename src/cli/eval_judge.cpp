// omr eval judge: what the pixel judge reads in pictures, and how often it is right.
#include <cstdio>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/utf8.h"
#include "omr/io/picture_file.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/judge.h"
#include "omr/scenes/sampling.h"

#include "cli/eval.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

struct JudgeOptions {
  OutputOptions output;
  std::vector<std::string> images;
  int count = 2000;
  int size = 128;
  std::uint64_t seed = 0;
};

void judge_files(const JudgeOptions& options) {
  for (const std::string& path : options.images) {
    const std::string words = scenes::in_words(scenes::judge(io::read_picture(path)));
    if (options.output.json) {
      print_event({{"event", "verdict"}, {"image", path}, {"text", words}});
    } else {
      print_line(printable(path) + "  " + words);
    }
  }
}

void judge_drawn_scenes(const JudgeOptions& options) {
  int wholly_right = 0;
  std::int64_t right = 0, of = 0;
  for (int i = 0; i < options.count; ++i) {
    interruption().check();
    scenes::Random random(options.seed, static_cast<std::uint64_t>(i));
    const scenes::Scene scene = scenes::sample_scene(random);
    const scenes::Comparison comparison =
        scenes::compare(scene, scenes::judge(scenes::draw_scene(scene, options.size)));
    wholly_right += comparison.all_right() ? 1 : 0;
    right += comparison.right();
    of += comparison.total();
  }
  const double scenes_right = static_cast<double>(wholly_right) / options.count;
  const double attributes_right = static_cast<double>(right) / static_cast<double>(of);
  if (options.output.json) {
    print_event({{"event", "judge"},
                 {"scenes", options.count},
                 {"size", options.size},
                 {"scenes_right", scenes_right},
                 {"attributes_right", attributes_right}});
    return;
  }
  char line[160];
  std::snprintf(line, sizeof line,
                "%d drawn scenes of %d pixels: %.2f %% read without a fault, %.3f %% of the "
                "attributes right",
                options.count, options.size, 100 * scenes_right, 100 * attributes_right);
  print_line(line);
}

}  // namespace

void setup_eval_judge(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand(
      "judge",
      "what the judge of the scenes world reads in pictures; without any, how often it "
      "reads drawn scenes right");
  auto options = std::make_shared<JudgeOptions>();
  command->add_option("images", options->images, "PNG or JPEG files");
  command->add_option("--count", options->count, "scenes to draw")->check(CLI::Range(1, 10000000));
  command->add_option("--size", options->size, "their pixels a side")->check(CLI::Range(16, 4096));
  command->add_option("--seed", options->seed, "of the scenes");
  add_output_options(*command, options->output);
  command->callback([options, &selected] {
    selected = [options] {
      apply_verbosity(options->output);
      if (options->images.empty()) {
        judge_drawn_scenes(*options);
      } else {
        judge_files(*options);
      }
      return kExitDone;
    };
  });
}

}  // namespace omr::cli
