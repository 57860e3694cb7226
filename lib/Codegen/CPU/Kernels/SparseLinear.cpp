//===- SparseLinear.cpp - Linear layers that leave out what is zero -------===//
//
// 1. What is not zero is counted, row by row; of each block of rows it is decided
//    whether it is computed sparsely.
// 2. Without a gate, the positions of a row's inputs that are not zero are listed. A strip
//    is summed over the list: panels of W hold its rows side by side, so that
//    a row's part of a strip is read as a whole, or not at all.
// 3. With a gate, the outputs that are let through are marked in bits, and computed as
//    products of a row of x and a column of W, which lies in one piece in a second copy
//    of it. Words of bits are the outer loop, so that columns stay in the cache for all rows.
// 4. Other blocks are those of a dense layer, from the same panels.
//
// Rows have their own lists, so a batch does not compute what only one of its rows needs.
//
//===----------------------------------------------------------------------===//

#include "Linear.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

constexpr StringLiteral countFunction = "winnow_rt_count";
constexpr int64_t wordBits = 64;
/// Up to as many rows fetch the weights that their lists name; more of them need nearly
/// all.
constexpr int64_t fetchingRows = 31;
/// How many inputs that are listed lie between one and that whose weights it fetches.
constexpr int64_t fetchDistance = 32;
/// The part of a strip that a pass walks for one row after the other.
constexpr int64_t passBytes = 192 * 1024;

struct SparseLinear {
  Linear dense;
  Value gate;    ///< or null
  Value columns; ///< with a gate: W transposed, [N, K]
  Value counts;  ///< [M] of i32: what is not zero; -1 in blocks that are dense
  Value active;  ///< [M, K + slack] of i32: its positions; with a gate, [M, ceil(N / 64)] of i64
  Value values;  ///< without a gate: [M, K + slack] of f32, what is there
  Value starts;  ///< and [M, ceil(K / 64) + 1] of i32: where in the list each 64 inputs begin
  SparseLimits limits;

  void emit(Emitter &e) const;

private:
  Value watched() const { return gate ? gate : dense.x.buffer; }
  Value isDense(Emitter &e, Value row) const;
  void emitCount(Emitter &e, Value row) const;
  Value emitDecision(Emitter &e, Value blockRows) const;
  void emitList(Emitter &e, Value row) const;
  void emitStrip(Emitter &e, const Linear &form, const LinearBlock &block) const;
  void emitPasses(Emitter &e, const Linear &form, const LinearBlock &block,
                  bool fetchesListed) const;
  void emitListed(Emitter &e, const Linear &form, const LinearBlock &block, Value row,
                  Value depthBegin, int64_t depth, bool fetchesListed, const Strip &ahead,
                  Value share) const;
  void emitWord(Emitter &e, Value word, bool fetches) const;
  void emitColumn(Emitter &e, Value row, Value column, Value next) const;
};

/// Lanes that are not zero; NaN is none.
Value isActive(Emitter &e, Value vector) {
  return arith::CmpFOp::create(e, arith::CmpFPredicate::UNE, vector, e.real(0.0, vector.getType()));
}

Value SparseLinear::isDense(Emitter &e, Value row) const {
  Value zero = arith::ConstantIntOp::create(e, 0, 32);
  return arith::CmpIOp::create(e, arith::CmpIPredicate::slt, e.loadScalar(counts, {row}), zero);
}

