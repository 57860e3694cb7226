//===- ProbSparseMeasure.cpp - max_j q k_j - sum_j q k_j / divisor --------===//
//
// What ProbSparse attention chooses queries by. The keys j are sampled by a table.
//
// - A row of the table for each query: lanes hold elements of a key, which is read where it
//   is, and a group of products is summed up within vectors together. Where the keys of a
//   head are more than the L2 cache holds, samples are sorted, and taken by blocks of keys,
//   from copies in which the queries and keys of a head lie together.
// - One row for all queries: they lie across the lanes, as in attention, and a tile of keys
//   times queries is folded into the greatest products and their sums from registers.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "IndexCheck.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// Groups that are fetched before they are read.
constexpr int64_t groupsAhead = 6;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Measurer {
  const KernelContext &context;
  Value query, key, table, out, site;
  /// Of groups of samples, [groups, 2]: the query and how many there are; null without blocks.
  Value places, foundOut;
  double divisor; ///< 0: the number of keys
  double scale;
  int64_t heads, headDim, lanes;
  bool isChecked;
  bool queryHeadsFirst, keyHeadsFirst; ///< else [batch, length, heads, head_dim]

  Value countQueries(Emitter &e) const { return e.dim(query, queryHeadsFirst ? 2 : 1); }
  Value countKeys(Emitter &e) const { return e.dim(key, keyHeadsFirst ? 2 : 1); }
  bool isShared() const { return cast<MemRefType>(table.getType()).getRank() == 1; }
  VectorType vector(Emitter &e) const { return VectorType::get(lanes, e.getF32Type()); }
  Value samples(Emitter &e) const { return e.dim(table, isShared() ? 0 : 1); }

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
    isShared() ? emitShared(e) : places ? emitByBlocks(e) : emitOwn(e);
  }

  void emitOwn(Emitter &e) const;
  void emitByBlocks(Emitter &e) const;
  /// Products of a query that are computed together.
  int64_t group() const { return std::min<int64_t>(8, lanes); }
  SmallVector<Value> emitNothing(Emitter &e) const;
  SmallVector<Value> addSamples(Emitter &e, const Head &head, Value row, Value begin, Value end,
                                ValueRange before) const;
  /// Of products.
  struct Found {
    Value greatest, sum;
  };
  void fetchKey(Emitter &e, const Head &head, Value key) const;
  Found combine(Emitter &e, ValueRange lanes) const;
  void storeMeasure(Emitter &e, const Head &head, Value row, const Found &found) const;
  Value emitProducts(Emitter &e, const Head &head, Value row, ArrayRef<Value> keys) const;
  Value sumTogether(Emitter &e, SmallVector<Value> rows) const;

  void emitShared(Emitter &e) const;
  void emitQueries(Emitter &e, const Head &head, Value first, Value packed) const;
  int64_t queryBlock() const { return 2 * lanes; }
};

//===----------------------------------------------------------------------===//
// A row of samples for each query
//===----------------------------------------------------------------------===//

