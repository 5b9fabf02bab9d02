#include "session/journal_fields.h"

namespace omr::session {

Json to_json(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

Json to_json(const std::vector<LoraChoice>& loras) {
  Json list = Json::array();
  for (const LoraChoice& lora : loras) list.push_back(Json::array({lora.file, lora.weight}));
  return list;
}

std::vector<LoraChoice> read_loras(const Fields& fields, const std::string& key) {
  std::vector<LoraChoice> loras;
  for (const Json& pair : fields.array(key, kMaxLoras)) {
    const bool fits =
        pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_number();
    if (!fits) fields.fail(key, "a list of [file, weight]");
    loras.push_back({pair[0].get<std::string>(), pair[1].get<double>()});
  }
  return loras;
}

Json to_json(const RewardTerms& terms) {
  return {{"div", terms.div}, {"cons", terms.cons}, {"mi", terms.mi}};
}

RewardTerms read_terms(const Fields& fields) {
  return {fields.number("div"), fields.number("cons"), fields.number("mi")};
}

Json to_json(const CandidateRewards& rewards) {
  return {{"div", rewards.div},
          {"cons", rewards.cons},
          {"mi", rewards.mi},
          {"pref", rewards.pref},
          {"total", rewards.total}};
}

Json raw_to_json(const CandidateRewards& raw, const Applicable& which) {
  const auto value = [](bool applies, double number) { return applies ? Json(number) : Json(); };
  return {{"div", value(which.div, raw.div)},
          {"cons", value(which.cons, raw.cons)},
          {"mi", value(which.mi, raw.mi)},
          {"pref", value(which.pref, raw.pref)}};
}

CandidateRewards read_rewards(const Fields& fields) {
  return {fields.number("div"), fields.number("cons"), fields.number("mi"), fields.number("pref"),
          fields.number("total")};
}

CandidateRewards read_raw(const Fields& fields, Applicable& which) {
  which = {fields.has("pref"), fields.has("div"), fields.has("cons"), fields.has("mi")};
  return {fields.number("div", 0), fields.number("cons", 0), fields.number("mi", 0),
          fields.number("pref", 0), 0};
}

}  // namespace omr::session
