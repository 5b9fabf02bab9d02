#include "omr/session/paths.h"

#include <gtest/gtest.h>

#include "omr/session/parameters_text.h"

namespace omr::session {
namespace {

TEST(PathsTest, NamesAreThoseOfTheDocumentation) {
  EXPECT_EQ(picked_image_name(1), "round-001.png");
  EXPECT_EQ(candidate_image_name(1, 2), "round-001-c2.png");
  EXPECT_EQ(latents_name(1234), "round-1234.safetensors");
  EXPECT_EQ(image_name(3, 2, 2), "round-003.png");
  EXPECT_EQ(image_name(3, 1, 2), "round-003-c1.png");
}

TEST(PathsTest, FolderNamesAreSafe) {
  EXPECT_EQ(session_folder_name("2026-01-31T12:00:05Z", "A small, red star!"),
            "20260131-120005-a-small-red-star");
  EXPECT_EQ(session_folder_name("2026-01-31T12:00:05Z", "../../日本"), "20260131-120005");
  EXPECT_LE(session_folder_name("2026-01-31T12:00:05Z", std::string(500, 'x')).size(), 60u);
}

TEST(ParametersTextTest, IsWhatTheWebUiWrites) {
  PictureRecipe recipe;
  recipe.prompt = "a red star";
  recipe.negative_prompt = "text";
  recipe.steps = 20;
  recipe.scheduler = "dpmpp_2m_karras";
  recipe.guidance_scale = 4.5;
  recipe.seed = 7;
  recipe.width = 64;
  recipe.height = 32;
  recipe.model = "/models/scenes";
  recipe.strength = 0.75;
  recipe.loras = {{"lora/outline.safetensors", 0.8}};
  EXPECT_EQ(
      parameters_text(recipe),
      "a red star\nNegative prompt: text\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 4.5, "
      "Seed: 7, Size: 64x32, Model: scenes, Denoising strength: 0.75, Lora: \"outline:0.8\", "
      "Version: omr");
}

}  // namespace
}  // namespace omr::session
