#include "omr/train/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"
#include "omr/io/sha256.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "step-";
constexpr const char* kUnfinished = ".unfinished";
constexpr const char* kState = "state.json";

std::string name_of(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "%s%08lld", kPrefix, static_cast<long long>(step));
  return text;
}

// Names of the whole checkpoints, newest first.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(kPrefix) && !name.ends_with(kUnfinished)) out.push_back(name);
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

void rename_durably(const fs::path& from, const fs::path& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code)
    throw Error(ErrorKind::io,
                "cannot rename " + from.string() + " to " + to.string() + ": " + code.message());
  const int fd = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::fsync(fd) != 0) {
    const int cause = errno;
    if (fd >= 0) ::close(fd);
    throw Error(ErrorKind::io,
                "cannot sync " + to.parent_path().string() + ": " + std::strerror(cause));
  }
  ::close(fd);
}

bool is_whole(const fs::path& folder, const io::Json& files) {
  for (const auto& [name, hash] : files.items()) {
    std::error_code code;
    if (!fs::is_regular_file(folder / name, code) ||
        io::sha256_file(folder / name) != hash.get<std::string>())
      return false;
  }
  return true;
}

io::NamedTensors tensors_of(const fs::path& path) {
  io::NamedTensors out;
  std::error_code code;
  if (!fs::exists(path, code)) return out;
  const auto file = io::SafetensorsFile::open(path);
  for (const io::TensorInfo& info : file->tensors())
    out.emplace_back(info.name, file->tensor(info.name));
  return out;
}

}  // namespace

void save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint, std::size_t keep) {
  const fs::path final_path = folder / name_of(checkpoint.step);
  const fs::path path = final_path.string() + kUnfinished;
  std::error_code code;
  fs::remove_all(path, code);
  fs::create_directories(path, code);
  if (code)
    throw Error(ErrorKind::io, "cannot create the folder " + path.string() + ": " + code.message());

  io::Json files = io::Json::object();
  const auto write = [&](const char* name, const io::NamedTensors& tensors) {
    if (tensors.empty()) return;
    io::write_safetensors(path / name, tensors);
    files[name] = io::sha256_file(path / name);
  };
  write("parameters.safetensors", checkpoint.parameters);
  write("optimizer.safetensors", checkpoint.optimizer);
  write("ema.safetensors", checkpoint.ema);
  write("trainee.safetensors", checkpoint.trainee);
  const io::Json state = {{"version", 1},
                          {"step", checkpoint.step},
                          {"settings", checkpoint.settings},
                          {"counters", checkpoint.counters},
                          {"sha256", files}};
  io::write_atomically(path / kState, state.dump(1) + "\n");
  fs::remove_all(final_path, code);  // of a run that was continued from an earlier step
  rename_durably(path, final_path);

  const std::vector<std::string> names = names_in(folder);
  for (std::size_t i = keep; i < names.size(); ++i) fs::remove_all(folder / names[i], code);
}

std::optional<Checkpoint> load_newest_checkpoint(const fs::path& folder,
                                                 std::vector<std::string>* broken) {
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    try {
      const io::Config state(path / kState);
      Checkpoint out;
      out.step = state.integer("step");
      if (is_whole(path, state.child("sha256").json())) {
        out.settings = state.child("settings").json();
        out.counters = state.child("counters").json();
        out.parameters = tensors_of(path / "parameters.safetensors");
        out.optimizer = tensors_of(path / "optimizer.safetensors");
        out.ema = tensors_of(path / "ema.safetensors");
        out.trainee = tensors_of(path / "trainee.safetensors");
        return out;
      }
    } catch (const Error&) {
      // Counted below: an older one may be whole.
    } catch (const io::Json::exception&) {
    }
    if (broken != nullptr) broken->push_back(name);
  }
  return std::nullopt;
}

}  // namespace omr::train
