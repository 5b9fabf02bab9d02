// Recorded dialogues, and each of their turns as a line that a person types.
#include "omr/session/command.h"
#include "omr/session/dialogue.h"
#include "omr/session/prompt_refinement.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omr;
  std::vector<session::Dialogue> dialogues;
  fuzz::expect_value_or_error(
      [&] { dialogues = session::read_dialogues(fuzz::text_of(data, size), "input"); });
  for (const session::Dialogue& dialogue : dialogues) {
    for (const std::string& turn : dialogue.turns) {
      fuzz::expect_value_or_error([&] { session::parse_command(turn); });
      fuzz::expect_value_or_error([&] { session::prompt_by_hand(turn, ""); });
      fuzz::expect_value_or_error([&] {
        session::refine_prompt({"a (red:1.2) star on a navy background", "moon"}, turn, nullptr, 0,
                               {});
      });
    }
  }
  return 0;
}
