#include "omr/session/session.h"

#include <algorithm>

#include "omr/core/error.h"
#include "omr/session/journal_reader.h"
#include "omr/session/paths.h"
#include "omr/session/prompt_syntax.h"
#include "omr/session/round_files.h"
#include "omr/session/user_text.h"

namespace omr::session {
namespace {

constexpr const char* kLoraPart = "lora ";
constexpr std::size_t kMaxInitialLatentsBytes = std::size_t{1} << 30;

std::string plain_text(const std::string& prompt) { return parse_weights(prompt).text; }

// Whether a journal is there that holds at least its first line.
bool holds_session(FileSystem& files, const std::filesystem::path& journal) {
  return files.exists(journal) &&
         files.read(journal, kMaxJournalBytes).find('\n') != std::string::npos;
}

// Whether a batch made the session, and nobody has gone on with it since.
bool is_a_batchs_own(FileSystem& files, const std::filesystem::path& path) {
  const Journal journal = read_journal(files.read(path, kMaxJournalBytes), path.string());
  const auto resumed = [](const Record& record) {
    return std::holds_alternative<ResumeRecord>(record);
  };
  return !journal.session.inputs.empty() &&
         std::none_of(journal.records.begin(), journal.records.end(), resumed);
}

// Adapters whose files are no longer those that the journal names.
std::vector<std::string> changed_loras(const Journal& journal, FileSystem& files) {
  std::map<std::string, std::string> named;  // file -> hash
  for (const LoraChoice& lora : journal.session.settings.loras) {
    const auto known = journal.session.sha256.find(lora_part(lora.file));
    if (known != journal.session.sha256.end()) named[lora.file] = known->second;
  }
  for (const Record& record : journal.records) {
    const auto* used = std::get_if<LoraRecord>(&record);
    if (used != nullptr && !used->sha256.empty()) named[used->lora.file] = used->sha256;
  }
  std::vector<std::string> changed;
  for (const auto& [file, hash] : named) {
    if (files.sha256(file) != hash) changed.push_back(lora_part(file));
  }
  return changed;
}

}  // namespace

std::string lora_part(const std::string& file) {
  return kLoraPart + std::filesystem::path(file).filename().string();
}

Session::Session(const Parts& parts, std::filesystem::path folder, std::string model,
                 std::unique_ptr<FileLock> lock, JournalWriter journal, SessionState state)
    : parts_(parts),
      folder_(std::move(folder)),
      model_(std::move(model)),
      lock_(std::move(lock)),
      journal_(std::move(journal)),
      state_(std::move(state)) {}

Session Session::start(const Parts& parts, const std::filesystem::path& folder,
                       const ModelIdentity& identity, const Settings& settings,
                       const SessionEvents& events, std::optional<InitialPicture> initial,
                       const Replayed& replayed) {
  check(settings);
  const SessionRecord record{parts.clock.now(), parts.user, identity.model,
                             identity.sha256,   settings,   replayed.inputs};
  SessionState state = initial_state(record);
  state.base_prompt();  // a prompt of nothing but negations is refused before a folder is made

  parts.files.create_folder(folder);
  std::unique_ptr<FileLock> lock = parts.files.lock(folder / kLockName);
  const std::filesystem::path path = folder / kJournalName;
  parts.files.remove_leftovers(folder);
  if (holds_session(parts.files, path)) {
    if (!replayed.begin_anew) {
      throw Error(ErrorKind::usage, folder.string() + " holds a session already; resume it with " +
                                        "--resume, or choose another folder");
    }
    if (!is_a_batchs_own(parts.files, path)) {
      throw Error(ErrorKind::usage, folder.string() +
                                        " holds a session that is not this batch's alone; move it "
                                        "away, or choose another folder");
    }
    // The journal goes last: until then the next attempt finds a session to begin anew.
    for (const std::string& name : parts.files.list(folder)) {
      if (is_round_file(name)) parts.files.remove(folder / name);
    }
  }
  if (initial) {
    parts.files.write_atomically(folder / kInitialLatentsName,
                                 parts.codec.encode_latents(to_list(*initial)));
  }
  // A journal whose first line is torn is a start that never happened.
  JournalWriter journal(parts.files, path, 0, parts.files.exists(path));
  const std::string line = journal.append(record);
  Session session(parts, folder, identity.model, std::move(lock), std::move(journal),
                  std::move(state));
  session.initial_ = std::move(initial);
  if (events.line) events.line(line);
  return session;
}

Session Session::resume(const Parts& parts, const std::filesystem::path& folder,
                        const ModelIdentity& identity, const SessionEvents& events,
                        Metadata metadata) {
  const std::filesystem::path path = folder / kJournalName;
  if (!parts.files.exists(path)) {
    throw Error(ErrorKind::io, folder.string() + " holds no session: there is no " + kJournalName);
  }
  std::unique_ptr<FileLock> lock = parts.files.lock(folder / kLockName);
  parts.files.remove_leftovers(folder);
  Journal read = read_journal(parts.files.read(path, kMaxJournalBytes), path.string());
  SessionState state = initial_state(read.session);
  for (std::size_t i = 0; i < read.records.size(); ++i) {
    try {
      session::apply(state, read.records[i]);
    } catch (const Error& error) {
      throw Error(ErrorKind::format, error.what())
          .in(path.string() + ", line " + std::to_string(i + 2));
    }
  }
  JournalWriter journal(parts.files, path, read.good_bytes, read.torn_bytes > 0);
  Session session(parts, folder, identity.model, std::move(lock), std::move(journal),
                  std::move(state));
  session.resumed_.torn_bytes = read.torn_bytes;
  session.resumed_.changed_parts = changed_loras(read, parts.files);
  for (const auto& [part, hash] : read.session.sha256) {
    if (part.starts_with(kLoraPart)) continue;
    const auto own = identity.sha256.find(part);
    if (own == identity.sha256.end() || own->second != hash) {
      session.resumed_.changed_parts.push_back(part);
    }
  }
  if (!session.state_.settings.init_image.empty()) {
    const std::filesystem::path initial = folder / kInitialLatentsName;
    session.initial_ = initial_picture_of(
        parts.codec.decode_latents(parts.files.read(initial, kMaxInitialLatentsBytes),
                                   initial.string()),
        initial.string());
  }
  for (const RoundNode& node : session.state_.rounds) {
    // The picked picture has a file of its own only where the user changed the pick.
    const std::string own = candidate_image_name(node.record.round, node.picked);
    if (parts.files.exists(folder / own)) show_picked(node, folder, parts);
  }
  session.commit(
      ResumeRecord{parts.clock.now(), read.torn_bytes, parts.user, metadata == Metadata::as_before},
      events);
  return session;
}

void Session::commit(const Record& record, const SessionEvents& events) {
  const std::string line = journal_.append(record);
  session::apply(state_, record);
  if (events.line) events.line(line);
}

const RoundMemory* Session::memory_of_current() {
  const int round = state_.current();
  if (round == 0) return nullptr;
  if (memory_round_ != round) {
    memory_ = load_round(state_.round(round), folder_, parts_);
    memory_round_ = round;
  }
  return &memory_;
}

std::filesystem::path Session::image_path(int round) const {
  return image_path(round, state_.round(round).picked);
}

std::filesystem::path Session::image_path(int round, int candidate) const {
  return folder_ / image_name(round, candidate, state_.round(round).picked);
}

int Session::candidate_of_current(const std::optional<int>& candidate) const {
  if (!state_.has_rounds()) throw Error(ErrorKind::usage, "there is no picture yet");
  const RoundNode& node = state_.round(state_.current());
  const int k = candidate.value_or(node.picked);
  const int candidates = static_cast<int>(node.record.candidates.size());
  if (k > candidates) {
    throw Error(
        ErrorKind::usage,
        "round " + std::to_string(node.record.round) + " has " +
            (candidates == 1 ? "one candidate" : std::to_string(candidates) + " candidates") +
            "; there is no candidate " + std::to_string(k));
  }
  return k;
}

// Chooses steps, candidates and strength for the time that a round may take, and journals what
// differs from before as if the user had: a replay draws the same however fast it is.
void Session::keep_pace(const SessionEvents& events, const Cancellation& cancellation) {
  const Settings& settings = state_.settings;
  if (!settings.round_seconds) return;
  std::optional<RoundCost> cost = measured_cost(state_);
  if (!cost) cost = probe_cost(cancellation);
  const RoundPace pace =
      fit_pace(settings, *settings.round_seconds, *cost, state_.has_rounds() || initial_);
  if (pace.steps != state_.options.steps) commit(StepsRecord{pace.steps}, events);
  if (pace.candidates != state_.options.candidates) {
    commit(CandidatesRecord{pace.candidates}, events);
  }
  if (pace.strength && pace.strength != state_.options.strength) {
    commit(StrengthRecord{*pace.strength}, events);
  }
}

// Before the first round nothing is measured: two small pictures, of which the second counts,
// since the first waits for memory and caches.
RoundCost Session::probe_cost(const Cancellation& cancellation) {
  ImageRequest request;
  request.prompt = state_.base_prompt().text;
  request.candidates.resize(1);
  request.steps = 2;
  request.guidance_scale = state_.settings.guidance_scale;
  request.scheduler = state_.settings.scheduler;
  request.width = state_.settings.width;
  request.height = state_.settings.height;
  RoundCost cost;
  for (int i = 0; i < 2; ++i) {
    const double begun = parts_.clock.seconds();
    parts_.image_model.generate(request, {}, cancellation);
    cost.seconds_per_call = (parts_.clock.seconds() - begun) / request.steps;
  }
  return cost;
}

Outcome Session::draw(const std::string& feedback, const SessionEvents& events,
                      const Cancellation& cancellation) {
  const double begun = parts_.clock.seconds();
  std::optional<RoundResult> result;
  std::string before;
  try {
    cancellation.check();
    keep_pace(events, cancellation);
    const RoundInputs inputs{state_, feedback, memory_of_current(),
                             initial_ ? &*initial_ : nullptr};
    if (state_.has_rounds()) before = state_.round(state_.current()).record.prompt;
    result = run_round(inputs, parts_, events, cancellation);
    store_round(*result, state_, model_, folder_, parts_);
    result->record.seconds["total"] = parts_.clock.seconds() - begun;
    commit(result->record, events);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      commit(DroppedRecord{feedback, "interrupted"}, events);
      return RoundCancelled{feedback};
    }
    try {
      commit(DroppedRecord{feedback, error.what()}, events);
    } catch (const Error&) {
      // A disk that takes no line about the failure; the failure itself is what the caller must
      // hear.
    }
    throw;
  }
  memory_ = std::move(result->memory);
  memory_round_ = result->record.round;
  RoundDone done;
  done.t = result->record.t;
  done.image = image_path(result->record.round);
  if (result->record.parent != 0) {
    done.prompt_diff = diff_prompts(plain_text(before), plain_text(result->record.prompt));
  }
  done.record = std::move(result->record);
  return done;
}

