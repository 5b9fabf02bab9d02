// Diffusion-DPO (Wallace et al., arXiv 2311.12908, eq. 14; SalesforceAIResearch/DiffusionDPO,
// train.py). B pairs of pictures for one prompt, noised alike.
#pragma once

#include <ATen/core/Tensor.h>

namespace omr::train {

struct DiffusionDpoLoss {
  at::Tensor losses;  // [B]
  double implicit_accuracy =
      0;  // share of pairs whose preferred picture the model has come nearer to; ties count half
};

// −log σ(−β/2 · [(L_w − L_l) − (L_w^ref − L_l^ref)]), where L are the mean squared denoising errors
// of each picture, [B], of the model and of the reference. (diffusers' scripts leave the ½ out and
// halve β.) `label_0` [B]: the share of the judgement for picture 0; w is picture 0 at 1, picture 1
// at 0, and a tie at ½ asks for no change (conservative DPO, arXiv 2305.18290, §A).
DiffusionDpoLoss diffusion_dpo_loss(const at::Tensor& errors_0, const at::Tensor& errors_1,
                                    const at::Tensor& reference_0, const at::Tensor& reference_1,
                                    const at::Tensor& label_0, double beta);

}  // namespace omr::train
