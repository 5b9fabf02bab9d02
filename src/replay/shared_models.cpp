#include "replay/shared_models.h"

#include <iterator>
#include <utility>

#include "omr/core/error.h"

namespace omr::replay {
namespace {

bool is_cancelled(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return known.kind() == ErrorKind::cancelled;
  } catch (...) {
    return false;
  }
}

// `together` gives an answer to each question of a list, or throws.
template <typename Question, typename Together>
void answer(std::vector<Question*>& waiting, const Together& together) {
  const std::vector<Question*> asked = std::exchange(waiting, {});
  if (asked.empty()) return;
  std::exception_ptr error;
  try {
    auto answers = together(asked);
    for (std::size_t i = 0; i < asked.size(); ++i) asked[i]->answer = std::move(answers.at(i));
    return;
  } catch (...) {
    error = std::current_exception();
  }
  const bool shared = asked.size() == 1 || is_cancelled(error);
  for (Question* one : asked) {
    std::vector<Question*> alone = {one};
    if (shared) {
      one->error = error;
    } else {
      answer(alone, together);
    }
  }
}

// One call for the items of all lists; gives each list its share.
template <typename Question, typename Embed>
auto embed_lists(const std::vector<Question*>& asked, const Embed& embed) {
  auto all = *asked.front()->asked;
  for (std::size_t i = 1; i < asked.size(); ++i) {
    all.insert(all.end(), asked[i]->asked->begin(), asked[i]->asked->end());
  }
  auto embedded = embed(all);
  if (embedded.size() != all.size()) {
    throw Error(ErrorKind::mismatch, "the reward model gave " + std::to_string(embedded.size()) +
                                         " embeddings for " + std::to_string(all.size()) +
                                         " texts or pictures");
  }
  std::vector<decltype(embedded)> out;
  auto next = std::make_move_iterator(embedded.begin());
  for (const Question* one : asked) {
    const auto end = next + static_cast<std::ptrdiff_t>(one->asked->size());
    out.emplace_back(next, end);
    next = end;
  }
  return out;
}

}  // namespace

session::Parts SharedModels::parts() {
  session::Parts shared{*this,        nullptr,      nullptr,    parts_.codec,
                        parts_.files, parts_.clock, parts_.user};
  shared.user = parts_.user;
  if (parts_.language_model != nullptr) shared.language_model = this;
  if (parts_.reward_model != nullptr) shared.reward_model = this;
  return shared;
}

void SharedModels::serve() {
  if (calls_.empty() && texts_.empty() && images_.empty()) {
    answer(drawings_, [&](const std::vector<DrawingQuestion*>& asked) { return draw(asked); });
    return;
  }
  for (Call* one : std::exchange(calls_, {})) {
    std::vector<Call*> alone = {one};
    answer(alone, [](const std::vector<Call*>& asked) {
      asked.front()->asked();
      return std::vector<Done>(1);
    });
  }
  answer(texts_, [&](const std::vector<TextQuestion*>& asked) {
    return embed_lists(asked,
                       [&](const auto& all) { return parts_.reward_model->embed_text(all); });
  });
  answer(images_, [&](const std::vector<ImageQuestion*>& asked) {
    return embed_lists(asked,
                       [&](const auto& all) { return parts_.reward_model->embed_images(all); });
  });
}

std::vector<std::vector<session::Candidate>> SharedModels::draw(
    const std::vector<DrawingQuestion*>& asked) {
  std::vector<session::ImageRequest> requests;
  for (const DrawingQuestion* one : asked) requests.push_back(*one->asked.request);
  const session::Progress progress = [&](int step, int steps) {
    for (const DrawingQuestion* one : asked) {
      if (*one->asked.progress) (*one->asked.progress)(step, steps);
    }
  };
  return parts_.image_model.generate_together(requests, progress, cancellation_);
}

template <typename Asked, typename Answer>
Answer SharedModels::ask(std::vector<Question<Asked, Answer>*>& waiting, const Asked& asked) {
  Question<Asked, Answer> question{asked};
  waiting.push_back(&question);
  while (!question.answer && !question.error) turns_.wait();
  if (question.error) std::rethrow_exception(question.error);
  return *std::move(question.answer);
}

void SharedModels::call(const std::function<void()>& work) { ask(calls_, work); }

std::vector<session::Candidate> SharedModels::generate(const session::ImageRequest& request,
                                                       const session::Progress& progress,
                                                       const Cancellation&) {
  return ask(drawings_, Drawing{&request, &progress});
}

void SharedModels::check_lora(const session::LoraChoice& lora) {
  call([&] { parts_.image_model.check_lora(lora); });
}

session::Refinement SharedModels::refine(const std::string& prompt, const std::string& feedback,
                                         const Cancellation& cancellation) {
  session::Refinement out;
  call([&] { out = parts_.language_model->refine(prompt, feedback, cancellation); });
  return out;
}

bool SharedModels::one_wish_at_a_time() const {
  return parts_.language_model->one_wish_at_a_time();
}

std::optional<session::Refinement> SharedModels::another(const std::string& prompt,
                                                         const std::string& feedback, int number,
                                                         const Cancellation& cancellation) {
  std::optional<session::Refinement> out;
  call([&] { out = parts_.language_model->another(prompt, feedback, number, cancellation); });
  return out;
}

std::vector<session::Embedding> SharedModels::embed_text(const std::vector<std::string>& texts) {
  return ask(texts_, &texts);
}

std::vector<session::Embedding> SharedModels::embed_images(const std::vector<Image>& images) {
  return ask(images_, &images);
}

std::vector<double> SharedModels::preferences(const std::string& prompt,
                                              const std::vector<Image>& images) {
  std::vector<double> out;
  call([&] { out = parts_.reward_model->preferences(prompt, images); });
  return out;
}

}  // namespace omr::replay
