//===- PackPlan.h - Which ops run on packed tokens ------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PACKPLAN_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PACKPLAN_H

#include "PaddingAnalysis.h"

namespace winnow {

/// The ops that run on packed tokens, and the layouts of their results.
class PackPlan {
public:
  PackPlan(mlir::func::FuncOp entry, const PaddingAnalysis &analysis);

  const TokenValue *find(mlir::Operation *op) const {
    auto found = packed.find(op);
    return found == packed.end() ? nullptr : &found->second;
  }
  /// The attention runs by sequences.
  bool isPacked(AttentionOp op) const { return packedAttentions.contains(op); }
  /// Why an attention does not.
  llvm::StringRef getReason(AttentionOp op) const { return reasons.lookup(op); }
  /// How many ops run on tokens of the space, attention apart.
  unsigned count(unsigned space) const {
    return llvm::count_if(packed, [&](auto &entry) { return entry.second.space == space; });
  }

private:
  bool canPack(mlir::Operation *op, const TokenValue &result) const;
  std::optional<TokenValue> getWanted(mlir::Operation *op) const;
  llvm::StringRef getObstacle(AttentionOp op) const;
  void choose(mlir::ArrayRef<mlir::Operation *> ops);

  const PaddingAnalysis *analysis;
  llvm::DenseMap<mlir::Operation *, TokenValue> packed;
  llvm::DenseSet<mlir::Operation *> packedAttentions;
  llvm::DenseMap<mlir::Operation *, llvm::StringRef> reasons;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PACKPLAN_H
