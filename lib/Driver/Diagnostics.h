//===- Diagnostics.h - MLIR's diagnostics in the user's words -------------===//

#ifndef WINNOW_LIB_DRIVER_DIAGNOSTICS_H
#define WINNOW_LIB_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace winnow {

/// `node '/encoder/MatMul'`, `model.mlir:3:5`, or nothing.
std::string describeLocation(mlir::Location loc);

/// Prints `winnow: error: where: what` and the notes to stderr; errors and
/// warnings only if `quiet`.
void printDiagnostic(const mlir::Diagnostic &diagnostic, bool quiet,
                     llvm::StringRef indent = "");

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_DIAGNOSTICS_H
