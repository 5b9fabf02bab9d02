// Pictures and captions as trainers take them.
#include <memory>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/png.h"
#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/judge.h"
#include "omr/session/wishes.h"
#include "omr/train/alternating_preferences.h"
#include "omr/train/autoencoder_loss.h"
#include "omr/train/diffusion_loss.h"
#include "omr/train/image_folder.h"
#include "omr/train/sample_random.h"
#include "omr/train/scene_preferences.h"
#include "omr/train/scene_records.h"
#include "omr/train/scene_source.h"
#include "omr/train/timestep_bias.h"
#include "omr/train/training_pixels.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"
#include "train/fingerprint.h"

namespace omr::train {
namespace {

Image plain(int width, int height, std::uint8_t value) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3, value)};
}

TEST(ImageFolderTest, GoodLinesStayAndBadOnesAreCounted) {
  const TemporaryFolder folder;
  folder.write("a.png", io::encode_png(plain(3, 2, 7)));
  folder.write("sub/b.png", io::encode_png(plain(2, 2, 9)));
  folder.write("torn.png", "not a picture");
  folder.write("metadata.jsonl",
               "{\"file_name\": \"a.png\", \"text\": \"seven\", \"negative\": \"eight\"}\n"
               "\n{\"file_name\": \n"
               "{\"file_name\": \"torn.png\", \"text\": \"x\"}\n"
               "{\"file_name\": \"gone.png\", \"text\": \"x\"}\n"
               "{\"file_name\": \"a.png\", \"text\": \"\xff\"}\n"
               "{\"file_name\": \"sub/b.png\", \"text\": \"nine\"}");
  const ImageFolder source = ImageFolder::open(folder.path());
  EXPECT_EQ(source.size(), 2u);
  EXPECT_EQ(source.text(1, 0), "nine");
  EXPECT_EQ(source.image(1).pixels[0], 9);
  ASSERT_TRUE(source.hard_negative(0, 0));
  EXPECT_EQ(source.hard_negative(0, 0)->text, "eight");
  EXPECT_FALSE(source.hard_negative(1, 0));
  EXPECT_EQ(source.report().broken_lines, 2u);
  EXPECT_EQ(source.report().missing_files, 2u);
  EXPECT_NE(source.report().summary().find("line 3"), std::string::npos)
      << source.report().summary();
}

TEST(ImageFolderTest, ItsDescriptionIsOfTheLinesThatAreKeptAndOfTheirPictures) {
  const TemporaryFolder folder;
  folder.write("a.png", io::encode_png(plain(3, 2, 7)));
  folder.write("metadata.jsonl",
               "{\"file_name\": \"a.png\", \"text\": \"seven\"}\n"
               "{\"file_name\": \"b.png\", \"text\": \"nine\"}\n");
  const io::Json lacking = ImageFolder::open(folder.path()).description();
  EXPECT_EQ(ImageFolder::open(folder.path()).description(), lacking);
  folder.write("b.png", io::encode_png(plain(3, 2, 9)));
  const io::Json whole = ImageFolder::open(folder.path()).description();
  EXPECT_NE(whole, lacking);
  folder.write("b.png", io::encode_png(plain(3, 2, 10)));
  EXPECT_NE(ImageFolder::open(folder.path()).description(), whole);
}

TEST(FingerprintTest, ChangesAnywhereInASmallFileAndAtTheEndsOfALargeOneShow) {
  const TemporaryFolder folder;
  const auto of = [&](const std::string& text) {
    folder.write("weights.safetensors", text);
    return fingerprint(folder.path() / "weights.safetensors");
  };
  for (const std::size_t size : {0, 1, 5000, 2'000'000}) {
    const std::string text(size, 'w');
    EXPECT_EQ(of(text), of(text));
    EXPECT_NE(of(text), of(text + 'w'));
    std::vector<std::size_t> places;
    if (size > 0) places = {0, size - 1};
    if (size == 5000) places.push_back(2500);
    for (const std::size_t place : places) {
      std::string other = text;
      other[place] = 'v';
      EXPECT_NE(of(text), of(other)) << place << " of " << size;
    }
  }
  folder.write("README.md", "about");
  const std::string parts = fingerprint_of_parts({folder.path()});
  folder.write("README.md", "about it");
  EXPECT_EQ(fingerprint_of_parts({folder.path()}), parts);
  folder.write("adapter/adapter_config.json", "{}");
  EXPECT_NE(fingerprint_of_parts({folder.path()}), parts);
}

