#include "omr/llm/refiner.h"

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"
#include "omr/io/lora_file.h"
#include "omr/llm/refiner_answer.h"
#include "omr/nn/linear.h"
#include "omr/nn/lora.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

// A shorter prefix is read again faster than it is looked after.
constexpr std::size_t kSmallestKeptPrefix = 16;

void apply_adapter(LlamaForCausalLM& model, const fs::path& folder) {
  const nn::LoraReport report = nn::apply_lora(*model, io::read_peft_adapter(folder), "");
  if (report.applied == 0 || !report.skipped.empty()) {
    throw Error(ErrorKind::mismatch,
                folder.string() + ": " + std::to_string(report.applied) + " of " +
                    std::to_string(report.total) + " adapter tensors fit the refiner" +
                    (report.skipped.empty() ? "" : "; it has no layer " + report.skipped.front()));
  }
}

// generation_config.json may end answers at more tokens than config.json.
std::vector<std::int64_t> end_tokens(const fs::path& folder, const LlamaConfig& config,
                                     const SentencePieceTokenizer& tokenizer) {
  std::vector<std::int64_t> ids = config.eos_token_ids;
  const fs::path path = folder / "generation_config.json";
  if (fs::exists(path)) {
    const io::Config generation(path);
    if (generation.has("eos_token_id")) {
      ids = generation.json()["eos_token_id"].is_array()
                ? generation.integers("eos_token_id")
                : std::vector<std::int64_t>{generation.integer("eos_token_id")};
    }
  }
  if (ids.empty() && tokenizer.eos_id() >= 0) ids.push_back(tokenizer.eos_id());
  return ids;
}

bool adds_bos(const fs::path& folder) {
  const fs::path path = folder / "tokenizer_config.json";
  return !fs::exists(path) || io::Config(path).boolean("add_bos_token", true);
}

// Checked user text, with line breaks and other controls as spaces: a template is made of lines.
std::string user_line(std::string_view text, const char* name, std::size_t limit) {
  if (text.size() > limit) {
    throw Error(ErrorKind::usage, std::string("the ") + name + " is " +
                                      std::to_string(text.size()) + " bytes long; at most " +
                                      std::to_string(limit) + " are accepted");
  }
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw Error(ErrorKind::usage, std::string("the ") + name + " is not UTF-8 text (byte " +
                                      std::to_string(at) + ")");
  }
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  const std::size_t begin = out.find_first_not_of(' ');
  if (begin == std::string::npos) {
    throw Error(ErrorKind::usage, std::string("the ") + name + " is empty");
  }
  return out.substr(begin, out.find_last_not_of(' ') - begin + 1);
}

}  // namespace

struct Refiner::State {
  SentencePieceTokenizer tokenizer;
  LlamaForCausalLM model;
  RefinerTemplate prompt_template;
  SamplingOptions sampling;
  std::vector<std::int64_t> eos_token_ids;
  std::int64_t bos_token_id = -1;  // -1: texts begin without one

  std::vector<std::int64_t> prefix_ids;  // of the template's fixed prefix; empty when it is short
  std::optional<KVCache> prefix_cache;

  // Bos and the pieces of a template text; or, of a chat, what it says. Special tokens are looked
  // for in the template alone: those that the user typed are text.
  std::vector<std::int64_t> encode(std::string_view text, std::string_view prompt,
                                   std::string_view feedback) const {
    std::vector<std::int64_t> ids;
    if (!prompt_template.is_chat) {
      if (bos_token_id >= 0) ids.push_back(bos_token_id);
      const auto pieces = tokenizer.encode(fill_template(text, prompt, feedback));
      ids.insert(ids.end(), pieces.begin(), pieces.end());
      return ids;
    }
    for (std::size_t at = 0; at <= text.size();) {
      const auto special = tokenizer.find_special(text, at);
      const std::size_t end = special ? special->begin : text.size();
      const std::string part = fill_template(text.substr(at, end - at), prompt, feedback);
      if (!part.empty()) {
        const auto pieces = at == 0 ? tokenizer.encode(part) : tokenizer.encode_after_special(part);
        ids.insert(ids.end(), pieces.begin(), pieces.end());
      }
      if (!special) break;
      ids.push_back(special->id);
      at = special->end;
    }
    return ids;
  }

  // A cache that holds what `ids` begins with: the kept prefix, or nothing in `fresh`. The prefix
  // is always read on its own, in the first call as in later ones, so that every call computes the
  // same numbers.
  KVCache* cache_for(const std::vector<std::int64_t>& ids, std::optional<KVCache>& fresh) {
    const bool begins_with_prefix = !prefix_ids.empty() && ids.size() > prefix_ids.size() &&
                                    std::equal(prefix_ids.begin(), prefix_ids.end(), ids.begin());
    if (!begins_with_prefix) return &fresh.emplace(model->config());
    if (!prefix_cache) {
      const at::NoGradGuard no_grad;
      KVCache cache(model->config(), 2 * std::ssize(prefix_ids));
      model->next_logits(at::tensor(prefix_ids).unsqueeze(0), cache);
      prefix_cache = std::move(cache);
    }
    prefix_cache->truncate(std::ssize(prefix_ids));
    return &*prefix_cache;
  }
};

