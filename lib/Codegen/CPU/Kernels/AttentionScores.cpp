//===- AttentionScores.cpp - Scores, masks and online softmax -------------===//

#include "Attention.h"

#include "winnow/Codegen/CPU/Kernels/Math.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double leastFloat = std::numeric_limits<float>::lowest();

void Attention::emitScores(Emitter &e, const Block &block, Value begin, Value end) const {
  e.forEachTile(begin, end, scoreTile.rows, [&](Value row, int64_t rows) {
    emitTilePast(e, block, row, rows);
    if (queryRows)
      emitTileFetch(e, block, row, rows);
    GemmTile tile{rows, queryVectors, lanes};
    SmallVector<Value> acc = tile.multiply(
        e, e.index(headDim), tile.zeros(e, e.getF32Type()),
        [&](int64_t r, Value at) {
          return e.loadScalar(block.key, {e.add(row, r), at});
        },
        [&](Value at, int64_t v) {
          return e.load(block.packedQuery, {at, e.index(v * lanes)}, lanes);
        });
    TileTarget target{block.scores, block.staging, e.sub(row, begin), e.index(0), Value()};
    target.store(e, tile, acc, Epilogue());
  });
}

double Attention::scoreFactor() const {
  return softcap ? scale / softcap : foldsLog2E() ? scale * log2E : scale;
}

Value Attention::emitCapped(Emitter &e, Value score) const {
  Value cap = e.real(foldsLog2E() ? softcap * log2E : softcap, vector(e));
  return e.mulF(emitTanh(e, e.getLoc(), score), cap);
}

/// The weight that a score has which is by `difference` below the greatest.
Value Attention::emitPower(Emitter &e, Value difference) const {
  if (!foldsLog2E())
    difference = e.mulF(difference, e.real(log2E, vector(e)));
  return emitExp2NonPositive(e, e.getLoc(), difference);
}

/// What differences are taken from: 0 while all scores are -inf. The weights are 0
/// then, and later blocks may still bring greater scores.
Value Attention::emitBase(Emitter &e, Value top) const {
  Value empty =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, top, e.real(-infinity, vector(e)));
  return e.blend(empty, e.real(0.0, vector(e)), top);
}

void Attention::emitSoftcap(Emitter &e, const Block &block, Value count) const {
  e.forRange(e.index(0), count, 1, [&](Value at) {
    for (int64_t v = 0; v < queryVectors; ++v) {
      SmallVector<Value> place{at, e.index(v * lanes)};
      Value score = e.load(block.scores, place, lanes);
      e.store(emitCapped(e, score), block.scores, place);
    }
  });
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

bool Attention::hasFullMask() const {
  return mask && cast<MemRefType>(mask.getType()).getDimSize(2) != 1;
}

Value Attention::emitMaskRow(Emitter &e, const Block &block, Value row) const {
  return queryPositions ? loadIndex(e, queryPositions, e.add(block.queryBegin, row))
                        : getRow(e, block, row);
}
Value Attention::emitMaskColumn(Emitter &e, const Block &block, Value key) const {
  return keyPositions ? loadIndex(e, keyPositions, e.add(block.keyBegin, key)) : key;
}

/// Adds the mask to the scores of keys `begin` to `end - 1`. Where these keys are
/// no run of columns, as with padding between tokens, element by element.
void Attention::emitFullMask(Emitter &e, const Block &block, Value begin, Value end) const {
  Value count = e.sub(end, begin), column = emitMaskColumn(e, block, begin);
  if (!keyPositions)
    return emitMaskSquares(e, block, count, column);
  Value last = emitMaskColumn(e, block, e.sub(end, e.index(1)));
  e.ifElse(
      e.equal(e.add(e.sub(last, column), 1), count),
      [&] { emitMaskSquares(e, block, count, column); },
      [&] { emitMaskElements(e, block, begin, end); });
}

void Attention::emitMaskElements(Emitter &e, const Block &block, Value begin, Value end) const {
  Type f32 = e.getF32Type();
  e.forRange(e.index(0), e.sub(end, begin), 1, [&](Value at) {
    Value column = emitMaskColumn(e, block, e.add(begin, at));
    e.forRange(e.index(0), block.count, 1, [&](Value lane) {
      Value row = emitMaskRow(e, block, e.add(block.first, lane));
      Value entry = e.loadScalar(block.mask, {row, column});
      if (maskKind == MaskKind::boolean)
        entry = arith::SelectOp::create(e, entry, e.real(0.0, f32), e.real(-infinity, f32));
      Value score = e.loadScalar(block.scores, {at, lane});
      e.storeScalar(e.addF(score, entry), block.scores, {at, lane});
    });
  });
}

/// Adds columns from `column` on of the mask, whose rows are queries, to the
/// scores, whose rows are keys: squares of it are transposed on the way.
void Attention::emitMaskSquares(Emitter &e, const Block &block, Value count, Value column) const {
  Value last = e.sub(block.queries, e.index(1));
  Value zero = e.real(0.0, vector(e)), lowest = e.real(-infinity, vector(e));
  auto loadRow = [&](Value row, Value at, Value some) -> Value {
    if (maskKind == MaskKind::additive)
      return e.load(block.mask, {row, at}, lanes, some);
    Value bytes = e.loadBytes(block.mask, {row, at}, lanes, some);
    Value none = arith::ConstantOp::create(e, e.getZeroAttr(bytes.getType()));
    Value keep = arith::CmpIOp::create(e, arith::CmpIPredicate::ne, bytes, none);
    return arith::SelectOp::create(e, keep, zero, lowest);
  };
  e.forRange(e.index(0), e.index(queryBlock()), lanes, [&](Value lane) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(emitMaskRow(e, block, e.min(e.add(e.add(block.first, lane), i), last)));
    e.forEachVector(count, lanes, [&](Value at, Value some) {
      SmallVector<Value> square;
      for (Value row : rows)
        square.push_back(loadRow(row, e.add(column, at), some));
      for (auto [i, row] : llvm::enumerate(e.transpose(std::move(square)))) {
        Value key = e.add(at, i);
        Value score = e.load(block.scores, {key, lane}, lanes);
        e.store(e.addF(score, row), block.scores, {key, lane});
      }
    });
  });
}