void SparseLinear::emitCount(Emitter &e, Value row) const {
  Value x = watched(), width = e.dim(x, 1);
  int64_t lanes = dense.lanes;
  if (!gate) {
    auto type = VectorType::get(lanes, e.getI32Type());
    Value none = arith::ConstantOp::create(e, e.getZeroAttr(type));
    auto add = [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); };
    Value sums = e.foldVectors(
        width, lanes, none,
        [&](Value at, Value mask, Value sum) {
          Value active = isActive(e, e.load(x, {row, at}, lanes, mask));
          return add(sum, arith::ExtUIOp::create(e, type, active));
        },
        add);
    return e.storeScalar(e.reduce(sums, add), counts, {row});
  }
  Type i64 = e.getI64Type();
  Value zero = arith::ConstantIntOp::create(e, 0, 64);
  Value total = e.forRange(
      e.index(0), e.dim(active, 1), 1, zero, [&](Value word, ValueRange carried) {
        Value bits = zero;
        for (int64_t first = 0; first < wordBits; first += lanes) {
          Value at = e.add(e.mul(word, wordBits), first);
          Value mask = e.maskBelow(e.sub(width, at), lanes);
          Value some = vector::BitCastOp::create(
              e, VectorType::get(1, e.getIntegerType(lanes)),
              isActive(e, e.load(x, {row, at}, lanes, mask)));
          Value part = arith::ExtUIOp::create(e, i64, vector::ExtractOp::create(e, some, int64_t(0)));
          bits = arith::OrIOp::create(
              e, bits, arith::ShLIOp::create(e, part, arith::ConstantIntOp::create(e, first, 64)));
        }
        e.storeScalar(bits, active, {row, word});
        return SmallVector<Value>{
            arith::AddIOp::create(e, carried[0], math::CtPopOp::create(e, bits))};
      })[0];
  e.storeScalar(arith::TruncIOp::create(e, e.getI32Type(), total), counts, {row});
}

/// Marks the rows of blocks that are dense, tells the runtime, and returns how many such
/// blocks there are.
Value SparseLinear::emitDecision(Emitter &e, Value blockRows) const {
  Value rows = e.dim(dense.out, 0), width = e.dim(watched(), 1), zero = e.index(0);
  Value elements = e.mul(rows, width);
  Value blocks = e.ceilDiv(rows, e.max(blockRows, e.index(1)));
  SmallVector<Value> sums = e.forRange(zero, blocks, 1, {zero, zero, zero}, [&](Value block, ValueRange carried) {
    Value begin = e.mul(block, blockRows), end = e.min(e.add(begin, blockRows), rows);
    Value sum = e.forRange(begin, end, 1, zero, [&](Value row, ValueRange counted) {
      return SmallVector<Value>{e.add(counted[0], e.toIndex(e.loadScalar(counts, {row})))};
    })[0];
    Value all = e.mul(e.sub(end, begin), width);
    Value size = e.sub(end, begin);
    Value many = e.add(e.mul(size, limits.slope), -limits.offset);
    // Rows read part of what they list from the cache, where others have put it.
    Value few = e.blend(e.equal(size, e.index(1)), e.index(limits.few), e.index(limits.few * 4 / 3));
    Value isSparse = e.lessThan(e.mul(sum, 1024), e.mul(width, e.max(many, few)));
    e.ifElse(isSparse, [] {}, [&] {
      Value mark = arith::ConstantIntOp::create(e, -1, 32);
      e.forRange(begin, end, 1, [&](Value row) { e.storeScalar(mark, counts, {row}); });
    });
    return SmallVector<Value>{e.add(carried[0], sum), e.add(carried[1], e.blend(isSparse, sum, all)),
                              e.add(carried[2], e.blend(isSparse, zero, e.index(1)))};
  });
  e.callRuntime(countFunction, {e.fromIndex(sums[0], 64), e.fromIndex(elements, 64),
                                e.fromIndex(sums[1], 64)});
  return sums[2];
}

