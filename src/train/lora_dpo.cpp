// Diffusion-DPO on pairs of pictures; the reference is the model with its adapters off.
#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/train/diffusion_dpo_loss.h"
#include "omr/train/diffusion_loss.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/denoising_samples.h"
#include "train/diffusion_models.h"
#include "train/latent_cache.h"
#include "train/lora_objective.h"

namespace omr::train {
namespace {

// The pictures of pairs, one behind the other, for the latent cache.
class PairPictures : public ImageTextSource {
 public:
  explicit PairPictures(const PreferenceSource& pairs) : pairs_(pairs) {}
  std::uint64_t size() const override { return 2 * pairs_.size(); }
  Image image(std::uint64_t index) const override {
    const PreferencePair pair = pairs_.pair(index / 2);
    return index % 2 == 0 ? pair.image_0 : pair.image_1;
  }
  std::string text(std::uint64_t index, std::uint64_t) const override {
    return pairs_.pair(index / 2).prompt;
  }
  std::optional<HardNegative> hard_negative(std::uint64_t, std::uint64_t) const override {
    return std::nullopt;
  }
  io::Json description() const override { return pairs_.description(); }

 private:
  const PreferenceSource& pairs_;
};

// Errors of one source's pairs, for the model and the reference.
class Pairs {
 public:
  Pairs(const LoraRun& run, const PreferenceSource& source, const std::filesystem::path& cache)
      : run_(run),
        source_(source),
        pictures_(source),
        noise_(run.models.scheduler_config, run.models.device),
        order_(run.settings.loop.seed, source.size()),
        latents_(run.models.vae, pictures_, run.settings.width, run.settings.height, cache, {},
                 run.cancellation) {}

  struct Result {
    DiffusionDpoLoss loss;
    at::Tensor weights;  // [B]
    double model_error = 0, reference_error = 0;
  };

  // Timestep and noise of each pair are drawn by its position, and shared by its pictures.
  Result losses(const std::vector<std::uint64_t>& positions, Purpose purpose) {
    const auto fp32 = at::TensorOptions().dtype(at::kFloat);
    const auto device = run_.models.device;
    std::vector<std::uint64_t> indices_0, indices_1;
    std::vector<std::string> captions;
    std::vector<std::int64_t> timesteps;
    std::vector<float> labels, weights;
    std::vector<at::Tensor> noises, draws;
    for (const std::uint64_t position : positions) {
      const std::uint64_t index = order_.index(position);
      const PreferencePair pair = source_.pair(index);
      at::Generator generator = generator_for(run_.settings.loop.seed, purpose, position);
      timesteps.push_back(
          at::randint(noise_.timesteps(), {}, generator, at::TensorOptions().dtype(at::kLong))
              .item<std::int64_t>());
      noises.push_back(at::randn(run_.models.latent_shape(), generator, fp32));
      draws.push_back(at::randn(run_.models.latent_shape(), generator, fp32));
      captions.push_back(pair.prompt);
      labels.push_back(static_cast<float>(pair.label_0));
      weights.push_back(static_cast<float>(pair.weight));
      indices_0.push_back(2 * index);
      indices_1.push_back(2 * index + 1);
    }
    const auto twice = [](const at::Tensor& half) { return at::cat({half, half}); };
    indices_0.insert(indices_0.end(), indices_1.begin(), indices_1.end());
    const at::Tensor latents = sample_latents(
        run_.models.vae->config(), latents_.pictures(indices_0).moments, twice(at::stack(draws)));
    const at::Tensor noise = twice(at::stack(noises)).to(device);
    const at::Tensor t = twice(at::tensor(timesteps, at::kLong)).to(device);
    const at::Tensor noisy =
        noise_.add_noise(latents, noise, t).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor target = noise_.target(latents, noise, t);
    const auto errors = [&] {
      const at::Tensor prediction = run_.models.unet(noisy, t, twice(run_.models.embed(captions)));
      return diffusion_loss(prediction, target, at::ones({t.size(0)}, target.options()));
    };
    at::Tensor reference;
    {
      const at::NoGradGuard no_grad;
      const AdaptersOff off(run_.models);
      reference = errors();
    }
    const at::Tensor own = errors();
    const auto own_halves = own.chunk(2), reference_halves = reference.chunk(2);
    Result out;
    out.loss =
        diffusion_dpo_loss(own_halves[0], own_halves[1], reference_halves[0], reference_halves[1],
                           at::tensor(labels, at::kFloat).to(device), run_.settings.dpo_beta);
    out.weights = at::tensor(weights, at::kFloat).to(device);
    out.model_error = own.mean().item<double>();
    out.reference_error = reference.mean().item<double>();
    return out;
  }

  std::uint64_t size() const { return source_.size(); }

 private:
  const LoraRun& run_;
  const PreferenceSource& source_;
  PairPictures pictures_;
  TrainingNoise noise_;
  DataOrder order_;
  LatentCache latents_;
};

class Dpo : public LoraObjective {
 public:
  explicit Dpo(const LoraRun& run)
      : run_(run), pairs_(run, *run.data.pairs, run.settings.loop.out / "latents.safetensors") {
    if (run.data.held_out_pairs == nullptr || !run.processes.is_first()) return;
    held_out_ = std::make_unique<Pairs>(run, *run.data.held_out_pairs,
                                        run.settings.loop.out / "held-out-latents.safetensors");
  }

  MicroLoss loss(const MicroBatch& batch) override {
    const Pairs::Result result = pairs_.losses(batch.positions, Purpose::sample);
    return {(result.loss.losses * result.weights).sum(),
            result.weights.sum().item<double>(),
            {{"implicit_accuracy", result.loss.implicit_accuracy},
             {"error", result.model_error},
             {"reference_error", result.reference_error}}};
  }

  std::map<std::string, double> look() override {
    if (!held_out_) return {};
    constexpr std::uint64_t kPairs = 64;
    const std::uint64_t count =
        held_out_->size() == 0 ? kPairs : std::min(kPairs, held_out_->size());
    const auto batch = static_cast<std::uint64_t>(run_.settings.loop.batch_size);
    double loss = 0, right = 0;
    for (std::uint64_t begin = 0; begin < count; begin += batch) {
      std::vector<std::uint64_t> positions;
      for (std::uint64_t i = begin; i < std::min(count, begin + batch); ++i) positions.push_back(i);
      const Pairs::Result result = held_out_->losses(positions, Purpose::evaluation);
      loss += result.loss.losses.sum().item<double>();
      right += result.loss.implicit_accuracy * static_cast<double>(positions.size());
    }
    return {{"held_out_dpo_loss", loss / static_cast<double>(count)},
            {"held_out_implicit_accuracy", right / static_cast<double>(count)}};
  }

  io::Json settings() const override {
    io::Json out = run_.data.pairs->description();
    out["beta"] = run_.settings.dpo_beta;
    return out;
  }

 private:
  LoraRun run_;
  Pairs pairs_;
  std::unique_ptr<Pairs> held_out_;
};

}  // namespace

std::unique_ptr<LoraObjective> make_dpo(const LoraRun& run) {
  if (run.data.pairs == nullptr)
    throw Error(ErrorKind::usage,
                "--method dpo learns from pairs of pictures: give --pairs FILE.jsonl or --scenes");
  return std::make_unique<Dpo>(run);
}

}  // namespace omr::train
