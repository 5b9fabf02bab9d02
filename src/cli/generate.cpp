// omr generate PROMPT…: one picture or a batch, no dialogue.
#include <cstdio>
#include <filesystem>
#include <memory>

#include <unistd.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/io/atomic_file.h"
#include "omr/io/json_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/png.h"
#include "omr/session/parameters_text.h"
#include "omr/session/paths.h"

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct GenerateOptions {
  ModelOptions model;
  PictureOptions picture;
  OutputOptions output;
  std::vector<std::string> prompts;
  std::string prompts_file;
  int batch = 1;
  std::string out;
  bool no_metadata = false;
};

struct Job {
  std::string prompt;
  std::uint64_t seed;
  fs::path path;
};

std::vector<std::string> read_prompts(const std::string& file) {
  std::vector<std::string> prompts;
  const std::string text = io::read_text(file);
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) prompts.push_back(line);
    begin = end + 1;
  }
  if (prompts.empty()) throw Error(ErrorKind::usage, file + " holds no prompt");
  return prompts;
}

// Finds out before any work whether pictures can be written where they are wanted.
void check_writable(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (!fs::is_directory(folder, code)) {
    throw Error(ErrorKind::io, "cannot create the folder " + folder.string() +
                                   (code ? ": " + code.message() : ""));
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::io,
                "cannot write into the folder " + folder.string() + ": permission denied");
  }
}

std::vector<Job> plan(const GenerateOptions& options, std::uint64_t seed) {
  std::vector<std::string> prompts = options.prompts;
  if (!options.prompts_file.empty()) {
    if (!prompts.empty()) throw Error(ErrorKind::usage, "give prompts or --prompts-file, not both");
    prompts = read_prompts(options.prompts_file);
  }
  if (prompts.empty()) throw Error(ErrorKind::usage, "omr generate needs a prompt");
  for (const std::string& prompt : prompts) check_text(prompt, "prompt");

  std::vector<Job> jobs;
  for (const std::string& prompt : prompts) {
    for (int i = 0; i < options.batch; ++i) jobs.push_back({prompt, seed + jobs.size(), {}});
  }
  const bool names_file = fs::path(options.out).extension() == ".png";
  if (names_file && jobs.size() > 1) {
    throw Error(ErrorKind::usage, "-o " + options.out + " names one file for " +
                                      std::to_string(jobs.size()) + " pictures: name a folder");
  }
  if (names_file) {
    const fs::path folder = fs::path(options.out).parent_path();
    check_writable(folder.empty() ? "." : folder);
    std::error_code code;
    if (fs::is_directory(options.out, code))
      throw Error(ErrorKind::io, "cannot write " + options.out + ": it is a folder");
    jobs[0].path = options.out;
    return jobs;
  }
  const fs::path folder = options.out.empty() ? "." : options.out;
  check_writable(folder);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%04zu.png", i + 1);
    jobs[i].path = folder / number;
    if (options.out.empty() && jobs.size() == 1) {
      jobs[i].path = "omr-" + std::to_string(jobs[i].seed) + ".png";
    }
  }
  return jobs;
}

std::string text_of(const Job& job, const session::Settings& settings, const Image& image,
                    const std::string& model) {
  session::PictureRecipe recipe;
  recipe.prompt = job.prompt;
  recipe.negative_prompt = settings.negative_prompt;
  recipe.steps = settings.steps;
  recipe.scheduler = settings.scheduler;
  recipe.guidance_scale = settings.guidance_scale;
  recipe.seed = job.seed;
  recipe.width = image.width;
  recipe.height = image.height;
  if (!settings.init_image.empty()) recipe.strength = settings.strength;
  recipe.loras = settings.loras;
  recipe.model = model;
  return session::parameters_text(recipe);
}