/// Lists a row's inputs that are not zero, and where: side by side they take a fraction of
/// the room that they take in the row, of which other rows' weights need the cache.
void SparseLinear::emitList(Emitter &e, Value row) const {
  int64_t lanes = dense.lanes;
  Value zero = e.index(0);
  // Of wide vectors the hardware packs what a mask selects; the slack is what
  // the last one writes beyond its elements.
  bool packs = lanes == 16;
  auto pack = [&](Value vector, Value some) -> Value {
    return LLVM::CallIntrinsicOp::create(e, e.getLoc(), vector.getType(),
                                         e.getStringAttr("llvm.experimental.vector.compress"),
                                         ValueRange{vector, some, vector})
        .getResult(0);
  };
  auto walk = [&](Value at, Value mask, Value count) {
    Value x = e.load(dense.x.buffer, {row, at}, lanes, mask), some = isActive(e, x);
    Value positions = arith::AddIOp::create(e, e.lanes(lanes), e.splatIndex(at, lanes));
    if (packs) {
      e.store(pack(positions, some), active, {row, count});
      e.store(pack(x, some), values, {row, count});
      Value bits = vector::BitCastOp::create(
          e, VectorType::get(1, e.getIntegerType(lanes)), some);
      Value number = math::CtPopOp::create(e, vector::ExtractOp::create(e, bits, int64_t(0)));
      return e.add(count, e.toIndex(number));
    }
    for (int64_t lane = 0; lane < lanes; ++lane) {
      e.storeScalar(vector::ExtractOp::create(e, positions, lane), active, {row, count});
      e.storeScalar(vector::ExtractOp::create(e, x, lane), values, {row, count});
      Value bit = vector::ExtractOp::create(e, some, lane);
      count = e.add(count, e.toIndex(bit));
    }
    return count;
  };
  Value width = e.dim(dense.x.buffer, 1);
  auto start = [&](Value word, Value count) {
    e.storeScalar(e.fromIndex(count, 32), starts, {row, word});
  };
  Value words = e.div(width, e.index(wordBits));
  Value count = e.forRange(zero, words, 1, zero, [&](Value word, ValueRange carried) {
    Value count = carried[0];
    start(word, count);
    // A loop, not its steps one after another: LLVM compares each address with all that a body has.
    Value first = e.mul(word, wordBits);
    count = e.forRange(first, e.add(first, wordBits), lanes, count, [&](Value at, ValueRange carried) {
      return SmallVector<Value>{walk(at, Value(), carried[0])};
    })[0];
    return SmallVector<Value>{count};
  })[0];
  start(words, count);
  Value whole = e.mul(words, wordBits), rest = e.sub(width, whole);
  if (auto known = getConstantIntValue(rest); known && !*known)
    return;
  count = e.forRange(whole, width, lanes, count, [&](Value at, ValueRange carried) {
    return SmallVector<Value>{walk(at, e.maskBelow(e.sub(width, at), lanes), carried[0])};
  })[0];
  e.ifElse(e.lessThan(whole, width), [&] { start(e.add(words, 1), count); });
}

void SparseLinear::emitStrip(Emitter &e, const Linear &form, const LinearBlock &block) const {
  Value size = e.sub(block.end, block.begin);
  e.ifElse(isDense(e, block.begin), [&] { form.emitBlock(e, block); }, [&] {
    e.ifElse(e.lessThan(e.index(fetchingRows), size), [&] { emitPasses(e, form, block, false); },
             [&] { emitPasses(e, form, block, true); });
  });
}

/// Walks the strip in passes, so that its part stays in the cache for all rows. Few
/// rows fetch what their lists name, many the next part as a whole, each its share.
void SparseLinear::emitPasses(Emitter &e, const Linear &form, const LinearBlock &block,
                              bool fetchesListed) const {
  int64_t depth = std::max<int64_t>(passBytes / (form.schedule.nr * 4) / wordBits, 1) * wordBits;
  // What is fetched for a single row is not in the way of others.
  if (fetchesListed)
    depth = std::max<int64_t>(form.k, 1);
  auto pass = [&](Value depthBegin) {
    Strip next = form.emitNextStrip(e, block, depthBegin, depth);
    Value size = e.sub(block.end, block.begin);
    Value share = e.ceilDiv(e.index(std::min(depth, form.k)), e.max(size, e.index(1)));
    e.forRange(block.begin, block.end, 1, [&](Value row) {
      Strip part = next;
      part.depthBegin = e.add(next.depthBegin, e.mul(e.sub(row, block.begin), share));
      emitListed(e, form, block, row, depthBegin, depth, fetchesListed, part, share);
    });
  };
  if (form.k <= depth)
    pass(e.index(0));
  else
    e.forRange(e.index(0), e.index(form.k), depth, pass);
}

