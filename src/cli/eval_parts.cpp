// omr eval parts: what each model of a pack can do by itself in the scenes world.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/eval/choice_skill.h"
#include "omr/eval/part_skills.h"
#include "omr/io/atomic_file.h"
#include "omr/io/png.h"
#include "omr/report/html.h"
#include "omr/report/html_page.h"

#include "cli/eval.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/pair_writer.h"
#include "cli/session_parts.h"
#include "cli/terminal.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownDrawings = 96;  // pictures on the page
constexpr int kSceneWidth = 128;            // pixels, for models that do not say theirs

struct EvalPartsOptions {
  ModelOptions model;
  PictureOptions picture;
  SessionOptions session;
  OutputOptions output;
  std::vector<std::string> parts;
  int captions = 500;
  int edits = 500;
  int pairs = 1000;
  int candidates = 8;
  double unsaid = 0;
  std::string out;

  bool names(const std::string& part) const {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  }
  bool wants(const std::string& part) const { return parts.empty() || names(part); }
  scenes::CaptionOptions caption_options() const { return {unsaid, 0, 0, unsaid}; }
};

nlohmann::ordered_json to_json(const eval::Skill& skill) {
  return {
      {"right", skill.right}, {"of", skill.of}, {"ci", {skill.interval.low, skill.interval.high}}};
}

nlohmann::ordered_json to_json(const eval::ValueShares& shares) {
  nlohmann::ordered_json out;
  for (const auto& [name, share] : shares) out[name] = share.value();
  return out;
}

std::string in_words(const eval::Skill& skill) {
  char text[96];
  std::snprintf(text, sizeof text, "%.1f %% (%.1f to %.1f) of %lld",
                100.0 * static_cast<double>(skill.right) / static_cast<double>(skill.of),
                100 * skill.interval.low, 100 * skill.interval.high,
                static_cast<long long>(skill.of));
  return text;
}

void write_drawings(const fs::path& folder, const eval::DrawingSkill& skill) {
  report::Html body =
      report::element("p", "What the judge read in each picture. Look whether you see the same.");
  for (std::size_t i = 0; i < std::min(kShownDrawings, skill.drawn.size()); ++i) {
    const eval::DrawnCaption& one = skill.drawn[i];
    report::Html caption = report::element("p", one.caption);
    caption += report::element("p", "read: " + one.read + " (" + std::to_string(one.right) + "/" +
                                        std::to_string(one.total) + ")");
    body += report::figure(io::encode_png(one.image), caption);
  }
  io::write_atomically(folder / "drawings.html", report::html_page("Captions, drawn", body));
}

void write_missed_edits(const fs::path& folder, const eval::RefiningSkill& skill) {
  std::string lines;
  for (const eval::MissedEdit& one : skill.missed) {
    lines += nlohmann::ordered_json{{"prompt", one.prompt},
                                    {"feedback", one.feedback},
                                    {"refined", one.wanted},
                                    {"answer", one.answer},
                                    {"read", one.read}}
                 .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
             "\n";
  }
  io::write_atomically(folder / "missed_edits.jsonl", lines);
}

// A part's measurement under a progress bar.
template <typename Measure>
auto measured(const EvalPartsOptions& options, const std::string& name, const Measure& measure) {
  ProgressBar bar(name, !options.output.quiet && !options.output.json);
  auto result = measure([&](int done, int of) { bar.update(done, of, name); });
  bar.clear();
  return result;
}

void eval_drawer(const EvalPartsOptions& options, session::ImageModel& model,
                 const session::Settings& settings, std::uint64_t seed) {
  const eval::DrawingSkill skill = measured(options, "drawer", [&](const auto& progress) {
    return eval::measure_drawing(model, settings, options.captions, seed, options.caption_options(),
                                 progress, interruption());
  });
  if (!options.out.empty()) write_drawings(options.out, skill);
  if (options.output.json) {
    print_event({{"event", "drawer"},
                 {"attributes", to_json(skill.attributes)},
                 {"pictures", to_json(skill.pictures)},
                 {"by_value", to_json(skill.by_value)}});
    return;
  }
  print_line("drawer: attributes right " + in_words(skill.attributes) +
             ", pictures without fault " + in_words(skill.pictures));
  print_line("  by kind: " + eval::in_words(eval::by_kind(skill.by_value)));
  print_line("  got right least: " + eval::weakest_in_words(skill.by_value));
}

void eval_refiner(const EvalPartsOptions& options, session::LanguageModel& model,
                  std::uint64_t seed) {
  const eval::RefiningSkill skill = measured(options, "refiner", [&](const auto& progress) {
    return eval::measure_refining(model,
                                  options.session.readings.value_or(session::Settings().readings),
                                  options.edits, seed, progress, interruption());
  });
  if (!options.out.empty()) write_missed_edits(options.out, skill);
  if (options.output.json) {
    print_event({{"event", "refiner"},
                 {"single_edits", to_json(skill.single_edits.answered)},
                 {"double_edits", to_json(skill.double_edits.answered)},
                 {"single_edits_read", to_json(skill.single_edits.read)},
                 {"double_edits_read", to_json(skill.double_edits.read)}});
    return;
  }
  print_line("refiner: one wish written exactly " + in_words(skill.single_edits.answered) +
             ", two at once " + in_words(skill.double_edits.answered));
  print_line("  as a session reads it: one wish " + in_words(skill.single_edits.read) +
             ", two at once " + in_words(skill.double_edits.read));
}

