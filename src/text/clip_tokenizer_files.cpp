#include "text/clip_tokenizer_files.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"

namespace omr::text {
namespace {

namespace fs = std::filesystem;
using io::Json;

constexpr std::int64_t kMaxId = 1 << 24;
constexpr std::int64_t kUsualLength = 77;      // CLIP's
constexpr std::int64_t kLargestLength = 8192;  // above it the file means "no limit"
constexpr std::array<std::string_view, 7> kNamedTokens = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::format, where + ": " + what);
}

std::int64_t checked_id(const Json& value, const std::string& where, const std::string& name) {
  if (!value.is_number_integer() || value < 0 || value > kMaxId) {
    fail(where, "the id of \"" + printable(name) + "\" is " + value.dump() +
                    ", expected an integer from 0 to " + std::to_string(kMaxId));
  }
  return value.get<std::int64_t>();
}

void read_vocabulary(const Json& object, const std::string& where, CLIPTokenizerFiles& out) {
  if (!object.is_object() || object.empty()) fail(where, "expected an object of pieces and ids");
  out.vocabulary.reserve(object.size());
  for (const auto& [piece, id] : object.items()) {
    out.vocabulary.emplace(piece, checked_id(id, where, piece));
  }
}

std::pair<std::string, std::string> split_merge(const std::string& line, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    fail(where,
         "\"" + printable(line.substr(0, 80)) + "\" is not a merge: two pieces and one space");
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

void read_merges_file(const fs::path& path, CLIPTokenizerFiles& out) {
  std::istringstream lines(io::read_text(path));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.starts_with("#version")) continue;
    out.merges.push_back(split_merge(line, path.string() + ", line " + std::to_string(number)));
  }
}

void read_tokenizer_json(const Json& file, const std::string& where, CLIPTokenizerFiles& out) {
  const auto model = file.find("model");
  if (model == file.end() || !model->is_object()) fail(where, "has no model");
  if (const auto type = model->find("type"); type != model->end() && *type != "BPE") {
    throw Error(ErrorKind::mismatch,
                where + ": the model is " + type->dump() + ", expected \"BPE\"");
  }
  if (!model->contains("vocab") || !model->contains("merges"))
    fail(where, "has no vocab or merges");
  read_vocabulary((*model)["vocab"], where, out);
  if (!(*model)["merges"].is_array()) fail(where, "merges are not a list");
  for (const Json& merge : (*model)["merges"]) {
    if (merge.is_string()) {
      out.merges.push_back(split_merge(merge.get<std::string>(), where));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      out.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      fail(where, "a merge is neither a text nor two texts");
    }
  }
}

// "text", or {"content": "text", "normalized": …}. A bare text is looked for as it stands.
AddedToken parse_added_token(const Json& value, const std::string& where) {
  if (value.is_string()) return {.content = value.get<std::string>()};
  const auto content = value.is_object() ? value.find("content") : value.end();
  if (!value.is_object() || content == value.end() || !content->is_string()) {
    fail(where, "a special token is neither a text nor an object with \"content\"");
  }
  const auto flag = [&](const char* key, bool otherwise) {
    const auto found = value.find(key);
    if (found == value.end()) return otherwise;
    if (!found->is_boolean())
      fail(where, std::string("\"") + key + "\" of a special token is no boolean");
    return found->get<bool>();
  };
  if (flag("single_word", false)) {
    throw Error(ErrorKind::mismatch,
                where + ": special token with single_word, which omr does not know");
  }
  return {.content = content->get<std::string>(),
          .normalized = flag("normalized", !flag("special", false)),
          .lstrip = flag("lstrip", false),
          .rstrip = flag("rstrip", false)};
}