/// A row's part of a strip, from a part of its list. Several of the list are summed side by
/// side, since a strip is too narrow to hide how long a product takes.
void SparseLinear::emitListed(Emitter &e, const Linear &form, const LinearBlock &block, Value row,
                              Value depthBegin, int64_t depth, bool fetchesListed,
                              const Strip &next, Value share) const {
  int64_t lanes = form.lanes, vectors = llvm::divideCeil(block.columns, lanes);
  int64_t side = std::clamp<int64_t>(12 / vectors, 1, 4);
  Strip strip = form.emitStrip(e, block.strip, e.index(0));
  Value depthEnd = e.min(e.add(depthBegin, depth), e.index(form.k));
  auto getStart = [&](Value position) {
    return e.toIndex(e.loadScalar(starts, {row, e.ceilDiv(position, e.index(wordBits))}));
  };
  Value begin = getStart(depthBegin), end = getStart(depthEnd);
  Value nextRow, lastOfNext;
  Strip nextStrip;
  if (fetchesListed) {
    Value hasNext = e.lessThan(e.add(row, 1), block.end);
    nextRow = e.blend(hasNext, e.add(row, 1), block.begin);
    lastOfNext = e.max(e.add(e.toIndex(e.loadScalar(counts, {nextRow})), -1), e.index(0));
    nextStrip = {e.blend(hasNext, strip.panel, next.panel),
                 e.blend(hasNext, strip.first, next.first), Value()};
  }
  auto add = [&](Value at, MutableArrayRef<Value> sums) {
    Value position = e.toIndex(e.loadScalar(active, {row, at}));
    Value scale = e.splat(e.loadScalar(values, {row, at}), lanes);
    for (auto [v, sum] : llvm::enumerate(sums))
      sum = e.fma(scale, e.load(form.w, {strip.panel, position, e.add(strip.first, v * lanes)}, lanes),
                  sum);
    if (!fetchesListed)
      return;
    // Behind the end of the list comes the next row's, or that of the next strip.
    Value ahead = e.add(at, fetchDistance), isHere = e.lessThan(ahead, end);
    Value place = e.blend(isHere, ahead, e.min(e.sub(ahead, end), lastOfNext));
    Value input = e.toIndex(e.loadScalar(active, {e.blend(isHere, row, nextRow), place}));
    Value panel = e.blend(isHere, strip.panel, nextStrip.panel);
    Value first = e.blend(isHere, strip.first, nextStrip.first);
    for (int64_t v = 0; v < vectors; ++v)
      if (v * lanes % Emitter::lineElements == 0)
        e.prefetch(form.w, {panel, input, e.add(first, v * lanes)}, /*locality=*/3);
  };
  GemmTile tile{1, vectors, lanes};
  TileTarget target = form.getTarget(e, block, row);
  bool onePass = form.k <= depth;
  SmallVector<Value> sums = tile.zeros(e, e.getF32Type());
  if (!onePass)
    sums = e.select(e.equal(depthBegin, e.index(0)), [&] { return sums; },
                    [&] { return target.load(e, tile); });
  for (int64_t i = 1; i < side; ++i)
    llvm::append_range(sums, tile.zeros(e, e.getF32Type()));
  Value whole = e.add(begin, e.mul(e.div(e.sub(end, begin), e.index(side)), side));
  Value steps = e.max(e.div(e.sub(whole, begin), e.index(side)), e.index(1));
  Value perStep = e.ceilDiv(share, steps);
  sums = e.forRange(begin, whole, side, sums, [&](Value at, ValueRange carried) {
    SmallVector<Value> sums = llvm::to_vector(carried);
    for (int64_t i = 0; i < side; ++i)
      add(e.add(at, i), MutableArrayRef(sums).slice(i * vectors, vectors));
    if (!fetchesListed) {
      Value first = e.add(next.depthBegin,
                          e.mul(e.div(e.sub(at, begin), e.index(side)), perStep));
      e.forRange(first, e.add(first, perStep), 1, [&](Value line) {
        for (int64_t c = 0; c < form.schedule.nr; c += Emitter::lineElements)
          e.prefetch(form.w, {next.panel, line, e.add(next.first, c)}, /*locality=*/2);
      });
    }
    return sums;
  });
  for (int64_t width = side; width > 1; width = llvm::divideCeil(width, 2))
    for (int64_t i = 0; i < width / 2 * vectors; ++i)
      sums[i] = e.addF(sums[i], sums[i + llvm::divideCeil(width, 2) * vectors]);
  sums.truncate(vectors);
  sums = e.forRange(whole, end, 1, sums, [&](Value at, ValueRange carried) {
    SmallVector<Value> next = llvm::to_vector(carried);
    add(at, next);
    return next;
  });
  if (onePass)
    return target.store(e, tile, sums, form.epilogue);
  e.ifElse(e.lessThan(depthEnd, e.index(form.k)),
           [&] { target.store(e, tile, sums, Epilogue()); },
           [&] { target.store(e, tile, sums, form.epilogue); });
}

