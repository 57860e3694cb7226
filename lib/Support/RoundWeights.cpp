#include "winnow/Support/RoundWeights.h"
#include "winnow/Support/InputMoments.h"

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

static double getError(ArrayRef<float> weights, float scale, float limit, ArrayRef<float> importance) {
  double error = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    double difference = round(weights[i], scale, limit) * scale - weights[i];
    error += difference * difference * (importance.empty() ? 1 : importance[i]);
  }
  return error;
}

/// The scale at which clipping loses as little as rounding gains.
static float clip(ArrayRef<float> weights, float scale, float limit, ArrayRef<float> importance) {
  float chosen = scale;
  double least = getError(weights, scale, limit, importance);
  for (int step = 1; step <= 8; ++step) {
    float tried = scale * (1 - 0.05f * step);
    if (double error = getError(weights, tried, limit, importance); error < least) {
      least = error;
      chosen = tried;
    }
  }
  return chosen;
}

static float getLimit(int bits) { return (1 << (bits - 1)) - 1; }

float winnow::chooseScale(ArrayRef<float> weights, int bits, ArrayRef<float> importance) {
  float limit = getLimit(bits), largest = getLargest(weights);
  if (!(largest > 0) || !std::isfinite(largest))
    return 1;
  if (bits <= 4)
    return largest / (limit * kMaxMultiplier);
  return bits < 8 ? clip(weights, largest / limit, limit, importance) : largest / limit;
}

int winnow::chooseMultiplier(ArrayRef<float> block, float scale, int bits, ArrayRef<float> importance) {
  if (bits > 4)
    return 1;
  float limit = getLimit(bits);
  double largest = std::ceil(getLargest(block) / (limit * scale));
  int most = std::isfinite(largest) ? std::clamp<double>(largest, 1, kMaxMultiplier) : 1;
  int chosen = most;
  double least = getError(block, most * scale, limit, importance);
  for (int tried = most - 1; tried >= 1 && tried * 5 >= most * 3; --tried)
    if (double error = getError(block, tried * scale, limit, importance); error < least) {
      least = error;
      chosen = tried;
    }
  return chosen;
}

float winnow::roundWeights(ArrayRef<float> weights, int bits, MutableArrayRef<int8_t> numbers) {
  float limit = getLimit(bits), scale = chooseScale(weights, bits);
  std::fill(numbers.begin(), numbers.end(), 0);
  if (!std::isfinite(getLargest(weights)))
    return scale;
  for (size_t begin = 0; begin < weights.size(); begin += kRoundingBlock) {
    ArrayRef<float> block = weights.slice(begin, std::min<size_t>(kRoundingBlock, weights.size() - begin));
    int multiplier = chooseMultiplier(block, scale, bits);
    for (size_t i = 0; i < block.size(); ++i)
      numbers[begin + i] = static_cast<int8_t>(multiplier * round(block[i], multiplier * scale, limit));
  }
  return scale;
}

void winnow::addWeightMaxima(ArrayRef<float> weights, const WeightLayout &layout,
                             MutableArrayRef<float> maxima) {
  for (int64_t input = 0; input < layout.inputs; ++input)
    for (int64_t output = 0; output < layout.outputs; ++output)
      maxima[input] = std::max(maxima[input], std::fabs(weights[layout.place(input, output)]));
}

std::vector<float> winnow::chooseInputFactors(ArrayRef<float> inputMaxima, ArrayRef<float> weightMaxima,
                                              double migration) {
  std::vector<double> exponents(inputMaxima.size(), NAN), known;
  for (size_t i = 0; i < exponents.size(); ++i)
    if (inputMaxima[i] > 0 && weightMaxima[i] > 0 && std::isfinite(inputMaxima[i]) &&
        std::isfinite(weightMaxima[i])) {
      exponents[i] = migration * std::log2(inputMaxima[i]) - (1 - migration) * std::log2(weightMaxima[i]);
      known.push_back(exponents[i]);
    }
  std::vector<float> factors(exponents.size(), 1);
  if (known.empty())
    return factors;
  auto middle = known.begin() + known.size() / 2;
  std::nth_element(known.begin(), middle, known.end());
  for (size_t i = 0; i < factors.size(); ++i)
    if (!std::isnan(exponents[i])) // beyond 2^±20 a channel is as good as nothing
      factors[i] = std::ldexp(1.0f, std::clamp<double>(std::nearbyint(exponents[i] - *middle), -20, 20));
  return factors;
}

void winnow::roundLayer(ArrayRef<float> weights, const WeightLayout &layout, int bits,
                        ArrayRef<float> factors, const InputMoments *moments,
                        MutableArrayRef<int8_t> numbers, MutableArrayRef<float> scales) {
  if (moments)
    return moments->round(weights, layout, bits, factors, numbers, scales);
  std::vector<float> column(layout.inputs);
  std::vector<int8_t> rounded(layout.inputs);
  for (int64_t output = 0; output < layout.outputs; ++output) {
    for (int64_t input = 0; input < layout.inputs; ++input)
      column[input] = weights[layout.place(input, output)] * (factors.empty() ? 1 : factors[input]);
    scales[output] = roundWeights(column, bits, rounded);
    for (int64_t input = 0; input < layout.inputs; ++input)
      numbers[layout.place(input, output)] = rounded[input];
  }
}

std::vector<float> winnow::sumMeanErrors(ArrayRef<float> weights, const WeightLayout &layout,
                                         ArrayRef<float> factors, ArrayRef<int8_t> numbers,
                                         ArrayRef<float> scales, ArrayRef<float> means) {
  std::vector<float> errors(layout.outputs);
  for (int64_t output = 0; output < layout.outputs; ++output) {
    double sum = 0;
    for (int64_t input = 0; input < layout.inputs; ++input) {
      int64_t place = layout.place(input, output);
      sum += means[input] * (weights[place] - numbers[place] * scales[output] / factors[input]);
    }
    errors[output] = static_cast<float>(sum);
  }
  return errors;
}