int run_generate(const GenerateOptions& options) {
  apply_verbosity(options.output);
  const bool seed_given = options.picture.seed.has_value();
  const pipeline::ModelFolder folder = open_folder(options.model);
  const std::vector<Job> jobs = plan(options, options.picture.seed.value_or(random_seed()));
  std::optional<Image> init, mask;
  if (!options.picture.init_image.empty())
    init = io::read_handed_picture(options.picture.init_image);
  if (!options.picture.mask.empty()) {
    if (!init)
      throw Error(ErrorKind::usage, "--mask needs the picture that it masks: give --init-image");
    mask = io::read_handed_picture(options.picture.mask);
  }

  pipeline::StableDiffusionPipeline pipeline = open_pipeline(folder, options.model);
  if (options.model.offload) {
    pipeline.set_offload(std::make_shared<nn::ModelOffload>(pipeline.execution().device));
  }
  const session::Settings settings = settings_of(options.picture, folder, pipeline);
  if (!settings.negative_prompt.empty()) check_text(settings.negative_prompt, "negative prompt");
  std::vector<pipeline::LoraSelection> loras;
  for (const session::LoraChoice& lora : settings.loras) loras.push_back({lora.file, lora.weight});
  const std::vector<nn::LoraReport> reports = pipeline.set_loras(loras);
  for (std::size_t i = 0; i < loras.size(); ++i) {
    const auto say = reports[i].skipped.empty() ? log::info : log::warn;
    say(lora_summary(loras[i], reports[i]));
  }

  pipeline::GenerationOptions request;
  request.negative_prompt = settings.negative_prompt;
  request.steps = settings.steps;
  request.guidance_scale = settings.guidance_scale;
  request.scheduler = schedulers::parse_scheduler_name(settings.scheduler);
  request.width = settings.width;
  request.height = settings.height;
  // diffusers' defaults for image to image and for inpainting
  const double usual_strength = mask ? 1.0 : 0.8;

  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    pipeline::Start start{job.seed, {}, 1.0, false};
    if (init) {
      start =
          pipeline.encode_start(*init, mask, job.seed, settings.strength.value_or(usual_strength),
                                settings.width, settings.height);
    }
    const std::string label =
        jobs.size() == 1 ? "drawing"
                         : "drawing " + std::to_string(i + 1) + "/" + std::to_string(jobs.size());
    ProgressBar bar(label, !options.output.quiet && !options.output.json);
    const auto pictures = pipeline.generate(
        {job.prompt, {}}, request, {start}, [&](int step, int steps) { bar.update(step, steps); },
        interruption());
    bar.clear();
    io::PngText text;
    if (!options.no_metadata) {
      text.emplace_back(session::kParametersKeyword,
                        text_of(job, settings, pictures[0].image, folder.root.filename().string()));
    }
    io::write_atomically(job.path, io::encode_png(pictures[0].image, text));
    if (options.output.json) {
      print_event({{"event", "image"},
                   {"path", job.path.string()},
                   {"prompt", job.prompt},
                   {"seed", job.seed}});
    } else {
      print_line(printable_line(job.path.string()));
      if (!seed_given) log::info("seed " + std::to_string(job.seed));
    }
  }
  return kExitDone;
}

}  // namespace

void setup_generate(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("generate", "one picture or a batch, no dialogue");
  auto options = std::make_shared<GenerateOptions>();
  command->add_option("prompts", options->prompts, "what to draw; several give several pictures");
  command->add_option("--prompts-file", options->prompts_file, "a file with a prompt a line");
  command->add_option("--batch", options->batch, "pictures per prompt, seeds counting up")
      ->check(CLI::Range(1, 10000));
  command->add_option("-o,--out", options->out, "FILE.png, or a folder for 0001.png, 0002.png, …");
  command->add_flag("--no-metadata", options->no_metadata, "leave the recipe out of the PNG");
  add_model_option(*command, options->model);
  add_execution_options(*command, options->model);
  add_memory_options(*command, options->model);
  add_picture_options(*command, options->picture);
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_generate(*options); }; });
}

}  // namespace omr::cli
