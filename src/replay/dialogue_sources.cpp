#include "omr/replay/dialogue_sources.h"

#include <filesystem>
#include <set>

#include "omr/core/error.h"
#include "omr/replay/results.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"

namespace omr::replay {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  Reader(session::FileSystem& files, const std::function<std::string()>& standard_input)
      : files_(files), standard_input_(standard_input) {}

  void read(const std::string& source) {
    if (source == "-") {
      read_lines(standard_input_(), "standard input");
    } else if (const fs::path path = source; !fs::is_directory(path)) {
      read_file(path);
    } else if (files_.exists(path / session::kJournalName)) {
      read_file(path / session::kJournalName);
    } else {
      read_folder(path);
    }
  }

  std::vector<session::Dialogue> take() { return std::move(dialogues_); }

 private:
  void read_file(const fs::path& path) {
    const std::string text = files_.read(path, session::kMaxJournalBytes);
    if (path.filename() == session::kJournalName) {
      const fs::path folder = fs::absolute(path).parent_path();
      session::Dialogue dialogue =
          session::dialogue_of_journal(text, id_of_folder(folder), path.string());
      dialogue.folder = folder;
      add(std::move(dialogue), path.string());
    } else {
      read_lines(text, path.string());
    }
  }

  void read_lines(const std::string& text, const std::string& source) {
    for (auto& one : session::read_dialogues(text, source, session::BadLines::keep))
      add(std::move(one), source);
  }

  void read_folder(const fs::path& path) {
    const std::size_t before = dialogues_.size();
    for (const std::string& name : files_.list(path)) {
      const fs::path entry = path / name;
      if (fs::is_directory(entry)) {
        if (files_.exists(entry / session::kJournalName)) read_file(entry / session::kJournalName);
      } else if (entry.extension() == ".jsonl" && !is_results_name(name)) {
        read_file(entry);
      }
    }
    if (dialogues_.size() == before) {
      throw Error(ErrorKind::usage, path.string() +
                                        " holds neither files of dialogues (*.jsonl) nor folders "
                                        "of sessions");
    }
  }

  void add(session::Dialogue dialogue, const std::string& source) {
    // A bad line has a made-up id, which stands for nothing.
    while (!dialogue.error.empty() && ids_.count(dialogue.id) != 0) dialogue.id += "-again";
    if (!ids_.insert(dialogue.id).second) {
      throw Error(ErrorKind::usage,
                  source + ": a second dialogue is called \"" + dialogue.id + "\"");
    }
    dialogues_.push_back(std::move(dialogue));
  }

  session::FileSystem& files_;
  const std::function<std::string()>& standard_input_;
  std::vector<session::Dialogue> dialogues_;
  std::set<std::string> ids_;
};

}  // namespace

std::string id_of_folder(const fs::path& folder) {
  const fs::path name = folder.filename().empty() ? folder.parent_path() : folder;
  std::string id;
  for (const char c : fs::absolute(name).lexically_normal().filename().string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    id += plain ? c : '-';
  }
  id = id.substr(0, session::kMaxDialogueIdBytes);
  const bool fits = !id.empty() && id[0] != '.' && id[0] != '-' && !session::is_own_name(id);
  return fits ? id : ("session" + id).substr(0, session::kMaxDialogueIdBytes);
}

std::vector<session::Dialogue> read_sources(const std::vector<std::string>& sources,
                                            session::FileSystem& files,
                                            const std::function<std::string()>& standard_input) {
  Reader reader(files, standard_input);
  for (const std::string& source : sources) reader.read(source);
  std::vector<session::Dialogue> dialogues = reader.take();
  if (dialogues.empty()) throw Error(ErrorKind::usage, "there is nothing to replay");
  return dialogues;
}

}  // namespace omr::replay
