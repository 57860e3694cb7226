//===- MaskReader.h - Takes attention's masks apart -----------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_MASKREADER_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_MASKREADER_H

#include "MaskBand.h"

namespace winnow {

/// A finite fill this low leaves no weight, next to a visible score.
inline constexpr double kLowFill = -1e4;

/// Whether a finite fill absorbs every score: rows that it hides as a whole are
/// uniform, whatever the fill. The lowest f16 does not in f32, in which the
/// kernels and ONNX Runtime compute.
inline bool isAbsorbing(double fill) { return fill <= -1e30; }

/// Whether a mask is a bias and hides nothing: numbers that are looked up in
/// small tables, or computed from integers with small factors.
bool isBias(mlir::Value value, unsigned depth = 0);

/// The least finite number of a floating-point type.
double getLowest(mlir::Type element);

/// A part of a mask that is no band: booleans over some of its dimensions.
struct MaskCondition {
  mlir::Value value;
  Places places;
  bool isHidden;
};

/// Parts that one fill hides keys by.
struct MaskFill {
  double number;
  bool isCausal = false;
  /// It replaces other masks instead of being added to them.
  bool isOutside = false;
  llvm::SmallVector<MaskCondition> conditions{};
};

/// Takes the mask of an attention op apart: sums of masks; selects of 0 (or of a
/// sum) or a low number; conjunctions of conditions; through movement.
struct MaskReader {
  AttentionOp op;
  llvm::SmallVector<SymbolInfo> symbols;
  unsigned numSymbols;
  mlir::AffineExpr queries, keys;

  /// What was found.
  bool isCausal = false, isAtEnd = false;
  llvm::SmallVector<MaskFill> fills;
  llvm::SmallVector<std::pair<mlir::Value, Places>> added;

  explicit MaskReader(AttentionOp op);

  /// Reads the op's mask; false where parts of it do not go together.
  bool read();
  /// The only causal part is the lowest float, which is added to other masks
  /// that may hide keys.
  bool addsLowest(double lowest) const;
  /// Causality leaves a key to every query.
  bool seesSomeKey();
  /// What was found but for bands, as a mask of rank 4: what is added, and one select
  /// for each fill. Fills that absorb scores are the lowest float but where `isExact`.
  /// Null where there is nothing.
  mlir::Value join(mlir::OpBuilder &builder, bool isExact) const;

private:
  mlir::Value joinConditions(mlir::OpBuilder &builder,
                             mlir::ArrayRef<MaskCondition> conditions) const;
  void readCondition(mlir::Value value, mlir::ArrayRef<int> places, bool isHidden, MaskFill &into);
  /// Reads masks that are added up, within the fill of an outer select if there
  /// is one; false where they do not go together.
  bool readSum(mlir::Value value, mlir::ArrayRef<int> places, MaskFill *outer = nullptr);
  /// Makes the band the op's, if it is one that the op can say.
  bool take(const Band &band, MaskFill &into);
  /// Sums that share terms are as large as they are when written out.
  bool isTooLarge() { return ++visits > 256; }

  unsigned visits = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_MASKREADER_H
