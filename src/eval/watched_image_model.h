// Remembers the pictures that a session was shown: the session itself keeps them on disk only.
#pragma once

#include <vector>

#include "omr/session/image_model.h"

namespace omr::eval {

class WatchedImageModel : public session::ImageModel {
 public:
  explicit WatchedImageModel(session::ImageModel& model) : model_(model) {}

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    std::vector<session::Candidate> candidates = model_.generate(request, progress, cancellation);
    images.clear();
    for (const session::Candidate& candidate : candidates) images.push_back(candidate.image);
    return candidates;
  }
  void check_lora(const session::LoraChoice& lora) override { model_.check_lora(lora); }

  std::vector<Image> images;  // of the last round

 private:
  session::ImageModel& model_;
};

}  // namespace omr::eval
