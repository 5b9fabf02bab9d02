#include "scenes/wordings.h"

namespace omr::scenes {
namespace {

constexpr bool kStatement = false;

constexpr Wording kColour[] = {{"make {o} {v}"},
                               {"make {o} {v}"},
                               {"turn {o} {v}"},
                               {"paint {o} {v}"},
                               {"color {o} {v}"},
                               {"change {o} to {v}"},
                               {"change the color of {o} to {v}"},
                               {"change the colour of {o} to {v}"},
                               {"give {o} a {v} color"},
                               {"use {v} for {o}"},
                               {"{o} should be {v}", kStatement},
                               {"{o} should be {v}", kStatement},
                               {"{o} must be {v}", kStatement},
                               {"{o} needs to be {v}", kStatement},
                               {"I want {o} in {v}", kStatement},
                               {"I want {o} to be {v}", kStatement},
                               {"I would like {o} to be {v}", kStatement},
                               {"I would prefer {o} in {v}", kStatement}};

constexpr Wording kSize[] = {{"make {o} {v}"},
                             {"make {o} {v}"},
                             {"draw {o} {v}"},
                             {"{o} should be {v}", kStatement},
                             {"{o} should be {v}", kStatement},
                             {"{o} must be {v}", kStatement},
                             {"{o} needs to be {v}", kStatement},
                             {"I want {o} {v}", kStatement},
                             {"I want {o} to be {v}", kStatement},
                             {"I would like {o} to be {v}", kStatement}};

constexpr Wording kBigger[] = {{"make {o} bigger"},
                               {"make {o} bigger"},
                               {"make {o} larger"},
                               {"make {o} a bit bigger"},
                               {"enlarge {o}"},
                               {"scale {o} up"},
                               {"increase the size of {o}"},
                               {"{o} should be bigger", kStatement},
                               {"{o} should be larger", kStatement},
                               {"{o} is too small", kStatement},
                               {"{o} is too small", kStatement},
                               {"{o} needs to be bigger", kStatement},
                               {"I want {o} bigger", kStatement},
                               {"I would like {o} to be larger", kStatement}};

constexpr Wording kSmaller[] = {{"make {o} smaller"},
                                {"make {o} smaller"},
                                {"make {o} a bit smaller"},
                                {"shrink {o}"},
                                {"scale {o} down"},
                                {"reduce the size of {o}"},
                                {"{o} should be smaller", kStatement},
                                {"{o} should be smaller", kStatement},
                                {"{o} is too big", kStatement},
                                {"{o} is too large", kStatement},
                                {"{o} needs to be smaller", kStatement},
                                {"I want {o} smaller", kStatement},
                                {"I would like {o} to be smaller", kStatement}};

constexpr Wording kShape[] = {{"turn {o} into a {v}"},
                              {"turn {o} into a {v}"},
                              {"make {o} a {v}"},
                              {"change {o} to a {v}"},
                              {"change {o} into a {v}"},
                              {"replace {o} with a {v}"},
                              {"replace {o} by a {v}"},
                              {"swap {o} for a {v}"},
                              {"use a {v} instead of {o}"},
                              {"draw a {v} instead of {o}"},
                              {"{o} should be a {v}", kStatement},
                              {"{o} should be a {v}", kStatement},
                              {"{o} must be a {v}", kStatement},
                              {"I want a {v} instead of {o}", kStatement},
                              {"I want {o} to be a {v}", kStatement},
                              {"I would rather have a {v} than {o}", kStatement}};

constexpr Wording kPlace[] = {{"move {o} {to}"},
                              {"move {o} {to}"},
                              {"move {o} {to}"},
                              {"put {o} {at}"},
                              {"place {o} {at}"},
                              {"shift {o} {to}"},
                              {"bring {o} {to}"},
                              {"{o} should be {at}", kStatement},
                              {"{o} should be {at}", kStatement},
                              {"{o} should go {to}", kStatement},
                              {"{o} must be {at}", kStatement},
                              {"{o} belongs {at}", kStatement},
                              {"I want {o} {at}", kStatement},
                              {"I would like {o} {at}", kStatement}};

constexpr Wording kBackground[] = {{"use a {v} background"},
                                   {"use a {v} background"},
                                   {"make the background {v}"},
                                   {"make the background {v}"},
                                   {"change the background to {v}"},
                                   {"set the background to {v}"},
                                   {"turn the background {v}"},
                                   {"put everything on a {v} background"},
                                   {"give it a {v} background"},
                                   {"the background should be {v}", kStatement},
                                   {"the background should be {v}", kStatement},
                                   {"the background must be {v}", kStatement},
                                   {"the background needs to be {v}", kStatement},
                                   {"I want a {v} background", kStatement},
                                   {"I would like a {v} background", kStatement}};

constexpr Wording kAdd[] = {{"add {a}"},
                            {"add {a}"},
                            {"add {a}"},
                            {"also draw {a}"},
                            {"draw {a} too"},
                            {"include {a}"},
                            {"put in {a}"},
                            {"there should be {a}", kStatement},
                            {"there should also be {a}", kStatement},
                            {"I want {a} too", kStatement},
                            {"I also want {a}", kStatement},
                            {"I would like to see {a}", kStatement},
                            {"I miss {a}", kStatement},
                            {"I asked for {a}", kStatement}};

constexpr Wording kRemove[] = {{"remove {o}"},
                               {"remove {o}"},
                               {"remove {o}"},
                               {"delete {o}"},
                               {"erase {o}"},
                               {"drop {o}"},
                               {"take {o} away"},
                               {"take out {o}"},
                               {"get rid of {o}"},
                               {"leave out {o}"},
                               {"leave {o} out"},
                               {"no {n} please", kStatement},
                               {"there should be no {n}", kStatement},
                               {"{o} should go away", kStatement},
                               {"{o} must go", kStatement},
                               {"{o} should not be there", kStatement},
                               {"I do not want {o}", kStatement},
                               {"I don't want {o}", kStatement},
                               {"I don't need {o}", kStatement}};

constexpr Wording kPraise[] = {{"I like it", kStatement},
                               {"I love it", kStatement},
                               {"looks great", kStatement},
                               {"looks good, keep it", kStatement},
                               {"very nice", kStatement},
                               {"nice work", kStatement},
                               {"that is better", kStatement},
                               {"perfect", kStatement},
                               {"good, more like this", kStatement},
                               {"this is what I wanted", kStatement},
                               {"great colors", kStatement},
                               {"well done", kStatement}};

constexpr std::string_view kDislike[] = {"I do not like it",
                                         "I don't like this one",
                                         "not what I had in mind",
                                         "this is not right",
                                         "hmm, no",
                                         "that is worse",
                                         "try again",
                                         "not good"};

}  // namespace

std::span<const Wording> wordings_of(EditKind kind) {
  switch (kind) {
    case EditKind::colour:
      return kColour;
    case EditKind::size:
      return kSize;
    case EditKind::bigger:
      return kBigger;
    case EditKind::smaller:
      return kSmaller;
    case EditKind::shape:
      return kShape;
    case EditKind::place:
      return kPlace;
    case EditKind::background:
      return kBackground;
    case EditKind::add:
      return kAdd;
    case EditKind::remove:
      return kRemove;
    case EditKind::praise:
      return kPraise;
  }
  return kPraise;
}

std::span<const std::string_view> wordings_of_disliking() { return kDislike; }

}  // namespace omr::scenes
