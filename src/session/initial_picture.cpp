#include "omr/session/initial_picture.h"

#include <utility>

#include "omr/core/error.h"

namespace omr::session {

std::vector<Latents> to_list(const InitialPicture& picture) {
  std::vector<Latents> out = {picture.latents};
  if (picture.inpainting) {
    out.push_back(picture.inpainting->mask);
    out.push_back(picture.inpainting->masked_pixels);
  }
  return out;
}

InitialPicture initial_picture_of(std::vector<Latents> list, const std::string& where) {
  if (list.size() != 1 && list.size() != 3) {
    throw Error(ErrorKind::format, where +
                                       ": expected the latents of one picture, or those with a "
                                       "mask and the masked picture; found " +
                                       std::to_string(list.size()) + " tensors");
  }
  InitialPicture out{std::move(list[0])};
  if (list.size() == 3) {
    out.inpainting =
        std::make_shared<const Inpainting>(Inpainting{std::move(list[1]), std::move(list[2])});
  }
  return out;
}

}  // namespace omr::session