TEST(AutoencoderLossTest, ABatchInPartsIsTheSameBatch) {
  at::manual_seed(4);
  const at::Tensor made = at::randn({4, 3, 6, 5}), pixels = at::randn({4, 3, 6, 5}),
                   weights = at::rand({4, 1, 6, 5}) * 10;
  const diffusion::DiagonalGaussian posterior{at::randn({4, 2, 3, 2}), at::randn({4, 2, 3, 2})};
  const auto total = [&](std::int64_t first, std::int64_t count) {
    const auto part = [&](const at::Tensor& x) { return x.narrow(0, first, count); };
    return autoencoder_loss(part(made), part(pixels),
                            {part(posterior.mean), part(posterior.logvar)}, part(weights), {})
        .total;
  };
  EXPECT_TRUE(at::allclose((total(0, 1) + 3 * total(1, 3)) / 4, total(0, 4), 1e-5));
}

TEST(ImageFolderTest, FolderWithoutAUsablePictureIsRefused) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { ImageFolder::open(folder.path()); }).kind(), ErrorKind::io);
  folder.write("metadata.jsonl", "{\"file_name\": \"gone.png\", \"text\": \"x\"}\n");
  EXPECT_TRUE(says(error_of([&] { ImageFolder::open(folder.path()); }), "gone.png"));
}

TEST(SceneSourceTest, PicturesAndWordsAreFunctionsOfSeedIndexAndVariant) {
  const SceneSource source({.seed = 4, .size = 24}), again({.seed = 4, .size = 24}),
      other({.seed = 5, .size = 24});
  EXPECT_EQ(source.image(17).pixels, again.image(17).pixels);
  EXPECT_NE(source.image(17).pixels, other.image(17).pixels);
  bool varies = false;
  for (std::uint64_t variant = 0; variant < 20; ++variant) {
    EXPECT_EQ(source.text(17, variant), again.text(17, variant));
    ASSERT_TRUE(source.hard_negative(17, variant));
    EXPECT_NE(source.hard_negative(17, variant)->text, source.text(17, variant));
    varies = varies || source.text(17, variant) != source.text(17, 0);
  }
  EXPECT_TRUE(varies) << "words should be left out now and then";
  EXPECT_EQ(SceneSource({.seed = 4, .size = 24, .dense = true}).scene(3).objects.size(), 9u);
}

TEST(SceneSourceTest, APictureOfTheSceneIsWhollyRightAndAnotherOneIsNot) {
  const SceneSource source({.seed = 4, .size = 64, .captions = {0, 0, 0, 0}});
  const auto own = source.judge(17, 0, source.image(17)),
             other = source.judge(17, 0, source.image(18));
  ASSERT_TRUE(own && other);
  EXPECT_EQ(own->right, own->total);
  EXPECT_LT(other->right, other->total);
  EXPECT_GE(own->total, 5) << "four attributes of an object, and the background";
}

// What a caption leaves unsaid is the same in both pictures: only the words tell them apart.
TEST(SceneSourceTest, AHardNegativesPictureDiffersInWhatItsCaptionSaysAlone) {
  const SceneSource source({.seed = 6, .size = 128, .captions = {0.5, 0, 0, 0.5}});
  for (std::uint64_t index = 0; index < 40; ++index) {
    const scenes::Scene scene = source.scene(index);
    const auto negative = source.hard_negative(index, 1);
    ASSERT_TRUE(negative && negative->image);
    const scenes::Comparison comparison = scenes::compare(scene, scenes::judge(*negative->image));
    EXPECT_EQ(comparison.right(), comparison.total() - 1) << negative->text;
    const scenes::Description said = scenes::read_caption(negative->text);
    EXPECT_TRUE(scenes::compare(said, scenes::judge(*negative->image)).all_right());
    EXPECT_FALSE(scenes::compare(said, scenes::judge(source.image(index))).all_right());
  }
}

