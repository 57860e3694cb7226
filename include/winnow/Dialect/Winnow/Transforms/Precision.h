//===- Precision.h - What winnow-assign-precision is told and tells -------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_PRECISION_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_PRECISION_H

#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include <optional>

namespace winnow {

/// The module's attribute with a row for each site.
inline constexpr llvm::StringLiteral kPrecisionTable = "winnow.precision";

/// 4, 6, 8, 16 or 32 bits.
bool isPrecision(int64_t bits);

/// `FILE.json[,bits=5|bytes=N|latency=SHARE|loss=ERROR][,by=...][,widths=4/6/8]`, or nothing.
std::optional<AssignPrecisionOptions> parseAssignPrecision(llvm::StringRef text);

/// The table of a module, for people; nothing without one.
void printPrecisionTable(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_PRECISION_H
