//===- Symbols.h - The model's named dimensions ---------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H
#define WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
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
  bool isDeclared(llvm::StringRef name) const { return known.indices.contains(name); }
  /// Adds a dimension whose value comes from data, at most `bound` if that is
  /// not null; false if it was there before, with its bound as it is now.
  bool declareData(llvm::StringRef name, mlir::AffineExpr bound);
  /// The name, or one with a number if this attempt has given it away already.
  std::string makeDataName(llvm::StringRef name);
  /// How often this attempt has given each name away: what is imported again
  /// after setDataNames has the same names.
  using DataNames = llvm::StringMap<unsigned>;
  const DataNames &getDataNames() const { return dataNames; }
  void setDataNames(DataNames names) { dataNames = std::move(names); }

  /// While one lives, data symbols are declared in a region of the region before:
  /// what they are is not known outside it. A branch may not be taken: what it needs
  /// fixes no number outside it.
  class Region {
  public:
    explicit Region(Symbols &symbols, bool isBranch = false)
        : symbols(symbols), outer(symbols.region) {
      symbols.region = symbols.regions.size();
      symbols.regions.push_back({outer, isBranch});
    }
    ~Region() { symbols.region = outer; }
    Region(const Region &) = delete;

  private:
    Symbols &symbols;
    const unsigned outer;
  };
  /// The import is in a branch of an If that data decides.
  bool isInBranch() const { return isBranchSince(0); }
  /// All data symbols in the expression are known where the import is now.
  bool isVisible(mlir::AffineExpr expr) const;

  /// Remembers for later attempts that what has this name, a dimension that a
  /// loop hands on, changes from one iteration to the next. All else that the
  /// attempts have found out is forgotten: they took it to stay the same.
  void addVarying(llvm::StringRef name) {
    varying.insert(name);
    isMistaken = true;
  }
  bool isVarying(llvm::StringRef name) const { return varying.contains(name); }
  std::vector<std::string> getNames() const;

  /// Bounds from the user; equal ones remove the symbol.
  void setBounds(llvm::StringRef name, int64_t min, int64_t max);
  /// The same for a name that may be declared later; what nobody declared is left.
  void setPendingBounds(llvm::StringRef name, int64_t min, int64_t max) {
    known.pending[name] = {min, max};
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

  /// Something else that the user is told once.
  void addRemark(const llvm::Twine &remark);
  llvm::ArrayRef<std::string> getRemarks() const { return known.remarks; }

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
  /// Raises the minimum of the only symbol of an expression that does not fall when
  /// the symbol grows until the expression is not negative.
  bool raiseMinimum(mlir::AffineExpr expr, const llvm::Twine &why);
  /// Where and when an attempt has declared a data symbol.
  struct Place {
    unsigned region = 0;
    /// 0: it has not.
    unsigned order = 0;
  };
  /// All data symbols in the expression were declared before the place and in a
  /// region around it.
  bool isKnownAt(mlir::AffineExpr expr, const Place &place) const;
  /// The bound of a live symbol; null if it mentions later symbols. Capacities are
  /// computed in the order of the symbols, and bounds only spare them to grow.
  mlir::AffineExpr getOrderedBound(mlir::AffineExpr bound, unsigned index) const;
  bool solve(unsigned liveIndex, mlir::AffineExpr solution, const llvm::Twine &why);

  mlir::MLIRContext *context;
  /// What is known of all symbols.
  struct Knowledge {
    std::vector<Symbol> all;
    llvm::StringMap<unsigned> indices;
    std::vector<std::string> remarks;
    llvm::StringMap<std::pair<int64_t, int64_t>> pending;
  };
  Knowledge known;
  /// Before the first attempt.
  Knowledge knownFirst;
  bool isBegun = false, isMistaken = false;
  std::vector<SymbolInfo> live;
  std::vector<unsigned> liveToAll;
  DataNames dataNames;
  llvm::StringSet<> varying;
  struct RegionInfo {
    /// The region around it.
    unsigned outer = 0;
    bool isBranch = false;
  };
  /// A region from that number inwards is a branch.
  bool isBranchSince(unsigned outer) const;
  /// All regions of the attempt, and the one where the import is.
  std::vector<RegionInfo> regions;
  unsigned region = 0;
  /// By live symbol.
  std::vector<Place> places;
  unsigned numDeclared = 0;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SYMBOLS_H
