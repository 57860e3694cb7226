#include "winnow/Support/RoundWeights.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace winnow;

static constexpr int kMaxMultiplier = 16;

static float getLargest(ArrayRef<float> weights) {
  float largest = 0;
  for (float weight : weights)
    largest = std::max(largest, std::fabs(weight));
  return largest;
}

static float round(float weight, float scale, float limit) {
  return std::clamp(std::nearbyint(weight / scale), -limit, limit);
}

static double getError(ArrayRef<float> weights, float scale, float limit) {
  double error = 0;
  for (float weight : weights) {
    double difference = round(weight, scale, limit) * scale - weight;
    error += difference * difference;
  }
  return error;
}

/// The scale at which clipping loses as little as rounding gains.
static float clip(ArrayRef<float> weights, float scale, float limit) {
  float chosen = scale;
  double least = getError(weights, scale, limit);
  for (int step = 1; step <= 8; ++step) {
    float tried = scale * (1 - 0.05f * step);
    if (double error = getError(weights, tried, limit); error < least) {
      least = error;
      chosen = tried;
    }
  }
  return chosen;
}

float winnow::roundWeights(ArrayRef<float> weights, int bits, MutableArrayRef<int8_t> numbers) {
  float limit = (1 << (bits - 1)) - 1, largest = getLargest(weights);
  std::fill(numbers.begin(), numbers.end(), 0);
  if (!(largest > 0) || !std::isfinite(largest))
    return 1;
  if (bits > 4) {
    float scale = largest / limit;
    if (bits < 8)
      scale = clip(weights, scale, limit);
    for (size_t i = 0; i < weights.size(); ++i)
      numbers[i] = static_cast<int8_t>(round(weights[i], scale, limit));
    return scale;
  }
  float scale = largest / (limit * kMaxMultiplier);
  for (size_t begin = 0; begin < weights.size(); begin += kRoundingBlock) {
    ArrayRef<float> block = weights.slice(begin, std::min<size_t>(kRoundingBlock, weights.size() - begin));
    int most = std::clamp<int>(std::ceil(getLargest(block) / (limit * scale)), 1, kMaxMultiplier);
    int chosen = most;
    double least = getError(block, most * scale, limit);
    for (int tried = most - 1; tried >= 1 && tried * 5 >= most * 3; --tried)
      if (double error = getError(block, tried * scale, limit); error < least) {
        least = error;
        chosen = tried;
      }
    for (size_t i = 0; i < block.size(); ++i)
      numbers[begin + i] = static_cast<int8_t>(chosen * round(block[i], chosen * scale, limit));
  }
  return scale;
}
