// Lines from a person (with editing and history), a pipe or a file: the same to a session.
#pragma once

#include <memory>
#include <string>

namespace omr::cli {

class LineReader {
 public:
  // `prompt` is shown only when standard input is a terminal; history lies in
  // $XDG_STATE_HOME/omr/history, readable by its owner only.
  explicit LineReader(std::string prompt);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  enum class Result { line, end, interrupted };

  // The next line without its line break. `interrupted` after a second Ctrl-C at the prompt, or the
  // first one where no prompt is shown. Lines over 1 MiB come cut to that length.
  Result next(std::string& line);

  bool interactive() const;

 private:
  struct Editor;
  Result next_plain(std::string& line);

  std::unique_ptr<Editor> editor_;  // null when standard input is no terminal
  std::string buffered_;
  bool at_end_ = false;
};

}  // namespace omr::cli