Outcome Session::draw_first(const SessionEvents& events, const Cancellation& cancellation) {
  if (state_.has_rounds()) throw Error(ErrorKind::usage, "the first round is drawn already");
  return draw("", events, cancellation);
}

Outcome Session::run(std::string_view line, const SessionEvents& events,
                     const Cancellation& cancellation) {
  const Command command = parse_command(line);
  if (over()) {
    throw Error(ErrorKind::usage,
                "the session has ended; resume " + folder_.string() + " to go on");
  }
  return std::visit([&](const auto& one) { return obey(one, events, cancellation); }, command);
}

void Session::end(const std::string& reason, const SessionEvents& events) {
  if (!over()) commit(EndRecord{reason}, events);
}

Outcome Session::obey(const Blank&, const SessionEvents&, const Cancellation&) { return Nothing{}; }

Outcome Session::obey(const Feedback& feedback, const SessionEvents& events,
                      const Cancellation& cancellation) {
  return draw(feedback.text, events, cancellation);
}

Outcome Session::obey(const AcceptCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  const int k = candidate_of_current(command.candidate);
  const int round = state_.current();
  const bool other = k != state_.round(round).picked;
  if (other) keep_unpicked(state_.round(round), folder_, parts_);
  commit(AcceptRecord{round, k}, events);
  if (other) show_picked(state_.round(round), folder_, parts_);
  return Accepted{round, k, image_path(round)};
}

