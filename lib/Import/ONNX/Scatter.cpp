#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

static ScatterReduction getReduction(OpImporter &n) {
  std::string name = n.stringAttr("reduction", "none");
  std::optional<ScatterReduction> reduction = symbolizeScatterReduction(name);
  int64_t since = !reduction                                  ? INT64_MAX
                  : *reduction == ScatterReduction::None      ? 1
                  : *reduction == ScatterReduction::Add ||
                            *reduction == ScatterReduction::Mul ? 16
                                                                : 18;
  if (n.opset < since)
    n.invalid("expected a reduction of opset " + Twine(n.opset) + ", got '" + name + "'");
  return reduction.value_or(ScatterReduction::None);
}

static void checkIndexType(OpImporter &n) {
  if (!n.elementType(1).isInteger(32) && !n.elementType(1).isInteger(64))
    n.invalid("expected indices of type int32 or int64");
}

/// Indices that cover only the front of another dimension than the axis change
/// only that part of the data.
static Value scatterElements(OpImporter &n, Value data, Value indices, Value updates, int64_t axis,
                             ScatterReduction reduction) {
  if (n.failed())
    return nullptr;
  Dims from = n.dims(data), to = n.dims(indices);
  for (int64_t i = 0; i < static_cast<int64_t>(from.size()); ++i) {
    if (i == axis || from[i] == to[i])
      continue;
    if (n.symbols.isEqual(from[i], to[i]) == true ||
        !n.symbols.requireNonNegative(from[i] - to[i], "node " + n.name + " (" +
                                                           n.node.op_type() + ")")) {
      n.unify(from[i], to[i], "dimension " + Twine(i) + " of data and indices");
      return nullptr;
    }
    Value front = n.sliceDim(data, i, n.constant(0), to[i]);
    Value rest = n.sliceDim(data, i, to[i], from[i] - to[i]);
    return n.concat({scatterElements(n, front, indices, updates, axis, reduction), rest}, i);
  }
  return n.make<ScatterElementsOp>(data, indices, updates, axis, reduction);
}

static void importScatterElements(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.normalizeAxis(n.intAttr("axis", 0), rank);
  ScatterReduction reduction = getReduction(n);
  checkIndexType(n);
  if (n.rank(1) != rank || n.rank(2) != rank)
    return n.invalid("expected data, indices and updates of one rank, got " + Twine(rank) + ", " +
                     Twine(n.rank(1)) + " and " + Twine(n.rank(2)));
  Dims indices = n.dims(1), updates = n.dims(2);
  for (int64_t i = 0; i < rank; ++i)
    n.unify(indices[i], updates[i], "dimension " + Twine(i) + " of indices and updates");
  n.set(scatterElements(n, n.in(0), n.in(1), n.in(2), axis, reduction));
}

static void importScatterND(OpImporter &n) {
  ScatterReduction reduction = getReduction(n);
  checkIndexType(n);
  Dims data = n.dims(0), indices = n.dims(1), updates = n.dims(2);
  if (indices.empty())
    return n.invalid("expected indices of rank 1 or more, got rank 0");
  std::optional<int64_t> tuple = getConstantDim(indices.back());
  if (!tuple)
    return n.unsupported("index tuples of a dynamic size");
  if (*tuple > n.rank(0))
    return n.invalid("expected index tuples of at most " + Twine(n.rank(0)) + " indices, got " +
                     Twine(*tuple));
  Dims wanted(indices.begin(), indices.end() - 1);
  wanted.append(data.begin() + *tuple, data.end());
  if (wanted.size() != updates.size())
    return n.invalid("expected updates of shape " + n.text(wanted) + ", got " + n.text(updates));
  for (auto [i, pair] : llvm::enumerate(llvm::zip(wanted, updates)))
    n.unify(std::get<0>(pair), std::get<1>(pair), "dimension " + Twine(i) + " of the updates");
  n.set(n.make<ScatterNDOp>(n.in(0), n.in(1), n.in(2), reduction));
}

ArrayRef<OpEntry> getScatterOps() {
  static const OpEntry ops[] = {
      {"Scatter", 9, 10, 3, 3, importScatterElements},
      {"ScatterElements", 11, kMaxOpset, 3, 3, importScatterElements},
      {"ScatterND", 11, kMaxOpset, 3, 3, importScatterND},
  };
  return ops;
}

} // namespace winnow::import