// The special tokens while the files are read, before ids are given.
class SpecialTokens {
 public:
  // Named tokens and lists of a tokenizer_config.json or special_tokens_map.json; later ones win.
  void read_names(const Json& file, const std::string& where) {
    for (std::string_view name : kNamedTokens) {
      const auto found = file.find(std::string(name));
      if (found == file.end() || found->is_null()) continue;
      AddedToken token = parse_added_token(*found, where);
      // A named token is special; "normalized" left out then means false.
      if (found->is_object() && !found->contains("normalized")) token.normalized = false;
      named_[std::string(name)] = token;
    }
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
      const auto found = file.find(key);
      if (found == file.end() || found->is_null()) continue;
      if (!found->is_array() && !found->is_object())
        fail(where, std::string(key) + " is not a list");
      extra_.clear();
      for (const Json& item : *found) {
        AddedToken token = parse_added_token(item, where);
        if (item.is_object() && !item.contains("normalized")) token.normalized = false;
        extra_.push_back(token);
      }
    }
  }

  void read_decoder(const Json& decoder, const std::string& where) {
    if (!decoder.is_object()) fail(where, "added_tokens_decoder is not an object");
    for (const auto& [id, value] : decoder.items()) {
      if (id.empty() || id.size() > 8 || id.find_first_not_of("0123456789") != std::string::npos) {
        fail(where,
             "\"" + printable(id.substr(0, 40)) + "\" in added_tokens_decoder is no token id");
      }
      listed_[std::stoll(id)] = parse_added_token(value, where);
    }
  }

  void read_added_list(const Json& list, const std::string& where) {
    if (!list.is_array()) fail(where, "added_tokens is not a list");
    for (const Json& item : list) {
      AddedToken token = parse_added_token(item, where);
      if (!item.is_object() || !item.contains("id")) fail(where, "an added token has no id");
      listed_[checked_id(item["id"], where, token.content)] = token;
    }
  }

  // Gives ids, in the order in which transformers adds the tokens.
  void finish(CLIPTokenizerFiles& out, const std::string& where, const std::string& pad_token) {
    const std::map<std::string, std::string> defaults = {{"bos_token", "<|startoftext|>"},
                                                         {"eos_token", "<|endoftext|>"},
                                                         {"unk_token", "<|endoftext|>"},
                                                         {"pad_token", pad_token}};
    for (const auto& [name, content] : defaults)
      named_.try_emplace(name, AddedToken{.content = content});
    for (const auto& [id, token] : listed_) add(token, out, where);
    const auto is_listed = [&](const AddedToken& token) {
      return std::any_of(listed_.begin(), listed_.end(),
                         [&](const auto& item) { return item.second.content == token.content; });
    };
    for (std::string_view name : kNamedTokens) {
      const auto found = named_.find(std::string(name));
      if (found != named_.end() && !is_listed(found->second)) add(found->second, out, where);
    }
    for (const AddedToken& token : extra_) {
      if (!is_listed(token)) add(token, out, where);
    }
    const auto id_of = [&](const char* name) {
      const std::string& content = named_.at(name).content;
      for (const AddedToken& token : out.added_tokens) {
        if (token.content == content) return token.id;
      }
      fail(where, std::string(name) + " is empty");
    };
    out.bos_token_id = id_of("bos_token");
    out.eos_token_id = id_of("eos_token");
    out.unk_token_id = id_of("unk_token");
    out.pad_token_id = id_of("pad_token");
  }

 private:
  static void add(AddedToken token, CLIPTokenizerFiles& out, const std::string& where) {
    if (token.content.empty()) return;
    if (const std::size_t at = find_invalid_utf8(token.content); at != std::string::npos) {
      fail(where, "a special token is not UTF-8");
    }
    for (AddedToken& known : out.added_tokens) {
      if (known.content != token.content) continue;
      token.id = known.id;
      known = token;
      return;
    }
    if (const auto found = out.vocabulary.find(token.content); found != out.vocabulary.end()) {
      token.id = found->second;
    } else {
      token.id = static_cast<std::int64_t>(out.vocabulary.size());
      for (const AddedToken& known : out.added_tokens) token.id = std::max(token.id, known.id + 1);
    }
    out.added_tokens.push_back(token);
  }

  std::map<std::string, AddedToken> named_;
  std::vector<AddedToken> extra_;
  std::map<std::int64_t, AddedToken> listed_;  // by id
};

std::optional<Json> read_optional(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  Json file = io::read_json(path);
  if (!file.is_object()) fail(path.string(), "expected a JSON object");
  return file;
}

}  // namespace

CLIPTokenizerFiles read_clip_tokenizer_files(const fs::path& folder, const std::string& pad_token) {
  const fs::path config_path = folder / "tokenizer_config.json";
  const fs::path map_path = folder / "special_tokens_map.json";
  const fs::path tokenizer_path = folder / "tokenizer.json";
  const std::optional<Json> config = read_optional(config_path);
  const std::optional<Json> tokenizer = read_optional(tokenizer_path);

  CLIPTokenizerFiles out;
  if (config && config->contains("tokenizer_class")) {
    const Json& kind = (*config)["tokenizer_class"];
    if (kind != "CLIPTokenizer" && kind != "CLIPTokenizerFast") {
      throw Error(ErrorKind::mismatch, config_path.string() + ": tokenizer_class is " +
                                           printable(kind.dump()) + ", expected \"CLIPTokenizer\"");
    }
  }
  if (tokenizer) {
    read_tokenizer_json(*tokenizer, tokenizer_path.string(), out);
  } else {
    read_vocabulary(io::read_json(folder / "vocab.json"), (folder / "vocab.json").string(), out);
    read_merges_file(folder / "merges.txt", out);
  }

  SpecialTokens special;
  if (config) special.read_names(*config, config_path.string());
  if (config && config->contains("added_tokens_decoder")) {
    special.read_decoder((*config)["added_tokens_decoder"], config_path.string());
  } else {
    if (const auto map = read_optional(map_path)) special.read_names(*map, map_path.string());
    if (tokenizer && tokenizer->contains("added_tokens")) {
      special.read_added_list((*tokenizer)["added_tokens"], tokenizer_path.string());
    }
  }
  special.finish(out, folder.string(), pad_token.empty() ? "<|endoftext|>" : pad_token);

  if (config) {
    const double length = io::Config(*config, config_path.string())
                              .number("model_max_length", static_cast<double>(kUsualLength));
    if (!(length >= 2)) fail(config_path.string(), "model_max_length is below 2");
    out.model_max_length = length > static_cast<double>(kLargestLength)
                               ? kUsualLength
                               : static_cast<std::int64_t>(length);
  }
  for (const auto& [piece, id] : out.vocabulary) out.vocab_size = std::max(out.vocab_size, id + 1);
  for (const AddedToken& token : out.added_tokens)
    out.vocab_size = std::max(out.vocab_size, token.id + 1);
  return out;
}

}  // namespace omr::text