Outcome Session::obey(const PickCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  const int k = candidate_of_current(command.candidate);
  const int round = state_.current();
  if (k != state_.round(round).picked) {
    const RoundNode& node = state_.round(round);
    std::vector<CandidateRewards> rewards;
    for (const CandidateRecord& candidate : node.record.candidates)
      rewards.push_back(candidate.rewards);
    const RewardTerms learnt =
        learn_multipliers(state_.multipliers, rewards, static_cast<std::size_t>(k - 1), 1,
                          state_.settings.learning_rate);
    keep_unpicked(node, folder_, parts_);
    commit(PickRecord{round, k, learnt}, events);
    show_picked(state_.round(round), folder_, parts_);
  } else {
    commit(PickRecord{round, k, state_.multipliers}, events);
  }
  return Picked{round, k, image_path(round), state_.multipliers};
}

Outcome Session::react(bool liked, const std::optional<int>& candidate,
                       const SessionEvents& events) {
  const int k = candidate_of_current(candidate);
  const RoundNode& node = state_.round(state_.current());
  RewardTerms learnt = state_.multipliers;
  const auto known = node.reactions.find(k);
  if (known == node.reactions.end() || known->second != liked) {  // said twice is heard once
    std::vector<CandidateRewards> rewards;
    for (const CandidateRecord& one : node.record.candidates) rewards.push_back(one.rewards);
    learnt = learn_multipliers(learnt, rewards, static_cast<std::size_t>(k - 1), liked ? 1 : -1,
                               state_.settings.learning_rate);
  }
  commit(ReactionRecord{liked, node.record.round, k, learnt}, events);
  return Reacted{liked, state_.current(), k, learnt};
}

