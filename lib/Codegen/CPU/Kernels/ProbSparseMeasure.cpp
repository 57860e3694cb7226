//===- ProbSparseMeasure.cpp - max_j q k_j - sum_j q k_j / divisor --------===//
//
// What ProbSparse attention chooses queries by. The keys j, [batch, heads, keys, head_dim],
// are sampled by a table.
//
// - A row of the table for each query: lanes hold elements of a key, which is read where it
//   is, and a group of products is summed up within vectors together. Where the keys of a
//   head are more than the L2 cache holds, samples are sorted, and taken by blocks of keys.
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
  Value query, key, table, starts, out, site; ///< starts: null without blocks
  double divisor;                             ///< 0: the number of keys
  double scale;
  int64_t heads, headDim, lanes;
  bool isChecked;
  bool queryHeadsFirst; ///< else [batch, queries, heads, head_dim]

  Value countQueries(Emitter &e) const { return e.dim(query, queryHeadsFirst ? 2 : 1); }
  bool isShared() const { return cast<MemRefType>(table.getType()).getRank() == 1; }
  VectorType vector(Emitter &e) const { return VectorType::get(lanes, e.getF32Type()); }
  Value samples(Emitter &e) const { return e.dim(table, isShared() ? 0 : 1); }

  /// Keys and queries of a batch and a head, and the queries' results.
  struct Head {
    Value query, key, out;
  };
  Head slice(Emitter &e, Value item) const {
    Value batch = e.div(item, e.index(heads)), head = e.rem(item, e.index(heads));
    Value queries = queryHeadsFirst ? e.slice(query, {batch, head, {}, {}})
                                    : e.slice(query, {batch, {}, head, {}});
    return {queries, e.slice(key, {batch, head, {}, {}}), e.slice(out, {batch, head, {}})};
  }

  Value loadNumber(Emitter &e, ValueRange at) const {
    Value raw = e.loadScalar(table, at);
    if (isChecked)
      return emitCheckedIndex(e, raw, e.dim(key, 2), site).position;
    return e.createOrFold<arith::IndexCastOp>(e.getIndexType(), raw);
  }

  /// The inverse, by which sums are multiplied.
  Value emitInverse(Emitter &e) const {
    Type f32 = e.getF32Type();
    if (divisor != 0)
      return e.real(1 / divisor, f32);
    Value keys = arith::IndexCastOp::create(e, e.getI64Type(), e.dim(key, 2));
    return e.divF(e.real(1.0, f32), arith::SIToFPOp::create(e, f32, keys));
  }

  void emit(Emitter &e) const {
    isShared() ? emitShared(e) : starts ? emitByBlocks(e) : emitOwn(e);
  }

  void emitOwn(Emitter &e) const;
  void emitByBlocks(Emitter &e) const;
  void forEachBlock(Emitter &e, int64_t rows,
                    llvm::function_ref<void(const Head &, Value, Value)> body) const;
  /// Products of a query that are computed together.
  int64_t group() const { return std::min<int64_t>(8, lanes); }
  SmallVector<Value> emitNothing(Emitter &e) const;
  SmallVector<Value> addSamples(Emitter &e, const Head &head, Value row, Value begin, Value end,
                                ValueRange before) const;
  /// Of products.
  struct Found {
    Value greatest, sum;
  };
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

/// Calls `body` with the head and the rows of each block of queries.
void Measurer::forEachBlock(Emitter &e, int64_t rows,
                            llvm::function_ref<void(const Head &, Value, Value)> body) const {
  Value queries = countQueries(e), blocks = e.ceilDiv(queries, e.index(rows));
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Value first = e.mul(e.rem(at, blocks), rows);
    body(slice(e, e.div(at, blocks)), first, e.min(e.add(first, rows), queries));
  });
}

void Measurer::emitOwn(Emitter &e) const {
  forEachBlock(e, 32, [&](const Head &head, Value first, Value last) {
    e.forRange(first, last, 1, [&](Value row) {
      storeMeasure(e, head, row,
                   combine(e, addSamples(e, head, row, e.index(0), samples(e), emitNothing(e))));
    });
  });
}

