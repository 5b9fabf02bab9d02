#include "omr/scenes/scene_edit.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

int differences(const ObjectDescription& a, const ObjectDescription& b) {
  return (a.shape != b.shape) + (a.colour != b.colour) + (a.size != b.size) + (a.place != b.place);
}

TEST(SceneEditTest, TheNewCaptionDescribesTheNewScene) {
  for (std::uint64_t index = 0; index < 2000; ++index) {
    Random random(13, index);
    const Scene before = sample_scene(random);
    const SceneEdit result = edit(before, random);
    EXPECT_FALSE(has_overlap(result.scene)) << result.caption;
    EXPECT_FALSE(result.feedback.empty());
    const Description said = read_caption(result.caption), seen = describe(result.scene);
    ASSERT_EQ(said.objects.size(), seen.objects.size()) << result.caption;
    EXPECT_EQ(said.background, seen.background);
    for (std::size_t i = 0; i < said.objects.size(); ++i) {
      ObjectDescription drawn = seen.objects[i];
      if (!said.objects[i].place) drawn.place.reset();
      EXPECT_EQ(said.objects[i], drawn) << result.caption;
    }
  }
}

TEST(SceneEditTest, WhatIsNotEditedStaysWhereItIs) {
  int kept = 0, total = 0;
  for (std::uint64_t index = 0; index < 500; ++index) {
    Random random(14, index);
    const Scene before = sample_scene(random);
    const SceneEdit result = edit(before, random, {0.0, 0.0, 3});
    for (const Object& object : result.scene.objects) {
      for (const Object& old : before.objects) {
        if (!(old == object)) continue;
        ++total;
        kept += old.center.x == object.center.x && old.center.y == object.center.y;
      }
    }
  }
  EXPECT_GT(kept, total * 9 / 10);  // but for those that had to make room
}

TEST(SceneEditTest, RefinerRecordsAreAFunctionOfSeedAndIndex) {
  std::set<std::string> all;
  for (std::uint64_t index = 0; index < 1000; ++index) {
    const RefinerRecord record = refiner_record(3, index);
    EXPECT_EQ(record.prompt, refiner_record(3, index).prompt);
    EXPECT_EQ(record.feedback, refiner_record(3, index).feedback);
    all.insert(record.prompt + record.feedback);
  }
  EXPECT_GT(all.size(), 980u);
}

TEST(SceneEditTest, RefinedPromptsSayNoMoreThanPromptAndFeedback) {
  int unsaid = 0;
  for (std::uint64_t index = 0; index < 1000; ++index) {
    const RefinerRecord record = refiner_record(3, index);
    const Description before = read_caption(record.prompt), after = read_caption(record.refined);
    EXPECT_EQ(caption(after), record.refined);
    if (!before.background && after.background) {
      EXPECT_NE(record.feedback.find("ackground"), std::string::npos) << record.feedback;
    }
    unsaid += !after.background;
  }
  EXPECT_GT(unsaid, 200);
}

TEST(SceneEditTest, HardNegativesDifferInOneAttribute) {
  for (std::uint64_t index = 0; index < 1000; ++index) {
    Random random(15, index);
    const Scene scene = sample_scene(random);
    const Scene changed = hard_negative(scene, random);
    EXPECT_FALSE(has_overlap(changed));
    ASSERT_EQ(changed.objects.size(), scene.objects.size());
    int count = changed.background != scene.background;
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      count += differences(describe(scene).objects[i], describe(changed).objects[i]);
    }
    EXPECT_EQ(count, 1) << caption(scene) << " / " << caption(changed);

    const Description said = describe(scene, {0.5, 0.5, 0.0, 0.5}, random);
    const Description other = hard_negative({scene, said}, random).said;
    count = said.background != other.background;
    for (std::size_t i = 0; i < said.objects.size(); ++i) {
      count += differences(said.objects[i], other.objects[i]);
    }
    EXPECT_EQ(count, 1) << caption(said) << " / " << caption(other);
  }
}

TEST(SceneEditTest, MiscountsHaveOneObjectTooManyOrTooFewAndTheOthersAsTheyWere) {
  int too_many = 0, alike = 0;
  for (std::uint64_t index = 0; index < 400; ++index) {
    Random random(16, index);
    const Scene scene = sample_scene(random);
    const Scene changed = miscounted(scene, random);
    EXPECT_FALSE(has_overlap(changed));
    EXPECT_EQ(changed.background, scene.background);
    const bool more = changed.objects.size() > scene.objects.size();
    const Description fuller = describe(more ? changed : scene);
    std::vector<ObjectDescription> left = describe(more ? scene : changed).objects;
    ASSERT_EQ(fuller.objects.size(), left.size() + 1);
    EXPECT_FALSE(left.empty());
    too_many += more;
    std::size_t at = 0;
    for (const ObjectDescription& object : fuller.objects) {
      if (at < left.size() && differences(object, left[at]) == 0) ++at;
    }
    EXPECT_EQ(at, left.size()) << caption(scene) << " / " << caption(changed);
    if (!more) continue;
    for (const ObjectDescription& object : left) {
      alike += object.shape == fuller.objects.back().shape;
      EXPECT_FALSE(object.shape == fuller.objects.back().shape &&
                   object.colour == fuller.objects.back().colour);
    }
  }
  EXPECT_GT(too_many, 150);
  EXPECT_LT(too_many, 350);
  EXPECT_GT(alike, too_many / 4) << "a second one of a shape is what drawers add";
}

TEST(SceneEditTest, AnEmptySceneIsRefused) {
  Random random(1);
  EXPECT_THROW(edit({}, random), Error);
  EXPECT_THROW(hard_negative(Scene{}, random), Error);
  EXPECT_THROW(miscounted({}, random), Error);
}

// Puts a record's change into its prompt, as one who reads it would.
Description changed(const RefinerRecord& record) {
  Description out = read_caption(record.prompt);
  for (std::string rest = record.change; !rest.empty() && rest != "nothing";) {
    const std::string one = rest.substr(0, rest.find("; "));
    rest = one.size() == rest.size() ? "" : rest.substr(one.size() + 2);
    const std::size_t to = one.find(" to ");
    if (one.rfind("add ", 0) == 0) {
      out.objects.push_back(read_caption(one.substr(4)).objects.at(0));
      continue;
    }
    if (one.rfind("the background to ", 0) == 0) {
      out.background = background_of(one.substr(to + 4));
      continue;
    }
    const bool removes = one.rfind("remove ", 0) == 0;
    const std::string before = removes ? one.substr(7) : one.substr(0, to);
    const auto found =
        std::find_if(out.objects.begin(), out.objects.end(),
                     [&](const ObjectDescription& object) { return caption(object) == before; });
    EXPECT_NE(found, out.objects.end()) << record.change;
    if (removes) {
      out.objects.erase(found);
    } else {
      *found = read_caption(one.substr(to + 4)).objects.at(0);
    }
  }
  return out;
}

TEST(SceneEditTest, ARecordsChangeLeadsFromPromptToRefinedPrompt) {
  int unchanged = 0;
  for (std::uint64_t index = 0; index < 1000; ++index) {
    const RefinerRecord record = refiner_record(4, index);
    EXPECT_EQ(caption(changed(record)), record.refined) << record.prompt << ": " << record.change;
    EXPECT_EQ(record.change == "nothing", record.prompt == record.refined);
    unchanged += record.change == "nothing" ? 1 : 0;
  }
  EXPECT_GT(unchanged, 20);
}

}  // namespace
}  // namespace omr::scenes
