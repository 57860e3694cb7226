//===- TileConvert.cpp - Tiles to shared memory, as factors of wgmma ------===//

#include "TileConvert.h"

using namespace mlir;

namespace winnow::gpu {

TileConvert::Place TileConvert::getPlace(Emitter &e, Value number) const {
  if (isDepthInner)
    return {e.div(number, 8), e.rem(number, 8)};
  int64_t groups = rows / rowsAtOnce();
  if (rowsAtOnce() == 1)
    return {e.rem(number, groups), e.div(number, groups)};
  // Eight neighbours store two groups of four rows, by four chunks: all banks. They load
  // whole sectors of 32 bytes.
  Value rest = e.div(number, 8);
  Value group = e.add(e.rem(number, 2), e.mul(e.rem(rest, groups / 2), 2));
  Value chunk = e.add(e.rem(e.div(number, 2), 4), e.mul(e.div(rest, groups / 2), 4));
  return {e.mul(group, rowsAtOnce()), chunk};
}

SmallVector<Value> TileConvert::load(Emitter &e, Value from, Value row, Value depth) const {
  int64_t size = bytesOf(element), chunk = chunkOf(precision), atOnce = rowsAtOnce();
  // Beyond the matrix the address is one within it: of the last row, or of depth 0.
  Value isRow = e.less(row, rowLimit);
  Value ownRow = e.select(isRow, row, e.i32(0));
  SmallVector<Value> elements(atOnce * chunk);
  int64_t step = isDepthInner ? vector : 1;
  for (int64_t i = 0; i < chunk; i += step) {
    Value at = e.add(depth, i);
    Value isDepth = e.less(at, depthLimit);
    Value place = offset(e, ownRow, e.select(isDepth, at, e.i32(0)));
    SmallVector<Value> loaded = e.loadVector(element, vector, e.at(from, e.mul(place, size)));
    Value isThere = e.both(isRow, isDepth);
    for (auto [j, value] : llvm::enumerate(loaded))
      elements[isDepthInner ? i + j : j * chunk + i] =
          e.select(isThere, e.toFloat(value), e.f32(0));
  }
  return elements;
}

void TileConvert::store(Emitter &e, ValueRange chunk, Value row, Value number, Value to) const {
  SmallVector<Value> words;
  if (precision == Precision::TF32) {
    for (Value value : chunk)
      words.push_back(e.roundToTF32(value));
  } else {
    Type narrow = precision == Precision::BF16 ? Type(e.getBF16Type()) : Type(e.getF16Type());
    for (size_t i = 0; i < chunk.size(); i += 2)
      words.push_back(e.packNarrow(chunk[i], chunk[i + 1], narrow));
  }
  Value swizzled = e.bitXor(number, e.bitAnd(row, 7));
  e.storeVector(words, e.at(to, e.add(e.mul(row, kRowBytes), e.shiftLeft(swizzled, 4))));
}

void TileConvert::run(Emitter &e, Value thread, Value from, Value row, Value depth,
                      Value to) const {
  int64_t chunk = chunkOf(precision), atOnce = rowsAtOnce();
  int64_t rounds = rows / atOnce * 8 / threads;
  int64_t together = std::clamp<int64_t>(registers / (atOnce * chunk), 1, rounds);
  e.forRange(e.i32(0), e.i32(rounds * threads), together * threads, {}, [&](Value first, ValueRange) {
    SmallVector<Place> places;
    SmallVector<SmallVector<Value>> loaded;
    for (int64_t i = 0; i < together; ++i) {
      places.push_back(getPlace(e, e.add(e.add(thread, first), i * threads)));
      const Place &place = places.back();
      loaded.push_back(
          load(e, from, e.add(row, place.row), e.add(depth, e.mul(place.chunk, chunk))));
    }
    for (auto [place, elements] : llvm::zip_equal(places, loaded))
      for (int64_t j = 0; j < atOnce; ++j)
        store(e, ValueRange(elements).slice(j * chunk, chunk), e.add(place.row, j), place.chunk,
              to);
    return SmallVector<Value>();
  });
}

} // namespace winnow::gpu
