//===- Symbols.h - The model's named dimensions ---------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H
#define WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace winnow::import {

/// What is known of the model's dimensions: names, bounds, and the equations
/// between them that the graph implies.
///
/// An equation found half way makes everything built so far wrong, so that the
/// import starts again; symbols that an equation has removed are then gone. The
/// declared symbols ("all") thus differ from those of one attempt ("live").
class Symbols {
public:
  explicit Symbols(mlir::MLIRContext *context) : context(context) {}

  /// Adds a dimension name, or finds it.
  void declare(llvm::StringRef name);
  bool isDeclared(llvm::StringRef name) const { return indices.contains(name); }
  /// Adds a dimension whose value comes from data, at most `bound` if that is
  /// not null; false if it was there before, with its bound as it is now.
  bool declareData(llvm::StringRef name, mlir::AffineExpr bound);
  /// The name, or one with a number if this attempt has given it away already.
  std::string makeDataName(llvm::StringRef name);
  std::vector<std::string> getNames() const;

  /// Bounds from the user; equal ones remove the symbol.
  void setBounds(llvm::StringRef name, int64_t min, int64_t max);
  /// The same for a name that may be declared later; what nobody declared is left.
  void setPendingBounds(llvm::StringRef name, int64_t min, int64_t max) {
    pending[name] = {min, max};
  }
  std::vector<std::string> getPendingNames() const;

  /// Numbers the symbols that no equation has removed.
  void beginAttempt();
  /// The dimension of this name, over live symbols.
  mlir::AffineExpr get(llvm::StringRef name) const;
  llvm::ArrayRef<SymbolInfo> getLive() const { return live; }
  unsigned size() const { return live.size(); }

  /// Decisions that hold for all sizes; absent where they differ.
  std::optional<bool> isNonNegative(mlir::AffineExpr expr) const;
  std::optional<bool> isEqual(mlir::AffineExpr a, mlir::AffineExpr b) const;
  std::optional<bool> isLess(mlir::AffineExpr a, mlir::AffineExpr b) const;

  /// Proves the inequality or, if one symbol's bound decides it, tightens that
  /// bound and remarks `why`.
  bool requireNonNegative(mlir::AffineExpr expr, const llvm::Twine &why);

  /// Proves that the dimensions are equal, or makes them equal by removing a
  /// symbol: then the import must start again.
  enum class Unification { Equal, Restart, Impossible };
  Unification unify(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &why);
  /// Makes a symbol of the inputs a multiple of `factor`: it becomes `factor` times
  /// a new one, called `NAME/factor`, and the import must start again. Impossible for
  /// a symbol that data gives or whose bounds leave no multiple.
  Unification makeMultiple(unsigned symbol, int64_t factor, const llvm::Twine &why);

  /// `batch * (seq + 2)`: an expression in the user's words.
  std::string print(mlir::AffineExpr expr) const;
  std::string print(llvm::ArrayRef<mlir::AffineExpr> dims) const;

  llvm::ArrayRef<std::string> getRemarks() const { return remarks; }

private:
  struct Symbol {
    SymbolInfo info;
    /// What an equation says it is, over all symbols; null if it is free.
    mlir::AffineExpr solution;
    /// A data symbol's bound, over all symbols.
    mlir::AffineExpr bound;
  };
  /// Over symbols that are free; null if that has too many terms, which `solve`
  /// sees to for all solutions.
  mlir::AffineExpr substitute(mlir::AffineExpr expr,
                              llvm::ArrayRef<mlir::AffineExpr> solutions) const;
  llvm::SmallVector<mlir::AffineExpr> getSolutions() const;
  bool areSolutionsSimple() const;
  mlir::AffineExpr toLive(mlir::AffineExpr expr) const;
  mlir::AffineExpr toAll(mlir::AffineExpr expr) const;
  bool dependsOnData(mlir::AffineExpr expr, unsigned firstLive) const;
  /// Raises the minimum of the only symbol of an expression that does not fall when
  /// the symbol grows until the expression is not negative.
  bool raiseMinimum(mlir::AffineExpr expr, const llvm::Twine &why);
  bool solve(unsigned liveIndex, mlir::AffineExpr solution, const llvm::Twine &why);

  mlir::MLIRContext *context;
  std::vector<Symbol> all;
  llvm::StringMap<unsigned> indices;
  std::vector<SymbolInfo> live;
  std::vector<unsigned> liveToAll;
  std::vector<std::string> remarks;
  llvm::StringMap<std::pair<int64_t, int64_t>> pending;
  llvm::StringMap<unsigned> dataNames;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H
