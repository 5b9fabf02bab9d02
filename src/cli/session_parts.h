// The models of a session or a replay, opened together.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "omr/session/parts.h"
#include "omr/session/session.h"

#include "cli/disk.h"
#include "cli/models.h"
#include "cli/session_models.h"

namespace omr::cli {

// How the rounds of a session go, beside models and pictures.
struct SessionOptions {
  std::optional<std::string> reward_schedule;
  bool no_phrase_weights = false;
  bool no_reward = false;   // the first candidate is picked
  bool no_refiner = false;  // feedback is joined to the prompt
  bool no_metadata = false;
  std::optional<int> readings;
  std::optional<std::string> keep;
  std::optional<double> round_seconds;
  std::string user;
};

// What every command that holds sessions is given.
struct SessionCommandOptions {
  ModelOptions model;
  PictureOptions picture;
  SessionOptions session;
  OutputOptions output;
};

void add_session_command_options(CLI::App& app, SessionCommandOptions& options);

// Sets what was given on the command line.
void override_with(session::Settings& settings, const SessionOptions& options);

class SessionParts {
 public:
  SessionParts(const ModelOptions& model, const SessionOptions& options);
  SessionParts(const SessionParts&) = delete;
  SessionParts& operator=(const SessionParts&) = delete;

  // The pack's and the command line's settings; the prompt is still to be set.
  session::Settings settings(const PictureOptions& picture) const;
  // What settings.init_image and settings.mask are to the model, and the picture's size in
  // settings; nullopt without one. With a mask all of the schedule runs where no strength was
  // given.
  std::optional<session::InitialPicture> initial_picture(session::Settings& settings);
  // Opens an adapter for a look; says how much of it fits.
  std::string check_lora(const session::LoraChoice& lora);

  session::Parts parts(session::FileSystem& files, session::Clock& clock);
  // Hashes of all weights and of the files that say how they are used: the model's parts and the
  // adapters of these settings.
  session::ModelIdentity identity(const std::vector<session::Settings>& settings = {}) const;
  // Options of the models that show in the pictures, as they came out.
  std::map<std::string, std::string> execution() const;
  // Of a prompt as the text encoder takes it, weight syntax left out: bos, tokens, eos, padding.
  std::vector<std::int64_t> token_ids(const std::string& prompt) const;

 private:
  ModelOptions model_;
  SessionOptions options_;
  pipeline::ModelFolder folder_;
  pipeline::StableDiffusionPipeline pipeline_;
  std::shared_ptr<nn::ModelOffload> offload_;  // null without --offload
  std::optional<llm::Refiner> refiner_;
  std::optional<reward::RewardModel> reward_;
  PipelineImageModel image_model_;
  std::optional<RefinerLanguageModel> language_model_;
  std::optional<ClipRewardModel> reward_model_;
  FileCodec codec_;
};

}  // namespace omr::cli
