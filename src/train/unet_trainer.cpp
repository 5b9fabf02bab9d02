#include "omr/train/unet_trainer.h"

#include <memory>

#include <ATen/ATen.h>

#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/model_folder.h"
#include "omr/train/diffusion_loss.h"
#include "omr/train/initialise.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/caption_encoder.h"
#include "train/denoising_samples.h"
#include "train/diffusion_parts.h"
#include "train/fingerprint.h"
#include "train/model_output.h"
#include "train/network.h"
#include "train/run_settings.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

diffusion::UNet2DConditionModel open_unet(const UNetSettings& settings) {
  if (!settings.from_nothing) return diffusion::load_unet(settings.unet, {});
  diffusion::UNet2DConditionModel unet(
      diffusion::UNet2DConditionConfig::parse(io::Config(settings.unet / "config.json")));
  initialise(*unet, generator_for(settings.loop.seed, Purpose::weights, kUNet));
  return unet;
}

// One run's models and data.
class UNetTraining {
 public:
  UNetTraining(const UNetSettings& settings, const ImageTextSource& source,
               const ImageTextSource& held_out, const LoopObserver& observer,
               const Cancellation& cancellation)
      : settings_(settings),
        held_out_(held_out),
        cancellation_(cancellation),
        tokenizer_(text::CLIPTokenizer::from_folder(settings.tokenizer)),
        text_encoder_(open_text_encoder(settings.text_encoder, settings.text_encoder_from_nothing,
                                        settings.loop.seed)),
        unet_(open_unet(settings)),
        vae_(diffusion::load_vae(settings.vae, {})),
        scheduler_config_(pipeline::read_scheduler_config(
            io::Config(settings.scheduler / "scheduler_config.json"))) {
    check_parts(vae_->config(), unet_->config(), text_encoder_->config(), settings.width,
                settings.height);
    make_frozen(*vae_, settings.loop.device);
    create_run_folder(settings.loop.out);
    samples_ = std::make_unique<DenoisingSamples>(
        DenoisingSettings{settings.loop.seed, settings.width, settings.height, settings.snr_gamma,
                          settings.timestep_bias},
        vae_, scheduler_config_, source, settings.loop.out / "latents.safetensors",
        settings.loop.device, observer, cancellation);
  }

  std::vector<ParameterGroup> groups() {
    std::vector<ParameterGroup> out = {
        {make_trainable(*unet_, settings_.loop.device, "unet."), 1.0}};
    if (settings_.train_text_encoder) {
      out.push_back({make_trainable(*text_encoder_, settings_.loop.device, "text_encoder."),
                     settings_.text_encoder_lr_factor});
    } else {
      make_frozen(*text_encoder_, settings_.loop.device);
    }
    return out;
  }

  MicroLoss loss(const MicroBatch& batch) {
    const DenoisingBatch samples =
        samples_->draw(batch.positions, Purpose::sample, settings_.caption_dropout);
    const at::Tensor prediction = unet_(samples.noisy, samples.timesteps, embed(samples.captions));
    const at::Tensor cells =
        settings_.object_weights.even()
            ? at::Tensor()
            : settings_.object_weights.of_cells(samples.objects, samples.signal_share);
    const at::Tensor losses = diffusion_loss(prediction, samples.target, samples.weights, cells);
    return {losses.sum(), static_cast<double>(batch.positions.size()), {}};
  }

  // Draws held-out captions; where the source can judge, says how much of them is right.
  Evaluation evaluate() {
    constexpr std::int64_t kBatch = 16;
    constexpr std::size_t kShown = 8;
    Evaluation out;
    const std::int64_t count =
        held_out_.size() == 0 ? settings_.samples
                              : std::min<std::int64_t>(settings_.samples,
                                                       static_cast<std::int64_t>(held_out_.size()));
    int right = 0, total = 0, wholly_right = 0, judged = 0;
    for (std::int64_t first = 0; first < count; first += kBatch) {
      const auto drawn = draw(first, std::min(count, first + kBatch));
      for (std::size_t i = 0; i < drawn.size(); ++i) {
        if (const auto judgement =
                held_out_.judge(static_cast<std::uint64_t>(first) + i, 0, drawn[i].second)) {
          ++judged;
          right += judgement->right;
          total += judgement->total;
          wholly_right += judgement->right == judgement->total ? 1 : 0;
        }
        if (out.pictures.size() < kShown) out.pictures.push_back(drawn[i]);
      }
    }
    if (judged > 0) {
      out.metrics["attributes_right"] = static_cast<double>(right) / total;
      out.metrics["pictures_right"] = static_cast<double>(wholly_right) / judged;
    }
    return out;
  }

