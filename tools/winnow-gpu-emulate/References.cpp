//===- References.cpp - What kinds of kernels mean, in double precision ---===//

#include "Cases.h"

#include <cmath>

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Linear layers and products
//===----------------------------------------------------------------------===//

static double activate(StringRef name, double x) {
  auto logistic = [](double y) { return 1 / (1 + std::exp(-y)); };
  if (name == "relu")
    return std::max(x, 0.0);
  if (name == "gelu")
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (name == "gelu_tanh")
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  if (name == "tanh")
    return std::tanh(x);
  if (name == "sigmoid")
    return logistic(x);
  if (name == "silu")
    return x * logistic(x);
  if (name == "quick_gelu")
    return x * logistic(1.702 * x);
  if (name == "squared_relu")
    return std::max(x, 0.0) * std::max(x, 0.0);
  return x;
}

/// Sums of f32 are off by some units in the last place of the sum of magnitudes.
static constexpr double kSumError = 1e-6;

static Expected computeLinear(Run &run) {
  const Buffer &x = run.buffers[0], &w = run.buffers[1], &out = run.buffers.back();
  int64_t rows = x.extent(0), depth = x.extent(1), n = run.integer("n"), width = w.extent(2);
  bool hasBias = run.flag("bias"), hasResidual = run.flag("residual");
  Expected expected;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < n; ++column) {
      double sum = 0, magnitude = 1;
      for (int64_t k = 0; k < depth; ++k) {
        double product = run.round(x.get(row * depth + k)) *
                         run.round(w.get((column / width * depth + k) * width + column % width));
        sum += product;
        magnitude += std::abs(product);
      }
      if (hasBias)
        sum += run.buffers[2].get(column);
      // Activations have slopes up to 1.13, and squared_relu twice its argument.
      double slope = 2 + 2 * std::abs(sum);
      sum = activate(run.string("activation", "none"), sum);
      if (hasResidual)
        sum += run.buffers[2 + hasBias].get(row * n + column);
      expected.values.push_back(sum);
      expected.tolerances.push_back(kSumError * magnitude * slope);
    }
  (void)out;
  return expected;
}

static Expected computeMatMul(Run &run) {
  const Buffer &a = run.buffers[0], &b = run.buffers[1], &out = run.buffers[2];
  int64_t rows = out.extent(1), columns = out.extent(2), depth = a.extent(2);
  bool transposed = run.flag("transpose_b");
  Expected expected;
  for (int64_t batch = 0; batch < out.extent(0); ++batch)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        double sum = 0, magnitude = 1;
        int64_t ofB = b.extent(0) == 1 ? 0 : batch;
        for (int64_t k = 0; k < depth; ++k) {
          int64_t at = transposed ? (ofB * columns + column) * depth + k
                                  : (ofB * depth + k) * columns + column;
          double product =
              run.round(a.get((batch * rows + row) * depth + k)) * run.round(b.get(at));
          sum += product;
          magnitude += std::abs(product);
        }
        expected.values.push_back(sum);
        expected.tolerances.push_back(kSumError * magnitude);
      }
  return expected;
}

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

void fillInputs(Run &run) {
  if (run.kind() != "linear")
    return;
  // Behind the last column of the weights' panels is nothing that counts.
  Buffer &w = run.buffers[1];
  int64_t depth = w.extent(1), width = w.extent(2);
  for (int64_t at = 0; at < w.size(); ++at)
    if (at / (depth * width) * width + at % width >= run.integer("n"))
      w.set(at, std::numeric_limits<double>::quiet_NaN());
}

FailureOr<Expected> computeReference(Run &run) {
  if (run.kind() == "linear")
    return computeLinear(run);
  if (run.kind() == "matmul")
    return computeMatMul(run);
  return failure();
}

} // namespace winnow::gpu
