// The bytes of a session's pictures and latents. Sessions name and keep these files; what is in
// them belongs to io.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "omr/core/image.h"
#include "omr/core/latents.h"

namespace omr::session {

class ArtifactCodec {
 public:
  virtual ~ArtifactCodec() = default;

  // A PNG with text chunks (keyword, UTF-8 text). Lossless: decode_image gives the same pixels.
  virtual std::string encode_image(
      const Image& image, const std::vector<std::pair<std::string, std::string>>& text) = 0;
  // `where` names the file in errors. Throws Error(format).
  virtual Image decode_image(std::string_view bytes, const std::string& where) = 0;

  // The latents of a round's candidates, in order, bit for bit. decode throws Error(format).
  virtual std::string encode_latents(const std::vector<Latents>& latents) = 0;
  virtual std::vector<Latents> decode_latents(std::string_view bytes, const std::string& where) = 0;

  // SHA-256 in lower-case hexadecimal.
  virtual std::string sha256(std::string_view bytes) = 0;
};

}  // namespace omr::session
