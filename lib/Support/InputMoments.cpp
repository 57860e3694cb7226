#include "winnow/Support/InputMoments.h"

#include "llvm/Support/Parallel.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace winnow;

static constexpr double kDamping = 0.01;

static float dot(const float *a, const float *b, int64_t count) {
  constexpr int64_t kSums = 16;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t lane = 0; lane < kSums; ++lane)
      sums[lane] += a[i + lane] * b[i + lane];
  float sum = 0;
  for (; i < count; ++i)
    sum += a[i] * b[i];
  for (float lane : sums)
    sum += lane;
  return sum;
}

std::optional<InputMoments> InputMoments::create(ArrayRef<float> triangle, int64_t inputs,
                                                 ArrayRef<float> factors) {
  InputMoments result;
  result.inputs = inputs;
  std::vector<float> &root = result.root;
  root.assign(triangle.begin(), triangle.end());
  auto at = [&](int64_t i) { return &root[countElements(i)]; };
  double diagonal = 0;
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t j = 0; j <= i && !factors.empty(); ++j)
      at(i)[j] /= factors[i] * factors[j];
    diagonal += at(i)[i];
    result.squares.push_back(at(i)[i]);
  }
  float damping = kDamping * diagonal / std::max<int64_t>(inputs, 1);
  if (!std::isfinite(damping) || !(damping > 0))
    return std::nullopt;
  for (float &square : result.squares)
    square += damping;
  // Rows of a block, first up to the block, each by itself, then within it.
  constexpr int64_t kBlock = 64;
  bool isPositive = true;
  for (int64_t begin = 0; begin < inputs && isPositive; begin += kBlock) {
    int64_t end = std::min(begin + kBlock, inputs);
    auto fill = [&](int64_t i, int64_t from, int64_t to) {
      float *row = at(i);
      for (int64_t j = from; j < to; ++j)
        row[j] = (row[j] - dot(row, at(j), j)) / at(j)[j];
    };
    parallelFor(begin, end, [&](size_t i) { fill(i, 0, begin); });
    for (int64_t i = begin; i < end; ++i) {
      fill(i, begin, i);
      float square = at(i)[i] + damping - dot(at(i), at(i), i);
      isPositive &= std::isfinite(square) && square > 0;
      at(i)[i] = std::sqrt(square);
    }
  }
  if (!isPositive)
    return std::nullopt;
  return result;
}

/// Outputs that are rounded together: their errors stay in the cache.
static constexpr int64_t kTile = 16;

void InputMoments::roundTile(ArrayRef<float> weights, const WeightLayout &layout, int bits,
                             ArrayRef<float> factors, int64_t first, int64_t count,
                             MutableArrayRef<int8_t> numbers, MutableArrayRef<float> scales) const {
  using Lanes = float[kTile];
  std::vector<float> storage(2 * inputs * kTile), column(inputs);
  auto *scaled = reinterpret_cast<Lanes *>(storage.data());
  auto *errors = reinterpret_cast<Lanes *>(storage.data() + inputs * kTile);
  float limit = (1 << (bits - 1)) - 1;
  for (int64_t lane = 0; lane < count; ++lane) {
    for (int64_t i = 0; i < inputs; ++i)
      scaled[i][lane] = column[i] =
          weights[layout.place(i, first + lane)] * (factors.empty() ? 1 : factors[i]);
    scales[first + lane] = chooseScale(column, bits, squares);
  }
  for (int64_t begin = (inputs - 1) / kRoundingBlock * kRoundingBlock; begin >= 0;
       begin -= kRoundingBlock) {
    int64_t end = std::min(begin + kRoundingBlock, inputs);
    // What is lost by the inputs behind, of the term of each.
    Lanes sums[kRoundingBlock] = {};
    auto add = [&](Lanes *to, int64_t i, const Lanes &error, int64_t from) {
      float factor = row(from)[i];
      for (int64_t lane = 0; lane < kTile; ++lane)
        to[i - begin][lane] += factor * error[lane];
    };
    for (int64_t from = end; from < inputs; ++from)
      for (int64_t i = begin; i < end; ++i)
        add(sums, i, errors[from], from);
    float steps[kTile];
    std::fill(steps, steps + kTile, 1);
    if (bits <= 4) {
      // Multipliers are for the weights that would make up for all of it, if they were not rounded.
      Lanes rest[kRoundingBlock], ideal[kRoundingBlock];
      std::copy(&sums[0][0], &sums[0][0] + kRoundingBlock * kTile, &rest[0][0]);
      for (int64_t i = end - 1; i >= begin; --i) {
        Lanes error;
        for (int64_t lane = 0; lane < kTile; ++lane) {
          error[lane] = -rest[i - begin][lane] / row(i)[i];
          ideal[i - begin][lane] = scaled[i][lane] - error[lane];
        }
        for (int64_t before = begin; before < i; ++before)
          add(rest, before, error, i);
      }
      for (int64_t lane = 0; lane < count; ++lane) {
        float block[kRoundingBlock];
        for (int64_t i = begin; i < end; ++i)
          block[i - begin] = ideal[i - begin][lane];
        steps[lane] = chooseMultiplier(ArrayRef(block, end - begin), scales[first + lane], bits,
                                       ArrayRef(squares).slice(begin, end - begin));
      }
    }
    for (int64_t i = end - 1; i >= begin; --i) {
      for (int64_t lane = 0; lane < count; ++lane) {
        float step = steps[lane] * scales[first + lane];
        float target = (scaled[i][lane] + sums[i - begin][lane] / row(i)[i]) / step;
        float number = std::isfinite(target) ? std::clamp(std::nearbyint(target), -limit, limit) : 0;
        numbers[layout.place(i, first + lane)] = static_cast<int8_t>(number * steps[lane]);
        errors[i][lane] = scaled[i][lane] - number * step;
      }
      for (int64_t before = begin; before < i; ++before)
        add(sums, before, errors[i], i);
    }
  }
}

void InputMoments::round(ArrayRef<float> weights, const WeightLayout &layout, int bits,
                         ArrayRef<float> factors, MutableArrayRef<int8_t> numbers,
                         MutableArrayRef<float> scales) const {
  int64_t tiles = (layout.outputs + kTile - 1) / kTile;
  parallelFor(0, tiles, [&](size_t tile) {
    int64_t first = tile * kTile;
    roundTile(weights, layout, bits, factors, first, std::min(kTile, layout.outputs - first), numbers,
              scales);
  });
}
