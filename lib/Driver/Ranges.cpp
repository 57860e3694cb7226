#include "Ranges.h"

#include "winnow/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace llvm;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

void Ranges::Channel::add(float value) {
  auto keep = [&](std::vector<float> &heap, auto isOuter) {
    if (heap.size() < kExtremes) {
      heap.push_back(value);
      std::push_heap(heap.begin(), heap.end(), isOuter);
    } else if (isOuter(value, heap.front())) {
      std::pop_heap(heap.begin(), heap.end(), isOuter);
      heap.back() = value;
      std::push_heap(heap.begin(), heap.end(), isOuter);
    }
  };
  keep(least, std::less<float>());
  keep(greatest, std::greater<float>());
  sum += value;
  ++count;
}

/// In the order of the numbers, as unsigned ones are.
static uint32_t getKey(float value) {
  uint32_t bits = bit_cast<uint32_t>(value);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static float getNumber(uint32_t key) {
  return bit_cast<float>(key >> 31 ? key & 0x7fffffffu : ~key);
}

void Ranges::add(const Array &array) {
  if (array.dtype != WINNOW_DTYPE_F32 || array.data.empty())
    return;
  size_t width = array.shape.empty() ? 1 : array.shape.back();
  size_t size = array.data.size() / sizeof(float);
  if (histogram.empty())
    histogram.resize(1 << 16);
  if (channels.size() < width)
    channels.resize(width);
  rows += size / width;
  for (size_t i = 0; i < size; ++i) {
    float value;
    memcpy(&value, array.data.data() + i * sizeof(float), sizeof(float));
    if (!std::isfinite(value))
      continue;
    ++count;
    low = std::min(low, value);
    high = std::max(high, value);
    ++histogram[getKey(value) >> 16];
    channels[i % width].add(value);
  }
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

double Ranges::getPercentile(double share) const {
  uint64_t rank = std::max<uint64_t>(std::ceil(share * count), 1), seen = 0;
  for (auto [bin, times] : enumerate(histogram)) {
    seen += times;
    // The middle of the bin, within what was there.
    if (seen >= rank)
      return std::clamp(getNumber((static_cast<uint32_t>(bin) << 16) | 0x8000u), low, high);
  }
  return high;
}

/// As short as reads back.
static json::Value number(double value) {
  if (!std::isfinite(value))
    return nullptr;
  std::string text;
  raw_string_ostream(text) << format("%.7g", value);
  double rounded = value;
  to_float(text, rounded);
  return rounded;
}

std::vector<float> Ranges::getAbsMaxima() const {
  std::vector<float> maxima;
  for (const Channel &channel : channels) {
    float largest = 0;
    for (const std::vector<float> &heap : {channel.least, channel.greatest})
      for (float value : heap)
        largest = std::max(largest, std::fabs(value));
    maxima.push_back(largest);
  }
  return maxima;
}

std::vector<float> Ranges::getMeans() const {
  std::vector<float> means;
  for (const Channel &channel : channels)
    means.push_back(channel.count ? channel.sum / channel.count : 0);
  return means;
}

json::Value Ranges::toJSON() const {
  if (count == 0)
    return nullptr;
  auto percentiles = json::Object();
  for (double percent : {0.001, 0.01, 0.1, 1.0, 99.0, 99.9, 99.99, 99.999}) {
    std::string name;
    raw_string_ostream(name) << format("%g", percent);
    percentiles[name] = number(getPercentile(percent / 100));
  }
  json::Object parts, lows, highs;
  json::Array mins, maxs, absMaxs, means;
  for (const Channel &channel : channels) {
    std::vector<float> least = channel.least, greatest = channel.greatest;
    llvm::sort(least);
    llvm::sort(greatest, std::greater<float>());
    float min = least.empty() ? 0 : least.front(), max = greatest.empty() ? 0 : greatest.front();
    mins.push_back(number(min));
    maxs.push_back(number(max));
  }
  for (float value : getAbsMaxima())
    absMaxs.push_back(number(value));
  for (float value : getMeans())
    means.push_back(number(value));
  parts["mean"] = std::move(means);
  parts["min"] = std::move(mins);
  parts["max"] = std::move(maxs);
  parts["abs_max"] = std::move(absMaxs);
  json::Object ends;
  for (double percent : {0.01, 0.1}) {
    // The value so far from an end is among those that are kept, or it is not known.
    uint64_t rank = std::max<uint64_t>(std::ceil(percent / 100 * rows), 1);
    if (rank > kExtremes)
      continue;
    json::Array atLow, atHigh;
    for (const Channel &channel : channels) {
      std::vector<float> least = channel.least, greatest = channel.greatest;
      llvm::sort(least);
      llvm::sort(greatest, std::greater<float>());
      size_t index = std::min<size_t>(rank, std::max<size_t>(least.size(), 1)) - 1;
      atLow.push_back(number(least.empty() ? 0 : least[index]));
      atHigh.push_back(number(greatest.empty() ? 0 : greatest[index]));
    }
    std::string lowName, highName;
    raw_string_ostream(lowName) << format("%g", percent);
    raw_string_ostream(highName) << format("%g", 100 - percent);
    ends[lowName] = std::move(atLow);
    ends[highName] = std::move(atHigh);
  }
  parts["percentiles"] = std::move(ends);
  return json::Object{{"min", number(low)},
                      {"max", number(high)},
                      {"abs_max", number(std::max(std::fabs(low), std::fabs(high)))},
                      {"percentiles", std::move(percentiles)},
                      {"channels", std::move(parts)}};
}