Refiner::Refiner(std::shared_ptr<State> state) : state_(std::move(state)) {}

Refiner Refiner::open(const fs::path& folder, const RefinerOptions& options) {
  check_sampling_options(options.sampling);
  auto state =
      std::make_shared<State>(State{SentencePieceTokenizer::of_folder(folder),
                                    load_llama(folder, options.execution, options.quantize_nf4),
                                    RefinerTemplate::of_folder(folder),
                                    options.sampling,
                                    {},
                                    -1,
                                    {},
                                    std::nullopt});
  const LlamaConfig& config = state->model->config();
  if (state->tokenizer.piece_count() > config.vocab_size) {
    throw Error(ErrorKind::mismatch, (folder / "tokenizer.model").string() + " has " +
                                         std::to_string(state->tokenizer.piece_count()) +
                                         " pieces, and the language model's vocab_size is " +
                                         std::to_string(config.vocab_size) +
                                         ": they do not belong together");
  }
  const fs::path adapter = options.adapter.value_or(folder / "adapter");
  if (options.adapter || fs::exists(adapter)) apply_adapter(state->model, adapter);

  state->eos_token_ids = end_tokens(folder, config, state->tokenizer);
  if (adds_bos(folder)) {
    state->bos_token_id = state->tokenizer.bos_id() >= 0 ? state->tokenizer.bos_id()
                                                         : config.bos_token_id.value_or(-1);
  }
  const std::int64_t end = state->tokenizer.special_id(state->prompt_template.end_of_turn);
  std::vector<std::int64_t>& ends = state->eos_token_ids;
  if (end >= 0 && std::find(ends.begin(), ends.end(), end) == ends.end()) ends.push_back(end);
  // The last piece of the prefix may join with what follows it.
  std::vector<std::int64_t> prefix = state->encode(state->prompt_template.fixed_prefix(), "", "");
  for (std::int64_t id : prefix) {
    if (id < config.vocab_size) continue;
    throw Error(ErrorKind::mismatch, folder.string() + ": the tokenizer's added token " +
                                         std::to_string(id) + " is beyond the language model's " +
                                         "vocab_size " + std::to_string(config.vocab_size));
  }
  if (!prefix.empty()) prefix.pop_back();
  const bool fits = std::ssize(prefix) < config.max_position_embeddings;
  if (prefix.size() >= kSmallestKeptPrefix && fits) state->prefix_ids = std::move(prefix);
  return Refiner(std::move(state));
}

Refinement Refiner::refine(std::string_view prompt, std::string_view feedback,
                           const Cancellation* cancellation, std::optional<at::Generator> generator,
                           const std::optional<SamplingOptions>& sampling) {
  const std::string prompt_line = user_line(prompt, "prompt", kMaxPromptBytes);
  const std::string feedback_line = user_line(feedback, "feedback", kMaxFeedbackBytes);
  const std::string& text = state_->prompt_template.text;

  Refinement out;
  out.input_ids = state_->encode(text, prompt_line, feedback_line);
  GenerateOptions options;
  options.max_new_tokens = state_->prompt_template.max_new_tokens;
  options.eos_token_ids = state_->eos_token_ids;
  options.stop = state_->prompt_template.stop;
  options.sampling = sampling.value_or(state_->sampling);
  options.generator = std::move(generator);
  if (std::ssize(out.input_ids) >= state_->model->config().max_position_embeddings) {
    throw Error(ErrorKind::usage,
                "prompt and feedback make " + std::to_string(out.input_ids.size()) +
                    " tokens, and the refiner's context is " +
                    std::to_string(state_->model->config().max_position_embeddings) +
                    ": shorten the prompt or the feedback");
  }
  std::optional<KVCache> fresh;
  KVCache* cache = state_->cache_for(out.input_ids, fresh);
  const Generated generated =
      generate(state_->model, *cache, state_->tokenizer, out.input_ids, options, cancellation);
  out.tokens = generated.tokens;

  const std::string& label = state_->prompt_template.answer_label;
  const auto behind = answer_behind(generated.text, label);
  RefinerAnswer answer = behind ? check_answer(*behind, prompt_line, feedback_line, text)
                                : RefinerAnswer{"", {}, "the answer has no \"" + label + "\""};
  if (generated.reason == FinishReason::not_a_number) {
    answer.failure = "the language model's scores are NaN or infinite: its weights are damaged";
  } else if (answer.failure.empty() && generated.reason == FinishReason::length) {
    answer.failure =
        "the answer did not end within " + std::to_string(generated.tokens.size()) + " tokens";
  }
  if (answer.failure.empty()) {
    out.prompt = std::move(answer.prompt);
    out.negative = std::move(answer.negative);
  } else {
    out.prompt = prompt_line + ", " + feedback_line;
    out.fallback = true;
    out.fallback_reason = std::move(answer.failure);
  }
  return out;
}

const RefinerTemplate& Refiner::prompt_template() const { return state_->prompt_template; }
const SentencePieceTokenizer& Refiner::tokenizer() const { return state_->tokenizer; }
LlamaForCausalLM& Refiner::model() { return state_->model; }
nn::ModelOffload::Move Refiner::move() { return nn::module_move(state_->model.ptr()); }

}  // namespace omr::llm
