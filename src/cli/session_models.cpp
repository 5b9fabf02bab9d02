#include "cli/session_models.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "omr/core/error.h"
#include "omr/io/sha256.h"
#include "omr/nn/memory.h"

namespace omr::cli {
namespace {

// Of answers beside the greedy one: other readings, still sentences, and bolder the more of them
// were of no use.
double reading_temperature(int number) { return 0.6 + 0.1 * std::min(number, 10); }

std::uint64_t seed_of(const std::string& text) {
  return std::stoull(io::sha256(text).substr(0, 16), nullptr, 16);
}

std::vector<session::Embedding> rows(const at::Tensor& matrix) {
  const at::Tensor plain = matrix.to(at::kFloat).cpu().contiguous();
  std::vector<session::Embedding> out;
  for (std::int64_t i = 0; i < plain.size(0); ++i) {
    const float* row = plain.data_ptr<float>() + i * plain.size(1);
    out.emplace_back(row, row + plain.size(1));
  }
  return out;
}

std::vector<pipeline::LoraSelection> selections(const std::vector<session::LoraChoice>& loras) {
  std::vector<pipeline::LoraSelection> out;
  for (const session::LoraChoice& lora : loras) {
    if (lora.weight != 0) out.push_back({lora.file, lora.weight});
  }
  return out;
}

}  // namespace

Latents to_latents(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kFloat).cpu().contiguous();
  const float* values = plain.data_ptr<float>();
  return {plain.sizes().vec(), {values, values + plain.numel()}};
}

at::Tensor to_tensor(const Latents& latents) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(latents.values.size())}, at::kFloat);
  std::copy(latents.values.begin(), latents.values.end(), out.data_ptr<float>());
  out = out.view(latents.shape);
  return out.dim() == 3 ? out.unsqueeze(0) : out;
}

namespace {

// `sees_mask`: the UNet takes a mask, and is given one of its own, which says that all is drawn
// anew.
pipeline::GenerationRequest generation_request(const session::ImageRequest& request,
                                               bool sees_mask) {
  pipeline::GenerationRequest out;
  out.prompt.text = request.prompt;
  for (const session::PhraseWeight& weight : request.weights) {
    if (weight.weight != 1.0)
      out.prompt.emphasis.push_back({weight.begin, weight.end, weight.weight});
  }
  out.options.negative_prompt = request.negative_prompt;
  out.options.steps = request.steps;
  out.options.guidance_scale = request.guidance_scale;
  out.options.scheduler = schedulers::parse_scheduler_name(request.scheduler);
  out.options.width = request.width;
  out.options.height = request.height;
  if (request.region) out.options.region = {{request.region->contrast, {}}, request.region->calls};
  std::optional<pipeline::Inpainting> inpainting;
  if (request.inpainting) {
    inpainting = {to_tensor(request.inpainting->mask),
                  to_tensor(request.inpainting->masked_pixels)};
  }
  for (const session::CandidateRequest& candidate : request.candidates) {
    pipeline::Start start;
    start.seed = candidate.seed;
    if (candidate.init) start.latents = to_tensor(*candidate.init);
    start.strength = candidate.strength;
    start.inpainting = inpainting;
    // Where the user gave a mask, that is the part to redraw.
    start.local = candidate.local && request.region && !inpainting && !sees_mask;
    start.steps = candidate.steps;
    out.starts.push_back(std::move(start));
  }
  return out;
}

// Positions of requests that have the same adapters on, in groups.
std::vector<std::vector<std::size_t>> with_equal_loras(
    const std::vector<session::ImageRequest>& requests) {
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto fits = [&](const std::vector<std::size_t>& group) {
      return requests[group.front()].loras == requests[i].loras;
    };
    const auto group = std::find_if(groups.begin(), groups.end(), fits);
    if (group == groups.end()) {
      groups.push_back({i});
    } else {
      group->push_back(i);
    }
  }
  return groups;
}

}  // namespace

std::vector<session::Candidate> PipelineImageModel::generate(const session::ImageRequest& request,
                                                             const session::Progress& progress,
                                                             const Cancellation& cancellation) {
  return generate_together({request}, progress, cancellation).front();
}