/// Lane i of the result is the sum of the lanes of row i. Rows are joined before they are
/// summed up, so that eight of them take nine additions. All moves but the last ones stay
/// within 128 bits.
Value Measurer::sumTogether(Emitter &e, SmallVector<Value> rows) const {
  if (lanes == 1)
    return rows.front();
  auto join = [&](Value a, Value b, ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    return e.addF(vector::ShuffleOp::create(e, a, b, first),
                  vector::ShuffleOp::create(e, a, b, second));
  };
  SmallVector<int64_t> evens, odds, lows, highs;
  for (int64_t block = 0; block < lanes; block += 4) {
    for (int64_t i : {0, 1}) {
      evens.append({block + i, lanes + block + i});
      odds.append({block + 2 + i, lanes + block + 2 + i});
    }
    lows.append({block, block + 1, lanes + block, lanes + block + 1});
    highs.append({block + 2, block + 3, lanes + block + 2, lanes + block + 3});
  }
  auto joinAll = [&](ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    SmallVector<Value> joined;
    for (size_t i = 0; i < rows.size(); i += 2)
      joined.push_back(join(rows[i], rows[i + 1], first, second));
    rows = joined;
  };
  joinAll(evens, odds);
  joinAll(lows, highs);
  // Each block of four lanes holds sums of the same four rows.
  int64_t width = lanes;
  Value sums = rows[0];
  if (rows.size() == 2) {
    SmallVector<int64_t> first, second;
    for (int64_t offset : {int64_t(0), lanes})
      for (int64_t i = 0; i < lanes / 2; ++i) {
        first.push_back(offset + i);
        second.push_back(offset + lanes / 2 + i);
      }
    sums = join(rows[0], rows[1], first, second);
    // The rows' halves are apart, each of lanes / 8 blocks.
    while (width > 8) {
      SmallVector<int64_t> even, odd;
      for (int64_t block = 0; block < width; block += 8)
        for (int64_t i = 0; i < 4; ++i) {
          even.push_back(block + i);
          odd.push_back(block + 4 + i);
        }
      sums = join(sums, sums, even, odd);
      width /= 2;
    }
  }
  return sums;
}

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
  return sumTogether(e, sums);
}

/// The processor's window holds too few groups to hide where keys come from.
void Measurer::fetchKey(Emitter &e, const Head &head, Value key) const {
  for (int64_t at = 0; at < headDim; at += Emitter::lineElements)
    e.prefetch(head.key, {key, e.index(at)}, /*locality=*/3);
}

/// Takes samples `begin` to `end - 1` of a row's to what was found before.
SmallVector<Value> Measurer::addSamples(Emitter &e, const Head &head, Value row, Value begin,
                                        Value end, ValueRange before) const {
  auto type = VectorType::get(group(), e.getF32Type());
  auto addGroup = [&](Value first, ValueRange before, bool isWhole) {
    SmallVector<Value> keys;
    for (int64_t i = 0; i < group(); ++i) {
      // The last one again leaves the greatest as it is.
      Value at = isWhole ? e.add(first, i) : e.min(e.add(first, i), e.sub(end, e.index(1)));
      keys.push_back(loadNumber(e, {row, at}));
    }
    Value products = emitProducts(e, head, row, keys);
    Value added = products;
    if (!isWhole)
      added = e.blend(e.maskBelow(e.sub(end, first), group()), products, e.real(0.0, type));
    return SmallVector<Value>{e.maxF(products, before[0]), e.addF(before[1], added)};
  };
  Value count = e.sub(end, begin);
  Value whole = e.add(begin, e.mul(e.div(count, e.index(group())), group()));
  SmallVector<Value> found =
      e.forRange(begin, whole, group(), before,
                 [&](Value first, ValueRange before) { return addGroup(first, before, true); });
  return e.select(
      e.lessThan(whole, end), [&] { return addGroup(whole, found, false); }, [&] { return found; });
}

SmallVector<Value> Measurer::emitNothing(Emitter &e) const {
  auto type = VectorType::get(group(), e.getF32Type());
  return {e.real(-infinity, type), e.real(0.0, type)};
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

void Measurer::emitOwn(Emitter &e) const {
  constexpr int64_t rows = 32;
  Value queries = countQueries(e), blocks = e.ceilDiv(queries, e.index(rows));
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Head head = slice(e, e.div(at, blocks));
    Value first = e.mul(e.rem(at, blocks), rows);
    e.forRange(first, e.min(e.add(first, rows), queries), 1, [&](Value row) {
      storeMeasure(e, head, row,
                   combine(e, addSamples(e, head, row, e.index(0), samples(e), emitNothing(e))));
    });
  });
}

