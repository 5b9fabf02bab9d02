// The models behind the interfaces that sessions own.
#pragma once

#include <string>
#include <vector>

#include "omr/llm/refiner.h"
#include "omr/nn/model_offload.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"
#include "omr/reward/reward_model.h"
#include "omr/session/image_model.h"
#include "omr/session/language_model.h"
#include "omr/session/reward_model.h"

namespace omr::cli {

class PipelineImageModel : public session::ImageModel {
 public:
  explicit PipelineImageModel(pipeline::StableDiffusionPipeline& pipeline) : pipeline_(pipeline) {}
  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override;
  // Requests with the same adapters go to the pipeline in one call.
  std::vector<std::vector<session::Candidate>> generate_together(
      const std::vector<session::ImageRequest>& requests, const session::Progress& progress,
      const Cancellation& cancellation) override;
  void check_lora(const session::LoraChoice& lora) override;

 private:
  pipeline::StableDiffusionPipeline& pipeline_;
};

class RefinerLanguageModel : public session::LanguageModel {
 public:
  // `offload` may be null; it knows the refiner as "refiner".
  RefinerLanguageModel(llm::Refiner& refiner, nn::ModelOffload* offload)
      : refiner_(refiner), offload_(offload) {}
  session::Refinement refine(const std::string& prompt, const std::string& feedback,
                             const Cancellation& cancellation) override;
  bool one_wish_at_a_time() const override { return refiner_.prompt_template().one_wish_at_a_time; }
  std::optional<session::Refinement> another(const std::string& prompt, const std::string& feedback,
                                             int number, const Cancellation& cancellation) override;

 private:
  session::Refinement answer(const std::string& prompt, const std::string& feedback, int number,
                             const Cancellation& cancellation);

  llm::Refiner& refiner_;
  nn::ModelOffload* offload_;
};

class ClipRewardModel : public session::RewardModel {
 public:
  // `offload` may be null; it knows the reward model as "reward".
  ClipRewardModel(reward::RewardModel& model, nn::ModelOffload* offload)
      : model_(model), offload_(offload) {}
  std::vector<session::Embedding> embed_text(const std::vector<std::string>& texts) override;
  std::vector<session::Embedding> embed_images(const std::vector<Image>& images) override;
  std::vector<double> preferences(const std::string& prompt,
                                  const std::vector<Image>& images) override;
  double logit_scale() const override { return model_.logit_scale(); }

 private:
  // What `work` computes with the model on its device; Error(resource) when memory runs out.
  template <typename Work>
  auto with_model(const Work& work) -> decltype(work());

  reward::RewardModel& model_;
  nn::ModelOffload* offload_;
};

// Between libtorch's tensors and a session's plain latents.
Latents to_latents(const at::Tensor& tensor);
at::Tensor to_tensor(const Latents& latents);

}  // namespace omr::cli
