//===- Attention.h - The parts of the attention kernel --------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_ATTENTION_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_ATTENTION_H

#include "GemmTile.h"
#include "KernelBuilder.h"

namespace winnow::cpu {

enum class MaskKind { none, boolean, additive };

struct Attention {
  Value query, key, value, mask, out;
  /// Where sequences that are packed begin, [batch + 1]; null otherwise.
  Value queryOffsets, keyOffsets;
  Value keyLengths; ///< [batch], with keyOffsets
  /// The first keys and values, which the kernel copies to `key` and `value` as it
  /// comes to them; null where they are there already.
  Value pastKey, pastValue;
  /// The rows and columns of the mask that packed tokens have, [tokens].
  Value queryPositions, keyPositions;
  /// The rows of the query that attend, and of `out` that are written, [batch, heads,
  /// rows]; null where all do.
  Value queryRows;
  MaskKind maskKind;
  double scale;
  double softcap = 0; ///< none where it is 0
  /// Keys and values are [batch, heads, length, size], as a cache holds them.
  bool keyHeadsFirst, valueHeadsFirst;
  bool causal, nanToZero;
  bool causalAtEnd;  ///< the last query sees all keys, not the first one one
  bool causalLowest; ///< what causal hides is the least float, not -inf
  bool causalAddsLowest; ///< the least float is added to what causal hides
  int64_t heads, keyHeads, headDim, valueDim, lanes;

  /// Queries lie across the lanes of `queryVectors` vectors: scores are kept
  /// transposed, so that softmax needs no reduction within a vector, keys are
  /// read where they are, and the weights come out packed for the product
  /// with the values.
  int64_t queryVectors;
  GemmTile scoreTile; ///< keys x queries
  int64_t valueRows, valueVectors;
  int64_t keyBlock; ///< keys whose scores are in scratch at a time
  bool steps;          ///< there may be a single query
  bool single = false; ///< for one query, as AttentionSingle.cpp computes it

  static mlir::FailureOr<Attention> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  static constexpr double log2E = 1.4426950408889634;
  mlir::LogicalResult checkShapes(const KernelContext &context) const;
  mlir::LogicalResult checkPast(const KernelContext &context) const;
  /// One index of the parallel loop: a block of queries of a head.
  struct Block {
    Value query, key, value, out; ///< [sequence, head_dim] of this head
    Value pastKey, pastValue;     ///< the same, or null
    Value fills;                  ///< whether this block copies them, where there are
    Value mask;                   ///< [queries, keys] of this head, or null
    Value rows;                   ///< [queries], the rows that they are, or null
    Value positions;              ///< the same of the block's lanes, where causal
    Value queryBegin, keyBegin;   ///< the sequence's first tokens, where packed
    Value queries, keys;          ///< how many the sequence has
    Value first;                  ///< the first query
    Value seen;                   ///< the key that it sees last, where causal
    Value count;                  ///< queries of the block that exist
    Value packedQuery;            ///< [head_dim, queries]
    Value scores;                 ///< [keys of a block, queries], or [keys]
    Value sums;                   ///< [queries, value_dim]
    Value stats;                  ///< [3, queries]: see Stat
    Value staging;                ///< a tile; for the tile's interface
  };
  enum Stat { top = 0, total = 1, decay = 2 };

  int64_t queryBlock() const { return queryVectors * lanes; }
  static int64_t lengthDim(bool headsFirst) { return headsFirst ? 2 : 1; }
  static int64_t headsDim(bool headsFirst) { return headsFirst ? 1 : 2; }
  bool foldsLog2E() const { return maskKind != MaskKind::additive; }
  mlir::VectorType vector(Emitter &e) const {
    return mlir::VectorType::get(lanes, e.getF32Type());
  }

  /// A block of queries of a sequence and a head.
  struct Item {
    Value batch, head, block;
  };
  Value countQueries(Emitter &e) const;
  /// The row of the query and the result that a query of the block is.
  Value getRow(Emitter &e, const Block &block, Value query) const;
  Value emitPositions(Emitter &e, const Block &block) const;
  Value emitPackedBlocks(Emitter &e) const;
  Item emitPackedItem(Emitter &e, Value at, Value blocks) const;
  Block emitBlock(Emitter &e, const Item &item) const;
  void sliceKeys(Emitter &e, Block &block, Value entry, Value head) const;
  Value emitPastFilling(Emitter &e, Value blocks) const;
  void emitPast(Emitter &e, const Block &block, Value begin, Value end) const;
  void emitTilePast(Emitter &e, const Block &block, Value row, int64_t rows) const;
  void emitTileFetch(Emitter &e, const Block &block, Value row, int64_t rows) const;
  std::optional<Attention> forSingleQuery() const;
  void emitBlocks(Emitter &e) const;
  void emitSingleScores(Emitter &e, const Block &block, Value begin, Value end) const;
  void emitSingleSoftmax(Emitter &e, const Block &block, Value begin, Value end) const;
  Value emitSingleMasked(Emitter &e, const Block &block, Value score, Value key,
                         Value some) const;
  double scoreFactor() const;
  Value emitCapped(Emitter &e, Value score) const;
  Value emitPower(Emitter &e, Value difference) const;
  Value emitBase(Emitter &e, Value top) const;
  void emitBlockBody(Emitter &e, const Block &block) const;
  void emitQueryPacking(Emitter &e, const Block &block) const;
  void emitStart(Emitter &e, const Block &block) const;
  void emitKeys(Emitter &e, const Block &block, Value begin, Value end) const;
  bool skipsHidden() const;
  Value emitSeesSome(Emitter &e, const Block &block, Value begin, Value end) const;
  Value emitSeesNothing(Emitter &e, const Block &block) const;
  Value emitNeedsHiddenKeys(Emitter &e, const Block &block, Value begin,
                            Value end) const;
  Value emitMaskRaises(Emitter &e, const Block &block, Value begin,
                       Value end) const;
  void emitKeyBlock(Emitter &e, const Block &block, Value begin,
                    Value end) const;
  void emitScores(Emitter &e, const Block &block, Value begin,
                  Value end) const;
  void emitSoftcap(Emitter &e, const Block &block, Value count) const;
  void emitFullMask(Emitter &e, const Block &block, Value begin,
                    Value end) const;
  Value emitMasked(Emitter &e, const Block &block, Value score, Value key,
                   int64_t queryVector) const;
  void emitSoftmax(Emitter &e, const Block &block, Value begin,
                   Value end) const;
  void emitDecay(Emitter &e, const Block &block) const;
  void emitValues(Emitter &e, const Block &block, Value begin,
                  Value end) const;
  void emitValueTiles(Emitter &e, const Block &block, Value begin, Value depth,
                      Value column, int64_t vectors, int64_t columns) const;
  void emitEnd(Emitter &e, const Block &block) const;
  bool hasFullMask() const;
  Value emitMaskRow(Emitter &e, const Block &block, Value row) const;
  Value emitMaskColumn(Emitter &e, const Block &block, Value key) const;
  void emitMaskSquares(Emitter &e, const Block &block, Value count, Value column) const;
  void emitMaskElements(Emitter &e, const Block &block, Value begin, Value end) const;
};

/// An element of a vector of i64 as an index.
Value loadIndex(Emitter &e, Value numbers, Value at);

/// Rows of a matrix times `factor`, transposed to columns of `packed`: column i is row
/// `rowAt(i)`, of `count` columns, a multiple of the lanes.
void emitPackedRows(Emitter &e, Value matrix, llvm::function_ref<Value(Value)> rowAt,
                    int64_t size, int64_t count, Value factor, Value packed, int64_t lanes);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_ATTENTION_H
