// The picture that a session starts from, where the user gave one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "omr/core/latents.h"

namespace omr::session {

// What inpainting needs beside latents; the image model made it and alone reads it.
struct Inpainting {
  Latents mask;           // on the latents' grid: 1 is redrawn, 0 is kept
  Latents masked_pixels;  // the picture, blank where it is redrawn

  bool operator==(const Inpainting&) const = default;
};

struct InitialPicture {
  Latents latents;
  std::shared_ptr<const Inpainting> inpainting = nullptr;  // null: all of it may change
};

// As one file holds it, and back. Throws Error(format) naming `where` for another number of
// tensors.
std::vector<Latents> to_list(const InitialPicture& picture);
InitialPicture initial_picture_of(std::vector<Latents> list, const std::string& where);

}  // namespace omr::session
