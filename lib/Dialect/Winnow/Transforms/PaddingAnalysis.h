//===- PaddingAnalysis.h - Which values are only needed at valid tokens ---===//
//
// Facts for remove-padding, by dataflow from the masks of attention ops. The tokens that such
// a mask hides as keys are padding. Behind an attention op of which the queries are the same
// tokens, what stands at padded positions is nobody's answer: a value is a `TokenValue` where
// only its elements at valid tokens are defined. An op that lets others see the padded ones is
// why padding stays.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGANALYSIS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGANALYSIS_H

#include "MaskReader.h"
#include "TokenLayout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace winnow {

/// The tokens of one padded batch, told by a mask.
struct TokenSpace {
  /// Numbers or booleans that are nonzero exactly at valid tokens, or at the others.
  mlir::Value root;
  bool isValidNonZero;
  TokenLayout rootLayout;
  TokenGrid grid;
  /// The mask is arithmetic on numbers which are meant to be 0 or 1.
  bool needsZeroOrOne = false;
  /// Something reads the first token of each sequence, padded or not.
  bool readsFirst = false;
  /// Queries that are no tokens of the space attend to them.
  bool hasOtherQueries = false;
  /// The attention op that told of it.
  mlir::Operation *teller;

  /// Why padding stays; null while it goes.
  mlir::Operation *obstacle = nullptr;
  std::string code, reason;
};

struct TokenValue {
  unsigned space;
  TokenLayout layout;
};

/// What an attention op's mask hides.
struct AttentionSite {
  /// The space of which it hides padded keys.
  std::optional<unsigned> keys;
  /// What else the mask says, if it can be told apart.
  std::optional<MaskReader> rest;
  /// A part of the mask that was left out hides padded queries, which is nothing if they are
  /// tokens of the same space.
  bool hidesQueries = false;
  /// Queries and keys are made from one source, token by token.
  bool sharesSource = false;
  /// Queries and keys are the same tokens.
  bool isSelf = false;
  /// What the queries and the result are tokens of.
  std::optional<unsigned> queries;
};

class PaddingAnalysis {
public:
  /// With `packsInputs` what arguments hold for padded tokens is not known either, and padding
  /// is behind the tokens of each sequence.
  explicit PaddingAnalysis(mlir::func::FuncOp entry, bool packsInputs = false);

  llvm::SmallVector<TokenSpace> spaces;
  /// Values that are defined at valid tokens only. All others are the same as in the model.
  llvm::DenseMap<mlir::Value, TokenValue> tokens;
  llvm::DenseMap<mlir::Operation *, AttentionSite> attentions;
  /// Ops that read each sequence's first token.
  llvm::DenseSet<mlir::Operation *> firstReaders;

  /// Gives up a space, with a reason for people, and finds what that changes.
  void discard(unsigned space, mlir::Operation *op, llvm::StringRef code,
               const llvm::Twine &reason) {
    giveUp(space, op, code, reason);
    while (!walk())
      ;
  }
  bool isActive(std::optional<unsigned> space) const { return space && !spaces[*space].obstacle; }

  /// Nonzero exactly at valid tokens, or exactly at the others.
  bool isMask(mlir::Value value) const { return masks.contains(value); }
  /// Whether an argument is read as what it is for each token, and not only as a mask.
  bool isTokenInput(mlir::BlockArgument argument) const { return tokens.contains(argument); }

  const AttentionSite &getSite(mlir::Operation *attention) const {
    return attentions.find(attention)->second;
  }

  std::optional<TokenValue> getTokens(mlir::Value value) const {
    auto found = tokens.find(value);
    return found == tokens.end() ? std::nullopt : std::optional(found->second);
  }

private:
  struct Mask {
    unsigned space;
    TokenLayout layout;
    bool isValidNonZero;
    /// That it is one relies on the root to hold zeros and ones.
    bool isOfZeroOrOne = false;
  };

  void findSpaces();
  TokenSpace traceMask(AttentionOp op, mlir::Value condition, bool isHidden,
                       const TokenLayout &layout) const;
  std::optional<unsigned> addSpace(TokenSpace space);
  void readMask(AttentionOp op, AttentionSite &site);
  bool sharesSource(AttentionOp op, const TokenGrid &grid) const;
  /// One walk; false if a space was given up.
  bool walk();
  bool addInputs();
  bool visit(mlir::Operation *op);
  bool visitAttention(AttentionOp op, AttentionSite &site);
  bool visitReturn(mlir::Operation *op);
  void visitMask(mlir::Operation *op);
  bool hidesPadding(mlir::Operation *op, unsigned space) const;
  bool readsFirstToken(mlir::Operation *op, const TokenValue &value) const;
  bool giveUp(unsigned space, mlir::Operation *op, llvm::StringRef code, const llvm::Twine &reason);

  mlir::func::FuncOp entry;
  bool packsInputs;
  /// Values that are nonzero exactly at valid tokens, or exactly at the others.
  llvm::DenseMap<mlir::Value, Mask> masks;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGANALYSIS_H