/// 1 in the lanes where `condition` holds, else 0.
static Value emitFlags(Emitter &e, Value condition, VectorType type) {
  return arith::SelectOp::create(e, condition, e.real(1.0, type), e.real(0.0, type));
}

/// Flags of masks of the keys that make up for the least float, or are NaN.
Value Attention::emitMaskRaises(Emitter &e, const Block &block, Value begin, Value end) const {
  auto greater = [&](Value a, Value b) { return e.maxF(a, b); };
  Value none = e.real(0.0, vector(e)), moderate = e.real(1e30, vector(e));
  Value rows = hasFullMask() ? block.count : e.index(1);
  return e.forRange(e.index(0), rows, 1, none, [&](Value row, ValueRange before) {
    if (hasFullMask())
      row = e.add(block.first, row);
    Value found = e.foldVectors(
        e.sub(end, begin), lanes, none,
        [&](Value at, Value some, Value found) {
          Value entries = e.load(block.mask, {row, e.add(begin, at)}, lanes, some);
          Value raises = arith::CmpFOp::create(e, arith::CmpFPredicate::UGT, entries, moderate);
          return e.maxF(found, emitFlags(e, raises, vector(e)));
        },
        greater);
    return SmallVector<Value>{e.maxF(found, before.front())};
  })[0];
}

/// Whether blocks of keys that the mask hides from all queries of the block are left out. Not
/// where causality puts the least float in the place of whatever the mask says.
bool Attention::skipsHidden() const {
  return mask && !keyPositions && !causalLowest && !causalAddsLowest;
}

/// What a mask adds hides a key if it is below: no score makes up for it.
static constexpr double hidingFloat = -1e30;

/// Whether some query of the block may see a key from `begin` to `end - 1`.
Value Attention::emitSeesSome(Emitter &e, const Block &block, Value begin, Value end) const {
  bool isBoolean = maskKind == MaskKind::boolean;
  // Bytes of masks come as many at a time as fill a vector.
  int64_t width = isBoolean ? 4 * lanes : lanes;
  Type number = isBoolean ? Type(e.getI8Type()) : Type(e.getF32Type());
  auto type = VectorType::get(width, number);
  auto combine = [&](Value a, Value b) -> Value {
    return isBoolean ? arith::OrIOp::create(e, a, b).getResult() : e.maxF(a, b);
  };
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(type));
  Value rows = hasFullMask() ? block.count : e.index(1);
  Value found = e.forRange(e.index(0), rows, 1, none, [&](Value at, ValueRange before) {
    Value row = hasFullMask() ? emitMaskRow(e, block, e.add(block.first, at)) : e.index(0);
    Value some = e.foldVectors(
        e.sub(end, begin), width, none,
        [&](Value key, Value inside, Value found) -> Value {
          SmallVector<Value> place{row, e.add(begin, key)};
          if (isBoolean)
            return combine(found, e.loadBytes(block.mask, place, width, inside));
          Value entries = e.load(block.mask, place, width, inside);
          Value sees = arith::CmpFOp::create(e, arith::CmpFPredicate::UGT, entries,
                                             e.real(hidingFloat, type));
          if (inside)
            sees = arith::AndIOp::create(e, sees, inside);
          return combine(found, emitFlags(e, sees, type));
        },
        combine);
    return SmallVector<Value>{combine(before.front(), some)};
  })[0];
  Value any = e.reduce(found, combine);
  if (isBoolean)
    return arith::CmpIOp::create(e, arith::CmpIPredicate::ne, any,
                                 arith::ConstantOp::create(e, e.getZeroAttr(number)));
  return arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, any, e.real(0.0, number));
}

