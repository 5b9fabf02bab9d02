// omr eval judge: what the pixel judge reads in pictures, and how often it is right.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/utf8.h"
#include "omr/io/atomic_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/png.h"
#include "omr/report/html.h"
#include "omr/report/html_page.h"
#include "omr/scenes/captions.h"
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
  std::string out;
};

constexpr std::size_t kShown = 48;  // pictures of drawn scenes on the page

// A picture with what the judge read, for a person to check. The doubtful ones come first.
struct Shown {
  Image image;
  std::string title;
  std::string verdict;
  bool wrong = false;
};

void write_page(const std::string& folder, std::vector<Shown> shown) {
  if (folder.empty()) return;
  std::stable_sort(shown.begin(), shown.end(),
                   [](const Shown& a, const Shown& b) { return a.wrong > b.wrong; });
  report::Html body =
      report::element("p", "What the judge read in each picture. Look whether you see the same.");
  for (const Shown& one : shown) {
    report::Html caption = report::element("p", one.title);
    caption += report::element("p", (one.wrong ? "read otherwise: " : "read: ") + one.verdict);
    body += report::figure(io::encode_png(one.image), caption);
  }
  std::filesystem::create_directories(folder);
  io::write_atomically(std::filesystem::path(folder) / "judge.html",
                       report::html_page("The judge's verdicts", body));
}

void judge_files(const JudgeOptions& options) {
  std::vector<Shown> shown;
  for (const std::string& path : options.images) {
    const Image image = io::read_handed_picture(path);
    const std::string words = scenes::in_words(scenes::judge(image));
    shown.push_back({image, printable_line(path), words});
    if (options.output.json) {
      print_event({{"event", "verdict"}, {"image", path}, {"text", words}});
    } else {
      print_line(printable_line(path) + "  " + words);
    }
  }
  write_page(options.out, std::move(shown));
}

void judge_drawn_scenes(const JudgeOptions& options) {
  int wholly_right = 0;
  std::int64_t right = 0, of = 0;
  std::vector<Shown> shown;
  for (int i = 0; i < options.count; ++i) {
    interruption().check();
    scenes::Random random(options.seed, static_cast<std::uint64_t>(i));
    const scenes::Scene scene = scenes::sample_scene(random);
    const Image image = scenes::draw_scene(scene, options.size);
    const scenes::Verdict verdict = scenes::judge(image);
    const scenes::Comparison comparison = scenes::compare(scene, verdict);
    const bool wrong = !comparison.all_right();
    if (!options.out.empty() && (wrong || shown.size() < kShown)) {
      shown.push_back({image, scenes::caption(scene), scenes::in_words(verdict), wrong});
    }
    wholly_right += comparison.all_right() ? 1 : 0;
    right += comparison.right();
    of += comparison.total();
  }
  write_page(options.out, std::move(shown));
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
  command->add_option(
      "--out", options->out,
      "folder for judge.html: the pictures with their verdicts, for a person to check");
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