/// The outputs of 64 columns, of which each may fetch the one after it.
void SparseLinear::emitWord(Emitter &e, Value word, bool fetches) const {
  Value zero = arith::ConstantIntOp::create(e, 0, 64), one = arith::ConstantIntOp::create(e, 1, 64);
  Type i64 = e.getI64Type();
  e.forRange(e.index(0), e.dim(dense.out, 0), 1, [&](Value row) {
    Value sparse = arith::CmpIOp::create(e, arith::CmpIPredicate::sge,
                                         e.loadScalar(counts, {row}),
                                         arith::ConstantIntOp::create(e, 0, 32));
    e.ifElse(sparse, [&] {
      auto loop = scf::WhileOp::create(
          e, TypeRange{i64}, ValueRange{e.loadScalar(active, {row, word})},
          [&](OpBuilder &, Location, ValueRange bits) {
            Value some = arith::CmpIOp::create(e, arith::CmpIPredicate::ne, bits[0], zero);
            scf::ConditionOp::create(e, some, bits);
          },
          [&](OpBuilder &, Location, ValueRange bits) {
            Value rest = arith::AndIOp::create(e, bits[0], arith::SubIOp::create(e, bits[0], one));
            auto firstOf = [&](Value bits) {
              Value first = math::CountTrailingZerosOp::create(e, bits);
              return e.add(e.mul(word, wordBits), e.toIndex(first));
            };
            // 64, the beginning of the next word, where there are no more.
            Value next = fetches ? e.min(firstOf(rest), e.index(dense.n - 1)) : Value();
            emitColumn(e, row, firstOf(bits[0]), next);
            scf::YieldOp::create(e, rest);
          });
      e.setInsertionPointAfter(loop);
    });
  });
}

void SparseLinear::emitColumn(Emitter &e, Value row, Value column, Value next) const {
  int64_t lanes = dense.lanes;
  Value zero = e.real(0.0, VectorType::get(lanes, e.getF32Type()));
  auto add = [&](Value a, Value b) { return e.addF(a, b); };
  Value sums = e.foldVectors(
      e.index(dense.k), lanes, zero,
      [&](Value at, Value mask, Value sum) {
        if (next)
          e.prefetch(columns, {next, at}, /*locality=*/3);
        return e.fma(e.load(dense.x.buffer, {row, at}, lanes, mask),
                     e.load(columns, {column, at}, lanes, mask), sum);
      },
      add);
  Value result = e.reduce(sums, add);
  const Epilogue &epilogue = dense.epilogue;
  if (epilogue.bias)
    result = e.addF(result, e.loadScalar(epilogue.bias, {column}));
  if (epilogue.activation)
    result = epilogue.activation(e, e.getLoc(), result);
  result = e.mulF(result, e.loadScalar(gate, {row, column}));
  e.storeScalar(result, dense.out, {row, column});
}