/// Blocks of keys that the L2 cache holds are outermost, over as many queries as are worth to
/// bring one there; what was found in the others waits in scratch.
void Measurer::emitByBlocks(Emitter &e) const {
  constexpr int64_t rows = 4096;
  Type f32 = e.getF32Type();
  Value blocks = e.sub(e.dim(starts, 1), e.index(1));
  forEachBlock(e, rows, [&](const Head &head, Value first, Value last) {
    Value greatest = e.scratch({rows}, f32), sum = e.scratch({rows}, f32);
    e.forRange(e.index(0), e.sub(last, first), 1, [&](Value own) {
      e.storeScalar(e.real(-infinity, f32), greatest, own);
      e.storeScalar(e.real(0.0, f32), sum, own);
    });
    e.forRange(e.index(0), blocks, 1, [&](Value block) {
      e.forRange(first, last, 1, [&](Value row) {
        auto startOf = [&](Value at) -> Value {
          return arith::IndexCastOp::create(e, e.getIndexType(), e.loadScalar(starts, {row, at}));
        };
        Found found = combine(
            e, addSamples(e, head, row, startOf(block), startOf(e.add(block, 1)), emitNothing(e)));
        Value own = e.sub(row, first);
        e.storeScalar(e.maxF(found.greatest, e.loadScalar(greatest, own)), greatest, own);
        e.storeScalar(e.addF(found.sum, e.loadScalar(sum, own)), sum, own);
      });
    });
    e.forRange(first, last, 1, [&](Value row) {
      Value own = e.sub(row, first);
      storeMeasure(e, head, row, {e.loadScalar(greatest, own), e.loadScalar(sum, own)});
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

LogicalResult buildProbSparseMeasure(Emitter &e, const KernelContext &context) {
  bool byBlocks = context.flag("by_blocks"), headsFirst = context.flag("query_heads_first");
  int64_t lengthDim = headsFirst ? 2 : 1, headsDim = headsFirst ? 1 : 2;
  auto arguments = context.arguments(5 + byBlocks);
  auto divisor = context.real("divisor"), scale = context.real("scale");
  if (failed(arguments) || failed(divisor) || failed(scale))
    return failure();
  Value query = (*arguments)[0], key = (*arguments)[1], table = (*arguments)[2];
  Value starts = byBlocks ? Value((*arguments)[3]) : Value();
  Value out = (*arguments)[3 + byBlocks], site = (*arguments)[4 + byBlocks];
  auto type = dyn_cast<MemRefType>(table.getType());
  int64_t rank = type && type.getRank() == 1 && !byBlocks ? 1 : 2;
  if (failed(context.memref(query, "q", 4, context.f32())) ||
      failed(context.memref(key, "k", 4, context.f32())) ||
      failed(context.memref(table, "table", rank, Type())) ||
      failed(context.memref(out, "out", 3, context.f32())) ||
      failed(checkIndexTypes(context, table, site)) ||
      failed(context.sameExtent(query, headsDim, "q", key, 1, "k")) ||
      failed(context.sameExtent(query, 3, "q", key, 3, "k")) ||
      failed(context.sameExtent(query, lengthDim, "q", out, 2, "out")) ||
      failed(context.sameExtent(query, headsDim, "q", out, 1, "out")) ||
      (rank == 2 && failed(context.sameExtent(query, lengthDim, "q", table, 0, "table"))) ||
      (starts && (failed(context.memref(starts, "starts", 2, e.getI32Type())) ||
                  failed(context.sameExtent(query, lengthDim, "q", starts, 0, "starts")))))
    return failure();
  ArrayRef<int64_t> shape = cast<MemRefType>(query.getType()).getShape();
  if (shape[headsDim] <= 0 || shape[3] <= 0)
    return context.error() << "expected heads and head size of 'q' to be static and positive, got "
                           << query.getType();
  declareFail(e, context.entry);
  Measurer{context,
           query,
           key,
           table,
           starts,
           out,
           site,
           *divisor,
           *scale,
           shape[headsDim],
           shape[3],
           context.lanes(),
           !context.flag("in_bounds"),
           headsFirst}
      .emit(e);
  return success();
}

} // namespace winnow::cpu
