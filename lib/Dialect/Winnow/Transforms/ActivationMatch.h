//===- ActivationMatch.h - Activations that are several ops ---------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_ACTIVATIONMATCH_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_ACTIVATIONMATCH_H

#include "Utils.h"

namespace winnow {

/// Which activation, and its last op.
struct ActivationEnd {
  Activation activation;
  mlir::Operation *end;
};

/// x * sigmoid(factor * x), where x and the sigmoid have no other use.
std::optional<ActivationEnd> matchSwish(mlir::Value x);

/// relu(x)^2, where x and the relu have no other use.
std::optional<ActivationEnd> matchSquaredRelu(mlir::Value x);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_ACTIVATIONMATCH_H
