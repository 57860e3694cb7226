//===- ProbSparseMeasure.cpp - max_j q k_j - sum_j q k_j / divisor --------===//
//
// What ProbSparse attention chooses queries by. The keys j are sampled by a table.
//
// - A row of the table for each query: lanes hold elements of a key, which is read where it
//   is, and a group of products is summed up within vectors together. Queries of which bounds
//   say that they are not chosen are left out (ProbSparseBounds.cpp).
// - One row for all queries: they lie across the lanes, as in attention, and a tile of keys
//   times queries is folded into the greatest products and their sums from registers.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "IndexCheck.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Measurer {
  const KernelContext &context;
  Value query, key, table, out, site;
  /// Of measures, [batch, heads, queries], and what is sorted of lower ones, [batch, heads,
  /// kept]; null where all queries are measured.
  Value upper, lowest;
  double divisor; ///< 0: the number of keys
  double scale;
  int64_t sampleCount; ///< of a row, which is filled up with the last one; 0: it is not
  int64_t heads, headDim, lanes;
  bool isChecked;
  bool queryHeadsFirst, keyHeadsFirst; ///< else [batch, length, heads, head_dim]

  Value countQueries(Emitter &e) const { return e.dim(query, queryHeadsFirst ? 2 : 1); }
  Value countKeys(Emitter &e) const { return e.dim(key, keyHeadsFirst ? 2 : 1); }
  bool isShared() const { return cast<MemRefType>(table.getType()).getRank() == 1; }
  VectorType vector(Emitter &e) const { return VectorType::get(lanes, e.getF32Type()); }
  Value samples(Emitter &e) const {
    return sampleCount ? e.index(sampleCount) : e.dim(table, isShared() ? 0 : 1);
  }

  /// Keys and queries of a batch and a head, and the queries' results.
  struct Head {
    Value query, key, out;
  };
  Head slice(Emitter &e, Value item) const {
    Value batch = e.div(item, e.index(heads)), head = e.rem(item, e.index(heads));
    auto headOf = [&](Value memref, bool headsFirst) {
      return headsFirst ? e.slice(memref, {batch, head, {}, {}})
                        : e.slice(memref, {batch, {}, head, {}});
    };
    return {headOf(query, queryHeadsFirst), headOf(key, keyHeadsFirst),
            e.slice(out, {batch, head, {}})};
  }

  Value loadNumber(Emitter &e, ValueRange at) const {
    Value raw = e.loadScalar(table, at);
    if (isChecked)
      return emitCheckedIndex(e, raw, countKeys(e), site).position;
    return e.createOrFold<arith::IndexCastOp>(e.getIndexType(), raw);
  }

  /// The inverse, by which sums are multiplied.
  Value emitInverse(Emitter &e) const {
    Type f32 = e.getF32Type();
    if (divisor != 0)
      return e.real(1 / divisor, f32);
    Value keys = arith::IndexCastOp::create(e, e.getI64Type(), countKeys(e));
    return e.divF(e.real(1.0, f32), arith::SIToFPOp::create(e, f32, keys));
  }

  void emit(Emitter &e) const {
    isShared() ? emitShared(e) : emitOwn(e);
  }

  void emitOwn(Emitter &e) const;
  Value emitMayBeChosen(Emitter &e, Value item, Value row) const;
  /// Products of a query that are computed together.
  int64_t group() const { return std::min<int64_t>(8, lanes); }
  SmallVector<Value> addSamples(Emitter &e, const Head &head, Value row) const;
  /// Of products.
  struct Found {
    Value greatest, sum;
  };
  Found combine(Emitter &e, ValueRange lanes) const;
  void storeMeasure(Emitter &e, const Head &head, Value row, const Found &found) const;
  Value emitProducts(Emitter &e, const Head &head, Value row, ArrayRef<Value> keys) const;

  void emitShared(Emitter &e) const;
  void emitQueries(Emitter &e, const Head &head, Value first, Value packed) const;
  int64_t queryBlock() const { return 2 * lanes; }
};

//===----------------------------------------------------------------------===//
// A row of samples for each query
//===----------------------------------------------------------------------===//

/// The products of a query with as many keys, in lanes.
Value Measurer::emitProducts(Emitter &e, const Head &head, Value row, ArrayRef<Value> keys) const {
  auto add = [&](Value at, Value some, ValueRange sums) {
    Value query = e.load(head.query, {row, at}, lanes, some);
    SmallVector<Value> next;
    for (auto [key, sum] : llvm::zip_equal(keys, sums))
      next.push_back(e.fma(query, e.load(head.key, {key, at}, lanes, some), sum));
    return next;
  };
  SmallVector<Value> sums(keys.size(), e.real(0.0, vector(e)));
  int64_t whole = headDim / lanes * lanes;
  sums = e.forRange(e.index(0), e.index(whole), lanes, sums,
                    [&](Value at, ValueRange carried) { return add(at, Value(), carried); });
  if (int64_t rest = headDim - whole)
    sums = add(e.index(whole), e.maskBelow(e.index(rest), lanes), sums);
  return e.reduceRows(sums, [&](Value a, Value b) { return e.addF(a, b); });
}