TEST(SceneRecordsTest, RecordsAreFunctionsOfSeedAndIndex) {
  EXPECT_EQ(SceneRecords(1).record(5).refined, SceneRecords(1).record(5).refined);
  EXPECT_NE(SceneRecords(1).record(5).prompt, SceneRecords(1).record(6).prompt);
}

TEST(SceneRecordsTest, WishesThatASessionHandsOneByOneAreOneWishARecord) {
  const SceneRecords any(1), one(1, true);
  int apart = 0, together = 0;
  for (std::uint64_t index = 0; index < 300; ++index) {
    const RefinerRecord record = one.record(index);
    EXPECT_EQ(record.prompt, any.record(index).prompt);
    EXPECT_EQ(session::split_wishes(record.feedback).size(), 1u) << record.feedback;
    apart += record.feedback != any.record(index).feedback;
    together += record.feedback.find(" it ") != std::string::npos;
  }
  EXPECT_GT(apart, 30);
  EXPECT_GT(together, 3) << "make the star bigger and move it to the left";
}

TEST(AlternatingPreferencesTest, PairsOfBothSourcesTakeTurns) {
  const ScenePreferences scenes(3, 32), others(4, 32);
  const AlternatingPreferences both(std::make_unique<ScenePreferences>(scenes),
                                    std::make_unique<ScenePreferences>(others));
  EXPECT_EQ(both.size(), 0u);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(both.pair(2 * i).prompt, scenes.pair(i).prompt);
    EXPECT_EQ(both.pair(2 * i + 1).prompt, others.pair(i).prompt);
  }
}

// Three pairs.
class FewPairs : public ScenePreferences {
 public:
  FewPairs() : ScenePreferences(5, 32) {}
  std::uint64_t size() const override { return 3; }
};

TEST(AlternatingPreferencesTest, ASourceThatEndsBeginsAgain) {
  const FewPairs few;
  const AlternatingPreferences both(std::make_unique<ScenePreferences>(3, 32),
                                    std::make_unique<FewPairs>());
  EXPECT_EQ(both.size(), 0u) << "scenes have no end";
  EXPECT_EQ(both.pair(2 * 4 + 1).prompt, few.pair(1).prompt);
  EXPECT_EQ(
      AlternatingPreferences(std::make_unique<FewPairs>(), std::make_unique<FewPairs>()).size(),
      6u);
}

TEST(TrainingPixelsTest, ObjectShareReachesTheNeighboursOfAnObjectsCells) {
  at::Tensor pixels = at::full({1, 3, 32, 40}, 0.5);
  pixels.slice(2, 16, 20).slice(3, 16, 24).fill_(-0.5);  // half of cell (2, 2)
  const at::Tensor share = object_share(pixels, 8);
  ASSERT_EQ(share.sizes(), (at::IntArrayRef{1, 1, 4, 5}));
  EXPECT_EQ(share.sum().item<float>(), 0.5f * 9);
  EXPECT_EQ(share[0][0][1][3].item<float>(), 0.5f);
  EXPECT_EQ(share[0][0][0][2].item<float>(), 0.0f);
}

TEST(DiffusionLossTest, CellWeightsAreTheSharesOfASamplesMean) {
  at::manual_seed(3);
  const at::Tensor prediction = at::randn({2, 4, 3, 5}), target = at::randn({2, 4, 3, 5}),
                   weights = at::tensor({2.0f, 0.5f});
  const at::Tensor plain = diffusion_loss(prediction, target, weights);
  EXPECT_TRUE(at::allclose(diffusion_loss(prediction, target, weights, at::full({2, 1, 3, 5}, 7.0)),
                           plain, 1e-6));
  at::Tensor one_cell = at::zeros({2, 1, 3, 5});
  one_cell.select(2, 1).select(2, 4).fill_(3);
  const at::Tensor error = (prediction - target).square();
  EXPECT_TRUE(at::allclose(diffusion_loss(prediction, target, weights, one_cell),
                           error.select(2, 1).select(2, 4).mean(1) * weights, 1e-6));
}