/// A head is a thread's, which puts its queries and keys together first. Samples come in
/// groups of one query, those of the first block of keys first: a loop without branches that
/// depend on them. What was found of a query waits where the measures go.
void Measurer::emitByBlocks(Emitter &e) const {
  auto type = VectorType::get(group(), e.getF32Type());
  Value queries = countQueries(e);
  e.parallel(e.mul(e.dim(query, 0), heads), 1, [&](Value item) {
    Head head = slice(e, item);
    Value batch = e.div(item, e.index(heads)), number = e.rem(item, e.index(heads));
    Value found = e.slice(foundOut, {batch, number, {}, {}, {}});
    auto load = [&](Value row) {
      return SmallVector<Value>{e.load(found, {row, e.index(0), e.index(0)}, group()),
                                e.load(found, {row, e.index(1), e.index(0)}, group())};
    };
    auto store = [&](Value row, ValueRange lanes) {
      for (auto [i, value] : llvm::enumerate(lanes))
        e.store(value, found, {row, e.index(i), e.index(0)});
    };
    e.forRange(e.index(0), queries, 1, [&](Value row) { store(row, emitNothing(e)); });
    e.forRange(e.index(0), e.dim(table, 0), 1, [&](Value at) {
      auto placeOf = [&](int64_t part) -> Value {
        Value number = e.loadScalar(places, {at, e.index(part)});
        return arith::IndexCastOp::create(e, e.getIndexType(), number);
      };
      Value row = placeOf(0), count = placeOf(1);
      Value ahead = e.min(e.add(at, groupsAhead), e.sub(e.dim(table, 0), e.index(1)));
      for (int64_t i = 0; i < 8; ++i)
        fetchKey(e, head, loadNumber(e, {ahead, e.index(i)}));
      int64_t width = cast<MemRefType>(table.getType()).getDimSize(1);
      for (int64_t first = 0; first < width; first += group()) {
        SmallVector<Value> keys;
        for (int64_t i = 0; i < group(); ++i)
          keys.push_back(loadNumber(e, {at, e.index(first + i)}));
        Value products = emitProducts(e, head, row, keys);
        Value some = e.maskBelow(e.sub(count, e.index(first)), group());
        SmallVector<Value> before = load(row);
        store(row, {e.maxF(products, before[0]),
                    e.addF(before[1], e.blend(some, products, e.real(0.0, type)))});
      }
    });
    e.forRange(e.index(0), queries, 1,
               [&](Value row) { storeMeasure(e, head, row, combine(e, load(row))); });
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

/// Inputs are q, k and the table, or groups of samples and their places; outputs the measures, sums
/// and copies of those that do not lie head by head.
LogicalResult buildProbSparseMeasure(Emitter &e, const KernelContext &context) {
  bool byBlocks = context.flag("by_blocks");
  bool queryFirst = context.flag("query_heads_first"), keyFirst = context.flag("key_heads_first");
  auto arguments = context.arguments(5 + 2 * byBlocks);
  auto divisor = context.real("divisor"), scale = context.real("scale");
  if (failed(arguments) || failed(divisor) || failed(scale))
    return failure();
  unsigned next = 0;
  auto take = [&](bool isThere) { return isThere ? Value((*arguments)[next++]) : Value(); };
  Value query = take(true), key = take(true), table = take(true), places = take(byBlocks);
  Value out = take(true), found = take(byBlocks);
  Value site = take(true);
  auto type = dyn_cast<MemRefType>(table.getType());
  int64_t rank = type && type.getRank() == 1 && !byBlocks ? 1 : 2;
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
      (rank == 2 && !places && failed(context.sameExtent(table, 0, "table", out, 2, "out"))) ||
      (places && (failed(context.memref(places, "places", 2, e.getI32Type())) ||
                  failed(context.memref(found, "found", 5, context.f32())) ||
                  failed(context.sameExtent(places, 0, "places", table, 0, "table")))))
    return failure();
  if (places && cast<MemRefType>(table.getType()).getDimSize(1) != 8)
    return context.error() << "expected groups of 8 samples, got " << table.getType();
  ArrayRef<int64_t> shape = cast<MemRefType>(query.getType()).getShape();
  int64_t heads = shape[queryFirst ? 1 : 2], size = shape[3];
  if (heads <= 0 || size <= 0)
    return context.error() << "expected heads and head size of 'q' to be static and positive, got "
                           << query.getType();
  declareFail(e);
  Measurer measurer{context, query, key, table, out, site};
  measurer.places = places;
  measurer.foundOut = found;
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
