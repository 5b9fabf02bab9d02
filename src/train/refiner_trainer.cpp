#include "omr/train/refiner_trainer.h"

#include <algorithm>
#include <optional>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/llm/generate.h"
#include "omr/llm/kv_cache.h"
#include "omr/llm/llama.h"
#include "omr/llm/refiner_answer.h"
#include "omr/train/initialise.h"
#include "omr/train/next_token_loss.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/fingerprint.h"
#include "train/jsonl.h"
#include "train/model_output.h"

namespace omr::train {
namespace {

llm::LlamaForCausalLM open_llama(const RefinerSettings& settings) {
  if (!settings.from_nothing)
    return llm::load_llama(settings.model, {}, !settings.full && settings.quantize_nf4);
  const io::Config config(settings.model / "config.json");
  llm::LlamaForCausalLM model(llm::LlamaConfig::from(config));
  initialise(*model, config, generator_for(settings.loop.seed, Purpose::weights, 0));
  return model;
}

// The records that the model has room for. An endless source is taken as it is: {}.
std::vector<std::uint64_t> records_that_fit(const RefinerSource& source, std::int64_t context,
                                            const llm::RefinerTemplate& prompt_template,
                                            const llm::SentencePieceTokenizer& tokenizer) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t i = 0; i < source.size(); ++i) {
    const RefinerExample example = encode_record(source.record(i), prompt_template, tokenizer);
    if (std::ssize(example.question) + std::ssize(example.answer) <= context) out.push_back(i);
  }
  if (source.size() > 0 && out.empty()) {
    throw Error(ErrorKind::format, "every one of the " + std::to_string(source.size()) +
                                       " records is longer than the model's context of " +
                                       std::to_string(context) + " tokens");
  }
  return out;
}

}  // namespace

RefinerExample encode_record(const RefinerRecord& record,
                             const llm::RefinerTemplate& prompt_template,
                             const llm::SentencePieceTokenizer& tokenizer) {
  RefinerExample out;
  out.question = tokenizer.encode(
      llm::fill_template(prompt_template.text, record.prompt, record.feedback), /*add_bos=*/true);
  // sentencepiece begins a text with a space, which is the one behind the template's last word.
  const std::string& label = prompt_template.answer_label;
  out.answer = tokenizer.encode((label.empty() ? "" : record.reasoning + "\n" + label + " ") +
                                record.refined +
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
  if (settings.from_nothing && !settings.full) {
    throw Error(ErrorKind::usage, "an adapter needs trained weights under it: give --init DIR");
  }
  llm::LlamaForCausalLM model = open_llama(settings);
  const std::vector<std::uint64_t> fitting =
      records_that_fit(source, model->config().max_position_embeddings, prompt_template, tokenizer);
  if (fitting.size() < source.size()) {
    observer.on_message(plural(source.size() - fitting.size(), "record") +
                        " left out: longer than the model's context of " +
                        std::to_string(model->config().max_position_embeddings) + " tokens");
  }
  DataOrder order(settings.loop.seed, fitting.size());

  Trainee trainee;
  trainee.name = "refiner";
  trainee.settings = source.description();
  trainee.settings["template"] = prompt_template.text;
  std::optional<LoraParameters> lora;
  if (settings.full) {
    trainee.groups = {{make_trainable(*model, settings.loop.device), 1.0}};
  } else {
    lora.emplace(*model, "", settings.lora, settings.loop.device,
                 generator_for(settings.loop.seed, Purpose::weights, 0));
    trainee.groups = {{lora->parameters(), 1.0}};
    trainee.settings["base"] = settings.quantize_nf4 ? "nf4" : "dense";
    trainee.settings["base_model"] = fingerprint_of_parts({settings.model});
    trainee.settings["rank"] = settings.lora.rank;
    trainee.settings["alpha"] = settings.lora.alpha;
    trainee.settings["target_modules"] = settings.lora.target_modules;
  }

  trainee.loss = [&](const MicroBatch& batch) {
    std::vector<RefinerExample> examples;
    std::size_t longest = 2;
    for (const std::uint64_t position : batch.positions) {
      const std::uint64_t index = order.index(position);
      RefinerExample example = encode_record(
          source.record(fitting.empty() ? index : fitting[index]), prompt_template, tokenizer);
      const std::size_t length = example.question.size() + example.answer.size();
      // Of an endless source; others were looked through at the start.
      if (length > static_cast<std::size_t>(model->config().max_position_embeddings)) continue;
      longest = std::max(longest, length);
      examples.push_back(std::move(example));
    }
    if (examples.empty()) {
      throw Error(ErrorKind::mismatch,
                  "every record of a batch is longer than the model's context of " +
                      std::to_string(model->config().max_position_embeddings) + " tokens");
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
      const auto text = llm::answer_behind(answer.text, prompt_template.answer_label);
      const std::string wanted = (prompt_template.answer_label.empty() ? "" : " ") + record.refined;
      if (text && *text == wanted) exact += 1;
    }
    Evaluation out;
    if (count > 0) out.metrics["held_out_exact"] = exact / static_cast<double>(count);
    return out;
  };
  trainee.save = [&] {
    if (lora) {
      link_part(settings.model, settings.loop.out / "refiner");
      io::write_peft_adapter(settings.loop.out / "refiner" / "adapter", lora->layers(), "refiner");
      return;
    }
    write_part(
        settings.loop.out / "refiner", io::read_json(settings.model / "config.json"), *model,
        "model.safetensors", settings.output_dtype, settings.model,
        {"tokenizer.model", "refiner.json", "generation_config.json", "tokenizer_config.json"});
  };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
