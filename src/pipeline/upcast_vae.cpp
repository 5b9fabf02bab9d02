#include "pipeline/upcast_vae.h"

#include <c10/core/InferenceMode.h>

namespace omr::pipeline {

void upcast_vae(diffusion::AutoencoderKL& vae, nn::ExecutionOptions& execution) {
  // Ordinary tensors even when it happens during inference: training may meet them later.
  const c10::InferenceMode ordinary(false);
  vae->to(at::kFloat);
  execution.dtype = at::kFloat;
}

}  // namespace omr::pipeline
