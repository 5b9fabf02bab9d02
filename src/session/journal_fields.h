// The JSON forms that several records and the settings share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "omr/session/image_model.h"
#include "omr/session/rewards.h"
#include "omr/session/strict_json.h"

namespace omr::session {

inline constexpr std::size_t kMaxLoras = 64;

Json to_json(const std::optional<double>& number);   // null when there is none
Json to_json(const std::vector<LoraChoice>& loras);  // [[file, weight], …]
std::vector<LoraChoice> read_loras(const Fields& fields, const std::string& key);
Json to_json(const RewardTerms& terms);
RewardTerms read_terms(const Fields& fields);

// Raw rewards have null for one that does not apply; standardised ones have all numbers.
Json to_json(const CandidateRewards& rewards);
Json raw_to_json(const CandidateRewards& raw, const Applicable& which);
CandidateRewards read_rewards(const Fields& fields);
CandidateRewards read_raw(const Fields& fields, Applicable& which);

}  // namespace omr::session
