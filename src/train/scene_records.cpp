#include "omr/train/scene_records.h"

#include <utility>

#include "omr/scenes/scene_edit.h"

namespace omr::train {

RefinerRecord SceneRecords::record(std::uint64_t index) const {
  scenes::RefinerRecord record = scenes::refiner_record(seed_, index);
  return {std::move(record.prompt), std::move(record.feedback), std::move(record.refined),
          std::move(record.change)};
}

}  // namespace omr::train
