//===- Entries.h - The functions that a compiled model offers -------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_ENTRIES_H
#define WINNOW_DIALECT_WINNOW_IR_ENTRIES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The attribute of functions that callers of the compiled model reach: a unit attribute on
/// the model itself, a name such as "packed" on another form of it, which has inputs and
/// outputs of its own and reads the same weights.
inline constexpr llvm::StringLiteral kEntry = "winnow.entry";

/// The entries in their order. One of a well-formed module is the model itself, and no two
/// have one name.
llvm::SmallVector<mlir::func::FuncOp> getEntries(mlir::ModuleOp module);
/// The model itself, or null.
mlir::func::FuncOp getMainEntry(mlir::ModuleOp module);
/// The name of the form that the entry is, empty for the model itself.
llvm::StringRef getEntryForm(mlir::func::FuncOp entry);
/// The name that belongs to the entry of what there is once for each: `winnow.run`,
/// `winnow.run.packed`.
std::string getEntryName(llvm::StringRef name, llvm::StringRef form);

/// Says what is wrong if not exactly one entry is the model itself or two have one name.
mlir::LogicalResult verifyEntries(mlir::ModuleOp module, llvm::StringRef contract);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_ENTRIES_H
