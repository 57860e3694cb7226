//===- Import.h - ONNX files to the winnow dialect ------------------------===//

#ifndef WINNOW_IMPORT_ONNX_IMPORT_H
#define WINNOW_IMPORT_ONNX_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace winnow {

struct ImportOptions {
  /// Bounds for the dimension of this name; equal bounds make it static.
  struct DimOverride {
    std::string name;
    int64_t min, max;
  };
  std::vector<DimOverride> dims;

  /// Nodes that are imported, those of inlined functions and branches included,
  /// and operations that they are taken apart into.
  int64_t maxNodes = 1 << 20;
  /// Bytes of constants that a small file may make the importer produce, such
  /// as typed fields that are unpacked. Weights that stay in place are free.
  int64_t maxConstantFoldBytes = int64_t(1) << 31;
  /// Of the random operators that have no seed attribute.
  uint32_t seed = 0;
};

/// A node, input, initializer or output that the importer cannot take: a limit of
/// Winnow, where an error is a fault of the model.
struct Unsupported {
  enum class Kind { Node, Input, Initializer, Output } kind = Kind::Node;
  /// As in the model; an unnamed node is its operator and its place, and one of
  /// an inlined function or branch follows the caller's name and a slash.
  std::string name;
  /// The module that the exporter says the node came from, or empty.
  std::string scope;
  /// Empty for the default domain.
  std::string domain;
  std::string op;
  /// 0 where the model imports no opset of the domain.
  int64_t opset = 0;
  /// The elements of the first input that has a known type, numpy's way
  /// ("float32"), or the type that is refused; empty where neither is known.
  std::string dtype;
  std::string reason;
  /// What the user can do, or empty.
  std::string hint;

  /// One line for people, with the names quoted.
  std::string describe() const;
};

/// What an import found out about a model.
struct ImportFindings {
  std::vector<Unsupported> unsupported;
  /// All nodes that were visited, those of inlined functions included.
  int64_t numNodes = 0;
  /// Nodes that read the results of unsupported ones. Their operators were
  /// looked up, but what they do with their inputs could not be checked.
  int64_t numUnchecked = 0;
};

/// Reads an ONNX model, and the external data files beside it, as a module with
/// one function `main`:
///
///  * its arguments and results are the model's inputs and outputs, in order,
///    each with its exact name in the attribute `winnow.name`;
///  * `winnow.symbols` lists its named dimensions with their bounds, and every
///    dimension of every tensor is an expression over them;
///  * every op carries the name of the node it came from as a NameLoc;
///  * weights are resources that point into the parsed file, which lives as
///    long as the context.
///
/// A bound or an equality of dimensions that the model implies (a slice of a
/// position table, an addition of two differently named dimensions) becomes a
/// property of the symbols and is said in a remark. Everything that is
/// unsupported is listed in one error, or if the caller takes `findings` there
/// and not in an error. Diagnostics go to the context's handler; the result is
/// null when there was an error or something is unsupported.
mlir::OwningOpRef<mlir::ModuleOp> importONNX(llvm::StringRef path, mlir::MLIRContext &context,
                                             const ImportOptions &options = {},
                                             ImportFindings *findings = nullptr);

/// One row of the table that drives the importer: an operator and the opset
/// versions, inclusive, in which it has the meaning that the row implements.
struct SupportedOperator {
  /// Empty for the default domain.
  llvm::StringRef domain;
  llvm::StringRef name;
  int64_t minOpset, maxOpset;
};

/// The table, sorted by domain, name and opset.
std::vector<SupportedOperator> getSupportedOperators();

/// The newest opset whose changes have been read; later ones are refused.
int64_t getMaxOpset();

} // namespace winnow

#endif // WINNOW_IMPORT_ONNX_IMPORT_H
