//===- InputMoments.h - How inputs vary together, and rounding by it ------===//

#ifndef WINNOW_SUPPORT_INPUTMOMENTS_H
#define WINNOW_SUPPORT_INPUTMOMENTS_H

#include "winnow/Support/RoundWeights.h"

#include <optional>

namespace winnow {

/// Inputs of a layer whose moments are kept; those of one with more take too much memory.
inline constexpr int64_t kMostMomentInputs = 4096;

/// Rounds the weights of a layer so that the error of its output is small, not that of the weights:
/// what rounding one weight loses is made up for by the weights that are rounded after it, as far as
/// their inputs vary together (optimal brain surgery, GPTQ, arXiv 2210.17323, in the form of the
/// nearest plane: with the moments H = E[x x^T] = L L^T the error e of an output's weights costs
/// |L^T e|^2, and from the last input to the first each weight is rounded to where its own term is
/// least). Scales and multipliers are those with the least error of the output, if inputs were
/// independent.
class InputMoments {
public:
  static int64_t countElements(int64_t inputs) { return inputs * (inputs + 1) / 2; }

  /// Of the lower triangle of E[x x^T], row by row, of inputs that are divided by `factors`, unless
  /// there are none. A hundredth of the mean of the diagonal is added to it, as the samples do not
  /// say all. Nothing if that has no square root: infinite numbers, or a diagonal of zeros.
  static std::optional<InputMoments> create(llvm::ArrayRef<float> triangle, int64_t inputs,
                                            llvm::ArrayRef<float> factors);

  /// What roundLayer does with it.
  void round(llvm::ArrayRef<float> weights, const WeightLayout &layout, int bits,
             llvm::ArrayRef<float> factors, llvm::MutableArrayRef<int8_t> numbers,
             llvm::MutableArrayRef<float> scales) const;

private:
  const float *row(int64_t i) const { return &root[countElements(i)]; }
  void roundTile(llvm::ArrayRef<float> weights, const WeightLayout &layout, int bits,
                 llvm::ArrayRef<float> factors, int64_t first, int64_t count,
                 llvm::MutableArrayRef<int8_t> numbers, llvm::MutableArrayRef<float> scales) const;

  int64_t inputs = 0;
  std::vector<float> root;    ///< L, row by row
  std::vector<float> squares; ///< E[x^2], of each input
};

} // namespace winnow

#endif // WINNOW_SUPPORT_INPUTMOMENTS_H