/// Whether some query has seen nothing that weighs more than hidden keys.
Value Attention::emitSeesNothing(Emitter &e, const Block &block) const {
  Value flags = e.real(0.0, vector(e));
  for (int64_t v = 0; v < queryVectors; ++v) {
    Value tops = e.load(block.stats, {e.index(top), e.index(v * lanes)}, lanes);
    Value low = arith::CmpFOp::create(e, arith::CmpFPredicate::OLE, tops,
                                      e.real(hidingFloat / 10, vector(e)));
    flags = e.maxF(flags, emitFlags(e, low, vector(e)));
  }
  return arith::CmpFOp::create(e, arith::CmpFPredicate::OGT,
                               e.reduce(flags, [&](Value a, Value b) { return e.maxF(a, b); }),
                               e.real(0.0, e.getF32Type()));
}

/// Whether keys that causality hides from all queries weigh something: some
/// query has seen no score above the least float, or a mask raises them.
Value Attention::emitNeedsHiddenKeys(Emitter &e, const Block &block, Value begin, Value end) const {
  Value some;
  if (causalAddsLowest && mask)
    some = emitMaskRaises(e, block, begin, end);
  for (int64_t v = 0; v < queryVectors; ++v) {
    Value tops = e.load(block.stats, {e.index(top), e.index(v * lanes)}, lanes);
    Value least = e.real(leastFloat, vector(e));
    Value low = arith::CmpFOp::create(e, arith::CmpFPredicate::OLE, tops, least);
    Value flags = emitFlags(e, low, vector(e));
    some = some ? e.maxF(some, flags) : flags;
  }
  auto greater = [&](Value a, Value b) { return e.maxF(a, b); };
  return arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, e.reduce(some, greater),
                               e.real(0.0, e.getF32Type()));
}

/// The score after a mask that all queries share and the causal one.
Value Attention::emitMasked(Emitter &e, const Block &block, Value score, Value key,
                            int64_t queryVector) const {
  Value lowest = e.real(-infinity, vector(e));
  if (mask && !hasFullMask()) {
    Value entry = e.loadScalar(block.mask, {e.index(0), emitMaskColumn(e, block, key)});
    if (maskKind == MaskKind::additive)
      score = e.addF(score, e.splat(entry, lanes));
    else
      score = arith::SelectOp::create(e, entry, score, lowest);
  }
  if (causal) {
    Value queries;
    if (block.positions) {
      queries = e.load(block.positions, {e.index(queryVector * lanes)}, lanes);
    } else {
      Value first = e.add(block.seen, queryVector * lanes);
      queries = arith::AddIOp::create(e, e.splatIndex(first, lanes), e.lanes(lanes));
    }
    Value visible =
        arith::CmpIOp::create(e, arith::CmpIPredicate::sle, e.splatIndex(key, lanes), queries);
    Value least = e.real(leastFloat, vector(e));
    score = e.blend(visible, score,
                    causalAddsLowest ? e.addF(score, least)
                    : causalLowest   ? least
                                     : lowest);
  }
  return score;
}

//===----------------------------------------------------------------------===//
// Online softmax
//===----------------------------------------------------------------------===//

/// With an additive mask, scores are in natural units until the greatest one
/// has been subtracted: the least float times log2(e) would become -inf, and a
/// row that is masked everywhere with it must stay uniform.
void Attention::emitSoftmax(Emitter &e, const Block &block, Value begin, Value end) const {
  Value count = e.sub(end, begin);
  auto statAt = [&](Stat stat, int64_t v) {
    return SmallVector<Value>{e.index(stat), e.index(v * lanes)};
  };
  SmallVector<Value> before, sums;
  for (int64_t v = 0; v < queryVectors; ++v) {
    before.push_back(e.load(block.stats, statAt(top, v), lanes));
    sums.push_back(e.real(0.0, vector(e)));
  }

  bool rewrites = causal || (mask && !hasFullMask());
  SmallVector<Value> tops =
      e.forRange(e.index(0), count, 1, before, [&](Value at, ValueRange tops) {
        SmallVector<Value> next;
        for (int64_t v = 0; v < queryVectors; ++v) {
          SmallVector<Value> place{at, e.index(v * lanes)};
          Value score = e.load(block.scores, place, lanes);
          if (rewrites) {
            score = emitMasked(e, block, score, e.add(begin, at), v);
            e.store(score, block.scores, place);
          }
          next.push_back(e.maxF(score, tops[v]));
        }
        return next;
      });

  SmallVector<Value> bases;
  for (Value top : tops)
    bases.push_back(emitBase(e, top));
  sums = e.forRange(e.index(0), count, 1, sums, [&](Value at, ValueRange sums) {
    SmallVector<Value> next;
    for (int64_t v = 0; v < queryVectors; ++v) {
      SmallVector<Value> place{at, e.index(v * lanes)};
      Value score = e.load(block.scores, place, lanes);
      Value weight = emitPower(e, e.subF(score, bases[v]));
      e.store(weight, block.scores, place);
      next.push_back(e.addF(sums[v], weight));
    }
    return next;
  });

  for (int64_t v = 0; v < queryVectors; ++v) {
    Value factor = emitPower(e, e.subF(before[v], bases[v]));
    Value former = e.load(block.stats, statAt(total, v), lanes);
    e.store(tops[v], block.stats, statAt(top, v));
    e.store(e.fma(former, factor, sums[v]), block.stats, statAt(total, v));
    e.store(factor, block.stats, statAt(decay, v));
  }
}

} // namespace winnow::cpu