  void save() {
    write_part(settings_.loop.out / "unet", io::read_json(settings_.unet / "config.json"), *unet_,
               "diffusion_pytorch_model.safetensors", settings_.output_dtype);
    if (!settings_.train_text_encoder) return;
    write_part(settings_.loop.out / "text_encoder",
               io::read_json(settings_.text_encoder / "config.json"), *text_encoder_,
               "model.safetensors", settings_.output_dtype);
  }

 private:
  // Caption and picture of held-out samples [first, last).
  std::vector<std::pair<std::string, Image>> draw(std::int64_t first, std::int64_t last) {
    std::vector<std::string> captions;
    std::vector<at::Tensor> noises;
    const std::int64_t multiple = vae_->config().downscale();
    for (std::int64_t i = first; i < last; ++i) {
      captions.push_back(held_out_.text(static_cast<std::uint64_t>(i), 0));
      noises.push_back(at::randn(
          {1, unet_->config().in_channels, settings_.height / multiple, settings_.width / multiple},
          generator_for(settings_.loop.seed, Purpose::evaluation, static_cast<std::uint64_t>(i)),
          at::TensorOptions().dtype(at::kFloat)));
    }
    const auto scheduler = schedulers::make_scheduler(schedulers::SchedulerName::ddim,
                                                      scheduler_config_, settings_.sample_steps);
    pipeline::DenoiseInput input;
    input.latents = at::cat(noises) * scheduler->init_noise_sigma();
    input.prompt_embeds = embed(captions);
    input.negative_prompt_embeds = embed({""});
    input.guidance_scale = settings_.sample_guidance_scale;
    const at::Tensor latents = pipeline::denoise(
        unet_, *scheduler, input, {settings_.loop.device, at::kFloat}, {}, cancellation_);
    const std::vector<Image> pictures = pipeline::to_images(
        vae_->decode(latents / vae_->config().scaling_factor + vae_->config().shift_factor));
    std::vector<std::pair<std::string, Image>> out;
    for (std::size_t i = 0; i < pictures.size(); ++i) out.emplace_back(captions[i], pictures[i]);
    return out;
  }

  at::Tensor embed(const std::vector<std::string>& captions) {
    return embed_captions(tokenizer_, text_encoder_, captions);
  }

  const UNetSettings& settings_;
  const ImageTextSource& held_out_;
  const Cancellation& cancellation_;
  text::CLIPTokenizer tokenizer_;
  text::CLIPTextModel text_encoder_;
  diffusion::UNet2DConditionModel unet_;
  diffusion::AutoencoderKL vae_;
  schedulers::SchedulerConfig scheduler_config_;
  std::unique_ptr<DenoisingSamples> samples_;
};

}  // namespace

void train_unet(const UNetSettings& settings, const ImageTextSource& source,
                const ImageTextSource& held_out, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation) {
  UNetTraining training(settings, source, held_out, observer, cancellation);
  Trainee trainee;
  trainee.name = "unet";
  trainee.groups = training.groups();
  trainee.settings = source.description();
  trainee.settings["size"] = std::to_string(settings.width) + "x" + std::to_string(settings.height);
  trainee.settings["snr_gamma"] = settings.snr_gamma;
  trainee.settings["timestep_bias_multiplier"] = settings.timestep_bias.multiplier;
  trainee.settings["timestep_bias_portion"] = settings.timestep_bias.portion;
  trainee.settings["object_weight"] = settings.object_weights.whole;
  trainee.settings["shown_object_weight"] = settings.object_weights.shown;
  trainee.settings["caption_dropout"] = settings.caption_dropout;
  trainee.settings["train_text_encoder"] = settings.train_text_encoder;
  trainee.settings["text_encoder_lr_factor"] = settings.text_encoder_lr_factor;
  std::vector<fs::path> frozen = {settings.vae, settings.scheduler, settings.tokenizer};
  if (!settings.train_text_encoder) frozen.push_back(settings.text_encoder);
  trainee.settings["frozen_parts"] = fingerprint_of_parts(frozen);
  trainee.loss = [&](const MicroBatch& batch) { return training.loss(batch); };
  trainee.evaluate = [&](std::int64_t) { return training.evaluate(); };
  trainee.save = [&] { training.save(); };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