/// The greatest products with a row's samples and their sums, in lanes.
SmallVector<Value> Measurer::addSamples(Emitter &e, const Head &head, Value row) const {
  auto type = VectorType::get(group(), e.getF32Type());
  Value count = samples(e);
  auto addGroup = [&](Value first, ValueRange before, bool isWhole) {
    SmallVector<Value> keys;
    for (int64_t i = 0; i < group(); ++i) {
      // The last one again leaves the greatest as it is.
      Value at = e.add(first, i);
      if (!isWhole && !sampleCount)
        at = e.min(at, e.sub(count, e.index(1)));
      keys.push_back(loadNumber(e, {row, at}));
    }
    Value products = emitProducts(e, head, row, keys);
    Value added = products;
    if (!isWhole)
      added = e.blend(e.maskBelow(e.sub(count, first), group()), products, e.real(0.0, type));
    return SmallVector<Value>{e.maxF(products, before[0]), e.addF(before[1], added)};
  };
  Value whole = e.mul(e.div(count, e.index(group())), group());
  SmallVector<Value> found = {e.real(-infinity, type), e.real(0.0, type)};
  found = e.forRange(e.index(0), whole, group(), found, [&](Value first, ValueRange before) {
    return addGroup(first, before, true);
  });
  return e.select(
      e.lessThan(whole, count), [&] { return addGroup(whole, found, false); }, [&] { return found; });
}

Measurer::Found Measurer::combine(Emitter &e, ValueRange lanes) const {
  return {e.reduce(lanes[0], [&](Value a, Value b) { return e.maxF(a, b); }),
          e.reduce(lanes[1], [&](Value a, Value b) { return e.addF(a, b); })};
}

void Measurer::storeMeasure(Emitter &e, const Head &head, Value row, const Found &found) const {
  Value measure = e.subF(found.greatest, e.mulF(found.sum, emitInverse(e)));
  if (scale != 1)
    measure = e.mulF(measure, e.real(scale, e.getF32Type()));
  e.storeScalar(measure, head.out, {row});
}

/// Not below as many lower bounds as there are rows to choose; true where they do not compare.
Value Measurer::emitMayBeChosen(Emitter &e, Value item, Value row) const {
  Value batch = e.div(item, e.index(heads)), head = e.rem(item, e.index(heads));
  Value last = e.sub(e.dim(lowest, 2), e.index(1));
  return arith::CmpFOp::create(e, arith::CmpFPredicate::UGE,
                               e.loadScalar(upper, {batch, head, row}),
                               e.loadScalar(lowest, {batch, head, last}));
}

void Measurer::emitOwn(Emitter &e) const {
  constexpr int64_t rows = 32;
  Value queries = countQueries(e), blocks = e.ceilDiv(queries, e.index(rows));
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Value item = e.div(at, blocks);
    Head head = slice(e, item);
    Value first = e.mul(e.rem(at, blocks), rows);
    e.forRange(first, e.min(e.add(first, rows), queries), 1, [&](Value row) {
      auto measure = [&] { storeMeasure(e, head, row, combine(e, addSamples(e, head, row))); };
      if (!upper)
        return measure();
      e.ifElse(emitMayBeChosen(e, item, row), measure,
               [&] { e.storeScalar(e.real(-infinity, e.getF32Type()), head.out, {row}); });
    });
  });
}

//===----------------------------------------------------------------------===//
// One row for all queries
//===----------------------------------------------------------------------===//

void Measurer::emitQueries(Emitter &e, const Head &head, Value first, Value packed) const {
  Value last = e.sub(countQueries(e), e.index(1));
  // Lanes beyond the last query repeat it; nothing stores them.
  emitPackedRows(
      e, head.query, [&](Value lane) { return e.min(e.add(first, lane), last); }, headDim,
      queryBlock(), e.real(scale, vector(e)), packed, lanes);
  int64_t vectors = queryBlock() / lanes;
  SmallVector<Value> found(vectors, e.real(-infinity, vector(e)));
  found.append(vectors, e.real(0.0, vector(e)));
  auto fold = [&](Value sample, int64_t rows, ValueRange before) {
    SmallVector<Value> keys;
    for (int64_t r = 0; r < rows; ++r)
      keys.push_back(loadNumber(e, {e.add(sample, r)}));
    GemmTile tile{rows, vectors, lanes};
    SmallVector<Value> products = tile.multiply(
        e, e.index(headDim), tile.zeros(e, e.getF32Type()),
        [&](int64_t r, Value at) {
          return e.loadScalar(head.key, {keys[r], at});
        },
        [&](Value at, int64_t v) {
          return e.load(packed, {at, e.index(v * lanes)}, lanes);
        });
    SmallVector<Value> next(before);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        Value product = products[r * vectors + v];
        next[v] = e.maxF(product, next[v]);
        next[vectors + v] = e.addF(next[vectors + v], product);
      }
    return next;
  };
  int64_t rows = context.level.numVectorRegs >= 32 ? 8 : 4;
  Value count = samples(e), whole = e.mul(e.div(count, e.index(rows)), rows);
  found = e.forRange(e.index(0), whole, rows, found,
                     [&](Value at, ValueRange before) { return fold(at, rows, before); });
  found = e.forRange(whole, count, 1, found,
                     [&](Value at, ValueRange before) { return fold(at, 1, before); });
  Value inverse = e.splat(emitInverse(e), lanes);
  for (int64_t v = 0; v < vectors; ++v) {
    Value measure = e.subF(found[v], e.mulF(found[vectors + v], inverse));
    Value begin = e.add(first, v * lanes);
    Value left = e.max(e.sub(countQueries(e), begin), e.index(0));
    e.ifElse(
        e.lessThan(left, e.index(lanes)),
        [&] { e.store(measure, head.out, {begin}, e.maskBelow(left, lanes)); },
        [&] { e.store(measure, head.out, {begin}); });
  }
}

