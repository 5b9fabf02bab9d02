#include "eval/skills.h"

#include <algorithm>

#include "omr/session/rewards.h"

namespace omr::eval {

Skill skill_of(const std::vector<double>& right, std::uint64_t seed) {
  return {static_cast<std::int64_t>(std::count(right.begin(), right.end(), 1.0)), std::ssize(right),
          bootstrap_interval(right, seed)};
}

session::ImageRequest request_for(const std::string& caption, const session::Settings& settings,
                                  std::uint64_t seed) {
  session::ImageRequest request;
  request.prompt = caption;
  request.negative_prompt = settings.negative_prompt;
  request.candidates = {{.seed = seed}};
  request.steps = settings.steps;
  request.guidance_scale = settings.guidance_scale;
  request.scheduler = settings.scheduler;
  request.width = settings.width;
  request.height = settings.height;
  request.loras = settings.loras;
  return request;
}

std::vector<double> scores(session::RewardModel& model, const std::string& caption,
                           const std::vector<Image>& images) {
  std::vector<double> out = model.preferences(caption, images);
  if (!out.empty()) return out;
  const session::Embedding text = model.embed_text({caption}).front();
  for (const session::Embedding& image : model.embed_images(images))
    out.push_back(session::cosine(text, image));
  return out;
}

}  // namespace omr::eval
