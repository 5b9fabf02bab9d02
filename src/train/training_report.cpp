#include "omr/train/training_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string_view>

#include "omr/io/atomic_file.h"
#include "omr/io/png.h"

namespace omr::train {
namespace {

struct Curve {
  std::vector<std::pair<double, double>> points;  // step, value
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr const char* kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8) | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j > bytes.size() ? '=' : kAlphabet[(group >> (18 - 6 * j)) & 63];
    }
  }
  return out;
}

// At most this many points are drawn: each the mean of its neighbours, which also calms the curve.
constexpr std::size_t kMaxPoints = 400;

std::vector<std::pair<double, double>> thinned(const std::vector<std::pair<double, double>>& points) {
  if (points.size() <= kMaxPoints) return points;
  std::vector<std::pair<double, double>> out;
  for (std::size_t i = 0; i < kMaxPoints; ++i) {
    const std::size_t begin = i * points.size() / kMaxPoints, end = (i + 1) * points.size() / kMaxPoints;
    double step = 0, value = 0;
    for (std::size_t j = begin; j < end; ++j) {
      step += points[j].first;
      value += points[j].second;
    }
    const double count = static_cast<double>(end - begin);
    out.emplace_back(step / count, value / count);
  }
  return out;
}

std::string svg(const std::string& name, const Curve& curve) {
  constexpr double kWidth = 640, kHeight = 200, kLeft = 70, kBottom = 24, kTop = 10, kRight = 10;
  const auto points = thinned(curve.points);
  double low = points.front().second, high = low;
  for (const auto& [step, value] : points) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (high == low) high = low + (low == 0 ? 1 : std::abs(low) * 0.1);
  const double first = points.front().first, last = std::max(points.back().first, first + 1);
  std::string path;
  for (const auto& [step, value] : points) {
    const double x = kLeft + (step - first) / (last - first) * (kWidth - kLeft - kRight);
    const double y = kTop + (high - value) / (high - low) * (kHeight - kTop - kBottom);
    path += (path.empty() ? "M" : "L") + number(x) + " " + number(y);
  }
  const auto label = [&](double x, double y, const char* anchor, const std::string& text) {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" + text + "</text>";
  };
  return "<figure><figcaption>" + escaped(name) + ", last " + number(curve.points.back().second) +
         "</figcaption><svg viewBox=\"0 0 640 200\" role=\"img\"><rect x=\"70\" y=\"10\" width=\"560\" height=\"166\"/>" +
         label(kLeft - 6, kTop + 10, "end", number(high)) + label(kLeft - 6, kHeight - kBottom, "end", number(low)) +
         label(kLeft, kHeight - 6, "start", number(first)) + label(kWidth - kRight, kHeight - 6, "end", "step " + number(last)) +
         "<path d=\"" + path + "\"/></svg></figure>\n";
}

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "figure{margin:1em 0}svg{width:100%;height:auto}svg rect{fill:none;stroke:#ccc}"
    "svg path{fill:none;stroke:#1f63d6;stroke-width:1.5}svg text{font-size:11px;fill:#666}"
    "table{border-collapse:collapse}td{padding:.1em .8em .1em 0;vertical-align:top}"
    ".pictures{display:flex;flex-wrap:wrap;gap:1em}.pictures figure{max-width:200px;margin:0}"
    ".pictures img{width:100%;image-rendering:pixelated}.pictures figcaption{font-size:12px}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}svg rect{stroke:#444}svg text{fill:#999}}";

}  // namespace

void write_training_report(const std::filesystem::path& path, const TrainingReport& report) {
  std::map<std::string, Curve> curves;
  for (const io::Json& line : report.lines) {
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || !value.is_number() || !std::isfinite(value.get<double>())) continue;
      curves[name].points.emplace_back(line.at("step").get<double>(), value.get<double>());
    }
  }
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(report.title) +
                     "</title><meta name=\"viewport\" content=\"width=device-width\"><style>" + kStyle +
                     "</style></head><body>\n<h1>" + escaped(report.title) + "</h1>\n";
  if (const auto loss = curves.find("loss"); loss != curves.end()) {
    html += svg("loss", loss->second);
    curves.erase(loss);
  }
  if (!report.pictures.empty()) {
    html += "<h2>Samples</h2>\n<div class=\"pictures\">\n";
    for (const auto& [caption, picture] : report.pictures) {
      html += "<figure><img alt=\"\" src=\"data:image/png;base64," + base64(io::encode_png(picture)) + "\"><figcaption>" +
              escaped(caption) + "</figcaption></figure>\n";
    }
    html += "</div>\n";
  }
  html += "<h2>Curves</h2>\n";
  for (const auto& [name, curve] : curves) html += svg(name, curve);
  html += "<h2>Settings</h2>\n<table>\n";
  for (const auto& [name, value] : report.settings.items()) {
    html += "<tr><td>" + escaped(name) + "</td><td>" + escaped(value.is_string() ? value.get<std::string>() : value.dump()) +
            "</td></tr>\n";
  }
  io::write_atomically(path, html + "</table>\n</body></html>\n");
}

}  // namespace omr::train
