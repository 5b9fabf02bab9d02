#include "omr/session/dialogue.h"

#include <algorithm>
#include <set>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"
#include "omr/session/settings.h"
#include "omr/session/strict_json.h"

namespace omr::session {
namespace {

std::string checked_id(const std::string& id, const std::string& where) {
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (id.empty() || id.size() > kMaxDialogueIdBytes || !plain || id[0] == '.' || id[0] == '-') {
    throw Error(
        ErrorKind::format,
        where + ": the id \"" + printable(id.substr(0, 60)) +
            "\" cannot name a file; expected 1 to " + std::to_string(kMaxDialogueIdBytes) +
            " letters, digits, dots, hyphens and underscores, not beginning with a dot or hyphen");
  }
  if (is_own_name(id)) {
    throw Error(ErrorKind::format, where + ": the id \"" + id +
                                       "\" cannot name a folder: omr calls a file of its own so; "
                                       "choose another");
  }
  return id;
}

std::string id_of(const Fields& fields, const std::string& fallback) {
  for (const char* key : {"id", "question_id"}) {
    if (!fields.has(key)) continue;
    const Json& id = fields.json().at(key);
    if (id.is_number_integer()) return checked_id(id.dump(), fields.where());
    return checked_id(fields.text(key), fields.where());
  }
  return fallback;
}

// A message's content: a string, or a list of parts {"type":"text","text":…}.
std::string content_of(const Fields& message) {
  const Json* content = message.has("content") ? &message.json().at("content") : nullptr;
  if (content == nullptr || !content->is_array()) return message.text("content");
  std::string text;
  for (const Json& part : *content) {
    const Fields fields(part, message.where() + ": content");
    if (fields.text("type", "text") != "text") fields.fail("type", "\"text\"");
    if (!text.empty()) text += ' ';
    text += fields.text("text");
  }
  return text;
}

std::vector<std::string> turns_of_messages(const Fields& fields) {
  std::vector<std::string> turns;
  std::size_t number = 0;
  for (const Json& object : fields.array("messages", 4 * kMaxTurns)) {
    const Fields message(object, fields.where() + ": message " + std::to_string(++number));
    const std::string role = message.text("role");
    if (role == "user") {
      turns.push_back(content_of(message));
    } else if (role != "assistant" && role != "system") {
      message.fail("role", "\"user\", \"assistant\" or \"system\"");
    }
  }
  return turns;
}

std::vector<std::string> turns_of_turns(const Fields& fields) {
  std::vector<std::string> turns;
  for (const char* key : {"prompt", "initial_prompt"}) {
    if (turns.empty() && fields.has(key)) turns.push_back(fields.text(key));
  }
  std::size_t number = 0;
  for (const Json& turn : fields.array("turns", kMaxTurns)) {
    const std::string where = fields.where() + ": turn " + std::to_string(++number);
    if (turn.is_string()) {
      turns.push_back(turn.get<std::string>());
    } else if (turn.is_object()) {
      turns.push_back(Fields(turn, where).text("user_feedback"));
    } else {
      throw Error(ErrorKind::format,
                  where + ": expected a string or an object with \"user_feedback\"");
    }
  }
  return turns;
}

std::string line_number_id(std::size_t number) {
  std::string digits = std::to_string(number);
  return "line-" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

Dialogue read_dialogue(const JsonLine& line) {
  if (line.text.size() > kMaxRecordBytes) {
    throw Error(ErrorKind::format, line.where + ": the line is longer than " +
                                       std::to_string(kMaxRecordBytes) + " bytes");
  }
  return dialogue_of_json(parse_strict_json(line.text, line.where), line.where,
                          line_number_id(line.number));
}

// The first of "bad-line-0003", "bad-line-0003-2", … that no dialogue has.
std::string bad_line_id(std::size_t number, const std::set<std::string>& taken) {
  const std::string id = "bad-" + line_number_id(number);
  std::string out = id;
  for (int i = 2; taken.count(out) != 0; ++i) out = id + "-" + std::to_string(i);
  return out;
}

}  // namespace

bool is_own_name(std::string_view name) {
  return name == kJournalName || name == "report.html" || name == "golden.json" ||
         (name.starts_with("results.") && name.ends_with(".jsonl"));
}

Dialogue dialogue_of_json(const Json& object, const std::string& where,
                          const std::string& fallback_id) {
  const Fields fields(object, where);
  Dialogue dialogue;
  dialogue.id = id_of(fields, fallback_id);
  if (fields.has("seed")) dialogue.seed = fields.natural("seed");
  if (fields.has("settings")) {
    dialogue.settings = fields.object("settings").json();
    Settings trial;
    override_with(trial, dialogue.settings, where + ": settings");
  }
  if (fields.has("messages")) {
    dialogue.turns = turns_of_messages(fields);
  } else if (fields.has("turns")) {
    dialogue.turns = turns_of_turns(fields);
  } else {
    throw Error(ErrorKind::format, where + ": expected \"messages\" or \"turns\"");
  }
  if (dialogue.turns.empty() || dialogue.turns.size() > kMaxTurns) {
    throw Error(ErrorKind::format, where + ": expected 1 to " + std::to_string(kMaxTurns) +
                                       " turns of the user, found " +
                                       std::to_string(dialogue.turns.size()));
  }
  return dialogue;
}

std::vector<Dialogue> read_dialogues(std::string_view text, const std::string& where,
                                     BadLines bad) {
  std::vector<Dialogue> dialogues;
  std::set<std::string> ids;
  std::vector<std::pair<std::size_t, std::size_t>> wrong;  // position and line
  for (const JsonLine& line : json_lines(text, where)) {
    try {
      Dialogue dialogue = read_dialogue(line);
      if (!ids.insert(dialogue.id).second) {
        throw Error(ErrorKind::format,
                    line.where + ": the id \"" + dialogue.id + "\" appears twice");
      }
      dialogues.push_back(std::move(dialogue));
    } catch (const Error& error) {
      if (bad == BadLines::refuse) throw;
      wrong.emplace_back(dialogues.size(), line.number);
      dialogues.emplace_back().error = error.what();
    }
  }
  if (dialogues.empty()) throw Error(ErrorKind::format, where + " holds no dialogue");
  if (wrong.size() == dialogues.size()) throw Error(ErrorKind::format, dialogues.front().error);
  // Named last: none may take a good one's id.
  for (const auto& [position, number] : wrong) {
    dialogues[position].id = bad_line_id(number, ids);
    ids.insert(dialogues[position].id);
  }
  return dialogues;
}

}  // namespace omr::session
