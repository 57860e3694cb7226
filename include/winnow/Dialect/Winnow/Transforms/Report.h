//===- Report.h - What each pass did at each site, and why not ------------===//
//
// A pass that does nothing silently is a defect. Every pass of this folder
// appends to the module's `winnow.report`, so that a dumped module carries it.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_REPORT_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_REPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/MapVector.h"
#include <string>

namespace winnow {

/// One place where a pass applied, or recognised its anchor and refused.
struct SiteReport {
  /// The pass's name without the prefix, e.g. `raise-attention`.
  std::string pass;
  /// The ONNX node where one is known, or file:line:column.
  std::string location;
  bool applied = false;
  /// Stable and machine-readable, e.g. `attention.mask-rank`.
  std::string code;
  /// For people; both numbers where numbers differ.
  std::string sentence;
};

/// `winnow.report`, in the order in which the passes ran.
llvm::SmallVector<SiteReport> getReports(mlir::ModuleOp module);
void appendReports(mlir::ModuleOp module, llvm::ArrayRef<SiteReport> reports);

/// A location in the user's words: the innermost name, else file:line:column.
std::string getLocationText(mlir::Location location);

/// Collects the reports of one run of one pass and writes them when destroyed.
class SiteReporter {
public:
  SiteReporter(mlir::ModuleOp module, llvm::StringRef pass)
      : module(module), pass(pass) {}
  ~SiteReporter();
  SiteReporter(const SiteReporter &) = delete;
  SiteReporter &operator=(const SiteReporter &) = delete;

  void applied(mlir::Location location, llvm::StringRef code, const llvm::Twine &sentence);
  void refused(mlir::Location location, llvm::StringRef code, const llvm::Twine &sentence);
  /// For rewrites too many and too small to list: one entry per code, at its
  /// first site, that says how many there were.
  void counted(mlir::Location location, llvm::StringRef code, llvm::StringRef what);

private:
  struct Count {
    std::string location, what;
    unsigned times = 0;
  };
  mlir::ModuleOp module;
  std::string pass;
  llvm::SmallVector<SiteReport> reports;
  llvm::MapVector<llvm::StringRef, Count> counts;
};

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_REPORT_H