void eval_reward(const EvalPartsOptions& options, session::RewardModel& model, int width,
                 std::uint64_t seed) {
  const eval::JudgingSkill skill = measured(options, "reward", [&](const auto& progress) {
    return eval::measure_judging(model, width, options.pairs, seed, progress, interruption());
  });
  if (options.output.json) {
    print_event({{"event", "reward"},
                 {"pairs", to_json(skill.pairs)},
                 {"miscounts", to_json(skill.miscounts)},
                 {"by_kind", to_json(skill.by_kind)}});
    return;
  }
  print_line("reward: the right one of two pictures preferred " + in_words(skill.pairs) +
             ", against one object too many or too few " + in_words(skill.miscounts));
  print_line("  by what is wrong in the other: " + eval::in_words(skill.by_kind));
}

void eval_choice(const EvalPartsOptions& options, session::ImageModel& model,
                 session::RewardModel& reward_model, const session::Settings& settings,
                 std::uint64_t seed) {
  PairWriter pairs(options.out);
  const eval::ChoiceSkill skill = measured(options, "choice", [&](const auto& progress) {
    return eval::measure_choice(
        model, reward_model, settings, options.captions, options.candidates, seed,
        options.caption_options(), [&](const eval::JudgedCaption& judged) { pairs.add(judged); },
        progress, interruption());
  });
  pairs.finish();
  if (options.output.json) {
    print_event({{"event", "choice"},
                 {"candidates", options.candidates},
                 {"chosen", to_json(skill.chosen)},
                 {"any", to_json(skill.any)},
                 {"best", to_json(skill.best)}});
    return;
  }
  print_line("choice: of " + std::to_string(options.candidates) +
             " drawings the reward model's favourite is without fault " + in_words(skill.chosen));
  print_line("  any drawing " + in_words(skill.any) + ", at least one " + in_words(skill.best));
}

int run_eval_parts(const EvalPartsOptions& options) {
  apply_verbosity(options.output);
  SystemClock clock;
  DiskFileSystem files;
  if (!options.out.empty()) files.create_folder(options.out);
  SessionOptions session = options.session;
  session.no_refiner = !options.wants("refiner");
  session.no_reward = !options.wants("reward") && !options.names("choice");
  SessionParts session_parts(options.model, session);
  const session::Parts parts = session_parts.parts(files, clock);
  const session::Settings settings = session_parts.settings(options.picture);
  const std::uint64_t seed = options.picture.seed.value_or(0);

  if (options.wants("drawer")) eval_drawer(options, parts.image_model, settings, seed);
  if (parts.language_model != nullptr) eval_refiner(options, *parts.language_model, seed);
  if (parts.reward_model != nullptr && options.wants("reward")) {
    eval_reward(options, *parts.reward_model, settings.width > 0 ? settings.width : kSceneWidth,
                seed);
  }
  if (parts.reward_model != nullptr && options.names("choice"))
    eval_choice(options, parts.image_model, *parts.reward_model, settings, seed);
  return kExitDone;
}

}  // namespace

void setup_eval_parts(CLI::App& app, Command& selected) {
  auto* command =
      app.add_subcommand("parts", "what each model of a pack can do by itself in the scenes world");
  auto options = std::make_shared<EvalPartsOptions>();
  command
      ->add_option("parts", options->parts,
                   "drawer, refiner, reward (default: these, where there are such), choice")
      ->check(CLI::IsMember({"drawer", "refiner", "reward", "choice"}));
  command->add_option("--captions", options->captions, "captions to draw")
      ->check(CLI::Range(1, 1000000));
  command
      ->add_option("--unsaid", options->unsaid,
                   "share of places and backgrounds that captions leave unsaid, which may then be "
                   "drawn in any way")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--edits", options->edits, "edits to refine, of one wish and of two each")
      ->check(CLI::Range(1, 1000000));
  command
      ->add_option(
          "--pairs", options->pairs,
          "pairs of pictures to judge, of one wrong attribute and of one wrong object each")
      ->check(CLI::Range(1, 1000000));
  command
      ->add_option("--candidates", options->candidates,
                   "drawings of each caption that choice has to choose from")
      ->check(CLI::Range(2, 64))
      ->capture_default_str();
  command->add_option("--out", options->out,
                      "folder for drawings.html and missed_edits.jsonl, for a person to check, and "
                      "for pairs.jsonl with the pictures of choice, for omr train reward --data");
  add_model_option(*command, options->model);
  add_refiner_options(*command, options->model);
  add_reward_options(*command, options->model);
  add_execution_options(*command, options->model);
  add_picture_options(*command, options->picture);
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_eval_parts(*options); }; });
}

}  // namespace omr::cli
