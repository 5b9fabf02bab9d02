// Text to pictures with Stable Diffusion 1.x and 2.x (diffusers
// pipelines/stable_diffusion/pipeline_stable_diffusion.py and _img2img.py).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/nn/lora.h"
#include "omr/nn/model_offload.h"
#include "omr/pipeline/generation_options.h"
#include "omr/pipeline/model_folder.h"
#include "omr/text/clip_text_model.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/text/prompt_embedding.h"

namespace omr::pipeline {

struct ModelFiles;

// How many pictures go through the UNet at once: learnt where memory ran out for more, then kept.
struct BatchLimit {
  std::size_t pictures = static_cast<std::size_t>(-1);
};

struct GeneratedImage {
  Image image;
  at::Tensor latents;  // scaled, [1, C, h, w] fp32 on the CPU: what `image` was decoded from
  std::uint64_t seed = 0;
  std::int64_t unet_calls =
      0;  // guidance's two halves are one; the first local one pays the region
};

// Pictures of one prompt.
struct GenerationRequest {
  PromptInput prompt;
  GenerationOptions options;
  std::vector<Start> starts;
};

struct LoraSelection {
  std::filesystem::path path;
  double weight = 1.0;
  bool operator==(const LoraSelection&) const = default;
};

// Denoising steps done, of all that the call takes.
using ProgressCallback = std::function<void(int step, int steps)>;

class StableDiffusionPipeline {
 public:
  // Opens every part of the folder or single file. What a single file's UNet predicts is tried out
  // where the file does not say; a prediction type that the user gave against the answer of such a
  // trial is warned about. Throws Error(io|format|mismatch) naming the file.
  static StableDiffusionPipeline open(const ModelFolder& folder,
                                      const nn::ExecutionOptions& execution);

  // One picture per start, in order. Where memory runs out for all of them at once they are drawn
  // in smaller batches, which gives the same pictures up to rounding, and the VAE decodes in tiles.
  // Throws Error(usage) for an impossible size or number of steps, Error(cancelled),
  // Error(resource) when not even one picture fits or the UNet's numbers overflow; the pipeline is
  // as usable afterwards as before.
  std::vector<GeneratedImage> generate(const PromptInput& prompt, const GenerationOptions& options,
                                       const std::vector<Start>& starts,
                                       const ProgressCallback& progress,
                                       const Cancellation& cancellation) {
    return generate({{prompt, options, starts}}, progress, cancellation).front();
  }
  // The pictures of several requests, in order. What shares size, schedule, guidance and the length
  // of its prompt in chunks goes through the UNet together, whatever it shows; its pictures are
  // those of a call of its own up to rounding.
  std::vector<std::vector<GeneratedImage>> generate(const std::vector<GenerationRequest>& requests,
                                                    const ProgressCallback& progress,
                                                    const Cancellation& cancellation);

  // The start that img2img makes of a picture: encoded with the seed's generator. The picture is
  // resized to width x height (0: its own size, rounded down to the VAE's multiple) by Lanczos.
  Start encode_start(const Image& image, std::uint64_t seed, double strength, int width,
                     int height);

  // The same for inpainting: only where `mask` is white is the picture redrawn
  // (pipeline_stable_diffusion_inpaint.py). The mask is resized as the picture is.
  Start encode_start(const Image& image, const std::optional<Image>& mask, std::uint64_t seed,
                     double strength, int width, int height);

  // Exactly these adapters are on afterwards, over UNet and text encoder; the report counts their
  // tensors. On an error none of the new ones is. Throws Error(io|format|mismatch), and
  // Error(mismatch) when a file fits nothing in this model.
  std::vector<nn::LoraReport> set_loras(const std::vector<LoraSelection>& loras);
  const std::vector<LoraSelection>& loras() const { return loras_; }

  // Conditioning of one prompt, weights applied: [1, S, D], in chunks where the prompt is long.
  text::PromptEmbedding encode(const PromptInput& prompt);

