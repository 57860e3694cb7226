//===- AttentionSingle.cpp - Attention of a single query ------------------===//
//
// A step of a decoder, which is to read keys and values at the speed of memory. The
// lanes hold elements of a key where scores are computed, and scores of keys in the
// softmax. All else is as for several queries.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// Null where the forms differ: packed sequences and chosen rows are queries in any number, and
/// keys that causality hides come back where all others are the least float.
std::optional<Attention> Attention::forSingleQuery() const {
  if (queryOffsets || keyOffsets || queryRows || causalLowest || causalAddsLowest)
    return std::nullopt;
  Attention one = *this;
  one.single = true;
  one.queryVectors = one.scoreTile.vectors = one.valueRows = 1;
  // A single row needs many vectors to hide the latency of sums.
  one.valueVectors = 6;
  one.keyBlock = 4096 / lanes;
  return one;
}

void Attention::emitSingleScores(Emitter &e, const Block &block, Value begin,
                                 Value end) const {
  Value factor = e.real(scoreFactor(), e.getF32Type());
  auto plus = [&](Value a, Value b) { return e.addF(a, b); };
  e.forEachTile(begin, end, scoreTile.rows, [&](Value row, int64_t rows) {
    emitTilePast(e, block, row, rows);
    auto add = [&](Value at, Value some, ValueRange sums) {
      Value query = e.load(block.query, {block.first, at}, lanes, some);
      SmallVector<Value> next;
      for (auto [r, sum] : llvm::enumerate(sums))
        next.push_back(
            e.fma(e.load(block.key, {e.add(row, r), at}, lanes, some), query, sum));
      return next;
    };
    int64_t whole = headDim / lanes * lanes;
    SmallVector<Value> sums(rows, e.real(0.0, vector(e)));
    sums = e.forRange(e.index(0), e.index(whole), lanes, sums,
                      [&](Value at, ValueRange carried) { return add(at, Value(), carried); });
    if (int64_t rest = headDim - whole)
      sums = add(e.index(whole), e.maskBelow(e.index(rest), lanes), sums);
    for (auto [r, sum] : llvm::enumerate(sums))
      e.storeScalar(e.mulF(e.reduce(sum, plus), factor), block.scores,
                    e.add(e.sub(row, begin), r));
  });
}

Value Attention::emitSingleMasked(Emitter &e, const Block &block, Value score, Value key,
                                  Value some) const {
  SmallVector<Value> place{e.index(0), key};
  if (maskKind == MaskKind::additive)
    return e.addF(score, e.load(block.mask, place, lanes, some));
  Value bytes = e.loadBytes(block.mask, place, lanes, some);
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(bytes.getType()));
  Value keep = arith::CmpIOp::create(e, arith::CmpIPredicate::ne, bytes, none);
  return e.blend(keep, score, e.real(-infinity, vector(e)));
}

void Attention::emitSingleSoftmax(Emitter &e, const Block &block, Value begin,
                                  Value end) const {
  Value count = e.sub(end, begin), zero = e.real(0.0, vector(e));
  Value lowest = e.real(-infinity, vector(e));
  auto greater = [&](Value a, Value b) { return e.maxF(a, b); };
  auto plus = [&](Value a, Value b) { return e.addF(a, b); };
  auto stat = [&](Stat stat) { return SmallVector<Value>{e.index(stat), e.index(0)}; };

  Value found = e.foldVectors(count, lanes, lowest, [&](Value at, Value some, Value greatest) {
    Value score = e.load(block.scores, at, lanes, some);
    if (softcap)
      score = emitCapped(e, score);
    if (mask)
      score = emitSingleMasked(e, block, score, e.add(begin, at), some);
    if (softcap || mask)
      e.store(score, block.scores, at, some);
    return e.maxF(e.blend(some, score, lowest), greatest);
  }, greater);
  Value before = e.load(block.stats, stat(top), lanes);
  Value greatest = e.maxF(e.splat(e.reduce(found, greater), lanes), before);
  Value base = emitBase(e, greatest);

  Value sum = e.foldVectors(count, lanes, zero, [&](Value at, Value some, Value sum) {
    Value score = e.load(block.scores, at, lanes, some);
    Value weight = emitPower(e, e.subF(score, base));
    e.store(weight, block.scores, at, some);
    return e.addF(sum, e.blend(some, weight, zero));
  }, plus);
  Value factor = emitPower(e, e.subF(before, base));
  Value former = e.load(block.stats, stat(total), lanes);
  e.store(greatest, block.stats, stat(top));
  e.store(e.fma(former, factor, e.splat(e.reduce(sum, plus), lanes)), block.stats, stat(total));
  e.store(factor, block.stats, stat(decay));
}

} // namespace winnow::cpu