TEST(DiffusionLossTest, ShownObjectsCountLessTheMoreNoiseHidesThem) {
  const at::Tensor objects = at::tensor({0.0f, 0.5f, 1.0f}).view({1, 1, 1, 3}).repeat({3, 1, 1, 1});
  const at::Tensor signal_share = at::tensor({0.0f, 0.25f, 1.0f});
  EXPECT_TRUE(at::equal(
      ObjectWeights{.shown = 5}.of_cells(objects, signal_share),
      at::tensor({1.0f, 1.0f, 1.0f, 1.0f, 1.5f, 2.0f, 1.0f, 3.0f, 5.0f}).view({3, 1, 1, 3})));
  EXPECT_TRUE(
      at::equal(ObjectWeights{.whole = 3}.of_cells(objects, signal_share), 1 + 2 * objects));
  EXPECT_TRUE(ObjectWeights{}.even());
  EXPECT_FALSE(ObjectWeights{.shown = 2}.even());
}

TEST(TimestepBiasTest, TheNoisiestTimestepsComeAsMuchMoreOftenAsAskedFor) {
  const TimestepBias bias{.multiplier = 3.0, .portion = 0.25};
  EXPECT_EQ(bias.first_biased(1000), 750);
  int noisiest = 0, last = 0, beginning = 0;
  constexpr int kDraws = 6000;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    at::Generator generator = generator_for(3, Purpose::sample, i);
    const std::int64_t timestep = bias.draw(1000, generator);
    ASSERT_GE(timestep, 0);
    ASSERT_LT(timestep, 1000);
    noisiest += timestep >= 750 ? 1 : 0;
    last += timestep >= 950 ? 1 : 0;
    beginning += timestep < 250 ? 1 : 0;
  }
  // 3·¼ / (¾ + 3·¼); 5 % of the timesteps are a fifth of the noisiest; a third of the rest.
  EXPECT_NEAR(noisiest, kDraws / 2, 120);
  EXPECT_NEAR(last, kDraws / 10, 80);
  EXPECT_NEAR(beginning, kDraws / 6, 90);
}

TEST(TimestepBiasTest, WithoutABiasDrawsAreUniformOnes) {
  at::Generator one = generator_for(3, Purpose::sample, 1);
  at::Generator two = generator_for(3, Purpose::sample, 1);
  EXPECT_EQ(TimestepBias{}.draw(1000, one),
            at::randint(1000, {}, two, at::TensorOptions().dtype(at::kLong)).item<std::int64_t>());
}

TEST(TrainingPixelsTest, FitCoversTheSizeAndKeepsTheMiddle) {
  Image wide = plain(40, 10, 0);
  for (int y = 0; y < 10; ++y) {
    for (int x = 15; x < 25; ++x) wide.pixels[static_cast<std::size_t>(y * 40 + x) * 3] = 255;
  }
  const Image square = fit_image(wide, 10, 10);
  EXPECT_EQ(square.width, 10);
  EXPECT_EQ(square.height, 10);
  for (std::size_t i = 0; i < square.pixels.size(); i += 3) EXPECT_EQ(square.pixels[i], 255) << i;
  EXPECT_EQ(fit_image(wide, 7, 21).height, 21);
}

TEST(TrainingPixelsTest, BatchLiesInMinusOneToOneAndObjectsWeighMore) {
  Image picture = plain(8, 6, 255);
  for (std::size_t channel = 0; channel < 3; ++channel)
    picture.pixels[(2 * 8 + 3) * 3 + channel] = 0;
  const at::Tensor pixels = to_batch({picture, plain(8, 6, 0)});
  EXPECT_EQ(pixels.sizes(), at::IntArrayRef({2, 3, 6, 8}));
  EXPECT_EQ(pixels[0][1][2][3].item<float>(), -1);
  EXPECT_EQ(pixels[0][1][0][0].item<float>(), 1);
  const at::Tensor weights = object_weights(pixels, 4);
  EXPECT_EQ(weights.sizes(), at::IntArrayRef({2, 1, 6, 8}));
  EXPECT_EQ(weights[0][0][2][3].item<float>(), 4);
  EXPECT_EQ(weights.sum().item<float>(), 2 * 48 + 3);
}

}  // namespace
}  // namespace omr::train
