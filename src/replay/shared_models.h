// Models that several dialogues ask by turns, answered together: texts and pictures to embed in one
// call, pictures to draw in one batch. The models run in the thread that serves.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/session/parts.h"

#include "replay/turns.h"

namespace omr::replay {

class SharedModels : private session::ImageModel,
                     private session::LanguageModel,
                     private session::RewardModel {
 public:
  // All are borrowed.
  SharedModels(const session::Parts& parts, Turns& turns, const Cancellation& cancellation)
      : parts_(parts), turns_(turns), cancellation_(cancellation) {}

  // The parts to give to a dialogue that runs as a piece of work of the turns.
  session::Parts parts();

  // Answers what all are waiting for; drawing is left to the last, so that the slower ones catch
  // up. What fails together is tried one by one, so that an error reaches whom it concerns.
  void serve();

 private:
  // Lives in the asking thread until it is answered.
  template <typename Asked, typename Answer>
  struct Question {
    Asked asked;
    std::optional<Answer> answer = std::nullopt;
    std::exception_ptr error = nullptr;
  };
  struct Drawing {
    const session::ImageRequest* request;
    const session::Progress* progress;
  };
  struct Done {};
  using Embeddings = std::vector<session::Embedding>;
  using Call = Question<std::function<void()>, Done>;
  using TextQuestion = Question<const std::vector<std::string>*, Embeddings>;
  using ImageQuestion = Question<const std::vector<Image>*, Embeddings>;
  using DrawingQuestion = Question<Drawing, std::vector<session::Candidate>>;

  template <typename Asked, typename Answer>
  Answer ask(std::vector<Question<Asked, Answer>*>& waiting, const Asked& asked);
  void call(const std::function<void()>& work);
  std::vector<std::vector<session::Candidate>> draw(const std::vector<DrawingQuestion*>& asked);

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override;
  void check_lora(const session::LoraChoice& lora) override;
  session::Refinement refine(const std::string& prompt, const std::string& feedback,
                             const Cancellation& cancellation) override;
  bool one_wish_at_a_time() const override;
  std::optional<session::Refinement> another(const std::string& prompt, const std::string& feedback,
                                             int number, const Cancellation& cancellation) override;
  Embeddings embed_text(const std::vector<std::string>& texts) override;
  Embeddings embed_images(const std::vector<Image>& images) override;
  std::vector<double> preferences(const std::string& prompt,
                                  const std::vector<Image>& images) override;
  double logit_scale() const override { return parts_.reward_model->logit_scale(); }

  session::Parts parts_;
  Turns& turns_;
  const Cancellation& cancellation_;
  std::vector<Call*> calls_;
  std::vector<TextQuestion*> texts_;
  std::vector<ImageQuestion*> images_;
  std::vector<DrawingQuestion*> drawings_;
};

}  // namespace omr::replay
