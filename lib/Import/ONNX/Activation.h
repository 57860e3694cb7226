//===- Activation.h - Activations that other operators name ---------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_ACTIVATION_H
#define WINNOW_LIB_IMPORT_ONNX_ACTIVATION_H

#include "OpImporter.h"

namespace winnow::import {

/// An activation that a recurrent operator names.
struct NamedActivation {
  llvm::StringLiteral name;
  mlir::Value (*apply)(OpImporter &n, mlir::Value x, double alpha, double beta);
  /// Defaults; absent where the function has no such parameter.
  std::optional<double> alpha, beta;
};

/// Null if there is none of this name, in whatever case.
const NamedActivation *findActivation(llvm::StringRef name);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_ACTIVATION_H
