#include "train/training_report.h"

#include <cmath>
#include <cstdio>
#include <map>

#include "omr/io/atomic_file.h"
#include "omr/io/png.h"
#include "omr/report/html_page.h"
#include "omr/report/line_chart.h"

namespace omr::train {
namespace {

std::map<std::string, report::LineSeries> curves_of(const std::vector<io::Json>& lines) {
  std::map<std::string, report::LineSeries> curves;
  for (const io::Json& line : lines) {
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || !value.is_number() || !std::isfinite(value.get<double>())) continue;
      curves[name].name = name;
      curves[name].points.emplace_back(line.at("step").get<double>(), value.get<double>());
    }
  }
  return curves;
}

}  // namespace

void write_samples(const std::filesystem::path& folder, std::int64_t step,
                   const std::vector<std::pair<std::string, Image>>& pictures) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    char name[48];
    std::snprintf(name, sizeof name, "step-%08lld-%zu.png", static_cast<long long>(step), i + 1);
    io::write_atomically(folder / name,
                         io::encode_png(pictures[i].second, {{"Description", pictures[i].first}}));
  }
}

void write_training_report(const std::filesystem::path& path, const TrainingReport& training) {
  std::map<std::string, report::LineSeries> curves = curves_of(training.lines);
  const auto chart = [](const report::LineSeries& series) {
    return report::line_chart({series.name, "step", {series}});
  };
  report::Html body;
  if (const auto loss = curves.find("loss"); loss != curves.end()) {
    body += chart(loss->second);
    curves.erase(loss);
  }
  if (!training.pictures.empty()) {
    report::Html pictures;
    for (const auto& [caption, picture] : training.pictures)
      pictures += report::figure(io::encode_png(picture), caption);
    body += report::element("h2", "Samples");
    body += report::element("div", pictures, {{"class", "pictures"}});
  }
  body += report::element("h2", "Curves");
  for (const auto& [name, series] : curves) body += chart(series);
  std::vector<std::vector<report::Html>> rows;
  for (const auto& [name, value] : training.settings.items()) {
    rows.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  body += report::element("h2", "Settings");
  body += report::table({}, rows);
  io::write_atomically(path, report::html_page(training.title, body));
}

}  // namespace omr::train
