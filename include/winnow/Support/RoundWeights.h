//===- RoundWeights.h - Weights as whole numbers of few bits --------------===//

#ifndef WINNOW_SUPPORT_ROUNDWEIGHTS_H
#define WINNOW_SUPPORT_ROUNDWEIGHTS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace winnow {

/// Inputs of an output that share a multiplier, where weights have 4 bits or fewer.
inline constexpr int64_t kRoundingBlock = 32;

/// Rounds the weights of one output to whole numbers that fit a byte, and returns their scale.
/// Symmetric. With 8 bits by the greatest absolute value; with 5 to 7 the range is clipped to where
/// the squared error is least. With 4 bits and fewer each block of inputs has a multiplier from
/// 1 to 16, the one with the least squared error, and numbers are multiples of it: a scale for
/// each block that needs half a byte, and an integer product that knows nothing of blocks.
float roundWeights(llvm::ArrayRef<float> weights, int bits, llvm::MutableArrayRef<int8_t> numbers);

/// The scale that roundWeights gives an output: 1 if its weights are all 0, or not finite. Squared
/// errors count by their `importance`, or all alike if there is none.
float chooseScale(llvm::ArrayRef<float> weights, int bits, llvm::ArrayRef<float> importance = {});
/// The multiplier that it gives a block of an output of that scale: 1 with 5 bits and more.
int chooseMultiplier(llvm::ArrayRef<float> block, float scale, int bits,
                     llvm::ArrayRef<float> importance = {});

/// Where the numbers of a weight [inputs, outputs] lie, or of [outputs, inputs] if it is transposed.
struct WeightLayout {
  int64_t inputs, outputs;
  bool isTransposed;
  int64_t place(int64_t input, int64_t output) const {
    return isTransposed ? output * inputs + input : input * outputs + output;
  }
};

/// Makes each input's maximum at least the greatest absolute weight that it meets.
void addWeightMaxima(llvm::ArrayRef<float> weights, const WeightLayout &layout,
                     llvm::MutableArrayRef<float> maxima);

/// What inputs are divided by, and weights multiplied with, before they are rounded, so that inputs
/// of a great range do not cost the others their bits (SmoothQuant, arXiv 2211.10438, eq. 4):
/// `inputMax^migration / weightMax^(1 - migration)`. Relative to their median, and powers of two, so
/// that nothing is rounded by that itself; 1 where an input or its weights are all 0.
std::vector<float> chooseInputFactors(llvm::ArrayRef<float> inputMaxima,
                                      llvm::ArrayRef<float> weightMaxima, double migration);

class InputMoments;

/// Rounds the weights of all outputs as roundWeights does, or as `moments` do where they are given,
/// after they were multiplied with `factors`, unless there are none. `numbers` lie as the weights do;
/// `number * scale / factor` stands for a weight.
void roundLayer(llvm::ArrayRef<float> weights, const WeightLayout &layout, int bits,
                llvm::ArrayRef<float> factors, const InputMoments *moments,
                llvm::MutableArrayRef<int8_t> numbers, llvm::MutableArrayRef<float> scales);

/// What an input of such means loses at each output by weights that roundLayer has rounded.
std::vector<float> sumMeanErrors(llvm::ArrayRef<float> weights, const WeightLayout &layout,
                                 llvm::ArrayRef<float> factors, llvm::ArrayRef<int8_t> numbers,
                                 llvm::ArrayRef<float> scales, llvm::ArrayRef<float> means);

} // namespace winnow

#endif // WINNOW_SUPPORT_ROUNDWEIGHTS_H
