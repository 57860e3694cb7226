#include "OpTable.h"
#include "winnow/Support/Quote.h"

using namespace mlir;

namespace winnow::import {

namespace {
/// A tensor whose dimensions have letters.
struct Labeled {
  Value value;
  std::string labels;
};
} // namespace

static bool contains(StringRef labels, char label) { return labels.contains(label); }

/// Sums over the letters that `kept` does not name.
static Labeled sumOut(OpImporter &n, Labeled x, StringRef kept) {
  SmallVector<int64_t> axes;
  std::string rest;
  for (auto [i, label] : llvm::enumerate(x.labels)) {
    if (contains(kept, label))
      rest += label;
    else
      axes.push_back(i);
  }
  if (axes.empty())
    return x;
  return {n.reduce(ReduceKind::Sum, x.value, axes, /*keepdims=*/false), rest};
}

static Labeled permute(OpImporter &n, Labeled x, StringRef labels) {
  SmallVector<int64_t> permutation;
  for (char label : labels)
    permutation.push_back(x.labels.find(label));
  if (x.labels == labels)
    return x;
  return {n.transpose(x.value, permutation), labels.str()};
}

/// A letter that occurs twice names a diagonal: it keeps one dimension, whose
/// elements lie a row and a column apart.
static Labeled takeDiagonals(OpImporter &n, Labeled x) {
  while (!n.failed()) {
    StringRef labels = x.labels;
    auto twice = llvm::find_if(labels, [&](char label) { return labels.count(label) > 1; });
    if (twice == labels.end())
      break;
    char label = *twice;
    size_t first = labels.find(label), second = labels.find(label, first + 1);
    SmallVector<int64_t> permutation = {int64_t(first), int64_t(second)};
    std::string rest(1, label);
    for (size_t i = 0; i < labels.size(); ++i) {
      if (i == first || i == second)
        continue;
      permutation.push_back(i);
      rest += labels[i];
    }
    Dims dims = n.dims(x.value);
    AffineExpr size = dims[first];
    if (!n.unify(size, dims[second], "dimensions of one letter"))
      break;
    Value turned = n.transpose(x.value, permutation);
    dims = n.dims(turned);
    dims.erase(dims.begin());
    dims[0] = normalizeDim(size * size);
    Type i64 = n.b.getI64Type();
    Value apart = n.makeKnown(KnownTensor{i64, {}, {normalizeDim(size + 1)}});
    Value positions = n.make<MulOp>(n.iota(size, i64), apart);
    x = {n.make<GatherOp>(n.reshape(turned, dims), positions, 0), rest};
  }
  return x;
}

/// The product of two tensors, summed over the shared letters that `kept` does
/// not name: one matmul with batch dimensions.
static Labeled contract(OpImporter &n, Labeled x, Labeled y, StringRef kept) {
  x = sumOut(n, x, kept.str() + y.labels);
  y = sumOut(n, y, kept.str() + x.labels);
  std::string batch, rows, inner, columns;
  for (char label : x.labels)
    (!contains(y.labels, label) ? rows : contains(kept, label) ? batch : inner) += label;
  for (char label : y.labels)
    if (!contains(x.labels, label))
      columns += label;
  x = permute(n, x, batch + rows + inner);
  y = permute(n, y, batch + inner + columns);
  if (n.failed())
    return {};
  Dims a = n.dims(x.value), b = n.dims(y.value);
  size_t numBatch = batch.size();
  for (size_t i = 0; i < numBatch; ++i)
    n.unify(a[i], b[i], "dimensions of one letter");
  for (size_t i = 0; i < inner.size(); ++i)
    n.unify(a[numBatch + rows.size() + i], b[numBatch + i], "dimensions of one letter");
  MLIRContext *context = n.b.getContext();
  auto product = [&](ArrayRef<AffineExpr> dims) {
    return normalizeDim(getNumElements(dims, context));
  };
  ArrayRef<AffineExpr> rowDims = ArrayRef(a).slice(numBatch, rows.size());
  ArrayRef<AffineExpr> innerDims = ArrayRef(b).slice(numBatch, inner.size());
  ArrayRef<AffineExpr> columnDims = ArrayRef(b).take_back(columns.size());
  Dims left(ArrayRef(a).take_front(numBatch)), right = left, result = left;
  left.append({product(rowDims), product(innerDims)});
  right.append({product(innerDims), product(columnDims)});
  result.append(rowDims.begin(), rowDims.end());
  result.append(columnDims.begin(), columnDims.end());
  Value matmul = n.make<MatMulOp>(n.reshape(x.value, left), n.reshape(y.value, right));
  return {n.reshape(matmul, result), batch + rows + columns};
}

/// Writes digits for the dimensions that each term's "..." stands for, the last
/// of which is 9.
static void expandEllipses(OpImporter &n, std::string &equation) {
  static constexpr StringLiteral kDots = "...", kDigits = "0123456789";
  auto [lhs, output] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  lhs.split(terms, ',');
  std::string result;
  size_t most = 0;
  for (auto [i, term] : llvm::enumerate(terms)) {
    auto [before, after] = term.split(kDots);
    size_t count = 0;
    if (before.size() != term.size() && n.has(i))
      count = std::clamp<int64_t>(n.rank(i) - int64_t(before.size() + after.size()), 0, 10);
    most = std::max(most, count);
    result += (i ? "," : "") + before.str() + kDigits.take_back(count).str() + after.str();
  }
  if (StringRef(equation).contains("->")) {
    auto [before, after] = output.split(kDots);
    bool hasDots = before.size() != output.size();
    result += "->" + before.str() + kDigits.take_back(hasDots ? most : 0).str() + after.str();
  }
  equation = result;
}

static void importEinsum(OpImporter &n) {
  std::string equation = n.stringAttr("equation", "");
  llvm::erase(equation, ' ');
  if (n.failed())
    return;
  if (equation.empty())
    return n.invalid("expected attribute 'equation', got none");
  expandEllipses(n, equation);
  auto [lhs, output] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  lhs.split(terms, ',');
  if (terms.size() != n.numInputs())
    return n.invalid("expected as many terms as inputs in " + quote(equation) + ", got " +
                     Twine(terms.size()) + " and " + Twine(n.numInputs()));
  SmallVector<Labeled> operands;
  for (auto [i, term] : llvm::enumerate(terms)) {
    if (!n.has(i) || static_cast<int64_t>(term.size()) != n.rank(i))
      return n.invalid("expected a letter for each dimension of input " + Twine(i) + " in " +
                       quote(equation));
    for (char label : term)
      if (!llvm::isAlnum(label))
        return n.invalid("expected letters in " + quote(equation));
    operands.push_back(takeDiagonals(n, {n.in(i), term.str()}));
  }
  std::string result = output.str();
  // Without an arrow, the letters that occur once, sorted.
  if (!StringRef(equation).contains("->"))
    for (char label : lhs)
      if (label != ',' && lhs.count(label) == 1)
        result += label;
  if (!StringRef(equation).contains("->"))
    llvm::sort(result);
  for (char label : result)
    if (!lhs.contains(label) || StringRef(result).count(label) > 1)
      return n.invalid("expected the output's letters in the inputs, once each, in " + quote(equation));
  Labeled product = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    std::string kept = result;
    for (size_t later = i + 1; later < operands.size(); ++later)
      kept += operands[later].labels;
    product = contract(n, product, operands[i], kept);
    if (n.failed())
      return;
  }
  n.set(permute(n, sumOut(n, product, result), result).value);
}

ArrayRef<OpEntry> getEinsumOps() {
  static const OpEntry ops[] = {{"Einsum", 12, kMaxOpset, 1, kVariadic, importEinsum}};
  return ops;
}

} // namespace winnow::import