void SparseLinear::emit(Emitter &e) const {
  Value rows = e.dim(dense.out, 0);
  int64_t grain = rowGrain(watched());
  e.parallel(rows, grain, [&](Value row) { emitCount(e, row); });
  Value numDense = emitDecision(e, dense.emitBlockRows(e));
  e.parallel(rows, grain, [&](Value row) {
    e.ifElse(isDense(e, row), [] {}, [&] {
      if (!gate)
        return emitList(e, row);
      Value zero = e.real(0.0, VectorType::get(dense.lanes, e.getF32Type()));
      e.forEachVector(e.dim(dense.out, 1), dense.lanes,
                      [&](Value at, Value mask) { e.store(zero, dense.out, {row, at}, mask); });
    });
  });
  if (!gate)
    return dense.emit(e, [&](const Linear &form, const LinearBlock &block) {
      emitStrip(e, form, block);
    });
  e.parallel(e.dim(active, 1), 1, [&](Value word) {
    e.ifElse(e.lessThan(e.index(fetchingRows), rows), [&] { emitWord(e, word, false); },
             [&] { emitWord(e, word, true); });
  });
  e.ifElse(e.lessThan(e.index(0), numDense), [&] {
    dense.emit(e, [&](const Linear &form, const LinearBlock &block) {
      e.ifElse(isDense(e, block.begin), [&] { form.emitBlock(e, block); });
    });
  });
}

} // namespace

LogicalResult buildSparseLinear(Emitter &e, const KernelContext &context) {
  bool bias = context.flag("bias"), gate = context.flag("gate"),
       residual = context.flag("residual");
  auto few = context.integer("limit_few"), slope = context.integer("limit_slope"),
       offset = context.integer("limit_offset", /*least=*/0);
  auto arguments = context.arguments(5 + bias + 2 + residual);
  if (failed(few) || failed(slope) || failed(offset) || failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  SparseLinear sparse;
  Linear::Operands operands;
  operands.x = *next++;
  operands.w = *next++;
  if (bias)
    operands.bias = *next++;
  if (gate) {
    sparse.gate = operands.gate = *next++;
    sparse.columns = *next++;
  }
  if (residual)
    operands.residual = *next++;
  sparse.counts = *next++;
  sparse.active = *next++;
  if (!gate) {
    sparse.values = *next++;
    sparse.starts = *next++;
  }
  operands.out = *next++;
  FailureOr<Linear> dense = Linear::parse(context, operands);
  if (failed(dense) || failed(context.memref(sparse.counts, "counts", 1, e.getI32Type())) ||
      failed(context.memref(sparse.active, "active", 2, e.getIntegerType(gate ? 64 : 32))) ||
      (!gate && (failed(context.memref(sparse.values, "values", 2, context.f32())) ||
                 failed(context.memref(sparse.starts, "starts", 2, e.getI32Type())))) ||
      (gate && (failed(context.memref(sparse.columns, "columns", 2, context.f32())) ||
                failed(context.sameExtent(sparse.columns, 1, "columns", operands.x, 1, "x")) ||
                failed(context.sameExtent(sparse.columns, 0, "columns", operands.out, 1, "out")))) ||
      failed(context.sameExtent(sparse.counts, 0, "counts", operands.out, 0, "out")))
    return failure();
  sparse.dense = *dense;
  sparse.limits = {*few, *slope, *offset};
  sparse.emit(e);
  return success();
}

} // namespace winnow::cpu
