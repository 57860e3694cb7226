//===- Linear.cpp - activation(x W + bias) + residual, W packed -----------===//
//
// Where `rows` says so, row i of x is its row rows[i], or its rows rows[i * pieces + p]
// one after the other; and so for the residual with `residual_rows`, and for where rows of
// the result go with `out_rows`, which are a permutation.
//
// 1. Indices of the parallel loop are (block of rows, strip of W), strip
//    fastest, so that neighbours share their rows of x in the cache. A strip is
//    as wide as a register tile; a panel of W is one strip, or several where it
//    was packed for wider vectors.
// 2. A strip is walked in passes of depth kc; partial sums wait in `out`.
// 3. Each pass runs over register tiles of mr rows, then over ever smaller
//    tiles for the rows that are left. Tiles of the last strip are as narrow as it.
// 4. The last pass applies the epilogue.
//
// A single row, as in a step of a decoder, is a tile as wide as a panel instead.
//
//===----------------------------------------------------------------------===//

#include "Linear.h"

using namespace mlir;

namespace winnow::cpu {

namespace {

/// How far ahead rows of a panel are fetched into the L1 cache. A row is read once
/// in a tile, sooner than the hardware fetches it; measured on Zen 5, where 24 to
/// 96 rows do as well and 6 do not. Not for a tile of a single row, which reads as
/// fast as memory gives, and 4 to 8 % faster without.
constexpr int64_t prefetchRows = 48;
/// And elements of a row of x.
constexpr int64_t inputDistance = 96;
} // namespace

/// Weights come from memory, and a pass would wait for them in its first tile. So
/// the tiles of each pass fetch the strip of the next one into the L2 cache, each
/// an equal part, evenly over its depth.
static constexpr int64_t rateUnit = 1 << 16;

FailureOr<Linear> Linear::parse(const KernelContext &context, const Operands &operands) {
  Linear result;
  auto n = context.integer("n"), mr = context.integer("mr"),
       nr = context.integer("nr"), kc = context.integer("kc"),
       mb = context.integer("mb");
  auto activation = context.string("activation", "none");
  if (failed(n) || failed(mr) || failed(nr) || failed(kc) || failed(mb) ||
      failed(activation))
    return failure();
  result.lanes = context.lanes();
  result.numRegs = context.level.numVectorRegs;
  if (*nr % result.lanes)
    return context.error() << "expected 'nr' to be a multiple of "
                           << result.lanes << ", got " << *nr;
  if (*mb % *mr)
    return context.error() << "expected 'mb' to be a multiple of 'mr', got "
                           << *mb << " and " << *mr;
  std::optional<Activation> emitter = lookupActivation(*activation);
  if (!emitter)
    return context.error() << "unknown activation '" << *activation << "'";

  Type f32 = context.f32();
  result.x.buffer = operands.x;
  result.w = operands.w;
  result.out = operands.out;
  if (failed(context.memref(operands.x, "x", 2, f32)) ||
      failed(context.memref(result.w, "w", 3, f32)) ||
      (operands.bias && failed(context.memref(operands.bias, "bias", 1, f32))) ||
      (operands.gate && failed(context.memref(operands.gate, "gate", 2, f32))) ||
      (operands.residual && failed(context.memref(operands.residual, "residual", 2, f32))) ||
      failed(context.memref(result.out, "out", 2, f32)) ||
      (!operands.rows && !operands.basis && failed(context.sameExtent(operands.x, 1, "x", result.w, 1, "w"))))
    return failure();

  if (operands.table) {
    auto functions = RationalFunctions::parse(context, operands.table, result.out);
    if (failed(functions))
      return failure();
    result.epilogue.rational = *functions;
  }
  ArrayRef<int64_t> packed = cast<MemRefType>(result.w.getType()).getShape();
  if (llvm::any_of(packed, ShapedType::isDynamic) || packed[2] <= 0 ||
      packed[2] % *nr ||
      packed[0] != int64_t(llvm::divideCeil(*n, packed[2])))
    return context.error() << "expected 'w' to be packed in panels [K, " << *nr
                           << "], or a multiple as wide, for " << *n
                           << " columns, got " << result.w.getType();
  result.epilogue.residual.buffer = operands.residual;
  result.placed = operands.out;
  if ((operands.rows && failed(result.x.setNumbers(context, operands.rows, packed[1]))) ||
      (operands.residualRows &&
       failed(result.epilogue.residual.setNumbers(context, operands.residualRows, *n))) ||
      (operands.outRows && failed(result.placed.setNumbers(context, operands.outRows, *n))))
    return failure();
  result.epilogue.activation = *emitter;
  result.epilogue.bias = operands.bias;
  result.epilogue.gate = operands.gate;
  result.n = *n;
  result.k = packed[1];
  result.panelWidth = packed[2];
  result.schedule = {*mr, *nr, std::min(*kc, std::max<int64_t>(result.k, 1)),
                     *mb};
  if (int64_t width = result.x.pieceWidth(); result.x.pieces > 1 && width % *kc && *kc % width)
    return context.error() << "expected passes of whole pieces or parts of one, got 'kc' " << *kc
                           << " and pieces of " << width;
  return result;
}

void Linear::emit(Emitter &e) const {
  emit(e, [&](const Linear &form, const LinearBlock &block) { form.emitBlock(e, block); });
}

void Linear::emit(Emitter &e, BlockBody body) const {
  // Beside the accumulators of a row, a broadcast and a product.
  bool rowFits = panelWidth / lanes + 2 <= numRegs;
  if (panelWidth == schedule.nr || !rowFits)
    return emitBlocks(e, body);
  // A single row takes a panel of several strips in one go, at the speed of memory.
  // Strip by strip, all but the first would be computed while memory is idle.
  Linear single = *this;
  single.schedule = {1, panelWidth, std::max<int64_t>(k, 1), 1};
  e.ifElse(e.equal(countRows(e), e.index(1)), [&] { single.emitBlocks(e, body); },
           [&] { emitBlocks(e, body); });
}

Value Linear::countRows(Emitter &e) const {
  return e.div(e.dim(out, 0), e.index(placed.pieces));
}

int64_t Linear::countRows() const {
  int64_t rows = cast<MemRefType>(out.getType()).getDimSize(0);
  return ShapedType::isDynamic(rows) ? rows : rows / placed.pieces;
}

Value Linear::emitBlockRows(Emitter &e) const {
  Value rows = countRows(e);
  Value blocks = e.ceilDiv(rows, e.index(schedule.mb));
  // Blocks of nearly equal size balance better than a short last one, or than whole tiles: with 197 rows
  // on two threads, 104 and 93 leave one idle for a twentieth of the time.
  constexpr int64_t step = 4;
  Value share = e.ceilDiv(rows, e.max(blocks, e.index(1)));
  return e.mul(e.ceilDiv(share, e.index(step)), step);
}

void Linear::emitBlocks(Emitter &e, BlockBody body) const {
  Value rows = countRows(e);
  Value blocks = e.ceilDiv(rows, e.index(schedule.mb));
  Value blockRows = emitBlockRows(e);
  Value strips = e.index(llvm::divideCeil(n, schedule.nr));
  e.parallel(e.mul(blocks, strips), grain(), [&](Value at) {
    Value staging = e.scratch({schedule.mr, schedule.nr}, e.getF32Type());
    Value begin = e.min(e.mul(e.div(at, strips), blockRows), rows);
    Value end = e.min(e.add(begin, blockRows), rows);
    Value strip = e.rem(at, strips);
    auto compute = [&](int64_t columns) { body(*this, {strip, columns, begin, end, staging}); };
    int64_t rest = n % schedule.nr;
    if (rest == 0)
      return compute(schedule.nr);
    if (n < schedule.nr)
      return compute(rest);
    e.ifElse(e.equal(strip, e.index(n / schedule.nr)), [&] { compute(rest); },
             [&] { compute(schedule.nr); });
  });
}

/// Strips that are worth waking a thread for: some microseconds of work. Few rows wait for memory.
int64_t Linear::grain() const {
  constexpr int64_t fewRows = 6;
  int64_t rows = countRows();
  rows = ShapedType::isDynamic(rows) ? schedule.mb
                                     : std::min(rows, schedule.mb);
  int64_t cycles = std::max<int64_t>(std::max(rows, fewRows) * k * schedule.nr / lanes, 1);
  return std::max<int64_t>(16384 / cycles, 1);
}

/// Whether a tile fetches its rows of x ahead: of few strips each reads long rows from where other
/// threads have left them, in as many streams as a tile has rows. Measured on Zen 5, with 2 strips and
/// 6272 columns of x: 12 %.
bool Linear::fetchesInput() const {
  return !firstRow && llvm::divideCeil(n, schedule.nr) <= 4 && k >= 1024;
}

/// Rows of the next pass that a step of a tile's loop fetches. Unknown rows of x are
/// taken for four tiles at least. A single tile reads at the speed of memory, and
/// would be slowed down.
int64_t Linear::fetchedRows() const {
  int64_t rows = countRows();
  if (ShapedType::isDynamic(rows))
    rows = 4 * schedule.mr;
  int64_t tiles = llvm::divideCeil(std::min(rows, schedule.mb), schedule.mr);
  return tiles < 2 ? 0 : llvm::divideCeil(GemmTile::depthStep, tiles);
}

Strip Linear::emitStrip(Emitter &e, Value index, Value depthBegin) const {
  Value strips = e.index(panelWidth / schedule.nr);
  return {e.div(index, strips), e.mul(e.rem(index, strips), schedule.nr), depthBegin, depthBegin};
}

TileTarget Linear::getTarget(Emitter &e, const LinearBlock &block, Value row) const {
  Value valid = block.columns % lanes ? e.index(block.columns) : Value();
  return {placed, block.staging, row, e.mul(block.strip, schedule.nr), valid};
}

void Linear::emitBlock(Emitter &e, const LinearBlock &block) const {
  emitPasses(e, block, /*fetches=*/true,
             [&](Value depthBegin) { return emitStrip(e, block.strip, depthBegin); });
}

void Linear::emitPasses(Emitter &e, const LinearBlock &block, bool fetches,
                        StripSource source) const {
  auto pass = [&](Value depthBegin) {
    Strip strip = source(depthBegin);
    std::optional<Strip> next;
    if (fetches)
      next = emitNextStrip(e, block, depthBegin, schedule.kc);
    emitPass(e, block, strip, next ? &*next : nullptr);
  };
  if (k <= schedule.kc)
    pass(e.index(0));
  else
    e.forRange(e.index(0), e.index(k), schedule.kc, pass);
}

void Linear::emitPass(Emitter &e, const LinearBlock &block, const Strip &strip,
                      const Strip *next) const {
  std::optional<FetchAhead> ahead;
  if (next)
    ahead = emitFetchAhead(e, block, *next);
  int64_t vectors = llvm::divideCeil(block.columns, lanes);
  e.forEachTile(block.begin, block.end, schedule.mr, [&](Value row, int64_t tileRows) {
    emitTile(e, {tileRows, vectors, lanes}, getTarget(e, block, row), strip,
             ahead ? &*ahead : nullptr);
  });
}

Strip Linear::emitNextStrip(Emitter &e, const LinearBlock &block, Value depthBegin,
                            int64_t depth) const {
  Strip next = emitStrip(e, e.add(block.strip, 1), e.index(0));
  if (k <= depth)
    return next;
  Strip same = emitStrip(e, block.strip, e.add(depthBegin, depth));
  Value goesOn = e.lessThan(same.depthBegin, e.index(k));
  Value begin = e.blend(goesOn, same.depthBegin, next.depthBegin);
  return {e.blend(goesOn, same.panel, next.panel), e.blend(goesOn, same.first, next.first), begin,
          begin};
}

FetchAhead Linear::emitFetchAhead(Emitter &e, const LinearBlock &block, const Strip &next) const {
  // Rows with gaps between them would be worse than none.
  Value tiles = e.ceilDiv(e.sub(block.end, block.begin), e.index(schedule.mr));
  Value enough = e.lessThan(e.index(GemmTile::depthStep - 1),
                            e.mul(tiles, fetchedRows()));
  Value rate = e.ceilDiv(e.index(rateUnit), e.max(tiles, e.index(1)));
  return {next, block.begin, e.blend(enough, rate, e.index(0))};
}

void Linear::emitPrefetch(Emitter &e, const Strip &strip, Value row,
                          int64_t column, unsigned locality) const {
  // Behind the last row is the next panel, or nothing, which is no fault.
  e.prefetch(w, {strip.panel, e.add(strip.row, row), e.add(strip.first, column)}, locality);
}

void Linear::emitTile(Emitter &e, const GemmTile &tile,
                      const TileTarget &target, const Strip &strip,
                      const FetchAhead *ahead) const {
  bool onePass = k <= schedule.kc;
  SmallVector<Value> acc = tile.zeros(e, e.getF32Type());
  Value depth = e.index(k), depthBegin = strip.depthBegin;
  if (!onePass) {
    acc = e.select(
        e.equal(depthBegin, e.index(0)), [&] { return acc; },
        [&] { return target.load(e, tile); });
    depth = e.min(e.sub(depth, depthBegin), e.index(schedule.kc));
  }
  Value rowsBefore;
  if (ahead)
    rowsBefore = e.mul(e.div(e.sub(target.row, ahead->begin), e.index(schedule.mr)), depth);
  // The part [first, first + count) of the depth, whose columns of x begin at `column`
  // of rows that are given.
  auto multiply = [&](Value first, Value count, ArrayRef<Value> rows, Value column,
                      ValueRange init) {
    return tile.multiply(
        e, count, init,
        [&](int64_t r, Value at) { return e.loadScalar(x.buffer, {rows[r], e.add(column, at)}); },
        [&](Value at, int64_t v) {
          Value row = e.add(first, at);
          if (tile.rows > 1 && v * lanes % Emitter::lineElements == 0)
            emitPrefetch(e, strip, e.add(row, prefetchRows), v * lanes,
                         /*locality=*/3);
          return e.load(w,
                        {strip.panel, e.add(strip.row, row), e.add(strip.first, v * lanes)},
                        lanes);
        },
        [&](Value at) {
          if (fetchesInput())
            for (Value row : rows)
              e.prefetch(x.buffer, {row, e.add(column, e.add(at, inputDistance))}, /*locality=*/3);
          if (!ahead)
            return;
          Value row = e.div(e.mul(e.add(rowsBefore, e.add(first, at)), ahead->rate),
                            e.index(rateUnit));
          for (int64_t i = 0; i < fetchedRows(); ++i)
            for (int64_t c = 0; c < schedule.nr; c += Emitter::lineElements)
              emitPrefetch(e, ahead->strip, e.add(row, i), c, /*locality=*/2);
        });
  };
  auto getRows = [&](Value piece) {
    SmallVector<Value> rows;
    Value first = firstRow ? e.sub(target.row, firstRow) : target.row;
    for (int64_t r = 0; r < tile.rows; ++r)
      rows.push_back(x.number(e, e.add(first, r), piece));
    return rows;
  };
  int64_t width = x.pieces == 1 ? k : x.pieceWidth();
  if (firstRow) {
    acc = multiply(e.index(0), depth, getRows(e.index(0)), e.index(0), acc);
  } else if (schedule.kc <= width) {
    Value piece = x.pieces == 1 ? e.index(0) : e.div(depthBegin, e.index(width));
    Value column = e.sub(depthBegin, e.mul(piece, width));
    acc = multiply(e.index(0), depth, getRows(piece), column, acc);
  } else {
    acc = e.forRange(e.index(0), depth, width, acc, [&](Value first, ValueRange carried) {
      Value piece = e.div(e.add(depthBegin, first), e.index(width));
      return multiply(first, e.index(width), getRows(piece), e.index(0), carried);
    });
  }
  if (onePass)
    return target.store(e, tile, acc, epilogue);
  e.ifElse(
      e.lessThan(e.add(depthBegin, schedule.kc), e.index(k)),
      [&] { target.store(e, tile, acc, Epilogue()); },
      [&] { target.store(e, tile, acc, epilogue); });
}

FailureOr<Linear::Operands> Linear::Operands::parse(const KernelContext &context, bool isBasis) {
  auto activation = context.string("activation", "none");
  if (failed(activation))
    return failure();
  bool bias = context.flag("bias"), residual = context.flag("residual");
  bool rational = *activation == "group_rational", rows = context.flag("rows");
  bool residualRows = context.flag("residual_rows"), outRows = context.flag("out_rows");
  auto arguments =
      context.arguments(3 + isBasis + bias + rational + residual + rows + residualRows + outRows);
  if (failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  Linear::Operands operands;
  operands.x = *next++;
  operands.w = *next++;
  if (isBasis)
    operands.basis = *next++;
  if (bias)
    operands.bias = *next++;
  if (rational)
    operands.table = *next++;
  if (residual)
    operands.residual = *next++;
  if (rows)
    operands.rows = *next++;
  if (residualRows)
    operands.residualRows = *next++;
  if (outRows)
    operands.outRows = *next++;
  operands.out = *next++;
  return operands;
}

LogicalResult buildLinear(Emitter &e, const KernelContext &context) {
  auto operands = Linear::Operands::parse(context);
  if (failed(operands))
    return failure();
  FailureOr<Linear> linear = Linear::parse(context, *operands);
  if (failed(linear))
    return failure();
  linear->emit(e);
  return success();
}

} // namespace winnow::cpu