Outcome Session::obey(const LikeCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  return react(true, command.candidate, events);
}

Outcome Session::obey(const DislikeCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  return react(false, command.candidate, events);
}

Outcome Session::move(Move how, int round, const SessionEvents& events) {
  const int from = state_.current();
  commit(MoveRecord{how, round}, events);
  return Moved{how, from, round, state_.round(round).record.prompt, image_path(round)};
}

Outcome Session::obey(const UndoCommand&, const SessionEvents& events, const Cancellation&) {
  const std::optional<int> round = state_.neighbour(-1);
  if (!round) throw Error(ErrorKind::usage, "there is no earlier round to go back to");
  return move(Move::undo, *round, events);
}

Outcome Session::obey(const RedoCommand&, const SessionEvents& events, const Cancellation&) {
  const std::optional<int> round = state_.neighbour(1);
  if (!round) throw Error(ErrorKind::usage, "nothing was undone that could be redone");
  return move(Move::redo, *round, events);
}

Outcome Session::obey(const GotoCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  state_.round(command.round);
  return move(Move::go_to, command.round, events);
}

Outcome Session::obey(const SeedCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  commit(SeedRecord{command.seed}, events);
  return OptionsChanged{state_.options};
}

Outcome Session::obey(const StrengthCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  commit(StrengthRecord{command.strength}, events);
  return OptionsChanged{state_.options};
}

Outcome Session::obey(const StepsCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  commit(StepsRecord{command.steps}, events);
  return OptionsChanged{state_.options};
}

Outcome Session::obey(const CandidatesCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  commit(CandidatesRecord{command.candidates}, events);
  return OptionsChanged{state_.options};
}

Outcome Session::obey(const LoraCommand& command, const SessionEvents& events,
                      const Cancellation&) {
  LoraRecord record{command.lora, {}};
  if (command.lora.weight != 0) {
    parts_.image_model.check_lora(command.lora);
    record.sha256 = parts_.files.sha256(command.lora.file);
  } else {
    bool on = false;
    for (const LoraChoice& lora : state_.options.loras) on |= lora.file == command.lora.file;
    if (!on) throw Error(ErrorKind::usage, command.lora.file + " is not in use");
  }
  commit(record, events);
  return OptionsChanged{state_.options};
}

Outcome Session::obey(const PromptCommand& command, const SessionEvents& events,
                      const Cancellation& cancellation) {
  prompt_by_hand(command.text, "");  // refuses what cannot be drawn, before it is journalled
  commit(PromptRecord{command.text}, events);
  return draw("", events, cancellation);
}

Outcome Session::obey(const WeightsCommand&, const SessionEvents&, const Cancellation&) {
  return ShowWeights{};
}
Outcome Session::obey(const ShowCommand&, const SessionEvents&, const Cancellation&) {
  return ShowState{};
}
Outcome Session::obey(const HelpCommand&, const SessionEvents&, const Cancellation&) {
  return ShowHelp{};
}

Outcome Session::obey(const QuitCommand&, const SessionEvents& events, const Cancellation&) {
  commit(EndRecord{"quit"}, events);
  return Quit{};
}

}  // namespace omr::session
