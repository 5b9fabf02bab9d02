#include "omr/session/language_model.h"

namespace omr::session {

std::optional<Refinement> LanguageModel::another(const std::string&, const std::string&, int,
                                                 const Cancellation&) {
  return std::nullopt;
}

}  // namespace omr::session
