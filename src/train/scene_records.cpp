#include "omr/train/scene_records.h"

#include <utility>

#include "omr/scenes/scene_edit.h"
#include "omr/session/wishes.h"

namespace omr::train {

RefinerRecord SceneRecords::record(std::uint64_t index) const {
  scenes::RefinerRecord record = scenes::refiner_record(seed_, index);
  if (one_wish_at_a_time_ && session::split_wishes(record.feedback).size() > 1)
    record = scenes::refiner_record(seed_, index, {.two_at_once = 0});
  return {std::move(record.prompt), std::move(record.feedback), std::move(record.refined),
          std::move(record.change)};
}

io::Json SceneRecords::description() const {
  return {{"data", "scenes"}, {"scenes_seed", seed_}, {"one_wish_at_a_time", one_wish_at_a_time_}};
}

}  // namespace omr::train
