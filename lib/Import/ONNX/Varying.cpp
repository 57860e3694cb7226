#include "Varying.h"

#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

AffineExpr countElements(OpImporter &n, Value value) {
  return value ? normalizeDim(getNumElements(n.dims(value), n.b.getContext())) : n.constant(0);
}

Varying findVarying(OpImporter &n, ArrayRef<Value> values, const Twine &what) {
  Varying varying;
  varying.elementType = getElementTypeOrSelf(values.front());
  varying.dims = n.dims(values.front());
  for (AffineExpr &dim : varying.dims)
    dim = n.symbols.isVisible(dim) ? dim : AffineExpr();
  for (Value value : values.drop_front()) {
    Type elementType = getElementTypeOrSelf(value);
    if (elementType != varying.elementType)
      n.invalid("expected " + what + " to have one element type, got " +
                getDtypeName(varying.elementType) + " and " + getDtypeName(elementType));
    Dims dims = n.dims(value);
    if (dims.size() != varying.dims.size())
      n.unsupported("expected " + what + " to have one rank, got " + Twine(varying.dims.size()) +
                        " and " + Twine(dims.size()),
                    "where dimensions decide it, fix them with --dim NAME=SIZE");
    if (n.failed())
      break;
    for (auto [known, dim] : llvm::zip_equal(varying.dims, dims))
      known = known == dim ? known : AffineExpr();
  }
  return varying;
}

void claimSpace(OpImporter &n, Value value, AffineExpr space) {
  if (n.failed())
    return;
  Value size = Numbers(n).size(countElements(n, value));
  // A space that the user has fixed does not grow.
  if (getConstantDim(space))
    Numbers(n).require(n.compare(ComparePredicate::LE, size, Numbers(n).size(space)));
  else
    n.bindSize(size, space);
}

Packed pack(OpImporter &n, Value value, const Varying &varying) {
  if (n.failed())
    return {};
  Numbers m(n);
  Dims dims = n.dims(value);
  SmallVector<Value> sizes;
  for (auto [dim, known] : llvm::zip_equal(dims, varying.dims))
    if (!known)
      sizes.push_back(m.size(dim));
  AffineExpr count = countElements(n, value), rest = normalizeDim(varying.room - count);
  Value buffer = n.reshape(value, {count});
  if (!isConstantDim(rest, 0))
    buffer = n.concat({buffer, n.broadcastTo(n.scalar(varying.elementType, 0), {rest})}, 0);
  return {buffer, m.join(sizes)};
}

/// The sizes that all rows agree on; 0 without rows.
static Value agree(OpImporter &n, Value sizes) {
  if (n.failed())
    return nullptr;
  Numbers m(n);
  Value most = m.max(n.reduce(ReduceKind::Max, sizes, {0}, false), m.constant(0));
  Value differs = n.convert(n.compare(ComparePredicate::NE, sizes, most), n.b.getI64Type());
  m.require(m.equal(n.reduce(ReduceKind::Sum, differs, {0, 1}, false), m.constant(0)));
  return most;
}

Value unpack(OpImporter &n, const Packed &packed, const Varying &varying, const Twine &what,
             AffineExpr stack) {
  if (n.failed())
    return nullptr;
  Numbers m(n);
  Value sizes = stack ? agree(n, packed.sizes) : packed.sizes;
  // One varying size is bounded by the room that the others leave it.
  AffineExpr others = n.constant(1), bound;
  for (AffineExpr dim : varying.dims)
    others = dim ? others * dim : others;
  std::optional<int64_t> number = getConstantDim(normalizeDim(others));
  if (varying.getNumVarying() == 1 && number && *number > 0)
    bound = normalizeDim(varying.room.floorDiv(*number));
  Dims dims(varying.dims);
  int64_t position = 0;
  for (auto [d, dim] : llvm::enumerate(dims))
    if (!dim)
      dim = n.bindSize(m.at(sizes, position++), what + "." + Twine(d), bound);
  AffineExpr count = normalizeDim(getNumElements(dims, n.b.getContext()));
  if (stack)
    dims.insert(dims.begin(), stack);
  return n.reshape(n.sliceDim(packed.buffer, stack ? 1 : 0, n.constant(0), count), dims);
}

} // namespace winnow::import
