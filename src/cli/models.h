// Opens the models that a command line asks for: the only place where parts are put together.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "omr/llm/refiner.h"
#include "omr/pipeline/model_folder.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"
#include "omr/reward/reward_model.h"
#include "omr/session/settings.h"

#include "cli/options.h"

namespace omr::cli {

// The embedded pack: $OMR_MODELS/scenes, models/scenes above the program, or where it was
// installed. Throws Error(io) when it is nowhere.
std::filesystem::path embedded_pack();

std::filesystem::path model_path(const ModelOptions& options);
nn::ExecutionOptions execution_of(const ModelOptions& options);  // sets the number of threads too

pipeline::ModelFolder open_folder(const ModelOptions& options);
pipeline::StableDiffusionPipeline open_pipeline(const pipeline::ModelFolder& folder,
                                                const ModelOptions& options);

// The folder that holds the refiner or reward model; nullopt when none was given and the model has
// none. Throws Error(io) when the one given is missing.
std::optional<std::filesystem::path> refiner_folder(const ModelOptions& options);
std::optional<std::filesystem::path> reward_folder(const ModelOptions& options);
llm::Refiner open_refiner(const std::filesystem::path& folder, const ModelOptions& options);
reward::RewardModel open_reward(const std::filesystem::path& folder, const ModelOptions& options);

// Request settings: the command line, then the pack, then the program's defaults. LoRA files of the
// pack hold unless the command line names some.
session::Settings settings_of(const PictureOptions& picture, const pipeline::ModelFolder& folder,
                              const pipeline::StableDiffusionPipeline& pipeline);

// "39 of 40 tensors applied" and the like, for each adapter.
std::string lora_summary(const pipeline::LoraSelection& lora, const nn::LoraReport& report);

}  // namespace omr::cli