  // The parts take turns on the device from now on (diffusers' enable_model_cpu_offload); they must
  // have been loaded with ExecutionOptions::offload. Others may take turns with them: they are
  // named text_encoder, unet and vae.
  void set_offload(std::shared_ptr<nn::ModelOffload> offload);
  // The VAE always decodes in tiles (enable_vae_tiling), of the size it was trained on.
  void set_vae_tiling(bool tiling) { vae_tiling_ = tiling; }

  int default_width() const;
  int default_height() const;
  // As the model's own scheduler class reads it; another class has defaults of its own.
  const schedulers::SchedulerConfig& scheduler_config() const { return scheduler_config_; }
  schedulers::SchedulerName default_scheduler() const { return default_scheduler_; }
  const nn::ExecutionOptions& execution() const { return execution_; }
  const text::CLIPTokenizer& tokenizer() const { return tokenizer_; }
  text::CLIPTextModel& text_encoder() { return text_encoder_; }
  diffusion::UNet2DConditionModel& unet() { return unet_; }
  diffusion::AutoencoderKL& vae() { return vae_; }

  // Latents -> pictures. A VAE whose numbers overflow in fp16 is widened to fp32 for good, with a
  // warning; in fp32 that is an Error(resource).
  std::vector<Image> decode(const at::Tensor& latents);

 private:
  StableDiffusionPipeline(text::CLIPTokenizer tokenizer, text::CLIPTextModel text_encoder,
                          diffusion::UNet2DConditionModel unet, diffusion::AutoencoderKL vae);

  // Text to guide by, both [1, S, D] of one length; `negative` is undefined without guidance.
  struct Conditioning {
    at::Tensor prompt, negative;
  };
  Conditioning condition(const PromptInput& prompt, const GenerationOptions& options);
  // One picture before its first UNet call; tensors [1, …], undefined where not needed, those of
  // prepare() on the CPU.
  struct PreparedStart {
    int steps = 0;
    std::size_t first_call = 0;
    at::Tensor prompt, negative;
    at::Tensor latents, more_channels, mask, original, noise;
    at::Generator generator;  // where the drawing of all that ended
  };
  PreparedStart prepare(const Start& start, const schedulers::Scheduler& scheduler, int steps,
                        int height, int width);
  // Clean latents of pictures that share all that `options` says and their first call.
  at::Tensor draw_batch(const GenerationOptions& options,
                        const std::vector<const PreparedStart*>& starts,
                        const std::function<void()>& on_step, const Cancellation& cancellation);
  std::int64_t vae_tile() const;  // in latents
  std::vector<Image> decode_at_once(const at::Tensor& latents, std::int64_t tile);
  // Brings a part to the device, where parts take turns.
  void use(const char* part);
  // Gives a local start the region to redraw, which is found when `region` is not defined yet: one
  // for all local starts of a request. Returns the UNet calls that took.
  int mark_region(const GenerationOptions& options, const Start& start, at::Tensor& region,
                  PreparedStart& prepared, const Cancellation& cancellation);
  // Scaled latents of pixels [1, 3, H, W] in [-1, 1], drawn with `generator`.
  at::Tensor encode_pixels(const at::Tensor& pixels, at::Generator generator);

  // Throws Error(mismatch) unless UNet, VAE and text encoder belong together.
  void check_parts(const std::string& model) const;
  void take_scheduler(const ModelFolder& folder, const ModelFiles& files);

  text::CLIPTokenizer tokenizer_;
  text::CLIPTextModel text_encoder_;
  diffusion::UNet2DConditionModel unet_;
  diffusion::AutoencoderKL vae_;
  io::Config scheduler_file_{io::Json::object(), ""};
  schedulers::SchedulerConfig scheduler_config_;
  std::int64_t sample_size_ = 0;  // side of the latents that the model was trained on
  schedulers::SchedulerName default_scheduler_ = schedulers::SchedulerName::ddim;
  nn::ExecutionOptions execution_;
  nn::ExecutionOptions vae_execution_;
  std::shared_ptr<nn::ModelOffload> offload_;
  bool vae_tiling_ = false;
  std::map<std::int64_t, BatchLimit> batch_limits_;  // by the pictures' pixels
  std::vector<LoraSelection> loras_;
  std::vector<nn::LoraReport> lora_reports_;
};

}  // namespace omr::pipeline
