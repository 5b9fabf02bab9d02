#include "omr/train/refiner_trainer.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/llm/generate.h"
#include "omr/llm/kv_cache.h"
#include "omr/llm/llama.h"
#include "omr/train/initialise.h"
#include "omr/train/next_token_loss.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/model_output.h"

namespace omr::train {
namespace {

llm::LlamaForCausalLM open_llama(const RefinerSettings& settings) {
  if (!settings.from_nothing) return llm::load_llama(settings.model, {});
  const io::Config config(settings.model / "config.json");
  llm::LlamaForCausalLM model(llm::LlamaConfig::from(config));
  initialise(*model, config, generator_for(settings.loop.seed, Purpose::weights, 0));
  return model;
}

}  // namespace

RefinerExample encode_record(const RefinerRecord& record,
                             const llm::RefinerTemplate& prompt_template,
                             const llm::SentencePieceTokenizer& tokenizer) {
  RefinerExample out;
  out.question = tokenizer.encode(
      llm::fill_template(prompt_template.text, record.prompt, record.feedback), /*add_bos=*/true);
  // sentencepiece begins a text with a space, which is the one behind the template's last word.
  out.answer = tokenizer.encode(record.refined +
                                (prompt_template.stop.empty() ? "" : prompt_template.stop.front()));
  if (tokenizer.eos_id() >= 0) out.answer.push_back(tokenizer.eos_id());
  return out;
}

void train_refiner(const RefinerSettings& settings, const RefinerSource& source,
                   const RefinerSource& held_out, ProcessGroup& processes,
                   const LoopObserver& observer, const Cancellation& cancellation) {
  const auto tokenizer = llm::SentencePieceTokenizer::open(settings.model / "tokenizer.model");
  const llm::RefinerTemplate prompt_template = llm::RefinerTemplate::of_folder(settings.model);
  if (prompt_template.is_chat) {
    throw Error(ErrorKind::mismatch, settings.model.string() +
                                         " has a chat template; training takes a refiner.json with "
                                         "a plain \"template\"");
  }
  llm::LlamaForCausalLM model = open_llama(settings);
  DataOrder order(settings.loop.seed, source.size());

  Trainee trainee;
  trainee.name = "refiner";
  trainee.groups = {{make_trainable(*model, settings.loop.device), 1.0}};
  trainee.settings = source.description();
  trainee.settings["template"] = prompt_template.text;

  trainee.loss = [&](const MicroBatch& batch) {
    std::vector<RefinerExample> examples;
    std::size_t longest = 2;
    for (const std::uint64_t position : batch.positions) {
      RefinerExample example =
          encode_record(source.record(order.index(position)), prompt_template, tokenizer);
      const std::size_t length = example.question.size() + example.answer.size();
      if (length > static_cast<std::size_t>(model->config().max_position_embeddings)) continue;
      longest = std::max(longest, length);
      examples.push_back(std::move(example));
    }
    const auto rows = static_cast<std::int64_t>(examples.size()),
               columns = static_cast<std::int64_t>(longest);
    // Padding stands behind the texts, where causal attention does not let them see it.
    const at::Tensor ids = at::zeros({rows, columns}, at::kLong),
                     labels = at::full({rows, columns}, kIgnoredLabel, at::kLong);
    for (std::int64_t row = 0; row < rows; ++row) {
      const RefinerExample& example = examples[static_cast<std::size_t>(row)];
      std::int64_t* id = ids[row].data_ptr<std::int64_t>();
      std::int64_t* label = labels[row].data_ptr<std::int64_t>();
      std::copy(example.question.begin(), example.question.end(), id);
      std::copy(example.answer.begin(), example.answer.end(), id + example.question.size());
      std::copy(example.answer.begin(), example.answer.end(), label + example.question.size());
    }
    if (rows == 0) {
      throw Error(ErrorKind::mismatch,
                  "every record of a batch is longer than the model's context of " +
                      std::to_string(model->config().max_position_embeddings) + " tokens");
    }
    const NextTokenLoss loss =
        next_token_loss(model(ids.to(settings.loop.device)), labels.to(settings.loop.device));
    const auto tokens = static_cast<double>(loss.tokens);
    return MicroLoss{loss.sum, tokens, {{"token_accuracy", loss.correct / tokens}}};
  };
  trainee.evaluate = [&](std::int64_t) {
    const std::int64_t count =
        held_out.size() == 0
            ? settings.held_out_records
            : std::min(settings.held_out_records, static_cast<std::int64_t>(held_out.size()));
    llm::GenerateOptions options;
    options.max_new_tokens = prompt_template.max_new_tokens;
    options.stop = prompt_template.stop;
    if (tokenizer.eos_id() >= 0) options.eos_token_ids = {tokenizer.eos_id()};
    double exact = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const RefinerRecord record = held_out.record(static_cast<std::uint64_t>(i));
      llm::KVCache cache(model->config());
      const std::vector<std::int64_t> question =
          encode_record(record, prompt_template, tokenizer).question;
      if (std::ssize(question) >= model->config().max_position_embeddings) continue;
      const llm::Generated answer =
          llm::generate(model, cache, tokenizer, question, options, &cancellation);
      if (answer.text == record.refined) exact += 1;
    }
    Evaluation out;
    if (count > 0) out.metrics["held_out_exact"] = exact / static_cast<double>(count);
    return out;
  };
  trainee.save = [&] {
    write_part(
        settings.loop.out / "refiner", io::read_json(settings.model / "config.json"), *model,
        "model.safetensors", settings.output_dtype, settings.model,
        {"tokenizer.model", "refiner.json", "generation_config.json", "tokenizer_config.json"});
  };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
