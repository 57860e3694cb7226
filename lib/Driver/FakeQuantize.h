//===- FakeQuantize.h - Weights rounded to few bits -----------------------===//

#ifndef WINNOW_LIB_DRIVER_FAKEQUANTIZE_H
#define WINNOW_LIB_DRIVER_FAKEQUANTIZE_H

#include "winnow/Support/RoundWeights.h"

namespace winnow {

/// Rounds a weight to whole numbers of so many bits and back, as roundOutput does for each output.
void fakeQuantize(llvm::MutableArrayRef<float> weights, const WeightLayout &layout, int bits,
                  llvm::ArrayRef<float> factors);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_FAKEQUANTIZE_H