std::vector<std::vector<session::Candidate>> PipelineImageModel::generate_together(
    const std::vector<session::ImageRequest>& requests, const session::Progress& progress,
    const Cancellation& cancellation) {
  const bool sees_mask =
      pipeline_.unet()->config().in_channels != pipeline_.vae()->config().latent_channels;
  std::vector<std::vector<session::Candidate>> out(requests.size());
  for (const std::vector<std::size_t>& alike : with_equal_loras(requests)) {
    pipeline_.set_loras(selections(requests[alike.front()].loras));
    std::vector<pipeline::GenerationRequest> together;
    for (const std::size_t i : alike)
      together.push_back(generation_request(requests[i], sees_mask));
    auto pictures = pipeline_.generate(together, progress, cancellation);
    for (std::size_t k = 0; k < alike.size(); ++k) {
      for (pipeline::GeneratedImage& picture : pictures[k]) {
        out[alike[k]].push_back({std::move(picture.image), to_latents(picture.latents),
                                 picture.seed, picture.unet_calls});
      }
    }
  }
  return out;
}

void PipelineImageModel::check_lora(const session::LoraChoice& lora) {
  const std::vector<pipeline::LoraSelection> before = pipeline_.loras();
  pipeline_.set_loras(selections({lora}));
  pipeline_.set_loras(before);
}

session::Refinement RefinerLanguageModel::refine(const std::string& prompt,
                                                 const std::string& feedback,
                                                 const Cancellation& cancellation) {
  return answer(prompt, feedback, 0, cancellation);
}

std::optional<session::Refinement> RefinerLanguageModel::another(const std::string& prompt,
                                                                 const std::string& feedback,
                                                                 int number,
                                                                 const Cancellation& cancellation) {
  return answer(prompt, feedback, number, cancellation);
}

// `number` 0: the greedy answer.
session::Refinement RefinerLanguageModel::answer(const std::string& prompt,
                                                 const std::string& feedback, int number,
                                                 const Cancellation& cancellation) {
  std::optional<at::Generator> generator;
  std::optional<llm::SamplingOptions> sampling;
  if (number > 0) {
    generator = at::make_generator<at::CPUGeneratorImpl>(
        seed_of(prompt + '\n' + feedback + '\n' + std::to_string(number)));
    sampling = llm::SamplingOptions{.temperature = reading_temperature(number)};
  }
  const llm::Refinement answer =
      nn::with_memory_errors("the refiner does not fit; try --offload or --refiner-nf4", [&] {
        if (offload_ != nullptr) offload_->use("refiner");
        return refiner_.refine(prompt, feedback, &cancellation, generator, sampling);
      });
  session::Refinement out;
  out.prompt = answer.prompt;
  out.negative = answer.negative;
  out.fallback = answer.fallback;
  out.fallback_reason = answer.fallback_reason;
  return out;
}

template <typename Work>
auto ClipRewardModel::with_model(const Work& work) -> decltype(work()) {
  return nn::with_memory_errors(
      "the reward model does not fit; try --offload, fewer --candidates or --no-reward", [&] {
        if (offload_ != nullptr) offload_->use("reward");
        return work();
      });
}

std::vector<session::Embedding> ClipRewardModel::embed_text(const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  return with_model([&] { return rows(model_.embed_text(texts)); });
}

std::vector<session::Embedding> ClipRewardModel::embed_images(const std::vector<Image>& images) {
  if (images.empty()) return {};
  return with_model([&] { return rows(model_.embed_images(images)); });
}

std::vector<double> ClipRewardModel::preferences(const std::string& prompt,
                                                 const std::vector<Image>& images) {
  if (model_.scores_embeddings() || images.empty()) return {};
  const at::Tensor scores = with_model(
      [&] { return model_.preferences({prompt}, images).to(at::kCPU, at::kDouble).contiguous(); });
  const auto* first = scores.const_data_ptr<double>();
  return {first, first + scores.numel()};
}

}  // namespace omr::cli