void Measurer::emitShared(Emitter &e) const {
  Value blocks = e.ceilDiv(countQueries(e), e.index(queryBlock()));
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Value packed =
        e.scratch({int64_t(llvm::alignTo(headDim, lanes)), queryBlock()}, e.getF32Type());
    emitQueries(e, slice(e, e.div(at, blocks)), e.mul(e.rem(at, blocks), queryBlock()), packed);
  });
}

} // namespace

/// Inputs are q, k and the table, and, where it is bounded, upper bounds and the greatest lower
/// ones; the output are the measures.
LogicalResult buildProbSparseMeasure(Emitter &e, const KernelContext &context) {
  bool isBounded = context.flag("bounded");
  bool queryFirst = context.flag("query_heads_first"), keyFirst = context.flag("key_heads_first");
  auto arguments = context.arguments(5 + 2 * isBounded);
  auto divisor = context.real("divisor"), scale = context.real("scale");
  FailureOr<int64_t> samples = isBounded ? context.integer("samples") : 0;
  if (failed(arguments) || failed(divisor) || failed(scale) || failed(samples))
    return failure();
  unsigned next = 0;
  auto take = [&](bool isThere) { return isThere ? Value((*arguments)[next++]) : Value(); };
  Value query = take(true), key = take(true), table = take(true);
  Value upper = take(isBounded), lowest = take(isBounded);
  Value out = take(true), site = take(true);
  auto type = dyn_cast<MemRefType>(table.getType());
  int64_t rank = type && type.getRank() == 1 && !isBounded ? 1 : 2;
  auto checkHeads = [&](Value memref, StringRef name, bool headsFirst, bool isQuery) {
    if (failed(context.memref(memref, name, 4, context.f32())) ||
        failed(context.sameExtent(memref, headsFirst ? 1 : 2, name, out, 1, "out")) ||
        failed(context.sameExtent(memref, 3, name, query, 3, "q")))
      return failure();
    return isQuery ? context.sameExtent(memref, headsFirst ? 2 : 1, name, out, 2, "out")
                   : success();
  };
  if (failed(context.memref(query, "q", 4, context.f32())) ||
      failed(context.memref(out, "out", 3, context.f32())) ||
      failed(checkHeads(query, "q", queryFirst, true)) ||
      failed(checkHeads(key, "k", keyFirst, false)) ||
      failed(context.memref(table, "table", rank, Type())) ||
      failed(checkIndexTypes(context, table, site)) ||
      (rank == 2 && failed(context.sameExtent(table, 0, "table", out, 2, "out"))) ||
      (isBounded && (failed(context.memref(upper, "upper", 3, context.f32())) ||
                     failed(context.memref(lowest, "lowest", 3, context.f32())) ||
                     failed(context.sameExtent(upper, 2, "upper", out, 2, "out")))))
    return failure();
  ArrayRef<int64_t> shape = cast<MemRefType>(query.getType()).getShape();
  int64_t heads = shape[queryFirst ? 1 : 2], size = shape[3];
  if (heads <= 0 || size <= 0)
    return context.error() << "expected heads and head size of 'q' to be static and positive, got "
                           << query.getType();
  declareFail(e);
  Measurer measurer{context, query, key, table, out, site, upper, lowest};
  measurer.sampleCount = *samples;
  measurer.divisor = *divisor;
  measurer.scale = *scale;
  measurer.heads = heads;
  measurer.headDim = size;
  measurer.lanes = context.lanes();
  measurer.isChecked = !context.flag("in_bounds");
  measurer.queryHeadsFirst = queryFirst;
  measurer.keyHeadsFirst = keyFirst;
  measurer.emit(e);
  return success();
}

} // namespace winnow::cpu
