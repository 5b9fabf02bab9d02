#include "cli/session_sources.h"

#include <filesystem>
#include <functional>
#include <optional>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/io/sha256.h"
#include "omr/session/judgements.h"
#include "omr/session/paths.h"

#include "cli/disk.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::vector<fs::path> session_folders(const std::vector<std::string>& given,
                                      DiskFileSystem& files) {
  std::vector<fs::path> out;
  for (const std::string& name : given) {
    const fs::path folder = name;
    const std::size_t before = out.size();
    if (files.exists(folder / session::kJournalName)) {
      out.push_back(folder);
    } else {
      for (const std::string& entry : files.list(folder)) {
        if (files.exists(folder / entry / session::kJournalName)) out.push_back(folder / entry);
      }
    }
    if (out.size() == before) {
      throw Error(ErrorKind::usage, "--from-sessions " + name +
                                        ": neither a session's folder nor a folder of them (no " +
                                        session::kJournalName + " in it)");
    }
  }
  return out;
}

void for_each_session(const std::vector<std::string>& given,
                      const std::function<void(const fs::path&, const session::Journal&)>& use) {
  DiskFileSystem files;
  std::size_t unreadable = 0;
  std::string first;
  for (const fs::path& folder : session_folders(given, files)) {
    const fs::path path = folder / session::kJournalName;
    try {
      use(folder,
          session::read_journal(files.read(path, session::kMaxJournalBytes), path.string()));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::format) throw;
      if (++unreadable == 1) first = error.what();
    }
  }
  if (unreadable > 0)
    log::warn("skipped " + counted(unreadable, "session") + " (first: " + first + ")");
}

// A candidate's file, told by its hash: a later pick may have moved it.
std::optional<fs::path> picture_of(const fs::path& folder, const session::Judgement& judgement,
                                   int candidate, const std::string& sha256) {
  for (const std::string& name : {session::image_name(judgement.round, candidate, judgement.picked),
                                  session::candidate_image_name(judgement.round, candidate),
                                  session::picked_image_name(judgement.round)}) {
    const fs::path path = folder / name;
    std::error_code code;
    if (fs::is_regular_file(path, code) && io::sha256_file(path) == sha256)
      return fs::absolute(path);
  }
  return std::nullopt;
}

}  // namespace

std::vector<train::PreferenceEntry> preferences_of_sessions(
    const std::vector<std::string>& folders) {
  std::vector<train::PreferenceEntry> out;
  std::size_t sessions = 0, lost = 0;
  for_each_session(folders, [&](const fs::path& folder, const session::Journal& journal) {
    ++sessions;
    for (const session::Judgement& judgement : session::judgements_of(journal)) {
      const auto better = picture_of(folder, judgement, judgement.better, judgement.better_sha256);
      const auto worse = picture_of(folder, judgement, judgement.worse, judgement.worse_sha256);
      if (better && worse) {
        out.push_back({judgement.prompt, *better, *worse, 1.0});
      } else {
        ++lost;
      }
    }
  });
  log::info(counted(sessions, "session") + ": " + counted(out.size(), "pair"));
  if (lost > 0)
    log::warn("skipped " + counted(lost, "pair") + " whose pictures have changed or are gone");
  return out;
}

std::vector<train::RefinerRecord> refinements_of_sessions(const std::vector<std::string>& folders) {
  std::vector<train::RefinerRecord> out;
  std::size_t sessions = 0;
  for_each_session(folders, [&](const fs::path&, const session::Journal& journal) {
    ++sessions;
    for (session::AcceptedRefinement& step : session::accepted_refinements(journal))
      out.push_back({std::move(step.prompt), std::move(step.feedback), std::move(step.refined)});
  });
  log::info(counted(sessions, "session") + ": " + counted(out.size(), "accepted refinement"));
  return out;
}

}  // namespace omr::cli
