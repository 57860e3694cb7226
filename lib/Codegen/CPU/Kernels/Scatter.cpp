//===- Scatter.cpp - Updates of a tensor in place, by index ---------------===//

#include "IndexCheck.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

enum class Combine { None, Add, Mul, Max, Min };

struct Scatter {
  Value out, indices, updates, site;
  Combine combine;
  bool isUnsigned;
};

Value emitCombine(Emitter &e, const Scatter &s, Value old, Value update) {
  bool isFloat = isa<FloatType>(old.getType());
  switch (s.combine) {
  case Combine::None:
    return update;
  case Combine::Add:
    return isFloat ? e.addF(old, update) : e.add(old, update);
  case Combine::Mul:
    return isFloat ? e.mulF(old, update) : e.mul(old, update);
  case Combine::Max:
    if (isFloat)
      return arith::MaximumFOp::create(e, old, update);
    return s.isUnsigned ? Value(arith::MaxUIOp::create(e, old, update))
                        : Value(arith::MaxSIOp::create(e, old, update));
  case Combine::Min:
    if (isFloat)
      return arith::MinimumFOp::create(e, old, update);
    return s.isUnsigned ? Value(arith::MinUIOp::create(e, old, update))
                        : Value(arith::MinSIOp::create(e, old, update));
  }
  return update;
}

void emitUpdate(Emitter &e, const Scatter &s, Value outer, Value position,
                Value row, Value column) {
  Value update = e.loadScalar(s.updates, {outer, position, column});
  SmallVector<Value> at = {outer, row, column};
  if (s.combine != Combine::None)
    update = emitCombine(e, s, e.loadScalar(s.out, at), update);
  e.storeScalar(update, s.out, at);
}

/// Columns [begin, end) take all updates in their order, so that of several
/// for one element the last one wins, and sums do not depend on threads.
void emitColumns(Emitter &e, const Scatter &s, Value outer, Value begin,
                 Value end) {
  Value extent = e.dim(s.out, 1);
  bool isWholeRow = cast<MemRefType>(s.indices.getType()).getRank() == 2;
  auto locate = [&](ValueRange at, function_ref<void(Value)> body) {
    CheckedIndex index =
        emitCheckedIndex(e, e.loadScalar(s.indices, at), extent, s.site);
    e.ifElse(index.isBad, [] {}, [&] { body(index.position); });
  };
  e.forRange(e.index(0), e.dim(s.updates, 1), 1, [&](Value position) {
    if (isWholeRow)
      return locate({outer, position}, [&](Value row) {
        e.forRange(begin, end, 1, [&](Value column) {
          emitUpdate(e, s, outer, position, row, column);
        });
      });
    e.forRange(begin, end, 1, [&](Value column) {
      locate({outer, position, column}, [&](Value row) {
        emitUpdate(e, s, outer, position, row, column);
      });
    });
  });
}

} // namespace

LogicalResult buildScatter(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(4);
  if (failed(arguments))
    return failure();
  Scatter s{(*arguments)[2], (*arguments)[0], (*arguments)[1],
            (*arguments)[3], Combine::None, context.flag("unsigned")};
  if (failed(context.memref(s.updates, "updates", 3, Type())))
    return failure();
  Type element = cast<MemRefType>(s.updates.getType()).getElementType();
  // What is updated in place may be a view of any strides.
  auto out = dyn_cast<MemRefType>(s.out.getType());
  if (!out || out.getRank() != 3 || out.getElementType() != element)
    return context.error() << "expected 'out' to be a memref of rank 3 of "
                           << element << ", got " << s.out.getType();
  auto indices = dyn_cast<MemRefType>(s.indices.getType());
  int64_t indexRank = indices && indices.getRank() == 2 ? 2 : 3;
  if (failed(context.memref(s.indices, "indices", indexRank, Type())) ||
      failed(context.sameExtent(s.updates, 0, "updates", s.out, 0, "out")) ||
      failed(context.sameExtent(s.updates, 2, "updates", s.out, 2, "out")) ||
      failed(checkIndexTypes(context, s.indices, s.site)))
    return failure();
  for (int64_t dim = 0; dim < indexRank; ++dim)
    if (failed(context.sameExtent(s.indices, dim, "indices", s.updates, dim,
                                  "updates")))
      return failure();
  FailureOr<StringRef> reduction = context.string("reduction", "none");
  if (failed(reduction))
    return failure();
  auto combine = llvm::StringSwitch<std::optional<Combine>>(*reduction)
                     .Case("none", Combine::None)
                     .Case("add", Combine::Add)
                     .Case("mul", Combine::Mul)
                     .Case("max", Combine::Max)
                     .Case("min", Combine::Min)
                     .Default(std::nullopt);
  if (!combine)
    return context.error() << "unknown reduction '" << *reduction << "'";
  s.combine = *combine;

  declareFail(e);
  // Columns never meet, so that threads share blocks of them; each block walks
  // all indices.
  constexpr int64_t block = 64;
  Value inner = e.dim(s.out, 2), blocks = e.ceilDiv(inner, e.index(block));
  e.parallel(e.mul(e.dim(s.out, 0), blocks), 4, [&](Value at) {
    Value begin = e.mul(e.rem(at, blocks), block);
    emitColumns(e, s, e.div(at, blocks), begin,
                e.min(e.add(begin, block), inner));
  });
  return success();
}

} // namespace winnow::cpu
