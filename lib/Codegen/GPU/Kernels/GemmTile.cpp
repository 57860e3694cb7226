//===- GemmTile.cpp - The products of a tile, from shared memory ----------===//
//
// Warps multiply matrices of 16 x 8 elements by mma.sync. Of lane 4 g + t it takes, and
// gives, with k16 (of narrow floats; k8 of tf32 alike, with one element for two):
//
//   a: rows g and g + 8, depths 2t, 2t + 1 and 2t + 8, 2t + 9
//   b: column g, the same depths
//   sums: rows g and g + 8, columns 2t and 2t + 1
//
// Narrow floats come that way by ldmatrix. f32 are rounded after they are loaded; as the
// order of depths does not matter if both factors have it, a lane then takes depths 4t to
// 4t + 3, which are one load.
//
// In f32, threads are 16 x 16; each adds products of rows r + 16 i and columns c + 16 j, or
// of vectors of four columns where these lie side by side.
//
//===----------------------------------------------------------------------===//

#include "Gemm.h"

using namespace mlir;

namespace winnow::gpu {

Value getSwizzle(Emitter &e, FactorLayout layout, Type element, int64_t rowBytes, Value row) {
  if (layout != FactorLayout::DepthInner && element.isF32()) {
    // Lanes read rows t or 4t of a column: two chunks apart, they reach all banks.
    Value mixed = e.bitXor(row, e.shiftRight(row, 2));
    return e.shiftLeft(e.bitAnd(mixed, 3), 1);
  }
  if (rowBytes <= 64)
    return e.bitAnd(e.shiftRight(row, 1), 3);
  // Eight rows differ, and neighbours in the half of 64 bytes.
  return e.add(e.shiftLeft(e.bitAnd(row, 1), 2), e.bitAnd(e.shiftRight(row, 1), 3));
}

GemmTile::GemmTile(Emitter &e, const GemmConfig &config) : e(e), config(config) {
  Value thread = e.thread();
  lane = e.bitAnd(thread, 31);
  Value warp = e.shiftRight(thread, 5);
  warpRow = e.mul(e.div(warp, config.warpColumns), rowsPerWarp());
  warpColumn = e.mul(e.rem(warp, config.warpColumns), columnsPerWarp());
  threadRow = e.shiftRight(thread, 4);
  threadColumn = e.bitAnd(thread, 15);
}

Type GemmTile::narrow() {
  return config.precision == Precision::BF16 ? Type(e.getBF16Type()) : Type(e.getF16Type());
}

int64_t GemmTile::numSums() const {
  return config.tileRows * config.tileColumns / config.threads();
}

SmallVector<Value> GemmTile::multiply(Value tileA, Value tileB, ValueRange sums) {
  return isScalar() ? multiplyScalar(tileA, tileB, sums) : multiplyWarp(tileA, tileB, sums);
}

Value GemmTile::place(Value tile, Value row, Value chunk, int64_t further, int64_t rowBytes) {
  Value swizzle = getSwizzle(e, FactorLayout::DepthInner, {}, rowBytes, row);
  // Whole lines stay out of it: one register serves all of them.
  chunk = e.add(chunk, further % 8);
  Value offset = e.shiftLeft(e.bitXor(chunk, swizzle), 4);
  return e.at(e.at(tile, e.add(e.mul(row, rowBytes), offset)), further / 8 * 128);
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

SmallVector<Value> GemmTile::loadPairs(Value tile, Value row, int64_t rowBytes, int64_t step) {
  Value t = e.bitAnd(lane, 3);
  Type f32 = e.getF32Type();
  SmallVector<Value> x;
  if (takesFour()) {
    x = e.loadVector(f32, 4, place(tile, row, t, 4 * step, rowBytes));
  } else {
    for (int64_t half = 0; half < 2; ++half) {
      Value at = e.at(place(tile, row, e.shiftRight(t, 1), 4 * step + 2 * half, rowBytes),
                      e.shiftLeft(e.bitAnd(t, 1), 3));
      llvm::append_range(x, e.loadVector(f32, 2, at));
    }
  }
  return {e.packNarrow(x[0], x[1], narrow()), e.packNarrow(x[2], x[3], narrow())};
}

SmallVector<Value> getTF32Words(Emitter &e, ValueRange numbers, bool splits) {
  SmallVector<Value> words;
  for (Value number : numbers)
    words.push_back(e.roundToTF32(number));
  for (auto [i, number] : llvm::enumerate(numbers))
    if (splits) {
      Value upper = arith::BitcastOp::create(e, e.getF32Type(), words[i]);
      words.push_back(e.roundToTF32(e.subF(number, upper)));
    }
  return words;
}

SmallVector<Value> GemmTile::getWords(ValueRange numbers) {
  SmallVector<Value> floats;
  for (Value number : numbers)
    floats.push_back(arith::BitcastOp::create(e, e.getF32Type(), number));
  return getTF32Words(e, floats, config.splits);
}

void multiplyAdd(Emitter &e, Precision precision, bool splits, ValueRange a, ValueRange b,
                 MutableArrayRef<Value> sums) {
  auto add = [&](ValueRange left, ValueRange right) {
    llvm::copy(e.mma(splits ? Precision::TF32 : precision, left, right, ValueRange(sums)),
               sums.begin());
  };
  if (!splits)
    return add(a, b);
  // The small ones first.
  add(a.drop_front(4), b.take_front(2));
  add(a.take_front(4), b.drop_front(2));
  add(a.take_front(4), b.take_front(2));
}

/// The 16 rows from `row` on, in a step of depth.
SmallVector<Value> GemmTile::loadA(Value tile, int64_t step, int64_t row) {
  int64_t rowBytes = config.rowBytesA();
  tile = e.at(tile, row * rowBytes);
  if (config.a.element.isF32() && !isTF32()) {
    Value g = e.add(warpRow, e.shiftRight(lane, 2));
    SmallVector<Value> upper = loadPairs(tile, g, rowBytes, step);
    SmallVector<Value> lower = loadPairs(e.at(tile, 8 * rowBytes), g, rowBytes, step);
    return {upper[0], lower[0], upper[1], lower[1]};
  }
  Value from = place(tile, e.add(warpRow, e.bitAnd(lane, 15)), e.shiftRight(lane, 4), 2 * step,
                     rowBytes);
  SmallVector<Value> words = e.loadMatrices(from, 4, /*transposed=*/false);
  return isTF32() ? getWords(words) : words;
}

/// The 8 columns from `column` on, or 16 where ldmatrix takes them at once.
SmallVector<Value> GemmTile::loadB(Value tile, int64_t step, int64_t column) {
  int64_t rowBytes = config.rowBytesB();
  Type element = config.b.element, f32 = e.getF32Type();
  Value t = e.bitAnd(lane, 3), g = e.shiftRight(lane, 2);
  bool isNarrow = !element.isF32();
  if (config.b.layout == FactorLayout::DepthInner) {
    tile = e.at(tile, column * rowBytes);
    if (!isNarrow && !isTF32())
      return loadPairs(tile, e.add(warpColumn, g), rowBytes, step);
    Value row = e.add(e.bitAnd(lane, 7), e.shiftLeft(e.shiftRight(lane, 4), 3));
    Value chunk = e.bitAnd(e.shiftRight(lane, 3), 1);
    SmallVector<Value> words = e.loadMatrices(
        place(tile, e.add(warpColumn, row), chunk, 2 * step, rowBytes), 4, /*transposed=*/false);
    if (!isTF32())
      return words;
    // Each eight columns with their own lower parts.
    SmallVector<Value> result;
    for (ValueRange rest = words; !rest.empty(); rest = rest.drop_front(2))
      llvm::append_range(result, getWords(rest.take_front(2)));
    return result;
  }
  if (isNarrow) {
    Value row = e.add(e.bitAnd(lane, 15), 16 * step);
    Value chunk = e.add(e.shiftRight(warpColumn, 3), e.shiftRight(lane, 4));
    return e.loadMatrices(place(tile, row, chunk, column / 8, rowBytes), 4, /*transposed=*/true);
  }
  auto element_ = [&](Value depth) {
    Value swizzle = getSwizzle(e, config.b.layout, element, rowBytes, depth);
    Value at = e.add(e.add(warpColumn, g), column % 32);
    Value place = e.bitXor(at, e.shiftLeft(swizzle, 2));
    Value offset = e.add(e.mul(depth, rowBytes), e.shiftLeft(place, 2));
    return e.load(f32, e.at(e.at(tile, offset), column / 32 * 128));
  };
  if (isTF32())
    return getTF32Words(e, {element_(e.add(t, 8 * step)), element_(e.add(t, 8 * step + 4))},
                        config.splits);
  SmallVector<Value> x;
  for (int64_t i = 0; i < 4; ++i)
    x.push_back(element_(takesFour() ? e.add(e.shiftLeft(t, 2), 16 * step + i)
                                     : e.add(e.shiftLeft(t, 1), 16 * step + i % 2 + i / 2 * 8)));
  return {e.packNarrow(x[0], x[1], narrow()), e.packNarrow(x[2], x[3], narrow())};
}

SmallVector<Value> GemmTile::multiplyWarp(Value tileA, Value tileB, ValueRange sums) {
  SmallVector<Value> result(sums);
  int64_t steps = config.tileDepth() / (isTF32() ? 8 : 16);
  int64_t rows = rowsPerWarp() / 16, columns = columnsPerWarp() / 8;
  for (int64_t step = 0; step < steps; ++step) {
    SmallVector<SmallVector<Value>> a;
    for (int64_t i = 0; i < rows; ++i)
      a.push_back(loadA(tileA, step, 16 * i));
    for (int64_t j = 0; j < columns;) {
      SmallVector<Value> b = loadB(tileB, step, 8 * j);
      int64_t words = config.splits ? 4 : 2;
      for (ValueRange rest = b; !rest.empty(); rest = rest.drop_front(words), ++j)
        for (int64_t i = 0; i < rows; ++i)
          multiplyAdd(e, config.precision, config.splits, a[i], rest.take_front(words),
                      MutableArrayRef(result).slice((i * columns + j) * 4, 4));
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Threads on their own
//===----------------------------------------------------------------------===//

SmallVector<Value> GemmTile::multiplyScalar(Value tileA, Value tileB, ValueRange sums) {
  SmallVector<Value> result(sums);
  Type f32 = e.getF32Type();
  int64_t rows = config.tileRows / 16, columns = config.tileColumns / 16;
  bool depthInner = config.b.layout == FactorLayout::DepthInner;
  for (int64_t four = 0; four < config.tileDepth() / 4; ++four) {
    auto loadFours = [&](Value tile, Value row, int64_t count, int64_t rowBytes) {
      SmallVector<SmallVector<Value>> fours;
      Value first = place(tile, row, e.i32(0), four, rowBytes);
      for (int64_t i = 0; i < count; ++i)
        fours.push_back(e.loadVector(f32, 4, e.at(first, i * 16 * rowBytes)));
      return fours;
    };
    auto a = loadFours(tileA, threadRow, rows, config.rowBytesA());
    SmallVector<SmallVector<Value>> b;
    if (depthInner)
      b = loadFours(tileB, threadColumn, columns, config.rowBytesB());
    for (int64_t k = 0; k < 4; ++k) {
      SmallVector<Value> line;
      if (depthInner) {
        for (SmallVector<Value> &fours : b)
          line.push_back(fours[k]);
      } else {
        Value depth = e.i32(4 * four + k);
        Value swizzle = getSwizzle(e, config.b.layout, f32, config.rowBytesB(), depth);
        for (int64_t j = 0; j < columns / 4; ++j) {
          Value chunk = e.bitXor(e.add(threadColumn, 16 * j), swizzle);
          Value offset = e.add(e.shiftLeft(chunk, 4), (4 * four + k) * config.rowBytesB());
          llvm::append_range(line, e.loadVector(f32, 4, e.at(tileB, offset)));
        }
      }
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          Value &sum = result[i * columns + j];
          sum = e.fma(a[i][k], line[j], sum);
        }
    }
  }
  return result;
}

void GemmTile::forEach(ValueRange sums, llvm::function_ref<void(Value, Value, ValueRange)> body) {
  if (!isScalar()) {
    int64_t rows = rowsPerWarp() / 16, columns = columnsPerWarp() / 8;
    Value row = e.add(warpRow, e.shiftRight(lane, 2));
    Value column = e.add(warpColumn, e.shiftLeft(e.bitAnd(lane, 3), 1));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t half = 0; half < 2; ++half)
        for (int64_t j = 0; j < columns; ++j)
          body(e.add(row, 16 * i + 8 * half), e.add(column, 8 * j),
               sums.slice((i * columns + j) * 4 + 2 * half, 2));
    return;
  }
  int64_t rows = config.tileRows / 16, columns = config.tileColumns / 16;
  int64_t width = config.b.layout == FactorLayout::DepthInner ? 1 : 4;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns / width; ++j)
      body(e.add(threadRow, 16 * i), e.add(e.mul(threadColumn, width), 16 * width * j),
           sums.slice(i * columns + j * width, width));
}

} // namespace winnow::gpu
