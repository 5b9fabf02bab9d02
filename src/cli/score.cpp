// omr score IMAGE… --prompt TEXT: how well pictures show a prompt, by the reward model.
#include <cstdio>
#include <memory>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/io/picture_file.h"

#include "cli/commands.h"
#include "cli/models.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

struct ScoreOptions {
  ModelOptions model;
  OutputOptions output;
  std::vector<std::string> images;
  std::vector<std::string> prompts;
};

int run_score(const ScoreOptions& options) {
  apply_verbosity(options.output);
  for (const std::string& prompt : options.prompts) check_text(prompt, "prompt");
  const auto folder = reward_folder(options.model);
  if (!folder) throw Error(ErrorKind::io, "the model folder has no reward/: give --reward DIR");
  std::vector<Image> images;
  for (const std::string& path : options.images) images.push_back(io::read_handed_picture(path));
  reward::RewardModel model = open_reward(*folder, options.model);
  if (const auto& report = model.adapter_report()) {
    log::debug("adapter: " + std::to_string(report->applied) + " of " +
               std::to_string(report->total) + " tensors applied");
  }
  const at::Tensor texts = model.embed_text(options.prompts);
  const at::Tensor pictures = model.embed_images(images);
  const at::Tensor cosines = texts.mm(pictures.t());
  const at::Tensor scores = model.scores_embeddings() ? model.scores(texts, pictures)
                                                      : model.preferences(options.prompts, images);
  if (!at::isfinite(scores).all().item<bool>()) {
    throw Error(ErrorKind::resource, "the reward model's scores are no numbers (NaN): check " +
                                         folder->string() + ", or run with --dtype fp32");
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    for (std::size_t p = 0; p < options.prompts.size(); ++p) {
      const auto row = static_cast<std::int64_t>(p), column = static_cast<std::int64_t>(i);
      const double cosine = cosines[row][column].item<double>();
      const double score = scores[row][column].item<double>();
      if (options.output.json) {
        print_event({{"event", "score"},
                     {"image", options.images[i]},
                     {"prompt", options.prompts[p]},
                     {"score", score},
                     {"cosine", cosine}});
      } else {
        char line[64];
        std::snprintf(line, sizeof line, "%8.4f  %7.4f  ", score, cosine);
        print_line(line + printable_line(options.images[i]) +
                   (options.prompts.size() > 1 ? "  " + printable_line(options.prompts[p]) : ""));
      }
    }
  }
  return kExitDone;
}

}  // namespace

void setup_score(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("score", "reward scores of pictures: score, cosine, file");
  auto options = std::make_shared<ScoreOptions>();
  command->add_option("images", options->images, "PNG files")->required();
  command->add_option("--prompt", options->prompts, "what they should show, repeatable")
      ->required()
      ->allow_extra_args(false);
  add_model_option(*command, options->model);
  add_reward_options(*command, options->model);
  add_execution_options(*command, options->model);
  add_output_options(*command, options->output);
  command->callback([options, &selected] { selected = [options] { return run_score(*options); }; });
}

}  // namespace omr::cli
