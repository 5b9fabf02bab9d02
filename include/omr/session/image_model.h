// What a session asks of an image model: one batch of candidates for one prompt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/core/latents.h"
#include "omr/session/initial_picture.h"

namespace omr::session {

// A LoRA adapter of the UNet and text encoder. Weight 1 is as trained, 0 is off.
struct LoraChoice {
  std::string file;
  double weight = 1.0;

  bool operator==(const LoraChoice&) const = default;
};

// Emphasis on the bytes [begin, end) of the prompt's plain text, which is ImageRequest::prompt
// without weight syntax (prompt_syntax.h); 1.0 leaves the embedding bit-identical. It multiplies
// what the user wrote as (phrase:1.3).
struct PhraseWeight {
  std::string text;
  std::size_t begin = 0;
  std::size_t end = 0;
  double weight = 1.0;
};

// One picture. Without `init` it starts from pure noise of `seed`; with it, from those latents
// noised by `strength` in (0, 1] of the schedule with the noise of `seed`.
struct CandidateRequest {
  std::uint64_t seed = 0;
  std::optional<Latents> init = {};
  double strength = 1.0;
  bool local = false;  // beyond ImageRequest::region the picture stays that of `init`
  int steps = 0;       // of a schedule of its own; 0: ImageRequest::steps
};

// The part of a picture that is redrawn: where the prediction for the prompt differs from that for
// `contrast`, the same prompt without what changed (DiffEdit, arXiv 2210.11427).
struct EditRegion {
  std::string contrast;
  int calls = 0;  // UNet calls that finding it may take
};

struct ImageRequest {
  std::string prompt;  // UTF-8, the user's (phrase:1.3) syntax left in
  std::string negative_prompt;
  std::vector<PhraseWeight> weights;  // ordered, without overlap
  std::vector<CandidateRequest> candidates;
  std::optional<EditRegion> region;  // of the local ones
  int steps = 20;
  double guidance_scale = 4.0;  // 1 switches guidance off
  std::string scheduler = "ddim";
  int width = 0;  // pixels; 0: the model's own size
  int height = 0;
  std::vector<LoraChoice> loras;  // exactly these are on
  // Of every candidate, which then starts from latents: the rest of them stays as it is.
  std::shared_ptr<const Inpainting> inpainting;
};

struct Candidate {
  Image image;
  Latents latents;  // from which `image` was decoded
  std::uint64_t seed = 0;
  std::int64_t unet_calls = 0;  // guidance's two halves are one; those for the region are the first
                                // local candidate's
};

// Denoising steps done, of all that this request takes.
using Progress = std::function<void(int step, int steps)>;

class ImageModel {
 public:
  virtual ~ImageModel() = default;

  // One Candidate per CandidateRequest, in order. Polls `cancellation` after each step. Throws
  // Error(cancelled), Error(resource) when memory runs out, Error(usage) for settings that the
  // model cannot serve (size, scheduler); afterwards the model is as usable as before.
  virtual std::vector<Candidate> generate(const ImageRequest& request, const Progress& progress,
                                          const Cancellation& cancellation) = 0;

  // The answers to several requests, in order; a model may draw them in one batch, which leaves
  // each picture as it is up to rounding. Throws as generate() does when any of them fails.
  virtual std::vector<std::vector<Candidate>> generate_together(
      const std::vector<ImageRequest>& requests, const Progress& progress,
      const Cancellation& cancellation) {
    std::vector<std::vector<Candidate>> out;
    for (const ImageRequest& request : requests)
      out.push_back(generate(request, progress, cancellation));
    return out;
  }

  // Reads and checks an adapter without switching it on. Throws Error(io|format|mismatch).
  virtual void check_lora(const LoraChoice& lora) = 0;
};

}  // namespace omr::session
