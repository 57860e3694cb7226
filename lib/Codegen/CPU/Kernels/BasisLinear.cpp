//===- BasisLinear.cpp - Linear layers of the bases of a KAN --------------===//
//
// activation(basis(x) W + bias) + residual. The bases of some channels and a block of rows are
// computed into the cache, and a pass of the loops of Linear.cpp multiplies them by their part of
// W: what would be as many times larger than x as there are bases is never in memory. A part of W
// is [basis, channel] for each `channels` channels; the last part has those that are left.
//
// All strips of W follow one computation of the bases, so indices of the parallel loop are blocks of rows.
// Where there is but one block, they are strips, each with bases of its own.
//
//===----------------------------------------------------------------------===//

#include "Basis.h"
#include "Linear.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct BasisLinear {
  Linear layer; ///< its passes, of `channels` each
  Basis basis;
  int64_t channels;

  static FailureOr<BasisLinear> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  int64_t countChannels() const { return layer.k / basis.bases; }
  void emitStrips(Emitter &e, Value begin, Value end, Value firstStrip, Value lastStrip) const;
  void emitBases(Emitter &e, Value out, Value begin, Value end, Value first) const;
};

FailureOr<BasisLinear> BasisLinear::parse(const KernelContext &context) {
  auto operands = Linear::Operands::parse(context, /*isBasis=*/true);
  auto kind = context.string("basis", "");
  auto channels = context.integer("channels");
  if (failed(operands) || failed(kind) || failed(channels))
    return failure();
  auto basis = Basis::parse(context, *kind, operands->x, operands->basis, /*coefficients=*/false);
  if (failed(basis))
    return failure();
  FailureOr<Linear> layer = Linear::parse(context, *operands);
  if (failed(layer))
    return failure();
  if (operands->rows || operands->outRows)
    return context.error() << "expected rows in their order, got numbers";
  int64_t width = cast<MemRefType>(operands->x.getType()).getDimSize(1);
  if (ShapedType::isDynamic(width) || width * basis->bases != layer->k)
    return context.error() << "expected 'w' to have " << basis->bases
                           << " rows for each column of x, got " << layer->w.getType() << " and "
                           << operands->x.getType();
  BasisLinear result{*layer, *basis, std::min(*channels, std::max<int64_t>(width, 1))};
  result.layer.schedule.kc = result.channels * basis->bases;
  return result;
}

/// The bases of channels from `first` on, [row, basis, channel] for the rows of a block.
void BasisLinear::emitBases(Emitter &e, Value out, Value begin, Value end, Value first) const {
  Value count = e.min(e.sub(e.index(countChannels()), first), e.index(channels));
  e.forRange(begin, end, 1, [&](Value row) {
    basis.emitRow(e, row, first, count, [&](Value at, ArrayRef<Value> bases, Value mask) {
      for (auto [k, value] : llvm::enumerate(bases))
        e.store(value, out,
                {e.sub(row, begin), e.add(e.mul(count, k), e.sub(at, first))}, mask);
    });
  });
}

void BasisLinear::emitStrips(Emitter &e, Value begin, Value end, Value firstStrip,
                             Value lastStrip) const {
  const GemmSchedule &schedule = layer.schedule;
  Linear product = layer;
  product.x = e.scratch({schedule.mb, schedule.kc}, e.getF32Type());
  product.firstRow = begin;
  Value staging = e.scratch({schedule.mr, schedule.nr}, e.getF32Type());
  int64_t whole = layer.n / schedule.nr, rest = layer.n % schedule.nr;
  e.forRange(e.index(0), e.index(countChannels()), channels, [&](Value first) {
    emitBases(e, product.x.buffer, begin, end, first);
    Value depth = e.mul(first, basis.bases);
    auto multiply = [&](Value strip, int64_t columns) {
      // After the last strip comes the next pass.
      Value goesOn = e.lessThan(e.add(strip, 1), lastStrip);
      Value row = e.blend(goesOn, depth, e.add(depth, schedule.kc));
      Strip next = product.emitStrip(e, e.blend(goesOn, e.add(strip, 1), firstStrip), row);
      product.emitPass(e, {strip, columns, begin, end, staging},
                       product.emitStrip(e, strip, depth), &next);
    };
    e.forRange(firstStrip, e.min(lastStrip, e.index(whole)), 1,
               [&](Value strip) { multiply(strip, schedule.nr); });
    if (rest)
      e.ifElse(e.lessThan(e.index(whole), lastStrip), [&] { multiply(e.index(whole), rest); });
  });
}

void BasisLinear::emit(Emitter &e) const {
  Value rows = layer.countRows(e), strips = e.index(llvm::divideCeil(layer.n, layer.schedule.nr));
  Value blocks = e.ceilDiv(rows, e.index(layer.schedule.mb));
  Value share = layer.emitBlockRows(e);
  e.ifElse(
      e.lessThan(e.index(1), blocks),
      [&] {
        e.parallel(blocks, 1, [&](Value block) {
          Value begin = e.min(e.mul(block, share), rows);
          emitStrips(e, begin, e.min(e.add(begin, share), rows), e.index(0), strips);
        });
      },
      [&] {
        e.parallel(strips, 1,
                   [&](Value strip) { emitStrips(e, e.index(0), rows, strip, e.add(strip, 1)); });
      });
}
} // namespace

LogicalResult buildBasisLinear(Emitter &e, const KernelContext &context) {
  FailureOr<BasisLinear> layer = BasisLinear::parse(context);
  if (failed(layer))
    return failure();
  layer->emit(e);
  return success();
}

} // namespace winnow::cpu
