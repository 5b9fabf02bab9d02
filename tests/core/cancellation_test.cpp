#include "omr/core/cancellation.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"

#include "support/error_of.h"

namespace omr {
namespace {

TEST(CancellationTest, StopsOnlyWhileRequested) {
  Cancellation cancellation;
  EXPECT_NO_THROW(cancellation.check());
  cancellation.request();
  EXPECT_TRUE(cancellation.requested());
  EXPECT_EQ(error_of([&] { cancellation.check(); }).kind(), ErrorKind::cancelled);
  cancellation.clear();
  EXPECT_FALSE(cancellation.requested());
  EXPECT_NO_THROW(cancellation.check());
}

TEST(CancellationTest, IsSafeInASignalHandler) {
  static_assert(std::atomic<bool>::is_always_lock_free);
  static_assert(noexcept(std::declval<Cancellation&>().request()));
}

TEST(CancellationTest, ReachesWorkOnAnotherThread) {
  Cancellation cancellation;
  ErrorKind ended = ErrorKind::io;
  std::thread work([&] {
    try {
      for (;;) cancellation.check();
    } catch (const Error& error) {
      ended = error.kind();
    }
  });
  cancellation.request();
  work.join();
  EXPECT_EQ(ended, ErrorKind::cancelled);
}

TEST(ErrorTest, KeepsItsKindWhenAnOuterPlaceIsAdded) {
  const Error error =
      Error(ErrorKind::format, "byte 9 is wrong").in("unet/config.json").in("models/x");
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_STREQ(error.what(), "models/x: unet/config.json: byte 9 is wrong");
}

TEST(ExitCodeTest, FollowsFromTheKindOfError) {
  EXPECT_EQ(exit_code_of(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::cancelled), 130);
  for (const ErrorKind kind :
       {ErrorKind::io, ErrorKind::format, ErrorKind::mismatch, ErrorKind::resource}) {
    EXPECT_EQ(exit_code_of(kind), 1);
  }
}

}  // namespace
}  // namespace omr
