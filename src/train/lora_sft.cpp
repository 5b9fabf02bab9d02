// Plain denoising of captioned pictures.
#include "omr/core/error.h"

#include "train/lora_objective.h"
#include "train/lora_samples.h"

namespace omr::train {
namespace {

class Sft : public LoraObjective {
 public:
  explicit Sft(const LoraRun& run)
      : run_(run),
        samples_(run, *run.data.pictures, run.settings.loop.out / "latents.safetensors") {}

  MicroLoss loss(const MicroBatch& batch) override {
    const at::Tensor losses =
        samples_.losses(batch.positions, Purpose::sample, run_.settings.caption_dropout);
    return {losses.sum(), static_cast<double>(batch.positions.size()), {}};
  }

  io::Json settings() const override {
    io::Json out = run_.data.pictures->description();
    out["snr_gamma"] = run_.settings.snr_gamma;
    out["caption_dropout"] = run_.settings.caption_dropout;
    return out;
  }

 private:
  LoraRun run_;
  LoraSamples samples_;
};

}  // namespace

std::unique_ptr<LoraObjective> make_sft(const LoraRun& run) {
  if (run.data.pictures == nullptr)
    throw Error(ErrorKind::usage, "--method sft learns from pictures: give --data DIR or --scenes");
  return std::make_unique<Sft>(run);
}

}  // namespace omr::train
